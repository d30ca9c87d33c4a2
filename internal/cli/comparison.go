package cli

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"chimera/internal/compare"
	"chimera/internal/metric"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// longDigest finds what is shortened for people.
var longDigest = regexp.MustCompile(`\b([0-9a-f]{12})[0-9a-f]{28,52}\b`)

// printResidue lists what forbids a comparison.
func (a *app) printResidue(r compare.Result) {
	fmt.Fprintf(a.Stdout, "%s  %s → %s\n\n", a.style().bad(string(r.Verdict)), r.A.Run, r.B.Run)
	t := newTable("differs in", "where", "A", "B")
	for _, d := range r.Residue {
		if !d.Allowed {
			t.row(string(d.What), cmp.Or(d.Where, "run"), longDigest.ReplaceAllString(d.A, "$1…"), longDigest.ReplaceAllString(d.B, "$1…"))
		}
	}
	t.write(a.Stdout, "  ", a.style())
}

// printComparison prints a table for each measure, and then the verdict.
func (a *app) printComparison(r compare.Result) {
	fmt.Fprintf(a.Stdout, "%s → %s · %s · %s\n", r.A.Run, r.B.Run, r.A.Name, phaseText(r.Phase))
	for part := r.Metrics; len(part) > 0; {
		first := part[0]
		n := slices.IndexFunc(part, func(c compare.Comparison) bool {
			return c.Measure() != first.Measure() || c.Scope.Experiment != first.Scope.Experiment
		})
		if n < 0 {
			n = len(part)
		}
		a.printMeasure(part[:n])
		part = part[n:]
	}
	fmt.Fprintln(a.Stdout)
	paragraph(a.Stdout, "  p           ", familyText(r.Metrics))
	for _, c := range r.Metrics {
		for _, note := range c.Notes {
			paragraph(a.Stdout, "  note        ", fmt.Sprintf("%s of %s: %s", c.Measure(), c.Scope, note))
		}
	}
	for _, d := range r.Residue {
		paragraph(a.Stdout, "  allowed     ", longDigest.ReplaceAllString(fmt.Sprintf("%s: %s → %s", strings.TrimSpace(string(d.What)+" "+d.Where), d.A, d.B), "$1…"))
	}
	for _, text := range r.Remarks {
		paragraph(a.Stdout, "  remark      ", text)
	}
	a.printNotTested(r.NotTested)
	fmt.Fprintf(a.Stdout, "\n%s  %s\n", a.verdict(r.Verdict), verdictCounts(r.Metrics))
}

// familyText says how many of the tests stand when all are asked together.
func familyText(all []compare.Comparison) string {
	tests, alone, together := 0, 0, 0
	for _, c := range all {
		p, ok := c.P.Get()
		if !ok {
			continue
		}
		tests++
		if p < 0.05 {
			alone++
		}
		if c.PHolm.Or(1) < 0.05 {
			together++
		}
	}
	return fmt.Sprintf("Mann–Whitney, each on its own: %d of %d below 0.05; %d after Holm's correction for all", alone, tests, together)
}

func phaseText(p sample.Phase) string {
	if p == sample.Cold {
		return "cold rows"
	}
	return "warm rows"
}

// printNotTested says what the verdict does not cover, equal reasons once.
func (a *app) printNotTested(all []compare.NotTested) {
	var order []string
	by := map[string][]string{}
	for _, n := range all {
		if by[n.Reason] == nil {
			order = append(order, n.Reason)
		}
		by[n.Reason] = append(by[n.Reason], n.What)
	}
	for _, reason := range order {
		what := by[reason]
		if n := len(what) - 3; n > 0 {
			what = append(what[:3:3], fmt.Sprintf("%d more", n))
		}
		paragraph(a.Stdout, "  not tested  ", strings.Join(what, ", ")+": "+reason)
	}
}

