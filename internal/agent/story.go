package agent

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"chimera/internal/digest"
	"chimera/internal/draft"
	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// Story is what agents wrote and how they worked, ready to be rendered: every
// number in it is a fact of Facts.
type Story struct {
	Title    string
	Meta     finding.Sentence
	Chapters []Chapter
	Facts    []fact.Fact
}

// Chapter is one section of a story.
type Chapter struct {
	ID, Title string
	Blocks    []Block
}

// Block has one field set: a heading, lines in a style, a table of facts, or
// text of others word for word.
type Block struct {
	Heading string
	Lines   []Line
	Style   Style
	Table   *finding.Table
	Quote   string
	Folded  string // the title behind which the block is folded, if it is
}

// Line is one sentence with the verdict that it carries, if any.
type Line struct {
	Text    finding.Sentence
	Verdict finding.Verdict
}

// teller builds a story and gathers the facts that it prints.
type teller struct {
	m     *Material
	story *Story
	own   map[string]fact.Fact // facts about the agents' own work
	seen  map[string]bool
}

func newTeller(m *Material, title string) *teller {
	return &teller{m: m, story: &Story{Title: title}, own: map[string]fact.Fact{}, seen: map[string]bool{}}
}

func (t *teller) chapter(id, title string, blocks ...Block) {
	blocks = slices.DeleteFunc(blocks, func(b Block) bool {
		return b.Heading == "" && len(b.Lines) == 0 && (b.Table == nil || len(b.Table.Rows) == 0) && b.Quote == ""
	})
	if len(blocks) > 0 {
		t.story.Chapters = append(t.story.Chapters, Chapter{id, title, blocks})
	}
}

// know enters a fact about the agents' own work.
func (t *teller) know(facts ...fact.Fact) {
	for _, f := range facts {
		t.own[f.ID] = f
	}
}

// fact finds a fact, wherever it comes from.
func (t *teller) fact(id string) (fact.Fact, bool) {
	if f, ok := t.own[id]; ok {
		return f, true
	}
	return t.m.Analysis.Fact(id)
}

// done lists the facts that the story prints, and those that they stand on.
func (t *teller) done() (*Story, error) {
	var lost error
	use := func(id string) {
		if id == "" || t.seen[id] {
			return
		}
		f, ok := t.fact(id)
		if !ok {
			lost = cmp.Or(lost, fmt.Errorf("the story cites the fact %s, which nobody made", id))
			return
		}
		t.seen[id] = true
		t.story.Facts = append(t.story.Facts, f)
	}
	for _, id := range t.story.Meta.Facts() {
		use(id)
	}
	for _, c := range t.story.Chapters {
		for _, b := range c.Blocks {
			for _, l := range b.Lines {
				for _, id := range l.Text.Facts() {
					use(id)
				}
			}
			if b.Table == nil {
				continue
			}
			for _, r := range b.Table.Rows {
				for _, c := range r.Cells {
					use(c.Fact)
				}
			}
		}
	}
	return t.story, lost
}

func text(s string) finding.Part { return finding.Part{Text: s} }
func name(s string) finding.Part { return finding.Part{Name: quoted(s)} }
func value(f fact.Fact) finding.Part {
	return finding.Part{Fact: f.ID, As: finding.AsValue}
}

// count is a fact that says how many of something there are in the agents' own
// work. Its evidence is the digest of what was counted.
func (t *teller) count(of string, n, planned int, scope map[string]string, evidence string) fact.Fact {
	f, err := fact.Identify(fact.Fact{Metric: of, Version: 1, Aggregate: "count", Unit: unit.None, Scope: scope, Value: sample.Some(float64(n)), N: n, Planned: planned,
		Method: "counted", Evidence: fact.Evidence{Rows: []string{}, Digest: digest.Text(evidence)}})
	if err != nil { // maps of strings and finite numbers are JSON
		panic("agent: " + err.Error())
	}
	t.know(f)
	return f
}

