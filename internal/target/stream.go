package target

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"strings"
	"time"

	"chimera/internal/sample"
)

// drainTime is how long a server may take to close its body after the
// protocol's end before its connection is given up instead of reused.
const drainTime = 50 * time.Millisecond

// A Call is one streaming request in a runtime's own protocol.
type Call struct {
	Path    string // below the base URL
	Body    []byte // JSON
	Framing Framing
	// Final reports whether a complete line ends the stream. It sees every line
	// between two tokens, so it must be cheap and allocate nothing.
	Final func(line []byte) bool
	// Decode adds one event to the answer, once the whole body has arrived. A
	// failure that it records ends the decoding.
	Decode func(*Answer, Event)
	Ended  func() // the request's
}

// Stream sends call and returns what happened. now is the run's clock.
func (c *Client) Stream(ctx context.Context, call Call, now Clock) sample.Observation {
	a := &Answer{}
	tape := NewTape()
	defer tape.Free()
	err := c.exchange(ctx, call, now, tape, a)
	if call.Ended != nil {
		call.Ended()
	}
	c.decode(call, tape, a)
	o := a.Conclude(ctx, err)
	c.redactAll(&o)
	return o
}

// exchange sends the request and records the body. A status other than 2xx is
// the answer's failure, not an error.
func (c *Client) exchange(ctx context.Context, call Call, now Clock, tape *Tape, a *Answer) (err error) {
	if ctx.Err() != nil {
		a.T.End = sample.Some(now())
		return ctx.Err()
	}
	live, stop := context.WithCancel(ctx)
	defer stop()
	r := &reader{now: now}
	r.sent.Store(never)
	defer func() { r.note(a) }()
	trace := &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			if l := linkOf(info.Conn); l != nil {
				r.follow(l)
			}
		},
		GotFirstResponseByte: func() {
			if n := r.notes.Load(); n != nil {
				n.answered()
			}
		},
	}
	req, err := c.request(httptrace.WithClientTrace(live, trace), http.MethodPost, call.Path, call.Body)
	if err != nil {
		a.T.End = sample.Some(now())
		return err
	}
	req.Close = c.fresh.Load()
	resp, err := c.http.Do(req)
	if err != nil {
		a.T.End = sample.Some(now())
		return unwrapURL(ctx, err)
	}
	defer resp.Body.Close()
	if !req.Close && closesAfterStream(resp.Header) {
		c.fresh.Store(true)
		defer c.http.CloseIdleConnections() // this one is among them
	}
	switch {
	case resp.StatusCode/100 != 2:
		c.refuse(resp, a)
	case !identity(resp.Header.Get("Content-Encoding")):
		a.Break("the body is encoded as %s, which was not asked for", bounded(resp.Header.Get("Content-Encoding")))
	default:
		err = tape.Record(resp.Body, r.at, c.limits, call.Final)
	}
	a.T.End = sample.Some(now())
	if tape.ended {
		drain(resp.Body, stop)
	}
	return err
}

// refuse records an answer whose status says that there is none.
func (c *Client) refuse(resp *http.Response, a *Answer) {
	e := c.statusError(resp)
	a.fail(sample.Error, sample.ClassHTTP, "%s", e.Error())
	a.Failure.Status = sample.Some(e.Status)
	if e.HasRetry {
		a.Failure.RetryAfter = sample.Some(e.RetryAfter)
	}
}

func identity(encoding string) bool {
	return encoding == "" || strings.EqualFold(encoding, "identity")
}

// drain waits for the end of a body whose last record was seen, so that the
// connection can serve the next request; a server that keeps it open loses it.
func drain(body io.Reader, stop context.CancelFunc) {
	patience := time.AfterFunc(drainTime, stop)
	defer patience.Stop()
	var rest [512]byte
	for range 8 {
		if _, err := body.Read(rest[:]); err != nil {
			return
		}
	}
}

// decode runs the adapter's decoder over the tape. It yields the processor
// between events: other streams' readers wait to take their stamps.
func (c *Client) decode(call Call, tape *Tape, a *Answer) {
	if tape.n == 0 {
		return
	}
	a.Chunks = make([]sample.Chunk, 0, len(tape.arrivals)+1)
	events := 0
	for e := range call.Framing(tape) {
		if events++; events%16 == 0 {
			runtime.Gosched()
		}
		call.Decode(a, e)
		if a.Failure != nil {
			return
		}
	}
	if events == 0 && tape.clean {
		c.notAStream(tape, a)
	}
	if a.EndsWithBody && tape.clean {
		a.Ended = true
	}
}

// notAStream explains a 2xx body that held no event: some servers answer a
// stream request with one JSON document that holds the error.
func (c *Client) notAStream(tape *Tape, a *Answer) {
	raw := append([]byte(nil), tape.slice(0, min(tape.n, maxErrorBytes))...)
	text := strings.TrimSpace(string(raw))
	switch {
	case text == "" || strings.HasPrefix(text, ":"):
	case strings.HasPrefix(text, "{"):
		a.Refuse(messageOf(raw))
	default:
		a.Break("the response is no event stream: %s", text)
	}
}

// redactAll takes the key out of everything a server may have echoed it into.
func (c *Client) redactAll(o *sample.Observation) {
	if o.Failure != nil {
		o.Failure.Message = c.clean(o.Failure.Message)
	}
	o.Finish = c.redact(o.Finish, minRealSecret)
	if len(o.Server) > 0 && len(c.secret) >= minRealSecret {
		o.Server = []byte(c.redact(string(o.Server), minRealSecret))
	}
	if text, ok := o.Text.Get(); ok {
		if safe := c.redact(text, minRealSecret); safe != text {
			o.SetText(safe)
		}
	}
}
