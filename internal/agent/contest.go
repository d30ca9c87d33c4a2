package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"

	"chimera/internal/sample"
	"chimera/internal/unit"
)

// Parts of a run of several agents. All but the last two ask each agent for equal
// work: the same prompts, answers of the same length.
const (
	PartCompare = "compare" // one after the other, taking turns
	PartSolo    = "solo"    // one alone
	PartLevel   = "level"   // so many streams at once; with its number behind
	PartWrite   = "write"   // each agent writes its report
)

// Rival is one of several agents.
type Rival struct {
	Role  string
	Agent Agent
}

// Contest is what several agents are asked.
type Contest struct {
	Material *Material
	Model    Model
	Rivals   []Rival
	Runs     int // blocks
	Tokens   int // of each answer that is compared
	Seed     int64
	Options  Options
}

// drawn shuffles n places; equal seeds and blocks give equal orders.
func (c Contest) drawn(n, block int) []int {
	order := rand.New(rand.NewPCG(uint64(c.Seed), uint64(block)))
	return order.Perm(n)
}

// sayOrder records that the order is drawn, and from which seed.
func (c Contest) sayOrder() error {
	return c.Model.Record(sample.Reading{Kind: KindOrder, Series: "order_seed", Value: sample.Some(float64(c.Seed)), Labels: map[string]string{}, Provenance: sample.Measured})
}

// Compare lets two or more agents do equal work in turns, in an order that is
// drawn for every block, and then lets each of them write its report.
func (c Contest) Compare(ctx context.Context) ([]*Written, error) {
	if err := c.sayOrder(); err != nil {
		return nil, err
	}
	var calls []Call
	for block := range c.Runs {
		for _, i := range c.drawn(len(c.Rivals), block) {
			done, err := c.turn(ctx, c.Rivals[i], PartCompare, block, 0, 1)
			calls = append(calls, done...)
			if err != nil {
				return c.written(calls, nil), err
			}
		}
	}
	all, err := c.write(ctx, false)
	return c.written(calls, all), err
}

