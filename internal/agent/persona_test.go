package agent_test

import (
	"strings"
	"testing"

	"chimera/internal/agent"
	"chimera/internal/fault"
)

func TestEmbeddedPersonas(t *testing.T) {
	for _, name := range agent.Personas() {
		p, err := agent.Embedded(strings.ToLower(name))
		if err != nil {
			t.Fatal(err)
		}
		if p.Name != name || !strings.HasPrefix(p.Text(), "You are "+name+". ") {
			t.Errorf("%s calls itself %q", name, p.Text())
		}
	}
	c, err := agent.Embedded(agent.Collector)
	if err != nil || c.Words != (agent.Range{Most: 250}) || c.About != agent.Inventory {
		t.Errorf("the collector writes %s words about %s (%v)", c.Words, c.About, err)
	}
	i, err := agent.Embedded(agent.Insight)
	if err != nil || i.Words != (agent.Range{Least: 300, Most: 400}) {
		t.Errorf("the insight agent writes %s words (%v)", i.Words, err)
	}
	if s, ok := i.Section("optimisations"); !ok || s.Count != (agent.Range{Least: 3, Most: 3}) || s.Style != agent.Numbered {
		t.Errorf("optimisations are %+v", s)
	}
	if s, ok := i.Section("risks"); !ok || s.Count.Least != 2 || s.Style != agent.Table {
		t.Errorf("risks are %+v", s)
	}
	if _, err := agent.Embedded("nobody"); fault.CodeOf(err) != fault.Usage || fault.HintOf(err) == "" {
		t.Errorf("an unknown persona is %v", err)
	}
}

const custom = `version: 1
name: Auditor
role: You look for mistakes.
sections:
  - {id: faults, title: Faults, ask: what is wrong}
`

func TestCustomPersona(t *testing.T) {
	p, err := agent.ParsePersona("mine.yaml", []byte(custom))
	if err != nil {
		t.Fatal(err)
	}
	want := "You are Auditor. You look for mistakes.\nYou write any number of words in these sections:\n- Faults (prose, at most 40 sentences): what is wrong.\n"
	if p.Text() != want || p.About != agent.Findings {
		t.Errorf("text is %q, want %q", p.Text(), want)
	}
	for _, c := range []struct{ name, src, want string }{
		{"unknown key", custom + "temprature: 1\n", `6:1: unknown key "temprature"`},
		{"twice", custom + "role: again\n", "role"},
		{"no sections", "version: 1\nname: a\nrole: b\n", "sections must name at least one"},
		{"version", strings.Replace(custom, "version: 1", "version: 2", 1), "1:1: version must be 1"},
		{"bad id", strings.Replace(custom, "id: faults", "id: Faults!", 1), `5:10: id "Faults!" must be`},
		{"bad count", strings.Replace(custom, "ask: what is wrong", "ask: x, most: 900", 1), "most is"},
		{"range", strings.Replace(custom, "ask: what is wrong", "ask: x, least: 5, most: 2", 1), "least is 5, more than most, 2"},
		{"style", strings.Replace(custom, "ask: what is wrong", "ask: x, style: haiku", 1), "style is"},
		{"no text", strings.Replace(custom, "You look for mistakes.", "[1]", 1), "role must be a text"},
		{"control", strings.Replace(custom, "You look for mistakes.", `"a\nb"`, 1), "printable"},
		{"two documents", custom + "---\n" + custom, "one document"},
		{"not yaml", "{", "mine.yaml"},
		{"long", custom + strings.Repeat("#", agent.MaxPersona), "more than"},
		{"empty", "", "mine.yaml"},
	} {
		_, err := agent.ParsePersona("mine.yaml", []byte(c.src))
		if err == nil || !strings.Contains(err.Error(), c.want) || fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// Whatever a file says, reading it ends in a persona whose text stays within
// bounds, or in an error.
func FuzzPersona(f *testing.F) {
	f.Add([]byte(custom))
	f.Add([]byte("version: 1\nname: &a x\nrole: *a\nsections: [{id: a, title: *a, ask: *a}]\n"))
	f.Add([]byte("- 1\n? {}\n: x"))
	f.Fuzz(func(t *testing.T, src []byte) {
		p, err := agent.ParsePersona("x.yaml", src)
		if err == nil && (p.Name == "" || len(p.Sections) == 0 || len(p.Text()) > 4*agent.MaxPersona) {
			t.Errorf("%+v", p)
		}
	})
}
