package finding

import (
	"cmp"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/metric"
	"chimera/internal/quality"
	"chimera/internal/sample"
)

// written is what is kept of one answer's text: its scores, and the text itself
// only of as many answers to one prompt as are compared with each other.
type written struct {
	order  int32
	trial  string
	text   string
	scores [len(perAnswer)]score // in the order of perAnswer
	checks quality.Checked
}

// score is num/den, or nothing where den is 0.
type score struct{ num, den float64 }

// perAnswer and perSet are the metrics of text that findings speak of.
var (
	perAnswer = [...]string{contractKept, "quality_contract_loose", "quality_instructions", "quality_words", "quality_seq_rep_4", "quality_loop", "quality_relevance"}
	perSet    = [...]string{"quality_distinct_2", "quality_self_bleu", "quality_duplicates"}
)

// contractKept is the metric by which what was written is compared.
const contractKept = "quality_contract"

func compareWritten(a, b written) int {
	return cmp.Or(cmp.Compare(a.order, b.order), strings.Compare(a.trial, b.trial))
}

// read scores the text of a warm row. The row itself is not changed.
func (c *Collector) read(g *stratum, s *sample.Sample) {
	if s.Outcome != sample.OK || s.Phase != sample.Measure {
		return
	}
	if why := metric.Scorable(s); why != "" {
		g.unscored[why]++
		return
	}
	row := *s
	if ask := c.tasks[s.Run]; ask != nil {
		ask(&row)
	}
	card, _ := metric.Card(&row)
	w := written{order: int32(s.Order), trial: s.Trial, checks: card.Strict}
	for i, id := range perAnswer {
		def, err := metric.Lookup(id)
		if err != nil {
			panic("finding: " + err.Error()) // a programming error: the metric was renamed
		}
		num, den, why, ok := def.Parts(&row)
		if !ok {
			g.lacking(id)[why]++
			continue
		}
		w.scores[i] = score{num, den}
	}
	// The first answers by order are compared: a later one is only needed if it
	// was planned before one that is here.
	if len(g.written) < quality.MaxAnswers || slices.ContainsFunc(g.written, func(o written) bool { return o.order > w.order }) {
		w.text = s.Text.Or("")
	}
	g.written = append(g.written, w)
}

// lacking counts why scored answers have no value of a metric.
func (g *stratum) lacking(id string) map[string]int {
	if g.lacks == nil {
		g.lacks = map[string]map[string]int{}
	}
	if g.lacks[id] == nil {
		g.lacks[id] = map[string]int{}
	}
	return g.lacks[id]
}

// wrote reports whether anything that a subject wrote was scored.
func wrote(strata []*stratum) bool {
	return slices.ContainsFunc(strata, func(g *stratum) bool { return len(g.written) > 0 })
}

// unwritten says why nothing was scored.
func unwritten(strata []*stratum) string {
	for _, g := range strata {
		for _, why := range sortedKeys(g.unscored) {
			return why
		}
	}
	return "no answer was kept"
}

// scoresOf makes the fact of a metric of text over strata.
func (a *analyst) scoresOf(id string, strata []*stratum, scope map[string]string) fact.Fact {
	def, err := metric.Lookup(id)
	if err != nil {
		a.fail(err)
		return fact.Fact{}
	}
	in := cell{&a.index, strata, scope}
	s := fact.NewScores(def, fact.Column{Phase: sample.Measure, Scope: scope, Planned: in.planned(), Caveats: in.pooled()})
	for _, g := range strata {
		for o, n := range g.outcomes {
			if o != sample.OK {
				s.Missing[string(o)] += n
			}
		}
		for why, n := range g.unscored {
			s.Missing[why] += n
		}
		for why, n := range g.lacks[id] {
			s.Missing[why] += n
		}
	}
	switch {
	case def.Basis == metric.Group:
		a.addSets(s, def, strata)
	default:
		addAnswers(s, id, strata)
	}
	return a.put(s.Fact())
}

// addAnswers adds the answers in plan order, as a query over the rows would.
func addAnswers(s *fact.Scores, id string, strata []*stratum) {
	type answer struct {
		g *stratum
		w *written
	}
	var all []answer
	for _, g := range strata {
		for i := range g.written {
			all = append(all, answer{g, &g.written[i]})
		}
	}
	slices.SortStableFunc(all, func(x, y answer) int {
		return cmp.Or(strings.Compare(x.g.key.run, y.g.key.run), compareWritten(*x.w, *y.w))
	})
	at, check := slices.Index(perAnswer[:], id), checkOf(id)
	for _, x := range all {
		v := score{}
		switch {
		case at >= 0:
			if v = x.w.scores[at]; v.den == 0 {
				continue // the stratum says why
			}
		case x.w.checks[check] == quality.Kept:
			v = score{1, 1}
		case x.w.checks[check] == quality.Broken:
			v = score{0, 1}
		default:
			s.Missing["the check was not made"]++
			continue
		}
		s.Add(x.g.key.run, x.w.trial, x.g.prompt(), v.num, v.den)
	}
}

func (a *analyst) addSets(s *fact.Scores, def metric.Metric, strata []*stratum) {
	for _, g := range strata {
		var rows []*sample.Sample
		var trials []string
		for _, w := range g.written[:min(len(g.written), quality.MaxAnswers)] {
			row := &sample.Sample{Provenance: g.origin}
			row.Outcome, row.Text = sample.OK, sample.Some(w.text)
			rows, trials = append(rows, row), append(trials, w.trial)
		}
		if v, why, ok := def.Together(rows); ok {
			s.AddSet(g.key.run, trials, g.prompt(), v)
		} else {
			s.Missing[why]++
		}
	}
}

func (g *stratum) prompt() string { return g.key.workload + "\x00" + g.key.prompt }

const checkPrefix = "quality_check_"

// checkOf is the check that a metric is of; −1 for another metric.
func checkOf(id string) int {
	return slices.IndexFunc(quality.Checks(), func(c quality.Check) bool { return checkPrefix+c.String() == id })
}

// broken lists the checks that any answer of the strata breaks.
func broken(strata []*stratum) (out []quality.Check) {
	for _, c := range quality.Checks() {
		if slices.ContainsFunc(strata, func(g *stratum) bool {
			return slices.ContainsFunc(g.written, func(w written) bool { return w.checks[c] == quality.Broken })
		}) {
			out = append(out, c)
		}
	}
	return out
}
