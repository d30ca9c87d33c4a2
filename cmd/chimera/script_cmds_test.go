package main

import (
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"chimera/internal/target/fake"

	"github.com/rogpeppe/go-internal/testscript"
)

// exits CODE ARGS… runs a command and fails unless it exits with CODE.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%s: %v", args[1], err)
	}
	if got != want {
		ts.Fatalf("exit code is %d, want %d", got, want)
	}
}

// write FILE KIND SIZE makes an input that a script cannot hold as text.
func write(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: write FILE zeros|line SIZE")
	}
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	fill := map[string]string{"zeros": "\x00", "line": "a"}[args[1]]
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Repeat(fill, n)), 0o644))
}

// simulate NAME PROFILE serves a simulator until the script ends and puts its
// URL into the variable NAME.
func simulate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: simulate NAME PROFILE")
	}
	profile, err := fake.ParseProfile(args[1])
	ts.Check(err)
	sim, err := fake.New(profile)
	ts.Check(err)
	server := httptest.NewServer(sim.Handler())
	ts.Defer(func() { sim.Close(); server.Close() })
	ts.Setenv(args[0], server.URL)
}
