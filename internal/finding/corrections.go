package finding

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// What becomes of a printed figure.
const (
	holds     = "holds"             // the rows give the same
	misleads  = "holds, but"        // the rows give the same, and it does not say what it seems to
	corrected = "corrected"         // the rows give another
	unchecked = "cannot be checked" // the rows do not carry it
)

// agreement is how far a figure may lie from what the rows give: programs add
// numbers up in different orders.
const agreement = 1e-6

// A printed figure is what an earlier program computed, beside what the rows
// give by the same rule over the calls that hold something, and beside what
// should have been said instead.
type printed struct {
	name, word, why         string
	claimed, given, instead fact.Fact
}

// corrections hold every figure that an earlier program computed of agents
// against the calls that it kept.
func (a *asking) corrections() {
	crews := a.crews()
	pairs := a.specimens("agent-pair", "file", "run", "scenario")
	claims := a.claims()
	for _, c := range crews {
		own := claims[[2]string{c.run, c.name}]
		if !c.imported || own == nil {
			continue
		}
		delete(claims, [2]string{c.run, c.name})
		cs := a.callsOf(c)
		add := func(about string, all []printed, notes ...Sentence) {
			if len(all) > 0 {
				a.add(a.correction(with(c.scope(), "role", about), about, all, notes))
			}
		}
		for _, role := range c.roles {
			add(role, a.ofAgent(c, role, own[role], cs))
		}
		if slices.Contains(c.roles, "chimera") && slices.Contains(c.roles, "baseline") {
			add("chimera by baseline", a.ofRivals(c, own["chimera by baseline"], cs))
		}
		for _, s := range pairs {
			if s.run != c.run || s.labels["file"] != c.name {
				continue
			}
			var notes []Sentence
			if said := s.labels["resource_contention_detected"]; said != "" {
				notes = append(notes, say("It also printed whether contention was detected: ", nm(said), ". No call was measured alone, so nobody can know."))
			}
			add("the agents at once", a.ofPair(c, s, crews, own[""], cs), notes...)
		}
	}
	for _, at := range sortedFiles(claims) { // no call of theirs was kept
		n := 0
		for _, series := range claims[at] {
			n += len(series)
		}
		scope := map[string]string{"run": at[0], "file": at[1]}
		f := Finding{Kind: Corrections, Question: "Do the figures that the program printed hold?", Scope: scope, Verdict: NotMeasured, Method: "no call of the file was kept", Checks: []Check{{Observed, Unknown, say("read from another tool's file; nobody here watched it")}}}
		f.Sentence = say("None of ", val(a.count("figures", n, n, scope)), " figures that the program printed of agents can be checked: the calls behind them were not kept.")
		a.add(f)
	}
}

func sortedFiles[V any](m map[[2]string]V) [][2]string {
	var out [][2]string
	for at := range m {
		out = append(out, at)
	}
	slices.SortFunc(out, func(x, y [2]string) int { return slices.Compare(x[:], y[:]) })
	return out
}

// claims are what programs computed of agents: by run and file, then by role
// and series.
func (a *analyst) claims() map[[2]string]map[string]map[string]*sample.Reading {
	agents := map[[2]string]bool{}
	for _, r := range a.readings {
		if strings.HasPrefix(r.Kind, "agent-") && r.Provenance == sample.Imported {
			agents[[2]string{r.Run, r.Labels["file"]}] = true
		}
	}
	out := map[[2]string]map[string]map[string]*sample.Reading{}
	for _, r := range a.readings {
		at, role := [2]string{r.Run, r.Labels["file"]}, r.Labels["role"]
		if r.Kind != fact.KindClaim || !agents[at] || !r.Value.OK() {
			continue
		}
		if out[at] == nil {
			out[at] = map[string]map[string]*sample.Reading{}
		}
		key := role
		if len(r.Labels["repeat"]) > 0 && out[at][role][r.Series] != nil {
			key += " " + r.Labels["repeat"] // the same figure of another run of the file
		}
		if out[at][key] == nil {
			out[at][key] = map[string]*sample.Reading{}
		}
		out[at][key][r.Series] = r
	}
	return out
}

// claim enters a figure as it was printed.
func (a *analyst) claim(r *sample.Reading, scope map[string]string) fact.Fact {
	return a.observed(&specimen{run: r.Run, labels: r.Labels, series: map[string][]*sample.Reading{r.Series: {r}}}, r.Series, with(scope, "as", "printed"))
}

// judge decides what becomes of a figure. works are the calls that it is of.
func (p printed) judge(works ...work) printed {
	v, okV := p.claimed.Value.Get()
	g, okG := p.given.Value.Get()
	switch {
	case !okV || !okG:
		p.word, p.why = unchecked, cmp.Or(p.given.Reason, "the calls behind it were not kept")
	case math.Abs(v-g) > agreement*math.Max(math.Abs(v), math.Abs(g)):
		p.word = corrected
		if slices.ContainsFunc(works, func(w work) bool { return len(w.lost) > 0 }) {
			p.why = counted(works...)
		}
	case p.why != "":
		p.word = misleads
	default:
		p.word = holds
	}
	return p
}

