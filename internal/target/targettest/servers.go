package targettest

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chimera/internal/sample"
	"chimera/internal/target"
)

const secret = "sk-0123456789abcdef"

// Servers plays what a server can do to its client around a stream.
func Servers(t *testing.T, d Dialect) {
	for name, test := range map[string]func(*testing.T, Dialect){
		"a status other than 2xx":           statuses,
		"the key never comes back":          keepsSecret,
		"a redirect to another host":        refusesRedirect,
		"a redirect within the host":        followsRedirect,
		"a response beyond the bound":       boundsResponse,
		"a line beyond the bound":           boundsLine,
		"headers beyond the bound":          boundsHeaders,
		"a compressed body":                 refusesCompression,
		"no connection":                     noConnection,
		"no answer at all":                  noAnswer,
		"a connection closed without words": closedAtOnce,
		"bytes that are no HTTP":            noHTTP,
		"one connection for many requests":  reuses,
		"a server that does not keep alive": distrustsKeepAlive,
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { test(t, d) }) })
	}
}

// ask sends one question to a server that always replies so.
func ask(t *testing.T, d Dialect, reply Reply, change func(*target.Config)) (sample.Observation, *Scripted) {
	t.Helper()
	server := &Scripted{Answer: func(*http.Request) Reply { return reply }}
	cfg := server.Start(t)
	if change != nil {
		change(&cfg)
	}
	tgt := d.Open(t, cfg)
	defer tgt.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o := tgt.Stream(ctx, Question(), Clock())
	Valid(t, o)
	return o, server
}

func (d Dialect) answer() string { return d.Content("Hel") + d.Content("lo") + d.Final(usual(2)) }

func statuses(t *testing.T, d Dialect) {
	for _, c := range []struct {
		status, headers, body, message string
		code                           int
		retry                          sample.Opt[time.Duration]
	}{
		{status: "400 Bad Request", body: `{"error":{"message":"too many tokens","type":"invalid_request_error"}}`, message: "too many tokens", code: 400},
		{status: "401 Unauthorized", body: `{"error":"who are you?"}`, message: "who are you?", code: 401},
		{status: "404 Not Found", body: "404 page not found\n", message: "404 page not found", code: 404},
		{status: "422 Unprocessable Entity", body: `{"detail":[{"msg":"field required"}]}`, message: "field required", code: 422},
		{status: "429 Too Many Requests", headers: "Retry-After: 7\r\n", code: 429, retry: sample.Some(7 * time.Second)},
		{status: "503 Service Unavailable", headers: "Date: Mon, 23 Nov 2026 20:57:53 GMT\r\nRetry-After: Mon, 23 Nov 2026 20:58:23 GMT\r\n",
			body: `{"message":"loading\u0000 model"}`, message: "loading model", code: 503, retry: sample.Some(30 * time.Second)},
		{status: "503 Service Unavailable", headers: "Retry-After: soon\r\n", body: strings.Repeat("busy ", 10000), message: "busy busy", code: 503},
	} {
		o, _ := ask(t, d, Reply{Status: c.status, Headers: c.headers, Pieces: Pieces(c.body, 4096)}, nil)
		expect(t, o, sample.Error, sample.ClassHTTP)
		if o.Failure.Status != sample.Some(c.code) || o.Failure.RetryAfter != c.retry || !strings.Contains(o.Failure.Message, c.message) {
			t.Errorf("%s: failure %+v", c.status, o.Failure)
		}
		if len(o.Failure.Message) > 1000 || strings.ContainsRune(o.Failure.Message, 0) {
			t.Errorf("%s: the message is %d bytes: %q", c.status, len(o.Failure.Message), o.Failure.Message)
		}
	}
}

