package draft

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/finding"
)

// ErrEmpty is what stands where a text would, if nothing was measured.
var ErrEmpty = errors.New("no facts, no report: nothing was measured that a sentence could stand on")

// Bounds of a sheet.
const (
	DefaultBudget = 8000 // characters of the table: about 2700 tokens
	maxItems      = 2000 // facts, and findings, whatever the budget
	maxName       = 96   // characters of a name, as printed and as shown
)

// DefaultSections is the outline where none is given.
var DefaultSections = []string{"answer", "findings", "caveats", "recommendations"}

// Input is what a sheet is made of. Nothing in it is changed.
type Input struct {
	Analysis *finding.Analysis // may be nil if there are Facts
	Facts    []fact.Fact       // others that the writer asked for, the most wanted first
	Sections []string          // titles, in order; DefaultSections if there are none
	Budget   int               // characters of the table; DefaultBudget if 0
}

// Sheet is what may be written about, numbered by how much it matters; equal
// inputs give equal ids. It never changes after New, so it may be shared.
type Sheet struct {
	sections []string
	claims   []*claim
	facts    []*item
	things   []*thing
	wanted   []finding.Finding // all findings of the analysis, by how much they matter
	known    finding.Lookup
	extra    []fact.Fact
	vocab    vocabulary
	labels   map[string]bool // what metrics are called that have no term

	claimByID map[string]*claim
	factByID  map[string]*item
	thingByID map[string]*thing
	factOf    map[string]*item                      // by the fact's own id
	thingOf   map[string]*thing                     // by name
	peers     map[string]tally                      // findings by kind and metric
	places    map[string]map[string]map[string]bool // of findings that ask the same of the same things: scope keys and their values
	varied    map[string]bool                       // scope keys with more than one value
}

// claim is a finding with its short id.
type claim struct {
	id string
	finding.Finding
	names map[string]bool // of everything that it is about
}

// item is a fact with its short id and the findings that use it.
type item struct {
	id string
	fact.Fact
	identity []string // names of what it is a value of, the most telling first
	claims   []*claim // findings, on the sheet or not, that use the fact
}

// thing is a name that exists.
type thing struct{ id, name string }

// New chooses what matters most within the budget. Without a single measured
// fact the error is ErrEmpty, of code Invalid.
func New(in Input) (*Sheet, error) {
	s := &Sheet{sections: in.Sections, extra: in.Facts, claimByID: map[string]*claim{}, factByID: map[string]*item{}, thingByID: map[string]*thing{},
		factOf: map[string]*item{}, thingOf: map[string]*thing{}, peers: map[string]tally{}, places: map[string]map[string]map[string]bool{}, varied: map[string]bool{}}
	if len(s.sections) == 0 {
		s.sections = DefaultSections
	}
	a := in.Analysis
	if a == nil {
		a = &finding.Analysis{}
	}
	if !slices.ContainsFunc(a.Facts, measured) && !slices.ContainsFunc(in.Facts, measured) {
		return nil, fault.With(ErrEmpty, fault.Invalid, "`chimera runs show RUN` says how its requests ended")
	}
	s.known = lookup(a, in.Facts)
	s.wanted = byRelevance(a.Findings, s.known)
	s.survey(a, in.Facts)
	budget := in.Budget
	if budget <= 0 {
		budget = DefaultBudget
	}
	s.choose(uses(a.Findings), budget)
	s.vocab = s.newVocabulary()
	s.labels = map[string]bool{}
	for _, x := range s.facts {
		s.labels[label(x.Metric)] = true
	}
	return s, nil
}

// measured reports a fact that says more than how many there were.
func measured(f fact.Fact) bool { return f.Aggregate != "count" && f.Value.OK() }

func lookup(a *finding.Analysis, extra []fact.Fact) finding.Lookup {
	all := map[string]fact.Fact{}
	for _, f := range slices.Concat(a.Facts, extra) {
		all[f.ID] = f
	}
	return func(id string) (fact.Fact, bool) {
		f, ok := all[id]
		return f, ok
	}
}

// uses maps each fact to the findings that use it.
func uses(all []finding.Finding) map[string][]*claim {
	out := map[string][]*claim{}
	for _, f := range all {
		c := &claim{Finding: f, names: namesOf(f)}
		for _, id := range f.Facts {
			out[id] = append(out[id], c)
		}
	}
	return out
}

// tally counts the verdicts of findings that ask the same of different things.
type tally map[finding.Verdict]int

func peerKey(f finding.Finding) string { return string(f.Kind) + "\x00" + f.Metric }

// askedKey is what a finding asks, of which things; where it asks is left out.
func askedKey(f finding.Finding) string {
	things := identity(fact.Fact{Scope: f.Scope})
	return strings.Join(append([]string{string(f.Kind), f.Metric}, things...), "\x00")
}

// told is a finding's sentence. Where the same is asked of the same things in
// several places, it says where: two answers to one question are none.
func (s *Sheet) told(f finding.Finding) finding.Sentence {
	text := cleaned(f.Sentence)
	for _, k := range []string{"experiment", "file", "workload", "run"} {
		if v := f.Scope[k]; v != "" && len(s.places[askedKey(f)][k]) > 1 {
			return append(finding.Sentence{{Text: "In "}, {Name: safe(path.Base(v))}, {Text: ": "}}, text...)
		}
	}
	return text
}

