package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// progress shows how far long work has come: bars redrawn in place on a
// terminal, one plain line per event elsewhere. It never draws more often than
// twice a second, because the machine it draws on is the one under
// measurement (docs/adr/0004-plain-progress.md).
type progress struct {
	w     io.Writer
	width int // of the terminal; 0 = plain lines
	quiet bool
	st    style
	now   func() time.Time

	mu struct {
		sync.Mutex
		bars  []*bar
		lines int // drawn on screen, to be redrawn over
		drawn time.Time
	}
}

// manyRows is from how many rows on their number is work that a user waits for.
const manyRows = 100_000

// progress draws on standard error.
func (a *app) progress() *progress {
	return &progress{w: a.Stderr, width: a.Width, quiet: a.quiet, st: style{on: a.Width > 0 && a.Getenv("NO_COLOR") == "" && !a.noColor}, now: time.Now}
}

// rowBar shows how far work on rows is; fewer than manyRows show nothing.
func (a *app) rowBar(label string, rows int) *bar {
	p := a.progress()
	p.quiet = p.quiet || rows < manyRows
	return p.start(label, "rows", rows)
}

// bar is one stretch of work with a known number of steps.
type bar struct {
	p           *progress
	label, note string
	done, total int
	failed      int
	began, last time.Time
	ended       bool
}

const redraw = 500 * time.Millisecond

// start adds a bar; total is the number of steps it will take.
func (p *progress) start(label, note string, total int) *bar {
	b := &bar{p: p, label: label, note: note, total: total, began: p.now()}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.bars = append(p.mu.bars, b)
	b.last = b.began
	p.draw(true)
	return b
}

// step counts one finished step.
func (b *bar) step(ok bool) { b.steps(1, ok) }

// steps counts finished steps that ended alike.
func (b *bar) steps(n int, ok bool) {
	b.p.mu.Lock()
	defer b.p.mu.Unlock()
	b.done += n
	if !ok {
		b.failed += n
	}
	b.last = b.p.now()
	if b.done == b.total {
		b.finish()
		return
	}
	b.p.draw(false)
}

// end closes a bar that may have stopped early.
func (b *bar) end() {
	b.p.mu.Lock()
	defer b.p.mu.Unlock()
	b.finish()
}

func (b *bar) finish() {
	if b.ended {
		return
	}
	b.ended = true
	if b.p.width == 0 {
		b.p.plain(b)
		return
	}
	b.p.draw(true)
}

// draw repaints all bars; unless forced, at most every half second. The lock
// is held.
func (p *progress) draw(force bool) {
	now := p.now()
	if p.quiet || !force && now.Sub(p.mu.drawn) < redraw {
		return
	}
	if p.width == 0 {
		if !force && now.Sub(p.mu.drawn) < 10*redraw {
			return
		}
		p.mu.drawn = now
		for _, b := range p.mu.bars {
			if !b.ended {
				p.plain(b)
			}
		}
		return
	}
	p.mu.drawn = now
	var out strings.Builder
	if p.mu.lines > 0 {
		fmt.Fprintf(&out, "\x1b[%dA", p.mu.lines)
	}
	for _, b := range p.mu.bars {
		out.WriteString("\r\x1b[K" + b.line(p.width, p.st) + "\n")
	}
	p.mu.lines = len(p.mu.bars)
	io.WriteString(p.w, out.String())
}

// plain prints one event as a line that a log can keep.
func (p *progress) plain(b *bar) {
	if p.quiet {
		return
	}
	word := "running"
	if b.ended {
		word = "done"
	}
	fmt.Fprintf(p.w, "%s %s %d/%d", word, b.label, b.done, b.total)
	if b.failed > 0 {
		fmt.Fprintf(p.w, " failed=%d", b.failed)
	}
	if left, ok := b.left(); ok && !b.ended {
		fmt.Fprintf(p.w, " left=%s", left.Round(time.Second))
	}
	fmt.Fprintf(p.w, " elapsed=%s\n", b.last.Sub(b.began).Round(100*time.Millisecond))
}

// left estimates the time to the end from the rate so far.
func (b *bar) left() (time.Duration, bool) {
	if b.done == 0 {
		return 0, false
	}
	per := b.last.Sub(b.began) / time.Duration(b.done)
	return per * time.Duration(b.total-b.done), true
}

// line renders one bar to at most width columns: what is least needed goes
// first when the terminal is narrow.
func (b *bar) line(width int, st style) string {
	label := fmt.Sprintf("  %-9s", b.label)
	count := fmt.Sprintf("%d/%d", b.done, b.total)
	tail := b.last.Sub(b.began).Round(100 * time.Millisecond).String()
	if left, ok := b.left(); !b.ended && ok {
		tail = left.Round(time.Second).String() + " left"
	}
	if b.failed > 0 {
		tail += fmt.Sprintf(" · %d failed", b.failed)
	}
	const full = 40
	room := width - 1 - visible(label) - visible(count) - visible(tail) - 4
	note := ""
	if n := " · " + b.note; b.note != "" && room-full >= visible(n) {
		note, room = n, room-visible(n)
	}
	cells := min(full, room)
	if cells < 5 {
		return clip(label+" "+count, width-1)
	}
	fill := cells
	if b.total > 0 {
		fill = cells * b.done / b.total
	}
	return label + " " + strings.Repeat("━", fill) + st.dim(strings.Repeat("─", cells-fill)) + " " + count + st.dim(note) + "  " + tail
}

// clip cuts text to at most n columns.
func clip(text string, n int) string {
	r := []rune(text)
	if len(r) <= n {
		return text
	}
	if n <= 0 {
		return ""
	}
	return string(r[:n-1]) + "…"
}
