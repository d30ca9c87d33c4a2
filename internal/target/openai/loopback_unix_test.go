//go:build unix

package openai_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"chimera/internal/digest"
	"chimera/internal/sample"
	"chimera/internal/target"
	"chimera/internal/target/fake"
	"chimera/internal/target/openai"
	"chimera/internal/target/targettest"
)

// profileVariable makes the test binary serve a profile instead of testing, so
// that a benchmark's own CPU time holds the client's work only.
const profileVariable = "CHIMERA_TEST_SERVE_PROFILE"

func TestMain(m *testing.M) {
	if profile := os.Getenv(profileVariable); profile != "" {
		if err := serveProfile(profile); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveProfile prints its address and serves until standard input ends.
func serveProfile(profile string) error {
	p, err := fake.ParseProfile(profile)
	if err != nil {
		return err
	}
	sim, err := fake.New(p)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + listener.Addr().String())
	server := &http.Server{Handler: sim.Handler()}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	server.Close()
	<-done
	return nil
}

// elsewhere serves a profile in another process and returns its address.
func elsewhere(tb testing.TB, profile string) string {
	tb.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), profileVariable+"="+profile)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			tb.Errorf("the simulator's process: %v", err)
		}
	})
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSpace(url)
}

// cpu returns the processor time that this process has used.
func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkLoopback streams 100 tokens, one each 20 ms, from another process.
// cpu-ns/chunk is all that the client's process spends on a chunk, network and
// decoding included; the errors are those of its instants against the
// simulator's own log.
func BenchmarkLoopback(b *testing.B) {
	for _, streams := range []int{1, 256} {
		b.Run(fmt.Sprintf("streams=%d", streams), func(b *testing.B) {
			url := elsewhere(b, fmt.Sprintf("fake:?slots=%d&gap=20ms&first=50ms&load=0s", streams))
			tgt, err := openTarget(url)
			if err != nil {
				b.Fatal(err)
			}
			defer tgt.Close()
			play(b, tgt, streams, 2, "warm")
			chunks, before := 0, cpu(b)
			var all []sample.Observation
			b.ResetTimer()
			for i := range b.N {
				for _, o := range play(b, tgt, streams, 100, fmt.Sprint(i)) {
					chunks += len(o.Chunks)
					all = append(all, o)
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(cpu(b)-before)/float64(chunks), "cpu-ns/chunk")
			ttft, gaps := errorsOf(b, url, all)
			b.ReportMetric(quantile(ttft, 0.99).Seconds()*1e6, "p99-ttft-error-µs")
			b.ReportMetric(quantile(gaps, 0.99).Seconds()*1e6, "p99-gap-error-µs")
		})
	}
}

func openTarget(url string) (target.Target, error) {
	return openai.Open(target.Config{ID: "fake", URL: url})
}

// play sends one request per stream, all at once.
func play(tb testing.TB, tgt target.Target, streams, tokens int, tag string) []sample.Observation {
	tb.Helper()
	out := make([]sample.Observation, streams)
	now := targettest.Clock()
	var all sync.WaitGroup
	for i := range out {
		all.Go(func() {
			out[i] = tgt.Stream(tb.Context(), target.Request{Model: "fake", Prompt: prompt(tag, i), MaxTokens: tokens, Config: map[string]any{}}, now)
			out[i].Server = []byte(prompt(tag, i)) // names the request in the log
		})
	}
	all.Wait()
	for _, o := range out {
		if o.Outcome != sample.OK {
			tb.Fatalf("outcome %s: %+v", o.Outcome, o.Failure)
		}
	}
	return out
}

func prompt(tag string, i int) string { return fmt.Sprintf("[%s/%d] why?", tag, i) }

// errorsOf compares what the client saw with what the simulator did: how much
// longer the first token took, and how much each gap differs.
func errorsOf(tb testing.TB, url string, all []sample.Observation) (ttft, gaps []time.Duration) {
	tb.Helper()
	truth := truthOf(tb, url)
	for _, o := range all {
		r, ok := truth[digest.Text(string(o.Server))]
		if !ok {
			tb.Fatalf("the log has no request %q", o.Server)
		}
		var seen []time.Duration
		for _, c := range o.Chunks {
			if c.Kind.Carries() {
				seen = append(seen, c.At)
			}
		}
		if len(seen) != len(r.Emitted) {
			tb.Fatalf("%d chunks were seen of %d emitted", len(seen), len(r.Emitted))
		}
		ttft = append(ttft, (seen[0] - o.T.Send.Or(0) - (r.Emitted[0].At - r.Arrival)).Abs())
		for i := 1; i < len(seen); i++ {
			gaps = append(gaps, (seen[i] - seen[i-1] - (r.Emitted[i].At - r.Emitted[i-1].At)).Abs())
		}
	}
	return ttft, gaps
}

func truthOf(tb testing.TB, url string) map[string]fake.Record {
	tb.Helper()
	resp, err := http.Get(url + "/truth")
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	records := map[string]fake.Record{}
	for dec := json.NewDecoder(resp.Body); ; {
		var r fake.Record
		err := dec.Decode(&r)
		if err == io.EOF {
			return records
		}
		if err != nil {
			tb.Fatal(err)
		}
		records[r.PromptSHA256] = r
	}
}

func quantile(values []time.Duration, q float64) time.Duration {
	slices.Sort(values)
	return values[int(q*float64(len(values)-1))]
}
