package agent

import (
	"fmt"
	"slices"

	"chimera/internal/audit"
	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/finding"
)

// Render writes a story as Markdown.
type Render func(*Story) ([]byte, error)

// Published is a story that passed its audit, and the audit itself.
type Published struct {
	Story *Story
	Audit *audit.Report
}

// Report tells what agents wrote over the material. Nothing of it is published
// before the audit finds nothing wrong: a sentence in which a claim is anything
// but supported is dropped and the whole is audited again. The error is of code
// Gate if a claim of the tables fails, which no dropping can mend; then there is
// no report. Rows are all that it may speak of: the material's and the agents'
// own, of which own tells what they show; it may be nil.
func Report(m *Material, rows *fact.Ledger, title string, meta finding.Sentence, all []*Written, own *finding.Analysis, render Render) (*Published, error) {
	const rounds = 8
	told, tables := tallied{}, true
	for range rounds {
		story, err := tell(m, title, meta, all, own, told, tables)
		if err != nil {
			return nil, err
		}
		r, err := examine(rows, story, render)
		if err != nil {
			return nil, err
		}
		bad := r.Failing()
		switch {
		case len(bad) == 0 && told == tallyOf(r):
			return &Published{story, r}, nil
		case dropAll(all, misleading(r)): // true, but it hides what matters
		case len(bad) == 0:
			told = tallyOf(r) // the score is part of what is audited
		case dropAll(all, bad):
		case tables:
			tables = false // those of findings: how the agents worked is told in any case
		case own != nil:
			own = nil // and what it shows is told by `chimera analyze`
		default:
			return nil, fault.With(fmt.Errorf("agent: the audit of the report finds %q %s in its tables: %s", bad[0].Text, bad[0].Verdict, bad[0].Why), fault.Gate, "this is a fault of chimera: report it with the run")
		}
	}
	return nil, fault.New(fault.Gate, "agent: the audit does not come to an end after %d rounds", rounds)
}

// tell builds the whole story; told is what the audit of it found, and
// tables says whether it holds those of findings.
func tell(m *Material, title string, meta finding.Sentence, all []*Written, own *finding.Analysis, told tallied, tables bool) (*Story, error) {
	t := newTeller(m, title)
	t.story.Meta = meta
	roles := map[string]bool{}
	for _, w := range all {
		roles[w.Role] = true
	}
	t.work(own)
	for _, w := range best(all) {
		prefix := ""
		if len(roles) > 1 {
			prefix = w.Role + "-"
		}
		t.prose(w, prefix)
	}
	t.workspace()
	if tables {
		t.tables(best(all))
	}
	if err := t.calls(all); err != nil {
		return nil, err
	}
	t.times(all)
	t.score(told)
	t.appendix(all)
	return t.done()
}

// best chooses of each agent's repeats the text that covers most, of equals the
// first.
func best(all []*Written) []*Written {
	var out []*Written
	for _, w := range all {
		i := -1
		for j, o := range out {
			if o.Role == w.Role {
				i = j
			}
		}
		switch {
		case i < 0:
			out = append(out, w)
		case w.Score.Told > out[i].Score.Told:
			out[i] = w
		}
	}
	return out
}

// tallied is what an audit found: all claims, and those of them that are true
// and hide what matters.
type tallied struct{ claims, misleading int }

func tallyOf(r *audit.Report) tallied { return tallied{len(r.Claims), r.Summary.Misleading} }

// score says what the audit found.
func (t *teller) score(told tallied) {
	f := t.count("claims", told.claims, told.claims, map[string]string{"verdict": "any"}, "the audit of this report")
	line := finding.Sentence{text("This report was audited against its ledger before it was published: "), value(f), text(" claims, each of them supported")}
	if told.misleading > 0 {
		m := t.count("claims", told.misleading, told.claims, map[string]string{"verdict": string(audit.Misleading)}, "the audit of this report")
		line = append(line, text(", of which "), value(m), text(" are true and say too little"))
	}
	t.chapter("audit", "Audit", Block{Style: Prose, Lines: []Line{{Text: append(line, text("."))}}})
}

// examine audits a rendered story against the rows and the facts that it cites.
func examine(rows *fact.Ledger, s *Story, render Render) (*audit.Report, error) {
	text, err := render(s)
	if err != nil {
		return nil, err
	}
	return audit.Own(rows, s.Facts, text)
}

// misleading are the claims that are true and say too little.
func misleading(r *audit.Report) []audit.Claim {
	return slices.DeleteFunc(slices.Clone(r.Claims), func(c audit.Claim) bool { return c.Verdict != audit.Misleading })
}

// dropAll drops every sentence that holds a failing claim, and reports whether
// there was one.
func dropAll(all []*Written, bad []audit.Claim) bool {
	dropped := false
	for _, c := range bad {
		for _, w := range all {
			for _, k := range w.Kept {
				printed := k.Text.Print(w.lookup)
				if !c.In(printed) {
					continue
				}
				dropped = w.Drop(printed, fmt.Sprintf("audit: %q is %s: %s", c.Text, c.Verdict, c.Why)) || dropped
				break
			}
		}
	}
	return dropped
}
