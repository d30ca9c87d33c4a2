package spec_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"chimera/internal/spec"

	"github.com/santhosh-tekuri/jsonschema/v6"
	yaml "go.yaml.in/yaml/v4"
)

func compile(t *testing.T, kind string) *jsonschema.Schema {
	t.Helper()
	b, err := spec.Schema(catalogue(), kind)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if v := doc.(map[string]any)["$schema"]; v != "https://json-schema.org/draft/2020-12/schema" {
		t.Errorf("the schema says it is %v", v)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("spec.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("spec.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func check(t *testing.T, s *jsonschema.Schema, src string) error {
	t.Helper()
	var v any
	if err := yaml.Load([]byte(src), &v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

func TestSchemaAcceptsTheExamples(t *testing.T) {
	for _, kind := range []string{"", "ollama"} {
		s := compile(t, kind)
		for _, src := range []string{design, string(spec.Example())} {
			if err := check(t, s, src); err != nil {
				t.Errorf("kind %q: %v", kind, err)
			}
		}
	}
	if err := check(t, compile(t, "fake"), design); err == nil {
		t.Error("the schema for kind fake accepts a spec for ollama")
	}
	if _, err := spec.Schema(catalogue(), "olama"); err == nil || !strings.Contains(err.Error(), "did you mean ollama?") {
		t.Errorf("an unknown kind: %v", err)
	}
}

// What an editor underlines, chimera refuses.
func TestSchemaRefusalsAreFaults(t *testing.T) {
	s := compile(t, "")
	for _, c := range [][2]string{
		{"version: 1", "version: 2"},
		{"version: 1\n", ""},
		{"name: gemma3-variants", `name: ""`},
		{"name: gemma3-variants", "name: 5"},
		{"question:", "queston:"},
		{"id: 270m", "id: a/b"},
		{"id: 270m, ", ""},
		{"kind: ollama", "kind: olama"},
		{"kind: ollama", "kind: ollama, api: chatter"},
		{"kind: ollama", "kind: ollama, key_env: 1X"},
		{`model: "gemma3:270m"`, `model: ""`},
		{`model: "gemma3:270m"`, `model: m, options: {nope: 1}`},
		{`model: "gemma3:270m"`, `model: m, options: {num_ctx: 0}`},
		{`model: "gemma3:270m"`, `model: m, raw: 1`},
		{"suite: banter", "suite: banner"},
		{"suite: banter, ", ""},
		{"suite: banter", "suite: banter, file: p.txt"},
		{"suite: banter", "prompts: []"},
		{"suite: banter", "prompts: [{id: x}]"},
		{"suite: banter", `prompts: [""]`},
		{"suite: banter", `prompts: [{text: x, id: "a/b"}]`},
		{"suite: banter", `prompts: [{text: x, ide: a}]`},
		{"suite: banter, max_tokens: 64", "synthetic: {input_tokens: 0, output_tokens: 4}"},
		{"suite: banter, max_tokens: 64", "synthetic: {input_tokens: 4}"},
		{"suite: banter, max_tokens: 64", "synthetic: {input_tokens: 4, output_tokens: 4, count: 0}"},
		{"max_tokens: 64", "max_tokens: 0"},
		{"max_tokens: 64", "max_tokens: 6.4"},
		{"kind: suite", "kind: sweet"},
		{"kind: suite", "kind: suite\n    subjects: []"},
		{"kind: suite", "kind: suite\n    subjects: [270m, 270m]"},
		{"blocks: 5", "blocks: 0"},
		{"streams: 1", "streams: 2000"},
		{"[1024, 2048, 4096]", "[]"},
		{"[1024, 2048, 4096]", "1024"},
		{"[1024, 2048, 4096]", "[1024, 1024]"},
		{"[1024, 2048, 4096]", "[1024.5]"},
		{"temperature: [0.2, 0.4, 0.8]", "temperature: [3]"},
		{"temperature: [0.2, 0.4, 0.8]", "temprature: [1]"},
		{"factors: {num_ctx: [1024, 2048, 4096], temperature: [0.2, 0.4, 0.8]}", "factors: {}"},
		{"seed: 1", "seed: -1"},
		{"seed: 1", "seeds: 1"},
		{"warmup: 2", "warmup: -2"},
		{"retries: 0", "retries: 11"},
		{"timeout: 120s", "timeout: 120"},
		{"timeout: 120s", "timeout: 2 minutes"},
		{"unique-prefix", "unique"},
		{"interval: 1s", "interval: [1s]"},
	} {
		if !strings.Contains(design, c[0]) {
			t.Fatalf("the design's example has no %q", c[0])
		}
		src := strings.Replace(design, c[0], c[1], 1)
		if check(t, s, src) == nil {
			t.Errorf("the schema accepts %s", c[1])
		}
		if _, err := parse(src); err == nil {
			t.Errorf("Parse accepts %s, the schema does not", c[1])
		}
	}
}

func TestEveryKeyIsDescribed(t *testing.T) {
	b, err := spec.Schema(catalogue(), "")
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Properties map[string]struct{ Description string }
		Defs       map[string]struct {
			Properties map[string]struct{ Description string }
		} `json:"$defs"`
	}
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	n := 0
	for key, p := range s.Properties {
		if n++; p.Description == "" {
			t.Errorf("%s has no description", key)
		}
	}
	for name, d := range s.Defs {
		for key, p := range d.Properties {
			if n++; p.Description == "" {
				t.Errorf("%s.%s has no description", name, key)
			}
		}
	}
	if n < 40 {
		t.Errorf("only %d keys found", n)
	}
}
