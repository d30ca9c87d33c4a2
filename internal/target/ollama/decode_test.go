package ollama

import (
	"bytes"
	"testing"

	"chimera/internal/sample"
	"chimera/internal/target"
)

// FuzzDecode: no line breaks the decoder, a final record is noticed as one
// exactly where decoding sees one, and no number is made up.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"model":"m","response":" the","done":false}`,
		`{"response":"","done":true,"done_reason":"length","total_duration":603224011,"load_duration":165540427,"prompt_eval_count":6,"prompt_eval_duration":139389111,"eval_count":8,"eval_duration":244066215}`,
		`{"message":{"role":"assistant","content":"","thinking":"hm","tool_calls":[{"function":{"name":"f","arguments":{}}}]},"done":false}`,
		`{"error":"boom"}`, `{"error":{"message":"boom"}}`, `{"done":true,"eval_count":-1,"eval_duration":-5}`, `[]`, `null`, `{"response":"\"done\":true"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		a := &target.Answer{}
		decode(a, target.Event{Data: line, At: 5})
		o := a.Conclude(t.Context(), nil)
		if o.Outcome == "" || o.Outcome != sample.OK && o.Failure == nil {
			t.Fatalf("outcome %q without a reason", o.Outcome)
		}
		if bytes.Contains(line, doneMark) && o.Failure == nil && a.Ended && !isFinal(line) {
			t.Fatalf("decoded as final, but not noticed as such: %q", line)
		}
		if d, ok := o.Times.Eval.Get(); ok && d <= 0 {
			t.Fatalf("an evaluation of %v", d)
		}
	})
}