// prose is what one agent wrote, section by section, in the persona's styles.
func (t *teller) prose(w *Written, prefix string) {
	t.know(w.given...)
	t.know(t.m.stock()...)
	for _, s := range w.Agent.Persona.Sections {
		b := Block{Style: s.Style}
		for _, k := range w.Kept {
			if k.Section == s.Title {
				b.Lines = append(b.Lines, Line{k.Text, k.Verdict})
			}
		}
		blocks := []Block{b}
		if len(b.Lines) == 0 {
			blocks = []Block{{Style: Prose, Lines: []Line{{Text: finding.Sentence{text("Nothing that was written here held.")}}}}}
		}
		if n := len(b.Lines); n > 0 && n < s.Count.Least {
			blocks = append(blocks, Block{Style: Prose, Lines: []Line{{Text: finding.Sentence{text("Fewer than the persona asks for: no other sentence held.")}}}})
		}
		if s.Style == Table {
			if r := t.risks(); len(r.Rows) > 0 {
				blocks = append(blocks, Block{Table: &r})
			}
		}
		t.chapter(prefix+s.ID, cmp.Or(strings.TrimSpace(titleOf(prefix)+s.Title), s.Title), blocks...)
	}
}

func titleOf(prefix string) string {
	if prefix == "" {
		return ""
	}
	return strings.ToUpper(prefix[:1]) + strings.TrimSuffix(prefix[1:], "-") + ": "
}

// workKinds are the findings about agents at work, in the order in which they
// are told.
var workKinds = []finding.Kind{"agents", "concurrency", "contention", "scaling", "stages"}

// work tells what the agents' own calls show: who is faster, what they gain
// together and what they cost each other.
func (t *teller) work(own *finding.Analysis) {
	if own == nil {
		return
	}
	t.know(own.Facts...)
	var blocks []Block
	for _, kind := range workKinds {
		for _, f := range own.Of(kind) {
			blocks = append(blocks, Block{Heading: f.Question + scopeOf(f)}, Block{Style: Prose, Lines: []Line{{f.Sentence, f.Verdict}}})
			for _, n := range f.Notes {
				blocks = append(blocks, Block{Style: Prose, Lines: []Line{{Text: n}}})
			}
			if kind == "stages" {
				continue // every call stands in a table of its own
			}
			for _, table := range f.Tables {
				table.ID = "w-" + strings.ToLower(f.ID) + "-" + table.ID
				blocks = append(blocks, Block{Table: &table})
			}
		}
	}
	t.chapter("agents", "The agents at work", blocks...)
}

// risk words what a failed check puts at risk, and what to do about it.
var risk = map[finding.CheckID][2]string{
	finding.OrderRandomised: {"the order was not drawn: what looks like a setting may be the time of day", "run it again with a spec, which draws the order"},
	finding.Unaliased:       {"settings that the runtime treats as one were compared as several", "vary what the runtime tells apart"},
	finding.EqualWork:       {"the sides did not do the same work", "ask both the same prompts with the same budget"},
	finding.NoColdRows:      {"cold requests stand among warm ones", "warm up after each load"},
	finding.NoFailures:      {"requests failed, and the rest may not be like them", "find out why they failed, and repeat them"},
	finding.NoCacheHits:     {"prompts may have come from a cache", "put a nonce first in every prompt"},
	finding.NoThrottling:    {"clocks did not hold", "repeat it on a cooled machine"},
	finding.QuietMachine:    {"the machine had other work", "repeat it on a quiet machine"},
	finding.NoDegenerate:    {"answers hold nothing to measure", "look at the answers before their speed"},
	finding.NoDrift:         {"the level moved during the run", "repeat it in randomised blocks"},
	finding.NoOutlier:       {"a single value decides a mean", "repeat it, and report medians"},
	finding.EnoughN:         {"there are too few repeats to show a difference", "repeat it until the interval decides"},
	finding.Observed:        {"the figures were read from files, nobody watched the requests", "measure it with chimera"},
	finding.SameConditions:  {"the sides ran under different conditions", "run both on the same device with the same settings"},
	finding.SoloBaseline:    {"nothing was measured alone", "measure each task alone, interleaved"},
}

