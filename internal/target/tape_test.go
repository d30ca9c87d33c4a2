package target_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"chimera/internal/target"
)

// pieces is a body that arrives in the given pieces, one millisecond apart.
type pieces struct {
	rest [][]byte
	at   time.Duration
	err  error // after the last piece
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, p.err
	}
	n := copy(b, p.rest[0])
	if n == len(p.rest[0]) {
		p.rest = p.rest[1:]
	} else {
		p.rest[0] = p.rest[0][n:]
	}
	p.at += time.Millisecond
	return n, nil
}

func (p *pieces) now() time.Duration { return p.at }

var wide = target.Limits{Line: 4 << 20, Response: 16 << 20}

func never([]byte) bool { return false }

// record plays body in pieces of the given sizes; the rest comes at once.
func record(t testing.TB, body string, err error, sizes ...int) *target.Tape {
	t.Helper()
	p := &pieces{err: err}
	rest := []byte(body)
	for _, n := range sizes {
		n = min(n, len(rest))
		if n > 0 {
			p.rest = append(p.rest, rest[:n:n])
		}
		rest = rest[n:]
	}
	if len(rest) > 0 {
		p.rest = append(p.rest, rest)
	}
	tape := target.NewTape()
	if got := tape.Record(p, p.now, wide, never); !errors.Is(got, err) && !(got == nil && err == io.EOF) {
		t.Fatalf("record: %v, want %v", got, err)
	}
	return tape
}

type event struct {
	Name, Data string
	At         time.Duration
}

func collect(events iter.Seq[target.Event]) []event {
	var out []event
	for e := range events {
		out = append(out, event{e.Name, string(e.Data), e.At})
	}
	return out
}

