package llamaserver_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"chimera/internal/sample"
	"chimera/internal/target"
	"chimera/internal/target/llamaserver"
	"chimera/internal/target/targettest"
)

// realTarget returns the adapter on a real server, and its model's file name.
func realTarget(t *testing.T, api target.API) (*llamaserver.Target, string) {
	t.Helper()
	url := targettest.RealURL(t, "CHIMERA_LLAMA_URL")
	return open(t, target.Config{ID: "real", URL: url, API: api}).(*llamaserver.Target), filepath.Base(os.Getenv("CHIMERA_GEMMA_GGUF"))
}

func TestRealContract(t *testing.T) {
	for _, api := range []target.API{target.Chat, target.Completion} {
		t.Run(string(api), func(t *testing.T) {
			_, model := realTarget(t, api)
			targettest.Run(t, targettest.Subject{
				Open: func(t *testing.T) target.Target {
					tgt, _ := realTarget(t, api)
					return tgt
				},
				Model: model, Kind: llamaserver.Kind, Fixed: true, OneModel: true, Config: map[string]any{"temperature": 0.0},
				Slow: 500, Moment: 3 * time.Second,
			})
		})
	}
}

// predicted_ms spans N−1 steps: the client's clock sees the same rate.
func TestRealClocksAgree(t *testing.T) {
	for _, api := range []target.API{target.Chat, target.Completion} {
		tgt, model := realTarget(t, api)
		defer tgt.Close()
		req := target.Request{Model: model, Prompt: "The capital of France is", MaxTokens: 48, Fixed: true, Config: map[string]any{"temperature": 0.0}}
		tgt.Stream(t.Context(), req, targettest.Clock()) // warm
		o := tgt.Stream(t.Context(), req, targettest.Clock())
		targettest.Valid(t, o)
		if o.Outcome != sample.OK {
			t.Fatalf("outcome %s: %+v", o.Outcome, o.Failure)
		}
		steps := float64(o.Times.EvalSteps.Or(0))
		client := steps / (o.T.Last.Or(0) - o.T.First.Or(0)).Seconds()
		server := steps / o.Times.Eval.Or(0).Seconds()
		t.Logf("%s: %d tokens: client %.2f token/s, server (N−1)/predicted_ms %.2f, N/predicted_ms %.2f; TTFT %v, prompt %v",
			api, o.Tokens.Output.Or(0), client, server, (steps+1)/o.Times.Eval.Or(0).Seconds(),
			o.T.First.Or(0)-o.T.Send.Or(0), o.Times.PromptEval.Or(0))
		if o.Tokens.Output.Or(0) != 48 || o.Tokens.Cached.Or(-1) != 0 {
			t.Errorf("tokens %+v, want 48 and none cached", o.Tokens)
		}
		if ratio := client / server; ratio < 0.8 || ratio > 1.25 {
			t.Errorf("client %.2f token/s, server %.2f", client, server)
		}
	}
}

func TestRealCacheIsTheCallersChoice(t *testing.T) {
	tgt, model := realTarget(t, target.Completion)
	defer tgt.Close()
	prompt := fmt.Sprintf("Once %d clocks stood in a row, and each of them told another time of the day.", time.Now().UnixNano())
	ask := func(cache bool) sample.Tokens {
		o := tgt.Stream(t.Context(), target.Request{Model: model, Prompt: prompt, MaxTokens: 2, Cache: cache, Config: map[string]any{}}, targettest.Clock())
		targettest.Valid(t, o)
		return o.Tokens
	}
	first, hit, miss := ask(true), ask(true), ask(false)
	ids, err := tgt.Tokenize(t.Context(), prompt, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("first %+v, hit %+v, miss %+v, %d tokens", first, hit, miss, len(ids))
	if hit.Cached.Or(0) < 5 || miss.Cached.Or(-1) != 0 {
		t.Errorf("cached %v with the cache, %v without", hit.Cached, miss.Cached)
	}
	for _, got := range []sample.Tokens{first, hit, miss} {
		if got.Prompt.Or(0) != len(ids) {
			t.Errorf("%d prompt tokens, but the tokenizer says %d", got.Prompt.Or(0), len(ids))
		}
	}
}

func TestRealDescription(t *testing.T) {
	tgt, model := realTarget(t, target.Completion)
	defer tgt.Close()
	if err := tgt.Healthy(t.Context()); err != nil {
		t.Fatal(err)
	}
	slots, err := tgt.Slots(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d, err := tgt.Describe(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v, %d slots", d, len(slots))
	if !d.TrainedCtx.OK() || !d.Parameters.OK() || d.Quant == "" || len(slots) == 0 || fmt.Sprint(len(slots)) != d.Facts["total_slots"] {
		t.Errorf("description is incomplete: %+v", d)
	}
}
