package tool

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/finding"
	"chimera/internal/sample"
)

// answer gathers what a call gives, until it is cut to its budget.
type answer struct {
	limits  Limits
	head    map[string]any // members beside the lists
	items   []item
	found   int // how many things of the main list fit the question
	offset  int // how many of them were passed over
	figures []Figure
}

// item is one thing of an answer: a member of one of its lists.
type item struct {
	list string
	line any
	fact *fact.Fact
}

func (a *answer) set(name string, v any) {
	if a.head == nil {
		a.head = map[string]any{}
	}
	a.head[name] = v
}

// add appends facts to the list of the answer's facts.
func (a *answer) add(facts ...fact.Fact) {
	for _, f := range facts {
		a.items = append(a.items, item{list: "facts", line: lineOf(f), fact: &f})
	}
}

// also appends things to another list.
func (a *answer) also(list string, things ...any) {
	for _, t := range things {
		a.items = append(a.items, item{list: list, line: t})
	}
}

// page passes over the first of the things that were found, and counts them.
func (a *answer) page(offset int) {
	a.found, a.offset = len(a.items), offset
	a.items = a.items[min(offset, len(a.items)):]
}

// cut says how much of an answer is there.
type cut struct {
	Shown int    `json:"shown"`
	Of    int    `json:"of"`
	Next  int    `json:"next_offset,omitempty"`
	How   string `json:"how"`
}

// tail is room that is kept for what an answer says of itself.
const tail = 320

// done renders the answer within its budget.
func (a *answer) done(left int, err error) Answer {
	if err != nil {
		return refusal(left, err)
	}
	if a.found == 0 {
		a.found = len(a.items)
	}
	doc := map[string]any{"left": map[string]int{"calls": left}}
	for name, v := range a.head {
		doc[name] = v
	}
	size := len(encode(doc)) + tail
	lists := map[string][]json.RawMessage{}
	out := Answer{Figures: a.figures}
	shown := 0
	for _, it := range a.items {
		b := encode(it.line)
		if size+len(b)+len(it.list)+8 > a.limits.Bytes || it.fact != nil && len(out.Facts) == a.limits.Facts {
			break
		}
		size += len(b) + 1
		shown++
		lists[it.list] = append(lists[it.list], b)
		if it.fact != nil {
			out.Facts = append(out.Facts, *it.fact)
		}
	}
	for name, lines := range lists {
		doc[name] = lines
	}
	if shown < len(a.items) {
		out.Cut = true
		doc["cut"] = cut{Shown: shown, Of: a.found - a.offset, Next: a.offset + max(shown, 1), // one that fits no answer is passed over
			How: "the answer was cut to its budget: narrow the question, or ask again with this offset"}
	}
	out.JSON = encode(doc)
	return out
}

func refusal(left int, err error) Answer {
	doc := map[string]any{"error": clip(err.Error(), maxText), "left": map[string]int{"calls": left}}
	if hint := fault.HintOf(err); hint != "" {
		doc["hint"] = clip(hint, maxText)
	}
	return Answer{JSON: encode(doc), Err: err}
}

// encode writes JSON with sorted keys and without escaping of HTML.
func encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("tool: " + err.Error()) // answers are maps, structs and strings of this package
	}
	return b
}

// line is a fact as an asker reads it: what is needed to speak of it.
type line struct {
	ID        string            `json:"id"`
	Metric    string            `json:"metric"`
	Aggregate string            `json:"agg"`
	Unit      string            `json:"unit,omitempty"`
	Phase     string            `json:"phase,omitempty"`
	Scope     map[string]string `json:"scope,omitempty"`
	Value     number            `json:"value,omitzero"`
	Lo        number            `json:"lo,omitzero"`
	Hi        number            `json:"hi,omitzero"`
	Text      string            `json:"text,omitempty"` // value and interval as a report prints them
	N         int               `json:"n"`
	Planned   int               `json:"planned"`
	Missing   string            `json:"not_measured,omitempty"`
	Caveats   []string          `json:"caveats,omitempty"`
}

