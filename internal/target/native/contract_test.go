package native_test

import (
	"path/filepath"
	"testing"
	"time"

	"chimera/internal/synth"
	"chimera/internal/target"
	"chimera/internal/target/native"
	"chimera/internal/target/targettest"
)

// write makes a synthetic model that the test can name by its path.
func write(t *testing.T, s synth.Spec) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err := synth.Write(path, s); err != nil {
		t.Fatal(err)
	}
	return path
}

// open returns a target that is closed with the test.
func open(t *testing.T, folder string) *native.Target {
	t.Helper()
	tgt := native.New(folder, "test")
	t.Cleanup(func() {
		if err := tgt.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return tgt
}

func TestContract(t *testing.T) {
	for _, arch := range synth.Architectures() {
		t.Run(arch, func(t *testing.T) {
			targettest.Run(t, targettest.Subject{
				Open:  func(t *testing.T) target.Target { return open(t, "") },
				Model: write(t, synth.Spec{Architecture: arch, Size: "small", Seed: 1}), Kind: native.Kind("test"),
				Managed: true, Fixed: true,
				OneModel: true, // it is not, but an unknown file is no HTTP status: TestAbsentModel
				Slow:     4000, Moment: 100 * time.Millisecond,
			})
		})
	}
}
