package cli_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"chimera/internal/cli"
	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/importer"
	"chimera/internal/sample"
)

// A lab is a store with one import in it, that is asked by commands.
type lab struct {
	store, id string
	files     []importer.File
	samples   []*sample.Sample // of the store, as it exports them
	answers   map[string][]fact.Fact
}

// importedLab imports files into a store of its own.
func importedLab(t *testing.T, paths ...string) *lab {
	t.Helper()
	l := &lab{store: filepath.Join(t.TempDir(), "lab.db"), answers: map[string][]fact.Fact{}}
	var done struct {
		Import string
		Files  []importer.File
	}
	l.document(t, &done, append([]string{"import"}, paths...)...)
	l.id, l.files = done.Import, done.Files
	for line := range bytes.Lines(l.command(t, "runs", "export", l.id)) {
		s, err := sample.Decode(line)
		if err != nil {
			t.Fatal(err)
		}
		l.samples = append(l.samples, s)
	}
	return l
}

// command runs a command line on the store and returns its standard output.
func (l *lab) command(t *testing.T, args ...string) []byte {
	t.Helper()
	var out, messages bytes.Buffer
	code := cli.Run(t.Context(), cli.Env{Args: append(args, "--store", l.store, "--quiet"), Stdin: strings.NewReader(""),
		Stdout: &out, Stderr: &messages, Getenv: func(string) string { return "" }})
	if code != fault.OK {
		t.Fatalf("chimera %s: exit %d: %s", strings.Join(args, " "), code, &messages)
	}
	return out.Bytes()
}

// document runs a command line and reads the JSON that it prints.
func (l *lab) document(t *testing.T, into any, args ...string) {
	t.Helper()
	if err := json.Unmarshal(l.command(t, append(args, "--json")...), into); err != nil {
		t.Fatalf("chimera %s: %v", strings.Join(args, " "), err)
	}
}

// query asks by the command, and each question once. Readings are asked in all
// phases at once: "".
func (l *lab) query(t *testing.T, name, aggregate, where string, phase sample.Phase, by []string) []fact.Fact {
	t.Helper()
	args := []string{"query", name, "--import", l.id, "--agg", aggregate, "--where", where, "--by", strings.Join(by, ",")}
	if phase != "" {
		args = append(args, "--phase", string(phase))
	}
	key := strings.Join(args, "\x00")
	if facts, asked := l.answers[key]; asked {
		return facts
	}
	var answer struct{ Facts []fact.Fact }
	l.document(t, &answer, args...)
	l.answers[key] = answer.Facts
	return answer.Facts
}
