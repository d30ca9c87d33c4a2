package targettest

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"chimera/internal/sample"
	"chimera/internal/target"
)

// A Dialect writes one protocol's records, each with its terminator. A nil
// function means that the protocol has no such record.
type Dialect struct {
	Open      func(*testing.T, target.Config) target.Target
	Content   func(text string) string
	Role      func() string
	Reasoning func(text string) string
	Tool      func(name, arguments string) string
	Error     func(message string) string
	Final     func(Counts) string // all the records that end an answer
	Ends      []sample.Kind       // the kinds of Final's chunks
	NoTimes   bool                // Final tells no durations
	NoCached  bool                // Final tells no cached tokens
	SSE       bool
}

// Counts is what a final record tells. Zero counts and durations are written
// as the protocol writes zeros; Nothing leaves all of them out.
type Counts struct {
	Prompt, Cached, Output int
	PromptEval, Eval       time.Duration
	Nothing                bool
}

// usual is a final record of an answer with n tokens.
func usual(n int) Counts {
	return Counts{Prompt: 12, Output: n, PromptEval: 30 * time.Millisecond, Eval: time.Duration(n-1) * 10 * time.Millisecond}
}

// A Stream is one body that a runtime may send, and what must come of it.
type Stream struct {
	Name    string
	Body    string
	End     End
	Outcome sample.Outcome
	Class   string
	Kinds   []sample.Kind
	Text    string // "" = none
	Tokens  sample.Tokens
	Times   sample.ServerTimes
	Message string // part of the failure's
	Once    bool   // too long to be cut at every byte
}

// Streams plays every stream that a runtime may send, as far as d's protocol
// has it.
func Streams(t *testing.T, d Dialect) { Play(t, d, d.streams()) }

// Play plays streams to the adapter: each in one piece, byte by byte, and cut
// in two at many places. The observation must not depend on the cuts, but for
// the instants; and each instant must be that of a line's last byte.
func Play(t *testing.T, d Dialect, streams []Stream) {
	for _, s := range streams {
		t.Run(s.Name, func(t *testing.T) {
			cuts := [][]string{{s.Body}}
			if s.Body == "" {
				cuts = [][]string{nil}
			}
			if !s.Once && s.Body != "" {
				cuts = append(cuts, Pieces(s.Body, 1))
				for at := 1; at < len(s.Body); at += 1 + len(s.Body)/16 {
					cuts = append(cuts, []string{s.Body[:at], s.Body[at:]})
				}
			}
			for _, pieces := range cuts {
				synctest.Test(t, func(t *testing.T) { d.play(t, s, pieces) })
			}
		})
	}
}

const pieceGap = time.Millisecond

func (d Dialect) play(t *testing.T, s Stream, pieces []string) {
	server := &Scripted{Answer: func(*http.Request) Reply { return Reply{Pieces: pieces, Gap: pieceGap, End: s.End} }}
	tgt := d.Open(t, server.Start(t))
	defer tgt.Close()
	origin := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o := tgt.Stream(ctx, Question(), func() time.Duration { return time.Since(origin) })
	Valid(t, o)
	s.check(t, o)
	checkInstants(t, o, pieces, server.wrote.Sub(origin))
	if s.End == Hang && s.Outcome == sample.OK && o.T.End.Or(0) > time.Duration(len(pieces))*pieceGap {
		t.Errorf("the end was noticed at %v only", o.T.End.Or(0))
	}
}

// Question is a request that every adapter can send.
func Question() target.Request {
	return target.Request{Model: "m", Prompt: "why?", MaxTokens: 16, Seed: 3, Config: map[string]any{}}
}

