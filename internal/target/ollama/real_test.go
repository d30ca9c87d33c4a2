package ollama_test

import (
	"os"
	"testing"
	"time"

	"chimera/internal/sample"
	"chimera/internal/target"
	"chimera/internal/target/ollama"
	"chimera/internal/target/targettest"
)

// realTarget returns the adapter on a real server, and its model.
func realTarget(t *testing.T, api target.API) (target.Target, string) {
	t.Helper()
	url := targettest.RealURL(t, "CHIMERA_OLLAMA_URL")
	model := os.Getenv("CHIMERA_OLLAMA_MODEL")
	if model == "" {
		model = "gemma3:270m"
	}
	return open(t, target.Config{ID: "real", URL: url, API: api}), model
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
				Model: model, Kind: ollama.Kind, Managed: true, Config: map[string]any{"temperature": 0.0},
				Slow: 500, Moment: 3 * time.Second,
			})
		})
	}
}

// The server's clock and the client's must tell one story: eval_duration spans
// N−1 steps, and what lies outside the server's durations is small beside them.
func TestRealClocksAgree(t *testing.T) {
	tgt, model := realTarget(t, target.Completion)
	defer tgt.Close()
	req := target.Request{Model: model, Prompt: "The capital of France is", MaxTokens: 48, Raw: true, Config: map[string]any{"temperature": 0.0}}
	tgt.Stream(t.Context(), req, targettest.Clock()) // warm
	o := tgt.Stream(t.Context(), req, targettest.Clock())
	targettest.Valid(t, o)
	if o.Outcome != sample.OK {
		t.Fatalf("outcome %s: %+v", o.Outcome, o.Failure)
	}
	steps := float64(o.Times.EvalSteps.Or(0))
	client := steps / (o.T.Last.Or(0) - o.T.First.Or(0)).Seconds()
	server := steps / o.Times.Eval.Or(0).Seconds()
	t.Logf("%d tokens: client %.2f token/s, server (N−1)/eval %.2f, N/eval %.2f; TTFT %v, load %v, prompt %v",
		o.Tokens.Output.Or(0), client, server, (steps+1)/o.Times.Eval.Or(0).Seconds(),
		o.T.First.Or(0)-o.T.Send.Or(0), o.Times.Load.Or(0), o.Times.PromptEval.Or(0))
	if ratio := client / server; ratio < 0.8 || ratio > 1.25 {
		t.Errorf("client %.2f token/s, server %.2f", client, server)
	}
}

// Both of num_gpu 40 and 60 clamp to one effective value, and are two loads.
func TestRealReloads(t *testing.T) {
	tgt, model := realTarget(t, target.Completion)
	defer tgt.Close()
	d, err := tgt.Describe(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", d)
	if d.Digest == "" || !d.Layers.OK() || !d.TrainedCtx.OK() || !d.Parameters.OK() || !d.FileBytes.OK() || d.Quant == "" || d.Arch == "" {
		t.Errorf("description is incomplete: %+v", d)
	}
	if _, err := tgt.Unload(t.Context(), model); err != nil {
		t.Fatal(err)
	}
	took := func(config map[string]any) time.Duration {
		l, err := tgt.Load(t.Context(), model, config)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("load %v: %v, effective %v, %d bytes", config, l.Took.Or(0), l.Effective, l.Bytes.Or(0))
		if config["num_ctx"] != nil && l.Effective["num_ctx"] != config["num_ctx"] {
			t.Errorf("num_ctx %v was asked, %v is effective", config["num_ctx"], l.Effective["num_ctx"])
		}
		return l.Took.Or(0)
	}
	forty := map[string]any{"num_ctx": 1024.0, "num_gpu": 40.0}
	sixty := map[string]any{"num_ctx": 1024.0, "num_gpu": 60.0}
	cold, warm, alias := took(forty), took(forty), took(sixty)
	if warm > cold/2 || alias < 2*warm {
		t.Errorf("cold load %v, warm %v, alias %v", cold, warm, alias)
	}
	if tgt.Effective(d, forty)["num_gpu"] != tgt.Effective(d, sixty)["num_gpu"] || tgt.ReloadKey(forty) == tgt.ReloadKey(sixty) {
		t.Error("num_gpu 40 and 60 must be one effective value and two loads")
	}
}
