package native_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/synth"
	"chimera/internal/target"
	"chimera/internal/target/targettest"
)

type config = map[string]any

var tiny = synth.Spec{Architecture: "llama", Size: "tiny", Seed: 1}

func request(model string, c config) target.Request {
	return target.Request{Model: model, Prompt: "Once upon a time", MaxTokens: 6, Seed: 7, Fixed: true, Config: c}
}

// ask returns the observation of a request that must go well.
func ask(t *testing.T, tgt target.Target, req target.Request) sample.Observation {
	t.Helper()
	o := tgt.Stream(t.Context(), req, targettest.Clock())
	targettest.Valid(t, o)
	if o.Outcome != sample.OK {
		t.Fatalf("outcome %s: %+v", o.Outcome, o.Failure)
	}
	return o
}

func load(t *testing.T, tgt target.Target, model string, c config) target.Loaded {
	t.Helper()
	l, err := tgt.Load(t.Context(), model, c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLoadOptionsReloadAndSamplingOptionsDoNot(t *testing.T) {
	model, tgt := write(t, tiny), open(t, "")
	load(t, tgt, model, config{})
	for _, c := range []struct {
		config config
		reload bool
	}{
		{config{}, false},
		{config{"temperature": 0.8, "top_k": 40.0, "stop": "."}, false},
		{config{"num_ctx": 64.0}, true},
		{config{"num_ctx": 64.0, "temperature": 1.0}, false},
		{config{"num_ctx": 64.0, "threads": 1.0}, true},
		{config{"num_ctx": 64.0, "threads": 1.0, "kv_type": "q8_0"}, true},
		{config{"numerics": "exact"}, true},
		{config{"num_batch": 8.0}, true},
		{config{}, true},
	} {
		if l := load(t, tgt, model, c.config); l.Took.OK() != c.reload {
			t.Errorf("%v: a load took %v, want a load: %t", c.config, l.Took, c.reload)
		}
	}
}

func TestRequestThatFindsAnotherLoadReportsItsOwn(t *testing.T) {
	model, other, tgt := write(t, tiny), write(t, tiny), open(t, "")
	for _, c := range []struct {
		model  string
		config config
		loads  bool
	}{
		{model, config{"num_ctx": 64.0}, true}, // nothing was resident
		{model, config{"num_ctx": 64.0}, false},
		{model, config{"num_ctx": 32.0}, true},
		{model, config{"num_ctx": 32.0, "temperature": 0.5}, false},
		{other, config{"num_ctx": 32.0}, true}, // the same bytes, another file
		{other, config{"num_ctx": 32.0}, false},
	} {
		o := ask(t, tgt, request(c.model, c.config))
		if o.Times.Load.OK() != c.loads {
			t.Errorf("%v: load %v, want one: %t", c.config, o.Times.Load, c.loads)
		}
		if o.Effective["num_ctx"] != c.config["num_ctx"] {
			t.Errorf("%v: effective %v", c.config, o.Effective)
		}
		if before := o.T.Headers.Or(0) - o.T.Send.Or(0); before < o.Times.Load.Or(0) {
			t.Errorf("%v: a load of %v within %v", c.config, o.Times.Load.Or(0), before)
		}
	}
}

func TestUnloadFreesTheNamedModel(t *testing.T) {
	model, other, tgt := write(t, tiny), write(t, tiny), open(t, "")
	load(t, tgt, model, config{})
	unload := func(model string) {
		if r, err := tgt.Unload(t.Context(), model); err != nil || r != target.Managed {
			t.Errorf("unload: %s, %v", r, err)
		}
	}
	unload(other)
	if o := ask(t, tgt, request(model, config{})); o.Times.Load.OK() {
		t.Error("unloading another model freed this one")
	}
	unload(model)
	unload(model)
	if o := ask(t, tgt, request(model, config{})); !o.Times.Load.OK() {
		t.Error("the model was not freed")
	}
	if _, err := tgt.Unload(t.Context(), "absent.gguf"); err == nil {
		t.Error("an absent model was unloaded")
	}
}

// at returns a clock that does something when it is read for the n-th time: the
// target reads it once at send, once at headers and once for each token.
func at(n int, do func()) target.Clock {
	now := targettest.Clock()
	return func() time.Duration {
		if n--; n == 0 {
			do()
		}
		return now()
	}
}

func TestCancelStopsWithinAToken(t *testing.T) {
	model, tgt := write(t, tiny), open(t, "")
	load(t, tgt, model, config{})
	req := request(model, config{})
	req.MaxTokens = 500
	tokens := func(o sample.Observation) int { return o.Tokens.Output.Or(0) }

	ctx, cancel := context.WithCancelCause(t.Context())
	o := tgt.Stream(ctx, req, at(7, func() { cancel(errors.New("the user went home")) }))
	targettest.Valid(t, o)
	if o.Outcome != sample.Error || o.Failure.Class != sample.ClassInterrupted || !strings.Contains(o.Failure.Message, "went home") {
		t.Errorf("interrupted: outcome %s %+v", o.Outcome, o.Failure)
	}
	if n := tokens(o); n != 5 {
		t.Errorf("interrupted at the fifth token, ended after %d", n)
	}

	late, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	o = tgt.Stream(late, req, at(7, func() { <-late.Done() }))
	targettest.Valid(t, o)
	if o.Outcome != sample.Timeout || o.Failure.Class != sample.ClassTimeout || tokens(o) != 5 || o.Text.Or("") == "" {
		t.Errorf("timed out at the fifth token: outcome %s %+v, %d tokens, text %q", o.Outcome, o.Failure, tokens(o), o.Text.Or(""))
	}
	ask(t, tgt, request(model, config{}))
}

// A request for another load waits for those that run, but not for longer than
// its deadline allows.
func TestWaitingForAnotherLoadEndsWithTheDeadline(t *testing.T) {
	model, tgt := write(t, tiny), open(t, "")
	running, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		o := tgt.Stream(t.Context(), request(model, config{}), at(4, func() { close(running); <-release }))
		if o.Outcome != sample.OK {
			t.Errorf("outcome %s: %+v", o.Outcome, o.Failure)
		}
	})
	<-running
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	o := tgt.Stream(ctx, request(model, config{"num_ctx": 64.0}), targettest.Clock())
	targettest.Valid(t, o)
	if o.Outcome != sample.Timeout || o.Failure.Class != sample.ClassFirstToken {
		t.Errorf("outcome %s: %+v", o.Outcome, o.Failure)
	}
	if _, err := tgt.Load(ctx, model, config{"num_ctx": 64.0}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("load: %v", err)
	}
	if o := ask(t, tgt, request(model, config{})); o.Times.Load.OK() {
		t.Error("a request for the resident load reloaded it")
	}
	close(release)
	all.Wait()
}

