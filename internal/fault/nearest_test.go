package fault_test

import (
	"strings"
	"testing"

	"chimera/internal/fault"
)

func TestNearestFindsWhatWasMeant(t *testing.T) {
	known := []string{"decode_rate", "ttft", "subject", "experiment"}
	for word, want := range map[string]string{
		"decode_rat": "decode_rate", "decoed_rate": "decode_rate", "TTFT": "ttft", "ttf": "ttft", "subjct": "subject", "experimnets": "experiment",
		"": "", "size": "", "latency": "", strings.Repeat("x", 100): "",
	} {
		if got := fault.Nearest(word, known); got != want {
			t.Errorf("%q is taken for %q, want %q", word, got, want)
		}
	}
	if got := fault.Nearest("anything", nil); got != "" {
		t.Errorf("of no words the nearest is %q", got)
	}
}