// risks are the checks that failed or could not be made: what could be wrong
// with the conclusions, how many of them it concerns, and what to do.
func (t *teller) risks() finding.Table {
	out := finding.Table{ID: "risks", Title: "Risks", Labels: []string{"risk", "what to do"},
		Columns: []finding.Column{{Head: "findings that fail the check", Metric: "findings", Aggregate: "count", As: finding.AsValue}, {Head: "findings where it cannot be told", Metric: "findings", Aggregate: "count", As: finding.AsValue}}}
	type tally struct{ failed, unknown []string }
	by := map[finding.CheckID]*tally{}
	for _, f := range t.m.Analysis.Findings {
		for _, c := range f.Checks {
			if by[c.ID] == nil {
				by[c.ID] = &tally{}
			}
			switch c.Status {
			case finding.Fail:
				by[c.ID].failed = append(by[c.ID].failed, f.ID)
			case finding.Unknown:
				by[c.ID].unknown = append(by[c.ID].unknown, f.ID)
			}
		}
	}
	for _, id := range finding.CheckIDs {
		c := by[id]
		if c == nil || len(c.failed)+len(c.unknown) == 0 {
			continue
		}
		cell := func(status finding.Status, ids []string) finding.Cell {
			if len(ids) == 0 {
				return finding.Cell{Word: "none"}
			}
			return finding.Cell{Fact: t.count("findings", len(ids), len(t.m.Analysis.Findings), map[string]string{"check": string(id), "status": string(status)}, strings.Join(ids, "\n")).ID}
		}
		out.Rows = append(out.Rows, finding.Row{Names: []string{risk[id][0], risk[id][1]}, Cells: []finding.Cell{cell(finding.Fail, c.failed), cell(finding.Unknown, c.unknown)}})
	}
	return out
}

// workspace is the inventory: counts by kind and folder, and what gave no rows.
func (t *teller) workspace() {
	if t.m.Workspace == nil {
		return
	}
	c := t.m.Counted
	t.know(c.Facts()...)
	subjects := inventoryTable("subject", t.m.rows())
	t.know(t.m.rows()...)
	subjects.Title = "Rows by subject"
	subjects.Columns = []finding.Column{{Head: "rows with a value", Metric: "rows", Aggregate: "count", As: finding.AsValue}, {Head: "rows", Metric: "rows", Aggregate: "count", As: finding.AsPlanned}}
	for i := range subjects.Rows {
		subjects.Rows[i].Cells = append(subjects.Rows[i].Cells, subjects.Rows[i].Cells[0])
	}
	kinds, folders := inventoryTable("kind", c.Kinds), inventoryTable("folder", c.Folders)
	line := Line{Text: finding.Sentence{text("The workspace holds "), value(c.All), text(" files with "), value(c.Bytes), text(" in all.")}}
	if last := t.m.Ledger.Inventory.Last; !last.IsZero() {
		line.Text = append(line.Text, text(" The latest row is of "), finding.Part{Name: last.UTC().Format("2006-01-02")}, text("."))
	}
	blocks := []Block{{Style: Prose, Lines: []Line{line}}, {Table: &kinds}, {Table: &folders}, {Table: &subjects}}
	if n := len(t.m.Unread); n > 0 {
		var names []string
		for _, u := range t.m.Unread {
			names = append(names, u.Path)
		}
		f := t.count("files", n, len(t.m.Workspace.Files), map[string]string{"of": "without rows"}, strings.Join(names, "\n"))
		blocks = append(blocks, Block{Style: Prose, Lines: []Line{{Text: finding.Sentence{text("Of these, "), value(f), text(" gave no rows; the ledger's file lists them with the reasons.")}}}})
	}
	t.chapter("workspace", "Workspace", blocks...)
}

// tables are those of the findings that the text tells, whoever chose them.
func (t *teller) tables(all []*Written) {
	const most = 12
	told := map[string]bool{}
	for _, w := range all {
		for _, k := range w.Kept {
			if w.Agent.Persona.About == Inventory {
				continue // an inventory judges nothing
			}
			for _, id := range k.Findings {
				told[id] = true
			}
		}
	}
	var blocks []Block
	for _, f := range t.m.Analysis.Findings {
		if !told[f.ID] || len(blocks) >= 2*most {
			continue
		}
		for _, table := range f.Tables[:min(len(f.Tables), 1)] {
			table.ID = "t-" + strings.ToLower(f.ID) + "-" + table.ID
			table.Title += scopeOf(f)
			blocks = append(blocks, Block{Heading: f.Question}, Block{Table: &table})
		}
	}
	t.chapter("tables", "Tables of what was told", blocks...)
}

