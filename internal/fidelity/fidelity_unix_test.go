//go:build unix

package fidelity_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"chimera/internal/digest"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store/sqlite"
	"chimera/internal/target/fake"
)

// Every planned request has a row, every piece that the server emitted is in
// it, and no instant lies where it cannot.
func TestEveryRequestIsAccountedFor(t *testing.T) {
	r := conduct(t, load{streams: 64, requests: 128, tokens: 8, profile: "first=5ms&gap=2ms"})
	if len(r.rows) != r.planned || r.planned != 128 {
		t.Errorf("%d rows of %d planned", len(r.rows), r.planned)
	}
	for _, s := range r.rows {
		if s.Outcome != sample.OK {
			t.Errorf("%s: %s: %+v", s.Trial, s.Outcome, s.Failure)
			continue
		}
		if broken := s.Validate(); len(broken) > 0 {
			t.Errorf("%s: %v", s.Trial, broken)
		}
		truth := r.truth[s.Trial]
		if got, want := len(carrying(s)), len(truth.Emitted); got != want {
			t.Errorf("%s: %d pieces of %d emitted", s.Trial, got, want)
		}
	}
}

// BenchmarkClient reports the errors of the client's instants against the
// simulator's log, and what the client's process costs.
func BenchmarkClient(b *testing.B) {
	for _, l := range []load{
		{streams: 1, requests: 100, tokens: 16, warmup: 1, profile: "first=100ms&gap=20ms"},
		{streams: 64, requests: 256, tokens: 64, warmup: 1, profile: "first=100ms&gap=20ms"},
		{streams: 256, requests: 1024, tokens: 64, warmup: 1, profile: "first=100ms&gap=20ms"},
	} {
		b.Run(fmt.Sprintf("streams=%d", l.streams), func(b *testing.B) {
			for b.Loop() {
				r := conduct(b, l)
				ttft, gaps, tokens := r.errors(b)
				b.ReportMetric(us(quantile(ttft, 0.99)), "p99-ttft-error-µs")
				b.ReportMetric(us(quantile(gaps, 0.5)), "p50-gap-error-µs")
				b.ReportMetric(us(quantile(gaps, 0.99)), "p99-gap-error-µs")
				b.ReportMetric(us(r.cpu)/float64(tokens), "cpu-µs/token")
				b.ReportMetric(float64(r.rssBytes)/1e6, "rss-MB")
				b.ReportMetric(r.fixed.Seconds(), "fixed-s")
				b.ReportMetric(us(quantile(r.seenTTFT(), 0.99))/1e3, "p99-ttft-ms")
				b.ReportMetric(us(quantile(r.trueTTFT(), 0.99))/1e3, "true-p99-ttft-ms")
			}
		})
	}
}

func us(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

// load is one closed-loop run.
type load struct {
	streams, requests, tokens, warmup int
	profile                           string
}

// result is what the client stored, and what really happened.
type result struct {
	planned  int
	rows     []*sample.Sample
	truth    map[string]fake.Record // by trial
	cpu      time.Duration          // of the client's process
	rssBytes int64                  // its peak
	fixed    time.Duration          // its life less the load itself
}

// conduct runs l from one process against a simulator in another.
func conduct(tb testing.TB, l load) result {
	tb.Helper()
	folder := tb.TempDir()
	bin := filepath.Join(folder, "chimera")
	if out, err := exec.Command("go", "build", "-o", bin, "chimera/cmd/chimera").CombinedOutput(); err != nil {
		tb.Fatalf("build: %v\n%s", err, out)
	}
	url := simulator(tb, bin, fmt.Sprintf("%s&slots=%d&tokens=%d", l.profile, l.streams, l.tokens))
	path := filepath.Join(folder, "spec.yaml")
	if err := os.WriteFile(path, []byte(l.spec(url)), 0o600); err != nil {
		tb.Fatal(err)
	}
	var doc struct {
		Run      string         `json:"run"`
		Outcomes map[string]int `json:"outcomes"`
	}
	began := time.Now()
	state := call(tb, folder, &doc, bin, "run", path, "--json", "--quiet", "--preflight", "0")
	life := time.Since(began)
	usage := state.SysUsage().(*syscall.Rusage)
	r := result{planned: doc.Outcomes["planned"], cpu: state.UserTime() + state.SystemTime(), rssBytes: peakBytes(usage)}
	r.rows = export(tb, folder, bin, doc.Run)
	r.truth = match(tb, planOf(tb, folder, doc.Run), truthOf(tb, url))
	r.fixed = life - span(r.rows)
	return r
}

func (l load) spec(url string) string {
	return fmt.Sprintf(`
version: 1
name: fidelity
targets: [{id: sim, kind: openai, url: %q}]
subjects: [{id: sim, target: sim, model: fake}]
workloads: [{id: w, prompts: ["Why is the sky blue?"], max_tokens: %d}]
experiments: [{id: e, kind: suite, blocks: 1, repeats: %d, streams: %d}]
design: {warmup: %d, timeout: 60s}
telemetry: {interval: 1s}
`, url, l.tokens, l.requests, l.streams, l.warmup)
}

// simulator starts the server process and returns its URL.
func simulator(tb testing.TB, bin, profile string) string {
	tb.Helper()
	cmd := exec.Command(bin, "fake", "--quiet", "--profile", profile)
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		tb.Fatalf("the simulator did not start: %v", err)
	}
	return strings.TrimSpace(line)
}

