package target

import (
	"net"
	"testing"
	"time"
)

// still is a connection on which every write and read succeeds at once.
type still struct{ net.Conn }

func (still) Read(p []byte) (int, error)  { return len(p), nil }
func (still) Write(p []byte) (int, error) { return len(p), nil }

// The next request may take a connection over while the answer before it is
// still being looked at: neither may see the other's instants.
func TestInstantsStayWithTheirRequest(t *testing.T) {
	var at time.Duration
	clock := func() time.Duration { at++; return at }
	l := newLink(still{})
	one, two := &reader{now: clock}, &reader{now: clock}
	for _, r := range []*reader{one, two} {
		r.sent.Store(never)
		r.follow(l)
		l.Write(make([]byte, 1))
		l.Read(make([]byte, 1))
		r.notes.Load().answered()
	}
	for i, r := range []*reader{one, two} {
		var a Answer
		r.note(&a)
		send, headers := a.T.Send.Or(0), a.T.Headers.Or(0)
		if want := time.Duration(2*i + 1); send != want || headers != want+1 || r.at() != want+1 {
			t.Errorf("request %d: sent at %d, answered at %d, last read at %d; want %d, %d, %d", i+1, send, headers, r.at(), want, want+1, want+1)
		}
	}
}
