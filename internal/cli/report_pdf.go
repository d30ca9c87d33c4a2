package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"chimera/internal/fault"
	"chimera/internal/report"
)

// browsers are the programs that can print a page, by the names under which
// they are installed.
var browsers = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge",
	"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium"}

// printTime is how long a browser may take to print a page.
const printTime = 2 * time.Minute

// pdf prints the page with a browser. Nothing else of chimera needs one.
func (w *reportWriter) pdf() error {
	browser := ""
	for _, name := range browsers {
		if at, err := exec.LookPath(name); err == nil {
			browser = at
			break
		}
	}
	if browser == "" {
		return fault.With(errors.New("write report.pdf: no Chromium or Chrome is installed to print the page with"), fault.Runtime,
			"install Chromium, or open index.html in any browser and print it; all other formats were written")
	}
	scratch, err := os.MkdirTemp("", "chimera-pdf-")
	if err != nil {
		return fault.With(err, fault.Runtime, "")
	}
	defer os.RemoveAll(scratch)
	source := filepath.Join(scratch, "index.html")
	if err := writeFile(source, func(out io.Writer) error { return report.HTML(w.ctx, out, w.doc) }); err != nil {
		return err
	}
	printed, err := printPage(w.ctx, browser, scratch, source)
	if err != nil {
		return fault.With(fmt.Errorf("write report.pdf: %w", err), fault.Runtime, "open index.html in a browser and print it; all other formats were written")
	}
	origin := w.runs[0].Manifest.Clock.Origin
	return w.file("report.pdf", func(out io.Writer) error { _, err := out.Write(redate(printed, origin)); return err })
}

func printPage(ctx context.Context, browser, scratch, source string) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, printTime, fmt.Errorf("%s did not end within %s", filepath.Base(browser), printTime))
	defer cancel()
	target := filepath.Join(scratch, "report.pdf")
	args := []string{"--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--user-data-dir=" + filepath.Join(scratch, "profile"),
		"--no-pdf-header-footer", "--virtual-time-budget=10000", "--print-to-pdf=" + target}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox") // a browser refuses to run as root with one
	}
	cmd := exec.CommandContext(ctx, browser, append(args, "file:///"+strings.TrimPrefix(filepath.ToSlash(source), "/"))...)
	var said bytes.Buffer
	cmd.Stderr = &said
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		return nil, fmt.Errorf("%s: %w: %s", filepath.Base(browser), err, lastLine(said.String()))
	}
	printed, err := os.ReadFile(target)
	if err != nil {
		return nil, fmt.Errorf("%s printed nothing: %s", filepath.Base(browser), lastLine(said.String()))
	}
	return printed, nil
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

var pdfDate = regexp.MustCompile(`/(CreationDate|ModDate) \(D:\d{14}[^)]*\)`)

// redate writes the run's time where the browser wrote its own, byte for byte
// in place, so that equal rows give equal files.
func redate(pdf []byte, at time.Time) []byte {
	return pdfDate.ReplaceAllFunc(pdf, func(old []byte) []byte {
		head, tail, _ := bytes.Cut(old, []byte("(D:"))
		return fmt.Appendf(nil, "%s(D:%s%s", head, at.UTC().Format("20060102150405"), tail[14:])
	})
}
