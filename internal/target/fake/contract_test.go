package fake_test

import (
	"testing"
	"time"

	"chimera/internal/target"
	"chimera/internal/target/fake"
	"chimera/internal/target/targettest"
)

func TestContract(t *testing.T) {
	targettest.Run(t, targettest.Subject{
		Open: func(t *testing.T) target.Target {
			tgt, err := fake.Open(target.Config{ID: "sim", URL: "fake:?gap=20ms&first=100ms&slots=4"})
			if err != nil {
				t.Fatal(err)
			}
			return tgt
		},
		Model: "fake", Kind: fake.Kind, Bubble: true, Managed: true, Fixed: true,
		Slow: 100, Moment: 500 * time.Millisecond,
	})
}
