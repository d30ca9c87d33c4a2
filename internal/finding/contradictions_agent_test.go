package finding_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"chimera/internal/agent"
	"chimera/internal/finding"
	"chimera/internal/sample"
)

// wrongOfAgents are those that a program did: here two agents work over the
// earlier lab's rows, with a model that answers what it is told to.
func wrongOfAgents() []contradiction {
	whole := func(string) string { return `[{"kind": "finding", "parts": [{"slot": "N0001"}]}]` }
	everything := func(section string) string {
		var all []string
		for i := range 10 {
			slot := fmt.Sprintf("N%04d", i+1)
			if section != "Inventory" && section != "Summary" {
				slot = fmt.Sprintf("F%04d", 2*len(section)+i) // the sections' titles differ in length
			}
			all = append(all, fmt.Sprintf(`{"kind": "finding", "parts": [{"slot": %q}]}`, slot))
		}
		return "[" + strings.Join(all, ", ") + "]"
	}
	return []contradiction{
		{36, "personas are printed and never sent, and no agent reads another", sweepDir, func(a *finding.Analysis) error {
			asked, all, err := together(a, everything)
			if err != nil {
				return err
			}
			first := all[0].Text()
			for _, q := range asked {
				if !strings.HasPrefix(q.Prompt, q.Agent.Persona.Text()) {
					return fmt.Errorf("%s of the %s was sent without its persona", q.Stage, q.Role)
				}
				if q.Role == "insight" && q.Stage != agent.StageAnalysis && !strings.Contains(q.Prompt, strings.TrimSpace(first)) {
					return fmt.Errorf("%s of the second agent is without what the first one wrote:\n%s", q.Stage, first)
				}
			}
			for _, w := range all {
				if n := len(strings.Fields(strings.Join(flat(w), " "))); n == 0 || n > w.Agent.Persona.Words.Most {
					return fmt.Errorf("the %s wrote %d words, and may write %s", w.Role, n, w.Agent.Persona.Words)
				}
			}
			return nil
		}},
		{37, "the analysis sees counts and names of files", sweepDir, func(a *finding.Analysis) error {
			asked, _, err := together(a, whole)
			for _, q := range asked {
				if q.Role != "insight" || q.Stage == agent.StageAnalysis {
					continue
				}
				for _, want := range []string{"gemma3:270m has the best token rate", "2.88× [2.81, 2.95]", "mean token rate by the runtime's clock | gemma3:latest | 102 [101, 104] token/s | 4"} {
					if !strings.Contains(q.Prompt, want) {
						return fmt.Errorf("%s is asked without %q", q.Stage, want)
					}
				}
			}
			return err
		}},
		{38, "the report is asked with first values without model or unit, cut by the context", sweepDir, func(a *finding.Analysis) error {
			asked, _, err := together(a, whole)
			for _, q := range asked {
				if len(q.Prompt) > 12_000 {
					return fmt.Errorf("a prompt of %d characters", len(q.Prompt))
				}
				for line := range strings.Lines(q.Prompt) {
					cells := strings.Split(strings.TrimSpace(line), " | ")
					if strings.HasPrefix(line, "F0") && (len(cells) != 5 || cells[1] == "" || cells[2] == "" || cells[4] == "") {
						return fmt.Errorf("a fact that does not say what it is of: %s", line)
					}
				}
			}
			return err
		}},
		{53, "key findings are lines that hold a keyword", sweepDir, func(a *finding.Analysis) error {
			_, all, err := together(a, func(string) string {
				return `[{"kind": "finding", "text": "Key finding: you should consider 4242 threads."}, {"kind": "finding", "parts": [{"slot": "N0001"}]}, {"kind": "finding", "parts": [{"slot": "N0001"}]}]`
			})
			for _, w := range all {
				if said := flat(w); len(said) != 1 || !strings.Contains(said[0], "gemma3:270m has the best token rate") {
					return fmt.Errorf("the %s keeps %q", w.Role, said)
				}
				if len(w.Dropped) == 0 {
					return errors.New("the line with the keywords was not refused")
				}
			}
			return err
		}},
	}
}

// flat is all that an agent wrote.
func flat(w *agent.Written) (all []string) {
	for _, said := range w.Sentences() {
		all = append(all, said...)
	}
	return all
}

// together lets two agents write over an analysis, the second after the first.
// Every section of theirs is what write answers.
func together(a *finding.Analysis, write func(section string) string) ([]agent.Question, []*agent.Written, error) {
	m := &scribe{write: write}
	c := agent.Contest{Material: &agent.Material{Ledger: ledgerOf(gathered[sweepDir]), Analysis: a}, Model: m}
	for role, name := range map[string]string{"collector": agent.Collector, "insight": agent.Insight} {
		p, err := agent.Embedded(name)
		if err != nil {
			return nil, nil, err
		}
		c.Rivals = append(c.Rivals, agent.Rival{Role: role, Agent: agent.Agent{Persona: p}})
	}
	if c.Rivals[0].Role != "collector" {
		c.Rivals[0], c.Rivals[1] = c.Rivals[1], c.Rivals[0]
	}
	all, err := c.Pair(context.Background(), agent.PairPlan{Arms: []agent.ArmPlan{{Subjects: []string{"m", "m"}}}})
	if err == nil && len(all) != 2 {
		err = fmt.Errorf("%d agents wrote, want 2", len(all))
	}
	return m.asked, all, err
}

// A scribe is a model that ranks nothing, asks no tool and writes as it is told.
type scribe struct {
	write func(section string) string
	asked []agent.Question
}

func (s *scribe) Ask(_ context.Context, q agent.Question) (*sample.Sample, error) {
	s.asked = append(s.asked, q)
	text := `{"tool": "done", "arguments": {}}`
	if q.Stage == agent.StageReport {
		var sections []string
		for _, section := range q.Agent.Persona.Sections {
			sections = append(sections, fmt.Sprintf("%q: %s", section.Title, s.write(section.Title)))
		}
		text = `{"sections": {` + strings.Join(sections, ", ") + `}}`
	}
	row := &sample.Sample{Trial: fmt.Sprint(len(s.asked)), Observation: sample.Observation{Outcome: sample.OK}}
	row.SetText(text)
	return row, nil
}

func (s *scribe) Prepare(context.Context, agent.Question) error { return nil }
func (s *scribe) Record(...sample.Reading) error                { return nil }
func (s *scribe) Now() time.Duration                            { return time.Duration(len(s.asked)) * time.Second }
