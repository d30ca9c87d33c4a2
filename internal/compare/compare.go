// Package compare decides whether one run is slower than another, and refuses
// when it cannot know.
//
// A gate that looks at two means alarms at noise and sleeps through slow drifts.
// This one takes blocks as the independent unit, since requests of one block
// share its prompts and its minute; states a ratio with its interval; calls a
// change a regression only if the whole interval lies beyond a margin that was
// fixed before, and calls two runs the same only if that was shown, never
// because nothing was found. Two runs that differ in more than was asked about
// get no verdict at all: what differs is named instead (docs/method.md §5.1).
//
// Everything here is arithmetic over rows and manifests. Swapping the runs
// inverts every ratio and mirrors every verdict; the order of rows and the unit
// of a metric change nothing.
package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/metric"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

// Schema is the version of the comparison document (docs/formats/compare.md).
const Schema = 1

// Verdict is what can be said of B, seen from A.
type Verdict string

const (
	Regression    Verdict = "REGRESSION"   // worse, the whole 95 % interval beyond the margin
	Improved      Verdict = "IMPROVED"     // better by the same rule
	Same          Verdict = "SAME"         // the 90 % interval lies inside the margin
	Suspect       Verdict = "SUSPECT"      // worse beyond noise, but not shown to be beyond the margin
	Inconclusive  Verdict = "INCONCLUSIVE" // the rows decide nothing
	NotComparable Verdict = "NOT COMPARABLE"
)

// Result is a comparison: its JSON form is what scripts read. Slices are in a
// fixed order; equal rows give equal bytes.
type Result struct {
	Schema    int          `json:"schema"`
	Verdict   Verdict      `json:"verdict"`
	A         Reference    `json:"a"`
	B         Reference    `json:"b"`
	Phase     sample.Phase `json:"phase"`
	Metrics   []Comparison `json:"metrics"`
	Residue   []Residue    `json:"residue"`    // what differs beside what was asked about
	NotTested []NotTested  `json:"not_tested"` // what this verdict says nothing of
	Noise     []Noise      `json:"noise"`      // floors from earlier runs of the same kind
	Remarks   []string     `json:"remarks"`
	Facts     []fact.Fact  `json:"facts"` // the evidence of Metrics

	cores int // of A's machine, which benchmark names end in
}

// Reference names a run.
type Reference struct {
	Run    string `json:"run"`
	Name   string `json:"name"`
	Status string `json:"status"`
	Digest string `json:"digest,omitempty"`
}

// Comparison is one metric in one scope.
type Comparison struct {
	Metric    string              `json:"metric"`
	Version   int                 `json:"version"`
	Aggregate string              `json:"aggregate"`
	Unit      unit.Unit           `json:"unit"`
	Better    metric.Direction    `json:"better"`
	Scope     Scope               `json:"scope"`
	A         float64             `json:"a"`
	B         float64             `json:"b"`
	ALo       sample.Opt[float64] `json:"a_lo,omitzero"`
	AHi       sample.Opt[float64] `json:"a_hi,omitzero"`
	BLo       sample.Opt[float64] `json:"b_lo,omitzero"`
	BHi       sample.Opt[float64] `json:"b_hi,omitzero"`
	// Ratio is B over A, turned so that below 1 is worse; Lo and Hi bound it at
	// 95 %.
	Ratio  sample.Opt[float64] `json:"ratio,omitzero"`
	Lo     sample.Opt[float64] `json:"lo,omitzero"`
	Hi     sample.Opt[float64] `json:"hi,omitzero"`
	P      sample.Opt[float64] `json:"p,omitzero"`      // Mann–Whitney, as benchstat has it
	PHolm  sample.Opt[float64] `json:"p_holm,omitzero"` // adjusted for all comparisons of the document
	N      int                 `json:"n"`               // independent values of the smaller side
	NA     int                 `json:"n_a"`
	NB     int                 `json:"n_b"`
	Margin float64             `json:"margin"`
	// Detectable is the relative change that n values with this spread show in
	// 80 % of runs; Needed the n a side that would decide.
	Detectable sample.Opt[float64] `json:"detectable,omitzero"`
	Needed     sample.Opt[int]     `json:"needed_n,omitzero"`
	Verdict    Verdict             `json:"verdict"`
	Method     string              `json:"method"`
	Notes      []string            `json:"notes,omitempty"`
	Evidence   Evidence            `json:"facts"`

	a, b    []float64 // the values compared, in block order
	options []string  // of A's configuration: "num_ctx=1024"
}

// Measure names what is compared, as ParseMeasures reads it: "ttft:p95".
func (c Comparison) Measure() string { return measureText(c.Metric, c.Aggregate) }

// Evidence holds the ids of the facts behind a comparison.
type Evidence struct {
	A     string `json:"a"`
	B     string `json:"b"`
	Ratio string `json:"ratio"`
}

// NotTested is something that one run has and the comparison leaves out.
type NotTested struct {
	What   string `json:"what"`
	Reason string `json:"reason"`
}

// Options say what is compared. The zero value compares nothing.
type Options struct {
	Measures []Measure
	Allow    []Kind // differences that are meant
}

