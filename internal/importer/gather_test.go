package importer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"chimera/internal/fault"
	"chimera/internal/importer"
	"chimera/internal/sample"

	"github.com/google/go-cmp/cmp"
)

// toy reads tables of one column of seconds: each row is a request.
var toy = importer.Format{Name: "toy", Read: func(s *importer.Source) (*importer.Content, error) {
	if !s.Has(".csv") || !s.Table().Is("load,key") {
		return nil, nil
	}
	c := &importer.Content{}
	for _, r := range s.Table().Records {
		row := importer.Row{Number: r.Number, Sample: &sample.Sample{Subject: "m"}, Key: r.Cell("key")}
		load, ok, err := r.Float("load")
		switch {
		case r.Err != nil:
			row = importer.Row{Number: r.Number, Skip: r.Err.Error()}
		case err != nil:
			return nil, err
		case !ok:
			row.Sample.Outcome, row.Sample.Failure = sample.Error, &sample.Failure{Class: sample.ClassServer, Message: "no load"}
		default:
			row.Sample.Outcome, row.Sample.Times.Load = sample.OK, importer.Duration(load)
			row.Readings = []sample.Reading{{Kind: "toy", Series: "toy.load", Value: importer.Value(load)}}
		}
		c.Rows = append(c.Rows, row)
	}
	return c, nil
}}

