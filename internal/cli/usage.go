package cli

import (
	"errors"
	"fmt"
	"strings"

	"chimera/internal/fault"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usageErrors gives every command's argument check the usage code and a hint:
// cobra's own errors carry neither, and count arguments instead of naming the
// form.
func usageErrors(cmd *cobra.Command) {
	cmd.SuggestionsMinimumDistance = 2
	if check := cmd.Args; check != nil {
		cmd.Args = func(c *cobra.Command, args []string) error {
			err := check(c, args)
			if err == nil || fault.CodeOf(err) != fault.Runtime {
				return err
			}
			return fault.With(wrongArguments(c, args), fault.Usage, helpHint(c))
		}
	}
	for _, sub := range cmd.Commands() {
		usageErrors(sub)
	}
}

func helpHint(c *cobra.Command) string { return fmt.Sprintf("`%s --help` shows how", c.CommandPath()) }

// wrongArguments says what is wrong with the arguments that c's check refused.
func wrongArguments(c *cobra.Command, args []string) error {
	form := c.Use
	if parent := c.Parent(); parent != nil {
		form = parent.CommandPath() + " " + c.Use
	}
	switch {
	case len(args) > 0 && c.HasAvailableSubCommands():
		return unknownCommand(c, args[0])
	case len(args) == 0:
		return fmt.Errorf("an argument is missing: %s", form)
	case c.Args != nil && !strings.Contains(c.Use, " "):
		return fmt.Errorf("%s takes no argument, but got %q", c.Name(), args[0])
	}
	return fmt.Errorf("%d arguments are too many: %s", len(args), form)
}

func unknownCommand(c *cobra.Command, name string) error {
	text := fmt.Sprintf("unknown command %q", name)
	if near := c.SuggestionsFor(name); len(near) > 0 {
		text += ", did you mean " + strings.Join(near, " or ") + "?"
	}
	return errors.New(text)
}

// kindsOfValue says in words what a flag of each type takes.
var kindsOfValue = map[string]string{
	"int": "a whole number", "int64": "a whole number", "uint64": "a whole number from 0",
	"float64": "a number", "bool": "true or false", "duration": "a duration such as 90s, 1m30s or 250ms",
}

// flagError says what is wrong with a flag, without the words of Go's parsers.
func flagError(cmd *cobra.Command, err error) error {
	if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		if want, known := kindsOfValue[bad.GetFlag().Value.Type()]; known {
			err = fmt.Errorf("--%s must be %s, but is %q", bad.GetFlag().Name, want, bad.GetValue())
		}
	}
	return fault.With(err, fault.Usage, fmt.Sprintf("`%s --help` lists the flags", cmd.CommandPath()))
}

// strictBuiltins makes cobra's own commands refuse what they do not know, as
// ours do: they would print help and succeed.
func strictBuiltins(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "completion":
			c.Args, c.RunE = cobra.NoArgs, func(c *cobra.Command, _ []string) error { return c.Help() }
		case "help":
			c.Args = func(_ *cobra.Command, args []string) error {
				at, rest, err := root.Find(args)
				if err == nil && len(rest) == 0 {
					return nil
				}
				return fault.With(unknownCommand(at, strings.Join(rest, " ")), fault.Usage, helpHint(at))
			}
		}
	}
}

// withHint adds a hint to an error that has none.
func withHint(err error, hint string) error {
	if fault.HintOf(err) != "" {
		return err
	}
	return fault.Hint(err, "%s", hint)
}
