// Package unit keeps one base unit per dimension and scales only when printing.
//
// Inside chimera a time is in seconds, a size in bytes, a rate per second: no
// value is ever stored scaled, so none can be read in the wrong scale. A Unit
// names the dimension; a Scale is chosen at the last moment, for one table
// column or one sentence, so that numbers beside each other share it.
package unit

import (
	"math"
	"strconv"
)

// Unit is a base unit. The zero value is a pure number.
type Unit string

const (
	None           Unit = ""
	Second         Unit = "s"
	SecondPerToken Unit = "s/token"
	TokenPerSecond Unit = "token/s"
	Token          Unit = "token"
	TokenPerChunk  Unit = "token/chunk"
	PerSecond      Unit = "1/s"
	Byte           Unit = "B"
	BytePerSecond  Unit = "B/s"
	Ratio          Unit = "ratio"
	Joule          Unit = "J"
	JoulePerToken  Unit = "J/token"
	Watt           Unit = "W"
	Hertz          Unit = "Hz"
	Celsius        Unit = "°C"
	FlopPerSecond  Unit = "FLOP/s"
	BitPerWeight   Unit = "bit/weight"
	BitPerByte     Unit = "bit/byte"
)

// Scale maps base values to printed ones: printed = value × Factor, with Symbol
// behind the number.
type Scale struct {
	Factor float64
	Symbol string
}

var steps = map[Unit][]Scale{ // largest printed unit first; a factor shrinks the value to it
	Second:         {{1, "s"}, {1e3, "ms"}, {1e6, "µs"}, {1e9, "ns"}},
	SecondPerToken: {{1, "s/token"}, {1e3, "ms/token"}, {1e6, "µs/token"}},
	Byte:           {{1e-9, "GB"}, {1e-6, "MB"}, {1e-3, "kB"}, {1, "B"}},
	BytePerSecond:  {{1e-9, "GB/s"}, {1e-6, "MB/s"}, {1e-3, "kB/s"}, {1, "B/s"}},
	Hertz:          {{1e-9, "GHz"}, {1e-6, "MHz"}, {1e-3, "kHz"}, {1, "Hz"}},
	Joule:          {{1e-3, "kJ"}, {1, "J"}, {1e3, "mJ"}},
	JoulePerToken:  {{1, "J/token"}, {1e3, "mJ/token"}},
	FlopPerSecond:  {{1e-12, "TFLOP/s"}, {1e-9, "GFLOP/s"}, {1e-6, "MFLOP/s"}, {1, "FLOP/s"}},
}

// ScaleFor chooses the scale in which the smallest non-zero magnitude of
// values still has a digit before the point. Sizes are decimal: MB = 10⁶ byte.
func (u Unit) ScaleFor(values ...float64) Scale {
	least := math.Inf(1)
	for _, v := range values {
		if a := math.Abs(v); a > 0 && a < least {
			least = a
		}
	}
	scales := steps[u]
	if len(scales) == 0 {
		return Scale{1, string(u)}
	}
	if math.IsInf(least, 1) {
		return u.base()
	}
	for _, s := range scales {
		if least*s.Factor >= 0.9995 {
			return s
		}
	}
	return scales[len(scales)-1]
}

func (u Unit) base() Scale {
	for _, s := range steps[u] {
		if s.Factor == 1 {
			return s
		}
	}
	return Scale{1, string(u)}
}

// Format prints v in its own best scale with three significant digits:
// 0.0021 s is "2.10 ms".
func (u Unit) Format(v float64) string {
	s := u.ScaleFor(v)
	text := Digits(v*s.Factor, 3)
	if s.Symbol == "" {
		return text
	}
	return text + " " + s.Symbol
}

// Digits prints v with n significant digits, without an exponent, and never
// drops a digit before the point: 1234.5 with n = 3 is "1235".
func Digits(v float64, n int) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 0):
		if v > 0 {
			return "∞"
		}
		return "−∞"
	case v == 0:
		return "0"
	}
	decimals := func(x float64) int {
		return max(0, n-1-int(math.Floor(math.Log10(math.Abs(x)))))
	}
	// Rounding may add a digit (9.996 → 10.0), so the place is found twice.
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(v, 'f', decimals(v), 64), 64)
	if err != nil || rounded == 0 {
		return strconv.FormatFloat(v, 'f', decimals(v), 64)
	}
	return strconv.FormatFloat(v, 'f', decimals(rounded), 64)
}
