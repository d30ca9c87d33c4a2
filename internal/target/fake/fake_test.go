package fake_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/target"
	"chimera/internal/target/fake"
	"chimera/internal/target/targettest"
)

const ms = time.Millisecond

func simulator(t testing.TB, profile string) *fake.Simulator {
	t.Helper()
	p, err := fake.ParseProfile(profile)
	if err != nil {
		t.Fatal(err)
	}
	s, err := fake.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func request(tokens int) target.Request {
	return target.Request{Model: "fake", Prompt: "12345678", MaxTokens: tokens, Config: map[string]any{}}
}

// The whole time line is exact in a bubble: overhead 1 ms, load 200 ms, first
// token 20 ms + 2 tokens at 100/s, then one token each 10 ms.
func TestTheTimeLineIsTheProfile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulator(t, "fake:?load=200ms&overhead=1ms&first=20ms&prefill=100&gap=10ms")
		now := targettest.Clock()
		cold := s.Target().Stream(t.Context(), request(4), now)
		warm := s.Target().Stream(t.Context(), request(4), now)
		begin := cold.T.Send.Or(0)
		if got := instants(cold, begin); !cmp.Equal(got, []time.Duration{241 * ms, 251 * ms, 261 * ms, 271 * ms}) {
			t.Errorf("cold: %v", got)
		}
		if got := instants(warm, warm.T.Send.Or(0)); !cmp.Equal(got, []time.Duration{41 * ms, 51 * ms, 61 * ms, 71 * ms}) {
			t.Errorf("warm: %v", got)
		}
		want := sample.ServerTimes{Load: sample.Some(1 * ms), PromptEval: sample.Some(40 * ms), Eval: sample.Some(30 * ms),
			Total: sample.Some(71 * ms), EvalSteps: sample.Some(3)}
		if warm.Times != want {
			t.Errorf("server times %+v, want %+v", warm.Times, want)
		}
		if cold.Times.Load != sample.Some(201*ms) {
			t.Errorf("cold load %v", cold.Times.Load)
		}
	})
}

func instants(o sample.Observation, from time.Duration) []time.Duration {
	var at []time.Duration
	for _, c := range o.Chunks {
		if c.Kind.Carries() {
			at = append(at, c.At-from)
		}
	}
	return at
}

// method §1.7: 51 tokens in 26 chunks, TPOT 20 ms.
func TestTokensPerChunk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulator(t, "fake:?gap=20ms&tokens_per_chunk=2")
		o := s.Target().Stream(t.Context(), request(51), targettest.Clock())
		if got := len(instants(o, 0)); got != 26 {
			t.Errorf("%d chunks, want 26", got)
		}
		if got := (o.T.Last.Or(0) - o.T.First.Or(0)) / 50; got != 20*ms {
			t.Errorf("TPOT %v, want 20ms", got)
		}
	})
}

func TestOneSlotServesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulator(t, "fake:?load=0s&overhead=0s&first=10ms&prefill=0&gap=10ms")
		now := targettest.Clock()
		var all sync.WaitGroup
		ends := make([]time.Duration, 3)
		for i := range ends {
			all.Go(func() {
				ends[i] = s.Target().Stream(t.Context(), request(10), now).T.End.Or(0)
			})
			synctest.Wait()
		}
		all.Wait()
		if want := []time.Duration{100 * ms, 200 * ms, 300 * ms}; !cmp.Equal(ends, want) {
			t.Errorf("ends %v, want %v", ends, want)
		}
		if r := s.Truth()[2]; r.Wait != 200*ms {
			t.Errorf("the third waited %v, want 200ms", r.Wait)
		}
	})
}

func TestTheSameRequestGetsTheSameAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		play := func() [2]sample.Observation {
			tgt := simulator(t, "fake:?jitter=0.3&noise=0.1&seed=9&load=0s").Target()
			one := tgt.Stream(t.Context(), request(12), targettest.Clock())
			two := tgt.Stream(t.Context(), request(12), targettest.Clock())
			return [2]sample.Observation{one, two}
		}
		a, b := play(), play()
		for i := range a {
			if !cmp.Equal(instants(a[i], 0), instants(b[i], 0)) || a[i].Text != b[i].Text {
				t.Errorf("visit %d differs between two simulators of one seed", i)
			}
		}
		if cmp.Equal(instants(a[0], 0), instants(a[1], 0)) {
			t.Error("two visits have the same noise")
		}
	})
}

func TestConfigurationsReloadAndAlias(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulator(t, "fake:?load=500ms&effect=num_gpu:19:2&gap=10ms")
		tgt := s.Target()
		at := func(gpu float64) sample.Observation {
			q := request(3)
			q.Config["num_gpu"] = gpu
			return tgt.Stream(t.Context(), q, targettest.Clock())
		}
		first, alias, again, other := at(40), at(999), at(999), at(4)
		for name, c := range map[string]struct {
			o      sample.Observation
			loaded bool
			gap    time.Duration
		}{"first": {first, true, 20 * ms}, "alias": {alias, true, 20 * ms}, "again": {again, false, 20 * ms}, "other": {other, true, 10 * ms}} {
			if got := c.o.Times.Load.Or(0) >= 500*ms; got != c.loaded {
				t.Errorf("%s: loaded %t, want %t", name, got, c.loaded)
			}
			if got := instants(c.o, 0); got[1]-got[0] != c.gap {
				t.Errorf("%s: gap %v, want %v", name, got[1]-got[0], c.gap)
			}
		}
		if first.Effective["num_gpu"] != 19.0 || alias.Effective["num_gpu"] != 19.0 {
			t.Errorf("effective %v and %v, want 19", first.Effective, alias.Effective)
		}
	})
}

func TestTheUnplannedReloadIsReal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tgt := simulator(t, "fake:?load=300ms&reload_every=3").Target()
		for i := range 6 {
			o := tgt.Stream(t.Context(), request(2), targettest.Clock())
			if loaded := o.Times.Load.Or(0) > 250*ms; loaded != (i == 0 || i%3 == 2) {
				t.Errorf("request %d: load %v", i, o.Times.Load.Or(0))
			}
		}
	})
}

func TestCachedPromptsCostLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tgt := simulator(t, "fake:?load=0s&overhead=0s&first=0s&prefill=100").Target()
		q := request(2)
		q.Prompt, q.Cache = "a prompt of exactly forty characters ok?", true
		full := tgt.Stream(t.Context(), q, targettest.Clock())
		hit := tgt.Stream(t.Context(), q, targettest.Clock())
		q.Cache = false
		miss := tgt.Stream(t.Context(), q, targettest.Clock())
		for name, c := range map[string]struct {
			o      sample.Observation
			cached int
			took   time.Duration
		}{"full": {full, 0, 100 * ms}, "hit": {hit, 9, 10 * ms}, "miss": {miss, 0, 100 * ms}} {
			if got := c.o.Tokens.Cached; got != sample.Some(c.cached) {
				t.Errorf("%s: cached %v, want %d of %v", name, got, c.cached, c.o.Tokens.Prompt)
			}
			if got := c.o.Times.PromptEval; got != sample.Some(c.took) {
				t.Errorf("%s: prompt evaluation %v, want %v", name, got, c.took)
			}
		}
	})
}

