package claim

import (
	"encoding/json"
	"fmt"
	"strings"
)

// flatten writes a notebook as the text that it shows: Markdown cells as they
// stand, code after "In [n]:", and what the code printed below it.
func flatten(content []byte) (string, error) {
	var nb struct {
		Cells []struct {
			Type    string          `json:"cell_type"`
			Count   *int            `json:"execution_count"`
			Source  json.RawMessage `json:"source"`
			Outputs []output        `json:"outputs"`
		} `json:"cells"`
	}
	if err := json.Unmarshal(content, &nb); err != nil {
		return "", fmt.Errorf("it is no notebook: %w", err)
	}
	var b strings.Builder
	for _, c := range nb.Cells {
		source := joined(c.Source)
		if c.Type != "code" {
			b.WriteString(source + "\n\n")
			continue
		}
		b.WriteString("```python\n" + strings.ReplaceAll(source, "```", "'''") + "\n```\n\n")
		for _, o := range c.Outputs {
			if text := o.shown(); text != "" {
				b.WriteString("```\n" + strings.ReplaceAll(strings.TrimRight(text, "\n"), "```", "'''") + "\n```\n\n")
			}
		}
	}
	return b.String(), nil
}

type output struct {
	Text json.RawMessage            `json:"text"`
	Data map[string]json.RawMessage `json:"data"`
}

func (o output) shown() string {
	if text := joined(o.Text); text != "" {
		return text
	}
	return joined(o.Data["text/plain"])
}

// joined reads a text that may be a list of lines.
func joined(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var lines []string
	if json.Unmarshal(raw, &lines) == nil {
		return strings.Join(lines, "")
	}
	return ""
}
