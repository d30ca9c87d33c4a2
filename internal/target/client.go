package target

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"chimera/internal/fault"
	"chimera/internal/sample"
)

const (
	maxHeaderBytes = 64 << 10
	maxErrorBytes  = 64 << 10 // of an error's body; its message is cut to maxMessage
	maxJSONBytes   = 16 << 20 // of a control answer
	maxRedirects   = 3
	// dialTimeout bounds a dial that outlives its request: net/http lets one
	// finish in the background for the next request. Deadlines of requests come
	// with their context.
	dialTimeout = 30 * time.Second
	// idleTimeout lies below the 5 s after which llama.cpp closes an idle
	// connection: whoever closes first decides whether a request can be lost.
	idleTimeout = 4 * time.Second
)

// A Client speaks HTTP/1.1 to one server: one stream has one connection, kept
// warm between requests, so no stream's bytes wait behind another's. It
// verifies TLS, reads no proxy from the environment, keeps no cookies, asks
// for no compression, and sends its key to the configured host only: a
// redirect elsewhere is an answer with status 3xx, not followed. It is safe
// for concurrent use.
type Client struct {
	base   *url.URL
	http   *http.Client
	secret Secret
	limits Limits
	// fresh gives every stream a connection of its own, see closesAfterStream.
	fresh atomic.Bool
}

// NewClient checks cfg and returns a client; it does no I/O.
func NewClient(cfg Config) (*Client, error) {
	base, err := parseBase(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("target %q: %w", cfg.ID, err)
	}
	var proxy func(*http.Request) (*url.URL, error)
	if cfg.Proxy != "" {
		u, err := parseBase(cfg.Proxy)
		if err != nil {
			return nil, fmt.Errorf("target %q: proxy: %w", cfg.ID, err)
		}
		proxy = http.ProxyURL(u)
	}
	dial := cfg.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	transport := &http.Transport{
		Proxy: proxy,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return newLink(c), nil
		},
		TLSHandshakeTimeout:    dialTimeout,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    1 << 16,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		ReadBufferSize:         4 << 10,
		WriteBufferSize:        4 << 10,
	}
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetHTTP1(true)
	c := &Client{base: base, secret: cfg.Secret, limits: cfg.Limits}
	if c.limits.Line <= 0 {
		c.limits.Line = DefaultLimits.Line
	}
	if c.limits.Response <= 0 {
		c.limits.Response = DefaultLimits.Response
	}
	c.http = &http.Client{Transport: transport, CheckRedirect: c.checkRedirect}
	return c, nil
}

// parseBase accepts what may be stored and printed: scheme, host and path.
func parseBase(raw string) (*url.URL, error) {
	const form = `write it like "http://127.0.0.1:11434"`
	bad := func(format string, args ...any) (*url.URL, error) {
		return nil, fault.With(fmt.Errorf(format, args...), fault.Usage, form)
	}
	if raw == "" {
		return bad("the url is empty")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return bad("the url cannot be parsed") // its text may hold a key
	}
	if u.User != nil {
		return nil, fault.With(fmt.Errorf("the url of host %s holds a user or password", u.Host), fault.Usage,
			"leave it out of the url and give the key as the target's key")
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return bad("the url's scheme must be http or https, but is %q", u.Scheme)
	case u.Host == "":
		return bad("the url has no host")
	case u.RawQuery != "" || u.Fragment != "":
		return bad("the url of host %s has a query or fragment, and must have none", u.Host)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = ""
	return u, nil
}

// checkRedirect lets a request move within its host. Anything else becomes the
// answer itself, which is then reported by its status.
func (c *Client) checkRedirect(next *http.Request, via []*http.Request) error {
	if next.URL.Host != c.base.Host || next.URL.Scheme != c.base.Scheme ||
		next.Method != via[0].Method || len(via) > maxRedirects {
		return http.ErrUseLastResponse
	}
	return nil
}

// Base returns the server's base URL, which holds no secret.
func (c *Client) Base() string { return c.base.String() }

// Close closes idle connections; those in use close with their requests.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

func (c *Client) request(ctx context.Context, method, path string, body []byte) (*http.Request, error) {
	u := *c.base
	u.Path += path
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	} else {
		req.Body, req.GetBody, req.ContentLength = nil, nil, 0
	}
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", "chimera")
	if c.secret != "" {
		req.Header.Set("Authorization", "Bearer "+c.secret.Reveal())
	}
	return req, nil
}

