package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"chimera/internal/fault"
)

func TestChain(t *testing.T) {
	base := errors.New("no such file")
	spec := fault.With(fmt.Errorf("open x.yaml: %w", base), fault.Usage, "run `chimera spec init`")
	for _, c := range []struct {
		name string
		err  error
		code fault.Code
		hint string
		text string
	}{
		{"nil is success", nil, fault.OK, "", ""},
		{"a bare error is a failed dependency", base, fault.Runtime, "", "no such file"},
		{"code and hint survive wrapping", fmt.Errorf("run: %w", spec), fault.Usage, "run `chimera spec init`", "run: open x.yaml: no such file"},
		{"innermost code wins", fault.With(spec, fault.Runtime, ""), fault.Usage, "run `chimera spec init`", "open x.yaml: no such file"},
		{"outermost hint wins", fault.Hint(spec, "try %s", "again"), fault.Usage, "try again", "open x.yaml: no such file"},
		{"a hint alone has no code", fault.Hint(base, "h"), fault.Runtime, "h", "no such file"},
		{"joined errors: the first fault speaks", errors.Join(base, spec), fault.Usage, "run `chimera spec init`", "no such file\nopen x.yaml: no such file"},
		{"New formats and wraps", fault.New(fault.Invalid, "run %s: %w", "a1", base), fault.Invalid, "", "run a1: no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := fault.CodeOf(c.err); got != c.code {
				t.Errorf("code = %d, want %d", got, c.code)
			}
			if got := fault.HintOf(c.err); got != c.hint {
				t.Errorf("hint = %q, want %q", got, c.hint)
			}
			if c.err != nil && c.err.Error() != c.text {
				t.Errorf("text = %q, want %q", c.err.Error(), c.text)
			}
		})
	}
	if fault.With(nil, fault.Usage, "x") != nil || fault.Hint(nil, "x") != nil {
		t.Error("wrapping nil must stay nil")
	}
	if !errors.Is(spec, base) {
		t.Error("the cause must stay reachable")
	}
}

// The numbers are an interface for scripts: this table is the second witness.
func TestCodesAreNeverRenumbered(t *testing.T) {
	want := map[fault.Code]int{fault.OK: 0, fault.Gate: 1, fault.Usage: 2, fault.Inconclusive: 3,
		fault.NotComparable: 4, fault.Invalid: 5, fault.Runtime: 6, fault.Interrupted: 130}
	for code, n := range want {
		if int(code) != n {
			t.Errorf("code %d renumbered, was %d", code, n)
		}
	}
}
