package chart_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"chimera/internal/chart"
	"chimera/internal/chart/paint"
	"chimera/internal/golden"
)

// change says what becomes of each part of a figure; nil keeps it.
type change struct {
	value func(chart.Value) chart.Value
	text  func(string) string
	float func(float64) float64
	empty bool // all lists become empty
}

// apply returns a deep copy of a figure with a change made everywhere in it.
func (c change) apply(f chart.Figure) chart.Figure {
	return c.copy(reflect.ValueOf(f)).Interface().(chart.Figure)
}

func (c change) copy(from reflect.Value) reflect.Value {
	to := reflect.New(from.Type()).Elem()
	switch from.Kind() {
	case reflect.Struct:
		if v, ok := from.Interface().(chart.Value); ok && c.value != nil {
			to.Set(reflect.ValueOf(c.value(v)))
			return to
		}
		for i := range from.NumField() {
			to.Field(i).Set(c.copy(from.Field(i)))
		}
	case reflect.Slice:
		if from.IsNil() || c.empty {
			return to
		}
		to.Set(reflect.MakeSlice(from.Type(), from.Len(), from.Len()))
		for i := range from.Len() {
			to.Index(i).Set(c.copy(from.Index(i)))
		}
	case reflect.Pointer:
		if !from.IsNil() {
			to.Set(reflect.New(from.Type().Elem()))
			to.Elem().Set(c.copy(from.Elem()))
		}
	case reflect.String:
		to.Set(from)
		if c.text != nil && from.Len() > 0 && from.Type() == reflect.TypeFor[string]() {
			to.SetString(c.text(from.String()))
		}
	case reflect.Float64:
		to.Set(from)
		if c.float != nil {
			to.SetFloat(c.float(from.Float()))
		}
	default:
		to.Set(from)
	}
	return to
}

// cycle returns the next of a list each time.
func cycle[T any](list ...T) func() T {
	i := -1
	return func() T { i++; return list[i%len(list)] }
}

var hostile = []string{
	"</script><script>alert(1)</script>", strings.Repeat("endless name ", 23) + "end", "שלום עולם 123", "👩‍🔬 emoji 🦙🦙", "\x00\xff\u202eevil\u2028line",
	"a\nb\tc", `quote " ' & <b>`, "var(--cx-fg)", "zr0-c1 url(#x)", "${x} {a|b}", "__proto__", "constructor",
}

// cases are the ways to treat every figure of the gallery.
func cases() map[string]func() change {
	return map[string]func() change{
		"empty": func() change { return change{empty: true} },
		"missing": func() change {
			return change{value: func(chart.Value) chart.Value { return missing("the server was gone") }}
		},
		"partly missing": func() change {
			next := cycle(false, true, false, false, true)
			return change{value: func(v chart.Value) chart.Value {
				if next() {
					return chart.Value{}
				}
				return v
			}}
		},
		"extreme": func() change {
			next := cycle(1e300, math.NaN(), -1e140, 5e-324, 0, math.Inf(1), 1e140, -1e-140, 3)
			ends := cycle(math.Inf(-1), 1e-200, math.NaN(), -5, 1e149)
			return change{float: func(float64) float64 { return next() }, value: func(v chart.Value) chart.Value {
				return chart.Value{V: next(), Lo: ends(), Hi: next(), N: v.N, Planned: v.Planned - 7}
			}}
		},
		"equal": func() change {
			return change{float: func(float64) float64 { return 7 }, value: func(v chart.Value) chart.Value { v.V, v.Lo, v.Hi = 7, 7, 7; return v }}
		},
		"hostile": func() change {
			next := cycle(hostile...)
			return change{text: func(string) string { return next() }}
		},
	}
}

// readable fails unless an option is JSON that can stand in a page and names
// only numbers that are some.
func readable(t testing.TB, d chart.Drawing) {
	t.Helper()
	if strings.Contains(d.Nothing(), "cannot be laid out") {
		t.Fatal(d.Nothing())
	}
	option := d.Option()
	if !json.Valid(option) || bytes.ContainsAny(option, "<\u2028") {
		t.Fatalf("the option cannot stand in a page: %.300s", option)
	}
	if bytes.Contains(option, []byte("NaN")) || bytes.Contains(option, []byte("Inf")) {
		t.Fatalf("the option names what is no number: %.300s", option)
	}
}

