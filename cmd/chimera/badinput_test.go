package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chimera/internal/cli"
	"chimera/internal/fault"
	"chimera/internal/target/fake"
)

// outcome is what one command line came to.
type outcome struct {
	code           fault.Code
	stdout, stderr string
}

// chimera runs one command line in this process; env holds NAME=VALUE.
func chimera(t *testing.T, stdin string, env []string, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Run(t.Context(), cli.Env{
		Args: args, Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: &stderr,
		Getenv: func(name string) string {
			for _, e := range env {
				if k, v, _ := strings.Cut(e, "="); k == name {
					return v
				}
			}
			return ""
		},
	})
	return outcome{code, stdout.String(), stderr.String()}
}

// simulated returns the URL of a simulator that plays a profile.
func simulated(t *testing.T, profile string) string {
	t.Helper()
	p, err := fake.ParseProfile(profile)
	if err != nil {
		t.Fatal(err)
	}
	sim, err := fake.New(p)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(func() { sim.Close(); server.Close() })
	return server.URL
}

const goodSpec = `version: 1
name: sim
targets:
  - {id: box, kind: fake, url: "fake:?model=a&load=1ms&first=1ms&gap=100us"}
subjects:
  - {id: a, target: box, model: a}
workloads:
  - {id: w, suite: banter, max_tokens: 4}
experiments:
  - {id: e, kind: suite, workloads: [w], blocks: 1}
design: {warmup: 0, timeout: 5s}
`

// edit returns a spec file with one piece of the good spec replaced.
func edit(t *testing.T, old, new string) string {
	t.Helper()
	if !strings.Contains(goodSpec, old) {
		t.Fatalf("the good spec has no %q", old)
	}
	return save(t, "x.yaml", strings.Replace(goodSpec, old, new, 1))
}

