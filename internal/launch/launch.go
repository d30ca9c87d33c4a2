// Package launch starts runtimes for as long as an experiment needs them, and
// leaves nothing behind.
//
// A server gets a free port on loopback, its own process group and its own log.
// It is ready when it answers, not when it was started; one that does not come
// up is an error that holds the end of its log. It is stopped whatever happens:
// by Stop, by the end of its context, and, where the system can (Linux,
// Windows), by the death of this process.
package launch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"chimera/internal/fault"
)

// Options say what to start.
type Options struct {
	Kind    string   // Ollama or LlamaServer
	Binary  string   // a path, or a name to be found in PATH; "" is the kind's own name
	Environ []string // of the process: os.Environ(), to which the kind's variables are added

	Name string // of the log: "two-servers-1"; "" is the kind
	Logs string // folder of the log, which is made if need be

	Models string // ollama: folder of its models, which servers may share; "" is its own
	Model  string // llama-server: the GGUF file

	Parallel  int               // requests answered at once; 0 leaves it to the runtime
	Context   int               // tokens that each of them may have; 0 leaves it to the runtime
	MaxLoaded int               // ollama: models loaded at once; 0 leaves it to the runtime
	Vars      map[string]string // further environment variables, which win
	Args      []string          // further arguments

	Port  int           // on loopback; 0 is a free one
	Wait  time.Duration // until it must answer; 0 is two minutes
	Grace time.Duration // from the request to stop to the kill; 0 is ten seconds
}

// Server is a runtime that answers. Methods are safe for concurrent use.
type Server struct {
	name, url, log string
	command        string
	grace          time.Duration
	process        *process
	asked          chan struct{} // closed when Stop was called
	stop           sync.Once
	stopped        error // of Stop, after stop
}

// Start starts a server and returns when it answers. It is stopped when ctx
// ends. An error is a fault: Usage for impossible options, Interrupted if ctx
// ended, Runtime for a server that is missing or did not come up.
func Start(ctx context.Context, o Options) (*Server, error) {
	k, ok := kinds[o.Kind]
	if !ok {
		return nil, fault.New(fault.Usage, "launch: there is no runtime %q: choose %s or %s", o.Kind, Ollama, LlamaServer)
	}
	if err := k.check(o); err != nil {
		return nil, err
	}
	if o.Binary == "" {
		o.Binary = o.Kind
	}
	binary, err := exec.LookPath(o.Binary)
	if err != nil {
		return nil, fault.With(fmt.Errorf("launch %s: %w", o.Kind, err), fault.Runtime, "install it, or say where it is with --server-binary")
	}
	o.Binary = binary
	if o.Name == "" {
		o.Name = o.Kind
	}
	for attempt := 1; ; attempt++ {
		s, err := start(ctx, k, o)
		if err == nil || attempt == mostAttempts || o.Port != 0 || !errors.Is(err, errPortTaken) {
			return s, err
		}
	}
}

// Between the choice of a free port and the server's own listening, another
// process can take it: then another one is tried.
const mostAttempts = 3

var errPortTaken = errors.New("its port is taken")

func start(ctx context.Context, k kind, o Options) (*Server, error) {
	if ctx.Err() != nil {
		return nil, fault.With(context.Cause(ctx), fault.Interrupted, "")
	}
	port, err := freePort(o.Port)
	if err != nil {
		return nil, err
	}
	log, err := newLog(o.Logs, o.Name)
	if err != nil {
		return nil, fault.With(fmt.Errorf("launch %s: %w", o.Name, err), fault.Runtime, "name a folder for its log that can be written")
	}
	defer log.Close() // the process has its own handle
	cmd := k.command(o, port)
	line := commandLine(cmd, k.prefix)
	fmt.Fprintln(log, "$", line)
	cmd.Stdout, cmd.Stderr = log, log
	s := &Server{name: o.Name, url: "http://" + address(port), log: log.Name(), command: line, grace: o.Grace, asked: make(chan struct{})}
	if s.grace <= 0 {
		s.grace = 10 * time.Second
	}
	if s.process, err = begin(cmd); err != nil {
		return nil, fault.With(fmt.Errorf("launch %s: %w", o.Name, err), fault.Runtime, "check that "+o.Binary+" can be executed")
	}
	if err := s.healthy(ctx, s.url+k.health, o.Wait); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	context.AfterFunc(ctx, func() { _ = s.Stop() }) // the caller's Stop tells how that went
	return s, nil
}

