package report_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// look names a page: TestLook photographs it beside itself, wide and narrow,
// light and dark, for eyes to judge what no test can.
var look = flag.String("look", "", "photograph this `page`")

// tab is a page in a real browser, with all that it said and asked for.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu struct {
		sync.Mutex
		asked, said []string
	}
}

// browser finds a Chromium. A machine without one skips; CI must have one.
func browser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"} {
		if at, err := exec.LookPath(name); err == nil {
			return at
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("no Chromium is installed, but CI must have one")
	}
	t.Skip("no Chromium is installed")
	return ""
}

// open shows a file at a width.
func open(t *testing.T, file string, width int64, scheme string) *tab {
	t.Helper()
	// Options are applied to a copy: the defaults are shared by all tests.
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(browser(t)), chromedp.UserDataDir(t.TempDir()))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx}
	b.must(chromedp.Listen(ctx, b.hear))
	_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	b.must(err)
	_, err = chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
	b.must(err)
	b.must(chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate("file://"+file)))
	return b
}

func (b *tab) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.mu.asked = append(b.mu.asked, e.Request.URL)
	case *runtime.EventExceptionThrown:
		b.mu.said = append(b.mu.said, "exception: "+e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		b.mu.said = append(b.mu.said, fmt.Sprintf("console: %s", e.Type))
	case *cdplog.EventEntryAdded:
		b.mu.said = append(b.mu.said, "log: "+e.Entry.Text)
	}
}

// quiet fails if the page said anything or asked for anything but itself.
func (b *tab) quiet(file string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.mu.said {
		b.t.Errorf("the page complains: %s", s)
	}
	for _, url := range b.mu.asked {
		if url != "file://"+file {
			b.t.Errorf("the page asks for %s", url)
		}
	}
}

func text(b *tab, js string) string {
	b.t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](js))
	if err != nil {
		b.t.Fatalf("%s: %v", js, err)
	}
	return s
}

