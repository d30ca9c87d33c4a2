package spec

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"chimera/internal/digest"
)

// PlanSchema is the version of the plan format.
const PlanSchema = 1

// MaxTrials bounds a plan: at one request a second, eleven days.
const MaxTrials = 1_000_000

// Env is what Expand must know beside the spec.
type Env struct {
	Catalogue Catalogue // options of every kind of target in the spec
	// Effective maps a subject's requested configuration to the one that would
	// really be used. It may be nil and may return nil: unknown before the run.
	// It must be deterministic and must not change its argument.
	Effective func(subject string, requested map[string]any) map[string]any
	// Run makes the nonces differ from those of every other run of the same
	// spec and seed: a server that keeps prefixes between runs must not know
	// them. Nothing else depends on it.
	Run string
}

// Expand lays a frozen spec out in the order in which it is to be run.
//
// Order. An experiment runs block by block. A block holds every
// cell (subject × prompt × combination of levels) once per repeat. Subjects
// and factors that force a reload are whole plots: all cells that share a load
// stand together, and the order of the plots is drawn anew in every block.
// Everything else is shuffled within its plot. A plot begins with the warm-up
// trials: cells of that plot, drawn at random, excluded by phase.
//
// Every block begins a plot of its own, even where it needs the load that the
// block before ended with. The load is then free, but the warm-ups are not
// left out: so every plot of every block begins alike, and a block that was
// interrupted can be repeated as it stands.
//
// In a cold experiment every trial is a plot of its own (unload, load, first
// request), in an order drawn anew in every block, without warm-ups. It asks
// the first prompt of each workload.
//
// Trials that differ only in subject or configuration get the same sampler
// seed (common random numbers). A nonce is nine digits, unique in the plan:
// digits cost a fixed number of tokens in most vocabularies, letters do not.
// Seed and run decide it, so that a second run of a spec sends other prompts.
//
// Trials share their Config maps, which must not be changed.
func Expand(s *Spec, env Env) (*Plan, error) {
	p := &planner{spec: s, env: env, nonces: newNonces(s.Design, env.Run)}
	if err := p.check(); err != nil {
		return nil, err
	}
	p.plan = &Plan{Schema: PlanSchema, Name: s.Name, Seed: s.Design.Seed, Prompts: map[string]Prompt{}}
	p.plan.Trials = make([]Trial, 0, s.Trials(env.Catalogue))
	for _, e := range s.Experiments {
		p.experiment(e)
	}
	p.plan.Aliases = p.aliases.list()
	return p.plan, nil
}

type planner struct {
	spec    *Spec
	env     Env
	plan    *Plan
	aliases aliases
	nonces  nonces
	plot    int // the next one
}

// check makes sure of what a spec from another build may lack.
func (p *planner) check() error {
	for _, subject := range p.spec.Subjects {
		t, ok := p.spec.Target(subject.Target)
		if !ok {
			return usage("subject %s: there is no target %q", subject.ID, subject.Target)
		}
		if _, ok := p.env.Catalogue[t.Kind]; !ok {
			return usage("target %s: this build knows no kind %q", t.ID, t.Kind)
		}
	}
	for _, e := range p.spec.Experiments {
		for _, id := range e.Subjects {
			if _, ok := p.spec.Subject(id); !ok {
				return usage("experiment %s: there is no subject %q", e.ID, id)
			}
		}
		for _, id := range e.Workloads {
			if w, ok := p.spec.Workload(id); !ok || len(w.Prompts) == 0 {
				return usage("experiment %s: there is no workload %q with prompts", e.ID, id)
			}
		}
	}
	if n := p.spec.Trials(p.env.Catalogue); n > MaxTrials {
		return usage("a run must have at most %d trials, but this is %s", MaxTrials, countText(n))
	}
	return nil
}

// load is the cells of one subject that share one load.
type load struct {
	subject Subject
	configs []map[string]any
}

// visit is one planned request within a plot.
type visit struct {
	load   *load
	config map[string]any
	prompt int // index into the experiment's prompts
	repeat int
}

func (p *planner) experiment(e Experiment) {
	prompts := p.prompts(e)
	loads := p.loads(e)
	for block := range e.Blocks {
		b := &blockPlanner{planner: p, experiment: e, block: block, prompts: prompts,
			random: stream(p.spec.Design.Seed, "order", e.ID, strconv.Itoa(block))}
		b.drawSeeds()
		first := len(p.plan.Trials)
		if e.Kind == KindCold {
			b.cold(loads)
		} else {
			b.warm(loads)
		}
		number(p.plan.Trials[first:], e.ID, block, first)
	}
}