func TestFaultsEndAsTheyShould(t *testing.T) {
	for _, c := range []struct {
		fault   string
		outcome sample.Outcome
		class   string
		chunks  int
	}{
		{"http:1:429:2s", sample.Error, sample.ClassHTTP, 0},
		{"server:1:2", sample.Error, sample.ClassServer, 2},
		{"reset:1:2", sample.Error, sample.ClassReset, 2},
		{"cut:1:2", sample.Cut, sample.ClassNoEnd, 2},
		{"cut:1:0", sample.Cut, sample.ClassNoEnd, 0},
		{"stall:1:2", sample.Timeout, sample.ClassTimeout, 2},
		{"silent:1", sample.Timeout, sample.ClassFirstToken, 0},
		{"empty:1", sample.Degenerate, sample.ClassNoTokens, 0},
		{"no-usage:1", sample.OK, "", 4},
	} {
		t.Run(c.fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := contextWithTimeout(t, 5*time.Second)
				defer cancel()
				o := simulator(t, "fake:?fault="+c.fault).Target().Stream(ctx, request(4), targettest.Clock())
				targettest.Valid(t, o)
				class := ""
				if o.Failure != nil {
					class = o.Failure.Class
				}
				if o.Outcome != c.outcome || class != c.class || len(instants(o, 0)) != c.chunks {
					t.Errorf("%s (%s) with %d pieces, want %s (%s) with %d", o.Outcome, class, len(instants(o, 0)), c.outcome, c.class, c.chunks)
				}
				if c.fault == "http:1:429:2s" && (o.Failure.Status != sample.Some(429) || o.Failure.RetryAfter != sample.Some(2*time.Second)) {
					t.Errorf("failure %+v", o.Failure)
				}
				if c.fault == "no-usage:1" && o.Tokens.Output.OK() {
					t.Error("counts were told all the same")
				}
			})
		})
	}
}

// Over a real connection the log holds what was emitted: absolute deadlines do
// not drift, so the mean gap is the profile's.
func TestTruthOverHTTP(t *testing.T) {
	s := simulator(t, "fake:?load=0s&gap=2ms&first=5ms")
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	resp, err := http.Post(server.URL+"/api/generate", "application/json",
		body(`{"model":"fake","prompt":"hello there","options":{"num_predict":50}}`))
	if err != nil {
		t.Fatal(err)
	}
	drain(t, resp)
	resp, err = http.Get(server.URL + "/truth")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() {
		t.Fatal("no truth")
	}
	var r fake.Record
	if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Emitted) != 50 || r.Failed != "" || r.Output != 50 {
		t.Fatalf("record %+v", r)
	}
	gap := (r.Emitted[49].At - r.Emitted[0].At).Seconds() / 49
	if math.Abs(gap-0.002) > 0.002 { // a loaded machine is late, never early by a gap
		t.Errorf("mean gap %v s", gap)
	}
	if diff := cmp.Diff([]fake.Record{r}, s.Truth()); diff != "" {
		t.Errorf("the log changes on its way:\n%s", diff)
	}
}

func TestParseProfileRefusesWithAHint(t *testing.T) {
	for _, text := range []string{"http://127.0.0.1:1", "fake:?gap=fast", "fake:?gpa=1ms", "fake:?slots=0", "fake:?fault=sulk:1",
		"fake:?fault=cut:0", "fake:?effect=num_gpu", "fake:?effect=num_gpu:1:0", "fake:?model=a*-1", "fake:?jitter=0.7", "fake:?gap=1ms&gap=2ms", "fake:?prefill=-1"} {
		if _, err := fake.ParseProfile(text); err == nil || fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: error %v", text, err)
		}
	}
	p, err := fake.ParseProfile("fake:?model=small&model=big*2&gap=4ms&tokens=7&effect=num_thread:4:0.5:0.7&fault=http:5:429:2s")
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Models) != 2 || p.Models[1].Gap != 8*ms || p.Models[0].Tokens != 7 ||
		p.Effects[0] != (fake.Effect{Option: "num_thread", Value: "4", Gap: 0.5, First: 0.7}) ||
		p.Faults[0] != (fake.Fault{Mode: fake.FaultHTTP, Every: 5, Status: 429, RetryAfter: 2 * time.Second}) {
		t.Errorf("profile %+v", p)
	}
}

func contextWithTimeout(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

func body(text string) io.Reader { return strings.NewReader(text) }

func drain(t *testing.T, resp *http.Response) {
	t.Helper()
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
}
