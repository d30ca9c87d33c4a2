package tool

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"chimera/internal/fact"
	"chimera/internal/metric"
)

// parts of the inventory that can be listed in full.
var parts = []string{"runs", "files", "subjects", "metrics", "labels", "configurations", "findings"}

func (s *Source) inventoryFields(r *request) []field {
	return []field{
		{name: "part", kind: "string", doc: "list this part in full", allowed: parts, text: &r.part},
		offsetField(r),
	}
}

// inventory says what there is: an overview, or one part page by page.
func (b *Box) inventory(_ context.Context, r request, a *answer) error {
	list := map[string]func(*Source) []any{"runs": (*Source).runs, "files": (*Source).files, "subjects": (*Source).subjects, "metrics": (*Source).series,
		"labels": (*Source).labelLines, "configurations": (*Source).configurations, "findings": (*Source).findingLines}
	if r.part != "" {
		a.also(r.part, list[r.part](b.Source)...)
		a.page(r.offset)
		return nil
	}
	counts := map[string]int{"facts": len(b.Analysis.Facts), "rows": len(b.Ledger.Rows)}
	for _, part := range parts {
		lines := list[part](b.Source)
		counts[part] = len(lines)
		if part != "findings" && part != "configurations" {
			a.also(part, lines[:min(len(lines), maxShown)]...)
		}
	}
	a.set("counts", counts)
	a.set("outcomes", b.Ledger.Inventory.Outcomes)
	a.set("verdicts", b.tally())
	a.set("more", "with part each list is given in full")
	return nil
}

// tally counts findings by kind and verdict.
func (s *Source) tally() map[string]map[string]int {
	out := map[string]map[string]int{}
	for _, f := range s.Analysis.Findings {
		if out[string(f.Kind)] == nil {
			out[string(f.Kind)] = map[string]int{}
		}
		out[string(f.Kind)][string(f.Verdict)]++
	}
	return out
}

type runLine struct {
	Run        string         `json:"run"`
	Name       string         `json:"name,omitempty"`
	Started    string         `json:"started,omitempty"`
	Imported   bool           `json:"imported,omitempty"`
	Randomised bool           `json:"randomised,omitempty"`
	Host       string         `json:"host,omitempty"`
	Subjects   int            `json:"subjects"`
	Outcomes   map[string]int `json:"outcomes"`
}

func (s *Source) runs() []any {
	var out []any
	for _, r := range s.Ledger.Inventory.Runs {
		l := runLine{Run: r.ID, Name: clip(r.Name, maxName), Imported: r.Imported, Randomised: r.Randomised, Subjects: len(r.Subjects), Outcomes: map[string]int{},
			Host: clip(strings.Join(slices.DeleteFunc([]string{r.Host.CPU, r.Host.OS, r.Host.Arch}, func(s string) bool { return s == "" }), ", "), maxText)}
		if !r.Started.IsZero() {
			l.Started = r.Started.UTC().Format(time.RFC3339)
		}
		for o, n := range r.Outcomes {
			l.Outcomes[string(o)] = n
		}
		out = append(out, l)
	}
	return out
}

func (s *Source) files() []any {
	var out []any
	for _, f := range s.Ledger.Inventory.Files {
		f.Path, f.Reason = clip(f.Path, maxText), clip(f.Reason, maxText)
		out = append(out, f)
	}
	return out
}

type subjectLine struct {
	Subject      string `json:"subject"`
	Model        string `json:"model,omitempty"`
	Kind         string `json:"kind,omitempty"` // of its target
	Quantization string `json:"quantization,omitempty"`
	Digest       string `json:"digest,omitempty"`
	Synthetic    bool   `json:"synthetic,omitempty"` // random weights: its text is noise
}

func (s *Source) subjects() []any {
	var out []any
	seen := map[subjectLine]bool{}
	for _, r := range s.Ledger.Inventory.Runs {
		for _, m := range r.Subjects {
			l := subjectLine{Subject: clip(m.ID, maxName), Model: clip(m.Model, maxName), Kind: m.Kind, Quantization: clip(m.Quant, maxName), Digest: clip(m.Digest, 16), Synthetic: m.Synthetic}
			if !seen[l] {
				seen[l] = true
				out = append(out, l)
			}
		}
	}
	return out
}

type seriesLine struct {
	Metric string   `json:"metric"`
	Unit   string   `json:"unit,omitempty"`
	Better string   `json:"better,omitempty"`
	Values int      `json:"values"`
	Kinds  []string `json:"kinds"`
	Means  string   `json:"means,omitempty"`
}