// write lets each agent write; handed says whether each reads what the one
// before it wrote.
func (c Contest) write(ctx context.Context, handed bool) ([]*Written, error) {
	var all []*Written
	first := ""
	for _, r := range c.Rivals {
		base := Question{Part: PartWrite, Role: r.Role, Agent: r.Agent, Seed: c.Seed, Streams: 1}
		w, err := Work(ctx, c.Material, c.Model, base, first, c.Options)
		if w != nil {
			all = append(all, w)
			if handed {
				first = w.Text()
			}
		}
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// written joins the calls of equal work to what the agents wrote, so that one
// report tells both; an agent that wrote nothing has its calls told all the same.
func (c Contest) written(calls []Call, all []*Written) []*Written {
	for _, r := range c.Rivals {
		own := slices.DeleteFunc(slices.Clone(calls), func(x Call) bool { return x.Question.Role != r.Role })
		i := slices.IndexFunc(all, func(w *Written) bool { return w.Role == r.Role })
		if i < 0 {
			sheet, err := c.Material.sheet(r.Agent.Persona, nil, c.Options.Budget.orDefault().Table)
			if err != nil || len(own) == 0 {
				continue
			}
			i, all = len(all), append(all, &Written{Role: r.Role, Agent: r.Agent, By: "model", sheet: sheet, Times: c.Material.times(), Ended: "the run ended before it wrote"})
			all[i].finish(c.Material, c.Options.Budget.orDefault().Table)
		}
		all[i].Calls = append(own, all[i].Calls...)
	}
	return all
}

// turn lets one agent do its share of equal work: it is loaded and warmed up
// first, so that what is compared is warm.
func (c Contest) turn(ctx context.Context, r Rival, part string, block, stream, streams int) ([]Call, error) {
	questions, err := c.questions(r, part, block, stream, streams)
	if err != nil {
		return nil, err
	}
	if err := c.warm(ctx, questions[0]); err != nil {
		return nil, err
	}
	return c.ask(ctx, questions)
}

// warm loads what a question needs and asks once outside all means.
func (c Contest) warm(ctx context.Context, q Question) error {
	if err := c.Model.Prepare(ctx, q); err != nil {
		return err
	}
	q.Warmup, q.Tokens, q.Prompt, q.Nonce = true, 1, "Say yes.", ""
	_, err := c.Model.Ask(ctx, q)
	return err
}

// ask sends questions one after the other.
func (c Contest) ask(ctx context.Context, questions []Question) ([]Call, error) {
	var calls []Call
	for _, q := range questions {
		row, err := c.Model.Ask(ctx, q)
		if err != nil {
			return calls, err
		}
		call := Call{Question: q, Row: row}
		if row.Outcome != sample.OK {
			call.Unusable = string(row.Outcome)
		}
		calls = append(calls, call)
		c.Options.notify(Event{Kind: Answered, Role: q.Role, Stage: q.Stage, Run: q.Run, Call: &call})
	}
	return calls, nil
}

// questions are the equal work of an agent: each stage's own prompt, which no
// answer enters, and an answer of a fixed length.
func (c Contest) questions(r Rival, part string, block, stream, streams int) ([]Question, error) {
	p := r.Agent.Persona
	sheet, err := c.Material.sheet(p, nil, c.Options.Budget.orDefault().Table)
	if err != nil {
		return nil, err
	}
	inventory, table := c.Material.inventory(), sheet.Table()
	prompts := map[string]string{
		StageSummary:  prompt(p, inventory, table, askSummary),
		StageAnalysis: prompt(p, inventory, table, "Task: say which findings of the table belong together, and why."),
		StageReport:   prompt(p, inventory, table, askReport+shape(p)),
	}
	var out []Question
	for i, stage := range Stages {
		out = append(out, Question{Part: part, Run: block, Role: r.Role, Stage: stage, Agent: r.Agent, Prompt: prompts[stage], Tokens: c.Tokens, Fixed: true,
			Seed: c.Seed, Stream: stream, Streams: streams, Nonce: c.nonce(part, block, stream, i)})
	}
	return out, nil
}

// nonce keeps a cached prefix from answering: it differs between calls and is
// the same for the rivals of a block.
func (c Contest) nonce(part string, block, stream, i int) string {
	r := rand.New(rand.NewPCG(uint64(c.Seed), uint64(block)<<16|uint64(stream)<<8|uint64(i)))
	return fmt.Sprintf("%s %08x", cmp.Or(strings.TrimLeft(part, " "), "call"), r.Uint32())
}

// ArmPlan is one way to let two agents work at once: which subject each of them
// asks, and whether they work at the same time.
type ArmPlan struct {
	Name     string   // "serial", "parallel", "two-servers"
	Subjects []string // one a rival
}

// PairPlan is an experiment with agents together and alone.
type PairPlan struct {
	Scenario string    // "baseline-vs-tuned", "heterogeneous", "homogeneous"
	Arms     []ArmPlan // the first one's subjects also serve the solo runs
	Levels   []int     // streams at once for a law of scaling; none leaves it out
}

// Pair lets two agents work alone and together with equal work, block by block,
// in an order that is drawn; the first block begins with each one alone. After
// that the first agent writes, and the second reads what it wrote and writes.
func (c Contest) Pair(ctx context.Context, p PairPlan) ([]*Written, error) {
	if err := c.sayOrder(); err != nil {
		return nil, err
	}
	var calls []Call
	for block := range c.Runs {
		for _, part := range c.parts(p, block) {
			done, err := part(ctx)
			calls = append(calls, done...)
			if err != nil {
				return c.written(calls, nil), err
			}
		}
	}
	for i := range c.Rivals {
		c.Rivals[i] = c.on(c.Rivals[i], p.Arms[0].Subjects[i])
	}
	all, err := c.write(ctx, true)
	return c.written(calls, all), err
}

// parts are what a block consists of, in the order in which it is done: drawn,
// but in the first block each agent is measured alone before any two are at
// once.
func (c Contest) parts(p PairPlan, block int) []func(context.Context) ([]Call, error) {
	var all []func(context.Context) ([]Call, error)
	for i, r := range c.Rivals {
		all = append(all, func(ctx context.Context) ([]Call, error) {
			return c.turn(ctx, c.on(r, p.Arms[0].Subjects[i]), PartSolo, block, 0, 1)
		})
	}
	for _, arm := range p.Arms {
		all = append(all, func(ctx context.Context) ([]Call, error) { return c.together(ctx, p, arm, block) })
	}
	for _, n := range p.Levels {
		all = append(all, func(ctx context.Context) ([]Call, error) { return nil, c.level(ctx, p, n, block) })
	}
	order := c.drawn(len(all), block)
	if block == 0 {
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(min(a, len(c.Rivals)), min(b, len(c.Rivals))) })
	}
	out := make([]func(context.Context) ([]Call, error), len(all))
	for at, i := range order {
		out[at] = all[i]
	}
	return out
}