// sound fails unless a drawing is whole in all its forms.
func sound(t testing.TB, d chart.Drawing) []byte {
	t.Helper()
	readable(t, d)
	picture := svg(t, d, chart.Page)
	text := wellFormed(t, picture)
	for _, trace := range []string{"NaN", "Infinity", "undefined", "[object"} {
		if strings.Contains(text, trace) {
			t.Errorf("a label says %s", trace)
		}
	}
	if bytes.Contains(picture, []byte("NaN")) {
		t.Error("a coordinate is no number")
	}
	if _, err := paint.SVG(svg(t, d, chart.Dark), .25); err != nil {
		t.Error(err)
	}
	page, err := d.HTML(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, page)
	return picture
}

// TestEveryFigureInEveryCase compares what each figure says of bad data, with
// the sum of its drawing: the words are for a reviewer, the sum for the rest.
func TestEveryFigureInEveryCase(t *testing.T) {
	for name, treatment := range cases() {
		var said bytes.Buffer
		for _, e := range examples() {
			t.Run(name+"/"+e.name, func(t *testing.T) {
				d := chart.Draw(treatment().apply(e.figure))
				picture := sound(t, d)
				fmt.Fprintf(&said, "== %s %x\n%s\n\n", e.name, sha256.Sum256(picture), shortened(d.Alt()))
				if name == "empty" && (d.Nothing() == "" || !bytes.Contains(picture, []byte("No data"))) {
					t.Error("a figure without data does not say so")
				}
			})
		}
		if t.Failed() {
			continue
		}
		golden.Equal(t, "case-"+strings.ReplaceAll(name, " ", "-")+".txt", said.Bytes())
	}
}

// shortened keeps the golden files readable.
func shortened(s string) string {
	lines := strings.Split(s, "\n")
	if len(lines) > 9 {
		lines = append(lines[:8:8], lines[len(lines)-1])
	}
	for i, l := range lines {
		if r := []rune(l); len(r) > 200 {
			lines[i] = string(r[:200]) + " …"
		}
	}
	return strings.Join(lines, "\n")
}

// TestMissingValuesAreShown: no figure may drop a value silently.
func TestMissingValuesAreShown(t *testing.T) {
	why := "the server was gone"
	for _, e := range examples() {
		if e.name == "run-order" || e.name == "ecdf" || e.name == "timeline" || e.name == "decision" {
			continue // they have no values but rows, with reasons of their own
		}
		d := chart.Draw(change{value: func(chart.Value) chart.Value { return missing(why) }}.apply(e.figure))
		if !strings.Contains(d.Caption()+d.Alt(), why) {
			t.Errorf("%s does not say why its values are missing: %s", e.name, d.Alt())
		}
	}
}

// invented returns a change whose numbers and texts come from data.
func invented(data []byte) change {
	at := 0
	take := func(n int) []byte {
		out := make([]byte, n)
		for i := range out {
			if len(data) > 0 {
				out[i] = data[at%len(data)]
				at++
			}
		}
		return out
	}
	float := func() float64 {
		b := take(3)
		switch b[0] % 5 {
		case 0:
			return math.Float64frombits(binary.LittleEndian.Uint64(take(8)))
		case 1:
			return float64(int8(b[1]))
		}
		return (float64(b[1]) - 40) * math.Pow10(int(b[2]%13)-6)
	}
	return change{
		float: func(float64) float64 { return float() },
		text:  func(string) string { return string(take(int(take(1)[0] % 40))) },
		value: func(v chart.Value) chart.Value {
			return chart.Value{V: float(), Lo: float(), Hi: float(), N: int(int8(take(1)[0])), Planned: v.Planned}
		},
	}
}

// FuzzDraw lays the gallery's figures out with numbers and texts from the
// input. TestInventedFigures goes on to draw them: instrumented for fuzzing, the
// JavaScript machine is a hundred times slower.
func FuzzDraw(f *testing.F) {
	all := examples()
	for i := range all {
		f.Add(byte(i), []byte{0, 1, 2, 255, 127, 60, 62, 240, 159, 166, 153, byte(i), 7, 200, 3})
	}
	f.Add(byte(3), []byte("\x00\x00\x00\x00\x00\x00\xf0\x7f</script>"))
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		readable(t, chart.Draw(invented(data).apply(all[int(which)%len(all)].figure)))
	})
}

func TestInventedFigures(t *testing.T) {
	all := examples()
	r := noise(7)
	for i := range len(all) {
		data := make([]byte, 90)
		for k := range data {
			data[k] = byte(r.next() * 1e6)
		}
		t.Run(fmt.Sprintf("%s %d", all[i%len(all)].name, i), func(t *testing.T) {
			sound(t, chart.Draw(invented(data).apply(all[i%len(all)].figure)))
		})
	}
}
