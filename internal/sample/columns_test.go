package sample_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"chimera/internal/sample"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// brief is a row as it comes back from columns: through its line, without bulk.
func brief(t testing.TB, s *sample.Sample) *sample.Sample {
	t.Helper()
	row := stored(t, s)
	row.Chunks, row.Server, row.Text, row.TextHash, row.Superseded = nil, nil, sample.None[string](), sample.None[string](), false
	return row
}

// stored is a row as it comes back from its line.
func stored(t testing.TB, s *sample.Sample) *sample.Sample {
	t.Helper()
	line, err := sample.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	back, err := sample.Decode(line)
	if err != nil {
		t.Fatal(err)
	}
	return back
}

func columnsOf(t testing.TB, rows ...*sample.Sample) *sample.Columns {
	t.Helper()
	c := &sample.Columns{}
	for _, s := range rows {
		if err := c.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func decoded(t testing.TB, b []byte) *sample.Columns {
	t.Helper()
	c, err := sample.DecodeColumns(b)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sameRows holds columns to the rows that they were made of.
func sameRows(t testing.TB, c *sample.Columns, want []*sample.Sample) {
	t.Helper()
	i := 0
	for _, got := range c.Rows() {
		if d := cmp.Diff(brief(t, want[i]), got, optEqual, cmp.Comparer(func(a, b json.RawMessage) bool { return bytes.Equal(a, b) })); d != "" {
			t.Fatalf("row %d: %s", i, d)
		}
		i++
	}
	if i != len(want) || c.Len() != len(want) {
		t.Fatalf("%d rows, Len %d, want %d", i, c.Len(), len(want))
	}
}

// Law: columns lose nothing but bulk, and equal rows give equal bytes.
func TestColumnsGiveTheirRowsBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rows := rapid.SliceOfN(rapid.Custom(anyRow), 0, 30).Draw(rt, "rows")
		made := columnsOf(t, rows...)
		sameRows(t, made, rows)
		b := made.Encode()
		sameRows(t, decoded(t, b), rows)
		if again := decoded(t, b).Encode(); !bytes.Equal(b, again) {
			t.Fatal("what was decoded encodes otherwise")
		}
		back := make([]*sample.Sample, len(rows))
		for i, s := range rows {
			back[i] = stored(t, s)
		}
		if !bytes.Equal(b, columnsOf(t, back...).Encode()) {
			t.Fatal("rows as they are stored encode otherwise than rows as they were made")
		}
	})
}

// anyRow draws a row with any of its optional parts.
func anyRow(t *rapid.T) *sample.Sample {
	s := good()
	s.Trial = rapid.SampledFrom([]string{"", "t/1", "t/2", "t/22", "a long name of a trial#1", "bad \xff\xfe utf"}).Draw(t, "trial")
	s.Run, s.Subject = rapid.SampledFrom([]string{"r", "q"}).Draw(t, "run"), rapid.SampledFrom([]string{"a", "ab", "bad \xff"}).Draw(t, "subject")
	s.Order, s.Stream, s.Block = rapid.Int().Draw(t, "order"), rapid.Int().Draw(t, "stream"), rapid.IntRange(0, 2).Draw(t, "block")
	s.Final, s.Superseded = rapid.Bool().Draw(t, "final"), rapid.Bool().Draw(t, "superseded")
	s.Config = rapid.SampledFrom([]map[string]any{nil, {}, {"a": 1.0}, {"a": 1}, {"a": "1"}, {"a": true, "b": nil}, {"b": []any{"x", 2.0}}}).Draw(t, "config")
	for _, d := range []*sample.Opt[time.Duration]{&s.T.Sched, &s.T.Send, &s.T.First, &s.Times.Load, &s.Times.Total} {
		*d = sample.None[time.Duration]()
		if rapid.Bool().Draw(t, "there") {
			*d = sample.Some(time.Duration(rapid.Int64().Draw(t, "ns")))
		}
	}
	for _, n := range []*sample.Opt[int]{&s.Tokens.Prompt, &s.Tokens.Output, &s.Times.EvalSteps} {
		*n = sample.None[int]()
		if rapid.Bool().Draw(t, "there") {
			*n = sample.Some(rapid.Int().Draw(t, "count"))
		}
	}
	if rapid.Bool().Draw(t, "failed") {
		s.Outcome, s.Failure = sample.Error, &sample.Failure{Class: sample.ClassHTTP, Message: rapid.String().Draw(t, "message"), Status: sample.Some(500)}
	}
	return s
}

