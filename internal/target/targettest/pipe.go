package targettest

import (
	"context"
	"errors"
	"net"
	"sync"
)

// A Pipe is a listener in memory, so that a client and a server can talk inside
// a synctest bubble. A write blocks until it is read.
type Pipe struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// Listen returns a Pipe.
func Listen() *Pipe { return &Pipe{conns: make(chan net.Conn), done: make(chan struct{})} }

var errPipeClosed = errors.New("connection refused: the pipe is closed")

// Dial connects to the pipe, whatever the address says.
func (p *Pipe) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.done:
		return nil, errPipeClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Accept implements net.Listener.
func (p *Pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. It is idempotent.
func (p *Pipe) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

// Addr implements net.Listener.
func (p *Pipe) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