// closesAfterStream recognises a server that announces keep-alive and ends the
// body properly, but closes the connection some microseconds later: llama.cpp
// does so after every streamed answer (its handler reports the end of the
// stream as a cancellation). A request sent into that gap is lost.
func closesAfterStream(h http.Header) bool { return h.Get("Server") == "llama.cpp" }

// A StatusError is an answer with a status other than 2xx.
type StatusError struct {
	Status     int
	Message    string // the server's own, bounded, without secrets; "" if it gave none
	RetryAfter time.Duration
	HasRetry   bool
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("status %d %s", e.Status, http.StatusText(e.Status))
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// JSON sends one control request and decodes its answer into out (nil: the
// answer is dropped). A status other than 2xx is a *StatusError. Errors carry
// fault.Runtime and no secret.
func (c *Client) JSON(ctx context.Context, method, path string, in, out any) error {
	if err := c.json(ctx, method, path, in, out); err != nil {
		// The text is rebuilt, since net/http's holds what the server sent.
		return fault.With(&controlError{fmt.Sprintf("%s %s%s: %s", method, c.base, path, c.clean(err.Error())), err},
			fault.Runtime, c.advice(ctx, err))
	}
	return nil
}

type controlError struct {
	text string
	err  error
}

func (e *controlError) Error() string { return e.text }
func (e *controlError) Unwrap() error { return e.err }

func (c *Client) advice(ctx context.Context, err error) string {
	if _, answered := err.(*StatusError); answered || ctx.Err() != nil {
		return ""
	}
	return "is the server running at " + c.base.String() + "?"
}

func (c *Client) json(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	req, err := c.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return unwrapURL(ctx, err)
	}
	defer resp.Body.Close()
	if closesAfterStream(resp.Header) {
		c.fresh.Store(true)
	}
	if resp.StatusCode/100 != 2 {
		return c.statusError(resp)
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxJSONBytes+1))
	if err != nil {
		return unwrapURL(ctx, err)
	}
	if len(raw) > maxJSONBytes {
		return fmt.Errorf("the answer is longer than %d bytes", maxJSONBytes)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("the answer is not the expected JSON: %w", err)
	}
	return nil
}

// reader follows the connections that carry a request.
type reader struct {
	notes atomic.Pointer[notes]
	sent  atomic.Int64 // of a request that was redirected since
	now   Clock
}

// follow starts to note on l. A redirected request was sent when its first
// form was: whoever waits for an answer waits for both.
func (r *reader) follow(l *link) {
	if before := r.notes.Load(); before != nil {
		if _, answered := instant(&before.first); answered && r.sent.Load() == never {
			r.sent.Store(before.sent.Load())
		}
	}
	r.notes.Store(l.arm(r.now))
}

// at returns the instant of the latest read.
func (r *reader) at() time.Duration {
	if n := r.notes.Load(); n != nil {
		if at, ok := instant(&n.read); ok {
			return at
		}
	}
	return r.now()
}

// note copies what was seen of the connection into the answer.
func (r *reader) note(a *Answer) {
	n := r.notes.Load()
	if n == nil {
		return
	}
	if at, ok := instant(&n.sent); ok {
		a.T.Send = sample.Some(at)
	}
	if at, ok := instant(&r.sent); ok {
		a.T.Send = sample.Some(at)
	}
	if at, ok := instant(&n.first); ok {
		a.T.Headers = sample.Some(at)
	}
}
