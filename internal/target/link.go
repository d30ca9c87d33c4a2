package target

import (
	"crypto/tls"
	"math"
	"net"
	"sync/atomic"
	"time"
)

// never marks an instant that has not come.
const never = math.MinInt64

// A link is a connection that notes when its bytes moved, below TLS and below
// every buffer of net/http: a chunk that waited in a buffer keeps the instant
// at which the kernel handed it over.
type link struct {
	net.Conn
	notes atomic.Pointer[notes] // of the request that holds the connection
}

func newLink(c net.Conn) *link { return &link{Conn: c} }

// notes are one request's instants on a link. Each request has its own: the
// next one may take the connection over as soon as the last byte of an answer
// was read, while that answer is still being looked at.
type notes struct {
	now   Clock
	sent  atomic.Int64 // just before the first write
	read  atomic.Int64 // just after the latest read
	first atomic.Int64 // when the first byte of the response had been read
}

// arm starts the notes of one request, on its clock.
func (l *link) arm(now Clock) *notes {
	n := &notes{now: now}
	n.sent.Store(never)
	n.read.Store(never)
	n.first.Store(never)
	l.notes.Store(n)
	return n
}

func (l *link) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if n > 0 {
		if at := l.notes.Load(); at != nil {
			at.read.Store(int64(at.now()))
		}
	}
	return n, err
}

func (l *link) Write(p []byte) (int, error) {
	if at := l.notes.Load(); at != nil && at.sent.Load() == never {
		at.sent.Store(int64(at.now()))
	}
	return l.Conn.Write(p)
}

// answered notes that the latest read held the response's first byte.
func (n *notes) answered() { n.first.Store(n.read.Load()) }

// linkOf finds the link below any layers of TLS.
func linkOf(c net.Conn) *link {
	for {
		switch conn := c.(type) {
		case *link:
			return conn
		case *tls.Conn:
			c = conn.NetConn()
		default:
			return nil
		}
	}
}

func instant(v *atomic.Int64) (time.Duration, bool) {
	at := v.Load()
	return time.Duration(at), at != never
}
