package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"chimera/internal/fault"
	"chimera/internal/grammar"

	"github.com/spf13/cobra"
)

// A language is what a continuation must be a text of, as a JSON line gives it:
// at most one of the two, and none for any text.
type language struct {
	Grammar    *string         `json:"grammar"`
	JSONSchema json.RawMessage `json:"json_schema"`
}

const languageHint = "docs/formats/grammar.md lists what a grammar and a JSON Schema may hold"

// given reports whether l says anything; a JSON null does not.
func (l language) given() bool {
	return l.Grammar != nil || l.JSONSchema != nil && !bytes.Equal(l.JSONSchema, []byte("null"))
}

// parse returns nil for any text.
func (l language) parse() (*grammar.Grammar, error) {
	switch {
	case !l.given():
		return nil, nil
	case l.Grammar == nil:
		g, err := grammar.FromJSONSchema(string(l.JSONSchema))
		return g, fault.Hint(err, "%s", languageHint)
	case (language{JSONSchema: l.JSONSchema}).given():
		return nil, fault.With(errors.New("both a grammar and a JSON Schema are given"), fault.Usage, "leave one of them out")
	}
	g, err := grammar.ParseGBNF(*l.Grammar)
	return g, fault.Hint(err, "%s", languageHint)
}

// readLanguage reads the file that --grammar or --json-schema of cmd names; nil
// is any text.
func (a *app) readLanguage(cmd *cobra.Command, gbnf, schema string) (*grammar.Grammar, error) {
	name, parse := gbnf, grammar.ParseGBNF
	if cmd.Flags().Changed("json-schema") {
		name, parse = schema, grammar.FromJSONSchema
		if cmd.Flags().Changed("grammar") {
			return nil, fault.With(errors.New("--grammar and --json-schema exclude each other"), fault.Usage, "leave one of them out")
		}
	} else if !cmd.Flags().Changed("grammar") {
		return nil, nil
	}
	if name == "-" && !cmd.Flags().Changed("prompt") {
		return nil, fault.With(errors.New("standard input cannot be both the grammar and the JSON lines"), fault.Usage, "give --prompt, or a file")
	}
	b, err := a.readInput(name, grammar.MaxSource)
	if err != nil {
		return nil, fault.Hint(err, "--grammar and --json-schema name a file of at most %d bytes", grammar.MaxSource)
	}
	g, err := parse(string(b))
	if err != nil {
		return nil, fault.With(fmt.Errorf("%s: %w", name, err), fault.Usage, languageHint)
	}
	return g, nil
}