func (s Stream) check(t *testing.T, o sample.Observation) {
	t.Helper()
	class, message := "", ""
	if o.Failure != nil {
		class, message = o.Failure.Class, o.Failure.Message
	}
	if o.Outcome != s.Outcome || class != s.Class || !strings.Contains(message, s.Message) {
		t.Errorf("outcome %s (%s: %s), want %s (%s: …%s…)", o.Outcome, class, message, s.Outcome, s.Class, s.Message)
	}
	var kinds []sample.Kind
	for _, c := range o.Chunks {
		kinds = append(kinds, c.Kind)
	}
	if diff := cmp.Diff(s.Kinds, kinds); diff != "" {
		t.Errorf("chunks:\n%s", diff)
	}
	if got := o.Text.Or(""); got != s.Text {
		t.Errorf("text %.80q, want %.80q", got, s.Text)
	}
	if carries := slices.ContainsFunc(kinds, sample.Kind.Carries); o.T.First.OK() != carries || o.Text.OK() != carries {
		t.Errorf("text in the chunks: %t, first observed: %t, text observed: %t", carries, o.T.First.OK(), o.Text.OK())
	}
	if o.Tokens != s.Tokens {
		t.Errorf("tokens %+v, want %+v", o.Tokens, s.Tokens)
	}
	if o.Times != s.Times {
		t.Errorf("server times %+v, want %+v", o.Times, s.Times)
	}
}

// checkInstants holds every chunk to the instant at which the last byte of a
// line was written.
func checkInstants(t *testing.T, o sample.Observation, pieces []string, first time.Duration) {
	t.Helper()
	may := map[time.Duration]bool{}
	for i, p := range pieces {
		if strings.ContainsAny(p, "\n\r") || i == len(pieces)-1 {
			may[first+time.Duration(i)*pieceGap] = true
		}
	}
	for i, c := range o.Chunks {
		if !may[c.At] {
			t.Errorf("chunk %d (%s) is at %v, where no line ended", i, c.Kind, c.At)
		}
		if len(pieces) == 1 && c.At != o.Chunks[0].At {
			t.Errorf("chunk %d is at %v, but came in one read with the first at %v", i, c.At, o.Chunks[0].At)
		}
	}
}

// told is what the adapter must make of c.
func (d Dialect) told(c Counts) (sample.Tokens, sample.ServerTimes) {
	var tokens sample.Tokens
	var times sample.ServerTimes
	if c.Nothing {
		return tokens, times
	}
	tokens = sample.Tokens{Prompt: sample.Some(c.Prompt), Output: sample.Some(c.Output), Source: sample.FromServer}
	if !d.NoCached {
		tokens.Cached = sample.Some(c.Cached)
	}
	if d.NoTimes {
		return tokens, times
	}
	if c.PromptEval > 0 {
		times.PromptEval = sample.Some(c.PromptEval)
	}
	if c.Output > 1 && c.Eval > 0 {
		times.Eval, times.EvalSteps = sample.Some(c.Eval), sample.Some(c.Output-1)
	}
	return tokens, times
}

// good is a stream that ends well with the final record c.
func (d Dialect) good(name, body string, c Counts, text string, kinds ...sample.Kind) Stream {
	s := Stream{Name: name, Body: body + d.Final(c), Outcome: sample.OK, Text: text, Kinds: append(kinds, d.Ends...)}
	s.Tokens, s.Times = d.told(c)
	return s
}

