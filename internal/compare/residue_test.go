package compare_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"chimera/internal/compare"
	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/telemetry"
)

func still(id string) shape { return noisy(id, rand.New(rand.NewPCG(1, 1)), 100, 0.05, 0.01) }

// Each difference is named, forbids the verdict, and may be allowed.
func TestWhatDiffersForbidsTheVerdict(t *testing.T) {
	type side = compare.Source
	spec := func(old, new string) func(*side) {
		return func(s *side) {
			changed := bytes.ReplaceAll(s.Manifest.Spec, []byte(old), []byte(new))
			if bytes.Equal(changed, s.Manifest.Spec) {
				t.Fatalf("the spec has no %s: %s", old, s.Manifest.Spec)
			}
			s.Manifest.Spec = changed
		}
	}
	for _, c := range []struct {
		name string
		kind compare.Kind
		b    func(*side)
		row  func(*sample.Sample)
	}{
		{"another CPU", compare.Hardware, func(s *side) { s.Manifest.Host.CPU = "y" }, nil},
		{"less memory", compare.Hardware, func(s *side) { s.Manifest.Host.MemoryBytes = sample.Some[uint64](8e9) }, nil},
		{"another driver", compare.Hardware, func(s *side) { s.Manifest.Host.GPUs = []sample.GPU{{Name: "g", Driver: "2"}} }, nil},
		{"another kernel", compare.System, func(s *side) { s.Manifest.Host.Kernel = "6.2" }, nil},
		{"on battery", compare.Power, func(s *side) { s.Manifest.Host.Power = "battery" }, nil},
		{"a busy machine", compare.Environment, func(s *side) { s.Manifest.Warnings = []string{"env_dirty: the CPU was 40% busy"} }, nil},
		{"a clock that was set", compare.Environment, func(s *side) { s.Manifest.Warnings = []string{"clock_stepped: by an hour"} }, nil},
		{"another model", compare.Digest, func(s *side) { s.Manifest.Subjects[0].Digest = "sha256:bb" }, nil},
		{"an unknown model", compare.Digest, func(s *side) { s.Manifest.Subjects[0].Digest = "" }, nil},
		{"another quantization", compare.Quant, func(s *side) { s.Manifest.Subjects[0].Quant = "Q4_0" }, nil},
		{"another server build", compare.Server, func(s *side) { s.Manifest.Subjects[0].Server = "s 2" }, nil},
		{"another server machine", compare.Address, func(s *side) { s.Manifest.Subjects[0].URL = "http://10.0.0.2:80" }, nil},
		{"more slots", compare.Settings, func(s *side) { s.Manifest.Subjects[0].Facts = map[string]string{"slots": "4"} }, nil},
		{"another template", compare.Settings, func(s *side) {
			s.Manifest.Subjects[0].Facts = map[string]string{"slots": "2", "template": strings.Repeat("{{ x }}\n", 99)}
		}, nil},
		{"another cache mode", compare.Cache, spec("unique-prefix", "as-is"), nil},
		{"another warm-up", compare.Warmup, spec(`"warmup":2`, `"warmup":0`), nil},
		{"another budget", compare.Length, spec(`"max_tokens":101`, `"max_tokens":50`), nil},
		{"more streams", compare.Streams, spec(`"streams":1`, `"streams":4`), nil},
		{"no chat template", compare.API, spec(`"model":"m"`, `"model":"m","raw":true`), nil},
		{"other prompts", compare.Prompts, nil, func(s *sample.Sample) { s.PromptSHA256 = "else" }},
		{"constrained answers", compare.Prompts, nil, func(s *sample.Sample) { s.ConstraintSHA256 = "schema" }},
		{"other options", compare.Config, nil, func(s *sample.Sample) { s.Config = map[string]any{"num_ctx": 512.0} }},
		{"another subject", compare.Subject, nil, func(s *sample.Sample) { s.Subject = "n" }},
		{"other options in effect", compare.Effective, nil, func(s *sample.Sample) { s.Effective = map[string]any{"num_ctx": 512.0} }},
		{"imported rows", compare.Provenance, nil, func(s *sample.Sample) { s.Provenance = sample.Imported }},
		{"failures", compare.Failures, nil, func(s *sample.Sample) {
			if s.Order%10 == 0 {
				s.Outcome, s.Failure = sample.Error, &sample.Failure{Class: sample.ClassReset}
			}
		}},
		{"only cold rows", compare.Phase, nil, func(s *sample.Sample) { s.Phase = sample.Cold }},
		{"another experiment", compare.Experiments, nil, func(s *sample.Sample) { s.Experiment = "other" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options(t)
			a, b := still("a").draw(), still("b").draw()
			for _, s := range b.rows {
				if c.row != nil {
					c.row(s)
				}
			}
			sa, sb := source(t, "a", a.rows), source(t, "b", b.rows)
			if c.b != nil {
				c.b(&sb)
			}
			for _, swapped := range []bool{false, true} {
				x, y := collect(t, sa, a.rows, o), collect(t, sb, b.rows, o)
				if swapped {
					x, y = y, x
				}
				r, err := compare.Compare(x, y, nil, o)
				if err != nil || r.Verdict != compare.NotComparable || r.Verdict.Code(false) != fault.NotComparable || len(r.Metrics) > 0 {
					t.Fatalf("%s with %d comparisons, %v", r.Verdict, len(r.Metrics), err)
				}
				if !slices.ContainsFunc(r.Residue, func(d compare.Residue) bool { return d.What == c.kind && d.A != "" && d.B != "" }) {
					t.Errorf("no %s in %+v", c.kind, r.Residue)
				}
			}
			if !slices.Contains(compare.Kinds, c.kind) {
				return // nothing to compare
			}
			for _, d := range mustCompare(t, sa, sb, a, b, o).Residue {
				o.Allow = append(o.Allow, d.What)
			}
			if r := mustCompare(t, sa, sb, a, b, o); r.Verdict == compare.NotComparable || !r.Residue[0].Allowed {
				t.Errorf("allowed %v, still %s: %+v", o.Allow, r.Verdict, r.Residue)
			}
		})
	}
}

