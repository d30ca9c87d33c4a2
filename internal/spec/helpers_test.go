package spec_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"chimera/internal/spec"
)

// catalogue resembles the real kinds.
func catalogue() spec.Catalogue {
	return spec.Catalogue{
		"ollama": {
			{Name: "num_ctx", Type: spec.Int, Min: 1, Max: 1 << 20, Reload: true, Doc: "context length, tokens"},
			{Name: "num_gpu", Type: spec.Int, Min: -1, Max: 999, Reload: true, Doc: "layers on the accelerator"},
			{Name: "temperature", Type: spec.Float, Min: 0, Max: 2, Doc: "sampling temperature"},
			{Name: "top_p", Type: spec.Float, Min: 0, Max: 1, Doc: "nucleus"},
			{Name: "use_mmap", Type: spec.Bool, Reload: true, Doc: "map the file"},
		},
		"fake": {
			{Name: "kv_type", Type: spec.Enum, Enum: []string{"f16", "q8_0"}, Reload: true, Doc: "cache type"},
			{Name: "temperature", Type: spec.Float, Min: 0, Max: 2, Doc: "sampling temperature"},
			{Name: "grammar", Type: spec.Text, Doc: "a grammar"},
		},
	}
}

func files(name string) ([]byte, error) {
	switch name {
	case "p.txt":
		return []byte("first\n\n  second  \r\n"), nil
	case "p.jsonl":
		return []byte("{\"id\":\"a\",\"text\":\"first\"}\n{\"text\":\"second\"}\n"), nil
	case "blank.txt":
		return []byte("\n \n"), nil
	case "bad.jsonl":
		return []byte("{\"text\":\"x\"}\n{\"txt\":1}\n"), nil
	case "big.txt":
		return make([]byte, spec.MaxFile+1), nil
	case "latin1.txt":
		return []byte("caf\xe9\n"), nil
	}
	return nil, fmt.Errorf("open %s: %w", name, fs.ErrNotExist)
}

func parse(src string) (*spec.Spec, error) {
	return spec.Parse("sweep.yaml", []byte(src), catalogue(), files)
}

func mustParse(t testing.TB, src string) *spec.Spec {
	t.Helper()
	s, err := parse(src)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func faultsOf(t *testing.T, err error) spec.Faults {
	t.Helper()
	fs, ok := errors.AsType[spec.Faults](err)
	if !ok {
		t.Fatalf("%v is not spec.Faults", err)
	}
	return fs
}

func mustExpand(t testing.TB, s *spec.Spec, env spec.Env) *spec.Plan {
	t.Helper()
	if env.Catalogue == nil {
		env.Catalogue = catalogue()
	}
	p, err := spec.Expand(s, env)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// design is the example of the design document, word for word.
const design = `version: 1
name: gemma3-variants
question: Which variant answers fastest at equal work, and which settings matter?
targets:
  - {id: box, kind: ollama, url: "http://127.0.0.1:11434"}
subjects:
  - {id: 270m, target: box, model: "gemma3:270m"}
  - {id: 1b-qat, target: box, model: "gemma3:1b-it-qat"}
workloads:
  - {id: banter, suite: banter, max_tokens: 64}
experiments:
  - id: baseline            # the suite on every subject
    kind: suite
    workloads: [banter]
    blocks: 5
    streams: 1          # closed loop: requests in flight at once
  - id: sweep               # a full grid, randomised in blocks
    kind: grid
    workloads: [banter]
    factors: {num_ctx: [1024, 2048, 4096], temperature: [0.2, 0.4, 0.8]}
    blocks: 3
design: {seed: 1, warmup: 2, cold_loads: 3, cache: unique-prefix, timeout: 120s, retries: 0}
telemetry: {interval: 1s}
`