// on is a rival that asks another subject.
func (c Contest) on(r Rival, subject string) Rival {
	r.Agent.Subject = subject
	return r
}

// together lets all rivals of an arm work at the same time. Each is loaded and
// warmed up before anyone begins.
func (c Contest) together(ctx context.Context, p PairPlan, arm ArmPlan, block int) ([]Call, error) {
	work := make([][]Question, len(c.Rivals))
	for i, r := range c.Rivals {
		var err error
		if work[i], err = c.questions(c.on(r, arm.Subjects[i]), arm.Name, block, i, len(c.Rivals)); err != nil {
			return nil, err
		}
		if err := c.warm(ctx, work[i][0]); err != nil {
			return nil, err
		}
	}
	c.Options.notify(Event{Kind: Arm, Run: block, Stage: arm.Name, Text: fmt.Sprintf("%d agents at once", len(c.Rivals))})
	from := c.Model.Now()
	done, err := c.atOnce(ctx, work)
	wall := c.Model.Now() - from
	r := sample.Reading{Kind: KindPair, Series: "concurrent_wall_time", Unit: unit.Second, At: from, Value: sample.Some(wall.Seconds()), Provenance: sample.Measured,
		Labels: map[string]string{"scenario": p.Scenario, "experiment": arm.Name, "repeat": strconv.Itoa(block + 1)}}
	if err != nil {
		r.Value, r.Reason = sample.None[float64](), "an agent did not come to its end"
	}
	return done, errors.Join(err, c.Model.Record(r))
}

// atOnce asks several lists of questions at the same time.
func (c Contest) atOnce(ctx context.Context, work [][]Question) ([]Call, error) {
	results, errs := make([][]Call, len(work)), make([]error, len(work))
	var group sync.WaitGroup
	var mu sync.Mutex
	quiet := c
	quiet.Options.Notify = func(e Event) { // one line at a time
		mu.Lock()
		defer mu.Unlock()
		c.Options.notify(e)
	}
	for i := range work {
		group.Go(func() { results[i], errs[i] = quiet.ask(ctx, work[i]) })
	}
	group.Wait()
	return slices.Concat(results...), errors.Join(errs...)
}

// level lets so many streams of the last rival ask at once. Its rows name no
// role: they are requests of one kind, from which a law of scaling is fitted.
func (c Contest) level(ctx context.Context, p PairPlan, n, block int) error {
	last := len(c.Rivals) - 1
	r := c.on(c.Rivals[last], p.Arms[0].Subjects[last])
	r.Role = ""
	work := make([][]Question, n)
	for i := range work {
		questions, err := c.questions(r, fmt.Sprintf("%s-%d", PartLevel, n), block, i, n)
		if err != nil {
			return err
		}
		work[i] = questions[:1]
	}
	if err := c.warm(ctx, work[0][0]); err != nil {
		return err
	}
	c.Options.notify(Event{Kind: Arm, Run: block, Stage: PartLevel, Text: fmt.Sprintf("%d streams at once", n)})
	_, err := c.atOnce(ctx, work)
	return err
}
