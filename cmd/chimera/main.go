// Command chimera is an LLM inference performance lab: it measures, tunes,
// explains and proves. `chimera --help` is its manual.
package main

import (
	"os"

	"chimera/internal/cli"
)

func main() { os.Exit(cli.Main()) }
