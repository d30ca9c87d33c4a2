package spec

import (
	"time"

	"chimera/internal/fault"
)

// Files reads a file that a workload names. The caller resolves the name
// against the folder of the spec and reads at most MaxFile bytes, or one more.
type Files func(name string) ([]byte, error)

// Parse reads a spec written by a person: YAML, or JSON as a part of it. name
// is the file's name in messages. Options are checked against the catalogue of
// the kinds that this build knows; files may be nil where none can be read.
//
// The error is Faults with the code fault.Usage: everything that is wrong, in
// the order of the file.
func Parse(name string, src []byte, known Catalogue, files Files) (*Spec, error) {
	d, s := parse(name, src)
	if s == nil {
		return nil, d.ordered().asError()
	}
	texts := d.readFiles(s, files)
	setDefaults(d, s)
	validate(d, s, known, texts)
	if len(d.faults) > 0 {
		return nil, d.ordered().asError()
	}
	frozen := freeze(s, texts)
	if n := frozen.Trials(known); n > MaxTrials {
		d.wrong("experiments", "fewer levels, prompts, blocks or repeats",
			"a run must have at most %d trials, but this is %s", MaxTrials, countText(n))
		return nil, d.ordered().asError()
	}
	return frozen, nil
}

const (
	defaultMaxTokens = 128
	defaultSynthetic = 5
	defaultBlocks    = 3
	defaultWarmup    = 2
	defaultTimeout   = Duration(120 * time.Second)
	defaultInterval  = Duration(time.Second)
)

// setDefaults fills in what the file does not say.
func setDefaults(d *document, s *Spec) {
	setDefault(d, "design.seed", &s.Design.Seed, 1)
	setDefault(d, "design.warmup", &s.Design.Warmup, defaultWarmup)
	setDefault(d, "design.cache", &s.Design.Cache, UniquePrefix)
	setDefault(d, "design.timeout", &s.Design.Timeout, defaultTimeout)
	setDefault(d, "design.aliases", &s.Design.Aliases, Keep)
	setDefault(d, "telemetry.interval", &s.Telemetry.Interval, defaultInterval)
	for i := range s.Workloads {
		w, path := &s.Workloads[i], item("workloads", i)
		budget := defaultMaxTokens
		if y := w.Synthetic; y != nil {
			setDefault(d, path+".synthetic.count", &y.Count, defaultSynthetic)
			budget = y.OutputTokens
		}
		setDefault(d, path+".max_tokens", &w.MaxTokens, budget)
		setDefault(d, path+".expect", &w.Expect, suiteContracts[w.Suite])
		for j := range w.Prompts {
			setPromptID(&w.Prompts[j], j)
		}
	}
	for i := range s.Experiments {
		e, path := &s.Experiments[i], item("experiments", i)
		setDefault(d, path+".subjects", &e.Subjects, ids(s.Subjects, func(t Subject) string { return t.ID }))
		workloads := ids(s.Workloads, func(t Workload) string { return t.ID })
		if e.Kind == KindCold {
			workloads = workloads[:min(1, len(workloads))]
		}
		setDefault(d, path+".workloads", &e.Workloads, workloads)
		setDefault(d, path+".blocks", &e.Blocks, defaultBlocks)
		setDefault(d, path+".repeats", &e.Repeats, 1)
		setDefault(d, path+".streams", &e.Streams, 1)
	}
}

func setDefault[T any](d *document, path string, field *T, value T) {
	if !d.has(path) {
		*field = value
	}
}

func ids[T any](list []T, idOf func(T) string) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = idOf(v)
	}
	return out
}

// ColdExperiment is the id of the experiment that design.cold_loads adds.
const ColdExperiment = "cold"

// freeze completes a faultless spec: prompts get their texts, and cold loads
// become an experiment of their own before all others.
func freeze(s *Spec, texts map[string][]PromptText) *Spec {
	for i := range s.Workloads {
		w := &s.Workloads[i]
		switch {
		case w.Suite != "":
			w.Prompts = suites[w.Suite]
		case w.File != "":
			w.Prompts = texts[w.File]
		case w.Synthetic != nil:
			w.Prompts = w.Synthetic.prompts(s.Design.Seed, w.ID)
		}
	}
	if n := s.Design.ColdLoads; n > 0 {
		cold := Experiment{ID: ColdExperiment, Kind: KindCold, Blocks: n, Repeats: 1, Streams: 1,
			Subjects:  ids(s.Subjects, func(t Subject) string { return t.ID }),
			Workloads: s.Experiments[0].Workloads[:1]}
		s.Experiments = append([]Experiment{cold}, s.Experiments...)
	}
	return s
}

// usage is an error about a spec that no place in its file explains.
func usage(format string, args ...any) error {
	return fault.Hint(fault.New(fault.Usage, format, args...), generalHint)
}