// prompts returns the keys of an experiment's prompts, which it adds to the
// plan.
func (p *planner) prompts(e Experiment) []Prompt {
	var out []Prompt
	for _, id := range e.Workloads {
		w, _ := p.spec.Workload(id)
		texts := w.Prompts
		if e.Kind == KindCold {
			texts = texts[:1]
		}
		for _, t := range texts {
			key := promptKey(w.ID, t.ID)
			prompt, ok := p.plan.Prompts[key]
			if !ok {
				prompt = Prompt{Workload: w.ID, ID: t.ID, Text: t.Text, SHA256: digest.Text(t.Text), MaxTokens: w.MaxTokens}
				p.plan.Prompts[key] = prompt
			}
			out = append(out, prompt)
		}
	}
	return out
}

func promptKey(workload, id string) string { return workload + "/" + id }

// loads groups an experiment's configurations by the load they need.
func (p *planner) loads(e Experiment) []*load {
	var out []*load
	for _, id := range e.Subjects {
		subject, _ := p.spec.Subject(id)
		t, _ := p.spec.Target(subject.Target)
		options := p.env.Catalogue[t.Kind]
		byKey := map[string]*load{}
		for _, config := range p.configs(e, subject) {
			key := ReloadKey(options, config)
			if byKey[key] == nil {
				byKey[key] = &load{subject: subject}
				out = append(out, byKey[key])
			}
			byKey[key].configs = append(byKey[key].configs, config)
		}
	}
	return out
}

// configs returns the configurations of a subject in an experiment: its
// options overlaid with each combination of levels, without those that the
// rule for aliases drops.
func (p *planner) configs(e Experiment, subject Subject) []map[string]any {
	var out []map[string]any
	seen := map[string]bool{}
	eachCombination(e.Factors, func(levels map[string]any) {
		config := map[string]any{}
		maps.Copy(config, subject.Options)
		maps.Copy(config, levels)
		if p.env.Effective != nil {
			if effective := p.env.Effective(subject.ID, maps.Clone(config)); effective != nil {
				key := ConfigID(effective)
				p.aliases.add(subject.ID, key, effective, config)
				if p.spec.Design.Aliases == Drop && seen[key] {
					return
				}
				seen[key] = true
			}
		}
		out = append(out, config)
	})
	return out
}

