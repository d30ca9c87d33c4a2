package compare_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"chimera/internal/compare"
	"chimera/internal/sample"
	"chimera/internal/spec"
)

// shape is an invented run: blocks × prompts × repeats requests of each subject.
type shape struct {
	id                       string
	blocks, prompts, repeats int
	subjects                 []string
	rate                     func(subject string, block, prompt, repeat int) float64 // token/s
	ttft                     func(subject string, block, prompt, repeat int) float64 // s
	change                   func(*sample.Sample)
}

const tokens = 101 // of each answer

func (sh shape) rows() []*sample.Sample {
	var out []*sample.Sample
	for b := range sh.blocks {
		for p := range sh.prompts {
			for r := range sh.repeats {
				for _, subject := range sh.subjects {
					s := &sample.Sample{Schema: sample.Schema, Run: sh.id, Trial: fmt.Sprintf("suite/b%d/%04d", b, len(out)), Order: len(out),
						Experiment: "suite", Subject: subject, Target: "t", Workload: "w", Prompt: fmt.Sprintf("p%d", p), PromptSHA256: fmt.Sprintf("%064d", p),
						Config: map[string]any{}, Block: b, Phase: sample.Measure, Provenance: sample.Measured, Final: true}
					first := seconds(sh.ttft(subject, b, p, r))
					s.Outcome = sample.OK
					s.T.Send, s.T.First = sample.Some(time.Duration(0)), sample.Some(first)
					s.T.Last = sample.Some(first + seconds((tokens-1)/sh.rate(subject, b, p, r)))
					s.Tokens.Output = sample.Some(tokens)
					if sh.change != nil {
						sh.change(s)
					}
					out = append(out, s)
				}
			}
		}
	}
	return out
}

func seconds(s float64) time.Duration { return time.Duration(s * 1e9) }

// noisy is a run of one subject whose rate and TTFT scatter around given values.
func noisy(id string, r *rand.Rand, rate, ttft, cv float64) shape {
	return shape{id: id, blocks: 10, prompts: 3, repeats: 1, subjects: []string{"m"},
		rate: func(_ string, _, p, _ int) float64 { return rate * (1 + 0.3*float64(p)) * (1 + cv*r.NormFloat64()) },
		ttft: func(_ string, _, p, _ int) float64 { return ttft * (1 + 0.3*float64(p)) * (1 + cv*r.NormFloat64()) }}
}

func source(t testing.TB, id string, rows []*sample.Sample) compare.Source {
	t.Helper()
	frozen := &spec.Spec{Version: 1, Name: "x",
		Targets:     []spec.Target{{ID: "t", Kind: "openai"}},
		Subjects:    []spec.Subject{{ID: "m", Target: "t", Model: "m"}},
		Workloads:   []spec.Workload{{ID: "w", Prompts: []spec.PromptText{{ID: "p0", Text: "x"}}, MaxTokens: tokens}},
		Experiments: []spec.Experiment{{ID: "suite", Kind: spec.KindSuite, Streams: 1}},
		Design:      spec.Design{Cache: spec.UniquePrefix, Warmup: 2}}
	text, err := json.Marshal(frozen)
	if err != nil {
		t.Fatal(err)
	}
	m := sample.Manifest{Schema: sample.Schema, Run: id, Name: "x", Spec: text, Planned: len(rows),
		Tool: sample.Build{Version: "1"}, Clock: sample.Clock{Origin: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)},
		Host: sample.Host{OS: "linux", Kernel: "6.1", Arch: "amd64", CPU: "x", Cores: 2}}
	seen := map[string]bool{}
	for _, s := range rows {
		if !seen[s.Subject] {
			seen[s.Subject] = true
			m.Subjects = append(m.Subjects, sample.SubjectRecord{ID: s.Subject, Target: "t", Kind: "openai", Model: "m", Server: "s 1", Digest: "sha256:aa", Quant: "Q8_0", Facts: map[string]string{"slots": "2"}})
		}
	}
	return compare.Source{Manifest: m, Status: "complete", Answered: len(rows), Digest: "d"}
}

func each(rows []*sample.Sample) iter.Seq2[*sample.Sample, error] {
	return func(yield func(*sample.Sample, error) bool) {
		for _, s := range rows {
			if !yield(s, nil) {
				return
			}
		}
	}
}

func collect(t testing.TB, src compare.Source, rows []*sample.Sample, o compare.Options) *compare.Run {
	t.Helper()
	r, err := compare.Collect(src, each(rows), sample.Measure, o.Measures)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func options(t testing.TB, names ...string) compare.Options {
	t.Helper()
	if len(names) == 0 {
		names = compare.Defaults
	}
	m, err := compare.ParseMeasures(names, nil)
	if err != nil {
		t.Fatal(err)
	}
	return compare.Options{Measures: m}
}

// measured is a shape's rows, drawn once.
type measured struct {
	id   string
	rows []*sample.Sample
}

func (sh shape) draw() measured { return measured{sh.id, sh.rows()} }

// of compares two runs.
func of(t testing.TB, a, b measured, o compare.Options) compare.Result {
	t.Helper()
	res, err := compare.Compare(collect(t, source(t, a.id, a.rows), a.rows, o), collect(t, source(t, b.id, b.rows), b.rows, o), nil, o)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func find(t testing.TB, r compare.Result, metric, aggregate string) compare.Comparison {
	t.Helper()
	i := slices.IndexFunc(r.Metrics, func(c compare.Comparison) bool { return c.Metric == metric && c.Aggregate == aggregate })
	if i < 0 {
		t.Fatalf("%s %s is not among %d comparisons; not tested: %v; residue %v", aggregate, metric, len(r.Metrics), r.NotTested, r.Residue)
	}
	return r.Metrics[i]
}
