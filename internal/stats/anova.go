package stats

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mathext"
)

// A Factor assigns a level to each observation.
type Factor struct {
	Name   string
	Levels []string // one per observation
}

// A Term is one row of an analysis of variance.
type Term struct {
	Name         string   // "A" or, for an interaction, "A:B"
	Factors      []string // the names of its one or two factors
	SS, F, P     float64
	DF           int
	EtaSq        float64 // SS / SS total
	PartialEtaSq float64 // SS / (SS + SS residual)
	OmegaSq      float64 // (SS − df·MSE)/(SS total + MSE), may be below 0
}

// An ANOVA is an analysis of variance with type-II sums of squares: each term
// is judged given all others that do not contain it, so the order of factors
// and unequal cells do not matter.
type ANOVA struct {
	N          int
	Terms      []Term
	SSResidual float64
	DFResidual int
	SSTotal    float64
	MSE        float64
	Warnings   []Warning
}

// Term returns the row of that name.
func (a ANOVA) Term(name string) (Term, bool) {
	for _, t := range a.Terms {
		if t.Name == name {
			return t, true
		}
	}
	return Term{}, false
}

// AnalyzeVariance explains y by the factors and, if interactions is set, by all
// pairs of them. Take logarithms first when the spread grows with the mean.
// Randomised blocks are a factor like any other. A factor with one level is an
// error: it was not varied. It needs at least one residual degree of freedom.
func AnalyzeVariance(y []float64, factors []Factor, interactions bool) (ANOVA, error) {
	d, err := newDesign(y, factors, interactions)
	if err != nil {
		return ANOVA{}, err
	}
	full, rank := d.residual(func(term) bool { return true })
	mean := meanOf(y)
	a := ANOVA{N: len(y), SSResidual: full, DFResidual: len(y) - rank}
	for _, v := range y {
		a.SSTotal += (v - mean) * (v - mean)
	}
	if a.DFResidual < 1 {
		return ANOVA{}, warnf(TooFew, "analysis of variance: n/a (n=%d leaves no residual degree of freedom; drop interactions or repeat)", len(y))
	}
	if a.SSTotal == 0 || !isFinite(a.SSTotal) {
		return ANOVA{}, warnf(Degenerate, "analysis of variance: n/a (no usable variation)")
	}
	a.MSE = full / float64(a.DFResidual)
	for _, t := range d.terms {
		row, err := d.judge(t, a)
		if err != nil {
			return ANOVA{}, err
		}
		a.Terms = append(a.Terms, row)
	}
	a.Warnings = append(d.warnings, a.hidden()...)
	return a, nil
}

// judge compares the models with and without a term among those terms that do
// not contain it.
func (d design) judge(t term, a ANOVA) (Term, error) {
	with, rankWith := d.residual(func(o term) bool { return !o.contains(t) || o.is(t) })
	without, rankWithout := d.residual(func(o term) bool { return !o.contains(t) })
	df := rankWith - rankWithout
	if df == 0 {
		return Term{}, warnf(Degenerate, "analysis of variance: %s cannot be told from the other factors", t.name)
	}
	ss := max(0, without-with)
	row := Term{Name: t.name, Factors: t.of, SS: ss, DF: df, EtaSq: ss / a.SSTotal,
		PartialEtaSq: ss / (ss + a.SSResidual), OmegaSq: (ss - float64(df)*a.MSE) / (a.SSTotal + a.MSE)}
	if a.MSE <= 1e-25*a.SSTotal {
		return Term{}, warnf(Degenerate, "analysis of variance: n/a (the model leaves no residual variation to compare with)")
	}
	row.F = ss / float64(df) / a.MSE
	row.P = fTail(row.F, float64(df), float64(a.DFResidual))
	return row, nil
}

// fTail returns P(F ≥ f) with full precision in the tail, where 1 − CDF has none.
func fTail(f, d1, d2 float64) float64 {
	return unitP(mathext.RegIncBeta(d2/2, d1/2, d2/(d2+d1*f)))
}

// hidden warns of main effects that an interaction makes misleading: ω² above
// half of the smaller main effect's.
func (a ANOVA) hidden() []Warning {
	var out []Warning
	for _, t := range a.Terms {
		if len(t.Factors) < 2 {
			continue
		}
		l, r := t.Factors[0], t.Factors[1]
		left, _ := a.Term(l)
		right, _ := a.Term(r)
		if t.P < 0.05 && t.OmegaSq > min(left.OmegaSq, right.OmegaSq)/2 {
			out = append(out, warnf(Interacting, "the effect of %s depends on %s (ω² %.3f): do not quote main effects alone", l, r, t.OmegaSq))
		}
	}
	return out
}

// A term is a main effect (one factor) or an interaction of two.
type term struct {
	name    string
	of      []string
	factors []int
	columns [][]float64
}

func (t term) is(o term) bool { return slices.Equal(t.factors, o.factors) }

func (t term) contains(o term) bool {
	for _, f := range o.factors {
		if !slices.Contains(t.factors, f) {
			return false
		}
	}
	return true
}

