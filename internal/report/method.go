package report

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/metric"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/unit"
)

// method defines every word of the report that has a definition.
func (b *builder) method() Section {
	s := Section{ID: "method", Title: "Method and definitions"}
	s.Blocks = append(s.Blocks, Heading{"Metrics"}, Terms{b.metrics()})
	s.Blocks = append(s.Blocks, Heading{"How the numbers were made"}, Terms{b.aggregates()})
	if how := b.methods(); len(how) > 0 {
		s.Blocks = append(s.Blocks, Heading{"How the verdicts were reached"}, Terms{how})
	}
	s.Blocks = append(s.Blocks, Heading{"Words"}, Terms{words})
	return s
}

// metrics defines each metric that the ledger has a fact of.
func (b *builder) metrics() []Term {
	used := map[string]bool{}
	for _, f := range b.ledger.Facts() {
		used[f.Metric] = true
	}
	var terms []Term
	for _, m := range metric.All() {
		if !used[m.ID] {
			continue
		}
		text := m.Doc + " Formula: " + m.Formula + "."
		if m.Unit != unit.None {
			text += " Unit: " + string(m.Unit) + "."
		}
		if m.Direction != metric.Neutral {
			text += " Better: " + string(m.Direction) + "."
		}
		terms = append(terms, Term{fmt.Sprintf("%s (version %d)", m.ID, m.Version), text})
	}
	return terms
}

var aggregateDocs = map[string]string{
	"median": "the middle value (type 7)", "mean": "the arithmetic mean", "sd": "the standard deviation with n − 1", "cv": "the standard deviation by the mean",
	"min": "the smallest value", "max": "the largest value", "ratio_of_sums": "the sum of the numerators by the sum of the denominators",
	"p50": "the 50th percentile (type 7)", "p90": "the 90th percentile (type 7)", "p95": "the 95th percentile (type 7)", "p99": "the 99th percentile (type 7), refused below n = 368",
	"count": "how many there are",
}

// aggregates lists each aggregate and interval method that the ledger uses.
func (b *builder) aggregates() []Term {
	methods := map[string]map[string]bool{}
	for _, f := range b.ledger.Facts() {
		if methods[f.Aggregate] == nil {
			methods[f.Aggregate] = map[string]bool{}
		}
		if _, ok := f.Lo.Get(); ok {
			methods[f.Aggregate][f.Method] = true
		}
	}
	var terms []Term
	for _, a := range slices.Sorted(maps.Keys(methods)) {
		text := sentenceCase(orElse(aggregateDocs[a], "as its method says")) + "."
		if how := slices.Sorted(maps.Keys(methods[a])); len(how) > 0 {
			text += " Interval: " + strings.Join(how, "; or ") + "."
		}
		terms = append(terms, Term{a, text})
	}
	return append(terms, Term{"interval", fmt.Sprintf("Of %s %% confidence. A value without one stands alone because no honest interval exists for it; its fact says why.", strconv.FormatFloat(100*fact.Level, 'f', -1, 64))})
}

// methods says once for each kind of question how it was decided.
func (b *builder) methods() []Term {
	var terms []Term
	for _, k := range finding.Kinds {
		var how []string
		for _, f := range b.Analysis.Of(k) {
			if m := sentenceCase(f.Method); m != "" && !slices.Contains(how, m) {
				how = append(how, m)
			}
		}
		if len(how) > 0 {
			terms = append(terms, Term{sentenceCase(strings.ReplaceAll(string(k), "-", " ")), strings.Join(how, ". ") + "."})
		}
	}
	return terms
}

var words = []Term{
	{"cold", "The first request after the model was loaded. Cold and warm rows never share a number."},
	{"warm", "A measured request of a model that was loaded and warmed up before. Warm-up requests are in no number."},
	{"better, worse", fmt.Sprintf("The difference survives its test at α = %v, corrected for all tests beside it (Holm).", finding.Alpha)},
	{"same", fmt.Sprintf("Equivalence is shown: the ratio lies within [1/%[1]v, %[1]v].", 1+finding.Margin)},
	{"inconclusive", "Measured, but the rows decide nothing. Where it can be computed, the n that would decide is given."},
	{"not comparable", "The two sides differ in more than was asked; what forbids the comparison is named."},
	{"not measured", "No row carries an answer. A missing value is never zero."},
	{"n of planned", "How many values entered, and how many rows there are whatever came of them."},
	{"effective", "What the runtime really used. Settings that come out as one effective setting are one level."},
	{"synthetic", "A model with random weights: its speed is real, its text is noise."},
}

