package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chimera/internal/cli"
	"chimera/internal/fault"
)

// conduct is a `chimera run` in a process of its own.
type conduct struct {
	*exec.Cmd
	stdout strings.Builder
	lines  *bufio.Reader // standard error
	stderr strings.Builder
}

func startRun(t *testing.T, args ...string) *conduct {
	t.Helper()
	c := &conduct{Cmd: exec.Command("chimera", args...)}
	c.Stdout = &c.stdout
	pipe, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.lines = bufio.NewReader(io.TeeReader(pipe, &c.stderr))
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(30*time.Second, func() { _ = c.Process.Kill() }) // a test that hangs tells what it saw
	t.Cleanup(func() { timer.Stop() })
	return c
}

// until reads standard error up to a line that holds text.
func (c *conduct) until(t *testing.T, text string) {
	t.Helper()
	for {
		line, err := c.lines.ReadString('\n')
		if strings.Contains(line, text) {
			return
		}
		if err != nil {
			t.Fatalf("no %q in:\n%s", text, c.stderr.String())
		}
	}
}

func (c *conduct) interrupt(t *testing.T) {
	t.Helper()
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
}

// exits waits and returns the exit code.
func (c *conduct) exits(t *testing.T) fault.Code {
	t.Helper()
	if _, err := io.Copy(io.Discard, c.lines); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil && c.ProcessState.ExitCode() < 0 {
		t.Fatalf("%v\n%s", err, c.stderr.String())
	}
	return fault.Code(c.ProcessState.ExitCode())
}

// announced is a simulator that tells of each request for tokens.
func announced(t *testing.T, profile string) (string, <-chan struct{}) {
	t.Helper()
	inside, err := url.Parse(simulated(t, profile))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(inside)
	proxy.FlushInterval = -1
	proxy.ErrorLog = log.New(io.Discard, "", 0) // requests are to be given up
	asked := make(chan struct{}, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/completions") {
			asked <- struct{}{}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

// interruptible writes a spec for a server and returns the arguments that run
// it into a store.
func interruptible(t *testing.T, url string) (args []string, store string) {
	t.Helper()
	folder := t.TempDir()
	file, store := filepath.Join(folder, "x.yaml"), filepath.Join(folder, "runs.db")
	text := strings.Replace(goodSpec, `kind: fake, url: "fake:?model=a&load=1ms&first=1ms&gap=100us"`, fmt.Sprintf("kind: openai, url: %q", url), 1)
	text = strings.Replace(text, "timeout: 5s", "timeout: 60s", 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"run", file, "--preflight", "0", "--json", "--store", store}, store
}

func await(t *testing.T, asked <-chan struct{}, n int) {
	t.Helper()
	for range n {
		select {
		case <-asked:
		case <-time.After(20 * time.Second):
			t.Fatal("no request came")
		}
	}
}

// TestInterruptDrainsAndSeals: the first Ctrl-C lets the request in flight
// finish, seals a partial run, exits 130, and the run can go on.
func TestInterruptDrainsAndSeals(t *testing.T) {
	url, asked := announced(t, "model=a&load=1ms&first=1ms&gap=100ms")
	args, store := interruptible(t, url)
	c := startRun(t, args...)
	await(t, asked, 2)
	c.interrupt(t)
	if code := c.exits(t); code != fault.Interrupted {
		t.Errorf("exit code %d, want 130\n%s", code, c.stderr.String())
	}
	if !strings.Contains(c.stderr.String(), "finishing the requests in flight") {
		t.Errorf("the user was not told:\n%s", c.stderr.String())
	}
	doc, err := oneDocument([]byte(c.stdout.String()))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"status=partial", "outcomes.planned=5", "outcomes.ok=2", "outcomes.error=0", "digest"} {
		if err := expect(doc, want); err != nil {
			t.Error(err)
		}
	}
	id, _ := theRun(t, store)
	if got := chimera(t, "", nil, "runs", "verify", id, "--store", store); got.code != 0 {
		t.Errorf("verify: %s", got.stderr)
	}
	before, _ := rowsOf(t, store, id)
	finish(t, store, "", before)
}

// TestSecondInterruptStopsAtOnce: a server that never answers cannot hold a
// user up.
func TestSecondInterruptStopsAtOnce(t *testing.T) {
	url, asked := announced(t, "model=a&fault=silent:1")
	args, store := interruptible(t, url)
	c := startRun(t, args...)
	await(t, asked, 1)
	c.interrupt(t)
	c.until(t, "once more to stop at once")
	second := time.Now()
	c.interrupt(t)
	if code := c.exits(t); code != fault.Interrupted {
		t.Errorf("exit code %d, want 130\n%s", code, c.stderr.String())
	}
	if took := time.Since(second); took > 5*time.Second {
		t.Errorf("it took %s to stop", took)
	}
	id, doc := theRun(t, store)
	if err := expect(doc, "runs.0.status=partial"); err != nil {
		t.Error(err)
	}
	if got := chimera(t, "", nil, "runs", "verify", id, "--store", store); got.code != 0 {
		t.Errorf("verify: %s", got.stderr)
	}
}

// TestRunInUse: a run that another process conducts is left to it.
func TestRunInUse(t *testing.T) {
	url, asked := announced(t, "model=a&fault=silent:1")
	args, store := interruptible(t, url)
	c := startRun(t, args...)
	await(t, asked, 1)
	id, _ := theRun(t, store)
	for _, line := range [][]string{{"run", "--resume", id, "--preflight", "0"}, {"runs", "rm", id, "--yes"}} {
		got := chimera(t, "", nil, append(line, "--store", store)...)
		if got.code != fault.Runtime || !strings.Contains(got.stderr, "is being conducted by process") || !strings.Contains(got.stderr, "\nhint: ") {
			t.Errorf("%v: exit %d: %s", line, got.code, got.stderr)
		}
	}
	if got := chimera(t, "", nil, "runs", "show", id, "--store", store); got.code != 0 {
		t.Errorf("reading beside the writer: %s", got.stderr)
	}
	c.interrupt(t)
	c.until(t, "once more to stop at once") // two signals at once may arrive as one
	c.interrupt(t)
	c.exits(t)
}

// TestSimulatorStopsOnInterrupt: a server that is told to stop has done its
// work.
func TestSimulatorStopsOnInterrupt(t *testing.T) {
	interrupts := make(chan os.Signal, 1)
	out, in := io.Pipe()
	code := make(chan fault.Code, 1)
	go func() {
		code <- cli.Run(t.Context(), cli.Env{Args: []string{"fake", "--profile", "model=a"}, Stdin: strings.NewReader(""),
			Stdout: in, Stderr: io.Discard, Getenv: func(string) string { return "" }, Interrupts: interrupts})
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(strings.TrimSpace(line) + "/v1/models")
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%s, %v", resp.Status, err)
	}
	interrupts <- os.Interrupt
	if got := <-code; got != fault.OK {
		t.Errorf("exit code %d", got)
	}
}
