package audit

import (
	"math"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

// effects measures what a parameter did to a metric, for each subject that the
// words allow. Cold rows are left out of the test: where one level owns them
// all, the parameter is confounded with the load.
func (s *session) effects(sc scope, fm factorMention) []effect {
	var out []effect
	for _, i := range s.rateSeries(sc) {
		have := s.labelsOf(i)
		for _, label := range fm.labels {
			if !have[label] {
				continue
			}
			mentions := slices.DeleteFunc(slices.Clone(sc.hard), func(m mention) bool { return slices.Contains(m.labels(), label) || !isThing(m) })
			g, applied := s.rowsOf(i, mentions, s.sources)
			if applied < countApplying(s, i, mentions) || s.unmet(i, mentions) {
				continue
			}
			by := []string{"subject", "file"}
			if !have["file"] {
				by = []string{"subject", "experiment"}
			}
			for _, part := range s.split(g, by, nil) {
				if e, ok := s.effectOf(part, label, fm.words, s.series[i]); ok {
					out = append(out, e)
				}
			}
		}
	}
	return out
}

// unmet reports whether a strong mention means nothing for a series: its rows
// cannot be of what the sentence speaks of.
func (s *session) unmet(i int, mentions []mention) bool {
	return slices.ContainsFunc(mentions, func(m mention) bool { return !m.weak && !s.applies(i, m) })
}

// rateSeries are the metrics of a scope, or throughput where it names none.
func (s *session) rateSeries(sc scope) []int {
	var out []int
	for _, i := range sc.series {
		if !s.series[i].said && s.series[i].agg == "" {
			out = append(out, i)
		}
	}
	if len(out) > 0 || sc.named && !loose[sc.metric] {
		return out
	}
	for i, ser := range s.series {
		if ser.Unit == unit.TokenPerSecond && !ser.said {
			return []int{i}
		}
	}
	return nil
}

func (s *session) effectOf(g fact.Group, label, words string, ser series) (effect, bool) {
	e := effect{subject: g.Scope["subject"], factor: words, ser: ser, lo: math.Inf(1), hi: math.Inf(-1), p: math.NaN(), rows: len(g.Rows)}
	levels := s.split(g, []string{label}, nil)
	if len(levels) < 2 {
		return e, false
	}
	var warm [][]float64
	coldLevels, coldRows := map[string]bool{}, 0
	for _, level := range levels {
		values := s.valuesOf(level)
		if len(values) == 0 {
			continue
		}
		m, err := stats.Mean(values)
		if err != nil {
			continue
		}
		e.lo, e.hi = min(e.lo, m), max(e.hi, m)
		var w []float64
		for k, row := range level.Rows {
			v, ok := level.Cells[k].Value.Get()
			if ok && row.Phase == sample.Cold {
				coldLevels[level.Scope[label]] = true
				coldRows++
			}
			if ok && row.Phase != sample.Cold {
				w = append(w, v)
			}
		}
		if len(w) > 1 {
			warm = append(warm, w)
		}
	}
	if math.IsInf(e.lo, 0) || e.lo == 0 {
		return e, false
	}
	e.share = (e.hi - e.lo) / math.Abs(e.lo)
	if len(coldLevels) == 1 && coldRows > 2 {
		for v := range coldLevels {
			e.cold = v
		}
	}
	if len(warm) > 1 {
		if test, err := stats.KruskalWallis(warm); err == nil {
			e.p = test.P
		}
	}
	e.random = s.randomised(g)
	return e, true
}

func (s *session) randomised(g fact.Group) bool {
	for _, r := range s.ledger.Inventory.Runs {
		if r.ID == g.Rows[0].Run {
			return r.Randomised
		}
	}
	return false
}

// standing is the value of one thing in a ranking.
type standing struct {
	name   string
	value  float64
	f      fact.Fact
	lo, hi float64
	sure   bool // it has an interval
}

// ranking orders the values of a label by a metric, best first.
// Where things were measured on several kinds of work, each kind counts alike:
// a thing's value is the geometric mean of its ratios to the first.
func (s *session) ranking(i int, g fact.Group, label, agg string, ascending bool) []standing {
	var out []standing
	ser := s.series[i]
	if ser.agg == "mean" && agg != "cv" {
		out = s.geoRanking(i, g, label)
	} else {
		for _, part := range s.split(g, []string{label}, nil) {
			if part.Scope[label] == "" || part.Scope[label] == "not-recorded" {
				continue
			}
			f, err := s.fact(part, agg)
			if err != nil {
				continue
			}
			v, ok := f.Value.Get()
			if !ok {
				continue
			}
			st := standing{name: part.Scope[label], value: v, f: f}
			lo, ok1 := f.Lo.Get()
			hi, ok2 := f.Hi.Get()
			st.lo, st.hi, st.sure = lo, hi, ok1 && ok2
			out = append(out, st)
		}
	}
	slices.SortStableFunc(out, func(a, b standing) int {
		switch {
		case a.value == b.value:
			return strings.Compare(a.name, b.name)
		case (a.value < b.value) == ascending:
			return -1
		}
		return 1
	})
	return out
}

func (s *session) geoRanking(i int, g fact.Group, label string) []standing {
	others := []string{"file", "group"}
	for _, l := range works {
		if l != label && s.labelsOf(i)[l] {
			others = append(others, l)
		}
	}
	logs := map[string][]float64{}
	facts := map[string]fact.Fact{}
	for _, work := range s.split(g, others, nil) {
		sides := s.split(work, []string{label}, nil)
		var values []float64
		for _, side := range sides {
			if f, err := s.fact(side, "mean"); err == nil {
				if v, ok := f.Value.Get(); ok && v > 0 {
					values = append(values, math.Log(v))
				}
			}
		}
		if len(values) < 2 {
			continue
		}
		centre, err := stats.Mean(values)
		if err != nil {
			continue
		}
		for _, side := range sides {
			if f, err := s.fact(side, "mean"); err == nil {
				if v, ok := f.Value.Get(); ok && v > 0 {
					name := side.Scope[label]
					logs[name] = append(logs[name], math.Log(v)-centre)
					facts[name] = f
				}
			}
		}
	}
	most := 0
	for _, l := range logs {
		most = max(most, len(l))
	}
	var out []standing
	for name, l := range logs {
		if len(l)*2 < most {
			continue // measured on too little of the work to be ranked by it
		}
		m, err := stats.Mean(l)
		if err == nil {
			out = append(out, standing{name: name, value: math.Exp(m), f: facts[name]})
		}
	}
	return out
}

// sensitivity judges a printed spread of a parameter's level means.
func (s *session) sensitivity(a at, sc scope) bool {
	lo, hi := sentenceAround(a.c.text, a.q.Start)
	if a.cell {
		lo, hi = 0, len(a.c.text)
	}
	near := inSpan(a.c.found.factors, lo, hi)
	if !strings.Contains(strings.ToLower(a.c.text[lo:hi]), "sensitivity") || len(near) == 0 {
		return false
	}
	effects := s.effects(sc, near[0])
	for _, e := range effects {
		if v := e.hi - e.lo; equal(a.q, v) || a.q.HasUnit && a.q.Dim.Percent && equal(a.q, e.share) {
			why, verdict := "spread of the means of the levels of "+near[0].words, Supported
			if !e.random {
				why, verdict = why+"; the order of the runs was not randomised, so it may be drift", Misleading
			}
			s.say(a.p, a.start, a.end, Value, verdict, why, "")
			return true
		}
	}
	if len(effects) == 0 {
		s.say(a.p, a.start, a.end, Value, Unverifiable, "that parameter was not varied in these rows", "")
		return true
	}
	s.say(a.p, a.start, a.end, Value, Contradicted, "not the spread of the means of the levels of "+near[0].words, listEffects(effects))
	return true
}
