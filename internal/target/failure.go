package target

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"chimera/internal/sample"
)

// maxMessage is the longest message of a failure, in characters.
const maxMessage = 400

// minSecret is the shortest key that is searched for in what a server sent
// back; minRealSecret the shortest that is also taken out of an answer's text,
// where a placeholder key such as "ollama" is an honest word.
const (
	minSecret     = 4
	minRealSecret = 16
)

// clean bounds a message and takes control characters and the key out of it.
func (c *Client) clean(text string) string { return bounded(c.redact(text, minSecret)) }

func bounded(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) <= maxMessage {
		return text
	}
	return string([]rune(text)[:maxMessage]) + "…"
}

// redact replaces the key, however it was escaped.
func (c *Client) redact(text string, least int) string {
	key := c.secret.Reveal()
	if len(key) < least || text == "" {
		return text
	}
	quoted, err := json.Marshal(key)
	if err != nil {
		quoted = nil
	}
	forms := []string{key, url.QueryEscape(key), url.PathEscape(key), strings.Trim(string(quoted), `"`)}
	for _, form := range forms {
		if len(form) >= least {
			text = strings.ReplaceAll(text, form, c.secret.String())
		}
	}
	return text
}

func (c *Client) statusError(resp *http.Response) *StatusError {
	e := &StatusError{Status: resp.StatusCode}
	// The body is read for its message only: what broke in it matters no more.
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBytes))
	e.Message = c.clean(messageOf(raw))
	if resp.StatusCode/100 == 3 {
		e.Message = "a redirect to " + redirectHost(resp) + " is not followed"
	}
	e.RetryAfter, e.HasRetry = retryAfter(resp.Header.Get("Retry-After"), resp.Header.Get("Date"))
	return e
}

// redirectHost names where a redirect leads by its host only: the rest of the
// address may hold anything.
func redirectHost(resp *http.Response) string {
	u, err := resp.Location()
	if err != nil || u.Host == "" {
		return "an unknown address"
	}
	return bounded(u.Scheme + "://" + u.Host)
}

// messageOf finds an error's text where servers put it: {"error": "…"},
// {"error": {"message": "…"}}, {"message": "…"}, {"detail": …}, or plain text.
func messageOf(raw []byte) string {
	var body struct {
		Error   json.RawMessage
		Message json.RawMessage
		Detail  json.RawMessage
	}
	if json.Unmarshal(raw, &body) == nil {
		for _, part := range []json.RawMessage{body.Error, body.Message, body.Detail} {
			if text := ErrorText(part); text != "" {
				return text
			}
		}
	}
	return string(raw)
}

// ErrorText returns the message of an error that is a string or an object;
// "" for null and for nothing.
func ErrorText(raw json.RawMessage) string {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var object struct{ Message, Type string }
	if json.Unmarshal(raw, &object) == nil && object.Message != "" {
		return object.Message
	}
	return string(raw)
}

// retryAfter reads the header in both of its forms: seconds, or a date, which
// counts from the server's own clock where that is told.
func retryAfter(value, date string) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0, false
	}
	if s, err := strconv.ParseInt(value, 10, 32); err == nil {
		return time.Duration(max(s, 0)) * time.Second, true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	from, err := http.ParseTime(date)
	if err != nil {
		from = time.Now()
	}
	return max(at.Sub(from), 0), true
}

// unwrapURL drops the address that net/http puts before every error, and says
// why the context ended if it did.
func unwrapURL(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// classify names a transport error. sent says whether the request left,
// answered whether any byte came back.
func classify(err error, sent, answered bool) string {
	_, isNet := errors.AsType[net.Error](err)
	switch text := err.Error(); {
	case errors.Is(err, errTooLarge), strings.Contains(text, "response headers exceeded"):
		return sample.ClassTooLarge
	case !sent:
		return sample.ClassConnect
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, io.ErrClosedPipe),
		errors.Is(err, net.ErrClosed), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		isNet, !answered:
		return sample.ClassReset
	default:
		return sample.ClassProtocol
	}
}

// fail records why an attempt did not end well; the first reason stays.
func (a *Answer) fail(outcome sample.Outcome, class, format string, args ...any) {
	if a.Failure == nil {
		a.Outcome = outcome
		a.Failure = &sample.Failure{Class: class, Message: fmt.Sprintf(format, args...)}
	}
}
