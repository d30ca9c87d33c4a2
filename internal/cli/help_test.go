package cli

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// commands are all that a user can type.
func commands() []*cobra.Command {
	var all []*cobra.Command
	var add func(*cobra.Command)
	add = func(c *cobra.Command) {
		all = append(all, c)
		for _, sub := range c.Commands() {
			add(sub)
		}
	}
	add((&app{Env: Env{Getenv: func(string) string { return "" }}}).root())
	return all
}

// ours tells our commands from those of the library.
func ours(c *cobra.Command) bool {
	for at := c; at != nil; at = at.Parent() {
		if at.Name() == "completion" || at.Name() == "help" {
			return false
		}
	}
	return true
}

func TestEveryCommandExplainsItself(t *testing.T) {
	for _, c := range commands() {
		var out bytes.Buffer
		c.SetOut(&out)
		if err := c.Help(); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if n := visible(strings.TrimSuffix(line, "\n")); n > maxWidth && ours(c) {
				t.Errorf("%s --help: %d columns: %s", c.CommandPath(), n, line)
			}
		}
		if !ours(c) {
			continue
		}
		if c.Short == "" || strings.HasSuffix(c.Short, ".") || c.Short[:1] != strings.ToUpper(c.Short[:1]) {
			t.Errorf("%s: the short text is %q", c.CommandPath(), c.Short)
		}
		if !c.HasSubCommands() && c.Example == "" {
			t.Errorf("%s has no example", c.CommandPath())
		}
	}
}

// Each example in a help text is a command line that chimera takes.
func TestExamplesAreCommandLines(t *testing.T) {
	seen := 0
	for _, c := range commands() {
		if !ours(c) {
			continue
		}
		for line := range strings.Lines(c.Example) {
			for part := range strings.FieldsFuncSeq(line, func(r rune) bool { return strings.ContainsRune("|&<>", r) }) {
				args := words(part)
				if len(args) == 0 || args[0] != "chimera" {
					continue
				}
				seen++
				at, rest, err := commands()[0].Find(args[1:])
				if err == nil {
					err = at.ParseFlags(rest)
				}
				if err == nil {
					err = at.ValidateArgs(at.Flags().Args())
				}
				if err != nil {
					t.Errorf("%s: example %q: %v", c.CommandPath(), strings.TrimSpace(part), err)
				}
			}
		}
	}
	if seen < 25 {
		t.Errorf("only %d examples", seen)
	}
}

// words splits a command line at spaces outside single quotes; two spaces end
// it, since what follows is an explanation.
func words(line string) []string {
	line, _, _ = strings.Cut(strings.TrimSpace(line), "   ")
	var out []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			out = append(out, part)
			continue
		}
		out = append(out, strings.Fields(part)...)
	}
	return slices.DeleteFunc(out, func(w string) bool { return w == "" })
}
