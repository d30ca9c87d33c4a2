package export_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"chimera/internal/export"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store"

	"github.com/google/go-cmp/cmp"
)

// The pages list exactly the fields that are written, in their order (which is
// part of the digest's rule): none is missing, none is invented.
func TestPagesListEveryField(t *testing.T) {
	for _, c := range []struct {
		page, section string
		fields        []string
	}{
		{"sample.md", "Fields", fieldsOf(reflect.TypeFor[sample.Sample](), "")},
		{"run.md", "Manifest", fieldsOf(reflect.TypeFor[sample.Manifest](), "")},
		{"run.md", "Plan", fieldsOf(reflect.TypeFor[spec.Plan](), "")},
		{"run.md", "Reading", fieldsOf(reflect.TypeFor[sample.Reading](), "")},
		{"run.md", "Seal", fieldsOf(reflect.TypeFor[store.Seal](), "")},
		{"export.md", "Columns", header(t)},
	} {
		t.Run(c.page+" "+c.section, func(t *testing.T) {
			got := listed(t, c.page, c.section)
			if d := cmp.Diff(c.fields, got); d != "" {
				t.Errorf("(-written +listed)\n%s", d)
			}
		})
	}
}

// header is the columns of a table without factors, metrics and text.
func header(t *testing.T) []string {
	t.Helper()
	var b bytes.Buffer
	if err := export.Write(&b, export.CSV, run, seq(nil), export.Options{NoText: true}); err != nil {
		t.Fatal(err)
	}
	names, err := csv.NewReader(&b).Read()
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// fieldsOf lists the paths of a type's JSON leaves.
func fieldsOf(typ reflect.Type, prefix string) (all []string) {
	marshaler := reflect.TypeFor[json.Marshaler]()
	for i := range typ.NumField() {
		if typ.Field(i).Tag.Get("json") == "-" {
			continue
		}
		f := typ.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		path, inner := prefix+name, f.Type
		if f.Anonymous {
			all = append(all, fieldsOf(inner, prefix)...)
			continue
		}
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice && inner.Elem().Kind() == reflect.Struct && !inner.Elem().Implements(marshaler) {
			if inner.Kind() == reflect.Slice {
				path += "[]"
			}
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && !inner.Implements(marshaler) {
			all = append(all, fieldsOf(inner, path+".")...)
		} else {
			all = append(all, path)
		}
	}
	return all
}

var rowStart = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")

// listed is the first column of the table in a section of a page.
func listed(t *testing.T, page, section string) (names []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "formats", page))
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(b), "\n## "+section+"\n")
	if !found {
		t.Fatalf("%s has no section %s", page, section)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	for _, m := range rowStart.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names
}

// Lines of every schema ever released read forever, and mean what they meant.
func TestCorpusReads(t *testing.T) {
	f, err := os.Open(filepath.Join("testdata", "corpus", "sample-v1.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []*sample.Sample
	if err := sample.Read(f, func(s *sample.Sample) error {
		rows = append(rows, s)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 {
		t.Fatalf("%d rows, want 2", len(rows))
	}
	ok, failed := rows[0], rows[1]
	if len(ok.Validate())+len(failed.Validate()) > 0 {
		t.Errorf("%v %v", ok.Validate(), failed.Validate())
	}
	first, _ := ok.T.First.Get()
	cached, observed := ok.Tokens.Cached.Get()
	if ok.Trial != "sweep/b1/0007" || first.Milliseconds() != 7010 || cached != 0 || !observed || ok.Config["num_ctx"] != 2048.0 ||
		ok.Chunks[1].Kind != sample.Content || ok.Text.Or("") != "Well met <friend>." || !ok.Final || ok.Phase != sample.Measure {
		t.Errorf("an old line means something else now: %+v", ok)
	}
	status, _ := failed.Failure.Status.Get()
	if failed.Outcome != sample.Error || status != 503 || failed.T.First.OK() || failed.Tokens.Output.OK() || !failed.Superseded {
		t.Errorf("an old line means something else now: %+v", failed)
	}
}