// printMeasure prints the comparisons of one measure.
func (a *app) printMeasure(part []compare.Comparison) {
	first := part[0]
	var values []float64
	for _, c := range part {
		values = append(values, c.A, c.B)
	}
	scale := first.Unit.ScaleFor(values...)
	way := "higher is better"
	if first.Better == metric.Lower {
		way = "lower is better"
	}
	fmt.Fprintln(a.Stdout)
	paragraph(a.Stdout, "  ", fmt.Sprintf("%s of %s · %s, margin %s %%", a.style().bold(first.Measure()), first.Scope.Experiment, way, unit.Digits(100*first.Margin, 2)))
	counted := ">blocks"
	if first.Aggregate != "median" {
		counted = ">rows"
	}
	t := newTable("subject", ">A, "+scale.Symbol, ">B, "+scale.Symbol, ">ratio, 95 %", counted, ">p", "verdict")
	for _, c := range part {
		t.row(subjectText(c.Scope), sideCell(c.A, c.ALo, c.AHi, scale), sideCell(c.B, c.BLo, c.BHi, scale),
			ratioCell(c), fmt.Sprintf("%d+%d", c.NA, c.NB), pCell(c), a.verdict(c.Verdict))
	}
	t.write(a.Stdout, "  ", a.style())
	if lo, hi, ok := detectable(part); ok {
		text := "changes from " + span(unit.Digits(100*lo, 2), unit.Digits(100*hi, 2)) + " % on would be seen in 80 % of such pairs of runs"
		if least, most := neededBlocks(part); most > 0 {
			text += "; " + span(fmt.Sprint(least), fmt.Sprint(most)) + " blocks a run would decide"
		}
		paragraph(a.Stdout, "  ", text)
	}
}

// span is "x to y", or one of them where they are equal.
func span(lo, hi string) string {
	if lo == hi {
		return lo
	}
	return lo + " to " + hi
}

func neededBlocks(part []compare.Comparison) (least, most int) {
	for _, c := range part {
		if n, ok := c.Needed.Get(); ok {
			if most == 0 || n < least {
				least = n
			}
			most = max(most, n)
		}
	}
	return least, most
}

func detectable(part []compare.Comparison) (lo, hi float64, ok bool) {
	for _, c := range part {
		if v, known := c.Detectable.Get(); known {
			if !ok || v < lo {
				lo = v
			}
			hi, ok = max(hi, v), true
		}
	}
	return lo, hi, ok
}

// sideCell is a median with the longer arm of its interval.
func sideCell(v float64, lo, hi sample.Opt[float64], scale unit.Scale) string {
	text := unit.Digits(v*scale.Factor, 4)
	if l, ok := lo.Get(); ok {
		text += " ±" + unit.Digits(max(hi.Or(v)-v, v-l)*scale.Factor, 2)
	}
	return text
}

func ratioCell(c compare.Comparison) string {
	r, ok := c.Ratio.Get()
	if !ok {
		return "none"
	}
	text := fmt.Sprintf("%.3f", r)
	if lo, ok := c.Lo.Get(); ok {
		text += fmt.Sprintf(" [%.3f, %.3f]", lo, c.Hi.Or(lo))
	}
	return text
}

func pCell(c compare.Comparison) string {
	p, ok := c.P.Get()
	switch {
	case !ok:
		return "none"
	case p < 0.001:
		return "<0.001"
	}
	return fmt.Sprintf("%.3f", p)
}

// subjectText is a scope without its experiment.
func subjectText(s compare.Scope) string {
	if s.Config == "defaults" {
		return s.Subject
	}
	return s.Subject + " " + s.Config
}

// verdict paints a verdict's word.
func (a *app) verdict(v compare.Verdict) string {
	switch v {
	case compare.Regression, compare.Suspect, compare.NotComparable:
		return a.style().bad(string(v))
	case compare.Improved, compare.Same:
		return a.style().good(string(v))
	}
	return a.style().bold(string(v))
}

func verdictCounts(all []compare.Comparison) string {
	var parts []string
	for _, v := range []compare.Verdict{compare.Regression, compare.Suspect, compare.Inconclusive, compare.Improved, compare.Same} {
		n := 0
		for _, c := range all {
			if c.Verdict == v {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, strings.ToLower(string(v))))
		}
	}
	noun := "comparisons"
	if len(all) == 1 {
		noun = "comparison"
	}
	return fmt.Sprintf("of %d %s: %s", len(all), noun, strings.Join(parts, ", "))
}
