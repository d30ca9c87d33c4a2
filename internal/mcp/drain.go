package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// draining is a transport that answers what was asked before the other side
// closed its stream. The SDK drops those answers, so that `chimera mcp
// <session.jsonl` would print nothing.
type draining struct{ sdk.Transport }

func (t draining) Connect(ctx context.Context) (sdk.Connection, error) {
	c, err := t.Transport.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &drainingConn{Connection: c, closed: make(chan struct{}), changed: make(chan struct{}, 1), asked: map[string]bool{}}, nil
}

type drainingConn struct {
	sdk.Connection
	once    sync.Once
	closed  chan struct{}
	changed chan struct{} // holds a token after a question was settled

	mu    sync.Mutex
	asked map[string]bool // ids of questions without an answer
}

func (c *drainingConn) Read(ctx context.Context) (jsonrpc.Message, error) {
	m, err := c.Connection.Read(ctx)
	if errors.Is(err, io.EOF) {
		c.wait(ctx)
	}
	if r, ok := m.(*jsonrpc.Request); ok {
		c.note(r)
	}
	return m, err
}

// note remembers a question, and forgets one that the asker has given up: it is
// not answered.
func (c *drainingConn) note(r *jsonrpc.Request) {
	if r.ID.IsValid() {
		c.mu.Lock()
		c.asked[key(r.ID)] = true
		c.mu.Unlock()
		return
	}
	var given struct {
		ID json.RawMessage `json:"requestId"`
	}
	if r.Method == "notifications/cancelled" && json.Unmarshal(r.Params, &given) == nil {
		c.settle(string(given.ID))
	}
}

func (c *drainingConn) Write(ctx context.Context, m jsonrpc.Message) error {
	err := c.Connection.Write(ctx, m)
	if r, ok := m.(*jsonrpc.Response); ok {
		c.settle(key(r.ID))
	}
	return err
}

// key is an id as it stands in a message: a number or a string.
func key(id jsonrpc.ID) string {
	b, err := json.Marshal(id.Raw())
	if err != nil {
		return ""
	}
	return string(b)
}

func (c *drainingConn) settle(id string) {
	c.mu.Lock()
	delete(c.asked, id)
	c.mu.Unlock()
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// wait returns when every question is settled, or the connection is closed.
func (c *drainingConn) wait(ctx context.Context) {
	for {
		c.mu.Lock()
		open := len(c.asked)
		c.mu.Unlock()
		if open == 0 {
			return
		}
		select {
		case <-c.changed:
		case <-c.closed:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (c *drainingConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Connection.Close()
}