// URL is the server's base address.
func (s *Server) URL() string { return s.url }

// Command is what would start the same from a shell: the variables that concern
// the runtime, the binary, the arguments. The log begins with it.
func (s *Server) Command() string { return s.command }

// PID is the process that leads the server's group.
func (s *Server) PID() int { return s.process.pid() }

// Log is the path of what the server prints.
func (s *Server) Log() string { return s.log }

// Done is closed when the server has ended, for whatever reason.
func (s *Server) Done() <-chan struct{} { return s.process.done }

// Err says why a server ended that nobody stopped; nil before its end, and of
// one that was stopped.
func (s *Server) Err() error {
	select {
	case <-s.asked:
		return nil
	default:
	}
	if s.process.running() {
		return nil
	}
	return s.ended("ended by itself")
}

// Stop ends the server and all that it started: it asks, waits for the grace,
// then kills. It returns when the server is gone; further calls wait for the
// first. A server that cannot be ended is an error.
func (s *Server) Stop() error {
	s.stop.Do(func() {
		close(s.asked)
		if err := s.process.end(s.grace); err != nil {
			s.stopped = fault.With(fmt.Errorf("stop %s: process %d: %w", s.name, s.PID(), err), fault.Runtime, "end it by hand; its log is "+s.log)
		}
	})
	return s.stopped
}

// ended is the error of a server that went by itself.
func (s *Server) ended(how string) error {
	err := fmt.Errorf("%s %s: %s", s.name, how, s.process.status())
	lines, taken := tail(s.log)
	if taken {
		err = fmt.Errorf("%w: %w", err, errPortTaken)
	}
	return s.withLog(err, lines)
}

// withLog adds the end of the log to an error.
func (s *Server) withLog(err error, lines []string) error {
	if len(lines) > 0 {
		err = fmt.Errorf("%w; its log ends with\n  %s", err, strings.Join(lines, "\n  "))
	}
	return fault.With(err, fault.Runtime, "the whole log is "+s.log)
}

// healthy waits until the server answers.
func (s *Server) healthy(ctx context.Context, url string, limit time.Duration) error {
	if limit <= 0 {
		limit = 2 * time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	// No proxy: the server is on this machine. No connection is kept, so that
	// nothing lies open where the server's connections are counted.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	pause := time.NewTicker(50 * time.Millisecond)
	defer pause.Stop()
	for {
		if answers(ctx, client, url) && s.process.running() {
			return nil
		}
		select {
		case <-s.process.done:
			return s.ended("ended before it answered")
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				lines, _ := tail(s.log)
				return s.withLog(fmt.Errorf("%s did not answer at %s within %s", s.name, url, limit), lines)
			}
			return fault.With(context.Cause(ctx), fault.Interrupted, "")
		case <-pause.C:
		}
	}
}

func answers(ctx context.Context, client *http.Client, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	r, err := client.Do(req)
	if err != nil {
		return false
	}
	r.Body.Close()
	return r.StatusCode == http.StatusOK
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// freePort returns a port on loopback that nobody listens on, the wanted one if
// there is one.
func freePort(want int) (int, error) {
	l, err := net.Listen("tcp", address(want))
	if err != nil {
		return 0, fault.With(fmt.Errorf("launch: port %d: %w: %w", want, errPortTaken, err), fault.Runtime, "choose another port, or 0 for any free one")
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}

// newLog makes a log that no other server has.
func newLog(folder, name string) (*os.File, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	for n := 1; ; n++ {
		base := name
		if n > 1 {
			base += "-" + strconv.Itoa(n)
		}
		f, err := os.OpenFile(filepath.Join(folder, base+".log"), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o644)
		if err == nil || !errors.Is(err, os.ErrExist) {
			return f, err
		}
	}
}

// commandLine is what would start the same from a shell. Of the environment it
// names what may concern the runtime.
func commandLine(cmd *exec.Cmd, prefix string) string {
	words := []string{}
	for _, v := range cmd.Env {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, prefix) {
			// Of two of one name, the later one counts.
			words = slices.DeleteFunc(words, func(w string) bool { return strings.HasPrefix(w, name+"=") })
			words = append(words, v)
		}
	}
	return strings.Join(append(words, cmd.Args...), " ")
}