// call runs the command and decodes its document.
func call(tb testing.TB, folder string, into any, bin string, args ...string) *os.ProcessState {
	tb.Helper()
	cmd := exec.Command(bin, args...)
	cmd.Dir = folder
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		tb.Fatalf("%v: %v\n%s", args, err, errs.String())
	}
	if err := json.Unmarshal(out.Bytes(), into); err != nil {
		tb.Fatalf("%v: %v\n%.400s", args, err, out.String())
	}
	return cmd.ProcessState
}

// planOf reads the plan that a run kept: nonces are its own.
func planOf(tb testing.TB, folder, run string) *spec.Plan {
	tb.Helper()
	st, err := sqlite.OpenExisting(tb.Context(), filepath.Join(folder, ".chimera", "chimera.db"))
	if err != nil {
		tb.Fatal(err)
	}
	defer st.Close()
	p, err := st.Plan(tb.Context(), run)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func export(tb testing.TB, folder, bin, run string) []*sample.Sample {
	tb.Helper()
	cmd := exec.Command(bin, "runs", "export", run)
	cmd.Dir = folder
	out, err := cmd.Output()
	if err != nil {
		tb.Fatal(err)
	}
	var rows []*sample.Sample
	if err := sample.Read(bytes.NewReader(out), func(s *sample.Sample) error { rows = append(rows, s); return nil }); err != nil {
		tb.Fatal(err)
	}
	return rows
}

// truthOf reads the simulator's log, by the digest of the prompt it was sent.
func truthOf(tb testing.TB, url string) map[string]fake.Record {
	tb.Helper()
	resp, err := http.Get(url + "/truth")
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	log := map[string]fake.Record{}
	for dec := json.NewDecoder(resp.Body); ; {
		var r fake.Record
		if err := dec.Decode(&r); err == io.EOF {
			return log
		} else if err != nil {
			tb.Fatal(err)
		}
		log[r.PromptSHA256] = r
	}
}

// match finds each trial's record: its nonce makes its prompt unique.
func match(tb testing.TB, p *spec.Plan, log map[string]fake.Record) map[string]fake.Record {
	tb.Helper()
	truth := map[string]fake.Record{}
	for _, t := range p.Trials {
		r, ok := log[digest.Text(t.Text(p.Prompts[t.Prompt]))]
		if !ok {
			tb.Fatalf("the simulator saw no request of trial %s", t.ID)
		}
		truth[t.ID] = r
	}
	return truth
}

// peakBytes is the peak resident size: the kernel's unit differs by system.
func peakBytes(u *syscall.Rusage) int64 {
	if runtime.GOOS == "darwin" {
		return int64(u.Maxrss)
	}
	return int64(u.Maxrss) << 10
}

// span is the time from the first send to the last end.
func span(rows []*sample.Sample) time.Duration {
	first, last := time.Duration(1<<62), time.Duration(0)
	for _, s := range rows {
		first, last = min(first, s.T.Send.Or(first)), max(last, s.T.End.Or(last))
	}
	return last - first
}

func carrying(s *sample.Sample) []time.Duration {
	var at []time.Duration
	for _, c := range s.Chunks {
		if c.Kind.Carries() {
			at = append(at, c.At)
		}
	}
	return at
}

// errors compares what the client saw with what the simulator did: how much
// longer the first token took, how much each gap differs.
func (r result) errors(tb testing.TB) (ttft, gaps []time.Duration, tokens int) {
	tb.Helper()
	for _, s := range r.rows {
		if s.Phase != sample.Measure {
			continue
		}
		seen, truth := carrying(s), r.truth[s.Trial].Emitted
		if len(seen) != len(truth) || len(seen) == 0 {
			tb.Fatalf("%s: %d pieces of %d emitted", s.Trial, len(seen), len(truth))
		}
		tokens += len(seen)
		ttft = append(ttft, (seen[0] - s.T.Send.Or(0) - (truth[0].At - r.truth[s.Trial].Arrival)).Abs())
		for i := 1; i < len(seen); i++ {
			gaps = append(gaps, (seen[i] - seen[i-1] - (truth[i].At - truth[i-1].At)).Abs())
		}
	}
	return ttft, gaps, tokens
}

func (r result) seenTTFT() (all []time.Duration) {
	for _, s := range r.rows {
		if s.Phase != sample.Measure {
			continue
		}
		all = append(all, s.T.First.Or(0)-s.T.Send.Or(0))
	}
	return all
}

func (r result) trueTTFT() (all []time.Duration) {
	for _, s := range r.rows {
		if s.Phase != sample.Measure {
			continue
		}
		t := r.truth[s.Trial]
		all = append(all, t.Emitted[0].At-t.Arrival)
	}
	return all
}

// quantile is the smallest value that at least the share p does not exceed.
func quantile(all []time.Duration, p float64) time.Duration {
	all = slices.Clone(all)
	slices.Sort(all)
	return all[min(len(all)-1, int(p*float64(len(all))))]
}
