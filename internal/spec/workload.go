package spec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode/utf8"

	"chimera/internal/quality"
)

const (
	MaxFile    = 4 << 20 // bytes of a workload file
	maxPrompts = 10_000  // in one workload
	maxWords   = 1 << 20 // of one synthetic workload
)

// suites are the built-in workloads. A frozen spec holds the texts, so a later
// build may word them better without changing what an old run asked.
var suites = map[string][]PromptText{
	"banter": {
		{ID: "flag", Text: "Our team just captured the last flag with two seconds left. Say one cheerful line to them."},
		{ID: "respawn", Text: "A teammate fell off the map for the third time. Tease them kindly in one sentence."},
		{ID: "chest", Text: "The player opens a golden chest and finds a rare sword. React in one excited line."},
		{ID: "rival", Text: "A rival crossed the finish line a blink before us. Answer their boast with wit, in one sentence."},
		{ID: "dragon", Text: "The dragon's gate opens next. Give the party one short line of courage."},
	},
}

// suiteContracts are what the built-in workloads expect of an answer. What can
// be said aloud in a game is short, plain and on one line.
var suiteContracts = map[string]*quality.Contract{
	"banter": {Words: &quality.Band{Min: 5, Max: 30}, Script: "Latin", MaxEmoji: new(3), SingleLine: true, Plain: true, Stops: true},
}

// Suites returns the names of the built-in workloads, sorted.
func Suites() []string { return sortedKeys(suites) }

func setPromptID(p *PromptText, i int) {
	if p.ID == "" {
		p.ID = fmt.Sprintf("p%d", i+1)
	}
}

// readFiles reads the files that workloads name. A fault is recorded where the
// name stands.
func (d *document) readFiles(s *Spec, files Files) map[string][]PromptText {
	texts := map[string][]PromptText{}
	for i, w := range s.Workloads {
		at := item("workloads", i) + ".file"
		if !d.sound(at) || w.File == "" || texts[w.File] != nil {
			continue
		}
		if files == nil {
			d.wrong(at, "write the prompts out", "files cannot be read here")
			continue
		}
		prompts, err := readPrompts(w.File, files)
		if err != nil {
			d.wrong(at, "", "%s", strings.ReplaceAll(err.Error(), "\n", " "))
			continue
		}
		texts[w.File] = prompts
	}
	return texts
}

func readPrompts(name string, files Files) ([]PromptText, error) {
	src, err := files(name)
	if err != nil {
		return nil, err
	}
	if len(src) > MaxFile {
		return nil, fmt.Errorf("a file of prompts must be at most %d bytes, but has more", MaxFile)
	}
	if !utf8.Valid(src) {
		return nil, errors.New("the file is not UTF-8 text")
	}
	prompts, err := readLines(src, strings.EqualFold(path.Ext(name), ".jsonl"))
	if err == nil && len(prompts) == 0 {
		err = errors.New("the file has no prompts")
	}
	return prompts, err
}

// readLines reads one prompt from each line that is not blank.
func readLines(src []byte, asJSON bool) ([]PromptText, error) {
	var prompts []PromptText
	number := 0
	for line := range bytes.Lines(bytes.TrimPrefix(src, []byte("\ufeff"))) {
		number++
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		if len(prompts) == maxPrompts {
			return nil, fmt.Errorf("a workload must have at most %d prompts, but the file has more", maxPrompts)
		}
		p := PromptText{Text: string(line)}
		if asJSON {
			var err error
			if p, err = decodePrompt(line); err != nil {
				return nil, fmt.Errorf("line %d: %w", number, err)
			}
		}
		setPromptID(&p, len(prompts))
		prompts = append(prompts, p)
	}
	return prompts, nil
}

func decodePrompt(line []byte) (PromptText, error) {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	var p PromptText
	if err := dec.Decode(&p); err != nil {
		return p, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return p, errors.New("more than one JSON value")
	}
	return p, nil
}

func (v *validator) workloads() {
	v.list("workloads", len(v.spec.Workloads))
	first := map[string]string{}
	for i, w := range v.spec.Workloads {
		path := item("workloads", i)
		v.id(path, w.ID, first)
		v.source(path, w)
		v.between(path+".max_tokens", int64(w.MaxTokens), 1, 1_000_000)
		if w.Expect != nil {
			v.expect(path+".expect", w)
		}
	}
}

// expect checks a contract.
func (v *validator) expect(path string, w Workload) {
	if w.Synthetic != nil {
		v.wrongKey(path, "leave it out", "", "a synthetic prompt asks nothing, so its answers have nothing to keep")
	}
	for _, key := range []string{"words", "sentences", "chars"} {
		if b := map[string]*quality.Band{"words": w.Expect.Words, "sentences": w.Expect.Sentences, "chars": w.Expect.Chars}[key]; b != nil {
			v.between(path+"."+key+".min", int64(b.Min), 0, 1_000_000)
			v.between(path+"."+key+".max", int64(b.Max), 1, 1_000_000)
		}
	}
	if n := w.Expect.MaxEmoji; n != nil {
		v.between(path+".max_emoji", int64(*n), 0, 1000)
	}
	wrong := w.Expect.Validate()
	for _, key := range sortedKeys(wrong) {
		note := ""
		if key == "script" {
			note = suggest(w.Expect.Script, quality.Scripts())
		}
		if v.sound(path + "." + key) {
			v.wrong(path+"."+key, note, "%s", wrong[key])
		}
	}
}

