package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/finding"
	"chimera/internal/sample"
)

// Input is what a report is made of. Nothing in it is changed.
type Input struct {
	Runs     []Run
	Analysis *finding.Analysis // of the rows of these runs
	Rows     *Rows             // the same rows, all of them
	Ledger   *fact.Ledger      // the same rows for ledger.json; nil where they are too many for it
	Template Template
	Rederive string // the command line that makes this report again
}

// Run is one run as it was stored.
type Run struct {
	Manifest sample.Manifest
	Status   string // open, complete, partial, invalid
	Digest   string // of the last seal; empty while the run is open
}

// Build makes the document. A ledger without facts has no report: the error is
// of code Invalid.
func Build(in Input) (Document, error) {
	in.Runs = public(in.Runs)
	b := builder{Input: in, ledger: &Ledger{}, slots: map[string]int{}, ids: map[string]int{}}
	if in.Analysis == nil || len(in.Runs) == 0 || !slices.ContainsFunc(in.Analysis.Facts, measured) {
		return Document{}, fault.With(ErrEmpty, fault.Invalid, "`chimera runs show RUN` says how its requests ended")
	}
	seals := map[string]string{}
	for _, r := range in.Runs {
		seals[r.Manifest.Run] = r.Digest
	}
	tallies, err := in.Rows.tallies(b.ledger, seals)
	if err != nil {
		return Document{}, err
	}
	b.tallies = tallies
	b.ledger.Add(in.Analysis.Facts...)
	b.subjects()
	d := Document{Name: b.name(), Title: b.question(), Meta: b.meta(), Ledger: b.ledger, Rederive: in.Rederive}
	for _, s := range []Section{b.answer(), b.certainty(), b.tables(), b.figures(), b.checks(), b.method(), b.environment(), b.appendix()} {
		if len(s.Blocks) > 0 {
			d.Sections = append(d.Sections, s)
		}
	}
	return d, d.Check()
}