// correction tells what became of all figures about one thing.
func (a *analyst) correction(scope map[string]string, about string, all []printed, notes []Sentence) Finding {
	f := Finding{Kind: Corrections, Question: "Do the figures that the program printed of " + about + " hold?", Scope: scope,
		Method: "each figure that the program computed beside the same figure made anew of its calls, those left out that were cut, empty or far too short; relative difference of at most a millionth for it to hold"}
	count := map[string]int{}
	var from []fact.Fact
	for _, p := range all {
		count[p.word]++
		from = append(from, p.claimed)
		if p.given.Value.OK() {
			from = append(from, p.given)
		}
		if p.word == corrected || p.word == misleads {
			f.Notes = append(f.Notes, p.note())
		}
	}
	f.Notes = append(f.Notes, notes...)
	f.Tables = correctionTables(all)
	f.Checks = []Check{{Observed, Unknown, say("read from another tool's file; nobody here watched it")}}
	number := func(w string) fact.Fact {
		return a.count("figures", count[w], len(all), with(scope, "verdict", w), from...)
	}
	var parts []Sentence
	for _, w := range []struct{ word, one, many string }{{holds, " holds", " hold"}, {misleads, " holds but misleads", " hold but mislead"}, {corrected, " is corrected", " are corrected"}, {unchecked, " cannot be checked", " cannot be checked"}} {
		if n := count[w.word]; n > 0 {
			parts = append(parts, say(val(number(w.word)), plural(n, w.one, w.many)))
		}
	}
	f.Verdict = Worse
	switch len(all) {
	case count[unchecked]:
		f.Verdict = NotMeasured
	case count[holds] + count[unchecked]:
		f.Verdict = Same
	}
	if count[holds] == len(all) {
		f.Sentence = say("All ", val(number(holds)), " figures that the program printed of ", nm(about), " hold.")
		return f
	}
	f.Sentence = say("Of the ", as(number(holds), AsPlanned), " figures that the program printed of ", nm(about), ", ")
	for i, p := range parts {
		switch {
		case i == 0:
		case i == len(parts)-1:
			f.Sentence = append(f.Sentence, w(" and "))
		default:
			f.Sentence = append(f.Sentence, w(", "))
		}
		f.Sentence = append(f.Sentence, p...)
	}
	f.Sentence = append(f.Sentence, w("."))
	return f
}

// form is how a figure of a correction is printed.
func (p printed) form() Form {
	if p.claimed.Unit == unit.Ratio {
		if strings.HasSuffix(p.name, "speedup") {
			return AsTimes
		}
		return AsShare
	}
	return AsFine
}

func (p printed) note() Sentence {
	s := say(nm(p.name), ": printed ", as(p.claimed, p.form()))
	if p.word == corrected {
		s = append(s, say(", the calls give ", as(p.given, p.form()))...)
	} else {
		s = append(s, w(", which the calls give, too"))
	}
	if p.why != "" {
		s = append(s, w("; "+p.why))
	}
	if p.instead.Value.OK() {
		switch {
		case p.instead.Metric == "tokens_per_wall_second":
			s = append(s, say("; by tokens and wall clock, against one alone in another file, it is ", as(p.instead, AsTimes))...)
		case p.instead.Scope["phase"] != "":
			s = append(s, say("; warm calls alone give ", as(p.instead, p.form()))...)
		default:
			s = append(s, say("; within the stages it is ", as(p.instead, p.form()))...)
		}
	}
	return append(s, w("."))
}

// correctionTables sorts the figures by unit: a column has one scale.
func correctionTables(all []printed) (out []Table) {
	for _, kind := range []struct {
		id, title string
		fits      func(printed) bool
		as        Form
	}{
		{"rates", "Token rates that were printed, and what the calls give", func(p printed) bool { return p.claimed.Unit == unit.TokenPerSecond }, AsFine},
		{"times", "Times that were printed, and what the calls give", func(p printed) bool { return p.claimed.Unit == unit.Second }, AsFine},
		{"counts", "Counts that were printed, and what the calls give", func(p printed) bool { return p.claimed.Unit == unit.Token || p.claimed.Unit == unit.None }, AsValue},
		{"shares", "Shares that were printed, and what the calls give", func(p printed) bool { return p.claimed.Unit == unit.Ratio }, AsShare},
	} {
		t := Table{ID: "corrections-" + kind.id, Title: kind.title, Labels: []string{"figure"}, Columns: []Column{{Head: "printed", As: kind.as}, {Head: "the calls give", As: kind.as},
			{Head: "n", As: AsN}, {Head: "calls", As: AsPlanned}, {Head: "verdict", As: AsValue}, {Head: "instead", As: kind.as}}}
		for _, p := range all {
			if !kind.fits(p) {
				continue
			}
			r := Row{Names: []string{p.name}, Note: p.why, Cells: append(cells(p.claimed, p.given), Cell{Fact: p.given.ID}, Cell{Fact: p.given.ID}, Cell{Word: p.word})}
			if p.instead.Value.OK() {
				r.Cells = append(r.Cells, Cell{Fact: p.instead.ID})
			} else {
				r.Cells = append(r.Cells, Cell{Word: "–"})
			}
			t.Rows = append(t.Rows, r)
		}
		if len(t.Rows) > 0 {
			out = append(out, t)
		}
	}
	return out
}