var sources = []string{"suite", "file", "prompts", "synthetic"}

// source checks that a workload has exactly one source, and that source.
func (v *validator) source(path string, w Workload) {
	var set []string
	for _, s := range sources {
		if v.has(path + "." + s) {
			set = append(set, s)
		}
	}
	switch {
	case len(set) == 0:
		v.wrong(path, "add one of "+strings.Join(sources, ", "), "has no prompts")
	case len(set) > 1:
		v.wrongKey(path+"."+set[1], "", "", "a workload has one source, but %s is already one", set[0])
	case w.Synthetic != nil:
		v.synthetic(path, *w.Synthetic)
	case set[0] == "suite":
		v.refers(path+".suite", "suite", w.Suite, Suites())
	case set[0] == "file":
		v.prompts(path+".file", v.texts[w.File], false)
		if v.sound(path+".file") && w.File == "" {
			v.wrong(path+".file", "", "must not be empty")
		}
	default:
		if v.sound(path+".prompts") && len(w.Prompts) == 0 {
			v.wrong(path+".prompts", "", "must not be empty")
		}
		v.prompts(path+".prompts", w.Prompts, true)
	}
}

func (v *validator) synthetic(path string, y Synthetic) {
	if v.has(path + ".max_tokens") {
		v.wrongKey(path+".max_tokens", "use synthetic.output_tokens", "", "a synthetic workload says its budget in output_tokens")
	}
	path += ".synthetic"
	if v.required(path + ".input_tokens") {
		v.between(path+".input_tokens", int64(y.InputTokens), 1, 1_000_000)
	}
	if v.required(path + ".output_tokens") {
		v.between(path+".output_tokens", int64(y.OutputTokens), 1, 1_000_000)
	}
	v.between(path+".count", int64(y.Count), 1, maxPrompts)
	if n := int64(y.InputTokens) * int64(y.Count); n > maxWords && !v.faulty[path+".input_tokens"] && !v.faulty[path+".count"] {
		v.wrong(path, "", "input_tokens × count must be at most %d, but is %d", maxWords, n)
	}
}

// prompts checks texts and ids; listed says whether each has a place of its
// own in the spec.
func (v *validator) prompts(path string, prompts []PromptText, listed bool) {
	first := map[string]int{}
	if len(prompts) > maxPrompts {
		v.wrong(path, "", "a workload must have at most %d prompts, but has %d", maxPrompts, len(prompts))
		return
	}
	for i, p := range prompts {
		at := path
		if listed {
			at = item(path, i)
		}
		if v.faulty[at+".text"] || v.faulty[at+".id"] || v.faulty[at] {
			continue
		}
		j, twice := first[p.ID]
		switch {
		case strings.TrimSpace(p.Text) == "":
			v.wrong(at, "", "prompt %d has no text", i+1)
		case !idForm.MatchString(p.ID):
			v.wrong(at, "", "the id of prompt %d must be 1 to 64 letters, digits or . _ : + -, but is %q", i+1, clip(p.ID))
		case twice:
			v.wrong(at, "", "prompt %d has the id %s of prompt %d", i+1, p.ID, j+1)
		}
		if why := (quality.Contract{Required: p.Required}).Validate()["required"]; why != "" {
			v.wrong(at, "", "prompt %d: required: %s", i+1, why)
		}
		first[p.ID] = i
	}
}

// words are short, common, and one token each in most vocabularies when a
// space goes before them.
var words = strings.Fields(`time year people way day man thing woman life child world school state family
	student group country problem hand part place case week company system program question work
	government number night point home water room mother area money story fact month lot right study
	book eye job word business issue side kind head house service friend father power hour game line
	end member law car city community name president team minute idea kid body information back parent
	face others level office door health person art war history party result change morning reason
	research girl guy moment air teacher force education`)

// Tasks are what the prompts of a frozen workload ask, by prompt id: what an
// answer is held against. A synthetic prompt asks nothing.
func (w Workload) Tasks() map[string]*quality.Task {
	if w.Synthetic != nil {
		return map[string]*quality.Task{}
	}
	var contract quality.Contract
	if w.Expect != nil {
		contract = *w.Expect
	}
	prompts := make([]quality.PromptText, len(w.Prompts))
	for i, p := range w.Prompts {
		prompts[i] = quality.PromptText(p)
	}
	return quality.NewTasks(contract, prompts)
}

// prompts generates texts of the shape, the same for the same seed and name.
func (y Synthetic) prompts(seed int64, workload string) []PromptText {
	random := stream(seed, "synthetic", workload)
	prompts := make([]PromptText, y.Count)
	for i := range prompts {
		var text strings.Builder
		for n := range y.InputTokens {
			if n > 0 {
				text.WriteByte(' ')
			}
			text.WriteString(words[random.IntN(len(words))])
		}
		prompts[i].Text = text.String()
		setPromptID(&prompts[i], i)
	}
	return prompts
}
