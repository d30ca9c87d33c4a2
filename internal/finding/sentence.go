package finding

import (
	"math"
	"strconv"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/unit"
)

// Sentence is a claim in parts. Text parts hold words and no digit; every
// number is a reference to a fact, so that whoever prints the sentence can link
// it, and whoever audits it can look it up.
type Sentence []Part

// Part is one of three: words, the name of a thing (which may hold digits:
// "270m", "temperature=0.2"), or a reference to a fact.
type Part struct {
	Text string `json:"text,omitempty"`
	Name string `json:"name,omitempty"`
	Fact string `json:"fact,omitempty"`
	As   Form   `json:"as,omitempty"` // how the fact is printed; with Fact only
}

// Form says what of a fact is printed, and how.
type Form string

// Forms. The value is printed with three significant digits in its unit's own
// scale, a count in full.
const (
	AsValue     Form = "value"    // 102 token/s
	AsFine      Form = "fine"     // 103.16 token/s: five digits, where two values lie close
	AsInterval  Form = "interval" // [101, 103] token/s
	AsBoth      Form = "both"     // 102 [101, 103] token/s
	AsN         Form = "n"        // 30
	AsPlanned   Form = "planned"  // 36
	AsTimes     Form = "times"    // 2.81× (of a ratio)
	AsTimesCI   Form = "times-ci" // 2.81× [2.75, 2.87]
	AsChange    Form = "change"   // +3.4 % (of a ratio: value − 1)
	AsChangeCI  Form = "change-ci"
	AsPercent   Form = "percent"    // 43 % (of a share: value × 100)
	AsPercentCI Form = "percent-ci" // [38, 49] % (the interval of a share)
	AsShare     Form = "share"      // 42.9 %, −15.9 %: a share with three digits
	AsP         Form = "p"          // 0.003, < 0.001
)

// Lookup finds a fact by id.
type Lookup func(id string) (fact.Fact, bool)

// Print renders a sentence as plain text. A reference that is not in the
// ledger prints as "(no fact F…)": it cannot pass for a number.
func (s Sentence) Print(facts Lookup) string {
	var b strings.Builder
	for _, p := range s {
		b.WriteString(p.Print(facts))
	}
	return b.String()
}

// Facts returns the ids that a sentence refers to, each once, in order.
func (s Sentence) Facts() []string {
	var ids []string
	seen := map[string]bool{}
	for _, p := range s {
		if p.Fact != "" && !seen[p.Fact] {
			seen[p.Fact] = true
			ids = append(ids, p.Fact)
		}
	}
	return ids
}

// Print renders one part as plain text.
func (p Part) Print(facts Lookup) string {
	if p.Fact == "" {
		return p.Text + p.Name
	}
	f, ok := facts(p.Fact)
	if !ok {
		return "(no fact " + p.Fact + ")"
	}
	return Show(f, p.As)
}

// Show prints a fact in a form. What the fact lacks prints as "n/a".
func Show(f fact.Fact, as Form) string {
	v, ok := f.Value.Get()
	lo, hasLo := f.Lo.Get()
	hi, hasHi := f.Hi.Get()
	interval := hasLo && hasHi
	switch as {
	case AsN:
		return strconv.Itoa(f.N)
	case AsPlanned:
		return strconv.Itoa(f.Planned)
	}
	if !ok {
		return "n/a"
	}
	switch as {
	case AsFine:
		s := f.Unit.ScaleFor(v)
		return strings.Replace(strings.TrimRight(unit.Digits(v*s.Factor, 5)+" "+s.Symbol, " "), "-", "−", 1)
	case AsInterval:
		if !interval {
			return "n/a"
		}
		return span(f.Unit, lo, hi)
	case AsBoth:
		if !interval {
			return f.Unit.Format(v)
		}
		return around(f.Unit, v, lo, hi)
	case AsTimes:
		return unit.Digits(v, 3) + "×"
	case AsTimesCI:
		if !interval {
			return unit.Digits(v, 3) + "×"
		}
		return unit.Digits(v, 3) + "× [" + unit.Digits(lo, 3) + ", " + unit.Digits(hi, 3) + "]"
	case AsChange:
		return change(v) + " %"
	case AsChangeCI:
		if !interval {
			return change(v) + " %"
		}
		return change(v) + " % [" + change(lo) + ", " + change(hi) + "]"
	case AsPercent:
		return share(v) + " %"
	case AsPercentCI:
		if !interval {
			return "n/a"
		}
		return "[" + share(lo) + ", " + share(hi) + "] %"
	case AsShare:
		return strings.Replace(unit.Digits(v*100, 3), "-", "−", 1) + " %"
	case AsP:
		return pValue(v)
	}
	if f.Unit == unit.None && v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return f.Unit.Format(v)
}

// change prints a ratio as a signed percentage with at most two decimals.
func change(ratio float64) string {
	pct := (ratio - 1) * 100
	text := share(math.Abs(pct) / 100)
	switch {
	case strings.Trim(text, "0.") == "":
		return text
	case pct < 0:
		return "−" + text
	}
	return "+" + text
}

// share prints a fraction in percent: two significant digits, two decimals at
// most.
func share(v float64) string {
	pct := v * 100
	switch a := math.Abs(pct); {
	case a >= 10:
		return strconv.FormatFloat(pct, 'f', 0, 64)
	case a >= 1:
		return strconv.FormatFloat(pct, 'f', 1, 64)
	}
	return strconv.FormatFloat(pct, 'f', 2, 64)
}

func pValue(p float64) string {
	if p < 0.001 {
		return "< 0.001"
	}
	return unit.Digits(p, 2)
}

func span(u unit.Unit, lo, hi float64) string {
	s := u.ScaleFor(max(math.Abs(lo), math.Abs(hi)))
	return strings.TrimRight("["+unit.Digits(lo*s.Factor, 3)+", "+unit.Digits(hi*s.Factor, 3)+"] "+s.Symbol, " ")
}

func around(u unit.Unit, v, lo, hi float64) string {
	s := u.ScaleFor(v)
	return strings.TrimRight(unit.Digits(v*s.Factor, 3)+" ["+unit.Digits(lo*s.Factor, 3)+", "+unit.Digits(hi*s.Factor, 3)+"] "+s.Symbol, " ")
}
