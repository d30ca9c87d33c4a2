package native_test

import (
	"testing"
	"time"

	"chimera/internal/synth"
	"chimera/internal/target"
	"chimera/internal/target/native"
	"chimera/internal/target/targettest"
)

func TestRealContract(t *testing.T) {
	model := targettest.RealURL(t, "CHIMERA_GEMMA_GGUF")
	targettest.Run(t, targettest.Subject{
		Open:  func(t *testing.T) target.Target { return open(t, "") },
		Model: model, Kind: native.Kind("test"), Config: config{"temperature": 0.0},
		Managed: true, Fixed: true, OneModel: true, // see TestContract
		Slow: 500, Moment: time.Second,
	})
}

// The engine's clock and the target's stamps are of one process: what lies
// between them is the time of a function call.
func TestRealClocksAgree(t *testing.T) {
	clocksAgree(t, targettest.RealURL(t, "CHIMERA_GEMMA_GGUF"))
}

func TestClocksAgree(t *testing.T) {
	clocksAgree(t, write(t, synth.Spec{Architecture: "llama", Size: "small", Seed: 1}))
}

func clocksAgree(t *testing.T, model string) {
	tgt := open(t, "")
	req := request(model, config{"temperature": 0.0})
	req.MaxTokens = 64
	ask(t, tgt, req)
	o := ask(t, tgt, req)
	steps := float64(o.Times.EvalSteps.Or(0))
	client := steps / (o.T.Last.Or(0) - o.T.First.Or(0)).Seconds()
	engine := steps / o.Times.Eval.Or(0).Seconds()
	t.Logf("%.0f steps: client %.2f token/s, engine %.2f; TTFT %v, prompt %v",
		steps, client, engine, o.T.First.Or(0)-o.T.Send.Or(0), o.Times.PromptEval.Or(0))
	if steps != 63 {
		t.Fatalf("%.0f steps between 64 tokens", steps)
	}
	if o.T.Last.Or(0)-o.T.First.Or(0) > o.Times.Eval.Or(0)*101/100+time.Millisecond {
		t.Errorf("client %.2f token/s, engine %.2f", client, engine)
	}
}