// save writes a file into the working folder and returns its name.
func save(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// tiny makes a small model and returns its bytes.
func tiny(t *testing.T) []byte {
	t.Helper()
	if got := chimera(t, "", nil, "model", "synth", "--layers", "1", "-o", "tiny.gguf"); got.code != 0 {
		t.Fatal(got.stderr)
	}
	b, err := os.ReadFile("tiny.gguf")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Places in the header of a SQLite file (sqlite.org/fileformat2.html).
const (
	userVersion   = 60
	applicationID = 68
)

// stored makes a store with one run, or adds one, and then writes a value of
// four bytes into its file's header.
func stored(t *testing.T, at int, value uint32) string {
	t.Helper()
	if got := chimera(t, "", nil, "run", save(t, "good.yaml", goodSpec), "--preflight", "0", "-q", "--store", "runs.db"); got.code != 0 {
		t.Fatal(got.stderr)
	}
	b, err := os.ReadFile("runs.db")
	if err != nil {
		t.Fatal(err)
	}
	binary.BigEndian.PutUint32(b[at:], value)
	return save(t, "runs.db", string(b))
}

func served(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// Each kind of bad input: the arguments are made in an empty working folder.
var badInputs = []struct {
	name    string
	args    func(t *testing.T) []string
	code    fault.Code
	message string // the first line of standard error holds it
	hint    string // the last line, after "hint: ", holds it
}{
	// Specs.
	{"unknown key", run("name: sim", "name: sim\nsubject: []"), 2, "x.yaml:3:1: subject: unknown key", "chimera spec schema"},
	{"missing key", run("name: sim\n", ""), 2, "name: is missing", "chimera spec init"},
	{"duplicate key", run("name: sim", "name: sim\nname: sim"), 2, "the key already stands in line 2", "chimera spec schema"},
	{"duplicate id", run("subjects:", "subjects:\n  - {id: a, target: box, model: b}"), 2, "subjects[1].id: the id a is already that of subjects[0]", "chimera spec"},
	{"empty factor", run("kind: suite", "kind: grid, factors: {num_ctx: []}"), 2, "factors.num_ctx: must have at least one level", "chimera spec"},
	{"empty factors", run("kind: suite", "kind: grid, factors: {}"), 2, "factors: must not be empty", "chimera spec"},
	{"level twice", run("kind: suite", "kind: grid, factors: {num_ctx: [8, 8]}"), 2, "the level 8 is already there", "chimera spec"},
	{"option the target cannot set", run("kind: suite", "kind: grid, factors: {num_ctxt: [8]}"), 2, `unknown option for target "box" (fake)`, "chimera spec schema --target fake"},
	{"option of a wrong type", run("kind: suite", "kind: grid, factors: {num_ctx: [big]}"), 2, `must be a whole number from 1 to 16777216, but is "big"`, "--target fake"},
	{"negative option", run("kind: suite", "kind: grid, factors: {num_ctx: [-5]}"), 2, "but is -5", "--target fake"},
	{"option is not a number", run("kind: suite", "kind: grid, factors: {temperature: [.nan]}"), 2, "must be a finite number, but is .nan", "chimera spec"},
	{"count of a wrong type", run("blocks: 1", "blocks: two"), 2, `blocks: must be a whole number, but is the text "two"`, "chimera spec"},
	{"negative count", run("blocks: 1", "blocks: -1"), 2, "must lie between 1 and 10000, but is -1", "chimera spec"},
	{"huge count", run("blocks: 1", "blocks: 1000000000"), 2, "must lie between 1 and 10000", "chimera spec"},
	{"too many trials", run("blocks: 1", "blocks: 10000, repeats: 1000"), 2, "trials", "chimera"},
	{"duration without unit", run("timeout: 5s", "timeout: 5"), 2, "a duration needs a unit", "chimera spec"},
	{"negative duration", run("timeout: 5s", "timeout: -5s"), 2, `must be a duration, but is the text "-5s"`, "chimera spec"},
	{"unknown suite", run("suite: banter", "suite: bantr"), 2, `there is no suite "bantr"`, "chimera spec"},
	{"unknown target", run("target: box", "target: bix"), 2, `there is no target "bix"`, "chimera spec"},
	{"unknown kind", run("kind: fake", "kind: olama"), 2, `but is "olama"`, "chimera spec"},
	{"newer spec version", run("version: 1", "version: 2"), 2, "version: must be 1, but is 2", "chimera spec"},
	{"anchors and aliases", run("name: sim", "name: &n sim\nquestion: *n"), 2, "anchors are not allowed in a spec", "chimera spec"},
	{"yaml bomb", func(t *testing.T) []string {
		text, before := "", `["x"]`
		for i := range 30 {
			text += fmt.Sprintf("k%d: &a%d [%s]\n", i, i, strings.Repeat(before+", ", 9)+before)
			before = fmt.Sprintf("*a%d", i)
		}
		return []string{"run", save(t, "x.yaml", text)}
	}, 2, "anchors are not allowed", "chimera spec"},
	{"deep nesting", specFile(strings.Repeat("[", 100_000)), 2, "x.yaml:1:", "chimera spec"},
	{"two documents", specFile(goodSpec + "---\nversion: 1\n"), 2, "one YAML document", "chimera spec"},
	{"binary file", specFile("\x7fELF\x02\x01\x01\x00\xff\xfe"), 2, "not UTF-8 text", "chimera spec"},
	{"empty file", specFile(""), 2, "the spec is empty", "chimera spec init"},
	{"huge file", specFile(strings.Repeat("a", 2<<20)), 2, "x.yaml is larger than 1048576 bytes", "workloads by file"},
	{"folder as spec", args("run", "."), 2, ". is a folder", "name the file inside it"},
	{"missing spec", args("run", "none.yaml"), 2, "there is no file none.yaml", "chimera spec init"},
	{"workload outside the folder", run("suite: banter", "file: ../../etc/passwd"), 2, "../../etc/passwd lies outside the spec's folder", "chimera spec"},
	{"workload with an absolute path", run("suite: banter", "file: /etc/passwd"), 2, "/etc/passwd lies outside the spec's folder", "chimera spec"},
	{"workload through a link", func(t *testing.T) []string {
		if err := os.Symlink("/etc/passwd", "link.txt"); err != nil {
			t.Fatal(err)
		}
		return []string{"run", edit(t, "suite: banter", "file: link.txt")}
	}, 2, "read link.txt: path escapes from parent", "chimera spec"},
	{"missing workload", run("suite: banter", "file: prompts.txt"), 2, "there is no file prompts.txt beside the spec", "chimera spec"},
	{"simulator profile", run("gap=100us", "gap=fast"), 2, `target "box": fake profile: key "gap"`, "the keys are"},
	{"model the target has not", run("model: a}", "model: b}"), 2, `subject "a": the simulator has no model "b"`, "it has a"},
	{"key in the spec", run(`kind: fake, url: "fake:?model=a&load=1ms&first=1ms&gap=100us"`, `kind: openai, url: "http://me:sesame@127.0.0.1"`), 2, "url: must not hold a user name or a key", "key_env"},

	// Command lines.
	{"unknown command", args("rnu"), 2, `unknown command "rnu", did you mean run or runs?`, "`chimera --help`"},
	{"unknown subcommand", args("runs", "exprt"), 2, `unknown command "exprt", did you mean export?`, "`chimera runs --help`"},
	{"unknown flag", args("run", "--blcks", "3"), 2, "unknown flag: --blcks", "`chimera run --help`"},
	{"flag without value", args("runs", "ls", "--limit"), 2, "flag needs an argument: --limit", "`chimera runs ls --help`"},
	{"not a number", args("runs", "ls", "--limit", "ten"), 2, `--limit must be a whole number, but is "ten"`, "`chimera runs ls --help`"},
	{"not a duration", args("run", "x.yaml", "--preflight", "soon"), 2, `--preflight must be a duration such as 90s, 1m30s or 250ms, but is "soon"`, "--help"},
	{"no spec", args("run"), 2, "no spec given", "chimera spec init"},
	{"missing argument", args("runs", "show"), 2, "an argument is missing: chimera runs show RUN", "`chimera runs show --help`"},
	{"too many arguments", args("plan", "a", "b"), 2, "2 arguments are too many: chimera plan SPEC", "`chimera plan --help`"},
	{"argument where none is", args("version", "now"), 2, `version takes no argument, but got "now"`, "`chimera version --help`"},
	{"spec and --resume", args("run", "x.yaml", "--resume", "7f3a"), 2, "give a spec or --resume, not both", "has its spec in the store"},
	{"unknown help topic", args("help", "nothing"), 2, `unknown command "nothing"`, "`chimera --help`"},
	{"unknown shell", args("completion", "tcsh"), 2, `unknown command "tcsh"`, "`chimera completion --help`"},
	{"unknown metric", args("metrics", "speed"), 2, `there is no metric "speed"`, "`chimera metrics`"},
	{"unknown kind of schema", args("spec", "schema", "--target", "vlm"), 2, `there is no kind of target "vlm"`, "chimera spec"},
	{"unknown export format", args("runs", "export", "7f3a", "--format", "xls"), 2, `the format is "xls"`, "chimera runs export --help"},
	{"no model", args("bench"), 2, "no model given", "--model"},
	{"option without value", args("bench", "--model", "m", "--option", "num_ctx"), 2, `--option "num_ctx" is not NAME=VALUE`, "--option num_ctx=2048"},
	{"option twice", args("bench", "--model", "m", "--option", "threads=1", "--option", "threads=2"), 2, "--option threads is given twice", "once"},
	{"option that is not a number", args("bench", "--kind", "ollama", "--url", "http://127.0.0.1:1", "--model", "m", "--option", "temperature=NaN"), 2, `but is "NaN"`, "chimera bench --help"},
	{"no streams", args("bench", "--model", "m", "--streams", "0"), 2, "streams: must lie between 1 and 1024, but is 0", "chimera bench --help"},
	{"simulator's address", args("fake", "--listen", "nowhere"), 6, "listen tcp: address nowhere", "--listen"},

	// Model files.
	{"missing model", args("model", "inspect", "none.gguf"), 2, "none.gguf: no such file", "check the path"},
	{"not GGUF", modelFile(func([]byte) []byte { return []byte("hello, world") }), 2, `it must begin with "GGUF", but begins with "hell"`, "download it again"},
	{"empty model", modelFile(func([]byte) []byte { return nil }), 2, "m.gguf is empty", "check the path"},
	{"model cut in its metadata", modelFile(func(b []byte) []byte { return b[:1000] }), 2, "are left in the file", "download it again"},
	{"model cut in its tensors", modelFile(func(b []byte) []byte { return b[:len(b)/2] }), 2, "at offset", "download it again"},
	{"hostile counts", modelFile(func(b []byte) []byte { return append(b[:8:8], bytes.Repeat([]byte{0xff}, 64)...) }), 2, "the number of tensors must be at most", "download it again"},
	{"unknown GGUF version", modelFile(func(b []byte) []byte { b[4] = 9; return b }), 2, "the version must be 2 or 3, but is 9", "download it again"},
	{"unknown architecture", modelFile(func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("llama"), []byte("xlama")) }), 2, `architecture "xlama" is not supported`, "chimera model inspect"},
	{"folder as model", args("model", "generate", ".", "--prompt", "x"), 2, ". is no regular file", "check the path"},
	{"folder of models", args("model", "ls", "none"), 2, "none: no such file", "a folder that exists"},
	{"prompt longer than the context", generate("--max-tokens", "100000"), 2, "the context holds 2048", "lower the token limit"},
	{"negative budget", generate("--max-tokens", "-1"), 2, "max_tokens must be at least 1, but is -1", "chimera model generate --help"},
	{"temperature is no number", generate("--temperature", "NaN"), 2, "the temperature must be 0 to 100, but is NaN", "chimera model generate --help"},
	{"unknown numerics", generate("--numerics", "best"), 2, `unknown numerics "best"`, "--numerics exact"},
	{"no output file", args("model", "synth"), 2, "no output file given", "-o tiny.gguf"},
	{"output in no folder", args("model", "synth", "-o", "none/m.gguf"), 2, "there is no folder none", "-o"},
	{"unknown architecture to make", args("model", "synth", "--arch", "rwkv", "-o", "m.gguf"), 2, `but is "rwkv"`, "chimera model synth --help"},

	// Servers.
	{"no URL", args("bench", "--url", "127.0.0.1:11434", "--model", "m"), 2, "is not a http or https URL", "--url http://127.0.0.1:11434"},
	{"user name in the URL", args("bench", "--url", "http://me:sesame@127.0.0.1:1", "--model", "m"), 2, "must not hold a user name or a key", "--key-env"},
	{"connection refused, kind unknown", args("bench", "--url", "http://127.0.0.1:1", "--model", "m"), 6, "no answer from http://127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused", "start the server"},
	{"connection refused", bench("ollama", func(*testing.T) string { return "http://127.0.0.1:1" }), 6, "connection refused", "is the server running at"},
	{"empty key", bench("openai", sim(""), "--key-env", "LAB_KEY"), 2, "environment variable LAB_KEY is empty", "export it"},
	{"401", bench("openai", status(401, `{"error":{"message":"who are you?"}}`)), 6, "status 401 Unauthorized: who are you?", "key_env"},
	{"503 at once", bench("openai", status(503, `{"error":{"message":"loading"}}`)), 6, "status 503", "its log"},
	{"model the server has not", bench("ollama", sim("model=other")), 6, "model 'm' not found", "ollama pull m"},
	{"500s only", bench("openai", sim("model=m&fault=http:1:500"), "--max-tokens", "4", "--blocks", "1"), 5, "none of 7 requests was answered", "chimera runs show"},
	{"redirect to another host", bench("ollama", func(t *testing.T) string {
		other := served(t, func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") })
		return served(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other+r.URL.Path, http.StatusFound) })
	}), 6, "is not followed", "if you trust it"},
	{"a page instead of JSON", bench("ollama", status(200, "<html><body>Welcome</body></html>")), 6, "the answer is not the expected JSON", "check the URL and the kind"},
	{"a page, kind unknown", func(t *testing.T) []string {
		return []string{"bench", "--url", status(200, "<html>")(t), "--model", "m"}
	}, 6, "the answer is not the expected JSON", "check the URL and the kind"},
	{"stall", bench("openai", sim("model=m&fault=silent:1"), "--max-tokens", "4", "--blocks", "1", "--warmup", "0", "--timeout", "100ms"), 5, "none of 5 requests was answered", "chimera runs show"},
	{"bad certificate", bench("openai", func(t *testing.T) string {
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		t.Cleanup(s.Close)
		return s.URL
	}), 6, "failed to verify certificate", "SSL_CERT_FILE"},

	// Stores.
	{"no store", args("run", "--resume", "7f3a"), 2, "chimera.db: no such file", "`chimera run` creates a store"},
	{"unknown run", func(t *testing.T) []string {
		return []string{"runs", "show", "zz", "--store", stored(t, applicationID, 0x43484d52)}
	}, 2, `run "zz": no such run`, "chimera runs ls"},
	{"ambiguous run", func(t *testing.T) []string {
		for range 17 { // two of 17 hexadecimal ids begin alike
			stored(t, applicationID, 0x43484d52)
		}
		seen := map[byte]bool{}
		for line := range strings.Lines(chimera(t, "", nil, "runs", "ls", "--store", "runs.db").stdout) {
			if seen[line[0]] {
				return []string{"runs", "show", line[:1], "--store", "runs.db"}
			}
			seen[line[0]] = !strings.HasPrefix(line, "run ")
		}
		t.Fatal("no two runs begin alike")
		return nil
	}, 2, "the prefix fits several runs", "more characters"},
	{"store is no database", func(t *testing.T) []string {
		return []string{"runs", "ls", "--store", save(t, "notes.txt", "milk, eggs")}
	}, 2, "notes.txt: not a SQLite file", "--store takes a chimera store"},
	{"store of another program", func(t *testing.T) []string { return []string{"runs", "ls", "--store", stored(t, applicationID, 0)} }, 2, "not a chimera store", "--store"},
	{"store of a newer build", func(t *testing.T) []string { return []string{"runs", "ls", "--store", stored(t, userVersion, 99)} }, 2, "its schema is version 99", "a newer chimera wrote this store"},
	{"store is a folder", args("runs", "ls", "--store", "."), 2, "is a directory", "--store takes the path of a file"},
	{"store below a file", func(t *testing.T) []string {
		return []string{"run", save(t, "good.yaml", goodSpec), "--preflight", "0", "-q", "--store", save(t, "notes.txt", "") + "/runs.db"}
	}, 6, "create store: ", "--store"},
	{"store is a server", args("runs", "ls", "--store", "postgres://localhost/runs"), 2, "a database server is not supported", "a file path"},
	{"export into no folder", func(t *testing.T) []string {
		stored(t, applicationID, 0x43484d52)
		id := chimera(t, "", nil, "runs", "ls", "--store", "runs.db")
		run := strings.Fields(strings.Split(id.stdout, "\n")[1])[0]
		return []string{"runs", "export", run, "--store", "runs.db", "-o", "none/rows.jsonl"}
	}, 2, "write none/rows.jsonl", "a folder that can be written"},
}

