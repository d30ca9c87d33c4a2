package cli

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// clock is a time that a test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time          { return c.at }
func (c *clock) advance(d time.Duration) { c.at = c.at.Add(d) }

func TestProgressPlainLines(t *testing.T) {
	var out strings.Builder
	c := &clock{time.Unix(0, 0)}
	p := &progress{w: &out, now: c.now}
	b := p.start("baseline", "20 requests", 20)
	for i := range 20 {
		c.advance(time.Second)
		b.step(i != 3)
	}
	const want = `running baseline 0/20 elapsed=0s
running baseline 5/20 failed=1 left=15s elapsed=5s
running baseline 10/20 failed=1 left=10s elapsed=10s
running baseline 15/20 failed=1 left=5s elapsed=15s
done baseline 20/20 failed=1 elapsed=20s
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	b.end() // it has ended: nothing more is said
	if out.String() != want {
		t.Errorf("said again:\n%s", out.String())
	}
}

func TestProgressEndsEarlyWithWhatWasDone(t *testing.T) {
	var out strings.Builder
	c := &clock{time.Unix(0, 0)}
	p := &progress{w: &out, now: c.now}
	b := p.start("sweep", "", 10)
	c.advance(1500 * time.Millisecond)
	b.step(true)
	b.end()
	if want := "running sweep 0/10 elapsed=0s\ndone sweep 1/10 elapsed=1.5s\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestProgressQuietSaysNothing(t *testing.T) {
	for _, width := range []int{0, 80} {
		var out strings.Builder
		c := &clock{time.Unix(0, 0)}
		p := &progress{w: &out, width: width, quiet: true, now: c.now}
		b := p.start("baseline", "", 2)
		c.advance(time.Minute)
		b.step(true)
		b.step(false)
		if out.Len() > 0 {
			t.Errorf("width %d: %q", width, out.String())
		}
	}
}

// The machine that draws is the one under measurement.
func TestProgressDrawsTwiceASecondAtMost(t *testing.T) {
	var out strings.Builder
	c := &clock{time.Unix(0, 0)}
	p := &progress{w: &out, width: 80, now: c.now}
	b := p.start("baseline", "", 10_001)
	for range 10_000 {
		c.advance(time.Millisecond)
		b.step(true)
	}
	if n := strings.Count(out.String(), "\n"); n < 15 || n > 21 {
		t.Errorf("%d draws in 10 s", n)
	}
}

func TestProgressRedrawsItsLines(t *testing.T) {
	var out strings.Builder
	c := &clock{time.Unix(0, 0)}
	p := &progress{w: &out, width: 80, now: c.now}
	first := p.start("cold", "", 1)
	first.step(true)
	out.Reset()
	p.start("baseline", "", 4)
	got := out.String()
	if !strings.HasPrefix(got, "\x1b[1A\r\x1b[K  cold") || strings.Count(got, "\n") != 2 {
		t.Errorf("one line is drawn over and one added, but got %q", got)
	}
}

func TestProgressLine(t *testing.T) {
	c := &clock{time.Unix(0, 0)}
	p := &progress{w: &strings.Builder{}, width: 100, now: c.now}
	b := p.start("baseline", "3 subjects", 40)
	c.advance(10 * time.Second)
	for i := range 10 {
		b.step(i > 0)
	}
	for _, want := range []struct {
		width int
		line  string
	}{
		{100, "  baseline  ━━━━━━━━━━────────────────────────────── 10/40 · 3 subjects  30s left · 1 failed"},
		{60, ""},
		{24, "  baseline  10/40"},
		{10, "  baseli…"},
		{1, ""},
	} {
		got := b.line(want.width, style{})
		if n := visible(got); n >= max(want.width, 1) {
			t.Errorf("width %d: %d columns: %q", want.width, n, got)
		}
		if want.line != "" && got != want.line {
			t.Errorf("width %d: %q, want %q", want.width, got, want.line)
		}
		if want.width == 60 && (!strings.Contains(got, "30s left · 1 failed") || strings.Contains(got, "subjects")) {
			t.Errorf("the note goes first: %q", got)
		}
	}
}

// No line is as wide as the terminal, which would wrap and break the redrawing.
func TestProgressIsNarrowerThanTheTerminal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &clock{time.Unix(0, 0)}
		p := &progress{w: &strings.Builder{}, width: rapid.IntRange(1, 200).Draw(t, "width"), now: c.now}
		total := rapid.IntRange(1, 1_000_000).Draw(t, "total")
		b := p.start(rapid.StringMatching(`[a-zé-]{0,40}`).Draw(t, "label"), rapid.StringMatching(`[a-z ×]{0,60}`).Draw(t, "note"), total)
		c.advance(time.Duration(rapid.Int64Range(0, int64(1000*time.Hour)).Draw(t, "elapsed")))
		b.done, b.failed, b.last = rapid.IntRange(0, total).Draw(t, "done"), rapid.IntRange(0, total).Draw(t, "failed"), c.now()
		b.ended = rapid.Bool().Draw(t, "ended")
		line := b.line(p.width, style{on: rapid.Bool().Draw(t, "colour")})
		if n := visible(line); n >= p.width && p.width > 1 {
			t.Fatalf("%d of %d columns: %q", n, p.width, line)
		}
		if strings.Contains(line, "%!") || strings.ContainsRune(line, '\n') {
			t.Fatalf("%q", line)
		}
	})
}
