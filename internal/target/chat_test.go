package target_test

import (
	"testing"

	"chimera/internal/sample"
	"chimera/internal/target"
)

// FuzzChat: no two events break the decoder, and no count is made up.
func FuzzChat(f *testing.F) {
	f.Add([]byte(`{"choices":[{"index":0,"delta":{"role":"assistant","content":null},"finish_reason":null}],"usage":null}`),
		[]byte(`{"choices":[],"usage":{"completion_tokens":6,"prompt_tokens":26,"prompt_tokens_details":{"cached_tokens":21}}}`))
	f.Add([]byte(`{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f"}}]},"finish_reason":"tool_calls"}],"usage":{}}`), []byte(`[DONE]`))
	f.Add([]byte(`{"error":{"message":"x"}}`), []byte(`{"choices":[{"text":"hi","finish_reason":"stop"}],"usage":{"completion_tokens":-1}}`))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		a, s := &target.Answer{}, &target.ChatStream{}
		for _, data := range [][]byte{one, two} {
			if a.Failure == nil {
				s.Decode(a, target.Event{Data: data, At: 5})
			}
		}
		o := a.Conclude(t.Context(), nil)
		if o.Outcome == "" || o.Outcome != sample.OK && o.Failure == nil {
			t.Fatalf("outcome %q without a reason", o.Outcome)
		}
		if n, ok := o.Tokens.Output.Get(); ok && (n < 0 || n == 0 && o.T.First.OK()) {
			t.Fatalf("%d output tokens beside text: %t", n, o.T.First.OK())
		}
	})
}

// llama.cpp adds its own account to the answers of a protocol that has none:
// it is kept word for word.
func TestChatKeepsTimings(t *testing.T) {
	a, s := &target.Answer{}, &target.ChatStream{}
	s.Decode(a, target.Event{At: 5, Data: []byte(`{"choices":[{"text":"hi","finish_reason":"length"}],"usage":{"completion_tokens":1,"prompt_tokens":6},"timings":{"predicted_n":1, "predicted_ms":86.682}}`)})
	want := `{"timings":{"predicted_n":1,"predicted_ms":86.682},"usage":{"completion_tokens":1,"prompt_tokens":6}}`
	if string(a.Server) != want {
		t.Errorf("the server's fields are %s, want %s", a.Server, want)
	}
}
