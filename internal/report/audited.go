package report

import (
	"slices"
	"strings"

	"chimera/internal/digest"
	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// Without leaves out the sentences for which wrong gives a reason, and lists
// them. Tables stay: what stands in their cells cannot be left out.
func (d Document) Without(wrong func(printed string) string) (Document, []finding.Dropped) {
	c := cutter{ledger: d.Ledger, wrong: wrong}
	d.Meta = c.text(d.Meta)
	d.Sections = slices.Clone(d.Sections)
	for i := range d.Sections {
		d.Sections[i].Blocks = c.blocks(d.Sections[i].Blocks)
	}
	d.Sections = slices.DeleteFunc(d.Sections, func(s Section) bool { return len(s.Blocks) == 0 })
	return d, c.dropped
}

// cutter leaves sentences out.
type cutter struct {
	ledger  *Ledger
	wrong   func(string) string
	dropped []finding.Dropped
}

func (c *cutter) blocks(all []Block) []Block {
	var out []Block
	for _, b := range all {
		switch b := b.(type) {
		case Answer:
			if b.Lead, b.How = c.text(b.Lead), c.texts(b.How); len(b.Lead) > 0 {
				out = append(out, b)
			}
			continue
		case Paragraph:
			if b.Text, b.More = c.said(string(b.Verdict), b.Text), c.text(b.More); len(b.Text) > 0 {
				out = append(out, b)
			}
			continue
		case List:
			b.Items = c.texts(b.Items)
			out = append(out, b)
			continue
		case Table:
			b.Caption = c.text(b.Caption)
			out = append(out, b)
			continue
		case Figure:
			if b.Title = c.text(b.Title); len(b.Title) > 0 {
				out = append(out, b)
			}
			continue
		case Checks:
			b.Items = slices.Clone(b.Items)
			for i := range b.Items {
				b.Items[i].Found = c.texts(b.Items[i].Found)
			}
			out = append(out, b)
			continue
		case Fold:
			b.Blocks = c.blocks(b.Blocks)
			out = append(out, b)
			continue
		}
		out = append(out, b)
	}
	return out
}

func (c *cutter) texts(all []Text) []Text {
	var out []Text
	for _, t := range all {
		if t = c.text(t); len(t) > 0 {
			out = append(out, t)
		}
	}
	return out
}

// text is the text, or nothing if it is wrong.
func (c *cutter) text(t Text) Text { return c.said("", t) }

// said is a text behind the word of its verdict.
func (c *cutter) said(verdict string, t Text) Text {
	if len(t) == 0 {
		return t
	}
	printed := t.Print(c.ledger.Fact)
	if verdict != "" {
		printed = verdict + ": " + printed
	}
	why := c.wrong(printed)
	if why == "" {
		return t
	}
	if one := (finding.Dropped{Text: printed, Why: why}); !slices.Contains(c.dropped, one) {
		c.dropped = append(c.dropped, one)
	}
	return nil
}

// Scored returns the document with what its audit found in front of its
// appendix: how many claims there are, how many of them say too little or cannot
// be checked, and the sentences that were dropped.
func (d Document) Scored(a finding.Audited) (Document, error) {
	l := &Ledger{}
	l.Add(d.Ledger.Facts()...)
	count := func(verdict string, n int) (finding.Part, error) {
		f, err := fact.Identify(fact.Fact{Metric: "claims", Version: 1, Aggregate: "count", Unit: unit.None, Scope: map[string]string{"verdict": verdict},
			Value: sample.Some(float64(n)), N: n, Planned: a.Claims, Method: "counted", Evidence: fact.Evidence{Rows: []string{}, Digest: digest.Text("the audit of this report")}})
		l.Add(f)
		return finding.Part{Fact: f.ID, As: finding.AsValue}, err
	}
	all, err := count("any", a.Claims)
	said := Text{{Text: "This report was audited against its ledger before it was published: "}, all, {Text: " claims, each of them supported"}}
	for _, part := range []struct {
		verdict, text string
		n             int
	}{{"misleading", " are true and say too little", a.Misleading}, {"unverifiable", " cannot be checked", a.Unverifiable}} {
		if part.n == 0 || err != nil {
			continue
		}
		var n finding.Part
		n, err = count(part.verdict, part.n)
		join := ", of which "
		if part.verdict == "unverifiable" {
			join = ", but for "
			part.text = " that" + part.text
		}
		said = append(said, finding.Part{Text: join}, n, finding.Part{Text: part.text})
	}
	if err != nil {
		return d, err
	}
	blocks := []Block{Paragraph{Text: append(said, finding.Part{Text: "."})}}
	if len(a.Dropped) > 0 {
		var b strings.Builder
		for _, one := range a.Dropped {
			b.WriteString(masked(one.Text) + "\n  " + masked(one.Why) + "\n")
		}
		blocks = append(blocks, Heading{"Sentences that the audit dropped"}, Quote{b.String()})
	}
	d.Ledger, d.Audit = l, &a
	d.Sections = slices.Clone(d.Sections)
	at := len(d.Sections)
	for i, s := range d.Sections {
		d.Sections[i].Blocks = slices.Clone(s.Blocks)
		for j, b := range s.Blocks {
			if t, ok := b.(Table); ok && t.ID == ledgerTable {
				d.Sections[i].Blocks[j], at = FactTable(l), i
			}
		}
	}
	d.Sections = slices.Insert(d.Sections, at, Section{ID: "audit", Title: "Audit", Blocks: blocks})
	return d, d.Check()
}

// masked takes the digits out of what did not pass: no number is printed that
// stands on nothing.
func masked(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '#'
		}
		return r
	}, s)
}
