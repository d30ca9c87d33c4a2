package chart

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"chimera/internal/unit"
)

// Value is one aggregate in its base unit, with what is known about it. The
// zero Value is a missing one: a number without n is not a measurement.
type Value struct {
	V float64
	// Lo and Hi bound the interval; it is drawn only if Lo < Hi.
	Lo, Hi float64
	// N is the number of observations behind V, Planned how many there should
	// have been; Planned 0 says nothing about that.
	N, Planned int
	// Missing says in words why there is no number. It wins over V.
	Missing string
	// Note is said with the number in tooltip and table.
	Note string
}

// unmeasured is what a figure says where its caller gives no reason.
const unmeasured = "not measured"

// finite holds for what an axis can carry without overflowing on the way.
func finite(v float64) bool { return math.Abs(v) < 1e150 }

// missing returns why v cannot be drawn, or "".
func (v Value) missing() string {
	switch {
	case v.Missing != "":
		return clean(v.Missing)
	case v.N <= 0:
		return unmeasured
	case !finite(v.V):
		return "not a finite number"
	}
	return ""
}

func (v Value) ok() bool { return v.missing() == "" }

// interval reports the interval, if v has one to draw.
func (v Value) interval() (lo, hi float64, ok bool) {
	ok = v.ok() && finite(v.Lo) && finite(v.Hi) && v.Lo < v.Hi
	return v.Lo, v.Hi, ok
}

// extent adds what v needs on an axis.
func (v Value) extent(to []float64) []float64 {
	if !v.ok() {
		return to
	}
	to = append(to, v.V)
	if lo, hi, ok := v.interval(); ok {
		to = append(to, lo, hi)
	}
	return to
}

// count says n, and of how many where some are missing.
func (v Value) count() string {
	s := "n = " + strconv.Itoa(v.N)
	if v.Planned > 0 {
		s += " of " + strconv.Itoa(v.Planned)
	}
	return s
}

// print returns "102.5 [101.3, 103.7]" in the scale s: as many decimals as give
// half the interval two significant digits, or three digits without one.
func (v Value) print(s unit.Scale) string {
	if why := v.missing(); why != "" {
		return why
	}
	lo, hi, ok := v.interval()
	if !ok {
		return number(v.V*s.Factor, 3)
	}
	places := decimals((hi-lo)/2*s.Factor, v.V*s.Factor)
	f := func(x float64) string { return fixed(x*s.Factor, places) }
	if max(math.Abs(lo), math.Abs(hi), math.Abs(v.V))*s.Factor >= 1e6 {
		f = func(x float64) string { return number(x*s.Factor, 4) }
	}
	return f(v.V) + " [" + f(lo) + ", " + f(hi) + "]"
}

// decimals chooses how many decimals an interval of half width half around v
// deserves: two digits of the half width, but at most five of v.
func decimals(half, v float64) int {
	half, v = math.Abs(half), math.Abs(v)
	if half == 0 {
		half = v / 100
	}
	if half == 0 || !finite(half) {
		return 0
	}
	places := 1 - int(math.Floor(math.Log10(half)))
	if v > 0 {
		places = min(places, 4-int(math.Floor(math.Log10(v))))
	}
	return min(max(places, 0), 12)
}

func fixed(v float64, places int) string {
	return minus(strconv.FormatFloat(v+0, 'f', places, 64))
}

// number prints v with n significant digits; far from 1 it takes a power of ten.
func number(v float64, n int) string {
	if math.Abs(v) < 1e-300 {
		return "0"
	}
	if a := math.Abs(v); a >= 1e6 || a > 0 && a < 1e-4 {
		e := int(math.Floor(math.Log10(a)))
		return minus(strconv.FormatFloat(v/math.Pow10(e), 'f', n-1, 64)) + "·10" + superscript(e)
	}
	return minus(unit.Digits(v, n))
}

// minus writes a true minus sign, and none before a zero.
func minus(s string) string {
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		if strings.Trim(rest, "0.") == "" {
			return rest
		}
		return "−" + rest
	}
	return s
}

func superscript(n int) string {
	const digits = "⁰¹²³⁴⁵⁶⁷⁸⁹"
	var b strings.Builder
	for _, r := range strconv.Itoa(n) {
		if r == '-' {
			b.WriteRune('⁻')
			continue
		}
		b.WriteRune([]rune(digits)[r-'0'])
	}
	return b.String()
}

// clean makes foreign text safe to draw: one line, valid, and without the
// characters that XML forbids or that reorder the text around them.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t', r == '\r', r == '\u2028', r == '\u2029':
			return ' '
		case unicode.IsControl(r), r == 0xFFFE, r == 0xFFFF:
			return utf8.RuneError
		case r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069:
			return -1
		}
		return r
	}, s))
}
