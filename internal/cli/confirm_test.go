package cli

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"chimera/internal/fault"
)

func TestConfirm(t *testing.T) {
	broken := errors.New("the line is broken")
	for _, c := range []struct {
		name  string
		stdin io.Reader
		yes   bool // --yes
		ok    bool
		err   string
	}{
		{"yes", strings.NewReader("yes\n"), false, true, ""},
		{"y, in capitals, with spaces", strings.NewReader("  Y \r\n"), false, true, ""},
		{"without the end of the line", strings.NewReader("y"), false, true, ""},
		{"no", strings.NewReader("n\n"), false, false, "not confirmed"},
		{"nothing", strings.NewReader("\n"), false, false, "not confirmed"},
		{"nobody there", strings.NewReader(""), false, false, "not confirmed"},
		{"something else that begins with y", strings.NewReader("yesterday\n"), false, false, "not confirmed"},
		{"an endless answer", strings.NewReader(strings.Repeat("y", 1<<20)), false, false, "not confirmed"},
		{"broken", iotest.ErrReader(broken), false, false, broken.Error()},
		{"--yes does not ask", iotest.ErrReader(broken), true, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var asked strings.Builder
			a := &app{Env: Env{Stdin: c.stdin, Stderr: &asked}, yes: c.yes}
			err := a.confirm("remove run %s?", "7f3a")
			if c.ok != (err == nil) || !c.ok && (fault.CodeOf(err) != fault.Usage || err.Error() != c.err) {
				t.Errorf("got %v, want %q", err, c.err)
			}
			want := "remove run 7f3a? [y/N] "
			if c.yes {
				want = ""
			}
			if asked.String() != want {
				t.Errorf("asked %q", asked.String())
			}
		})
	}
}

// Each question reads its own line: the answer to the second is not taken from
// what the first has buffered.
func TestConfirmAsksTwice(t *testing.T) {
	a := &app{Env: Env{Stdin: strings.NewReader("y\nn\ny\n"), Stderr: io.Discard}}
	for i, want := range []bool{true, false, true, false} {
		if err := a.confirm("sure?"); (err == nil) != want {
			t.Errorf("question %d: %v", i, err)
		}
	}
}
