package mcp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/finding"
	"chimera/internal/mcp"
	"chimera/internal/sample"
	"chimera/internal/tool"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// source is a small run: b decodes twice as fast as a.
func source(t testing.TB) *tool.Source {
	t.Helper()
	var rows []*sample.Sample
	for block := range 6 {
		for i := range 2 {
			subject := []string{"a", "b"}[(i+block)%2]
			rate := map[string]float64{"a": 50, "b": 100}[subject] * (1 + 0.001*float64(block))
			s := &sample.Sample{Run: "r1", Trial: fmt.Sprintf("t/%d", len(rows)), Order: len(rows), Block: block, Experiment: "suite", Subject: subject, Target: "box", Workload: "w", Prompt: "p",
				PromptSHA256: "p", Phase: sample.Measure, Final: true, Provenance: sample.Measured, Config: map[string]any{}}
			s.Outcome = sample.OK
			s.T.Send, s.T.First = sample.Some(time.Duration(0)), sample.Some(100*time.Millisecond)
			s.T.Last, s.Tokens.Output = sample.Some(100*time.Millisecond+time.Duration(10/rate*float64(time.Second))), sample.Some(11)
			rows = append(rows, s)
		}
	}
	a, err := finding.Analyze(rows, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tool.NewSource(fact.NewLedger(fact.RunRows{Manifest: sample.Manifest{Run: "r1"}, Samples: rows}), a, func(_ context.Context, f finding.Finding) ([]tool.Figure, error) {
		return []tool.Figure{{ID: "fig", Title: "a figure", SVG: []byte("<svg></svg>")}}, nil
	})
}

func client() *sdk.Client {
	return sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil)
}

func connect(t *testing.T, transport sdk.Transport) *sdk.ClientSession {
	t.Helper()
	s, err := client().Connect(t.Context(), transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // its server may be gone already
	return s
}

// overStreams serves one session over two pipes, as a process does over its
// standard streams. What stop returns is the end of the server.
func overStreams(t *testing.T, o mcp.Options) (session *sdk.ClientSession, stop func() error) {
	t.Helper()
	fromClient, toServer := io.Pipe()
	fromServer, toClient := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- mcp.Stdio(ctx, fromClient, toClient, o) }()
	session = connect(t, &sdk.IOTransport{Reader: fromServer, Writer: toServer})
	return session, func() error { cancel(); return <-ended }
}

func call(t *testing.T, s *sdk.ClientSession, name string, arguments any) (*sdk.CallToolResult, map[string]any) {
	t.Helper()
	r, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: name, Arguments: arguments})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	text, ok := r.Content[0].(*sdk.TextContent)
	if !ok {
		t.Fatalf("%s answers with %T", name, r.Content[0])
	}
	doc := map[string]any{}
	if err := json.Unmarshal([]byte(text.Text), &doc); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, text.Text)
	}
	return r, doc
}

// ask plays a session with every tool.
func ask(t *testing.T, s *sdk.ClientSession) {
	t.Helper()
	tools, err := s.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, x := range tools.Tools {
		names = append(names, x.Name)
		if x.Annotations == nil || !x.Annotations.ReadOnlyHint {
			t.Errorf("%s does not say that it only reads", x.Name)
		}
	}
	if len(names) != len(tool.Names()) {
		t.Errorf("tools %v, want %v", names, tool.Names())
	}
	r, doc := call(t, s, "compare", map[string]any{"a": []string{"subject=b"}, "b": []string{"subject=a"}, "metric": "decode_rate"})
	found, ok := doc["findings"].([]any)
	if r.IsError || !ok || found[0].(map[string]any)["verdict"] != "better" {
		t.Errorf("compare: %v", doc)
	}
	if r.StructuredContent == nil {
		t.Error("no structured content beside the text")
	}
	facts, ok := doc["facts"].([]any)
	if !ok || len(facts) == 0 {
		t.Fatalf("no facts: %v", doc)
	}
	if id, _ := facts[0].(map[string]any)["id"].(string); !strings.HasPrefix(id, "F") {
		t.Errorf("a fact without an id: %v", facts[0])
	}
	r, doc = call(t, s, "query", map[string]any{"metrik": "ttft"})
	if hint, _ := doc["hint"].(string); !r.IsError || !strings.Contains(hint, "did you mean metric?") {
		t.Errorf("a wrong argument: error %v, %v", r.IsError, doc)
	}
}

func TestAssistantAsksOverStreams(t *testing.T) {
	s, stop := overStreams(t, mcp.Options{Source: source(t), Version: "1"})
	ask(t, s)
	if err := stop(); err != nil {
		t.Errorf("ends with %v", err)
	}
}

func TestAssistantAsksInMemory(t *testing.T) {
	here, there := sdk.NewInMemoryTransports()
	o := mcp.Options{Source: source(t), Version: "1"}
	if _, err := mcp.ServerOf(o).Connect(t.Context(), there, nil); err != nil {
		t.Fatal(err)
	}
	ask(t, connect(t, here))
}

