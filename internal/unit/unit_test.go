package unit_test

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"chimera/internal/unit"

	"pgregory.net/rapid"
)

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		u    unit.Unit
		v    float64
		want string
	}{
		{unit.Second, 0.0021, "2.10 ms"},
		{unit.Second, 12.34, "12.3 s"},
		{unit.Second, 0.9996, "1.00 s"}, // rounds up into the larger unit
		{unit.Second, 5e-7, "500 ns"},
		{unit.Second, 0, "0 s"},
		{unit.Byte, 253e6, "253 MB"},
		{unit.Byte, 999, "999 B"},
		{unit.TokenPerSecond, 102.25, "102 token/s"},
		{unit.TokenPerSecond, 1234.5, "1234 token/s"},
		{unit.SecondPerToken, 0.0098, "9.80 ms/token"},
		{unit.None, 3, "3.00"},
		{unit.Second, -0.25, "-250 ms"},
	} {
		if got := c.u.Format(c.v); got != c.want {
			t.Errorf("%s.Format(%v) = %q, want %q", c.u, c.v, got, c.want)
		}
	}
}

func TestDigits(t *testing.T) {
	for _, c := range []struct {
		v    float64
		n    int
		want string
	}{
		{9.996, 3, "10.0"}, {0.09996, 3, "0.100"}, {1234.5, 3, "1234"}, {0, 3, "0"},
		{math.NaN(), 3, "NaN"}, {math.Inf(1), 3, "∞"}, {math.Inf(-1), 3, "−∞"},
	} {
		if got := unit.Digits(c.v, c.n); got != c.want {
			t.Errorf("Digits(%v, %d) = %q, want %q", c.v, c.n, got, c.want)
		}
	}
}

func TestDigitsStayWithinHalfAUnitOfTheLastPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float64Range(1e-9, 1e9).Draw(t, "v")
		n := rapid.IntRange(2, 6).Draw(t, "n")
		back, err := strconv.ParseFloat(unit.Digits(v, n), 64)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(back-v) > 0.5001*v*math.Pow(10, float64(1-n)) && math.Abs(back-v) > 0.5001 {
			t.Fatalf("Digits(%v, %d) = %v", v, n, back)
		}
	})
}

// Numbers in one column share one scale, chosen for the smallest.
func TestOneColumnOneScale(t *testing.T) {
	s := unit.Second.ScaleFor(0.0031, 2.4, 0)
	if s.Symbol != "ms" || s.Factor != 1e3 {
		t.Errorf("scale = %+v, want ms", s)
	}
	if s := unit.Second.ScaleFor(); s.Symbol != "s" {
		t.Errorf("no values: scale = %+v, want the base unit", s)
	}
	if s := unit.Token.ScaleFor(5); !strings.HasPrefix(s.Symbol, "token") || s.Factor != 1 {
		t.Errorf("a unit without steps stays as it is: %+v", s)
	}
}
