package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestKeyIsSentAndNothingElse: a server that needs the key, and tells it back
// in its errors, headers and models, does not get it into anything that
// chimera prints, keeps or exports.
func TestKeyIsSentAndNothingElse(t *testing.T) {
	const key = "sk-lab-5b1d0c4e7f92"
	t.Chdir(t.TempDir())
	inside, err := url.Parse(simulated(t, "model=m&load=1ms&first=1ms&gap=100us"))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(inside)
	var authorised, refused atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Seen", r.Header.Get("Authorization"))
		if r.Header.Get("Authorization") == "Bearer "+key && (r.Method == http.MethodGet || authorised.Add(1)%3 != 0) {
			proxy.ServeHTTP(w, r)
			return
		}
		refused.Add(1)
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"error":{"message":"the key %s has no quota, Authorization: %s"}}`, key, r.Header.Get("Authorization"))
	}))
	t.Cleanup(server.Close)

	env := []string{"LAB_KEY=" + key}
	said := []outcome{chimera(t, "", env, "bench", "--url", server.URL, "--kind", "openai", "--model", "m", "--key-env", "LAB_KEY",
		"--max-tokens", "4", "--blocks", "3", "--preflight", "0", "--store", "runs.db", "--json")}
	if said[0].code != 0 || authorised.Load() < 10 || refused.Load() < 3 {
		t.Fatalf("%d authorised, %d refused: %+v", authorised.Load(), refused.Load(), said[0])
	}
	doc, err := oneDocument([]byte(said[0].stdout))
	if err != nil {
		t.Fatal(err)
	}
	run, err := lookup(doc, "run")
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"runs", "show", run}, {"runs", "show", run, "--json"}, {"runs", "ls", "--json"}, {"runs", "verify", run},
		{"runs", "export", run}, {"runs", "export", run, "--format", "csv"}, {"runs", "export", run, "--format", "gobench"},
		{"runs", "export", run, "--format", "parquet", "-o", "rows.parquet"},
	} {
		got := chimera(t, "", env, append(args, "--store", "runs.db")...)
		if got.code != 0 {
			t.Errorf("%v: %+v", args, got)
		}
		said = append(said, got)
	}
	if !strings.Contains(said[5].stdout, "has no quota") {
		t.Errorf("the refusals' message is not in the rows: nothing was tested\n%s", said[5].stdout)
	}
	// The wrong key is refused before the run, with what the server says.
	wrong := chimera(t, "", []string{"LAB_KEY=" + key + "0"}, "bench", "--url", server.URL, "--kind", "openai", "--model", "m", "--key-env", "LAB_KEY", "--preflight", "0", "--store", "runs.db")
	if said = append(said, wrong); wrong.code != 6 || !strings.Contains(wrong.stderr, "403") {
		t.Errorf("%+v", wrong)
	}

	for i, o := range said {
		if i < len(said)-1 && strings.Contains(o.stdout+o.stderr, key) {
			t.Errorf("output %d holds the key:\n%s%s", i, o.stdout, o.stderr)
		}
		if strings.Contains(o.stdout+o.stderr, key+"0") {
			t.Errorf("output %d holds the wrong key:\n%s%s", i, o.stdout, o.stderr)
		}
	}
	files, err := filepath.Glob("*")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 2 {
		t.Fatalf("only %q to look into", files)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), key) {
			t.Errorf("%s holds the key", f)
		}
	}
}