// scopeOf names what a finding is about.
func scopeOf(f finding.Finding) string {
	var b strings.Builder
	for _, k := range []string{"subject", "role", "factor", "backend", "experiment", "file"} {
		if v := f.Scope[k]; v != "" && v != "not-recorded" {
			b.WriteString(" · " + quoted(v))
		}
	}
	return b.String()
}

// appendix quotes what was sent, what was asked of the tools, and what was
// dropped. Its title says that it holds prompts: an auditor reads no claim there.
func (t *teller) appendix(all []*Written) {
	var blocks []Block
	sent := map[string]bool{}
	for _, w := range all {
		p := w.Agent.Persona
		if sent[p.Digest()] {
			continue
		}
		sent[p.Digest()] = true
		blocks = append(blocks, Block{Heading: "Persona prompt of " + p.Name}, Block{Quote: p.Text()},
			Block{Style: Prose, Lines: []Line{{Text: finding.Sentence{text("It was sent as it stands here, in front of every prompt, and has the digest "), {Name: p.Digest()[:16]}, text(".")}}}})
	}
	for _, w := range all {
		who := w.who()
		if len(w.Tools) > 0 {
			var b strings.Builder
			for _, c := range w.Tools {
				fmt.Fprintf(&b, "%s %s → %s\n", quoted(c.Tool), quoted(c.Arguments), cmp.Or(quoted(c.Error), strings.Join(c.Facts, " "), "no fact"))
			}
			blocks = append(blocks, Block{Heading: "Tools that the prompt offered and " + who + " called"}, Block{Quote: b.String()})
		}
		if len(w.Dropped) > 0 {
			var b strings.Builder
			for _, d := range w.Dropped {
				fmt.Fprintf(&b, "%s\n  %s\n", masked(d.Text), masked(d.Why))
			}
			blocks = append(blocks, Block{Heading: "Sentences that " + who + " wrote to the prompt and that were dropped"}, Block{Quote: b.String()})
		}
	}
	t.chapter("prompt", "Appendix: prompt, tools, dropped sentences", blocks...)
}

// who is what a report calls a writer.
func (w *Written) who() string {
	if w.By == "planner" {
		return "the planner"
	}
	return w.Role
}

// masked takes the digits out of what did not pass, but for the ids of slots: no
// number is printed that stands on nothing.
func masked(s string) string {
	var b strings.Builder
	depth := 0
	for _, r := range s {
		switch {
		case r == '{':
			depth++
		case r == '}':
			depth--
		case r >= '0' && r <= '9' && depth < 2:
			r = '#'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Drop takes a sentence out, with the reason.
func (w *Written) Drop(printed, why string) bool {
	for i, k := range w.Kept {
		if k.Text.Print(w.lookup) == printed {
			w.Dropped = append(w.Dropped, draft.Dropped{Section: k.Section, Text: printed, Why: why})
			w.Kept = slices.Delete(w.Kept, i, i+1)
			return true
		}
	}
	return false
}

func (w *Written) lookup(id string) (fact.Fact, bool) { return w.sheet.Fact(id) }

// Sentences are what was kept, printed, by section.
func (w *Written) Sentences() map[string][]string {
	out := map[string][]string{}
	for _, k := range w.Kept {
		out[k.Section] = append(out[k.Section], k.Text.Print(w.lookup))
	}
	return out
}

// Words is how many words were kept.
func (w *Written) Words() int {
	n := 0
	for _, k := range w.Kept {
		n += len(strings.Fields(k.Text.Print(w.lookup)))
	}
	return n
}

// Text is what an agent wrote, as the next one reads it.
func (w *Written) Text() string {
	var b strings.Builder
	for _, s := range w.Agent.Persona.Sections {
		fmt.Fprintf(&b, "%s\n", s.Title)
		for _, k := range w.Kept {
			if k.Section == s.Title {
				fmt.Fprintf(&b, "- %s\n", k.Text.Print(w.lookup))
			}
		}
	}
	return b.String()
}
