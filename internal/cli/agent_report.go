package cli

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"chimera/internal/agent"
	"chimera/internal/finding"
	"chimera/internal/report"
	"chimera/internal/run"
	"chimera/internal/store"
)

// agentOutput is what came of agents.
type agentOutput struct {
	run       run.Result
	material  *agent.Material
	all       []*agent.Written
	published *agent.Published
	folder    string
	files     []string
	rederive  string
}

// publish renders what agents wrote, lets it be audited, and writes it.
func (a *app) publish(ctx context.Context, b *agentBench, m *agent.Material, all []*agent.Written, r run.Result, g agentFlags, own *finding.Analysis) (*agentOutput, error) {
	out := &agentOutput{run: r, material: m, all: all, folder: g.folder}
	in, err := a.agentInput(ctx, m, r.Run)
	if err != nil {
		return nil, err
	}
	l, err := a.ledger(ctx, append(slices.Clone(m.Runs), r.Run))
	if err != nil {
		return nil, err
	}
	out.rederive = "chimera " + b.spec.Name + " --against " + strings.Join(m.Runs, ",") + " --model " + subjectID(g.e.model) + " --seed " + fmt.Sprint(g.seed)
	document := func(s *agent.Story) report.Document { return documentOf(s, b.spec.Name, out.rederive) }
	out.published, err = agent.Report(m, l, b.spec.Question, metaOf(m, all, r), all, own, func(s *agent.Story) ([]byte, error) {
		var text bytes.Buffer
		err := report.Markdown(&text, document(s), nil)
		return text.Bytes(), err
	})
	if err != nil {
		return nil, err
	}
	d := document(out.published.Story)
	if err := makeFolder(g.folder); err != nil {
		return nil, err
	}
	for _, f := range g.formats {
		var text bytes.Buffer
		name := map[string]string{"md": "report.md", "html": "index.html", "json": report.LedgerName}[f]
		switch f {
		case "md":
			err = report.Markdown(&text, d, nil)
		case "html":
			err = report.HTML(ctx, &text, d)
		case "json":
			err = report.JSON(&text, in, d, nil)
		}
		if err != nil {
			return nil, err
		}
		if err := writeWhole(g.folder, name, text.Bytes()); err != nil {
			return nil, err
		}
		out.files = append(out.files, name)
	}
	return out, nil
}

// agentInput is what the ledger's file says of the runs behind a report.
func (a *app) agentInput(ctx context.Context, m *agent.Material, own string) (report.Input, error) {
	in := report.Input{Analysis: m.Analysis}
	err := a.withStore(ctx, func(s store.Store) error {
		for _, id := range append(slices.Clone(m.Runs), own) {
			r, err := s.Run(ctx, id)
			if err != nil {
				return err
			}
			sum, _ := r.Digest()
			in.Runs = append(in.Runs, report.Run{Manifest: r.Manifest, Status: string(r.Status), Digest: sum})
		}
		return nil
	})
	return in, err
}

// metaOf says who wrote, and where the rows are.
func metaOf(m *agent.Material, all []*agent.Written, r run.Result) finding.Sentence {
	var who []string
	for _, w := range all {
		by := "planner"
		if w.By != "planner" {
			by = w.Agent.Subject
			if settings := configText(w.Agent.Settings); len(w.Agent.Settings) > 0 {
				by += " with " + settings
			}
		}
		if text := w.Agent.Persona.Name + " (" + by + ")"; !slices.Contains(who, text) {
			who = append(who, text)
		}
	}
	t := finding.Sentence{{Text: "written by "}, {Name: strings.Join(who, "; ")}}
	for _, id := range m.Runs {
		t = append(t, finding.Part{Text: " · over run "}, finding.Part{Name: id})
	}
	return append(t, finding.Part{Text: " · in run "}, finding.Part{Name: r.Run})
}

// documentOf turns a story into a document.
func documentOf(s *agent.Story, name, rederive string) report.Document {
	l := &report.Ledger{}
	l.Add(s.Facts...)
	d := report.Document{Name: name, Title: s.Title, Meta: s.Meta, Ledger: l, Rederive: rederive}
	for _, c := range s.Chapters {
		section := report.Section{ID: c.ID, Title: c.Title}
		for _, b := range c.Blocks {
			section.Blocks = append(section.Blocks, blocksOf(l, b)...)
		}
		d.Sections = append(d.Sections, section)
	}
	d.Sections = append(d.Sections, report.Section{ID: "ledger-of-facts", Title: "Appendix: facts", Blocks: []report.Block{report.FactTable(l)}})
	return d
}

