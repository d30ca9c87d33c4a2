package stats

import (
	"fmt"
	"math"
)

// A Code names a kind of doubt or refusal. Codes are stable; messages are not.
type Code string

const (
	TooFew           Code = "too-few"           // the sample is too small for the answer
	NonFinite        Code = "non-finite"        // an input is NaN or infinite
	NotPositive      Code = "not-positive"      // a logarithm or ratio needs values above 0
	BadArgument      Code = "bad-argument"      // a parameter is outside its range
	Degenerate       Code = "degenerate"        // no variation, so nothing to test or scale by
	Impossible       Code = "impossible"        // the interval covers values that cannot occur
	Overflow         Code = "overflow"          // the result does not fit a float64
	OutlierDominated Code = "outlier-dominated" // one value decides the mean
	Insensitive      Code = "insensitive"       // no outcome could have reached significance
	Approximate      Code = "approximate"       // a large-sample approximation was used
	Clamped          Code = "clamped"           // an estimate outside its range was set to the bound
	Unsteady         Code = "unsteady"          // the series reaches no steady state
	Autocorrelated   Code = "autocorrelated"    // neighbours are alike, so n overstates the evidence
	Unbalanced       Code = "unbalanced"        // cells differ in size or are missing
	Interacting      Code = "interacting"       // main effects alone would mislead
	PoorFit          Code = "poor-fit"          // the model does not describe the data
)

// A Warning is a doubt about a result, or, returned as an error, the reason
// why there is none.
type Warning struct {
	Code    Code
	Message string
}

// Error returns the message, so that a refusal is an ordinary error. Use
// errors.AsType[Warning] to branch on the code.
func (w Warning) Error() string { return w.Message }

func warnf(c Code, format string, args ...any) Warning {
	return Warning{c, fmt.Sprintf(format, args...)}
}

// An Opt is a number, or the reason why there is none.
type Opt struct {
	V   float64 // valid only if OK
	OK  bool
	Why Warning // set only if not OK
}

// some wraps a computed value; what does not fit a float64 is absent.
func some(v float64) Opt {
	if !isFinite(v) {
		return none(Overflow, "the value does not fit a 64-bit number")
	}
	return Opt{V: v, OK: true}
}

func none(c Code, format string, args ...any) Opt {
	return Opt{Why: warnf(c, format, args...)}
}

// An Interval is a range [Lo, Hi] for an unknown value. Both ends are finite.
type Interval struct {
	Lo, Hi float64
	Level  float64 // nominal confidence in (0, 1), e.g. 0.95
	Method string  // e.g. "t", "log-t", "order-statistic", "bca"
}

// Contains reports whether v lies in the closed interval.
func (i Interval) Contains(v float64) bool { return i.Lo <= v && v <= i.Hi }

// Within reports whether the whole interval lies in [lo, hi].
func (i Interval) Within(lo, hi float64) bool { return lo <= i.Lo && i.Hi <= hi }

// newInterval checks what arithmetic may have broken.
func newInterval(lo, hi, level float64, method string) (Interval, error) {
	if !isFinite(lo) || !isFinite(hi) {
		return Interval{}, warnf(Overflow, "%s interval: a bound does not fit a 64-bit number", method)
	}
	return Interval{Lo: lo, Hi: hi, Level: level, Method: method}, nil
}

// An Estimate is a value with what is known about its precision.
type Estimate struct {
	N        int
	Value    float64
	Interval *Interval // nil if there is none; Warnings then says why
	Warnings []Warning
}

// PlusMinus returns the longer arm of the interval, for "102.2 ±0.9": it never
// claims more than the interval does. It is absent if there is no interval.
func (e Estimate) PlusMinus() Opt {
	switch {
	case e.Interval != nil:
		return some(max(e.Interval.Hi-e.Value, e.Value-e.Interval.Lo))
	case len(e.Warnings) > 0:
		return Opt{Why: e.Warnings[0]}
	}
	return none(TooFew, "no interval (n=%d)", e.N)
}

func (e *Estimate) warn(err error) {
	if w, ok := err.(Warning); ok {
		e.Warnings = append(e.Warnings, w)
	}
}

// addInterval records an interval or the reason for its absence.
func (e *Estimate) addInterval(i Interval, err error) {
	if err != nil {
		e.warn(err)
		return
	}
	e.Interval = &i
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// check verifies that x holds at least need values, all of them finite.
func check(what string, x []float64, need int) error {
	for i, v := range x {
		if !isFinite(v) {
			return warnf(NonFinite, "%s: value %d of %d is %v", what, i+1, len(x), v)
		}
	}
	if len(x) < need {
		return warnf(TooFew, "%s: n/a (n=%d; needs >= %d)", what, len(x), need)
	}
	return nil
}

// checkPositive is check for data on a ratio scale.
func checkPositive(what string, x []float64, need int) error {
	if err := check(what, x, need); err != nil {
		return err
	}
	for i, v := range x {
		if v <= 0 {
			return warnf(NotPositive, "%s: needs values above 0, but value %d of %d is %v", what, i+1, len(x), v)
		}
	}
	return nil
}

func checkFraction(name string, v float64) error {
	if !(v > 0 && v < 1) {
		return warnf(BadArgument, "the %s must be between 0 and 1, but is %v", name, v)
	}
	return nil
}

// firstError returns the first non-nil error.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