func keepsSecret(t *testing.T, d Dialect) {
	key := func(cfg *target.Config) { cfg.Secret = secret }
	for name, reply := range map[string]Reply{
		"in an error's body":   {Status: "401 Unauthorized", Pieces: []string{`{"error":"bad header: Authorization: Bearer ` + secret + `"}`}},
		"at the message's end": {Status: "401 Unauthorized", Pieces: []string{strings.Repeat("x ", 195) + secret}},
		"in a stream's error":  {Pieces: []string{d.Content("a") + d.Error("key "+secret+" is bad")}},
		"in the text":          {Pieces: []string{d.Content("your key is "+secret) + d.Final(usual(2))}},
		"in a location":        {Status: "307 Temporary Redirect", Headers: "Location: http://evil.example/?k=" + secret + "\r\n"},
		"in a broken record":   {Pieces: []string{d.Content("a") + strings.Replace(d.Content(secret), "{", "{"+secret, 1)}},
	} {
		o, server := ask(t, d, reply, key)
		all := o.Text.Or("") + string(o.Server)
		if o.Failure != nil {
			all += o.Failure.Message
		}
		if strings.Contains(all, secret) || strings.Contains(all, secret[:8]) {
			t.Errorf("%s: the key is in the observation: %s", name, all)
		}
		if got := server.Requests()[0].Header.Get("Authorization"); got != "Bearer "+secret {
			t.Errorf("%s: Authorization %q", name, got)
		}
	}
}

func refusesRedirect(t *testing.T, d Dialect) {
	for _, where := range []string{"http://evil.example/", "http://pipe:81/x", "https://pipe/x", "//evil.example"} {
		asked := 0
		server := &Scripted{Answer: func(*http.Request) Reply {
			if asked++; asked > 1 {
				return Reply{Pieces: []string{d.answer()}}
			}
			return Reply{Status: "307 Temporary Redirect", Headers: "Location: " + where + "\r\n"}
		}}
		tgt := d.Open(t, server.Start(t))
		o := tgt.Stream(t.Context(), Question(), Clock())
		tgt.Close()
		Valid(t, o)
		expect(t, o, sample.Error, sample.ClassHTTP)
		if n := len(server.Requests()); n != 1 || o.Failure.Status != sample.Some(307) {
			t.Errorf("%s: %d requests, failure %+v", where, n, o.Failure)
		}
	}
}

func followsRedirect(t *testing.T, d Dialect) {
	server := &Scripted{Answer: func(r *http.Request) Reply {
		if r.URL.Path != "/moved" {
			return Reply{Status: "308 Permanent Redirect", Headers: "Location: /moved\r\n", Pieces: []string{"over there"}, Gap: time.Second}
		}
		return Reply{Pieces: []string{d.answer()}}
	}}
	tgt := d.Open(t, server.Start(t))
	defer tgt.Close()
	o := tgt.Stream(t.Context(), Question(), Clock())
	Valid(t, o)
	if o.Outcome != sample.OK || o.Text.Or("") != "Hello" {
		t.Errorf("outcome %s: %+v", o.Outcome, o.Failure)
	}
	if took := o.T.First.Or(0) - o.T.Send.Or(0); took != time.Second {
		t.Errorf("the first token took %v, but the redirect alone took a second", took)
	}
}

func boundsResponse(t *testing.T, d Dialect) {
	many := strings.Repeat(d.Content("and on "), 1000)
	o, _ := ask(t, d, Reply{Pieces: Pieces(many, 500), Gap: time.Millisecond, End: Hang},
		func(cfg *target.Config) { cfg.Limits.Response = 5000 })
	expect(t, o, sample.Error, sample.ClassTooLarge)
	if n := len(o.Chunks); n == 0 || n > 200 {
		t.Errorf("%d chunks were kept of a response that may have 5000 bytes", n)
	}
}

func boundsLine(t *testing.T, d Dialect) {
	o, _ := ask(t, d, Reply{Pieces: Pieces(d.Content("Hi")+d.Content(strings.Repeat("x", 1<<20)), 1000), End: Hang},
		func(cfg *target.Config) { cfg.Limits.Line = 10000 })
	expect(t, o, sample.Error, sample.ClassTooLarge)
	if o.Text.Or("") != "Hi" {
		t.Errorf("text %.20q, want what came before the line", o.Text.Or(""))
	}
}

func boundsHeaders(t *testing.T, d Dialect) {
	o, _ := ask(t, d, Reply{Headers: "X-Long: " + strings.Repeat("x", 1<<20) + "\r\n"}, nil)
	expect(t, o, sample.Error, sample.ClassTooLarge)
}

