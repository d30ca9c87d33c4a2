package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"
)

// Env is everything a command may touch of the process it runs in. Tests make
// their own.
type Env struct {
	Args   []string
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	Getenv func(string) string
	// Width is the terminal's width in columns; 0 when standard error is none.
	Width int
	// Terminal reports whether standard output is a terminal.
	Terminal bool
	// Interrupts delivers Ctrl-C and SIGTERM.
	Interrupts <-chan os.Signal
}

// Main runs the command line of this process and returns its exit status.
func Main() int {
	interrupts := make(chan os.Signal, 2)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	env := Env{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Getenv: os.Getenv, Interrupts: interrupts,
		Terminal: term.IsTerminal(int(os.Stdout.Fd())),
	}
	if term.IsTerminal(int(os.Stderr.Fd())) && env.Getenv("TERM") != "dumb" && env.Getenv("CI") == "" {
		if w, _, err := term.GetSize(int(os.Stderr.Fd())); err == nil {
			env.Width = max(w, 20)
		}
	}
	return int(Run(context.Background(), env))
}

// color reports whether output to a terminal may be coloured.
func (e Env) color() bool {
	return e.Terminal && e.Getenv("NO_COLOR") == "" && e.Getenv("TERM") != "dumb"
}

// cacheDir is where chimera keeps what it can make again.
func (e Env) cacheDir() string {
	if d := e.Getenv("CHIMERA_CACHE"); d != "" {
		return d
	}
	if d, err := os.UserCacheDir(); err == nil {
		return d + string(os.PathSeparator) + "chimera"
	}
	return strings.TrimSuffix(os.TempDir(), string(os.PathSeparator)) + string(os.PathSeparator) + "chimera-cache"
}
