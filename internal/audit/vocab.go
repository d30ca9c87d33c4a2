package audit

import (
	"slices"
	"strings"
	"unicode"

	"chimera/internal/fact"
)

// vocabulary is what may be spoken of: the things, parameters and metrics that
// a ledger has, under every name that is theirs alone or shared by few.
type vocabulary struct {
	things  map[string][]term   // words → things of that name
	factors map[string][]string // words → labels that are parameters
	metrics map[string][]int    // words → indexes of series
	longest int
}

// term is one value of one label.
type term struct{ label, value string }

// mention is a thing that a text names; one of its terms must hold.
type mention struct {
	start, end int
	words      string
	terms      []term
	weak       bool // a word of everyday language, or a part of a file's name
}

func (m mention) labels() []string {
	var out []string
	for _, t := range m.terms {
		if !slices.Contains(out, t.label) {
			out = append(out, t.label)
		}
	}
	return out
}

// values of a label that a mention allows.
func (m mention) values(label string) []string {
	var out []string
	for _, t := range m.terms {
		if t.label == label {
			out = append(out, t.value)
		}
	}
	return out
}

// factorNames are other names of parameters.
var factorNames = map[string][]string{
	"num_gpu":     {"gpu layers", "gpu layer allocation", "gpu layer", "gpu", "layers offloaded", "gpu offload"},
	"num_ctx":     {"context size", "context length", "context window", "ctx", "context"},
	"temperature": {"temp", "temperature settings", "sampling temperature"},
	"num_thread":  {"threads", "thread count", "number of threads"},
	"threads":     {"thread count", "number of threads"},
	"num_batch":   {"batch size", "batch"},
	"batch_size":  {"batch size", "batch"},
	"kv_type":     {"kv cache type", "kv cache"},
}

// bookkeeping labels name places and work, not things that are compared.
var bookkeeping = map[string]bool{"file": true, "experiment": true, "block": true, "row": true, "trial": true, "target": true, "run": true, "call": true,
	"field": true, "samples": true, "resource_contention_detected": true, "prompt": true, "first_trial": true, "planned": true}

// soft labels have everyday words as values.
var soft = map[string]bool{"role": true, "stage": true, "workload": true, "scenario": true, "context": true, "tone": true, "test": true, "group": false}

// plainWords name nothing by themselves.
var plainWords = map[string]bool{}

func init() {
	for _, w := range strings.Fields(`it the a an in on of to for and or no not is are was be as at by from with that this than then all any each every other new
default time model models instruct recorded run runs base report reports analysis mean min max std results result data file files test tests bench benchmark
benchmarks measure suite summary json csv md markdown float type size rate token tokens value values total average n s ms gpu cpu none true false torch imported
param params parameter parameters tuning sweep collector prompt prompts quality speed performance memory kernel device batch baseline chimera linear vs g c t x y z high low`) {
		plainWords[w] = true
	}
}

func newVocabulary(l *fact.Ledger, all []series) *vocabulary {
	v := &vocabulary{things: map[string][]term{}, factors: map[string][]string{}, metrics: map[string][]int{}, longest: 1}
	for i, s := range all {
		if s.said {
			continue // what an earlier program computed proves nothing
		}
		for _, p := range s.phrases() {
			v.metrics[p] = append(v.metrics[p], i)
			v.grow(p)
		}
	}
	for _, label := range l.Dimensions() {
		values := l.Values(label)
		name, config := strings.CutPrefix(label, "config.")
		if config || numeric(values) {
			if config || !bookkeeping[label] && countNouns[name] == "" {
				v.factor(label, name)
			}
			continue
		}
		if bookkeeping[label] && label != "file" {
			continue
		}
		for _, value := range values {
			v.thing(label, value)
		}
	}
	return v
}

func (v *vocabulary) grow(phrase string) { v.longest = max(v.longest, strings.Count(phrase, " ")+1) }

func (v *vocabulary) factor(label, name string) {
	for _, p := range append([]string{name}, factorNames[name]...) {
		p = normal(p)
		if !slices.Contains(v.factors[p], label) {
			v.factors[p] = append(v.factors[p], label)
		}
		v.grow(p)
	}
}

// thing enters a value under its full name, under what stands behind its last
// separator, and under each of its words that says something.
func (v *vocabulary) thing(label, value string) {
	if value == "" || value == "not-recorded" || len(value) > 120 {
		return
	}
	if label == "file" {
		for _, w := range strings.Fields(normal(stem(value))) {
			if len(w) > 2 && strings.Trim(w, "0123456789") != "" {
				v.enter(w, term{label, value})
			}
		}
		return
	}
	full := normal(value)
	v.enter(full, term{label, value})
	if i := strings.LastIndexAny(value, ":/"); i >= 0 {
		v.enter(normal(value[i+1:]), term{label, value})
	}
	if i := strings.LastIndexByte(value, '-'); i >= 0 {
		if last := normal(value[i+1:]); !plainWords[last] && len(last) > 2 && strings.Trim(last, "0123456789 ") != "" {
			v.enter(last, term{label, value})
		}
	}
	words := strings.Fields(full)
	if len(words) > 10 {
		return
	}
	for _, w := range words {
		if len(w) < 2 || plainWords[w] || strings.Trim(w, "0123456789") == "" {
			continue
		}
		v.enter(w, term{label, value})
	}
}