func TestSSEFraming(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name, body string
		want       []event
	}{
		{"two events in one read share an instant", "data: a\n\ndata: b\n\n", []event{{"", "a", ms}, {"", "b", ms}}},
		{"no space behind the colon", "data:a\n\n", []event{{"", "a", ms}}},
		{"only one space is dropped", "data:  a\n\n", []event{{"", " a", ms}}},
		{"CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", []event{{"", "a", ms}, {"", "b", ms}}},
		{"CR alone", "data: a\r\rdata: b\r\r", []event{{"", "a", ms}, {"", "b", ms}}},
		{"mixed line ends", "data: a\r\n\ndata: b\r\rdata: c\n\r\n", []event{{"", "a", ms}, {"", "b", ms}, {"", "c", ms}}},
		{"comments and keep-alives", ": hi\n\n:\n\ndata: a\n: mid\n\n", []event{{"", "a", ms}}},
		{"data lines are joined", "data: a\ndata: b\n\n", []event{{"", "a\nb", ms}}},
		{"an empty data line counts", "data\ndata: b\n\n", []event{{"", "\nb", ms}}},
		{"named event", "event: error\ndata: x\n\ndata: y\n\n", []event{{"error", "x", ms}, {"", "y", ms}}},
		{"an event without data is none", "event: ping\n\ndata: a\n\n", []event{{"", "a", ms}}},
		{"id and retry are ignored", "id: 1\nretry: 5\ndata: a\n\n", []event{{"", "a", ms}}},
		{"byte order mark", "\xef\xbb\xbfdata: a\n\n", []event{{"", "a", ms}}},
		{"no last empty line", "data: a\n\ndata: [DONE]\n", []event{{"", "a", ms}, {"", "[DONE]", ms}}},
		{"no last line end", "data: a\n\ndata: [DONE]", []event{{"", "a", ms}, {"", "[DONE]", ms}}},
		{"nothing", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			tape := record(t, c.body, io.EOF)
			defer tape.Free()
			if diff := cmp.Diff(c.want, collect(tape.SSE())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNDJSONFraming(t *testing.T) {
	tape := record(t, "{\"a\":1}\r\n\n{\"b\":2}\n{\"c\"", io.EOF)
	defer tape.Free()
	want := []event{{"", `{"a":1}`, time.Millisecond}, {"", `{"b":2}`, time.Millisecond}, {"", `{"c"`, time.Millisecond}}
	if diff := cmp.Diff(want, collect(tape.NDJSON())); diff != "" {
		t.Error(diff)
	}
}

// Half a line that a broken connection left behind is no record.
func TestFramingLeavesOutTheTornTail(t *testing.T) {
	for name, frame := range map[string]target.Framing{"sse": (*target.Tape).SSE, "ndjson": (*target.Tape).NDJSON} {
		tape := record(t, "data: {\"a\":1}\n\ndata: {\"b\"", io.ErrUnexpectedEOF)
		if got := collect(frame(tape)); len(got) != 1 {
			t.Errorf("%s: %q", name, got)
		}
		tape.Free()
	}
}

// An event has the instant of the read that brought the end of its last data
// line, wherever the network cut the stream.
func TestEventsKeepTheInstantOfTheirLastByte(t *testing.T) {
	const body = "data: {\"x\":\"日\"}\r\n\r\n: c\ndata: b\ndata: c\n\n"
	ends := []int{strings.Index(body, "\r\n") + 2, strings.Index(body, "data: c\n") + len("data: c\n")}
	whole := collect(record(t, body, io.EOF).SSE())
	for first := 1; first < len(body); first++ {
		for second := 1; first+second < len(body); second++ {
			tape := record(t, body, io.EOF, first, second)
			got := collect(tape.SSE())
			tape.Free()
			if len(got) != len(whole) {
				t.Fatalf("cut %d+%d: %d events, want %d", first, second, len(got), len(whole))
			}
			for i, e := range got {
				at := 1
				for _, cut := range []int{first, first + second} {
					if cut < ends[i] {
						at++
					}
				}
				if e.Data != whole[i].Data || e.At != time.Duration(at)*time.Millisecond {
					t.Fatalf("cut %d+%d: event %d is %q at %v, want %q at %d ms", first, second, i, e.Data, e.At, whole[i].Data, at)
				}
			}
		}
	}
}

// Lines longer than a block, across blocks and across pools, come back whole.
func TestLongLinesComeBackWhole(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var body strings.Builder
		var want []string
		for range rapid.IntRange(1, 6).Draw(r, "lines") {
			n := rapid.OneOf(rapid.IntRange(1, 40), rapid.IntRange(16000, 40000)).Draw(r, "length")
			line := strings.Repeat(rapid.StringMatching(`[a-z]{1,7}`).Draw(r, "text"), n)[:n]
			want = append(want, line)
			fmt.Fprintf(&body, "data: %s\n\n", line)
		}
		tape := record(t, body.String(), io.EOF, rapid.SliceOfN(rapid.IntRange(1, 20000), 0, 8).Draw(r, "reads")...)
		defer tape.Free()
		got := collect(tape.SSE())
		if len(got) != len(want) {
			r.Fatalf("%d events, want %d", len(got), len(want))
		}
		last := time.Duration(0)
		for i, e := range got {
			if e.Data != want[i] || e.At < last {
				r.Fatalf("event %d: %d bytes at %v, want %d bytes at or after %v", i, len(e.Data), e.At, len(want[i]), last)
			}
			last = e.At
		}
	})
}

func TestRecordStopsAtTheMarker(t *testing.T) {
	const body = "data: a\n\ndata: [DONE]\n\ndata: more\n\n"
	for cut := 1; cut < len(body); cut++ {
		p := &pieces{rest: [][]byte{[]byte(body[:cut]), []byte(body[cut:])}, err: errors.New("read past the marker")}
		tape := target.NewTape()
		if err := tape.Record(p, p.now, wide, target.ChatFinal); err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if got := collect(tape.SSE()); len(got) < 2 || got[1].Data != "[DONE]" {
			t.Fatalf("cut at %d: %q", cut, got)
		}
		tape.Free()
	}
}

func TestRecordKeepsItsBounds(t *testing.T) {
	line := strings.Repeat("x", 100) + "\n"
	for _, c := range []struct {
		name   string
		limits target.Limits
		body   string
		ok     bool
	}{
		{"within both", target.Limits{Line: 200, Response: 2000}, strings.Repeat(line, 10), true},
		{"response", target.Limits{Line: 200, Response: 500}, strings.Repeat(line, 10), false},
		{"line", target.Limits{Line: 60, Response: 5000}, strings.Repeat("x", 100), false},
	} {
		p := &pieces{err: io.EOF}
		for b := []byte(c.body); len(b) > 0; b = b[min(50, len(b)):] {
			p.rest = append(p.rest, b[:min(50, len(b))])
		}
		tape := target.NewTape()
		err := tape.Record(p, p.now, c.limits, never)
		if (err == nil) != c.ok {
			t.Errorf("%s: error %v", c.name, err)
		}
		if got, most := tape.Len(), c.limits.Response+50; got > most {
			t.Errorf("%s: held %d bytes, at most %d may be", c.name, got, most)
		}
		tape.Free()
	}
}

func TestRecordGivesUpOnAReaderThatGivesNothing(t *testing.T) {
	p := &pieces{err: nil}
	if err := target.NewTape().Record(p, p.now, wide, never); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("error %v, want no progress", err)
	}
}