func args(a ...string) func(*testing.T) []string {
	return func(*testing.T) []string { return a }
}

func run(old, new string) func(*testing.T) []string {
	return func(t *testing.T) []string { return []string{"run", edit(t, old, new), "--preflight", "0", "-q"} }
}

func specFile(text string) func(*testing.T) []string {
	return func(t *testing.T) []string { return []string{"run", save(t, "x.yaml", text), "-q"} }
}

// modelFile generates with a model file that was changed.
func modelFile(change func([]byte) []byte) func(*testing.T) []string {
	return func(t *testing.T) []string {
		return []string{"model", "generate", save(t, "m.gguf", string(change(tiny(t)))), "--prompt", "x"}
	}
}

func generate(flags ...string) func(*testing.T) []string {
	return func(t *testing.T) []string {
		tiny(t)
		return append([]string{"model", "generate", "tiny.gguf", "--prompt", "x"}, flags...)
	}
}

func bench(kind string, url func(*testing.T) string, flags ...string) func(*testing.T) []string {
	return func(t *testing.T) []string {
		return append([]string{"bench", "--kind", kind, "--url", url(t), "--model", "m", "--preflight", "0", "-q"}, flags...)
	}
}

func sim(profile string) func(*testing.T) string {
	return func(t *testing.T) string { return simulated(t, profile) }
}