// Compare compares two runs of one phase. History holds earlier runs of the
// same kind, from which the noise floor is taken; it may be empty. The error is
// a fault: Invalid if no metric has a value in both runs.
func Compare(a, b *Run, history []*Run, o Options) (Result, error) {
	r := Result{Schema: Schema, A: a.reference(), B: b.reference(), Phase: a.phase, cores: max(1, a.stored.Manifest.Host.Cores),
		Metrics: []Comparison{}, Residue: []Residue{}, NotTested: []NotTested{}, Noise: []Noise{}, Remarks: []string{}, Facts: []fact.Fact{}}
	if a.answered() == 0 && b.answered() == 0 {
		return r, fault.With(fmt.Errorf("neither run has an answered request of phase %s", a.phase), fault.Invalid,
			"`chimera runs show RUN` says what became of the requests; --phase chooses the rows")
	}
	pairs, alone := match(a, b)
	r.NotTested = append(r.NotTested, alone...)
	r.Residue = allow(residue(a, b, pairs), o.Allow)
	if forbidden(r.Residue) {
		r.Verdict = NotComparable
		return r, nil
	}
	r.Noise = noiseFloors(history, o)
	for _, p := range pairs {
		for i, m := range o.Measures {
			c, facts, why := p.compare(i, m, r.Noise)
			if why != "" {
				r.NotTested = append(r.NotTested, NotTested{m.String() + " of " + p.scope.String(), why})
				continue
			}
			r.Metrics, r.Facts = append(r.Metrics, c), append(r.Facts, facts...)
		}
	}
	if len(r.Metrics) == 0 {
		return r, fault.With(fmt.Errorf("no metric has values in both runs: %s", r.NotTested[0].Reason), fault.Invalid, "`chimera query METRIC --run RUN` says why rows have no value")
	}
	slices.SortStableFunc(r.Metrics, func(x, y Comparison) int {
		return cmp.Compare(o.rank(x), o.rank(y))
	})
	if err := adjust(r.Metrics); err != nil {
		return r, err
	}
	r.Verdict = overall(r.Metrics)
	r.Remarks = remarks(a, b, r)
	return r, nil
}

// rank is the place of a comparison's measure in the options.
func (o Options) rank(c Comparison) int {
	return slices.IndexFunc(o.Measures, func(m Measure) bool { return m.String() == c.Measure() })
}

// adjust fills in Holm's p for the family of all tests.
func adjust(all []Comparison) error {
	var p []float64
	var at []int
	for i, c := range all {
		if v, ok := c.P.Get(); ok {
			p, at = append(p, v), append(at, i)
		}
	}
	if len(p) == 0 {
		return nil
	}
	holm, err := stats.Holm(p)
	for i, v := range holm {
		all[at[i]].PHolm = sample.Some(v)
	}
	return err
}

// severity orders verdicts: the worst decides the whole.
var severity = []Verdict{Regression, Suspect, Inconclusive, Improved, Same}

func overall(all []Comparison) Verdict {
	for _, v := range severity {
		if slices.ContainsFunc(all, func(c Comparison) bool { return c.Verdict == v }) {
			return v
		}
	}
	return Inconclusive
}

// Code is the exit status that a verdict stands for. With strict, what is
// suspected or undecided fails the gate too.
func (v Verdict) Code(strict bool) fault.Code {
	switch v {
	case Same, Improved:
		return fault.OK
	case Regression:
		return fault.Gate
	case NotComparable:
		return fault.NotComparable
	}
	if strict {
		return fault.Gate
	}
	return fault.Inconclusive
}

// remarks are what a reader must know beside the verdict.
func remarks(a, b *Run, r Result) []string {
	out := []string{}
	say := func(when bool, format string, args ...any) {
		if when {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	var unwatched []string
	for _, side := range []*Run{a, b} {
		m := side.stored.Manifest
		say(side.stored.Status != "complete", "run %s is %s: %d of %d planned requests were answered", m.Run, side.stored.Status, side.stored.Answered, m.Planned)
		if _, absent := m.Absent["preflight"]; absent {
			unwatched = append(unwatched, m.Run)
		}
	}
	say(len(unwatched) > 0, "nobody watched the machine for other work before %s", strings.Join(unwatched, " and "))
	say(a.stored.Manifest.Tool != b.stored.Manifest.Tool, "measured by two builds of chimera: %s and %s", buildText(a), buildText(b))
	say(a.stored.Manifest.Tool.Dirty || b.stored.Manifest.Tool.Dirty, "measured by a build with uncommitted changes: its commit does not tell which code ran")
	for _, s := range a.stored.Manifest.Subjects {
		other := subject(b.stored.Manifest, s.ID)
		say(s.Digest == "" && other.Digest == "", "nobody told a digest of model %s: that it is the same in both runs is taken on trust", s.Model)
		say(s.Server == "" && other.Server == "", "nobody told the version of the server of %s: that it is the same in both runs is taken on trust", s.ID)
	}
	say(a.has(simulated) || b.has(simulated), "simulated: the time lines are invented")
	say(a.has(synthetic) || b.has(synthetic), "synthetic models: speed is real, text is noise")
	say(len(r.Noise) == 0, "one run a side, and no earlier run like them: what differs from session to session is not in the intervals")
	return out
}

func buildText(r *Run) string {
	t := r.stored.Manifest.Tool
	parts := []string{t.Version}
	if t.Commit != "" {
		parts = append(parts, t.Commit[:min(12, len(t.Commit))])
	}
	if t.Dirty {
		parts = append(parts, "dirty")
	}
	return strings.Join(parts, " ")
}