// environment says where the runs were made, and with what.
func (b *builder) environment() Section {
	s := Section{ID: "environment", Title: "Environment"}
	for _, r := range b.Runs {
		m := r.Manifest
		s.Blocks = append(s.Blocks, Heading{"Run " + m.Run}, Properties{runProperties(r)})
		for _, sub := range m.Subjects {
			s.Blocks = append(s.Blocks, Heading{"Subject " + sub.ID}, Properties{subjectProperties(sub)})
		}
		for _, w := range m.Warnings {
			s.Blocks = append(s.Blocks, Paragraph{Verdict: "warning", Text: Text{{Name: w}}})
		}
		for _, a := range m.Aliases {
			s.Blocks = append(s.Blocks, Paragraph{Verdict: "alias", Text: Text{{Name: a.Subject}, {Text: " treats as one: "}, {Name: configs(a.Requested)}}})
		}
	}
	return s
}

func configs(all []map[string]any) string {
	var out []string
	for _, c := range all {
		out = append(out, orElse(spec.ConfigID(c), "defaults"))
	}
	return strings.Join(out, ", ")
}

// listing gathers properties; an empty value is said to be unknown.
type listing struct {
	items  []Property
	absent map[string]string
}

func (l *listing) add(name, value, field string) {
	why := ""
	if value == "" {
		why = orElse(l.absent[field], "not on record")
	}
	l.items = append(l.items, Property{Name: name, Value: value, Absent: why})
}

func runProperties(r Run) []Property {
	m, h := r.Manifest, r.Manifest.Host
	l := listing{absent: m.Absent}
	l.add("name", m.Name, "name")
	l.add("status", r.Status, "")
	l.add("seal", prefixed("sha256:", r.Digest), "")
	if !m.Clock.Origin.IsZero() {
		l.add("started", m.Clock.Origin.UTC().Format("2006-01-02 15:04:05 UTC"), "")
	}
	tool := strings.TrimSpace("chimera " + m.Tool.Version + " " + m.Tool.Commit)
	if m.Tool.Dirty {
		tool += " (with changes that were not committed)"
	}
	l.add("tool", strings.TrimSpace(tool+", "+m.Tool.Go), "")
	l.add("system", strings.TrimSpace(h.OS+" "+h.Kernel+" "+h.Arch), "host.kernel")
	l.add("processor", h.CPU, "host.cpu")
	l.add("logical cores", positive(h.Cores), "host.cores")
	l.add("memory", bytesOf(h.MemoryBytes), "host.memory_bytes")
	l.add("governor", h.Governor, "host.governor")
	l.add("power", h.Power, "host.power")
	var gpus []string
	for _, g := range h.GPUs {
		gpus = append(gpus, strings.TrimSpace(g.Name+" "+bytesOf(g.MemoryBytes)+" "+prefixed("driver ", g.Driver)))
	}
	l.add("accelerators", strings.Join(gpus, "; "), "host.gpus")
	l.add("order of requests", "seed "+strconv.FormatInt(m.Seed, 10), "")
	l.add("spec", prefixed("sha256:", m.SpecDigest), "")
	l.add("plan", prefixed("sha256:", m.PlanDigest), "plan_sha256")
	for _, s := range m.Sessions {
		if s.Number > 0 {
			l.add("resumed", s.Started.UTC().Format("2006-01-02 15:04:05 UTC")+prefixed(", repeating ", strings.Join(s.Repeats, ", ")), "")
		}
	}
	return l.items
}

func subjectProperties(s sample.SubjectRecord) []Property {
	l := listing{}
	l.add("model", s.Model, "")
	l.add("target", strings.TrimSpace(s.Target+" ("+s.Kind+") "+s.URL), "")
	l.add("server", s.Server, "")
	l.add("digest", s.Digest, "")
	l.add("quantization", s.Quant, "")
	l.add("architecture", s.Arch, "")
	l.add("layers", count(s.Layers), "")
	l.add("trained context", count(s.TrainedCtx), "")
	l.add("parameters", count(s.Parameters), "")
	l.add("file", bytesOf(s.FileBytes), "")
	if s.Synthetic {
		l.add("weights", "synthetic: speed is real, text is noise", "")
	}
	return l.items
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

func positive(n int) string {
	if n <= 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func count[N int | uint64](o sample.Opt[N]) string {
	if v, ok := o.Get(); ok {
		return strconv.FormatUint(uint64(v), 10)
	}
	return ""
}

func bytesOf(o sample.Opt[uint64]) string {
	if v, ok := o.Get(); ok {
		return unit.Byte.Format(float64(v))
	}
	return ""
}