func (d Dialect) streams() []Stream {
	text := d.Content("Hel") + d.Content("lo")
	two := []sample.Kind{sample.Content, sample.Content}
	list := []Stream{
		d.good("two pieces", text, usual(2), "Hello", two...),
		d.good("one token", d.Content("Hi"), usual(1), "Hi", sample.Content),
		d.good("empty content first", d.Content("")+text, usual(2), "Hello", sample.Empty, sample.Content, sample.Content),
		d.good("a cached prompt", text, Counts{Prompt: 12, Cached: 11, Output: 2, PromptEval: time.Millisecond, Eval: 1}, "Hello", two...),
		d.good("durations of zero are absent", text, Counts{Prompt: 12, Output: 2}, "Hello", two...),
		d.good("no counts and no durations", text, Counts{Nothing: true}, "Hello", two...),
		d.good("several bytes in a character", d.Content("日本")+d.Content("🦜é"), usual(2), "日本🦜é", two...),
		d.good("quoted end marks in the text", d.Content(`"done":true "stop":true data: [DONE]`)+d.Content("\n\ndata: x"), usual(2),
			`"done":true "stop":true data: [DONE]`+"\n\ndata: x", two...),
	}
	carried := d.good("line ends with a carriage return", text, usual(2), "Hello", two...)
	carried.Body = strings.ReplaceAll(carried.Body, "\n", "\r\n")
	hang := d.good("the connection stays open after the end", text, usual(2), "Hello", two...)
	hang.End = Hang
	long := strings.Repeat("0123456789abcdef", 1<<16)
	megabyte := d.good("a line of 1 MiB", d.Content(long), usual(2), long, sample.Content)
	megabyte.Once = true
	empty := d.good("no token", "", Counts{Prompt: 12, PromptEval: time.Millisecond}, "")
	empty.Outcome, empty.Class = sample.Degenerate, sample.ClassNoTokens
	half := d.Content("again")
	list = append(list, carried, hang, megabyte, empty,
		Stream{Name: "no final record", Body: text, Outcome: sample.Cut, Class: sample.ClassNoEnd, Text: "Hello", Kinds: two},
		Stream{Name: "nothing at all", Outcome: sample.Cut, Class: sample.ClassNoEnd},
		Stream{Name: "a reset after two records", Body: text, End: Break, Outcome: sample.Error, Class: sample.ClassReset, Text: "Hello", Kinds: two},
		Stream{Name: "a reset inside a record", Body: text + half[:len(half)-4], End: Break, Outcome: sample.Error, Class: sample.ClassReset, Text: "Hello", Kinds: two},
		Stream{Name: "a stall after two records", Body: text, End: Hang, Outcome: sample.Timeout, Class: sample.ClassTimeout, Text: "Hello", Kinds: two},
		Stream{Name: "a stall before any text", Body: "", End: Hang, Outcome: sample.Timeout, Class: sample.ClassFirstToken},
		Stream{Name: "an error inside the stream", Body: text + d.Error("out of memory"), Outcome: sample.Error, Class: sample.ClassServer, Text: "Hello", Kinds: two, Message: "out of memory"},
		Stream{Name: "a record that is no JSON", Body: text + strings.Replace(half, "{", "{{", 1), Outcome: sample.Error, Class: sample.ClassProtocol, Text: "Hello", Kinds: two},
	)
	return append(list, d.optional(text)...)
}

// optional are the streams of which not every protocol is capable.
func (d Dialect) optional(text string) []Stream {
	var list []Stream
	if d.Role != nil {
		list = append(list, d.good("a role alone first", d.Role()+text, usual(2), "Hello", sample.Role, sample.Content, sample.Content))
	}
	if d.Reasoning != nil {
		list = append(list, d.good("reasoning, then content", d.Reasoning("hm, ")+d.Reasoning("so")+text, usual(4), "Hello",
			sample.Reasoning, sample.Reasoning, sample.Content, sample.Content))
	}
	if d.Tool != nil {
		list = append(list, d.good("a tool call alone", d.Tool("clock", `{"zone":"UTC"}`), usual(5), "", sample.Tool))
	}
	if d.SSE {
		comment := d.good("comments between the records", ": ping\n\n"+d.Content("Hel")+":\n\n: keep-alive\n\n"+d.Content("lo"), usual(2), "Hello", sample.Content, sample.Content)
		bare := d.good("no space behind data:", strings.ReplaceAll(text, "data: ", "data:"), usual(2), "Hello", sample.Content, sample.Content)
		mark := d.good("a byte order mark", "\ufeff"+text, usual(2), "Hello", sample.Content, sample.Content)
		list = append(list, comment, bare, mark)
	}
	return list
}

// Sent is what an adapter wrote for one request.
type Sent struct {
	Path string
	Body map[string]any
}

// Sends returns what an adapter writes for req, to a server that answers
// nothing of use.
func Sends(t *testing.T, open func(*testing.T, target.Config) target.Target, req target.Request) Sent {
	t.Helper()
	var sent Sent
	synctest.Test(t, func(t *testing.T) {
		server := &Scripted{Answer: func(*http.Request) Reply { return Reply{Status: "418 I'm a teapot"} }}
		tgt := open(t, server.Start(t))
		defer tgt.Close()
		tgt.Stream(t.Context(), req, Clock())
		if len(server.Requests()) != 1 {
			t.Fatalf("%d requests for one", len(server.Requests()))
		}
		sent.Path = server.Requests()[0].URL.Path
		if err := json.Unmarshal([]byte(server.Bodies()[0]), &sent.Body); err != nil {
			t.Fatal(err)
		}
	})
	return sent
}
