package sample_test

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	"chimera/internal/sample"

	"pgregory.net/rapid"
)

// reference is the line as encoding/json writes it.
func reference(s *sample.Sample) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(s)
	return bytes.TrimRight(out.Bytes(), "\n"), err
}

// Law: a line is what encoding/json writes, to the byte: digests stand on it.
func TestLinesAreThoseOfEncodingJSON(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := anyRow(rt)
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "<&>", "\u2028\u2029", "\x7f\x00", "\xff\xc0", `"\`, "é"}))
		s.Trial, s.Experiment, s.Finish = text.Draw(rt, "trial"), text.Draw(rt, "experiment"), text.Draw(rt, "finish")
		s.Notes = rapid.SliceOfN(text, 0, 2).Draw(rt, "notes")
		s.SetText(text.Draw(rt, "text"))
		float := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1e15, -1e15, 1e20, 1e21, 1e-6, 1e-7, 0.1, 1 << 53, math.MaxFloat64}))
		s.Config = map[string]any{text.Draw(rt, "name"): float.Draw(rt, "value"), "b": text.Draw(rt, "word"), "c": []any{true, nil}, "d": map[string]any{"<": "&"}}
		s.Effective = rapid.SampledFrom([]map[string]any{nil, {}, {"n": 3, "m": int64(4), "f": float32(0.1)}}).Draw(rt, "effective")
		s.Server = rapid.SampledFrom([]json.RawMessage{nil, {}, []byte(`{"a": [1, 2 ],"b":"<\u2028>"}`), []byte("null"), []byte("{broken")}).Draw(rt, "server")
		s.Chunks = rapid.SampledFrom([][]sample.Chunk{nil, {}, {{At: 1, Chars: 2, Kind: sample.Content}, {At: -3, Kind: "odd"}}}).Draw(rt, "chunks")
		s.Synthetic = rapid.Bool().Draw(rt, "synthetic")
		if rapid.Bool().Draw(rt, "replanned") {
			s.Planned = sample.Some(sample.Cold)
		}
		want, wantErr := reference(s)
		got, err := sample.Append([]byte("before"), s)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%v, want %v", err, wantErr)
		}
		if err == nil && string(got) != "before"+string(want) {
			t.Fatalf("\n got %s\nwant %s", got[6:], want)
		}
	})
}

// A field that a later version adds must not be left out of the lines.
func TestLinesHaveEveryField(t *testing.T) {
	var s sample.Sample
	fill(t, reflect.ValueOf(&s).Elem())
	want, err := reference(&s)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := sample.Encode(&s); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
	s = sample.Sample{}
	want, err = reference(&s)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := sample.Encode(&s); err != nil || !bytes.Equal(got, want) {
		t.Errorf("empty: %v\n got %s\nwant %s", err, got, want)
	}
}

// fill gives every field a value.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		f := v.Field(i)
		if v.Type().Field(i).Tag.Get("json") == "-" {
			continue
		}
		switch opt := f.Addr().Interface().(type) {
		case *sample.Opt[int]:
			*opt = sample.Some(1)
			continue
		case *sample.Opt[time.Duration]:
			*opt = sample.Some(time.Duration(2))
			continue
		case *sample.Opt[string]:
			*opt = sample.Some("some")
			continue
		case *sample.Opt[sample.Phase]:
			*opt = sample.Some(sample.Cold)
			continue
		case *json.RawMessage:
			*opt = json.RawMessage(`{"a":1}`)
			continue
		case *[]sample.Chunk:
			*opt = []sample.Chunk{{At: 1, Chars: 1, Kind: sample.Content}}
			continue
		case *[]string:
			*opt = []string{"note"}
			continue
		case *map[string]any:
			*opt = map[string]any{"a": 1.5}
			continue
		case **sample.Failure:
			*opt = &sample.Failure{Class: "x", Message: "y"}
			continue
		}
		switch f.Kind() {
		case reflect.Struct:
			fill(t, f)
		case reflect.String:
			f.SetString("word")
		case reflect.Int:
			f.SetInt(7)
		case reflect.Bool:
			f.SetBool(true)
		default:
			t.Fatalf("a new field %s of type %s", v.Type().Field(i).Name, f.Type())
		}
	}
}