func TestFindingsFactsAndFiguresCanBeRead(t *testing.T) {
	src := source(t)
	s, stop := overStreams(t, mcp.Options{Source: src, Version: "1"})
	r, err := s.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "chimera://findings"})
	if err != nil || !strings.Contains(r.Contents[0].Text, "has the best decode rate") || !strings.Contains(r.Contents[0].Text, "(F") {
		t.Errorf("findings: %v %+v", err, r)
	}
	id := src.Analysis.Facts[0].ID
	r, err = s.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "chimera://fact/" + id})
	var f fact.Fact
	if err != nil || json.Unmarshal([]byte(r.Contents[0].Text), &f) != nil || f.ID != id || f.Evidence.Digest == "" {
		t.Errorf("fact: %v %+v", err, r)
	}
	for _, uri := range []string{"chimera://fact/F0000000000", "chimera://fact/../findings", "chimera://nothing", "file:///etc/passwd"} {
		if r, err := s.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: uri}); err == nil {
			t.Errorf("%s is answered with %+v", uri, r.Contents)
		}
	}
	result, _ := call(t, s, "plot", map[string]any{"id": src.Analysis.Of(finding.Ranking)[0].ID, "format": "svg"})
	picture, ok := result.Content[1].(*sdk.EmbeddedResource)
	if !ok || picture.Resource.MIMEType != "image/svg+xml" || picture.Resource.Text != "<svg></svg>" {
		t.Errorf("picture: %+v", result.Content[1])
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestSchemasAcceptWhatIsRightAndRefuseTheRest(t *testing.T) {
	s, stop := overStreams(t, mcp.Options{Source: source(t), Version: "1"})
	tools, err := s.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	right := map[string]string{
		"inventory":  `{"part": "labels", "offset": 0}`,
		"list_facts": `{"metric": "decode_rate", "agg": "median", "phase": "measure", "where": ["subject=a"], "kind": "ranking", "verdict": "better", "offset": 2}`,
		"query":      `{"metric": "ttft", "agg": "p95", "phase": "cold", "by": ["subject"], "where": ["block<3"], "offset": 0}`,
		"compare":    `{"a": ["F0123456789"], "b": ["subject=a"], "metric": "ttft", "agg": "mean", "phase": "measure", "where": []}`,
		"plot":       `{"id": "N0123456789", "format": "svg", "offset": 0}`,
	}
	for _, x := range tools.Tools {
		b, err := json.Marshal(x.InputSchema)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource("tool.json", doc); err != nil {
			t.Fatal(err)
		}
		schema, err := c.Compile("tool.json")
		if err != nil {
			t.Errorf("%s: %v", x.Name, err)
			continue
		}
		check := func(text string) error {
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			return schema.Validate(v)
		}
		if err := check(right[x.Name]); err != nil {
			t.Errorf("%s refuses %s: %v", x.Name, right[x.Name], err)
		}
		for _, wrong := range []string{`{"nonsense": 1}`, `[]`, `{"offset": -1}`, `{"where": "subject=a"}`, `{"agg": "average", "part": 1, "format": "pdf"}`} {
			if check(wrong) == nil {
				t.Errorf("%s accepts %s", x.Name, wrong)
			}
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestBudgetIsOfASession(t *testing.T) {
	var mu sync.Mutex
	var log []tool.Call
	o := mcp.Options{Source: source(t), Version: "1", Limits: tool.Limits{Calls: 2}, Log: func(c tool.Call) { mu.Lock(); defer mu.Unlock(); log = append(log, c) }}
	for range 2 {
		s, stop := overStreams(t, o)
		for i := range 3 {
			r, doc := call(t, s, "inventory", nil)
			if spent := i == 2; r.IsError != spent {
				t.Errorf("call %d: error %v, %v", i+1, r.IsError, doc)
			}
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
	if len(log) != 6 || log[2].Error == "" || log[3].Error != "" || log[0].Digest == "" {
		t.Errorf("log of %d calls: %+v", len(log), log)
	}
}

// greeting begins a session as a file of messages does.
const greeting = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}
{"jsonrpc":"2.0","method":"notifications/initialized"}
`

func TestQuestionsBeforeTheEndOfInputAreAnswered(t *testing.T) {
	session := greeting
	for i := range 20 {
		session += fmt.Sprintf(`{"jsonrpc":"2.0","id":"q%d","method":"tools/call","params":{"name":"query","arguments":{"metric":"decode_rate"}}}`+"\n", i)
	}
	session += `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"q3"}}` + "\n"
	var out bytes.Buffer
	if err := mcp.Stdio(t.Context(), strings.NewReader(session), &out, mcp.Options{Source: source(t), Version: "1"}); err != nil {
		t.Fatal(err)
	}
	answered := 0
	for line := range strings.Lines(out.String()) {
		var m struct {
			JSONRPC string
			ID      any
			Result  json.RawMessage
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil || m.JSONRPC != "2.0" {
			t.Errorf("standard output has the line %q", line)
		}
		if id, ok := m.ID.(string); ok && id != "q3" && m.Result != nil {
			answered++
		}
	}
	if answered != 19 {
		t.Errorf("%d of 19 questions are answered", answered)
	}
}

func TestGarbageEndsASessionAndNothingElse(t *testing.T) {
	for _, garbage := range []string{"", "\n\n", "not JSON\n", `{"jsonrpc":"2.0"`, strings.Repeat("[", 100_000) + "\n", strings.Repeat("x", 3<<20), greeting + `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"query","arguments":"` + strings.Repeat("x", 2<<20)} {
		var out bytes.Buffer
		_ = mcp.Stdio(t.Context(), strings.NewReader(garbage), &out, mcp.Options{Source: source(t)}) // that it ends is the test
		for line := range strings.Lines(out.String()) {
			if !json.Valid([]byte(line)) {
				t.Errorf("standard output has the line %q", line)
			}
		}
	}
}

// overHTTP serves at a free port of loopback.
func overHTTP(t *testing.T, o mcp.Options) (address string, stop func() error) {
	t.Helper()
	l, err := mcp.Listen("127.0.0.1:0", o.Token)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- mcp.HTTP(ctx, l, o) }()
	return l.Addr().String(), func() error { cancel(); return <-ended }
}

func TestAssistantAsksOverHTTP(t *testing.T) {
	address, stop := overHTTP(t, mcp.Options{Source: source(t), Version: "1"})
	s := connect(t, &sdk.StreamableClientTransport{Endpoint: "http://" + address + mcp.Path})
	ask(t, s)
	if err := stop(); err != nil {
		t.Errorf("ends with %v while a session is open", err)
	}
}

// bearer adds a header to every request.
type bearer struct{ token string }

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return http.DefaultTransport.RoundTrip(r)
}