// eachCombination visits every combination of levels, the last factor fastest.
// Factors go by name and levels as written, so that a plan does not depend on
// the order of keys in a file.
func eachCombination(factors Factors, visit func(map[string]any)) {
	byName := slices.SortedFunc(slices.Values(factors), func(a, b Factor) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	levels := map[string]any{}
	var at func(i int)
	at = func(i int) {
		if i == len(byName) {
			visit(levels)
			return
		}
		for _, level := range byName[i].Levels {
			levels[byName[i].Name] = level
			at(i + 1)
		}
	}
	at(0)
}

// blockPlanner lays out one block of an experiment.
type blockPlanner struct {
	*planner
	experiment Experiment
	block      int
	prompts    []Prompt
	random     *rand.Rand
	seeds      []int64 // by prompt and repeat
}

// drawSeeds gives every prompt and repeat of the block a sampler seed. They
// are positive and fit 31 bits, which every runtime takes.
func (b *blockPlanner) drawSeeds() {
	random := stream(b.spec.Design.Seed, "sampler", b.experiment.ID, strconv.Itoa(b.block))
	b.seeds = make([]int64, len(b.prompts)*b.experiment.Repeats)
	for i := range b.seeds {
		b.seeds[i] = 1 + random.Int64N(math.MaxInt32-1)
	}
}

func (b *blockPlanner) warm(loads []*load) {
	var visits []visit
	for _, l := range b.shuffled(loads) {
		visits = b.visits(visits[:0], l)
		for i := range b.spec.Design.Warmup {
			v := visits[b.random.IntN(len(visits))]
			v.repeat = 0
			b.add(v, Warmup, i)
		}
		b.random.Shuffle(len(visits), func(i, j int) { visits[i], visits[j] = visits[j], visits[i] })
		for _, v := range visits {
			b.add(v, Measure, v.repeat)
		}
		b.plot++
	}
}

func (b *blockPlanner) cold(loads []*load) {
	var visits []visit
	for _, l := range loads {
		visits = b.visits(visits, l)
	}
	b.random.Shuffle(len(visits), func(i, j int) { visits[i], visits[j] = visits[j], visits[i] })
	for _, v := range visits {
		b.add(v, Cold, v.repeat)
		b.plot++
	}
}

func (b *blockPlanner) shuffled(loads []*load) []*load {
	out := slices.Clone(loads)
	b.random.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// visits appends every visit of a load's cells in this block.
func (b *blockPlanner) visits(to []visit, l *load) []visit {
	for _, config := range l.configs {
		for prompt := range b.prompts {
			for repeat := range b.experiment.Repeats {
				to = append(to, visit{l, config, prompt, repeat})
			}
		}
	}
	return to
}

func (b *blockPlanner) add(v visit, phase Phase, repeat int) {
	prompt := b.prompts[v.prompt]
	b.plan.Trials = append(b.plan.Trials, Trial{
		Experiment: b.experiment.ID, Subject: v.load.subject.ID, Target: v.load.subject.Target,
		Workload: prompt.Workload, Prompt: promptKey(prompt.Workload, prompt.ID), Config: v.config,
		Block: b.block, Repeat: repeat, Order: len(b.plan.Trials), Phase: phase, Plot: b.plot,
		Streams: b.experiment.Streams, Seed: b.seeds[v.prompt*b.experiment.Repeats+v.repeat],
		Nonce: b.nonces.at(len(b.plan.Trials)),
	})
}

// number gives the trials of a block their ids: "sweep/b2/0041". One string
// backs them all.
func number(trials []Trial, experiment string, block, first int) {
	prefix := fmt.Sprintf("%s/b%d/", experiment, block)
	width := max(4, len(strconv.Itoa(len(trials)-1)))
	size := len(prefix) + width
	all := make([]byte, 0, size*len(trials))
	for i := range trials {
		all = append(all, prefix...)
		all = appendPadded(all, i, width)
	}
	text := string(all)
	for i := range trials {
		trials[i].ID = text[i*size : (i+1)*size]
	}
}

func appendPadded(to []byte, n, width int) []byte {
	for range width {
		to = append(to, '0')
	}
	for i := len(to) - 1; n > 0; i-- {
		to[i] = byte('0' + n%10)
		n /= 10
	}
	return to
}

// stream is a source of random numbers for one purpose: independent of every
// other purpose, so that a longer warm-up does not change the order.
func stream(seed int64, purpose ...string) *rand.Rand {
	h := fnv.New64a()
	for _, p := range purpose {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return rand.New(rand.NewPCG(uint64(seed), h.Sum64()))
}

// nonces are numbers below 10⁹, all different, in an order that the seed
// decides: i ↦ i·step + start is a permutation when step and 10⁹ share no
// factor.
type nonces struct {
	on          bool
	start, step uint64
}

const nonceRange = 1_000_000_000

func newNonces(d Design, run string) nonces {
	random := stream(d.Seed, "nonce"+run)
	step := random.Uint64N(nonceRange)
	for step%2 == 0 || step%5 == 0 || step < nonceRange/10 {
		step = random.Uint64N(nonceRange)
	}
	return nonces{on: d.Cache == UniquePrefix, start: random.Uint64N(nonceRange), step: step}
}

func (n nonces) at(i int) string {
	if !n.on {
		return ""
	}
	return string(appendPadded(make([]byte, 0, 9), int((n.start+uint64(i)*n.step)%nonceRange), 9))
}

// aliases collects requested configurations by what they would become.
type aliases struct {
	order []*aliasSet
	sets  map[[2]string]*aliasSet
}

type aliasSet struct {
	Alias
	seen map[string]bool
}

func (a *aliases) add(subject, key string, effective, requested map[string]any) {
	if a.sets == nil {
		a.sets = map[[2]string]*aliasSet{}
	}
	set := a.sets[[2]string{subject, key}]
	if set == nil {
		set = &aliasSet{Alias{Subject: subject, Effective: effective}, map[string]bool{}}
		a.sets[[2]string{subject, key}] = set
		a.order = append(a.order, set)
	}
	if id := ConfigID(requested); !set.seen[id] {
		set.seen[id] = true
		set.Requested = append(set.Requested, requested)
	}
}

// list returns the sets of at least two, in the order in which they were
// first requested.
func (a *aliases) list() []Alias {
	var out []Alias
	for _, set := range a.order {
		if len(set.Requested) > 1 {
			out = append(out, set.Alias)
		}
	}
	return out
}