// endless is a body of n equal chunks, without memory of its own.
type endless struct {
	chunk []byte
	rest  []byte // of the chunk at hand
	left  int
	ticks time.Duration
}

func (e *endless) Read(b []byte) (int, error) {
	if len(e.rest) == 0 {
		if e.left == 0 {
			return 0, io.EOF
		}
		e.left--
		e.rest = e.chunk
	}
	e.ticks++
	n := copy(b, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func (e *endless) now() time.Duration { return e.ticks }

var chunk = []byte(`data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1795467193,"model":"m","choices":[{"index":0,"delta":{"content":" token"},"finish_reason":null}]}` + "\n\n")

// Recording costs no allocation per chunk: a collection between two tokens
// would be measured as the runtime's.
func TestRecordingAllocatesNothing(t *testing.T) {
	body := &endless{chunk: chunk}
	at := body.now
	limits := target.DefaultLimits
	run := func() {
		body.left = 1000
		tape := target.NewTape()
		if err := tape.Record(body, at, limits, target.ChatFinal); err != nil {
			t.Fatal(err)
		}
		tape.Free()
	}
	run()
	// A collection, and the race detector, take memory out of the pool: then a
	// tape and its blocks are made anew, which is far from once per chunk.
	if n := testing.AllocsPerRun(20, run); n > 40 {
		t.Errorf("recording 1000 chunks allocates %v times", n)
	}
}

func BenchmarkRecord(b *testing.B) {
	body := &endless{chunk: chunk}
	at := body.now
	b.ReportAllocs()
	b.SetBytes(int64(len(chunk)))
	body.left = b.N
	tape := target.NewTape()
	b.ResetTimer()
	for done := 0; done < b.N; done += 1000 {
		body.left = min(1000, b.N-done)
		if err := tape.Record(body, at, target.DefaultLimits, target.ChatFinal); err != nil {
			b.Fatal(err)
		}
		tape.Free()
		tape = target.NewTape()
	}
}

func BenchmarkDecode(b *testing.B) {
	tape := target.NewTape()
	body := &endless{chunk: chunk, left: 100}
	if err := tape.Record(body, body.now, target.DefaultLimits, nil); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		a, s := target.Answer{}, target.ChatStream{}
		for e := range tape.SSE() {
			s.Decode(&a, e)
		}
		if len(a.Chunks) != 100 {
			b.Fatal(len(a.Chunks))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/chunk")
}

// FuzzFraming: the same bytes give the same events wherever they are cut, and
// no event is invented: its data stand in the body.
func FuzzFraming(f *testing.F) {
	for _, seed := range []string{"data: a\n\ndata: b\r\n\r\n", "\xef\xbb\xbf: c\rdata: x\rdata: y\r\r", "{\"a\":1}\n{\"b\":2}",
		"event: error\ndata: {}\n\ndata: [DONE]\n\n", "data\n\n\n\ndata:\xff\n\n"} {
		f.Add([]byte(seed), 3, 5)
	}
	f.Fuzz(func(t *testing.T, body []byte, first, second int) {
		if len(body) > 1<<16 {
			return
		}
		first, second = max(first, 0), max(second, 0)
		for name, frame := range map[string]target.Framing{"sse": (*target.Tape).SSE, "ndjson": (*target.Tape).NDJSON} {
			whole, cut := record(t, string(body), io.EOF), record(t, string(body), io.EOF, first, second)
			want, got := collect(frame(whole)), collect(frame(cut))
			whole.Free()
			cut.Free()
			if len(got) != len(want) {
				t.Fatalf("%s: %d events when cut, %d whole", name, len(got), len(want))
			}
			for i := range got {
				if got[i].Data != want[i].Data || got[i].Name != want[i].Name {
					t.Fatalf("%s: event %d is %q when cut, %q whole", name, i, got[i], want[i])
				}
				if !strings.Contains(got[i].Data, "\n") && !bytes.Contains(body, []byte(got[i].Data)) {
					t.Fatalf("%s: event %d is not in the body: %q", name, i, got[i].Data)
				}
			}
		}
	})
}