func TestContextOverflowIsAnObservation(t *testing.T) {
	model, tgt := write(t, tiny), open(t, "")
	req := request(model, config{"num_ctx": 16.0})
	req.Prompt = strings.Repeat("word ", 40)
	o := tgt.Stream(t.Context(), req, targettest.Clock())
	targettest.Valid(t, o)
	if o.Outcome != sample.Error || o.Failure.Class != sample.ClassEngine || !strings.Contains(o.Failure.Message, "the context holds 16") {
		t.Errorf("outcome %s: %+v", o.Outcome, o.Failure)
	}
	if o.T.First.OK() || o.Tokens.Output.OK() {
		t.Errorf("an answer of %v tokens", o.Tokens.Output)
	}
}

func TestAbsentModel(t *testing.T) {
	tgt := open(t, t.TempDir())
	o := tgt.Stream(t.Context(), request("absent", config{}), targettest.Clock())
	targettest.Valid(t, o)
	if o.Outcome != sample.Error || o.Failure.Class != sample.ClassEngine || !strings.Contains(o.Failure.Message, `"absent"`) {
		t.Errorf("outcome %s: %+v", o.Outcome, o.Failure)
	}
	if _, err := tgt.Load(t.Context(), "absent", config{}); fault.CodeOf(err) != fault.Usage {
		t.Errorf("load: %v", err)
	}
}

