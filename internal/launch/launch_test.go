package launch_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chimera/internal/fault"
	"chimera/internal/launch"
)

// The test binary is its own server: what it does is in this variable.
const play = "LAUNCH_TEST_PLAY"

func TestMain(m *testing.M) {
	part, ok := os.LookupEnv(play)
	if !ok {
		os.Exit(m.Run())
	}
	os.Exit(plays[part]())
}

var plays = map[string]func() int{
	"healthy": func() int { return serve(http.StatusOK) },
	"loading": func() int { return serve(http.StatusServiceUnavailable) },
	"dies": func() int {
		for i := range 20 {
			fmt.Println("line", i)
		}
		fmt.Println("cannot find the weights")
		return 3
	},
	"bind": func() int { // the first one finds its port taken
		marker := os.Getenv("LAUNCH_TEST_MARKER")
		if _, err := os.Stat(marker); err != nil {
			if err := os.WriteFile(marker, nil, 0o600); err != nil {
				return 4
			}
			fmt.Println("listen tcp: bind: address already in use")
			return 1
		}
		return serve(http.StatusOK)
	},
	"sleep": func() int { // what a server starts
		<-time.After(time.Minute)
		return 0
	},
	"quits": func() int {
		go func() {
			<-time.After(300 * time.Millisecond)
			fmt.Println("out of memory")
			os.Exit(9)
		}()
		return serve(http.StatusOK)
	},
	"chimera": chimera,
}

// serve answers at the address that launch gave it.
func serve(status int) int {
	at := os.Getenv("OLLAMA_HOST")
	l, err := net.Listen("tcp", at)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("listening at", at)
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/version" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.WriteHeader(status)
	}))
	return 0
}

// options start this binary in a part.
func options(t *testing.T, part string, more ...string) launch.Options {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{play: part}
	for i := 0; i < len(more); i += 2 {
		vars[more[i]] = more[i+1]
	}
	return launch.Options{Kind: launch.Ollama, Binary: self, Environ: os.Environ(), Name: part, Logs: filepath.Join(t.TempDir(), "logs"),
		Vars: vars, Wait: 30 * time.Second, Grace: 5 * time.Second}
}

func started(t *testing.T, o launch.Options) *launch.Server {
	t.Helper()
	s, err := launch.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func silent(t *testing.T, s *launch.Server) {
	t.Helper()
	if c, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://")); err == nil {
		c.Close()
		t.Errorf("%s still answers", s.URL())
	}
}

func TestAServerAnswersUntilItIsStopped(t *testing.T) {
	o := options(t, "healthy")
	o.Models, o.Parallel, o.Context, o.MaxLoaded = "/models", 2, 4096, 3
	one, two := started(t, o), started(t, o)
	if one.URL() == two.URL() || one.Log() == two.Log() || one.PID() == two.PID() {
		t.Errorf("two servers share %s, %s or %d", one.URL(), one.Log(), one.PID())
	}
	r, err := http.Get(one.URL() + "/api/version")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	for range 2 {
		if err := one.Stop(); err != nil {
			t.Error(err)
		}
	}
	silent(t, one)
	select {
	case <-one.Done():
	default:
		t.Error("a stopped server is not done")
	}
	if err := one.Err(); err != nil {
		t.Errorf("a stopped server ended by itself: %v", err)
	}
	if err := two.Err(); err != nil {
		t.Errorf("the other one ended too: %v", err)
	}
	log, err := os.ReadFile(one.Log())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(log), "$ "+one.Command()+"\n") {
		t.Errorf("the log does not begin with %q:\n%s", one.Command(), log)
	}
	for _, want := range []string{"$ OLLAMA_CONTEXT_LENGTH=4096 ", " OLLAMA_HOST=" + strings.TrimPrefix(one.URL(), "http://"), "OLLAMA_MODELS=/models", "OLLAMA_NUM_PARALLEL=2", "OLLAMA_MAX_LOADED_MODELS=3", " serve\n", "listening at"} {
		if !strings.Contains(string(log), want) {
			t.Errorf("the log does not hold %q:\n%s", want, log)
		}
	}
}

func TestAServerThatNeverAnswersIsStopped(t *testing.T) {
	o := options(t, "loading")
	o.Wait = 2 * time.Second
	s, err := launch.Start(t.Context(), o)
	if s != nil || fault.CodeOf(err) != fault.Runtime || !strings.Contains(err.Error(), "within 2s") || !strings.Contains(err.Error(), "listening at") ||
		!strings.Contains(fault.HintOf(err), o.Logs) {
		t.Fatalf("%v; hint: %s", err, fault.HintOf(err))
	}
	_, at, _ := strings.Cut(err.Error(), "listening at ")
	if c, err := net.Dial("tcp", strings.TrimSpace(at)); err == nil {
		c.Close()
		t.Error("it still listens")
	}
}