func status(code int, body string) func(*testing.T) string {
	return func(t *testing.T) string {
		return served(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			fmt.Fprint(w, body)
		})
	}
}

// TestBadInputs: one clear line, a hint, the right exit code, and nothing on
// standard output but what a finished run has to say.
func TestBadInputs(t *testing.T) {
	if len(badInputs) < 40 {
		t.Errorf("only %d bad inputs", len(badInputs))
	}
	seen := map[string]bool{}
	for _, c := range badInputs {
		if seen[c.name] {
			t.Errorf("%q is there twice", c.name)
		}
		seen[c.name] = true
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			line := c.args(t)
			started := time.Now()
			got := chimera(t, "", []string{"CHIMERA_CACHE=" + filepath.Join(t.TempDir(), "cache")}, line...)
			if took := time.Since(started); took > 10*time.Second {
				t.Errorf("took %s", took)
			}
			if got.code != c.code {
				t.Errorf("exit code %d, want %d", got.code, c.code)
			}
			lines := strings.Split(strings.TrimSuffix(got.stderr, "\n"), "\n")
			first, last := lines[0], lines[len(lines)-1]
			if !strings.HasPrefix(first, "chimera: ") || !strings.Contains(first, c.message) {
				t.Errorf("message lacks %q", c.message)
			}
			if !strings.HasPrefix(last, "hint: ") || !strings.Contains(last, c.hint) {
				t.Errorf("hint lacks %q", c.hint)
			}
			if len(lines) > 2 && !strings.Contains(first, ".yaml:") { // a spec's faults show the line they mean
				t.Errorf("%d lines", len(lines))
			}
			for _, noise := range []string{"goroutine", "panic", "strconv", "%!", "sesame", "\x1b"} {
				if strings.Contains(got.stderr, noise) {
					t.Errorf("%q is no word for a user", noise)
				}
			}
			if got.stdout != "" && c.code != fault.Invalid {
				t.Errorf("standard output: %s", got.stdout)
			}
			if t.Failed() || testing.Verbose() {
				t.Logf("chimera %q\n%s", line, got.stderr[:min(len(got.stderr), 2000)])
			}
		})
	}
}