func mustCompare(t *testing.T, sa, sb compare.Source, a, b measured, o compare.Options) compare.Result {
	t.Helper()
	r, err := compare.Compare(collect(t, sa, a.rows, o), collect(t, sb, b.rows, o), nil, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What does not matter is no residue: ports of one machine, names of one model
// file, the client's build, the seed, and a stop by the user.
func TestWhatDoesNotMatterIsNoResidue(t *testing.T) {
	o := options(t)
	a, b := still("a").draw(), still("b").draw()
	for _, s := range b.rows[24:] {
		s.Outcome, s.Failure = sample.Dropped, &sample.Failure{Class: sample.ClassInterrupted}
	}
	sa, sb := source(t, "a", a.rows), source(t, "b", b.rows)
	sa.Manifest.Subjects[0].Facts["seed"], sb.Manifest.Subjects[0].Facts["seed"] = "1", "2"
	sa.Manifest.Host.MemoryBytes, sb.Manifest.Host.MemoryBytes = sample.Some[uint64](8.00e9), sample.Some[uint64](8.05e9)
	sa.Manifest.Subjects[0].URL, sb.Manifest.Subjects[0].URL = "http://127.0.0.1:1", "http://localhost:2"
	sb.Manifest.Subjects[0].Model, sb.Manifest.Tool.Version, sb.Manifest.Seed = "copy of m", "2", 7
	sb.Status, sb.Answered = "partial", 24
	r := mustCompare(t, sa, sb, a, b, o)
	if len(r.Residue) > 0 || r.Verdict != compare.Same {
		t.Fatalf("%s, residue %+v", r.Verdict, r.Residue)
	}
	if c := find(t, r, "decode_rate", "median"); c.NA != 10 || c.NB != 8 {
		t.Errorf("n = %d+%d, want 10+8", c.NA, c.NB)
	}
	if len(r.Remarks) != 3 { // partial, two builds, no history
		t.Errorf("remarks %q", r.Remarks)
	}
}

// Of a sweep whose levels overlap, the common ones are compared and the others
// are named.
func TestScopesWithoutPartnerAreNotTested(t *testing.T) {
	o := options(t, "ttft")
	levels := func(id string, of ...float64) measured {
		var all []*sample.Sample
		for _, level := range of {
			s := still(id)
			s.change = func(row *sample.Sample) { row.Config = map[string]any{"num_ctx": level} }
			all = append(all, s.rows()...)
		}
		return measured{id, all}
	}
	r := of(t, levels("a", 1024, 2048), levels("b", 1024, 4096), o)
	if len(r.Metrics) != 1 || r.Metrics[0].Scope.Config != "num_ctx=1024" || len(r.NotTested) != 2 {
		t.Errorf("%d comparisons, not tested %+v, residue %+v", len(r.Metrics), r.NotTested, r.Residue)
	}
}

func TestThrottlingForbidsTheVerdict(t *testing.T) {
	reading := func(bits float64) *sample.Reading {
		return &sample.Reading{Series: telemetry.GPUThrottle, Value: sample.Some(bits)}
	}
	for _, c := range []struct {
		name     string
		readings []float64
		forbids  bool
	}{
		{"never", []float64{0, 0, 1}, false},
		{"heat once", []float64{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40}, true},
		{"at the power cap now and then", []float64{4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, false},
		{"at the power cap often", []float64{4, 0, 0, 4}, true},
	} {
		a, b := still("a").draw(), still("b").draw()
		o := options(t)
		x, y := collect(t, source(t, "a", a.rows), a.rows, o), collect(t, source(t, "b", b.rows), b.rows, o)
		err := y.Watch(func(yield func(*sample.Reading, error) bool) {
			for _, v := range c.readings {
				if !yield(reading(v), nil) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		r, err := compare.Compare(x, y, nil, o)
		if err != nil || (r.Verdict == compare.NotComparable) != c.forbids {
			t.Errorf("%s: %s, %v", c.name, r.Verdict, err)
		}
	}
}
