package sample_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"chimera/internal/sample"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// good is a row that breaks no invariant.
func good() *sample.Sample {
	ms := func(n int) sample.Opt[time.Duration] {
		return sample.Some(time.Duration(n) * time.Millisecond)
	}
	s := &sample.Sample{
		Schema: sample.Schema, Run: "r", Trial: "t/b0/0001", Experiment: "t", Subject: "270m", Target: "box",
		Workload: "banter", Prompt: "banter/loot", Config: map[string]any{"num_ctx": 1024.0, "temperature": 0.2},
		Phase: sample.Measure, Provenance: sample.Measured, Final: true,
	}
	s.Outcome = sample.OK
	s.T = sample.Timeline{Sched: ms(0), Send: ms(1), Headers: ms(2), First: ms(10), Last: ms(30), End: ms(31)}
	s.Chunks = []sample.Chunk{{At: 10 * time.Millisecond, Chars: 3, Kind: sample.Content}, {At: 30 * time.Millisecond, Kind: sample.Done}}
	s.Tokens = sample.Tokens{Prompt: sample.Some(12), Cached: sample.Some(0), Output: sample.Some(2), Source: sample.FromServer}
	s.Times = sample.ServerTimes{Eval: ms(20), EvalSteps: sample.Some(1)}
	s.SetText("<b>&")
	return s
}

var optEqual = cmp.Options{
	cmp.Comparer(func(a, b sample.Opt[time.Duration]) bool { return a == b }),
	cmp.Comparer(func(a, b sample.Opt[int]) bool { return a == b }),
	cmp.Comparer(func(a, b sample.Opt[string]) bool { return a == b }),
	cmp.Comparer(func(a, b sample.Opt[sample.Phase]) bool { return a == b }),
}

func TestLineRoundTrip(t *testing.T) {
	var out strings.Builder
	if err := sample.Write(&out, good()); err != nil {
		t.Fatal(err)
	}
	var got []*sample.Sample
	if err := sample.Read(strings.NewReader(out.String()+"\n"), func(s *sample.Sample) error {
		got = append(got, s)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 {
		t.Fatalf("read %d samples, want 1", len(got))
	}
	if d := cmp.Diff(good(), got[0], optEqual); d != "" {
		t.Error(d)
	}
	for _, want := range []string{`"t":{"sched":0,"send":1000000,`, `"chunks":[[10000000,3,"content"],[30000000,0,"done"]]`, `"cached":0`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("line lacks %s:\n%s", want, out.String())
		}
	}
}

// A row that says it was constrained asked for something else, and a line of an
// earlier build is read as one that was not.
func TestConstrainedRowsAskForSomethingElse(t *testing.T) {
	free, bound := good(), good()
	bound.ConstraintSHA256 = "c"
	if free.Asked() == bound.Asked() || free.Asked() != free.PromptSHA256 {
		t.Errorf("asked %q and %q", free.Asked(), bound.Asked())
	}
	for want, s := range map[string]*sample.Sample{"": free, "c": bound} {
		line, err := sample.Encode(s)
		if err != nil {
			t.Fatal(err)
		}
		back, err := sample.Decode(line)
		if err != nil || back.ConstraintSHA256 != want || strings.Contains(string(line), "constraint") != (want != "") {
			t.Errorf("%v, %s", err, line)
		}
	}
}

// Law 1: absent is not zero, in either direction.
func TestAbsentIsNotZero(t *testing.T) {
	s := good()
	s.T.Headers, s.Tokens.Cached = sample.None[time.Duration](), sample.None[int]()
	b, err := sample.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), "headers") || strings.Contains(string(b), "cached") {
		t.Errorf("an absent field was written: %s", b)
	}
	back, err := sample.Decode(b)
	if err != nil || back.T.Headers.OK() || back.Tokens.Cached.OK() || !back.T.Sched.OK() {
		t.Errorf("absent became present or a real zero was lost: %+v, %v", back, err)
	}
	var o sample.Opt[int]
	if err := json.Unmarshal([]byte("null"), &o); err != nil || o.OK() {
		t.Errorf("null must read as absent: %v %v", o, err)
	}
}

func TestOptRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := sample.Some(rapid.Int().Draw(t, "v"))
		b, _ := json.Marshal(want)
		var got sample.Opt[int]
		if err := json.Unmarshal(b, &got); err != nil || got != want {
			t.Fatalf("%s: %v, %v", b, got, err)
		}
	})
}

func TestValidate(t *testing.T) {
	at := func(n int) sample.Opt[time.Duration] { return sample.Some(time.Duration(n)) }
	for _, c := range []struct {
		name  string
		spoil func(*sample.Sample)
		want  string
	}{
		{"a good row breaks nothing", func(s *sample.Sample) {}, ""},
		{"sent before planned", func(s *sample.Sample) { s.T.Sched = at(2e9) }, "send at"},
		{"first after last", func(s *sample.Sample) { s.T.Last = at(5e6) }, "last at"},
		{"order holds across absent instants", func(s *sample.Sample) {
			s.T.Headers = sample.None[time.Duration]()
			s.T.First = at(0)
		}, "first at"},
		{"last without first", func(s *sample.Sample) { s.T.First = sample.None[time.Duration]() }, "both"},
		{"a zero duration is not a speed", func(s *sample.Sample) { s.Times.Eval = at(0) }, "not a duration"},
		{"negative tokens", func(s *sample.Sample) { s.Tokens.Output = sample.Some(-1) }, "below 0"},
		{"more cached than prompt", func(s *sample.Sample) { s.Tokens.Cached = sample.Some(13) }, "13 of 12"},
		{"ok with a failure", func(s *sample.Sample) { s.Failure = &sample.Failure{Message: "x"} }, "ok with a failure"},
		{"failed without a reason", func(s *sample.Sample) { s.Outcome = sample.Cut }, "without a reason"},
		{"ok without a first chunk", func(s *sample.Sample) {
			s.T.First, s.T.Last = sample.None[time.Duration](), sample.None[time.Duration]()
		}, "without a first chunk"},
		{"an imported row may lack instants", func(s *sample.Sample) {
			s.Provenance, s.T = sample.Imported, sample.Timeline{}
		}, ""},
		{"chunks out of order", func(s *sample.Sample) { s.Chunks[1].At = 0 }, "chunk 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := good()
			c.spoil(s)
			var text []string
			for _, err := range s.Validate() {
				text = append(text, err.Error())
			}
			got := strings.Join(text, "; ")
			if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestReadNamesTheLine(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"broken JSON", "\n{\"schema\":1}\n{\"schema\":1", "line 3"},
		{"a schema of the future", `{"schema":99}`, "schema is 99"},
		{"no schema", `{}`, "schema is 0"},
		{"a chunk of two", `{"schema":1,"chunks":[[1,2]]}`, "[ns, chars, kind]"},
		{"a chunk of four", `{"schema":1,"chunks":[[1,2,"content",4]]}`, "[ns, chars, kind]"},
		{"a chunk at no number", `{"schema":1,"chunks":[[1.5,2,"content"]]}`, "[ns, chars, kind]"},
		{"a chunk of no word", `{"schema":1,"chunks":[[1,2,"a\"b"]]}`, "not a word"},
	} {
		err := sample.Read(strings.NewReader(c.in), func(*sample.Sample) error { return nil })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

func BenchmarkCodec(b *testing.B) {
	s := good()
	for range 64 {
		s.Chunks = append(s.Chunks, s.Chunks[0])
	}
	line, err := sample.Encode(s)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := sample.Encode(s); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := sample.Decode(line); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	b, _ := sample.Encode(good())
	f.Add(b)
	f.Add([]byte(`{"schema":1,"chunks":[[1,2,"content"]],"t":{"send":null}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := sample.Decode(b)
		if err != nil {
			return
		}
		again, err := sample.Encode(s)
		if err != nil {
			t.Fatalf("decoded but not encodable: %v", err)
		}
		if _, err := sample.Decode(again); err != nil {
			t.Fatalf("own output unreadable: %v\n%s", err, again)
		}
	})
}
