package spec_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"chimera/internal/digest"
	"chimera/internal/spec"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// legacy is the grid that the earlier lab ran nested: temperature innermost,
// so that every reload fell on its first level.
const legacy = `{version: 1, name: legacy, targets: [{id: box, kind: ollama}], subjects: [{id: latest, target: box, model: gemma3}],
workloads: [{id: w, prompts: [hello]}],
experiments: [{id: sweep, kind: grid, blocks: 1, factors: {num_gpu: [40, 60, 80, 999], num_ctx: [1024, 2048, 4096], temperature: [0.2, 0.4, 0.8]}}],
design: {seed: SEED, warmup: 1}}`

func seeded(t testing.TB, src string, seed int) *spec.Spec {
	return mustParse(t, strings.Replace(src, "SEED", fmt.Sprint(seed), 1))
}

func TestSameSeedSamePlan(t *testing.T) {
	one, _ := json.Marshal(mustExpand(t, seeded(t, legacy, 7), spec.Env{}))
	two, _ := json.Marshal(mustExpand(t, seeded(t, legacy, 7), spec.Env{}))
	if string(one) != string(two) {
		t.Error("the same seed gave two plans")
	}
	other := mustExpand(t, seeded(t, legacy, 8), spec.Env{})
	if three, _ := json.Marshal(other); string(one) == string(three) {
		t.Error("another seed gave the same plan")
	}
	// A stored run is re-planned by later builds: the order is a promise.
	sum, err := digest.JSON(mustExpand(t, mustParse(t, design), spec.Env{}))
	if err != nil {
		t.Fatal(err)
	}
	if want := "d07867deefa941cbc808ee8f9704ba68a57c8a4f4db3be4f07639ed3a4436cab"; sum != want {
		t.Errorf("the design's example plans %s, before it was %s: a run that is resumed would change its order", sum, want)
	}
}

// Keys of a mapping have no order: nor has the plan.
func TestPlanDoesNotDependOnKeyOrder(t *testing.T) {
	a := mustExpand(t, mustParse(t, design), spec.Env{})
	b := mustExpand(t, mustParse(t, strings.Replace(design, "num_ctx: [1024, 2048, 4096], temperature: [0.2, 0.4, 0.8]",
		"temperature: [0.2, 0.4, 0.8], num_ctx: [1024, 2048, 4096]", 1)), spec.Env{})
	if d := cmp.Diff(a, b); d != "" {
		t.Error(d)
	}
}

// anySpec draws a spec that is small but has every shape.
func anySpec(t *rapid.T) *spec.Spec {
	n := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
	s := &spec.Spec{Version: 1, Name: "n",
		Targets:   []spec.Target{{ID: "box", Kind: "ollama"}, {ID: "f", Kind: "fake"}},
		Workloads: []spec.Workload{{ID: "w", MaxTokens: 4}, {ID: "x", MaxTokens: 5}},
		Design: spec.Design{Seed: int64(n("seed", 0, 1<<30)), Warmup: n("warmup", 0, 3),
			Cache: rapid.SampledFrom([]spec.Cache{spec.UniquePrefix, spec.AsIs}).Draw(t, "cache"), Aliases: spec.Keep}}
	for i := range s.Workloads {
		for j := range n("prompts", 1, 3) {
			s.Workloads[i].Prompts = append(s.Workloads[i].Prompts, spec.PromptText{ID: fmt.Sprintf("p%d", j), Text: "t"})
		}
	}
	var all []string
	for i := range n("subjects", 1, 3) {
		id := fmt.Sprintf("s%d", i)
		all = append(all, id)
		s.Subjects = append(s.Subjects, spec.Subject{ID: id, Target: []string{"box", "f"}[i%2], Model: "m"})
	}
	for i := range n("experiments", 1, 3) {
		e := spec.Experiment{ID: fmt.Sprintf("e%d", i), Kind: rapid.SampledFrom([]spec.Kind{spec.KindGrid, spec.KindCold}).Draw(t, "kind"),
			Subjects: all, Workloads: []string{"w", "x"}[:n("workloads", 1, 2)], Blocks: n("blocks", 1, 3), Repeats: n("repeats", 1, 2), Streams: 1}
		for _, name := range []string{"num_ctx", "temperature", "top_p"}[:n("factors", 0, 3)] {
			f := spec.Factor{Name: name}
			for l := range n("levels", 1, 3) {
				f.Levels = append(f.Levels, float64(l+1))
			}
			e.Factors = append(e.Factors, f)
		}
		s.Experiments = append(s.Experiments, e)
	}
	return s
}