// survey looks at everything, not only at what fits: a universal word is about
// all there is, and a name is needed where there are two.
func (s *Sheet) survey(a *finding.Analysis, extra []fact.Fact) {
	for _, f := range a.Findings {
		if s.peers[peerKey(f)] == nil {
			s.peers[peerKey(f)] = tally{}
		}
		s.peers[peerKey(f)][f.Verdict]++
		at := s.places[askedKey(f)]
		if at == nil {
			at = map[string]map[string]bool{}
			s.places[askedKey(f)] = at
		}
		for k, v := range f.Scope {
			if at[k] == nil {
				at[k] = map[string]bool{}
			}
			at[k][v] = true
		}
	}
	// A key is varied where facts of one metric differ in it, or only some have it.
	facts, values := map[string]int{}, map[[2]string]map[string]int{}
	for _, f := range slices.Concat(a.Facts, extra) {
		facts[f.Metric]++
		for k, v := range f.Scope {
			at := [2]string{f.Metric, k}
			if values[at] == nil {
				values[at] = map[string]int{}
			}
			values[at][v]++
		}
	}
	for at, seen := range values {
		with := 0
		for _, n := range seen {
			with += n
		}
		if len(seen) > 1 || with < facts[at[0]] {
			s.varied[at[1]] = true
		}
	}
}

// choose numbers facts, findings and things until the budget is spent: what was
// asked for, findings with the facts of their sentences, and in what is left the
// facts behind them. The first of each is always there.
func (s *Sheet) choose(used map[string][]*claim, budget int) {
	for i, f := range s.extra {
		budget -= s.add(f, used, budget, i == 0)
	}
	behind := budget / 3
	budget -= behind
	for i, f := range s.wanted {
		c := &claim{id: fmt.Sprintf("N%04d", len(s.claims)+1), Finding: f, names: namesOf(f)}
		cost := len(s.claimLine(c))
		if i > 0 && (cost > budget || len(s.claims) >= maxItems) {
			break
		}
		budget -= cost
		s.claims, s.claimByID[c.id] = append(s.claims, c), c
		for _, name := range append(slices.Clone(f.Winners), f.Pick) {
			budget -= s.name(name)
		}
		budget -= s.addAll(f.Sentence.Facts(), used, budget, i == 0)
	}
	budget = max(0, budget) + behind
	for _, c := range s.claims {
		budget -= s.addAll(behindOf(c.Finding), used, budget, false)
	}
}

func (s *Sheet) addAll(ids []string, used map[string][]*claim, budget int, always bool) int {
	spent := 0
	for _, id := range ids {
		if f, ok := s.known(id); ok {
			spent += s.add(f, used, budget-spent, always)
		}
	}
	return spent
}

// behindOf lists the facts behind a finding: those of its notes, then those of its
// tables.
func behindOf(f finding.Finding) []string {
	var ids []string
	for _, n := range f.Notes {
		ids = append(ids, n.Facts()...)
	}
	for _, t := range f.Tables {
		for _, r := range t.Rows[:min(len(t.Rows), maxTableRows)] {
			for _, c := range r.Cells {
				if c.Fact != "" {
					ids = append(ids, c.Fact)
				}
			}
		}
	}
	return ids
}

// maxTableRows is how many rows of a finding's table may offer facts.
const maxTableRows = 6

// add numbers a fact and the things that it is of, and returns what it cost.
func (s *Sheet) add(f fact.Fact, used map[string][]*claim, budget int, always bool) int {
	if s.factOf[f.ID] != nil || len(s.facts) >= maxItems {
		return 0
	}
	x := &item{id: fmt.Sprintf("F%04d", len(s.facts)+1), Fact: f, identity: identity(f), claims: used[f.ID]}
	cost := len(s.factLine(x))
	if cost > budget && !always {
		return 0
	}
	s.facts, s.factByID[x.id], s.factOf[f.ID] = append(s.facts, x), x, x
	for _, name := range x.identity {
		cost += s.name(name)
	}
	return cost
}

// name numbers a thing, and returns what it cost.
func (s *Sheet) name(name string) int {
	if name == "" || s.thingOf[name] != nil {
		return 0
	}
	t := &thing{fmt.Sprintf("T%04d", len(s.things)+1), name}
	s.things, s.thingByID[t.id], s.thingOf[name] = append(s.things, t), t, t
	return len(s.thingLine(t))
}

// Fact finds a fact by its own id, whether it is on the sheet or not: it prints
// the sentences that Check kept.
func (s *Sheet) Fact(id string) (fact.Fact, bool) { return s.known(id) }

// Sections are the titles of the outline, in order.
func (s *Sheet) Sections() []string { return slices.Clone(s.sections) }

// Facts returns the fact behind each short id, in order.
func (s *Sheet) Facts() []Numbered {
	out := make([]Numbered, len(s.facts))
	for i, x := range s.facts {
		out[i] = Numbered{x.id, x.Fact}
	}
	return out
}

// Numbered is a fact under its short id.
type Numbered struct {
	Short string
	Fact  fact.Fact
}
