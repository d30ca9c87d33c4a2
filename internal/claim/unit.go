package claim

import (
	"strings"

	"chimera/internal/unit"
)

// Dim is what a written unit measures, in a base unit: value × Factor. Times
// and Percent are both ratios; a sentence decides whether they are a change.
type Dim struct {
	Unit    unit.Unit
	Factor  float64
	Symbol  string // as written
	Percent bool
	Points  bool   // percentage points
	Times   bool   // ×, "times", "-fold"
	Per     string // what a compound unit divides by further: tok/s/MB
}

// Units that only reports have.
const (
	Word      unit.Unit = "word"
	Flop      unit.Unit = "FLOP"
	Minute    unit.Unit = "1/min"
	Character unit.Unit = "char"
)

type spelling struct {
	text   string
	unit   unit.Unit
	factor float64
}

// spellings of units, the longest first where one begins another. Upper and
// lower case are told apart only where sense hangs on it.
var spellings = []spelling{
	{"tokens per second", unit.TokenPerSecond, 1}, {"tokens per sec", unit.TokenPerSecond, 1}, {"token per second", unit.TokenPerSecond, 1},
	{"tokens/second", unit.TokenPerSecond, 1}, {"tokens/sec", unit.TokenPerSecond, 1}, {"tokens/s", unit.TokenPerSecond, 1}, {"token/s", unit.TokenPerSecond, 1},
	{"tok/sec", unit.TokenPerSecond, 1}, {"tok/s", unit.TokenPerSecond, 1}, {"toks/s", unit.TokenPerSecond, 1}, {"tps", unit.TokenPerSecond, 1}, {"t/s", unit.TokenPerSecond, 1},
	{"milliseconds per token", unit.SecondPerToken, 1e-3}, {"seconds per token", unit.SecondPerToken, 1}, {"ms per token", unit.SecondPerToken, 1e-3},
	{"ms/token", unit.SecondPerToken, 1e-3}, {"ms/tok", unit.SecondPerToken, 1e-3}, {"µs/token", unit.SecondPerToken, 1e-6}, {"s/token", unit.SecondPerToken, 1}, {"s/tok", unit.SecondPerToken, 1},
	{"milliseconds", unit.Second, 1e-3}, {"millisecond", unit.Second, 1e-3}, {"microseconds", unit.Second, 1e-6}, {"microsecond", unit.Second, 1e-6},
	{"nanoseconds", unit.Second, 1e-9}, {"seconds", unit.Second, 1}, {"second", unit.Second, 1}, {"minutes", unit.Second, 60}, {"minute", unit.Second, 60},
	{"hours", unit.Second, 3600}, {"hour", unit.Second, 3600}, {"msec", unit.Second, 1e-3}, {"secs", unit.Second, 1}, {"sec", unit.Second, 1}, {"mins", unit.Second, 60}, {"min", unit.Second, 60},
	{"ms", unit.Second, 1e-3}, {"µs", unit.Second, 1e-6}, {"μs", unit.Second, 1e-6}, {"us", unit.Second, 1e-6}, {"ns", unit.Second, 1e-9},
	{"GB/s", unit.BytePerSecond, 1e9}, {"MB/s", unit.BytePerSecond, 1e6}, {"GiB/s", unit.BytePerSecond, 1 << 30}, {"MiB/s", unit.BytePerSecond, 1 << 20}, {"kB/s", unit.BytePerSecond, 1e3}, {"B/s", unit.BytePerSecond, 1},
	{"bytes", unit.Byte, 1}, {"byte", unit.Byte, 1}, {"KiB", unit.Byte, 1 << 10}, {"MiB", unit.Byte, 1 << 20}, {"GiB", unit.Byte, 1 << 30}, {"TiB", unit.Byte, 1 << 40},
	{"kB", unit.Byte, 1e3}, {"KB", unit.Byte, 1e3}, {"MB", unit.Byte, 1e6}, {"GB", unit.Byte, 1e9}, {"TB", unit.Byte, 1e12}, {"mb", unit.Byte, 1e6}, {"gb", unit.Byte, 1e9},
	{"joules", unit.Joule, 1}, {"J/token", unit.JoulePerToken, 1}, {"mJ/token", unit.JoulePerToken, 1e-3}, {"J", unit.Joule, 1}, {"kJ", unit.Joule, 1e3}, {"mJ", unit.Joule, 1e-3},
	{"watts", unit.Watt, 1}, {"W", unit.Watt, 1}, {"kW", unit.Watt, 1e3}, {"°C", unit.Celsius, 1}, {"GHz", unit.Hertz, 1e9}, {"MHz", unit.Hertz, 1e6}, {"kHz", unit.Hertz, 1e3}, {"Hz", unit.Hertz, 1},
	{"TFLOP/s", unit.FlopPerSecond, 1e12}, {"TFLOPS", unit.FlopPerSecond, 1e12}, {"GFLOP/s", unit.FlopPerSecond, 1e9}, {"GFLOPS", unit.FlopPerSecond, 1e9},
	{"requests per second", unit.PerSecond, 1}, {"queries per second", unit.PerSecond, 1}, {"requests/s", unit.PerSecond, 1}, {"req/s", unit.PerSecond, 1}, {"QPS", unit.PerSecond, 1}, {"RPS", unit.PerSecond, 1}, {"qps", unit.PerSecond, 1}, {"rps", unit.PerSecond, 1}, {"1/s", unit.PerSecond, 1},
	{"tokens/minute", Minute, 1}, {"words", Word, 1}, {"characters", Character, 1}, {"chars", Character, 1},
	{"tokens", unit.Token, 1}, {"token", unit.Token, 1}, {"toks", unit.Token, 1},
	{"s", unit.Second, 1}, {"B", unit.Byte, 1},
}