func cellOf(t spec.Trial) string {
	return t.Subject + " " + t.Prompt + " " + spec.ConfigID(t.Config)
}

func TestPlanProperties(t *testing.T) {
	known := catalogue()
	rapid.Check(t, func(t *rapid.T) {
		s := anySpec(t)
		p, err := spec.Expand(s, spec.Env{Catalogue: known})
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Trials) != s.Trials(known) {
			t.Fatalf("planned %d trials, the formula says %d", len(p.Trials), s.Trials(known))
		}
		checkIdentity(t, s, p)
		checkBlocks(t, s, p)
		checkPlots(t, s, p)
		checkSeeds(t, p)
	})
}

// A server may keep prefixes from one run to the next, so two runs of a spec
// send different prompts; nothing else in their plans differs.
func TestRunsDifferInNoncesOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, known := anySpec(t), catalogue()
		var plans [2]*spec.Plan
		for i, run := range []string{"aaaaaaaa", "bbbbbbbb"} {
			p, err := spec.Expand(s, spec.Env{Catalogue: known, Run: run})
			if err != nil {
				t.Fatal(err)
			}
			plans[i] = p
		}
		again := 0
		for i := range plans[0].Trials {
			a, b := &plans[0].Trials[i], &plans[1].Trials[i]
			if s.Design.Cache == spec.UniquePrefix && a.Nonce == b.Nonce {
				again++
			}
			a.Nonce, b.Nonce = "", ""
		}
		if again > 1 {
			t.Errorf("%d of %d nonces are those of the other run", again, len(plans[0].Trials))
		}
		if diff := cmp.Diff(plans[0], plans[1]); diff != "" {
			t.Errorf("the plans differ:\n%s", diff)
		}
	})
}

// Ids and nonces are unique, the order is the position.
func checkIdentity(t *rapid.T, s *spec.Spec, p *spec.Plan) {
	ids, nonces := map[string]bool{}, map[string]bool{}
	for i, trial := range p.Trials {
		if trial.Order != i || ids[trial.ID] {
			t.Fatalf("trial %d has order %d and id %s", i, trial.Order, trial.ID)
		}
		ids[trial.ID] = true
		prompt, ok := p.Prompts[trial.Prompt]
		if !ok || prompt.Workload != trial.Workload {
			t.Fatalf("trial %s asks %s", trial.ID, trial.Prompt)
		}
		if s.Design.Cache == spec.AsIs {
			if trial.Nonce != "" || trial.Text(prompt) != prompt.Text {
				t.Fatalf("cache as-is, but trial %s has the nonce %s", trial.ID, trial.Nonce)
			}
			continue
		}
		if len(trial.Nonce) != 9 || nonces[trial.Nonce] || !strings.HasPrefix(trial.Text(prompt), "["+trial.Nonce+"] ") {
			t.Fatalf("trial %s has the nonce %q", trial.ID, trial.Nonce)
		}
		nonces[trial.Nonce] = true
	}
}

// Every block holds every cell once per repeat, and nothing else.
func checkBlocks(t *rapid.T, s *spec.Spec, p *spec.Plan) {
	visits := map[string]map[string]int{} // by experiment and block: cell → visits
	for _, trial := range p.Trials {
		if trial.Phase == spec.Warmup {
			continue
		}
		key := fmt.Sprint(trial.Experiment, trial.Block)
		if visits[key] == nil {
			visits[key] = map[string]int{}
		}
		visits[key][fmt.Sprint(cellOf(trial), trial.Repeat)]++
	}
	for _, e := range s.Experiments {
		cells := len(e.Subjects) * e.Repeats
		for _, f := range e.Factors {
			cells *= len(f.Levels)
		}
		prompts := 0
		for _, id := range e.Workloads {
			w, _ := s.Workload(id)
			if prompts++; e.Kind != spec.KindCold {
				prompts += len(w.Prompts) - 1
			}
		}
		for b := range e.Blocks {
			block := visits[fmt.Sprint(e.ID, b)]
			if len(block) != cells*prompts {
				t.Fatalf("block %d of %s has %d different visits, want %d", b, e.ID, len(block), cells*prompts)
			}
			for cell, n := range block {
				if n != 1 {
					t.Fatalf("block %d of %s visits %s %d times", b, e.ID, cell, n)
				}
			}
		}
	}
}