func TestAServerThatDiesSaysWhy(t *testing.T) {
	_, err := launch.Start(t.Context(), options(t, "dies"))
	if fault.CodeOf(err) != fault.Runtime || err == nil {
		t.Fatal(err)
	}
	for _, want := range []string{"exit status 3", "cannot find the weights", "line 19"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "line 3\n") {
		t.Errorf("the whole log: %v", err)
	}
}

func TestAServerThatDiesLaterIsNoticed(t *testing.T) {
	s := started(t, options(t, "quits"))
	select {
	case <-s.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
	if err := s.Err(); err == nil || !strings.Contains(err.Error(), "exit status 9") || !strings.Contains(err.Error(), "out of memory") {
		t.Errorf("err is %v", err)
	}
}

func TestATakenPortIsTriedOver(t *testing.T) {
	s := started(t, options(t, "bind", "LAUNCH_TEST_MARKER", filepath.Join(t.TempDir(), "seen")))
	if !strings.HasSuffix(s.Log(), "bind-2.log") {
		t.Errorf("the log is %s", s.Log())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := options(t, "healthy")
	o.Port = l.Addr().(*net.TCPAddr).Port
	if _, err := launch.Start(t.Context(), o); fault.CodeOf(err) != fault.Runtime || !strings.Contains(fmt.Sprint(err), fmt.Sprint(o.Port)) {
		t.Errorf("on a port that is taken: %v", err)
	}
}

func TestTheEndOfTheContextStopsAServer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, err := launch.Start(ctx, options(t, "healthy"))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-s.Done()
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	silent(t, s)

	stopped, stop := context.WithCancelCause(t.Context())
	time.AfterFunc(500*time.Millisecond, func() { stop(errors.New("interrupted")) })
	if _, err := launch.Start(stopped, options(t, "loading")); fault.CodeOf(err) != fault.Interrupted || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("while it was starting: %v", err)
	}
	if _, err := launch.Start(stopped, options(t, "healthy")); fault.CodeOf(err) != fault.Interrupted {
		t.Errorf("after the end: %v", err)
	}
}

func TestImpossibleOptionsAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*launch.Options)
		code   fault.Code
	}{
		"a runtime that nobody knows": {func(o *launch.Options) { o.Kind = "vllm" }, fault.Usage},
		"ollama with a file":          {func(o *launch.Options) { o.Model = "m.gguf" }, fault.Usage},
		"llama-server without one":    {func(o *launch.Options) { o.Kind = launch.LlamaServer }, fault.Usage},
		"a missing binary":            {func(o *launch.Options) { o.Binary = "no-such-runtime-anywhere" }, fault.Runtime},
	} {
		o := options(t, "healthy")
		c.change(&o)
		if s, err := launch.Start(t.Context(), o); s != nil || fault.CodeOf(err) != c.code || c.code == fault.Runtime && fault.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// chimera is a process that starts a server, tells of it, and does not stop it.
func chimera() int {
	s, err := launch.Start(context.Background(), launch.Options{Kind: launch.Ollama, Binary: os.Getenv("LAUNCH_TEST_BINARY"), Environ: os.Environ(),
		Logs: os.Getenv("LAUNCH_TEST_LOGS"), Models: os.Getenv("LAUNCH_TEST_MODELS"), Vars: map[string]string{play: "healthy"}})
	if err != nil {
		fmt.Println(err)
		return 5
	}
	fmt.Println(s.URL(), s.PID())
	<-time.After(time.Minute)
	return 0
}

// another is a chimera in a process of its own, with a server on a binary.
func another(t *testing.T, binary string, env ...string) (chimera *exec.Cmd, url string, pid int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(append(os.Environ(), play+"=chimera", "LAUNCH_TEST_BINARY="+binary, "LAUNCH_TEST_LOGS="+t.TempDir()), env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := fmt.Sscan(line, &url, &pid); err != nil || !strings.HasPrefix(url, "http://") {
		t.Fatalf("%q, %v", line, err)
	}
	return cmd, url, pid
}

// kill ends a chimera as nothing can be caught, and waits until gone says so.
func kill(t *testing.T, chimera *exec.Cmd, gone func() bool) {
	t.Helper()
	if err := chimera.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = chimera.Wait() // it was killed
	deadline := time.After(20 * time.Second)
	for tick := time.Tick(20 * time.Millisecond); !gone(); {
		select {
		case <-tick:
		case <-deadline:
			t.Fatal("a server is there though nobody is left to stop it")
		}
	}
}

func TestADeadChimeraLeavesNoServer(t *testing.T) {
	if !tied {
		t.Skip("this system does not tie a process to its parent's life")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	chimera, url, _ := another(t, self)
	kill(t, chimera, func() bool {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err == nil {
			c.Close()
		}
		return err != nil
	})
}
