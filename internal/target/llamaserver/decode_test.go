package llamaserver

import (
	"testing"

	"chimera/internal/sample"
	"chimera/internal/target"
)

// FuzzDecode: no event breaks the decoder, and no number is made up.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"index":0,"content":" the","tokens":[506],"stop":false,"id_slot":-1,"tokens_predicted":1,"tokens_evaluated":6}`,
		`{"content":"","stop":true,"stop_type":"limit","tokens_predicted":8,"tokens_evaluated":6,"timings":{"cache_n":1,"prompt_n":5,"prompt_ms":56.549,"predicted_n":8,"predicted_ms":2318.755}}`,
		`{"content":"x","stop":true,"timings":{"cache_n":0,"prompt_n":0,"prompt_ms":0,"predicted_n":0,"predicted_ms":-1e300}}`,
		`{"error":{"code":400,"message":"boom"}}`, `[DONE]`, `[]`, `null`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a := &target.Answer{}
		decode(a, target.Event{Data: data, At: 5})
		o := a.Conclude(t.Context(), nil)
		if o.Outcome == "" || o.Outcome != sample.OK && o.Failure == nil {
			t.Fatalf("outcome %q without a reason", o.Outcome)
		}
		for name, d := range map[string]bool{"eval": o.Times.Eval.Or(1) > 0, "prompt": o.Times.PromptEval.Or(1) > 0} {
			if !d {
				t.Fatalf("the %s duration is not above 0", name)
			}
		}
	})
}

// The final line is noticed by its own key only, never by its text.
func TestIsFinal(t *testing.T) {
	for line, want := range map[string]bool{
		`data: {"content":"","stop":true}`:               true,
		`data:{"stop":true,"content":""}`:                true,
		`data: {"content":"\"stop\":true","stop":false}`: false,
		`data: {"nested":{"stop":true},"stop":false}`:    false,
		`: {"stop":true}`:                                false,
		`data: {"content":"","stop":true`:                false,
	} {
		if got := isFinal([]byte(line)); got != want {
			t.Errorf("%s: %t, want %t", line, got, want)
		}
	}
}