// Plots are contiguous, share one load, and begin with the warm-ups.
func checkPlots(t *rapid.T, s *spec.Spec, p *spec.Plan) {
	known := catalogue()
	key := func(trial spec.Trial) string {
		target, _ := s.Target(trial.Target)
		return fmt.Sprint(trial.Experiment, trial.Block, trial.Subject, spec.ReloadKey(known[target.Kind], trial.Config))
	}
	at := 0
	for i, trial := range p.Trials {
		if i > 0 && trial.Plot == p.Trials[i-1].Plot {
			at++
			if key(trial) != key(p.Trials[i-1]) || trial.Phase == spec.Cold {
				t.Fatalf("plot %d holds trials of two loads: %s, %s", trial.Plot, p.Trials[i-1].ID, trial.ID)
			}
		} else {
			at = 0
			if i > 0 && trial.Plot != p.Trials[i-1].Plot+1 || i == 0 && trial.Plot != 0 {
				t.Fatalf("plot %d follows plot %d", trial.Plot, p.Trials[max(0, i-1)].Plot)
			}
			if i > 0 && trial.Phase != spec.Cold && key(trial) == key(p.Trials[i-1]) {
				t.Fatalf("plot %d needs the load that its block already has", trial.Plot)
			}
		}
		if warm := at < s.Design.Warmup && trial.Phase != spec.Cold; warm != (trial.Phase == spec.Warmup) {
			t.Fatalf("trial %d of plot %d is %s", at, trial.Plot, trial.Phase)
		}
	}
}

// Common random numbers: the same prompt, block and repeat means the same
// sampler seed, for every subject and configuration.
func checkSeeds(t *rapid.T, p *spec.Plan) {
	seeds := map[string]int64{}
	for _, trial := range p.Trials {
		if trial.Seed < 1 || trial.Seed > math.MaxInt32 {
			t.Fatalf("trial %s has the seed %d", trial.ID, trial.Seed)
		}
		if trial.Phase == spec.Warmup {
			continue
		}
		key := fmt.Sprint(trial.Experiment, trial.Block, trial.Prompt, trial.Repeat)
		if s, ok := seeds[key]; ok && s != trial.Seed {
			t.Fatalf("%s has the seeds %d and %d", key, s, trial.Seed)
		}
		seeds[key] = trial.Seed
	}
}

// uniform fails if counts differ more than chance allows: chi squared beyond
// the limit.
func uniform(t *testing.T, what string, counts map[string]int, cells int, limit float64) {
	t.Helper()
	total := 0
	for _, n := range counts {
		total += n
	}
	want, chi := float64(total)/float64(cells), 0.0
	for _, n := range counts {
		chi += (float64(n) - want) * (float64(n) - want) / want
	}
	chi += float64(cells-len(counts)) * want
	if chi > limit {
		t.Errorf("%s: χ² = %.1f, beyond %.1f: %v", what, chi, limit, counts)
	}
}

// With temperature nested inside reloads, every cold load hit its
// first level. Over seeds, no level of any factor may favour any position.
func TestNothingNests(t *testing.T) {
	const seeds = 600
	firstInPlot := map[int]map[string]int{0: {}, 1: {}, 2: {}} // position → temperature
	firstPlot, follows := map[string]int{}, map[string]int{}
	for seed := range seeds {
		p := mustExpand(t, seeded(t, legacy, seed), spec.Env{})
		plot, at := -1, 0
		last := ""
		for _, trial := range p.Trials {
			if trial.Phase != spec.Measure {
				continue
			}
			load := fmt.Sprint(trial.Config["num_gpu"], trial.Config["num_ctx"])
			if trial.Plot != plot {
				if plot == -1 {
					firstPlot[load]++
				} else {
					follows[last+" "+load]++
				}
				plot, at, last = trial.Plot, 0, load
			}
			firstInPlot[at][fmt.Sprint(trial.Config["temperature"])]++
			at++
		}
	}
	for at, counts := range firstInPlot {
		uniform(t, fmt.Sprintf("temperature in position %d of a plot", at), counts, 3, 13.8) // df 2, p = 0.001
	}
	uniform(t, "loads in the first plot", firstPlot, 12, 31.3)      // df 11, p = 0.001
	uniform(t, "which load follows which", follows, 12*11, 185)     // df 131, p = 0.001
	var temperatures = map[string]int{"0.2": 0, "0.4": 0, "0.8": 0} // within one plan
	for _, trial := range mustExpand(t, seeded(t, legacy, 1), spec.Env{}).Trials {
		if trial.Phase == spec.Warmup {
			temperatures[fmt.Sprint(trial.Config["temperature"])]++
		}
	}
	for level, n := range temperatures {
		if n == 12 {
			t.Errorf("all warm-ups fall on temperature %s", level)
		}
	}
}

