package target

import (
	"bytes"
	"iter"
	"time"
)

// An Event is one record of a stream. At is the instant at which its last byte
// was read: the line end of its last data line. Events that came in one read
// share an instant; none is smoothed. Data is valid until the next event.
type Event struct {
	Name string // SSE: the event field, "" if none
	Data []byte
	At   time.Duration
}

// Framing cuts a recorded body into events.
type Framing func(*Tape) iter.Seq[Event]

var (
	_ Framing = (*Tape).SSE
	_ Framing = (*Tape).NDJSON
)

var bom = []byte("\xef\xbb\xbf")

// SSE cuts the tape into server-sent events (WHATWG HTML, 9.2.6): LF, CRLF and
// CR end a line, a colon starts a comment, data lines are joined by LF, an
// empty line dispatches. An event without data is none. Unlike the standard, a
// body that ends without the last empty line still dispatches what its
// complete lines hold: several servers leave it out after `data: [DONE]`.
func (t *Tape) SSE() iter.Seq[Event] {
	return func(yield func(Event) bool) {
		var name string
		var last int // end of the last data line
		has := false
		clock := hand{t: t}
		dispatch := func() bool {
			event := Event{Name: name, Data: t.data, At: 0}
			name = ""
			if !has {
				return true
			}
			has = false
			event.At = clock.at(last)
			return yield(event)
		}
		for line, end := range t.lines(true) {
			if len(line) == 0 {
				if !dispatch() {
					return
				}
				continue
			}
			field, value, _ := bytes.Cut(line, []byte(":"))
			value = bytes.TrimPrefix(value, []byte(" "))
			switch string(field) {
			case "data":
				if has {
					t.data = append(append(t.data, '\n'), value...)
				} else {
					t.data = append(t.data[:0], value...)
				}
				has, last = true, end
			case "event":
				name = string(value)
			}
		}
		dispatch()
	}
}

// NDJSON cuts the tape into lines that are not blank.
func (t *Tape) NDJSON() iter.Seq[Event] {
	return func(yield func(Event) bool) {
		clock := hand{t: t}
		for line, end := range t.lines(false) {
			line = bytes.TrimSpace(line)
			if len(line) == 0 {
				continue
			}
			t.data = append(t.data[:0], line...)
			if !yield(Event{Data: t.data, At: clock.at(end)}) {
				return
			}
		}
	}
}

// lines yields each line without its terminator, and the offset behind the
// terminator. With cr a lone CR ends a line too. The last line needs no
// terminator if the body ended by itself; of a broken body it may be half a
// line, and is left out.
func (t *Tape) lines(cr bool) iter.Seq2[[]byte, int] {
	return func(yield func([]byte, int) bool) {
		from := 0
		if t.n >= len(bom) && bytes.Equal(t.slice(0, len(bom)), bom) {
			from = len(bom)
		}
		nextCR := -1 // the first CR at or after from; t.n if there is none
		for from < t.n {
			end := t.index(from, '\n')
			stop := end // of the line's text
			if end < 0 {
				stop, end = t.n, t.n
			} else {
				end++
			}
			if cr {
				if nextCR < from {
					if nextCR = t.index(from, '\r'); nextCR < 0 {
						nextCR = t.n
					}
				}
				if nextCR < stop {
					if nextCR != stop-1 || end == stop {
						end = nextCR + 1 // a lone CR
					}
					stop = nextCR
				}
			}
			if stop == end && !t.clean {
				return
			}
			if !yield(t.slice(from, stop), end) {
				return
			}
			from = end
		}
	}
}
