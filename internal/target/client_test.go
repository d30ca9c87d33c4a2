package target_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/target"
	"chimera/internal/target/targettest"
)

func TestBaseURL(t *testing.T) {
	for url, want := range map[string]string{
		"http://127.0.0.1:11434":      "http://127.0.0.1:11434",
		"http://127.0.0.1:11434/":     "http://127.0.0.1:11434",
		"https://host/some/base/v1/":  "https://host/some/base/v1",
		"127.0.0.1:11434":             "",
		"localhost:11434":             "",
		"ftp://host":                  "",
		"":                            "",
		"http://":                     "",
		"http://user:hunter22@host":   "",
		"http://host?key=hunter22":    "",
		"http://host/#hunter22":       "",
		"http://hunter22 host/%zz%zz": "",
	} {
		c, err := target.NewClient(target.Config{ID: "x", URL: url})
		if want != "" {
			if err != nil || c.Base() != want {
				t.Errorf("%q: base %v, error %v", url, c, err)
			}
			continue
		}
		if err == nil || fault.HintOf(err) == "" || fault.CodeOf(err) != fault.Usage {
			t.Errorf("%q: error %v", url, err)
			continue
		}
		if strings.Contains(err.Error(), "hunter22") {
			t.Errorf("the error shows a password: %v", err)
		}
	}
}

func simple(c *target.Client) sample.Observation {
	stream := &target.ChatStream{}
	return c.Stream(context.Background(), target.Call{Path: "/x", Body: []byte("{}"), Framing: (*target.Tape).SSE,
		Final: target.ChatFinal, Decode: stream.Decode}, targettest.Clock())
}

func client(t *testing.T, cfg target.Config) *target.Client {
	t.Helper()
	c, err := target.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

const hello = `data: {"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n"

// An instant is that of the read that brought the bytes, below every buffer:
// on a clock that ticks whenever it is read, text that came with the header
// has the header's instant.
func TestInstantsAreThoseOfTheConnection(t *testing.T) {
	server := &targettest.Scripted{Answer: func(*http.Request) targettest.Reply {
		return targettest.Reply{Raw: "HTTP/1.1 200 OK\r\nContent-Length: " + fmt.Sprint(len(hello)) + "\r\n\r\n" + hello}
	}}
	c := client(t, server.Start(t))
	var ticks atomic.Int64
	stream := &target.ChatStream{}
	o := c.Stream(t.Context(), target.Call{Path: "/x", Body: []byte("{}"), Framing: (*target.Tape).SSE, Final: target.ChatFinal, Decode: stream.Decode},
		func() time.Duration { return time.Duration(ticks.Add(1)) })
	targettest.Valid(t, o)
	if o.Outcome != sample.OK || o.T.Send != sample.Some(time.Duration(1)) || o.T.Headers != o.T.First || o.T.First != o.T.Last {
		t.Errorf("outcome %s, time line %+v", o.Outcome, o.T)
	}
}

// Who waits for the end of an answer hears of it once, before anything is
// parsed, and also where there is nothing to parse.
func TestTheEndIsToldBeforeTheAnswerIsParsed(t *testing.T) {
	for name, raw := range map[string]string{
		"an answer": "HTTP/1.1 200 OK\r\nContent-Length: " + fmt.Sprint(len(hello)) + "\r\n\r\n" + hello,
		"a refusal": "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
		"silence":   "",
	} {
		server := &targettest.Scripted{Answer: func(*http.Request) targettest.Reply { return targettest.Reply{Raw: raw} }}
		var told []string
		stream := &target.ChatStream{}
		client(t, server.Start(t)).Stream(t.Context(), target.Call{Path: "/x", Body: []byte("{}"), Framing: (*target.Tape).SSE, Final: target.ChatFinal,
			Decode: func(a *target.Answer, e target.Event) { told = append(told, "parsed"); stream.Decode(a, e) },
			Ended:  func() { told = append(told, "ended") },
		}, func() time.Duration { return 0 })
		if len(told) == 0 || told[0] != "ended" || slices.Contains(told[1:], "ended") || (name == "an answer") != (len(told) > 1) {
			t.Errorf("%s: %v", name, told)
		}
	}
}

func TestTLSIsVerified(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, hello) }))
	server.Config.ErrorLog = quiet()
	server.StartTLS()
	defer server.Close()
	o := simple(client(t, target.Config{URL: server.URL}))
	if o.Outcome != sample.Error || o.Failure.Class != sample.ClassConnect || !strings.Contains(o.Failure.Message, "certificate") {
		t.Errorf("outcome %s: %+v", o.Outcome, o.Failure)
	}
}

// A proxy comes from the configuration alone: a measured path that the
// environment bends is one that no manifest shows.
func TestProxiesComeFromTheConfiguration(t *testing.T) {
	asked := make(chan string, 10)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.String()
		fmt.Fprint(w, hello)
	}))
	defer proxy.Close()
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	direct := simple(client(t, target.Config{URL: "http://no-such-host.invalid"}))
	if direct.Outcome != sample.Error || direct.Failure.Class != sample.ClassConnect || len(asked) != 0 {
		t.Errorf("without a proxy: outcome %s %+v, the proxy was asked %d times", direct.Outcome, direct.Failure, len(asked))
	}
	via := simple(client(t, target.Config{URL: "http://no-such-host.invalid", Proxy: proxy.URL}))
	if via.Outcome != sample.OK || len(asked) != 1 || <-asked != "http://no-such-host.invalid/x" {
		t.Errorf("with a proxy: outcome %s %+v", via.Outcome, via.Failure)
	}
}

func TestControlErrorsSayWhatToDo(t *testing.T) {
	const key = "sk-0123456789abcdef"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no: "+r.Header.Get("Authorization"), http.StatusForbidden)
	}))
	err := client(t, target.Config{URL: server.URL, Secret: key}).JSON(t.Context(), http.MethodGet, "/x", nil, nil)
	if err == nil || strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), "403") || fault.CodeOf(err) != fault.Runtime {
		t.Errorf("error %v", err)
	}
	server.Close()
	err = client(t, target.Config{URL: server.URL}).JSON(t.Context(), http.MethodGet, "/x", nil, nil)
	if err == nil || !strings.Contains(fault.HintOf(err), server.URL) {
		t.Errorf("error %v with hint %q", err, fault.HintOf(err))
	}
}

// quiet drops what a server logs of a handshake that is meant to break.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
