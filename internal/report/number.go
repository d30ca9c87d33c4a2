package report

import (
	"math"
	"strconv"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/unit"
)

// number is a fact as a cell prints it: the unit stands in the column's head.
type number struct {
	value    string // "102.5"
	interval string // "[101.3, 103.7]"
	tail     string // " ms", behind the interval of a sentence
	missing  string // the reason why there is no value; then the rest is empty
}

func (n number) String() string {
	switch {
	case n.missing != "":
		return "not measured"
	case n.interval == "":
		return n.value
	}
	return strings.TrimSpace(n.value + " " + n.interval + n.tail)
}

// column is how the numbers below each other are printed: in one scale, to one
// place.
type column struct {
	scale  unit.Scale
	places int // decimals of values with an interval; −1 chooses for each alone
}

// columnOf chooses for the facts of a column: the places that the widest
// interval deserves, but three digits of each value.
func columnOf(as finding.Form, facts ...fact.Fact) column {
	c := column{scale: scaleOf(facts...), places: -1}
	least, most := math.MaxInt, 0
	for _, f := range facts {
		v, ok := f.Value.Get()
		lo, okLo := f.Lo.Get()
		hi, okHi := f.Hi.Get()
		if !ok || !okLo || !okHi || as == finding.AsValue {
			continue
		}
		v *= c.scale.Factor
		least = min(least, decimals((hi-lo)/2*c.scale.Factor, v))
		if v != 0 {
			most = max(most, 2-int(math.Floor(math.Log10(math.Abs(v)))))
		}
	}
	if least < math.MaxInt {
		c.places = min(max(least, most), 12)
	}
	return c
}

// show prints a fact in a form, as its column has it.
func show(f fact.Fact, as finding.Form, c column) number {
	scale := c.scale
	if scale == (unit.Scale{}) {
		c = column{scaleOf(f), -1}
		scale = c.scale
	}
	switch as {
	case finding.AsN:
		return number{value: strconv.Itoa(f.N)}
	case finding.AsPlanned:
		return number{value: strconv.Itoa(f.Planned)}
	}
	v, ok := f.Value.Get()
	if !ok {
		return number{missing: orElse(f.Reason, "no reason is on record")}
	}
	switch as {
	case finding.AsChange, finding.AsChangeCI, finding.AsPercent, finding.AsPercentCI, finding.AsShare, finding.AsP, finding.AsTimes, finding.AsTimesCI:
		value, interval, _ := strings.Cut(finding.Show(f, as), " [")
		if interval != "" {
			interval = "[" + interval
		}
		return number{value: value, interval: interval}
	}
	lo, okLo := f.Lo.Get()
	hi, okHi := f.Hi.Get()
	out := number{}
	places := -1
	if okLo && okHi && as != finding.AsValue {
		if places = c.places; places < 0 {
			places = decimals((hi-lo)/2*scale.Factor, v*scale.Factor)
		}
		out.interval = "[" + fixed(lo*scale.Factor, places) + ", " + fixed(hi*scale.Factor, places) + "]"
	}
	switch {
	case as == finding.AsInterval:
	case places >= 0:
		out.value = fixed(v*scale.Factor, places)
	case as == finding.AsFine && !whole(v, f.Unit):
		out.value = minus(unit.Digits(v*scale.Factor, 5))
	case whole(v, f.Unit):
		out.value = grouped(strconv.FormatFloat(v, 'f', -1, 64))
	default:
		out.value = digits(v * scale.Factor)
	}
	return out
}

// scaleOf chooses one scale for facts that stand below each other.
func scaleOf(facts ...fact.Fact) unit.Scale {
	var values []float64
	u := unit.None
	for _, f := range facts {
		u = f.Unit
		if v, ok := f.Value.Get(); ok {
			values = append(values, v)
		}
	}
	return u.ScaleFor(values...)
}

// symbol is the unit as it stands in a column's head: forms that print a sign
// of their own need none.
func symbol(as finding.Form, scale unit.Scale) string {
	switch as {
	case finding.AsN, finding.AsPlanned, finding.AsChange, finding.AsChangeCI, finding.AsPercent, finding.AsPercentCI, finding.AsShare,
		finding.AsP, finding.AsTimes, finding.AsTimesCI:
		return ""
	}
	return scale.Symbol
}

// whole reports a count, which is printed to its last digit.
func whole(v float64, u unit.Unit) bool {
	return (u == unit.None || u == unit.Token) && v == math.Trunc(v) && math.Abs(v) < 1e15
}

// decimals gives half the interval two significant digits, and the value at
// most five.
func decimals(half, v float64) int {
	half, v = math.Abs(half), math.Abs(v)
	if half == 0 {
		half = v / 100
	}
	if half == 0 || math.IsNaN(half) || math.IsInf(half, 0) {
		return 0
	}
	places := 1 - int(math.Floor(math.Log10(half)))
	if v > 0 && !math.IsInf(v, 0) {
		places = min(places, 4-int(math.Floor(math.Log10(v))))
	}
	return min(max(places, 0), 12)
}

// digits prints three significant digits; far from 1 it takes a power of ten.
func digits(v float64) string {
	if a := math.Abs(v); a >= 1e6 || a > 0 && a < 1e-3 {
		e := int(math.Floor(math.Log10(a)))
		return minus(strconv.FormatFloat(v/math.Pow10(e), 'f', 2, 64)) + "·10^" + strconv.Itoa(e)
	}
	return minus(unit.Digits(v, 3))
}

func fixed(v float64, places int) string {
	return minus(strconv.FormatFloat(v+0, 'f', places, 64))
}

// grouped puts a narrow space between groups of three digits.
func grouped(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "−", s[1:]
	}
	if len(s) <= 4 {
		return sign + s
	}
	var b strings.Builder
	for i, r := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteRune('\u202f')
		}
		b.WriteRune(r)
	}
	return sign + b.String()
}

// minus writes a true minus sign, and none before a zero.
func minus(s string) string {
	rest, negative := strings.CutPrefix(s, "-")
	switch {
	case !negative:
		return s
	case strings.Trim(rest, "0.") == "":
		return rest
	}
	return "−" + rest
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
