package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"chimera/internal/draft"
	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/sample"
	"chimera/internal/tool"
	"chimera/internal/unit"
)

// Material is what an agent reports on: rows, what they show, and where they
// came from. It is only read, so agents may share it.
type Material struct {
	Ledger   *fact.Ledger
	Analysis *finding.Analysis
	// Workspace and its counts, where a folder was read; nil for stored runs.
	Workspace *Workspace
	Counted   *Counted
	Unread    []Unread // files that gave no rows, and why
	Runs      []string // ids of the runs and imports that the rows are of
	Ingest    time.Duration
	source    *tool.Source
	counted   []fact.Fact // see stock
}

// Unread is a file that gave no rows.
type Unread struct {
	Path   string `json:"path"`
	Kind   string `json:"kind"`
	Reason string `json:"reason"`
}

// Gather turns a folder into rows and findings. It knows no agent.
type Gather func(ctx context.Context, root string) (*Material, error)

// Ingest scans a folder and lets gather read it; how long both took is kept.
func Ingest(ctx context.Context, root string, gather Gather, now func() time.Duration) (*Material, error) {
	from := now()
	w, err := Scan(ctx, root)
	if err != nil {
		return nil, err
	}
	counted, err := w.Count()
	if err != nil {
		return nil, err
	}
	m, err := gather(ctx, root)
	if err != nil {
		return nil, err
	}
	m.Workspace, m.Counted, m.Ingest = &w, &counted, now()-from
	return m, nil
}

// times begin with how long ingest took, where there was one.
func (m *Material) times() map[string]time.Duration {
	if m.Workspace == nil {
		return map[string]time.Duration{}
	}
	return map[string]time.Duration{StageIngest: m.Ingest}
}

// tools are the tools over the material.
func (m *Material) tools() *tool.Source {
	if m.source == nil {
		m.source = tool.NewSource(m.Ledger, m.Analysis, nil)
	}
	return m.source
}

// Written is what one agent wrote in one run, and how.
type Written struct {
	Role    string
	Run     int
	Agent   Agent
	By      string // "planner" or "model"
	Kept    []draft.Kept
	Dropped []draft.Dropped
	Tools   []tool.Call
	Calls   []Call
	Times   map[string]time.Duration // by stage, ingest among them, and "total"
	Ended   string                   // why no more was asked, if the budget ended it
	Score   draft.Score              // how well it chose
	Yard    draft.Score              // how well the planner chooses over the same facts
	sheet   *draft.Sheet
	given   []fact.Fact // by tools
}

// Freedom is how much a model may word itself.
type Freedom = draft.Freedom

// Freedoms.
const (
	Wording  = draft.Wording
	Choosing = draft.Choosing
)

// Options are how an agent runs.
type Options struct {
	Budget  Budget
	Freedom Freedom
	Notify  func(Event) // called in order, from the agent's own goroutine; nil for none
}

func (o Options) notify(e Event) {
	if o.Notify != nil {
		o.Notify(e)
	}
}

// Plan writes without a model, what a model's writing is measured against.
func Plan(m *Material, p Persona, now func() time.Duration, o Options) (*Written, error) {
	from := now()
	sheet, err := m.sheet(p, nil, o.Budget.orDefault().Table)
	if err != nil {
		return nil, err
	}
	w := &Written{Role: "agent", Agent: Agent{Persona: p}, By: "planner", sheet: sheet, Times: m.times()}
	w.take(sheet.Check(m.plan(sheet, p)))
	w.Times[StageReport] = now() - from
	w.finish(m, o.Budget.orDefault().Table)
	return w, nil
}

// plan is the planner's draft. An inventory begins with what there is: the facts
// themselves, as many as the persona's first section holds.
func (m *Material) plan(sheet *draft.Sheet, p Persona) draft.Draft {
	d := sheet.Plan()
	if p.About != Inventory {
		return d
	}
	first := draft.Section{Title: p.Sections[0].Title}
	stock := map[string]bool{}
	for _, f := range m.stock() {
		stock[f.ID] = true
	}
	for _, f := range sheet.Facts() {
		if stock[f.Fact.ID] && len(first.Sentences) < p.Sections[0].Count.Most {
			first.Sentences = append(first.Sentences, draft.Sentence{Kind: draft.Finding, Parts: []draft.Part{{Slot: f.Short}}})
		}
	}
	rest := slices.DeleteFunc(d.Sections, func(s draft.Section) bool { return s.Title == first.Title })
	d.Sections = append([]draft.Section{first}, rest...)
	return d
}

