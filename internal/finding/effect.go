package finding

import (
	"fmt"
	"math"
	"slices"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/stats"
)

// An effect is what one factor does to one metric of one subject.
type effect struct {
	factor, metric string
	alias          aliasing
	classes        []string
	strata         [][]*stratum // by class
	facts          []fact.Fact  // by class: the centre of the warm rows
	layout
	p           float64 // corrected for all factors of the grid
	tested      bool
	eta, omega  sample.Opt[float64] // shares of the variance
	interacting string              // the factor whose interaction makes this effect misleading alone
}

func (a *analyst) effectOf(g *grid, factor, metric string) *effect {
	e := &effect{factor: factor, metric: metric, alias: g.aliases[factor]}
	e.classes, e.strata = g.byClass(factor)
	var spots []map[spot]float64
	counts := make([]int, len(e.strata))
	for i, s := range e.strata {
		counts[i] = (cell{x: &a.index, strata: s}).n(metric)
		spots = append(spots, a.spots(metric, s, func(st *stratum) string { return rest(st, factor) }))
	}
	least := slices.Min(slices.DeleteFunc(append(slices.Clone(counts), math.MaxInt), func(n int) bool { return n == 0 }))
	for i, s := range e.strata {
		e.facts = append(e.facts, a.centre(cell{&a.index, s, with(g.scope, "factor", factor, "level", e.classes[i])}, metric, shown(least)))
	}
	if len(e.classes) > 1 {
		e.layout = layOut(spots)
		e.tested = e.layout.err == nil
	}
	return e
}

// correct corrects the p-values of all factors as one family.
func (a *analyst) correct(effects []*effect) {
	var ps []float64
	for _, e := range effects {
		if e.tested {
			ps = append(ps, e.P)
		}
	}
	if len(ps) == 0 {
		return
	}
	corrected, err := stats.Holm(ps)
	if err != nil {
		panic("finding: " + err.Error())
	}
	for _, e := range effects {
		if e.tested {
			e.p, corrected = corrected[0], corrected[1:]
		}
	}
}

// mostRows bounds the general analysis of variance, which is cubic in its
// parameters.
const mostRows = 500

// explain shares the variance of the logarithms out among blocks and factors,
// the mean of each prompt taken off, and finds interactions that make single
// factors misleading.
func (a *analyst) explain(g *grid, metric string, effects []*effect) {
	visits := a.visits(metric)
	byPrompt := map[string]*[2]float64{}
	for _, st := range g.warm {
		for _, v := range visits[st.place] {
			if byPrompt[st.key.prompt+st.key.sha] == nil {
				byPrompt[st.key.prompt+st.key.sha] = &[2]float64{}
			}
			m := byPrompt[st.key.prompt+st.key.sha]
			m[0], m[1] = m[0]+v.mean, m[1]+1
		}
	}
	type spotOf struct {
		config string
		block  int32
	}
	at := map[spotOf]int{}
	var y, n []float64
	factors := []stats.Factor{{Name: "block"}}
	for _, e := range effects {
		if len(e.classes) > 1 {
			factors = append(factors, stats.Factor{Name: e.factor})
		}
	}
	for _, st := range g.warm {
		for _, v := range visits[st.place] {
			m := byPrompt[st.key.prompt+st.key.sha]
			key := spotOf{st.key.config, v.block}
			i, ok := at[key]
			if !ok {
				i = len(y)
				at[key], y, n = i, append(y, 0), append(n, 0)
				factors[0].Levels = append(factors[0].Levels, fmt.Sprint(v.block))
				for k := 1; k < len(factors); k++ {
					name := factors[k].Name
					factors[k].Levels = append(factors[k].Levels, g.aliases[name].class[levelOf(st, name)])
				}
			}
			y[i], n[i] = y[i]+v.mean-m[0]/m[1], n[i]+1
		}
	}
	for i := range y {
		y[i] /= n[i]
	}
	factors = slices.DeleteFunc(factors, func(f stats.Factor) bool { return len(distinct(f.Levels, func(l string) string { return l })) < 2 })
	if len(y) > mostRows || len(factors) == 0 {
		return
	}
	table, err := stats.AnalyzeVariance(y, factors, false)
	if err != nil {
		return
	}
	full, errFull := stats.AnalyzeVariance(y, factors, true)
	for _, e := range effects {
		if t, ok := table.Term(e.factor); ok {
			e.eta, e.omega = sample.Some(t.EtaSq), sample.Some(t.OmegaSq)
		}
		if errFull != nil {
			continue
		}
		for _, t := range full.Terms {
			if len(t.Factors) == 2 && slices.Contains(t.Factors, e.factor) && t.P < Alpha && !slices.Contains(t.Factors, "block") {
				main, _ := full.Term(e.factor)
				if t.OmegaSq > max(0, main.OmegaSq)/2 {
					e.interacting = t.Factors[0]
					if e.interacting == e.factor {
						e.interacting = t.Factors[1]
					}
				}
			}
		}
	}
}