// Every field of a row comes back, whichever it is: a field that a later
// version adds must not be lost in the columns.
func TestColumnsTellRowsApartByEveryField(t *testing.T) {
	var walk func(v reflect.Value, path string, row *sample.Sample)
	walk = func(v reflect.Value, path string, row *sample.Sample) {
		for i := range v.NumField() {
			f, name := v.Field(i), path+v.Type().Field(i).Name
			if v.Type().Field(i).Tag.Get("json") == "-" { // a reader's own, not stored
				continue
			}
			before := reflect.New(f.Type()).Elem()
			before.Set(f)
			switch {
			case f.Kind() == reflect.Struct && v.Type().Field(i).IsExported() && f.Addr().Type().Implements(reflect.TypeFor[json.Unmarshaler]()):
				if err := f.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(other(f.Addr().Interface())); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			case f.Kind() == reflect.Struct:
				walk(f, name+".", row)
				continue
			default:
				change(t, name, f)
			}
			changed := *row
			sameRows(t, decoded(t, columnsOf(t, good(), &changed, good()).Encode()), []*sample.Sample{good(), &changed, good()})
			f.Set(before)
		}
	}
	s := good()
	s.Failure = nil
	walk(reflect.ValueOf(s).Elem(), "", s)
}

// other is a JSON value that an Opt does not have.
func other(opt any) []byte {
	switch o := opt.(type) {
	case *sample.Opt[int]:
		return fmt.Append(nil, o.Or(0)+7)
	case *sample.Opt[time.Duration]:
		return fmt.Append(nil, int64(o.Or(0))+7)
	}
	return []byte(`"other"`)
}

func change(t *testing.T, name string, f reflect.Value) {
	t.Helper()
	switch f.Kind() {
	case reflect.String:
		f.SetString(f.String() + "x")
	case reflect.Int:
		if name != "Schema" { // there is but one
			f.SetInt(f.Int() + 1)
		}
	case reflect.Bool:
		f.SetBool(!f.Bool())
	case reflect.Map:
		f.Set(reflect.ValueOf(map[string]any{"other": 1.0}))
	case reflect.Pointer:
		f.Set(reflect.ValueOf(&sample.Failure{Class: "x", Message: "y"}))
	case reflect.Slice:
		switch name {
		case "Notes":
			f.Set(reflect.ValueOf([]string{"a", "b"}))
		case "Observation.Chunks", "Observation.Server": // bulk
		default:
			t.Fatalf("a new slice %s: is it bulk?", name)
		}
	default:
		t.Fatalf("a new field %s of kind %s: can columns hold it?", name, f.Kind())
	}
}

// Law: bytes that were changed since are refused, whichever byte it is.
func TestColumnsThatWereDamagedAreRefused(t *testing.T) {
	b := columnsOf(t, good(), good()).Encode()
	for i := range b {
		damaged := bytes.Clone(b)
		damaged[i] ^= 1
		if _, err := sample.DecodeColumns(damaged); err == nil {
			t.Fatalf("byte %d of %d was changed, and nobody noticed", i, len(b))
		}
		if _, err := sample.DecodeColumns(b[:i]); err == nil {
			t.Fatalf("the last %d bytes are missing, and nobody noticed", len(b)-i)
		}
	}
	b[0]++
	if _, err := sample.DecodeColumns(b); !errors.Is(err, sample.ErrColumnsVersion) {
		t.Errorf("another version: %v", err)
	}
}

func TestColumnsSayWhetherThereAreTexts(t *testing.T) {
	silent := good()
	silent.Text = sample.None[string]()
	if decoded(t, columnsOf(t, silent).Encode()).Texts() || columnsOf(t).Texts() {
		t.Error("a text where there is none")
	}
	empty := good()
	empty.SetText("")
	if c := decoded(t, columnsOf(t, silent, empty).Encode()); !c.Texts() {
		t.Error("a text, if an empty one, is not told")
	}
}

func TestMarkHoldsForTheRowsOfAHead(t *testing.T) {
	early, late := good(), good()
	early.Block = 1
	c := columnsOf(t, early, late, early)
	c.Mark(func(s *sample.Sample) bool { return s.Block == 1 })
	var got []bool
	for _, s := range c.Rows() {
		got = append(got, s.Superseded)
	}
	if d := cmp.Diff([]bool{true, false, true}, got); d != "" {
		t.Error(d)
	}
}

// FuzzColumns feeds bytes with a true sum: a decoder must not trust even those.
func FuzzColumns(f *testing.F) {
	b := columnsOf(f, good(), good()).Encode()
	f.Add(b[:len(b)-32])
	f.Add([]byte{2, 1, 1})
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := sample.DecodeColumns(sample.Sealed(body))
		if err != nil {
			return
		}
		n := 0
		for range c.Rows() {
			n++
		}
		if n != c.Len() {
			t.Fatalf("%d of %d rows", n, c.Len())
		}
	})
}

// BenchmarkColumns is what a row costs on its way in and out.
func BenchmarkColumns(b *testing.B) {
	const n = 32_768
	rows := make([]*sample.Sample, n)
	for i := range rows {
		rows[i] = good()
		rows[i].Order, rows[i].Trial = i, fmt.Sprintf("sweep/b%d/%06d", i/1000, i)
		rows[i].T.Send = sample.Some(time.Duration(i) * 123_456_789)
	}
	report := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			columnsOf(b, rows...).Encode()
		}
		report(b)
	})
	bytes := columnsOf(b, rows...).Encode()
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, s := range decoded(b, bytes).Rows() {
				if s.Run == "" {
					b.Fatal("a row without a run")
				}
			}
		}
		report(b)
		b.ReportMetric(float64(len(bytes))/n, "B/row")
	})
}
