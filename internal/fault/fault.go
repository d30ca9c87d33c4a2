// Package fault is an error that knows what the user should do next.
//
// A command that fails owes its user three things: what went wrong, what to do
// about it, and a number that a script can branch on. The first is the error
// chain as Go builds it; the other two ride in the chain without entering the
// message. The innermost code wins, because the place where it broke knows
// best what kind of failure it is; the outermost hint wins, because the place
// nearest to the user knows best what they were trying to do.
package fault

import (
	"errors"
	"fmt"
)

// Code is a process exit status. Scripts rely on these numbers: they are
// never renumbered, and each has one meaning.
type Code int

const (
	OK            Code = 0   // done
	Gate          Code = 1   // the gate failed: a regression, a contradicted claim
	Usage         Code = 2   // wrong flags, a wrong spec, an unreadable input
	Inconclusive  Code = 3   // measured, but the data decide nothing
	NotComparable Code = 4   // the two sides differ in more than was asked about
	Invalid       Code = 5   // nothing usable was measured
	Runtime       Code = 6   // a runtime or another dependency failed
	Interrupted   Code = 130 // stopped by the user; what was measured is sealed
)

type fault struct {
	err  error
	code Code
	hint string
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

// New returns an error with a code and a formatted message (%w wraps).
func New(code Code, format string, args ...any) error {
	return &fault{err: fmt.Errorf(format, args...), code: code}
}

// With gives err a code and a hint; an empty hint adds none. With(nil, …) is nil.
func With(err error, code Code, hint string) error {
	if err == nil {
		return nil
	}
	return &fault{err: err, code: code, hint: hint}
}

// Hint gives err a hint and leaves its code alone. Hint(nil, …) is nil.
func Hint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &fault{err: err, code: OK, hint: fmt.Sprintf(format, args...)}
}

// CodeOf returns the innermost code in err's chain: OK for nil, Runtime for an
// error that carries none.
func CodeOf(err error) Code {
	if err == nil {
		return OK
	}
	code := Runtime
	walk(err, func(f *fault) {
		if f.code != OK {
			code = f.code
		}
	})
	return code
}

// HintOf returns the outermost hint in err's chain, or "".
func HintOf(err error) string {
	hint := ""
	walk(err, func(f *fault) {
		if hint == "" {
			hint = f.hint
		}
	})
	return hint
}

// walk visits every fault of the chain from the outside in. Of joined errors
// it follows the first that holds a fault: one exit can have one code only.
func walk(err error, visit func(*fault)) {
	for err != nil {
		if f, ok := err.(*fault); ok {
			visit(f)
		}
		switch e := err.(type) {
		case interface{ Unwrap() error }:
			err = e.Unwrap()
		case interface{ Unwrap() []error }:
			err = firstFault(e.Unwrap())
		default:
			return
		}
	}
}

func firstFault(errs []error) error {
	for _, e := range errs {
		if _, ok := errors.AsType[*fault](e); ok {
			return e
		}
	}
	return nil
}