// Each block draws its own order of the whole plots.
func TestPlotOrderIsDrawnInEveryBlock(t *testing.T) {
	p := mustExpand(t, mustParse(t, strings.Replace(strings.Replace(legacy, "blocks: 1", "blocks: 4", 1), "SEED", "1", 1)), spec.Env{})
	orders := map[string]bool{}
	for b := range 4 {
		var loads []string
		for _, trial := range p.Trials {
			load := fmt.Sprint(trial.Config["num_gpu"], trial.Config["num_ctx"])
			if trial.Block == b && (len(loads) == 0 || loads[len(loads)-1] != load) {
				loads = append(loads, load)
			}
		}
		if len(loads) != 12 {
			t.Errorf("block %d has %d plots, want 12", b, len(loads))
		}
		orders[strings.Join(loads, ",")] = true
	}
	if len(orders) != 4 {
		t.Errorf("4 blocks have %d orders", len(orders))
	}
}

// Cold loads take their turns at random too: the first load of a run finds the
// machine in another state than the last.
func TestColdOrderIsRandom(t *testing.T) {
	first, second := map[string]int{}, map[string]int{}
	for seed := range 600 {
		p := mustExpand(t, mustParse(t, strings.Replace(design, "seed: 1", fmt.Sprintf("seed: %d", seed), 1)), spec.Env{})
		first[p.Trials[0].Subject]++
		second[p.Trials[2].Subject]++ // the second block
	}
	uniform(t, "subjects of the first cold load", first, 2, 10.8) // df 1, p = 0.001
	uniform(t, "subjects of the third cold load", second, 2, 10.8)
}

// Two experiments of the same shape are not in lockstep.
func TestExperimentsDrawTheirOwnOrder(t *testing.T) {
	s := seeded(t, legacy, 1)
	again := s.Experiments[0]
	again.ID = "again"
	s.Experiments = append(s.Experiments, again)
	p := mustExpand(t, s, spec.Env{})
	half, same := len(p.Trials)/2, 0
	for i := range half {
		if spec.ConfigID(p.Trials[i].Config) == spec.ConfigID(p.Trials[half+i].Config) {
			same++
		}
	}
	if same == half {
		t.Error("the second experiment repeats the order of the first")
	}
}

// A longer run begins like a shorter one: blocks do not depend on their number.
func TestMoreBlocksExtendThePlan(t *testing.T) {
	short := mustExpand(t, seeded(t, legacy, 3), spec.Env{})
	long := mustExpand(t, mustParse(t, strings.Replace(strings.Replace(legacy, "blocks: 1", "blocks: 2", 1), "SEED", "3", 1)), spec.Env{})
	if d := cmp.Diff(short.Trials, long.Trials[:len(short.Trials)]); d != "" {
		t.Error(d)
	}
}

func TestColdComesFirstAndAlone(t *testing.T) {
	p := mustExpand(t, mustParse(t, design), spec.Env{})
	counts := map[spec.Phase]int{}
	for i, trial := range p.Trials {
		counts[trial.Phase]++
		if (trial.Phase == spec.Cold) != (i < 6) || (trial.Experiment == "cold") != (i < 6) {
			t.Fatalf("trial %d is %s of %s", i, trial.Phase, trial.Experiment)
		}
		if i < 6 && (trial.Plot != i || trial.Prompt != p.Trials[0].Prompt) {
			t.Errorf("cold trial %d is in plot %d and asks %s", i, trial.Plot, trial.Prompt)
		}
	}
	// baseline: 5 blocks × 2 plots; sweep: 3 blocks × 6 plots; 2 warm-ups each.
	want := map[spec.Phase]int{spec.Cold: 6, spec.Warmup: 2 * (10 + 18), spec.Measure: 5*2*5 + 3*2*9*5}
	if d := cmp.Diff(want, counts); d != "" {
		t.Error(d)
	}
	if id := p.Trials[6].ID; id != "baseline/b0/0000" {
		t.Errorf("the first warm trial is %s", id)
	}
}