// ratios are written behind or around a number.
var ratioSpellings = []struct {
	text string
	dim  Dim
}{
	{"percentage points", Dim{Unit: unit.Ratio, Factor: 0.01, Points: true}}, {"percentage point", Dim{Unit: unit.Ratio, Factor: 0.01, Points: true}}, {"pp", Dim{Unit: unit.Ratio, Factor: 0.01, Points: true}},
	{"percent", Dim{Unit: unit.Ratio, Factor: 0.01, Percent: true}}, {"per cent", Dim{Unit: unit.Ratio, Factor: 0.01, Percent: true}}, {"%", Dim{Unit: unit.Ratio, Factor: 0.01, Percent: true}},
	{"times", Dim{Unit: unit.Ratio, Factor: 1, Times: true}}, {"-fold", Dim{Unit: unit.Ratio, Factor: 1, Times: true}}, {"fold", Dim{Unit: unit.Ratio, Factor: 1, Times: true}},
	{"×", Dim{Unit: unit.Ratio, Factor: 1, Times: true}}, {"x", Dim{Unit: unit.Ratio, Factor: 1, Times: true}}, {"X", Dim{Unit: unit.Ratio, Factor: 1, Times: true}},
}

// UnitAt reads the unit that a text begins with, after at most one blank, and
// returns how many bytes it took; 0 for none.
func UnitAt(text string) (Dim, int) {
	skip := 0
	for skip < len(text) && skip < 2 && text[skip] == ' ' {
		skip++
	}
	if strings.HasPrefix(text[skip:], "-") && len(text) > skip+1 { // 5-second
		if d, n := spelled(text[skip+1:]); n > 0 && d.Unit == unit.Second && n > 3 {
			return d, skip + 1 + n
		}
	}
	rest := text[skip:]
	for _, r := range ratioSpellings {
		if hasWord(rest, r.text) {
			d := r.dim
			d.Symbol = r.text
			return d, skip + len(r.text)
		}
	}
	d, n := spelled(rest)
	if n == 0 {
		return Dim{}, 0
	}
	// A bare s or B after a blank is a unit only if nothing follows it in the
	// same word, which hasWord has seen to.
	n += skip
	if n < len(text) && text[n] == '/' { // compound
		if per, m := spelled(text[n+1:]); m > 0 {
			d.Per, d.Symbol = per.Symbol, d.Symbol+"/"+per.Symbol
			n += 1 + m
		}
	}
	return d, n
}

// ParseUnit reads a text that is a unit and nothing else.
func ParseUnit(text string) (Dim, bool) {
	text = strings.TrimSpace(text)
	if d, n := UnitAt(text); n == len(text) && n > 0 {
		return d, true
	}
	if d, n := UnitAt(strings.ToLower(text)); n == len(text) && n > 0 {
		d.Symbol = text
		return d, true
	}
	return Dim{}, false
}

func spelled(rest string) (Dim, int) {
	for _, s := range spellings {
		if hasWord(rest, s.text) {
			return Dim{Unit: s.unit, Factor: s.factor, Symbol: s.text}, len(s.text)
		}
	}
	if rest != "" && rest[0] >= 'A' && rest[0] <= 'Z' { // Tokens/s, Seconds
		if low := strings.ToLower(rest[:min(len(rest), 24)]); len(low) == min(len(rest), 24) {
			for _, s := range spellings {
				if len(s.text) > 3 && hasWord(low, s.text) {
					return Dim{Unit: s.unit, Factor: s.factor, Symbol: s.text}, len(s.text)
				}
			}
		}
	}
	return Dim{}, 0
}

// hasWord reports whether text begins with word and the word ends there.
func hasWord(text, word string) bool {
	if !strings.HasPrefix(text, word) {
		return false
	}
	rest := text[len(word):]
	if rest == "" || word == "%" || word == "×" {
		return true
	}
	c := rest[0]
	return !(c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80 && strings.HasPrefix(rest, "²"))
}