// folder writes files and returns their folder.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func gather(t testing.TB, roots ...string) *importer.Import {
	t.Helper()
	m, err := importer.Gather(context.Background(), sample.Build{Version: "test"}, []importer.Format{toy}, roots...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestEachRowIsAccountedFor(t *testing.T) {
	m := gather(t, folder(t, map[string]string{
		"a.csv":        "load,key\n2,\n0.1,x\n,\n0.2,\n1,2,3\n",
		"b/copy.csv":   "load,key\n2,\n0.1,x\n,\n0.2,\n1,2,3\n",
		"b/twin.csv":   "load,key\n0.1,x\n",
		"note.md":      "# 9000 token/s",
		"bad.csv":      "load,key\nfast,\n",
		".git/x.csv":   "load,key\n1,\n",
		"half.json":    `{"a": [1`,
		"other.json":   `{"a": 1}`,
		"deep.json":    strings.Repeat("[", 100) + strings.Repeat("]", 100),
		"nul.bin":      "a\x00b",
		"utf16.csv":    "\xff\xfea\x00",
		"latin.csv":    "caf\xe9",
		"doubled.csv":  "ÿþ==ERROR== no page",
		"empty.csv":    "",
		"unknown.csv":  "x,y\n1,2\n",
		"longline.csv": strings.Repeat("a", importer.MaxLine+1),
	}))
	type line struct {
		Kind                  string
		Rows, Failed, Skipped int
		Reason                string
	}
	got := map[string]line{}
	for _, f := range m.Files {
		got[f.Path] = line{f.Kind, f.Rows, f.Failed, f.Skipped, f.Reason}
	}
	want := map[string]line{
		"a.csv":        {"toy", 5, 1, 1, "1 × it has 3 cells under 2 heads; 1 × no load"},
		"b/copy.csv":   {"toy", 5, 0, 5, "same bytes as a.csv"},
		"b/twin.csv":   {"toy", 1, 0, 1, "1 × same event as in a.csv"},
		"note.md":      {"prose", 0, 0, 0, "prose: its figures are claims, not rows"},
		"bad.csv":      {"toy", 0, 0, 0, `load: "fast" is no finite number`},
		".git":         {"unread", 0, 0, 0, "a hidden folder is not entered"},
		"half.json":    {"unknown", 0, 0, 0, "it is no JSON document: unexpected end of JSON input at byte 8 of 8"},
		"other.json":   {"unknown", 0, 0, 0, "no format has these members: a"},
		"deep.json":    {"unknown", 0, 0, 0, "it is no JSON document: it is nested deeper than 64 levels"},
		"nul.bin":      {"unknown", 0, 0, 0, "byte 1 is 0: it is no text"},
		"utf16.csv":    {"unknown", 0, 0, 0, "it is UTF-16, not UTF-8"},
		"latin.csv":    {"unknown", 0, 0, 0, "it is not valid UTF-8"},
		"doubled.csv":  {"unknown", 0, 0, 0, `it is UTF-16 that was encoded a second time as UTF-8: "==ERROR== no page"`},
		"empty.csv":    {"unknown", 0, 0, 0, "it is empty"},
		"unknown.csv":  {"unknown", 0, 0, 0, "no format has these columns: x, y"},
		"longline.csv": {"unknown", 0, 0, 0, fmt.Sprintf("line 1 has %d bytes, more than %d", importer.MaxLine+1, importer.MaxLine)},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if len(m.Samples) != 4 || len(m.Plan.Trials) != 4 || len(m.Readings) != 3 {
		t.Fatalf("%d samples, %d trials, %d readings", len(m.Samples), len(m.Plan.Trials), len(m.Readings))
	}
	cold := m.Samples[0]
	if cold.Phase != sample.Cold || cold.Trial != "a.csv#1" || string(m.Plan.Trials[0].Phase) != "cold" || cold.Provenance != sample.Imported {
		t.Errorf("%+v", cold)
	}
	if r := m.Readings[0]; r.Labels["phase"] != "cold" || r.Labels["file"] != "a.csv" || r.Labels["row"] != "1" || r.Labels["instant"] != "not recorded" {
		t.Errorf("labels %v", r.Labels)
	}
}

// The same files give the same bytes, wherever they lie; other bytes another id.
func TestImportsAreDeterministic(t *testing.T) {
	files := map[string]string{"a.csv": "load,key\n2,\n0.1,x\n", "b.csv": "load,key\n0.2,\n"}
	render := func(m *importer.Import) string {
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	one, two := gather(t, folder(t, files)), gather(t, folder(t, files))
	if d := cmp.Diff(render(one), render(two)); d != "" {
		t.Error(d)
	}
	files["b.csv"] = "load,key\n0.3,\n"
	if other := gather(t, folder(t, files)); other.ID() == one.ID() {
		t.Error("other bytes have the same id")
	}
}

func TestOnlyAMissingPathOrACancelIsAnError(t *testing.T) {
	_, err := importer.Gather(context.Background(), sample.Build{}, nil, filepath.Join(t.TempDir(), "none"))
	if fault.CodeOf(err) != fault.Usage || fault.HintOf(err) == "" {
		t.Errorf("a missing path: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := importer.Gather(ctx, sample.Build{}, nil, folder(t, map[string]string{"a": "b"})); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestLinksAreNotFollowed(t *testing.T) {
	root := folder(t, map[string]string{"a.csv": "load,key\n1,\n"})
	if err := os.Symlink(root, filepath.Join(root, "loop")); err != nil {
		t.Skip("this system makes no links: ", err)
	}
	m := gather(t, root)
	if len(m.Files) != 2 || m.Files[1].Reason != "a symbolic link is not followed" {
		t.Errorf("%+v", m.Files)
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]float64{"1": 1, "-0.5": -0.5, "1e3": 1000, "22,80,000": 2280000, "5,03,31,648": 50331648, "1,024.5": 1024.5} {
		if got, err := importer.ParseNumber(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "NaN", "inf", "0x10", "1_000", "1,2", ",100", "1,0000", "ten"} {
		if got, err := importer.ParseNumber(text); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
	if v, _ := importer.Option(0.800000011920929); v != 0.8 {
		t.Errorf("a float32 of 0.8 is %v", v)
	}
}

// Nothing that a file may hold breaks a reader of tables or members.
func FuzzSource(f *testing.F) {
	f.Add([]byte("load,key\n1,\n\"a\nb\",2\n"))
	f.Add([]byte(`{"a": {"b": 1}, "a": [2]}`))
	f.Add([]byte("\xef\xbb\xbf[{}]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &importer.Source{Path: "a.csv", Bytes: b}
		for _, r := range s.Table().Records {
			if !json.Valid(r.JSON()) {
				t.Fatalf("row %d is no JSON: %s", r.Number, r.JSON())
			}
		}
		members := importer.Members(b)
		if o := s.Object(); o != nil && len(members) != len(o) {
			t.Fatalf("%d members of %d", len(members), len(o))
		}
		for _, l := range s.Lines() {
			if (l.Err == nil) != (l.Object != nil) {
				t.Fatalf("line %d: %v", l.Number, l.Err)
			}
		}
	})
}