// Bounds of what one line repeats of rows and files.
const (
	maxText    = 400
	maxName    = 64
	maxCaveats = 6
)

func lineOf(f fact.Fact) line {
	l := line{ID: f.ID, Metric: f.Metric, Aggregate: f.Aggregate, Unit: string(f.Unit), Phase: string(f.Phase), Scope: map[string]string{},
		Value: number{f.Value}, Lo: number{f.Lo}, Hi: number{f.Hi}, N: f.N, Planned: f.Planned}
	for k, v := range f.Scope {
		l.Scope[clip(k, maxName)] = clip(v, maxText)
	}
	for _, c := range f.Caveats[:min(len(f.Caveats), maxCaveats)] {
		l.Caveats = append(l.Caveats, clip(c, maxText))
	}
	if !f.Value.OK() {
		l.Missing = clip(orElse(f.Reason, "no value"), maxText)
		return l
	}
	l.Text = finding.Show(f, formOf(f))
	return l
}

// formOf is how a report prints a fact of this kind.
func formOf(f fact.Fact) finding.Form {
	switch f.Aggregate {
	case "ratio", "range", "null_range":
		return finding.AsTimesCI
	case "p":
		return finding.AsP
	case "rank":
		return finding.AsValue
	}
	if !f.Lo.OK() {
		return finding.AsValue
	}
	return finding.AsBoth
}

// number is printed with six significant digits, a whole number in full.
type number struct{ sample.Opt[float64] }

func (n number) MarshalJSON() ([]byte, error) {
	v, ok := n.Get()
	if !ok || math.IsInf(v, 0) || math.IsNaN(v) {
		return []byte("null"), nil
	}
	if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		return strconv.AppendFloat(nil, v, 'f', 0, 64), nil
	}
	return strconv.AppendFloat(nil, v, 'g', 6, 64), nil
}

// clip bounds text that comes from rows, files or whoever asks, at the border
// of a character.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// claimLine is a finding in an answer: its sentence printed, its facts by id.
type claimLine struct {
	ID       string            `json:"id"`
	Kind     string            `json:"kind"`
	Question string            `json:"question"`
	Verdict  string            `json:"verdict"`
	Sentence string            `json:"sentence"`
	Metric   string            `json:"metric,omitempty"`
	Scope    map[string]string `json:"scope,omitempty"`
	Winners  []string          `json:"winners,omitempty"`
	Pick     string            `json:"pick,omitempty"`
	Forbids  string            `json:"forbids,omitempty"`
	Failed   []string          `json:"failed_checks,omitempty"`
	Notes    []string          `json:"notes,omitempty"`
	Facts    []string          `json:"facts,omitempty"` // ids in its sentence
	Plots    int               `json:"plots,omitempty"`
}

func claimOf(f finding.Finding, facts finding.Lookup) claimLine {
	l := claimLine{ID: f.ID, Kind: string(f.Kind), Question: clip(f.Question, maxText), Verdict: string(f.Verdict), Sentence: clip(f.Sentence.Print(facts), 2*maxText), Metric: f.Metric,
		Scope: map[string]string{}, Pick: clip(f.Pick, maxText), Forbids: clip(f.Forbids, maxText), Facts: f.Sentence.Facts(), Plots: len(f.Figures)}
	for k, v := range f.Scope {
		l.Scope[clip(k, maxName)] = clip(v, maxText)
	}
	for _, w := range f.Winners[:min(len(f.Winners), maxShown)] {
		l.Winners = append(l.Winners, clip(w, maxText))
	}
	if more := len(f.Winners) - maxShown; more > 0 {
		l.Winners = append(l.Winners, fmt.Sprintf("and %d more", more))
	}
	for _, c := range f.Checks {
		if c.Status == finding.Fail {
			l.Failed = append(l.Failed, clip(string(c.ID)+": "+c.Why.Print(facts), maxText))
		}
	}
	for _, n := range f.Notes {
		l.Notes = append(l.Notes, clip(n.Print(facts), maxText))
	}
	slices.Sort(l.Failed)
	return l
}