type design struct {
	y        []float64
	terms    []term
	warnings []Warning
}

func newDesign(y []float64, factors []Factor, interactions bool) (design, error) {
	if err := check("analysis of variance", y, 3); err != nil {
		return design{}, err
	}
	if len(factors) == 0 {
		return design{}, warnf(BadArgument, "analysis of variance: there are no factors")
	}
	d := design{y: y}
	for i, f := range factors {
		cols, err := indicator(f, len(y))
		if err != nil {
			return design{}, err
		}
		d.terms = append(d.terms, term{f.Name, []string{f.Name}, []int{i}, cols})
	}
	if interactions {
		d.interact(factors)
	}
	return d, nil
}

// interact adds the products of the columns of each pair of factors.
func (d *design) interact(factors []Factor) {
	for i := range factors {
		for j := i + 1; j < len(factors); j++ {
			t := term{name: factors[i].Name + ":" + factors[j].Name,
				of: []string{factors[i].Name, factors[j].Name}, factors: []int{i, j}}
			for _, a := range d.terms[i].columns {
				for _, b := range d.terms[j].columns {
					t.columns = append(t.columns, floats.MulTo(make([]float64, len(a)), a, b))
				}
			}
			d.terms = append(d.terms, t)
			if least, most := cellSizes(factors[i], factors[j]); least != most {
				d.warnings = append(d.warnings, warnf(Unbalanced, "cells of %s hold %d to %d values", t.name, least, most))
			}
		}
	}
}

// indicator codes a factor as one column per level but the first.
func indicator(f Factor, n int) ([][]float64, error) {
	if len(f.Levels) != n {
		return nil, warnf(BadArgument, "factor %s has %d levels for %d values", f.Name, len(f.Levels), n)
	}
	names := slices.Compact(slices.Sorted(slices.Values(f.Levels)))
	if len(names) < 2 {
		return nil, warnf(Degenerate, "factor %s has one level only: it was not varied", f.Name)
	}
	cols := make([][]float64, len(names)-1)
	for i := range cols {
		cols[i] = make([]float64, n)
		for r, l := range f.Levels {
			if l == names[i+1] {
				cols[i][r] = 1
			}
		}
	}
	return cols, nil
}

func cellSizes(a, b Factor) (least, most int) {
	count := map[string]int{}
	la, lb := map[string]bool{}, map[string]bool{}
	for i := range a.Levels {
		count[fmt.Sprintf("%q %q", a.Levels[i], b.Levels[i])]++
		la[a.Levels[i]], lb[b.Levels[i]] = true, true
	}
	least = math.MaxInt
	for _, c := range count {
		least, most = min(least, c), max(most, c)
	}
	if len(count) < len(la)*len(lb) {
		least = 0
	}
	return least, most
}

// residual returns the residual sum of squares of the model with the chosen
// terms and its rank. Gram–Schmidt, done twice for precision, drops columns
// that the others already span, so empty cells do no harm.
func (d design) residual(use func(term) bool) (ss float64, rank int) {
	n := len(d.y)
	ones := make([]float64, n)
	for i := range ones {
		ones[i] = 1
	}
	cols := [][]float64{ones}
	for _, t := range d.terms {
		if use(t) {
			cols = append(cols, t.columns...)
		}
	}
	var basis [][]float64
	for _, c := range cols {
		v := slices.Clone(c)
		before := floats.Norm(v, 2)
		sweep(v, basis)
		if after := floats.Norm(v, 2); after > 1e-9*before {
			floats.Scale(1/after, v)
			basis = append(basis, v)
		}
	}
	r := slices.Clone(d.y)
	floats.AddConst(-meanOf(d.y), r)
	sweep(r, basis)
	return floats.Dot(r, r), len(basis)
}

func sweep(v []float64, basis [][]float64) {
	for range 2 {
		for _, b := range basis {
			floats.AddScaled(v, -floats.Dot(v, b), b)
		}
	}
}

// BrownForsythe tests whether groups have equal spread, by an analysis of
// variance of the distances from the group medians (Brown and Forsythe 1974).
// A difference in spread is a finding of its own. Each group needs two values.
func BrownForsythe(groups [][]float64) (Test, error) {
	if _, err := pooled("Brown-Forsythe", groups, 2); err != nil {
		return Test{}, err
	}
	var y []float64
	var level []string
	for i, g := range groups {
		m := quantileSorted(sorted(g), 0.5)
		for _, v := range g {
			y = append(y, math.Abs(v-m))
			level = append(level, fmt.Sprint(i))
		}
	}
	if slices.Min(y) == slices.Max(y) {
		return noVariation("brown-forsythe"), nil
	}
	a, err := AnalyzeVariance(y, []Factor{{"group", level}}, false)
	if err != nil {
		return Test{}, err
	}
	t := a.Terms[0]
	return Test{Method: "brown-forsythe", Statistic: t.F, P: t.P, DF: []float64{float64(t.DF), float64(a.DFResidual)}}, nil
}