// sheet is what may be written about: the persona's sections are its outline.
func (m *Material) sheet(p Persona, more []fact.Fact, budget int) (*draft.Sheet, error) {
	in := draft.Input{Analysis: m.Analysis, Facts: more, Budget: budget}
	if p.About == Inventory {
		in.Analysis = m.Analysis.Only(func(f finding.Finding) bool { return f.Kind == finding.Failures || f.Verdict == finding.NotMeasured })
		in.Facts = append(m.stock(), more...)
	}
	for _, s := range p.Sections {
		in.Sections = append(in.Sections, s.Title)
	}
	sheet, err := draft.New(in)
	if errors.Is(err, draft.ErrEmpty) && p.About == Inventory { // counts alone carry no sheet; the rows may
		in.Analysis = m.Analysis
		return draft.New(in)
	}
	return sheet, err
}

// take keeps sentences that are not there already, as many as their section and
// the persona's bound of words hold, and lists what was dropped.
func (w *Written) take(kept []draft.Kept, dropped []draft.Dropped) {
	held := map[string]int{}
	said := map[string]bool{}
	words, most := 0, w.Agent.Persona.Words.Most
	note := func(section, text string) {
		held[section]++
		said[text] = true
		words += len(strings.Fields(text))
	}
	for _, k := range w.Kept {
		note(k.Section, k.Text.Print(w.sheet.Fact))
	}
	for _, k := range kept {
		text := k.Text.Print(w.sheet.Fact)
		if said[text] || held[k.Section] >= w.most(k.Section) || most > 0 && words+len(strings.Fields(text)) > most {
			continue
		}
		note(k.Section, text)
		w.Kept = append(w.Kept, k)
	}
	w.Dropped = append(w.Dropped, dropped...)
}

func (w *Written) most(title string) int {
	for _, s := range w.Agent.Persona.Sections {
		if s.Title == title {
			return cmp.Or(s.Count.Most, maxSentences)
		}
	}
	return maxSentences
}

// finish sums up the times, and scores the choice beside the planner's.
func (w *Written) finish(m *Material, table int) {
	var total time.Duration
	for _, t := range w.Times {
		total += t
	}
	w.Times["total"] = total
	yard, err := m.sheet(w.Agent.Persona, nil, table)
	if err != nil {
		return
	}
	wanted := yard.Wanted()
	w.Score = draft.Rate(w.Kept, w.Dropped, wanted)
	kept, dropped := yard.Check(m.plan(yard, w.Agent.Persona))
	w.Yard = draft.Rate(kept, dropped, wanted)
}

// Work lets one agent go through its stages. What the first agent of two wrote
// comes as handed; "" for none. The result is never nil unless there is nothing
// to write about: what the budget or the model spoilt is said in it. An error
// beside a result is an interrupt or a broken store.
func Work(ctx context.Context, m *Material, model Model, base Question, first string, o Options) (*Written, error) {
	b := o.Budget.orDefault()
	sheet, err := m.sheet(base.Agent.Persona, nil, b.Table)
	if err != nil {
		return nil, err
	}
	w := &Written{Role: base.Role, Run: base.Run, Agent: base.Agent, By: "model", sheet: sheet, Times: m.times()}
	d := newDesk(ctx, model, b, base, o.notify)
	defer d.end()
	err = w.stages(d, m, first, o)
	w.Calls, w.Ended = d.calls, d.ended
	w.finish(m, b.Table)
	if errors.Is(err, errSpent) {
		err = nil
	}
	return w, errors.Join(err, model.Record(w.Readings(model.Now())...))
}

