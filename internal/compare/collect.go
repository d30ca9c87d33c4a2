package compare

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/telemetry"
)

// A Source is a stored run without its rows.
type Source struct {
	Manifest sample.Manifest
	Status   string // complete, partial …
	Answered int    // trials that ended well
	Digest   string // of the seal; empty while the run is open
}

// Run is a stored run, reduced to what a comparison needs of it: rows are
// streamed and not kept.
type Run struct {
	stored    Source
	phase     sample.Phase
	measures  []Measure
	groups    map[Scope]*group
	marks     map[string]bool // provenances and synthetic
	throttled string          // how the accelerator slowed itself, or ""
}

// Scope is what stays fixed within one comparison.
type Scope struct {
	Experiment string `json:"experiment"`
	Subject    string `json:"subject"`
	Config     string `json:"config"` // as requested: "num_ctx=1024 threads=2", or "defaults"
}

// String is the scope in one line.
func (s Scope) String() string {
	text := s.Experiment + " " + s.Subject
	if s.Config != "defaults" {
		text += " " + s.Config
	}
	return text
}

// What a run's rows may be marked with.
const (
	simulated = string(sample.Simulated)
	synthetic = "synthetic"
)

// group holds the rows of one scope.
type group struct {
	planned  int // rows of the phase, whatever came of them
	answered int
	failed   int                  // ended badly, and not because the user stopped the run
	stopped  int                  // not conducted: the run was stopped
	reloaded int                  // planned warm, but ran into a load
	tokens   int                  // output tokens of answered rows
	counted  int                  // answered rows with a count of output tokens
	options  []string             // requested: "num_ctx=1024"
	keys     map[[2]string]string // workload and prompt → "workload/prompt"
	prompts  map[string]string    // "workload/prompt" → digest of the text
	used     map[string]bool      // effective configurations of answered rows
	series   []series             // one for each measure
}

// series are the values of one measure.
type series struct {
	values  []observation
	missing map[string]int // why rows have no value
}

// observation is one row's value.
type observation struct {
	order, block int
	prompt       string
	trial        string
	value        float64
}

// Collect reduces the rows of a run. Rows of other phases, superseded rows and
// attempts that were retried do not count.
func Collect(stored Source, rows iter.Seq2[*sample.Sample, error], phase sample.Phase, measures []Measure) (*Run, error) {
	r := &Run{stored: stored, phase: phase, measures: measures, groups: map[Scope]*group{}, marks: map[string]bool{}}
	for s, err := range rows {
		if err != nil {
			return nil, fmt.Errorf("read run %s: %w", stored.Manifest.Run, err)
		}
		if !s.Final || s.Superseded || s.Planned.Or(s.Phase) != phase {
			continue
		}
		if err := r.add(s); err != nil {
			return nil, err
		}
	}
	for _, g := range r.groups {
		for i := range g.series {
			slices.SortFunc(g.series[i].values, func(a, b observation) int {
				return cmp.Or(cmp.Compare(a.order, b.order), strings.Compare(a.trial, b.trial))
			})
		}
	}
	return r, nil
}

func (r *Run) add(s *sample.Sample) error {
	config, err := fact.Field(s, "config")
	if err != nil {
		return err
	}
	scope := Scope{s.Experiment, s.Subject, config}
	g := r.groups[scope]
	if g == nil {
		g = &group{options: settings(s.Config), keys: map[[2]string]string{}, prompts: map[string]string{}, used: map[string]bool{}, series: make([]series, len(r.measures))}
		for i := range g.series {
			g.series[i].missing = map[string]int{}
		}
		r.groups[scope] = g
	}
	r.marks[string(s.Provenance)] = true
	if s.Synthetic {
		r.marks[synthetic] = true
	}
	g.add(s, r.phase, r.measures)
	return nil
}

func (g *group) add(s *sample.Sample, phase sample.Phase, measures []Measure) {
	g.planned++
	prompt := g.prompt(s)
	switch {
	case s.Failure != nil && s.Failure.Class == sample.ClassInterrupted:
		g.stopped++
		return
	case s.Outcome != sample.OK:
		g.failed++
		return
	case s.Phase != phase:
		g.reloaded++
		return
	}
	g.answered++
	g.used[strings.Join(settings(s.Effective), " ")] = true
	if n, ok := s.Tokens.Output.Get(); ok {
		g.tokens, g.counted = g.tokens+n, g.counted+1
	}
	for i, m := range measures {
		v, why, ok := m.Metric.Compute(s)
		if ok && v <= 0 {
			why, ok = "the value is 0 or below, which has no ratio", false
		}
		if !ok {
			g.series[i].missing[why]++
			continue
		}
		g.series[i].values = append(g.series[i].values, observation{s.Order, s.Block, prompt, s.Trial, v})
	}
}

// prompt names a row's prompt, the same for all its rows. Some sources write the
// workload into the prompt's id, others do not.
func (g *group) prompt(s *sample.Sample) string {
	at := [2]string{s.Workload, s.Prompt}
	key, ok := g.keys[at]
	if !ok {
		key = s.Workload + "/" + strings.TrimPrefix(s.Prompt, s.Workload+"/")
		g.keys[at], g.prompts[key] = key, s.Asked()
	}
	return key
}

// settings lists a configuration's options by name.
func settings(config map[string]any) []string {
	parts := make([]string, 0, len(config))
	for _, k := range slices.Sorted(maps.Keys(config)) {
		parts = append(parts, fmt.Sprintf("%s=%v", k, config[k]))
	}
	return parts
}

// Bits of the throttle reasons, as NVML has them.
const (
	powerCap = 0x4
	slowed   = 0x8 | 0x20 | 0x40 | 0x80 // hardware, thermal, power brake
)

// Watch looks for an accelerator that slowed itself during the run: any reading
// with a thermal or hardware reason, or more than a tenth at the power cap.
func (r *Run) Watch(readings iter.Seq2[*sample.Reading, error]) error {
	n, capped := 0, 0
	for p, err := range readings {
		if err != nil {
			return fmt.Errorf("read run %s: %w", r.id(), err)
		}
		v, ok := p.Value.Get()
		if p.Series != telemetry.GPUThrottle || !ok {
			continue
		}
		n++
		bits := uint64(v)
		if bits&slowed != 0 {
			r.throttled = "the GPU slowed down for heat or hardware protection"
		}
		if bits&powerCap != 0 {
			capped++
		}
	}
	if r.throttled == "" && 10*capped > n {
		r.throttled = fmt.Sprintf("the GPU was at its power cap in %d of %d readings", capped, n)
	}
	return nil
}

func (r *Run) reference() Reference {
	return Reference{Run: r.id(), Name: r.stored.Manifest.Name, Status: r.stored.Status, Digest: r.stored.Digest}
}

func (r *Run) id() string { return r.stored.Manifest.Run }

func (r *Run) answered() int {
	n := 0
	for _, g := range r.groups {
		n += g.answered
	}
	return n
}

// length is the mean number of output tokens of an answer, 1 where nobody
// counted them.
func (g *group) length() float64 {
	if g.counted == 0 || g.tokens == 0 {
		return 1
	}
	return float64(g.tokens) / float64(g.counted)
}

func (r *Run) has(mark string) bool { return r.marks[mark] }