// public leaves folders of the machine out of manifests: a report is passed on,
// and only the last part of a local path says something to others.
func public(runs []Run) []Run {
	out := slices.Clone(runs)
	for i := range out {
		m := &out[i].Manifest
		m.Subjects = slices.Clone(m.Subjects)
		for j := range m.Subjects {
			at := m.Subjects[j].URL
			if !strings.Contains(at, "://") && strings.ContainsAny(at, `/\`) {
				name := at[strings.LastIndexAny(at, `/\`)+1:]
				m.Subjects[j].URL = name
				m.Spec = bytes.ReplaceAll(m.Spec, quotedPath(at), quotedPath(name))
			}
		}
	}
	return out
}

// quotedPath is a path as JSON writes it, without its quotes.
func quotedPath(s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		return []byte(s)
	}
	return b[1 : len(b)-1]
}

// measured reports a fact that says more than how many there were: a run that
// failed altogether has counts, and nothing to report.
func measured(f fact.Fact) bool { return f.Aggregate != "count" && f.Value.OK() }

type builder struct {
	Input
	ledger  *Ledger
	tallies []tally
	slots   map[string]int // subject → colour, from 1
	ids     map[string]int // anchors and figures by name, to keep them apart
	local   []string       // names that have a colour within one figure
}

// subjects gives each subject one colour for the whole report.
func (b *builder) subjects() {
	for _, r := range b.Runs {
		for _, s := range r.Manifest.Subjects {
			b.colour(s.ID)
		}
	}
}

// colour gives a subject the next colour, unless it has one.
func (b *builder) colour(subject string) {
	if b.slots[subject] == 0 {
		b.slots[subject] = len(b.slots) + 1
	}
}

// unique makes an anchor that no other part of the document has.
func (b *builder) unique(parts ...string) string {
	id := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, strings.Join(parts, "-"))
	id = strings.Trim(id, "-")
	if b.ids[id]++; b.ids[id] > 1 {
		id = fmt.Sprintf("%s-%d", id, b.ids[id])
	}
	return id
}

func (b *builder) name() string {
	var names []string
	for _, r := range b.Runs {
		if n := orElse(r.Manifest.Name, r.Manifest.Run); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return strings.Join(names, ", ")
}

// imported is the name of a run that was read from other tools' files.
const imported = "import"

func (b *builder) question() string {
	var asked []string
	for _, r := range b.Runs {
		if q := strings.TrimSpace(r.Manifest.Question); q != "" && !slices.Contains(asked, q) {
			asked = append(asked, q)
		}
	}
	if len(asked) == 0 && b.name() == imported {
		return "What do the imported files say?"
	}
	if len(asked) == 0 {
		return "What was measured in " + b.name() + "?"
	}
	return strings.Join(asked, " ")
}

// meta says what was run, and how many of the planned requests were answered.
func (b *builder) meta() Text {
	var t Text
	for i, r := range b.Runs {
		if i > 0 {
			t = append(t, finding.Part{Text: "; "})
		}
		t = append(t, finding.Part{Name: orElse(r.Manifest.Name, "run")}, finding.Part{Text: " · run "}, finding.Part{Name: short(r.Manifest.Run)})
		t = append(t, b.outcomes(r.Manifest.Run)...)
		if !r.Manifest.Clock.Origin.IsZero() {
			t = append(t, finding.Part{Text: " · measured "}, finding.Part{Name: r.Manifest.Clock.Origin.UTC().Format("2006-01-02 15:04 UTC")})
		}
		if r.Status != "complete" {
			t = append(t, finding.Part{Text: " · " + r.Status})
		}
	}
	return t
}

func short(id string) string {
	if len(id) > 8 {
		return id[:8]
	}
	return id
}

// outcomes prints "121 ok + 2 timeout" from the facts of the whole run.
func (b *builder) outcomes(run string) Text {
	all, err := runCounts(b.tallies, run)
	if err != nil || len(all) == 0 {
		return nil
	}
	t := Text{{Text: " · "}}
	for i, f := range all {
		b.ledger.Add(f)
		switch {
		case i == 0:
			t = append(t, finding.Part{Fact: f.ID, As: finding.AsValue}, finding.Part{Text: " rows = "})
		case i == 1:
			t = append(t, finding.Part{Fact: f.ID, As: finding.AsValue}, finding.Part{Text: " " + f.Scope["outcome"]})
		default:
			t = append(t, finding.Part{Text: " + "}, finding.Part{Fact: f.ID, As: finding.AsValue}, finding.Part{Text: " " + f.Scope["outcome"]})
		}
	}
	return t
}

// leads are the metrics of which a report's first sentence speaks, best first.
var leads = []string{"decode_rate", "server_decode_rate", "server_rate_naive", "ttft", "ttft_server_est", "e2e"}

// lead chooses the finding that answers the question: the first topic of the
// template that has an answer, at the metric that readers ask for first. One
// that names something better answers more than one that does not.
func (b *builder) lead() (finding.Finding, bool) {
	own, more := b.Template.topics()
	for _, good := range []func(finding.Finding) bool{
		func(f finding.Finding) bool { return f.Verdict == finding.Better },
		isDecided,
		func(finding.Finding) bool { return true },
	} {
		for _, t := range append(own, more...) {
			if best := b.best(t, good); best != nil {
				return *best, true
			}
		}
	}
	return finding.Finding{}, false
}

// best is the finding of a topic at the metric that comes first.
func (b *builder) best(t topic, good func(finding.Finding) bool) *finding.Finding {
	var best *finding.Finding
	for i, f := range b.Analysis.Findings {
		if slices.Contains(t.kinds, f.Kind) && f.Kind != finding.Failures && f.Kind != finding.Quality && good(f) && (best == nil || rank(f) < rank(*best)) {
			best = &b.Analysis.Findings[i]
		}
	}
	return best
}

func rank(f finding.Finding) int {
	if i := slices.Index(leads, f.Metric); i >= 0 {
		return i
	}
	return len(leads)
}

func isDecided(f finding.Finding) bool {
	return f.Verdict == finding.Better || f.Verdict == finding.Worse || f.Verdict == finding.Same
}

func (b *builder) answer() Section {
	s := Section{ID: "answer", Title: "Answer"}
	lead, ok := b.lead()
	if !ok {
		s.Blocks = append(s.Blocks, Answer{Lead: Text{{Text: "These rows decide nothing. What was measured stands below, and why it decides nothing."}}})
		return s
	}
	how := []Text{{{Text: "How: "}, {Name: sentenceCase(lead.Method)}}}
	how = append(how, lead.Notes...)
	s.Blocks = append(s.Blocks, Answer{Lead: lead.Sentence, How: append(how, b.written(lead)...)})
	s.Blocks = append(s.Blocks, b.claims(func(f finding.Finding) bool { return isDecided(f) && f.ID != lead.ID })...)
	return s
}

// written says what the rows of a finding show of what was written: no speed
// stands without it.
func (b *builder) written(lead finding.Finding) []Text {
	var out []Text
	for _, f := range b.of(quality) {
		same := func(key string) bool { return lead.Scope[key] == "" || lead.Scope[key] == f.Scope[key] }
		if same("run") && same("experiment") && same("workload") {
			out = append(out, append(Text{{Text: "Quality: "}}, f.Sentence...))
		}
	}
	if len(out) == 0 {
		return []Text{{{Text: "Not measured: quality. " + sentenceCase(quality.lack) + "."}}}
	}
	return out[:min(len(out), fewClaims)]
}

// fewClaims is how many claims of a topic stand open; more are folded away.
const fewClaims = 4

// claims lists the findings that are wanted, topic by topic.
func (b *builder) claims(wanted func(finding.Finding) bool) []Block {
	var out []Block
	own, more := b.Template.topics()
	for _, t := range append(own, more...) {
		var all []Block
		var parts []part
		for _, f := range b.of(t) {
			parts = append(parts, part{finding: f})
		}
		varying, _ := b.scopeKeys(parts)
		for _, f := range b.of(t) {
			if wanted(f) {
				all = append(all, b.claim(f, varying))
			}
		}
		if len(all) > 0 {
			out = append(append(out, Heading{t.title}), folded(all, fewClaims, "More about "+strings.ToLower(t.title))...)
		}
	}
	return out
}

// folded leaves the first n blocks open.
func folded(all []Block, n int, title string) []Block {
	if len(all) <= n+1 { // a fold of one is longer than what it hides
		return all
	}
	return append(slices.Clone(all[:n]), Fold{Title: title, Blocks: all[n:]})
}

// claim is a finding as sentences: the claim with its verdict, then which of the
// topic's scopes it is about, and what a reader must know with it.
func (b *builder) claim(f finding.Finding, varying []string) Block {
	said := plain(b.ledger, f.Sentence)
	var where []string
	for _, k := range varying {
		if v := f.Scope[k]; v != "" && !strings.Contains(said, v) {
			where = append(where, k+" "+v)
		}
	}
	var more Text
	if len(where) > 0 {
		more = Text{{Name: sentenceCase(strings.Join(where, ", ")) + "."}}
	}
	for _, n := range f.Notes {
		if len(more) > 0 {
			more = append(more, finding.Part{Text: " "})
		}
		more = append(more, n...)
	}
	return Paragraph{Verdict: f.Verdict, Text: f.Sentence, More: more}
}

// of lists the findings of a topic in print order.
func (b *builder) of(t topic) []finding.Finding {
	var out []finding.Finding
	for _, f := range b.Analysis.Findings {
		if slices.Contains(t.kinds, f.Kind) {
			out = append(out, f)
		}
	}
	return out
}

// certainty lists what the rows do not decide, and what was not measured.
func (b *builder) certainty() Section {
	s := Section{ID: "certainty", Title: "How sure, and what was not measured"}
	lead, _ := b.lead()
	s.Blocks = b.claims(func(f finding.Finding) bool { return !isDecided(f) && f.ID != lead.ID })
	must, _ := b.Template.topics()
	if !slices.ContainsFunc(must, func(t topic) bool { return t.id == quality.id }) {
		must = append(must, quality)
	}
	var silent []Block
	for _, t := range must {
		if len(b.of(t)) == 0 {
			silent = append(silent, Paragraph{Verdict: finding.NotMeasured, Text: Text{{Text: t.title + ": " + t.lack + "."}}})
		}
	}
	if len(silent) > 0 {
		s.Blocks = append(s.Blocks, Heading{"Not measured at all"})
		s.Blocks = append(s.Blocks, silent...)
	}
	return s
}

func sentenceCase(s string) string {
	for i, r := range s {
		return strings.ToUpper(string(r)) + s[i+len(string(r)):]
	}
	return s
}

// runCounts are the counts of a whole run: all rows, then each outcome that
// occurred.
func runCounts(all []tally, run string) ([]fact.Fact, error) {
	totals := map[sample.Outcome]int{}
	parts := map[sample.Outcome][]fact.Fact{}
	ended := 0
	var groups []fact.Fact
	for _, t := range all {
		if t.key.run != run {
			continue
		}
		groups = append(groups, t.planned)
		ended += t.planned.N
		for o, f := range t.outcomes {
			totals[o] += f.N
			parts[o] = append(parts[o], f)
		}
	}
	if len(groups) == 0 {
		return nil, nil
	}
	first, err := sum(map[string]string{"run": run}, ended, ended, groups)
	out := []fact.Fact{first}
	for _, o := range sample.Outcomes {
		if err != nil {
			return nil, err
		}
		if totals[o] > 0 {
			var f fact.Fact
			f, err = sum(map[string]string{"run": run, "outcome": string(o)}, totals[o], ended, parts[o])
			out = append(out, f)
		}
	}
	return out, err
}

func sum(scope map[string]string, n, planned int, of []fact.Fact) (fact.Fact, error) {
	f, err := rowCount(scope, n, planned, "", nil)
	if err != nil {
		return f, err
	}
	return fact.Derive(f, of...)
}