func blocksOf(l *report.Ledger, b agent.Block) []report.Block {
	switch {
	case b.Heading != "":
		return []report.Block{report.Heading{Title: b.Heading}}
	case b.Quote != "":
		return []report.Block{report.Quote{Text: b.Quote}}
	case b.Table != nil:
		return []report.Block{report.TableOf(l, *b.Table)}
	}
	if b.Style == agent.Bullets || b.Style == agent.Numbered {
		list := report.List{Numbered: b.Style == agent.Numbered}
		for _, line := range b.Lines {
			list.Items = append(list.Items, line.Text)
		}
		return []report.Block{list}
	}
	var out []report.Block
	for _, line := range b.Lines {
		out = append(out, report.Paragraph{Verdict: line.Verdict, Text: line.Text})
	}
	return out
}

// printAgents says what came of agents: for scripts all of it, for people what
// was kept, the score, and where it stands.
func (a *app) printAgents(o *agentOutput) error {
	if a.json {
		return a.printJSON(agentDocument(o))
	}
	t := newTable("agent", "part", ">run", "by", ">kept", ">dropped", ">told", ">of", ">calls", ">s")
	for _, w := range o.all {
		part := "run"
		if len(w.Calls) > 0 {
			part = w.Calls[len(w.Calls)-1].Question.Part
		}
		t.row(w.Role, part, fmt.Sprint(w.Run+1), w.By, fmt.Sprint(len(w.Kept)), fmt.Sprint(len(w.Dropped)), fmt.Sprint(w.Score.Told), fmt.Sprint(w.Score.Wanted),
			fmt.Sprint(len(w.Calls)), fmt.Sprintf("%.1f", w.Times["total"].Seconds()))
	}
	t.write(a.Stdout, "", a.style())
	s := o.published.Audit.Summary
	fmt.Fprintf(a.Stdout, "\n  audit     %s, %d supported, %d contradicted, %d malformed\n", countOf(len(o.published.Audit.Claims), "claim", "claims"), s.Supported+s.Misleading, s.Contradicted, s.Malformed)
	for _, w := range o.all {
		if w.Ended != "" {
			paragraph(a.Stdout, "  ended     ", fmt.Sprintf("%s, run %d: %s", w.Role, w.Run+1, w.Ended))
		}
	}
	for _, f := range o.files {
		fmt.Fprintf(a.Stdout, "  written   %s\n", filepath.Join(o.folder, f))
	}
	fmt.Fprintf(a.Stdout, "  rows      chimera runs show %s\n", o.run.Run)
	return nil
}

// agentDocument is the document of --json (docs/formats/agent.md).
func agentDocument(o *agentOutput) map[string]any {
	agents := []map[string]any{}
	for _, w := range o.all {
		times := map[string]float64{}
		for stage, t := range w.Times {
			times[stage] = t.Seconds()
		}
		calls := []map[string]any{}
		for _, c := range w.Calls {
			calls = append(calls, map[string]any{"trial": c.Row.Trial, "part": c.Question.Part, "stage": c.Question.Stage, "attempt": c.Attempt, "phase": c.Row.Phase, "outcome": c.Row.Outcome, "unusable": c.Unusable})
		}
		agents = append(agents, map[string]any{
			"role": w.Role, "run": w.Run + 1, "by": w.By, "subject": w.Agent.Subject, "settings": w.Agent.Settings,
			"persona": map[string]any{"name": w.Agent.Persona.Name, "sha256": w.Agent.Persona.Digest(), "text": w.Agent.Persona.Text()},
			"kept":    w.Sentences(), "dropped": listed(w.Dropped), "tools": listed(w.Tools), "calls": calls, "seconds": times, "ended": w.Ended,
			"words": w.Words(), "score": w.Score, "planner": w.Yard,
		})
	}
	out := map[string]any{"run": o.run.Run, "status": o.run.Status, "digest": o.run.Digest, "against": o.material.Runs, "folder": o.folder, "files": o.files,
		"agents": agents, "audit": map[string]any{"summary": o.published.Audit.Summary, "score": o.published.Audit.Score}, "unread": listed(o.material.Unread)}
	if w := o.material.Workspace; w != nil {
		newest := ""
		if t, ok := w.Newest(); ok {
			newest = t.Format(time.RFC3339)
		}
		out["workspace"] = map[string]any{"name": w.Name, "files": len(w.Files), "bytes": w.Bytes, "newest": newest, "kinds": w.Kinds(), "folders": w.Folders()}
	}
	return out
}

// listed is [] in JSON, not null, where there is nothing.
func listed[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}