func TestTokenKeepsStrangersOut(t *testing.T) {
	address, stop := overHTTP(t, mcp.Options{Source: source(t), Version: "1", Token: "secret"})
	endpoint := "http://" + address + mcp.Path
	ask(t, connect(t, &sdk.StreamableClientTransport{Endpoint: endpoint, HTTPClient: &http.Client{Transport: bearer{"secret"}}}))
	for _, token := range []string{"", "Secret", "secrets"} {
		if s, err := client().Connect(t.Context(), &sdk.StreamableClientTransport{Endpoint: endpoint, HTTPClient: &http.Client{Transport: bearer{token}}}, nil); err == nil {
			t.Errorf("token %q is let in", token)
			_ = s.Close()
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestOtherNamesAndOtherSitesAreRefused(t *testing.T) {
	address, stop := overHTTP(t, mcp.Options{Source: source(t), Version: "1"})
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	const hello = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`
	for _, c := range []struct {
		name, host, origin, body, path string
		want                           int
	}{
		{"its own name", address, "", hello, mcp.Path, 200},
		{"localhost", "localhost:" + port, "", hello, mcp.Path, 200},
		{"its own page", address, "http://" + address, hello, mcp.Path, 200},
		{"a name that leads here", "evil.example:" + port, "", hello, mcp.Path, 403},
		{"a name that begins like ours", "localhost.evil.example", "", hello, mcp.Path, 403},
		{"a page of another site", address, "https://evil.example", hello, mcp.Path, 403},
		{"a page of another port", address, "http://127.0.0.1:1", hello, mcp.Path, 403},
		{"a page of no site", address, "null", hello, mcp.Path, 403},
		{"a long message", address, "", `{"x":"` + strings.Repeat("x", 2<<20) + `"}`, mcp.Path, 413},
		{"no JSON", address, "", "hello", mcp.Path, 400},
		{"another path", address, "", hello, "/etc/passwd", 404},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = c.host
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if answer.StatusCode != c.want {
			b, _ := io.ReadAll(io.LimitReader(answer.Body, 300)) // for the message only
			t.Errorf("%s: status %d, want %d: %s", c.name, answer.StatusCode, c.want, b)
		}
		if err := answer.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestOthersAreNotServedWithoutAToken(t *testing.T) {
	_, err := mcp.Listen("0.0.0.0:0", "")
	if fault.CodeOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "CHIMERA_MCP_TOKEN") {
		t.Errorf("error %v, hint %q", err, fault.HintOf(err))
	}
	l, err := mcp.Listen("0.0.0.0:0", "secret")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := mcp.Listen("nonsense", ""); fault.CodeOf(err) != fault.Usage {
		t.Errorf("a wrong address: %v", err)
	}
}