func TestBrokenFileLeavesTheResidentModel(t *testing.T) {
	model, tgt := write(t, tiny), open(t, "")
	load(t, tgt, model, config{})
	broken := filepath.Join(t.TempDir(), "broken.gguf")
	if err := os.WriteFile(broken, []byte("GGUF\x03\x00\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := tgt.Load(t.Context(), broken, config{}); err == nil {
		t.Error("a broken file was loaded")
	}
	if _, err := tgt.Describe(t.Context(), broken); err == nil {
		t.Error("a broken file was described")
	}
	if o := ask(t, tgt, request(model, config{})); o.Times.Load.OK() {
		t.Error("the resident model was freed for a file that cannot be read")
	}
}

func TestModelsAreFoundByNameInTheFolder(t *testing.T) {
	path := write(t, tiny)
	tgt := open(t, filepath.Dir(path))
	for _, name := range []string{"model", "model.gguf", path} {
		d, err := tgt.Describe(t.Context(), name)
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if d.Model != "model.gguf" || !d.Synthetic || d.Layers.Or(0) != 6 || d.TrainedCtx.Or(0) != 2048 || d.Arch != "llama" || d.Quant != "Q8_0" || len(d.Digest) != len("sha256:")+64 {
			t.Errorf("%q: %+v", name, d)
		}
	}
}

// What Effective foretells is what the load reads back.
func TestEffectiveIsWhatIsLoaded(t *testing.T) {
	model, tgt := write(t, synth.Spec{Architecture: "gemma3", Size: "tiny", Seed: 1, Context: 512}), open(t, "")
	d, err := tgt.Describe(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	clamped := load(t, tgt, model, config{"num_ctx": 100000.0})
	if clamped.Effective["num_ctx"] != 512.0 {
		t.Errorf("num_ctx is %v, want what the model was trained for", clamped.Effective["num_ctx"])
	}
	rapid.Check(t, func(rt *rapid.T) {
		requested := config{}
		draw := func(option string, values ...any) {
			if rapid.Bool().Draw(rt, option) {
				requested[option] = rapid.SampledFrom(values).Draw(rt, option)
			}
		}
		draw("num_ctx", 16.0, 100.0, 511.0, 512.0, 4096.0)
		draw("num_batch", 1.0, 32.0, 4096.0)
		draw("threads", 1.0, 2.0)
		draw("kv_type", "f32", "f16", "q8_0")
		draw("numerics", "fast", "exact")
		draw("temperature", 0.0, 0.7)
		want := tgt.Effective(d, requested)
		delete(want, "temperature") // of a request, not of a load
		l, err := tgt.Load(t.Context(), model, requested)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(want, l.Effective); diff != "" {
			rt.Errorf("requested %v: foretold −, loaded +\n%s", requested, diff)
		}
	})
}

// Sessions take turns but do not mix: each answer is the one it has alone.
func TestConcurrentStreamsAreIndependent(t *testing.T) {
	model, tgt := write(t, tiny), open(t, "")
	var reqs []target.Request
	var want []string
	for _, prompt := range []string{"one", "another", "a third and longer one", "and the last"} {
		req := request(model, config{"temperature": 0.8})
		req.Prompt, req.MaxTokens = prompt, 24
		reqs, want = append(reqs, req), append(want, ask(t, tgt, req).Text.Or(""))
	}
	got := make([]sample.Observation, 4*len(reqs))
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() { got[i] = tgt.Stream(t.Context(), reqs[i%len(reqs)], targettest.Clock()) })
	}
	all.Wait()
	for i, o := range got {
		targettest.Valid(t, o)
		if text := o.Text.Or(""); o.Outcome != sample.OK || text != want[i%len(reqs)] {
			t.Errorf("%q: outcome %s, text %q, alone %q", reqs[i%len(reqs)].Prompt, o.Outcome, text, want[i%len(reqs)])
		}
	}
}

// Streams that want different loads, loads and unloads at once: every request
// is answered with the load that it asked for.
func TestDifferentLoadsTakeTurns(t *testing.T) {
	model, tgt := write(t, tiny), open(t, "")
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			ctx := []float64{32, 64, 128}[i%3]
			o := tgt.Stream(t.Context(), request(model, config{"num_ctx": ctx}), targettest.Clock())
			targettest.Valid(t, o)
			if o.Outcome != sample.OK || o.Effective["num_ctx"] != ctx {
				t.Errorf("num_ctx %v: outcome %s %+v, effective %v", ctx, o.Outcome, o.Failure, o.Effective)
			}
		})
		all.Go(func() {
			if i%4 == 0 {
				if _, err := tgt.Unload(t.Context(), model); err != nil {
					t.Errorf("unload: %v", err)
				}
			}
		})
	}
	all.Wait()
}

func TestRefusedRequestsAreNotSent(t *testing.T) {
	model, tgt := write(t, tiny), open(t, "")
	chat := request(model, config{})
	chat.API = target.Chat
	for name, req := range map[string]target.Request{
		"chat":                chat,
		"an unknown option":   request(model, config{"num_gpu": 99.0}),
		"a budget of nothing": {Model: model, Prompt: "x"},
	} {
		o := tgt.Stream(t.Context(), req, targettest.Clock())
		targettest.Valid(t, o)
		if o.Outcome != sample.Error || o.Failure.Class != sample.ClassProtocol || o.T.Send.OK() {
			t.Errorf("%s: outcome %s %+v, sent %v", name, o.Outcome, o.Failure, o.T.Send)
		}
	}
	if _, err := tgt.Load(t.Context(), model, config{"num_gpu": 99.0}); fault.HintOf(err) == "" {
		t.Errorf("load with an unknown option: %v", err)
	}
}

func TestCacheIsTheCallersChoice(t *testing.T) {
	model, tgt := write(t, tiny), open(t, "")
	req := request(model, config{})
	plain := ask(t, tgt, req)
	req.Cache = true
	hit := ask(t, tgt, req)
	if n := hit.Tokens.Cached.Or(0); plain.Tokens.Cached.Or(-1) != 0 || n != hit.Tokens.Prompt.Or(0)-1 {
		t.Errorf("cached %v without the cache, %d of %d with it", plain.Tokens.Cached, n, hit.Tokens.Prompt.Or(0))
	}
	if hit.Text != plain.Text {
		t.Errorf("the cache changed the text from %q to %q", plain.Text.Or(""), hit.Text.Or(""))
	}
}
