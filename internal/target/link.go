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
// at which the kernel handed it over. One request at a time uses a link.
type link struct {
	net.Conn
	now   atomic.Pointer[Clock]
	sent  atomic.Int64 // just before the first write since arm
	read  atomic.Int64 // just after the latest read since arm
	first atomic.Int64 // when the first byte of the response had been read
}

func newLink(c net.Conn) *link {
	l := &link{Conn: c}
	l.sent.Store(never)
	l.read.Store(never)
	l.first.Store(never)
	return l
}

// arm starts the notes of one request, on its clock.
func (l *link) arm(now *Clock) {
	l.sent.Store(never)
	l.read.Store(never)
	l.first.Store(never)
	l.now.Store(now)
}

func (l *link) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if n > 0 {
		if now := l.now.Load(); now != nil {
			l.read.Store(int64((*now)()))
		}
	}
	return n, err
}

func (l *link) Write(p []byte) (int, error) {
	if now := l.now.Load(); now != nil && l.sent.Load() == never {
		l.sent.Store(int64((*now)()))
	}
	return l.Conn.Write(p)
}

// answered notes that the latest read held the response's first byte.
func (l *link) answered() { l.first.Store(l.read.Load()) }

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