func (v *vocabulary) enter(words string, t term) {
	if words == "" {
		return
	}
	if !slices.Contains(v.things[words], t) {
		v.things[words] = append(v.things[words], t)
	}
	v.grow(words)
}

func numeric(values []string) bool {
	for _, s := range values {
		if strings.Trim(s, "0123456789.eE+-x") != "" {
			return false
		}
	}
	return true
}

func stem(path string) string {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		path = path[i+1:]
	}
	if i := strings.LastIndexByte(path, '.'); i > 0 {
		path = path[:i]
	}
	return path
}

// normal lowers a text and keeps its words, apart by one blank.
func normal(text string) string {
	var b strings.Builder
	blank := true
	for _, r := range text {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(unicode.ToLower(r))
			blank = false
			continue
		}
		if !blank {
			b.WriteByte(' ')
		}
		blank = true
	}
	return strings.TrimSpace(b.String())
}

// token is a normal word with its place.
type token struct {
	text       string
	start, end int
}

func tokens(text string) []token {
	var out []token
	at := -1
	for i, r := range text {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			if at < 0 {
				at = i
			}
			continue
		}
		if at >= 0 {
			out = append(out, token{strings.ToLower(text[at:i]), at, i})
			at = -1
		}
	}
	if at >= 0 {
		out = append(out, token{strings.ToLower(text[at:]), at, len(text)})
	}
	return out
}

// found is what a text names.
type found struct {
	things  []mention
	factors []factorMention
	metrics []metricMention
}

type factorMention struct {
	start, end int
	words      string
	labels     []string
}

type metricMention struct {
	start, end int
	words      string
	series     []int
}

// find reads what a text names, the longest names first at each place.
func (v *vocabulary) find(text string) found {
	var f found
	toks := tokens(text)
	for i := 0; i < len(toks); i++ {
		best := 0
		for n := min(v.longest, len(toks)-i); n >= 1; n-- {
			words := phrase(text, toks[i:i+n])
			if words == "" {
				continue
			}
			start, end := toks[i].start, toks[i+n-1].end
			hit := false
			if terms := v.thingTerms(words); terms != nil {
				f.things, hit = append(f.things, mention{start, end, words, terms, v.weak(words, terms)}), true
			}
			if labels := v.factors[words]; labels != nil {
				f.factors, hit = append(f.factors, factorMention{start, end, words, labels}), true
			}
			if s := v.metricSeries(words); s != nil {
				f.metrics, hit = append(f.metrics, metricMention{start, end, words, s}), true
			}
			if hit {
				best = n
				break
			}
		}
		if best > 1 {
			i += best - 1
		}
	}
	f.things = compounds(text, f.things)
	return f
}

// compounds joins names that stand in one word: of "gemma3:1b-qat", each part
// names several things, and all together one.
func compounds(text string, in []mention) []mention {
	var out []mention
	for _, m := range in {
		if k := len(out) - 1; k >= 0 && out[k].end < m.start && m.start-out[k].end < 12 && !strings.ContainsAny(text[out[k].end:m.start], " ,;()|`*[]") {
			var both []term
			for _, t := range m.terms {
				if slices.Contains(out[k].terms, t) {
					both = append(both, t)
				}
			}
			if len(both) > 0 {
				out[k] = mention{out[k].start, m.end, out[k].words + " " + m.words, both, out[k].weak && m.weak}
				continue
			}
		}
		out = append(out, m)
	}
	return out
}

// thingTerms looks a name up, also in its singular and as the noun of a
// participle (fusion for fused).
func (v *vocabulary) thingTerms(words string) []term {
	if terms := v.things[words]; terms != nil {
		return terms
	}
	if strings.HasSuffix(words, "s") && len(words) > 4 {
		return v.things[words[:len(words)-1]]
	}
	return nil
}

func (v *vocabulary) metricSeries(words string) []int {
	if s := v.metrics[words]; s != nil {
		return s
	}
	if strings.HasSuffix(words, "s") && len(words) > 4 {
		return v.metrics[words[:len(words)-1]]
	}
	return nil
}

func (v *vocabulary) weak(words string, terms []term) bool {
	if plainWords[words] {
		return true
	}
	for _, t := range terms {
		if t.label != "file" && !soft[t.label] {
			return false
		}
	}
	return true
}

// phrase joins tokens whose gaps are short and hold no end of a sentence.
func phrase(text string, toks []token) string {
	if len(toks) == 1 {
		return toks[0].text
	}
	parts := make([]string, len(toks))
	for i, t := range toks {
		parts[i] = t.text
		if i > 0 {
			gap := text[toks[i-1].end:t.start]
			if len(gap) > 3 || strings.ContainsAny(gap, ".,;!?|(") && gap != "." && gap != "|" || strings.Contains(gap, ": ") {
				return ""
			}
		}
	}
	return strings.Join(parts, " ")
}
