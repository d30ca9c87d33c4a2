package importer

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"chimera/internal/sample"
)

// digitGroups are numbers with commas between groups of three digits, or of two
// and a last one of three, as profilers print them in some countries.
var digitGroups = regexp.MustCompile(`^-?\d{1,3}(,\d{2,3})*,\d{3}(\.\d+)?$`)

// ParseNumber reads a finite decimal number; commas may group its digits.
func ParseNumber(text string) (float64, error) {
	if strings.Contains(text, ",") && digitGroups.MatchString(text) {
		text = strings.ReplaceAll(text, ",", "")
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || strings.ContainsAny(text, "xXpP_") {
		return 0, fmt.Errorf("%q is no finite number", Clip(text, 40))
	}
	return v, nil
}

// Duration turns seconds into nanoseconds. Zero, negative and absurd times are
// absent: no work takes no time.
func Duration(seconds float64) sample.Opt[time.Duration] {
	if !(seconds > 0) || seconds > math.MaxInt64/2e9 {
		return sample.None[time.Duration]()
	}
	d := time.Duration(math.Round(seconds * 1e9))
	if d <= 0 {
		return sample.None[time.Duration]()
	}
	return sample.Some(d)
}

// Millis is Duration for milliseconds.
func Millis(ms float64) sample.Opt[time.Duration] {
	if !(ms > 0) || ms > math.MaxInt64/2e6 {
		return sample.None[time.Duration]()
	}
	return Duration(ms / 1e3)
}

// Count turns a number of tokens into an integer; a fraction is an error.
func Count(v float64) (int, error) {
	if v < 0 || v > 1e9 || v != math.Trunc(v) {
		return 0, fmt.Errorf("%v is no count of tokens", v)
	}
	return int(v), nil
}

// Value is a reading's value, or why there is none.
func Value(v float64) sample.Opt[float64] {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return sample.None[float64]()
	}
	return sample.Some(v)
}

// Option is a parameter's value as configurations hold it: numbers as float64,
// and a float32 that was printed as if it had 17 digits as what was meant
// (0.800000011920929 → 0.8).
func Option(v any) (any, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return v, true
	case float64:
		return narrow(v), !math.IsNaN(v) && !math.IsInf(v, 0)
	case json.Number:
		f, err := v.Float64()
		return narrow(f), err == nil
	}
	return nil, false
}

func narrow(v float64) float64 {
	if float64(float32(v)) != v {
		return v
	}
	if short, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', -1, 32), 64); err == nil {
		return short
	}
	return v
}

// UnixSeconds reads an instant in seconds since the epoch as nanoseconds
// without rounding it through a float: 1795464644.427687 → 1795464644427687000.
func UnixSeconds(text string) (time.Duration, error) {
	whole, frac, _ := strings.Cut(text, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || sec <= 0 || sec > math.MaxInt64/1_000_000_000-1 || len(frac) > 30 || strings.ContainsAny(frac, "+-eE_") {
		return 0, fmt.Errorf("%q is no time in seconds since 1970", Clip(text, 40))
	}
	ns := int64(0)
	if digits := (frac + "000000000")[:9]; digits != "000000000" {
		if ns, err = strconv.ParseInt(digits, 10, 64); err != nil {
			return 0, fmt.Errorf("%q is no time in seconds since 1970", Clip(text, 40))
		}
	}
	return time.Duration(sec*1_000_000_000 + ns), nil
}

// Epoch is an instant as nanoseconds since 1970, for calendar times of this
// era that name their zone.
func Epoch(t time.Time) (time.Duration, error) {
	if t.Year() < 1990 || t.Year() > 2200 {
		return 0, errors.New("the time lies outside of 1990 to 2200")
	}
	return time.Duration(t.UnixNano()), nil
}