// clamp is what a runtime with a model of 18 layers does.
func clamp(_ string, requested map[string]any) map[string]any {
	if v, ok := requested["num_gpu"].(float64); ok {
		requested["num_gpu"] = min(v, 19)
	}
	return requested
}

// The trials of a block that ask one prompt share a seed; no others do.
func TestSamplerSeedsDiffer(t *testing.T) {
	seeds := map[int64]bool{}
	for _, trial := range mustExpand(t, mustParse(t, design), spec.Env{}).Trials {
		if trial.Phase == spec.Measure {
			seeds[trial.Seed] = true
		}
	}
	if want := 5*5 + 3*5; len(seeds) != want {
		t.Errorf("%d different seeds, want one for each prompt and block: %d", len(seeds), want)
	}
}

// Repeats of one cell are repeats of the work, not of the sampler's luck.
func TestRepeatsHaveTheirOwnSeeds(t *testing.T) {
	p := mustExpand(t, seeded(t, strings.Replace(legacy, "kind: grid", "kind: grid, repeats: 3", 1), 1), spec.Env{})
	seeds := map[int64]bool{}
	for _, trial := range p.Trials {
		if trial.Phase == spec.Measure {
			seeds[trial.Seed] = true
		}
	}
	if len(seeds) != 3 {
		t.Errorf("3 repeats have %d seeds", len(seeds))
	}
}

func TestAliases(t *testing.T) {
	for _, c := range []struct {
		rule  string
		plots int
	}{{"keep", 12}, {"drop", 3}} {
		src := strings.Replace(legacy, "warmup: 1", "warmup: 1, aliases: "+c.rule, 1)
		p := mustExpand(t, seeded(t, src, 1), spec.Env{Effective: clamp})
		if plots := p.Trials[len(p.Trials)-1].Plot + 1; plots != c.plots {
			t.Errorf("%s: %d plots, want %d", c.rule, plots, c.plots)
		}
		if len(p.Aliases) != 9 {
			t.Fatalf("%s: %d aliases, want one for each context and temperature: %v", c.rule, len(p.Aliases), p.Aliases)
		}
		a := p.Aliases[0]
		var gpus []any
		for _, r := range a.Requested {
			gpus = append(gpus, r["num_gpu"])
		}
		if d := cmp.Diff([]any{40.0, 60.0, 80.0, 999.0}, gpus); d != "" || a.Effective["num_gpu"] != 19.0 || a.Subject != "latest" {
			t.Errorf("%s: %+v\n%s", c.rule, a, d)
		}
		for _, trial := range p.Trials {
			if c.rule == "drop" && trial.Config["num_gpu"] != 40.0 {
				t.Fatalf("dropped, but trial %s asks for %v", trial.ID, trial.Config)
			}
		}
	}
	unknown := mustExpand(t, seeded(t, legacy, 1), spec.Env{Effective: func(string, map[string]any) map[string]any { return nil }})
	if len(unknown.Aliases) != 0 {
		t.Errorf("nothing is known, but there are aliases %v", unknown.Aliases)
	}
}

func TestOptionsOfASubject(t *testing.T) {
	src := strings.Replace(strings.Replace(legacy, "model: gemma3", "model: gemma3, options: {top_p: 0.5, temperature: 1}", 1), "SEED", "1", 1)
	seen := map[any]bool{}
	for _, trial := range mustExpand(t, mustParse(t, src), spec.Env{}).Trials {
		seen[trial.Config["temperature"]] = true
		if trial.Config["top_p"] != 0.5 || len(trial.Config) != 4 {
			t.Fatalf("trial %s has %v", trial.ID, trial.Config)
		}
	}
	if len(seen) != 3 || seen[1.0] {
		t.Errorf("temperatures %v: a factor overrides an option", seen)
	}
}

func TestExpandRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*spec.Spec)
		want  string
	}{
		{"an unknown kind", func(s *spec.Spec) { s.Targets[0].Kind = "vllm" }, `no kind "vllm"`},
		{"a lost target", func(s *spec.Spec) { s.Subjects[0].Target = "x" }, `no target "x"`},
		{"a lost subject", func(s *spec.Spec) { s.Experiments[0].Subjects = []string{"x"} }, `no subject "x"`},
		{"a workload without prompts", func(s *spec.Spec) { s.Workloads[0].Prompts = nil }, `no workload "w" with prompts`},
		{"a product that overflows", func(s *spec.Spec) { s.Experiments[0].Blocks = 1<<64/48 + 1 }, "at most 1000000"},
		{"too many trials", func(s *spec.Spec) { s.Experiments[0].Blocks = math.MaxInt }, "at most 1000000"},
	} {
		s := seeded(t, legacy, 1)
		c.spoil(s)
		if _, err := spec.Expand(s, spec.Env{Catalogue: catalogue()}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

func TestEstimate(t *testing.T) {
	s := mustParse(t, design)
	p := mustExpand(t, s, spec.Env{})
	constant := func(d time.Duration) func(spec.Trial) time.Duration {
		return func(spec.Trial) time.Duration { return d }
	}
	e := s.Estimate(p, catalogue(), spec.Costs{Request: constant(time.Second), Load: constant(time.Minute)})
	if e.Plots != 6+10+18 || e.Requests[spec.Measure] != 320 {
		t.Errorf("estimate %+v", e)
	}
	// A block may begin with the load that the one before ended with.
	if e.Loads > e.Plots || e.Loads < 6+5+1+3*5 {
		t.Errorf("%d loads in %d plots", e.Loads, e.Plots)
	}
	if want := time.Duration(len(p.Trials))*time.Second + time.Duration(e.Loads)*time.Minute; e.Took != want {
		t.Errorf("took %s, want %s", e.Took, want)
	}
	// Cold trials of one subject load it every time.
	cold := seeded(t, strings.Replace(legacy, "warmup: 1", "cold_loads: 7", 1), 1)
	all := mustExpand(t, cold, spec.Env{})
	all.Trials = all.Trials[:7]
	if e := cold.Estimate(all, catalogue(), spec.Costs{Request: constant(0), Load: constant(time.Second)}); e.Loads != 7 || e.Took != 7*time.Second {
		t.Errorf("cold: %+v", e)
	}
	one := seeded(t, strings.Replace(legacy, "kind: grid", "kind: grid, streams: 3", 1), 1)
	plan := mustExpand(t, one, spec.Env{})
	// 12 plots of one warm-up and three measured trials, three at a time.
	if e := one.Estimate(plan, catalogue(), spec.Costs{Request: constant(time.Second), Load: constant(0)}); e.Took != 24*time.Second || e.Loads != 12 {
		t.Errorf("streams: %+v", e)
	}
}

func TestSuites(t *testing.T) {
	if d := cmp.Diff([]string{"banter"}, spec.Suites()); d != "" {
		t.Error(d)
	}
	s := mustParse(t, design)
	texts := map[string]bool{}
	for _, p := range s.Workloads[0].Prompts {
		texts[p.Text] = true
	}
	if len(texts) != 5 || slices.ContainsFunc(s.Workloads[0].Prompts, func(p spec.PromptText) bool { return p.ID == "" }) {
		t.Errorf("banter is %v", s.Workloads[0].Prompts)
	}
}

// hundredThousand plans 100,000 trials: 2 × 90 cells × 5 prompts in 100 blocks, and warm-ups.
const hundredThousand = `{version: 1, name: big, targets: [{id: box, kind: ollama}],
subjects: [{id: a, target: box, model: a}, {id: b, target: box, model: b}],
workloads: [{id: w, suite: banter}],
experiments: [{id: sweep, kind: grid, blocks: 100, factors: {num_ctx: [1, 2, 3, 4, 5], num_gpu: [1, 2], temperature: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]}}],
design: {warmup: 5}}`

func BenchmarkExpand(b *testing.B) {
	s := mustParse(b, hundredThousand)
	if n := s.Trials(catalogue()); n != 100_000 {
		b.Fatalf("%d trials", n)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := spec.Expand(s, spec.Env{Catalogue: catalogue()}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := spec.Parse("s", []byte(design), catalogue(), nil); err != nil {
			b.Fatal(err)
		}
	}
}