// Repeat lets one agent work several times. It returns what there is, also
// beside an error.
func Repeat(ctx context.Context, m *Material, model Model, base Question, runs int, o Options) ([]*Written, error) {
	var all []*Written
	for i := range runs {
		base.Run = i
		w, err := Work(ctx, m, model, base, "", o)
		if w != nil {
			all = append(all, w)
		}
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// stages asks for a ranking, lets the model ask for more facts, and lets it
// write.
func (w *Written) stages(d *desk, m *Material, first string, o Options) error {
	p := w.Agent.Persona
	from := d.model.Now()
	lap := func(stage string) {
		now := d.model.Now()
		w.Times[stage] = now - from
		from = now
	}
	table := w.sheet.Table()
	text, err := d.ask(StageSummary, prompt(p, m.inventory(), handed(first), table, askSummary), w.rankSchema(), 0)
	ranked := w.ranked(text)
	lap(StageSummary)
	if err != nil {
		return err
	}
	err = w.analyse(d, m, ranked)
	lap(StageAnalysis)
	if err != nil {
		return err
	}
	if len(w.given) > 0 {
		if sheet, err := m.sheet(p, w.given, d.budget.Table); err == nil {
			w.sheet = sheet
		}
	}
	err = w.write(d, m, first, o)
	lap(StageReport)
	return err
}

// rankSchema lets the model choose ids of the sheet.
func (w *Written) rankSchema() string {
	return fmt.Sprintf(`{"type":"object","properties":{"matters":{"type":"array","minItems":1,"maxItems":8,"items":{"enum":%s}}},"required":["matters"],"additionalProperties":false}`, compact(w.shorts()))
}

var short = regexp.MustCompile(`\b[NF]\d{4}\b`)

// shorts are the ids that stand in the sheet's table, in its order.
func (w *Written) shorts() []string {
	var out []string
	for _, id := range short.FindAllString(w.sheet.Table(), -1) {
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// ranked reads the ids that an answer names, if they exist.
func (w *Written) ranked(text string) []string {
	known := w.shorts()
	var out []string
	for _, id := range short.FindAllString(text, -1) {
		if slices.Contains(known, id) && !slices.Contains(out, id) && len(out) < 8 {
			out = append(out, id)
		}
	}
	return out
}

// analyse lets the model ask for facts, one call of a tool at a time.
func (w *Written) analyse(d *desk, m *Material, ranked []string) error {
	box := tool.New(m.tools(), tool.Limits{Calls: d.budget.Tools, Facts: 12, Bytes: 4 << 10}, nil)
	defer func() { w.Tools, w.given = box.Log(), box.Given() }()
	definitions := m.tools().Definitions()
	var said []string
	if len(ranked) > 0 {
		said = append(said, "You chose: "+strings.Join(ranked, ", "))
	}
	schema := toolSchema(definitions)
	for n := range d.budget.Tools {
		if d.left() <= d.budget.Retries+1 {
			return nil // what is left is for the report
		}
		text, err := d.ask(StageAnalysis, prompt(w.Agent.Persona, m.inventory(), toolsOf(definitions), strings.Join(said, "\n")), schema, n)
		if err != nil {
			return err
		}
		name, arguments, ok := toolCall(text)
		if !ok || name == "done" {
			return nil
		}
		a := box.Call(d.ctx, name, arguments)
		d.notify(Event{Kind: Tooling, Role: w.Role, Stage: StageAnalysis, Run: w.Run, Text: quoted(name)})
		said = append(said, fmt.Sprintf("%s %s gave %s", quoted(name), arguments, a.JSON))
		said = said[max(0, len(said)-3):]
	}
	return nil
}

// toolSchema lets the model call one tool with arguments of its own.
func toolSchema(definitions []tool.Definition) string {
	var any []string
	for _, t := range definitions {
		any = append(any, fmt.Sprintf(`{"type":"object","properties":{"tool":{"enum":[%s]},"arguments":%s},"required":["tool","arguments"],"additionalProperties":false}`, compact(t.Name), t.Parameters))
	}
	any = append(any, `{"type":"object","properties":{"tool":{"enum":["done"]},"arguments":{"type":"object","properties":{},"additionalProperties":false}},"required":["tool","arguments"],"additionalProperties":false}`)
	return `{"anyOf":[` + strings.Join(any, ",") + `]}`
}

// toolCall reads the first call in an answer.
func toolCall(text string) (name string, arguments json.RawMessage, ok bool) {
	at := strings.IndexByte(text, '{')
	if at < 0 {
		return "", nil, false
	}
	var c struct {
		Tool      string          `json:"tool"`
		Arguments json.RawMessage `json:"arguments"`
	}
	if json.NewDecoder(strings.NewReader(text[at:])).Decode(&c) != nil || c.Tool == "" {
		return "", nil, false
	}
	if len(c.Arguments) == 0 {
		c.Arguments = json.RawMessage("{}")
	}
	return c.Tool, c.Arguments, true
}

// write asks for the report, and again with what was wrong, at most as often as
// the budget says. What passed once stays.
func (w *Written) write(d *desk, m *Material, first string, o Options) error {
	p, feedback := w.Agent.Persona, ""
	for attempt := range d.budget.Retries + 1 {
		text, err := d.ask(StageReport, prompt(p, m.inventory(), handed(first), w.sheet.Table(), askReport+shape(p)+feedback), w.sheet.Schema(o.Freedom), attempt)
		if err != nil {
			return err
		}
		if strings.TrimSpace(text) == "" {
			continue // there is nothing to drop: the table of calls says why
		}
		var kept []draft.Kept
		var dropped []draft.Dropped
		written, err := w.sheet.Parse(text)
		if err == nil {
			kept, dropped = w.sheet.Check(written)
		} else {
			dropped = []draft.Dropped{{Why: err.Error(), Text: quoted(text)}}
		}
		before := len(w.Kept)
		w.take(kept, dropped)
		d.notify(Event{Kind: Checked, Role: w.Role, Stage: StageReport, Run: w.Run, Text: fmt.Sprintf("%d kept, %d dropped", len(w.Kept)-before, len(dropped))})
		if len(dropped) == 0 {
			return nil
		}
		feedback = "\n" + wrong(dropped)
	}
	return nil
}

// wrong tells a writer what did not pass, in bounded words.
func wrong(dropped []draft.Dropped) string {
	const most = 6
	var b strings.Builder
	b.WriteString("These sentences did not pass; write others instead:\n")
	for _, d := range dropped[:min(len(dropped), most)] {
		fmt.Fprintf(&b, "- %s: %s\n", compact(d.Text), d.Why)
	}
	return b.String()
}

// Kinds of readings that an agent's run leaves beside its rows.
const (
	KindWorkflow = "agent-workflow"
	KindCall     = "agent-call"
	KindPair     = "agent-pair"
	KindOrder    = "agent-order" // the seed from which the order of turns and arms was drawn
)

// Readings are the times of the stages, and which calls were of no use.
func (w *Written) Readings(at time.Duration) []sample.Reading {
	labels := func(more ...string) map[string]string {
		l := map[string]string{"role": w.Role, "repeat": fmt.Sprint(w.Run + 1), "experiment": w.part()}
		for i := 0; i+1 < len(more); i += 2 {
			l[more[i]] = more[i+1]
		}
		if w.Agent.Subject != "" {
			l["subject"] = w.Agent.Subject
		}
		return l
	}
	var out []sample.Reading
	for _, stage := range append([]string{StageIngest}, append(slices.Clone(Stages), "total")...) {
		r := sample.Reading{Kind: KindWorkflow, Series: stage + "_time", Unit: unit.Second, At: at, Labels: labels(), Provenance: sample.Measured}
		if t, ok := w.Times[stage]; ok {
			r.Value = sample.Some(t.Seconds())
		} else {
			r.Reason = "no folder was read, no model was asked, or the run ended before"
		}
		out = append(out, r)
	}
	for _, c := range w.Calls {
		if c.Unusable == "" || c.Row.Outcome != sample.OK {
			continue
		}
		out = append(out, sample.Reading{Kind: KindCall, Series: "unusable", At: at, Value: sample.Some(1.0), Labels: labels("trial", c.Row.Trial, "stage", c.Question.Stage), Provenance: sample.Measured})
	}
	return out
}