func written(t *testing.T, html []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "index.html")
	if err := os.WriteFile(file, html, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

const popover = `document.getElementById('pop').hidden ? '' : document.getElementById('pop').innerText.replace(/\s+/g, ' ')`

// TestPageInABrowser tries the page as a reader does.
func TestPageInABrowser(t *testing.T) {
	file := written(t, page(t, build(t, input(t))))
	b := open(t, file, 1200, "light")

	t.Run("a fact opens on hover and closes when the mouse leaves", func(t *testing.T) {
		at := text(b, `(() => { const r = document.querySelector('#answer a.f').getBoundingClientRect(); return (r.x + r.width / 2) + ' ' + (r.y + r.height / 2) })()`)
		var x, y float64
		if _, err := fmt.Sscan(at, &x, &y); err != nil {
			t.Fatal(err)
		}
		b.must(chromedp.Do(b.ctx, chromedp.MouseEvent("mouseMoved", x, y)))
		got := text(b, popover)
		for _, want := range []string{"metric decode_rate", "aggregate ratio of medians", "n 25", "planned 25", "interval [2.82, 2.94]", "method paired by block and prompt", "evidence facts F"} {
			if !strings.Contains(got, want) {
				t.Errorf("the popover lacks %q: %s", want, got)
			}
		}
		b.must(chromedp.Do(b.ctx, chromedp.MouseEvent("mouseMoved", 5, 5)))
		if got := text(b, popover); got != "" {
			t.Errorf("the popover stays: %s", got)
		}
	})

	t.Run("a fact opens by keyboard, and Escape closes it", func(t *testing.T) {
		text(b, `document.querySelector('#theme').focus(), ''`)
		b.must(chromedp.Do(b.ctx, chromedp.KeyEvent("\t")))
		if got := text(b, `document.activeElement.dataset.f || ''`); got == "" {
			t.Error("Tab does not lead to a fact")
		}
		got := text(b, popover)
		if !strings.Contains(got, "metric") || text(b, `document.activeElement.getAttribute('aria-describedby')`) != "pop" {
			t.Errorf("a focused fact is not described: %s", got)
		}
		b.must(chromedp.Do(b.ctx, chromedp.KeyEvent("\x1b")))
		if got := text(b, popover); got != "" {
			t.Errorf("Escape leaves the popover: %s", got)
		}
	})

	t.Run("every fact of the page has its row", func(t *testing.T) {
		got := text(b, `[...document.querySelectorAll('a.f')].filter(a => !document.getElementById(a.dataset.f)).map(a => a.dataset.f).join()`)
		if got != "" {
			t.Errorf("no row for %s", got)
		}
	})

	t.Run("a table is sorted by its head, missing values last", func(t *testing.T) {
		column := func() string {
			return text(b, `[...document.querySelector('#tables table').tBodies[0].rows].map(r => r.cells[0].innerText.trim()).join()`)
		}
		head := `document.querySelector('#tables table thead th:nth-child(2) button')`
		text(b, head+`.click(), ''`)
		if got := column(); got != "latest,1b-it-qat,270m" {
			t.Errorf("ascending: %s", got)
		}
		if got := text(b, `document.querySelector('#tables table thead th:nth-child(2)').getAttribute('aria-sort')`); got != "ascending" {
			t.Errorf("aria-sort is %q", got)
		}
		text(b, head+`.focus(), ''`)
		b.must(chromedp.Do(b.ctx, chromedp.KeyEvent("\r")))
		if got := column(); got != "270m,1b-it-qat,latest" {
			t.Errorf("descending by keyboard: %s", got)
		}
	})

	t.Run("a long table is filtered", func(t *testing.T) {
		text(b, `document.querySelector('.filter[data-for=ledger] input').focus(), ''`)
		b.must(chromedp.Do(b.ctx, chromedp.KeyEvent("cold ttft")))
		got := text(b, `[...document.querySelectorAll('#ledger tbody tr')].filter(r => !r.hidden).length + ' ' + document.querySelector('.filter[data-for=ledger] output').innerText`)
		if !strings.HasPrefix(got, "3 3 of ") {
			t.Errorf("filtered: %s", got)
		}
	})

	t.Run("the theme follows the system until it is chosen", func(t *testing.T) {
		ground := func() string { return text(b, `getComputedStyle(document.body).backgroundColor`) }
		light := ground()
		for _, want := range []string{"light", "dark"} {
			text(b, `document.getElementById('theme').click(), ''`)
			if got := text(b, `document.documentElement.dataset.theme`); got != want {
				t.Errorf("theme is %q, want %q", got, want)
			}
		}
		if dark := ground(); dark == light {
			t.Errorf("dark and light have the same ground %s", dark)
		}
		text(b, `document.getElementById('theme').click(), ''`)
		if got := ground(); got != light {
			t.Errorf("the system's theme is %s, was %s", got, light)
		}
	})

	t.Run("figures are alive", func(t *testing.T) {
		if got := text(b, `[...document.querySelectorAll('figure.cx')].filter(f => !f.dataset.live).length + ' of ' + document.querySelectorAll('figure.cx').length`); got != "0 of 4" {
			t.Errorf("still: %s", got)
		}
	})

	b.quiet(file)
}

// TestPageIsDarkWhereTheSystemIs, and fits a telephone.
func TestPageIsDarkWhereTheSystemIs(t *testing.T) {
	file := written(t, page(t, build(t, input(t))))
	b := open(t, file, 400, "dark")
	if got := text(b, `getComputedStyle(document.body).backgroundColor`); got != "rgb(15, 19, 24)" {
		t.Errorf("the ground is %s", got)
	}
	if got := text(b, `document.documentElement.scrollWidth + ''`); got != "400" {
		t.Errorf("a page 400 wide scrolls to %s", got)
	}
	b.quiet(file)
}

// TestContrast measures text against its ground as the browser shows it.
func TestContrast(t *testing.T) {
	file := written(t, page(t, build(t, input(t))))
	for _, scheme := range []string{"light", "dark"} {
		b := open(t, file, 1200, scheme)
		got := text(b, `(() => {
			const lum = c => { const v = c.map(x => (x /= 255) <= .04045 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4); return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
			const rgb = s => s.match(/[\d.]+/g).map(Number);
			const ground = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
			const bad = new Set();
			for (const e of document.querySelectorAll('main *')) {
				if (e.closest('svg') || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
				const a = lum(rgb(getComputedStyle(e).color)), b = lum(ground(e));
				const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
				if (ratio < 4.5) bad.add(e.tagName + '.' + e.className + ' ' + ratio.toFixed(2));
			}
			return [...bad].join(', ');
		})()`)
		if got != "" {
			t.Errorf("%s: too little contrast: %s", scheme, got)
		}
	}
}

func TestLook(t *testing.T) {
	if *look == "" {
		t.Skip("-look names no page")
	}
	for _, width := range []int64{1200, 400} {
		for _, scheme := range []string{"light", "dark"} {
			b := open(t, *look, width, scheme)
			text(b, `document.querySelectorAll('#method,#environment,#appendix').forEach(e => e.remove()), ''`)
			picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
			b.must(err)
			b.must(os.WriteFile(fmt.Sprintf("%s-%d-%s.png", strings.TrimSuffix(*look, ".html"), width, scheme), picture, 0o644))
		}
	}
}

// The tab must hear what it listens for.
func TestATabHearsComplaintsAndRequests(t *testing.T) {
	file := written(t, []byte(`<!doctype html><meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; img-src *">`+
		`<img src="missing.png"><script>console.error('no'); x.y</script>`))
	b := open(t, file, 400, "light")
	text(b, `''`)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.mu.said) < 2 || len(b.mu.asked) != 2 {
		t.Errorf("said %q, asked %q", b.mu.said, b.mu.asked)
	}
}
