package targettest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"chimera/internal/target"
)

// A Reply is what a scripted server writes to one request, byte for byte.
type Reply struct {
	Status  string // "200 OK" if empty
	Headers string // further header lines, each with CRLF
	Pieces  []string
	Gap     time.Duration // before each piece
	End     End
	Raw     string // instead of all the above
}

// End is how a reply ends.
type End int

const (
	Clean End = iota // the body's terminator
	Break            // the connection is closed without it
	Hang             // nothing more comes until the client closes
	Mute             // not even the header comes
)

// Pieces cuts body into pieces of the given length.
func Pieces(body string, length int) []string {
	var out []string
	for len(body) > 0 {
		n := min(length, len(body))
		out = append(out, body[:n])
		body = body[n:]
	}
	return out
}

// A Scripted server answers each request with the reply that Answer chooses.
// It runs inside a bubble, on a pipe, and sees every byte.
type Scripted struct {
	Answer func(*http.Request) Reply

	mu struct {
		sync.Mutex
		dials    int
		requests []*http.Request
		bodies   []string
	}
	wrote time.Time // when the first piece was written; read it after the answer
}

// Start serves until the test ends.
func (s *Scripted) Start(t *testing.T) target.Config {
	t.Helper()
	pipe := Listen()
	var all sync.WaitGroup
	conns := struct {
		sync.Mutex
		list []net.Conn
	}{}
	all.Go(func() {
		for {
			c, err := pipe.Accept()
			if err != nil {
				return
			}
			conns.Lock()
			conns.list = append(conns.list, c)
			conns.Unlock()
			all.Go(func() { s.serve(c) })
		}
	})
	t.Cleanup(func() {
		pipe.Close()
		conns.Lock()
		for _, c := range conns.list {
			c.Close()
		}
		conns.Unlock()
		all.Wait()
	})
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		s.mu.Lock()
		s.mu.dials++
		s.mu.Unlock()
		return pipe.Dial(ctx, network, address)
	}
	return target.Config{ID: "scripted", URL: "http://pipe", Dial: dial}
}

// Dials counts the connections made.
func (s *Scripted) Dials() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.dials
}

// Bodies returns the bodies of what came.
func (s *Scripted) Bodies() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.bodies
}

// Requests returns what came; its bodies are in Bodies.
func (s *Scripted) Requests() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.requests
}

func (s *Scripted) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.mu.requests = append(s.mu.requests, req)
		s.mu.bodies = append(s.mu.bodies, string(body))
		s.mu.Unlock()
		if s.write(c, r, s.Answer(req)) != nil {
			return
		}
	}
}

var errOver = errors.New("the reply ended the connection")

func (s *Scripted) write(c net.Conn, r io.Reader, reply Reply) error {
	if reply.Raw != "" {
		io.WriteString(c, reply.Raw)
		return errOver
	}
	if reply.End == Mute {
		io.Copy(io.Discard, r)
		return errOver
	}
	status := reply.Status
	if status == "" {
		status = "200 OK"
	}
	if _, err := fmt.Fprintf(c, "HTTP/1.1 %s\r\nTransfer-Encoding: chunked\r\n%s\r\n", status, reply.Headers); err != nil {
		return err
	}
	for i, p := range reply.Pieces {
		if reply.Gap > 0 {
			<-time.After(reply.Gap)
		}
		if i == 0 {
			s.wrote = time.Now()
		}
		if _, err := fmt.Fprintf(c, "%x\r\n%s\r\n", len(p), p); err != nil {
			return err
		}
	}
	switch reply.End {
	case Break:
		return errOver
	case Hang:
		io.Copy(io.Discard, r)
		return errOver
	}
	_, err := io.WriteString(c, "0\r\n\r\n")
	return err
}
