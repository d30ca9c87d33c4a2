package main

import (
	"flag"
	"os"
	"testing"

	"chimera/internal/cli"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata/script")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"chimera": func() { os.Exit(cli.Main()) }})
}

// TestScript runs every script: each is a session at a shell, and each exit
// code and each hint that chimera can give appears in one of them.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true, UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("CHIMERA_CACHE", env.WorkDir+"/cache")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "simulate": simulate, "write": write,
			"json": jsonDocument, "jsonl": jsonLines, "let": let, "narrow": narrow,
		},
	})
}