func (s *Source) series() []any {
	var out []any
	for _, m := range s.Ledger.Metrics() {
		l := seriesLine{Metric: clip(m.Name, maxName), Unit: string(m.Unit), Better: string(m.Direction), Values: m.Values, Kinds: m.Kinds}
		if def, err := metric.Lookup(m.Name); err == nil {
			l.Means = def.Doc
		}
		out = append(out, l)
	}
	// What an earlier program had computed stands last.
	rank := func(l any) int {
		if onlyClaimed(l.(seriesLine).Kinds) {
			return 0
		}
		return l.(seriesLine).Values
	}
	slices.SortStableFunc(out, func(x, y any) int { return cmp.Compare(rank(y), rank(x)) })
	return out
}

func onlyClaimed(kinds []string) bool { return slices.Equal(kinds, []string{fact.KindClaim}) }

// metrics are the names of what was observed, or of the facts where there are no
// rows.
func (s *Source) metrics() []string {
	if len(s.Ledger.Rows) == 0 {
		return s.factMetrics()
	}
	var names []string
	for _, m := range s.Ledger.Metrics() {
		if !onlyClaimed(m.Kinds) {
			names = append(names, m.Name)
		}
	}
	return names
}

// scopes are the labels that can make scopes.
func (s *Source) scopes() []string {
	if len(s.Ledger.Rows) == 0 {
		return s.scopeFields()
	}
	return slices.DeleteFunc(s.rowFields(), func(l string) bool { return slices.Contains(incidental, l) })
}

// rowMetrics are the names that rows have, and those that they could have.
func (s *Source) rowMetrics() []string {
	known := map[string]bool{}
	for _, m := range s.Ledger.Metrics() {
		known[m.Name] = true
	}
	for _, m := range metric.All() {
		known[m.ID] = true
	}
	return slices.Sorted(maps.Keys(known))
}

// allMetrics are also those that only facts have.
func (s *Source) allMetrics() []string {
	known := map[string]bool{}
	for _, name := range s.rowMetrics() {
		known[name] = true
	}
	for _, name := range s.factMetrics() {
		known[name] = true
	}
	return slices.Sorted(maps.Keys(known))
}

type labelLine struct {
	Label  string   `json:"label"`
	Values []string `json:"values"`
	Of     int      `json:"of"` // how many values there are
}

// incidental labels tell rows apart, not things.
var incidental = []string{"trial", "first_trial", "row", "instant"}

func (s *Source) labelLines() []any {
	var out []any
	for _, l := range s.Ledger.Dimensions() {
		if slices.Contains(incidental, l) {
			continue
		}
		values := s.Ledger.Values(l)
		line := labelLine{Label: clip(l, maxName), Of: len(values)}
		for _, v := range values[:min(len(values), maxShown)] {
			line.Values = append(line.Values, clip(v, maxName))
		}
		out = append(out, line)
	}
	return out
}

// rowFields are the labels that conditions on rows may name.
func (s *Source) rowFields() []string {
	known := map[string]bool{}
	for _, l := range slices.Concat(s.Ledger.Dimensions(), []string{"run", "kind", "config", "experiment", "subject", "target", "workload", "prompt", "block"}) {
		known[l] = true
	}
	return slices.Sorted(maps.Keys(known))
}

// scopeFields are the labels that conditions on facts may name.
func (s *Source) scopeFields() []string {
	known := map[string]bool{}
	for _, f := range s.Analysis.Facts {
		for k := range f.Scope {
			known[k] = true
		}
	}
	return slices.Sorted(maps.Keys(known))
}

type configurationLine struct {
	Subject       string `json:"subject"`
	Configuration string `json:"configuration"`
	Rows          int    `json:"rows"`
}

func (s *Source) configurations() []any {
	n := map[configurationLine]int{}
	for _, r := range s.Ledger.Rows {
		if r.Kind == fact.KindRequest {
			n[configurationLine{Subject: r.Labels[fact.LabelSubject], Configuration: fact.ConfigText(r.Config())}]++
		}
	}
	lines := slices.SortedFunc(maps.Keys(n), func(x, y configurationLine) int {
		return cmp.Or(cmp.Compare(x.Subject, y.Subject), cmp.Compare(x.Configuration, y.Configuration))
	})
	var out []any
	for _, l := range lines {
		l.Rows = n[l]
		l.Subject, l.Configuration = clip(l.Subject, maxText), clip(l.Configuration, maxText)
		out = append(out, l)
	}
	return out
}

func (s *Source) findingLines() []any {
	var out []any
	for _, f := range s.Analysis.Findings {
		out = append(out, brief(claimOf(f, s.Analysis.Fact)))
	}
	return out
}

// brief leaves out what a list of many findings has no room for.
func brief(l claimLine) claimLine {
	l.Question, l.Notes, l.Failed, l.Scope = "", nil, nil, nil
	return l
}

func joined(names []string) string { return strings.Join(names, ", ") }