func refusesCompression(t *testing.T, d Dialect) {
	o, server := ask(t, d, Reply{Headers: "Content-Encoding: gzip\r\n", Pieces: []string{"\x1f\x8b\x08"}}, nil)
	expect(t, o, sample.Error, sample.ClassProtocol)
	if !strings.Contains(o.Failure.Message, "gzip") {
		t.Errorf("the message does not name the encoding: %s", o.Failure.Message)
	}
	if got := server.Requests()[0].Header.Get("Accept-Encoding"); got != "identity" {
		t.Errorf("Accept-Encoding %q", got)
	}
}

func noConnection(t *testing.T, d Dialect) {
	closed := Listen()
	closed.Close()
	tgt := d.Open(t, target.Config{ID: "closed", URL: "http://pipe", Dial: closed.Dial})
	o := tgt.Stream(t.Context(), Question(), Clock())
	Valid(t, o)
	expect(t, o, sample.Error, sample.ClassConnect)
	if o.T.Send.OK() {
		t.Error("a request was sent without a connection")
	}
}

func noAnswer(t *testing.T, d Dialect) {
	o, _ := ask(t, d, Reply{End: Mute}, nil)
	expect(t, o, sample.Timeout, sample.ClassFirstToken)
	if !o.T.Send.OK() || o.T.Headers.OK() || o.T.End.Or(0) != time.Minute {
		t.Errorf("time line %+v", o.T)
	}
}

func closedAtOnce(t *testing.T, d Dialect) {
	o, _ := ask(t, d, Reply{Raw: " "}, nil)
	if o.Outcome != sample.Error || o.Failure.Class != sample.ClassReset && o.Failure.Class != sample.ClassProtocol {
		t.Errorf("outcome %s: %+v", o.Outcome, o.Failure)
	}
}

func noHTTP(t *testing.T, d Dialect) {
	o, _ := ask(t, d, Reply{Raw: "SSH-2.0-OpenSSH_9.2p1\r\n\r\n"}, nil)
	expect(t, o, sample.Error, sample.ClassProtocol)
}

// llama.cpp announces keep-alive and closes after every stream all the same: a
// request on such a connection would be lost.
func distrustsKeepAlive(t *testing.T, d Dialect) {
	server := &Scripted{Answer: func(*http.Request) Reply {
		return Reply{Headers: "Server: llama.cpp\r\nKeep-Alive: timeout=5, max=100\r\n", Pieces: []string{d.answer()}, Gap: time.Millisecond}
	}}
	tgt := d.Open(t, server.Start(t))
	defer tgt.Close()
	for i := range 3 {
		if o := tgt.Stream(t.Context(), Question(), Clock()); o.Outcome != sample.OK {
			t.Fatalf("request %d: outcome %s: %+v", i, o.Outcome, o.Failure)
		}
	}
	if n := server.Dials(); n != 3 {
		t.Errorf("%d connections for 3 requests", n)
	}
}

// reuses also shows that no cookie is kept.
func reuses(t *testing.T, d Dialect) {
	server := &Scripted{Answer: func(*http.Request) Reply {
		return Reply{Headers: "Set-Cookie: a=b\r\n", Pieces: []string{d.answer()}, Gap: time.Millisecond}
	}}
	tgt := d.Open(t, server.Start(t))
	defer tgt.Close()
	now := Clock()
	for i := range 5 {
		begin := now()
		o := tgt.Stream(t.Context(), Question(), now)
		Valid(t, o)
		if o.Outcome != sample.OK {
			t.Fatalf("request %d: outcome %s: %+v", i, o.Outcome, o.Failure)
		}
		if o.T.Send.Or(-1) != begin || o.T.First.Or(-1) != begin+time.Millisecond || o.T.Headers.Or(-1) != begin {
			t.Errorf("request %d began at %v, but the time line is %+v", i, begin, o.T)
		}
	}
	if n := server.Dials(); n != 1 {
		t.Errorf("%d connections for 5 requests", n)
	}
	for _, r := range server.Requests() {
		if c := r.Header.Get("Cookie"); c != "" {
			t.Errorf("cookie %q", c)
		}
	}
}
