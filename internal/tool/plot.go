package tool

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"chimera/internal/fault"
	"chimera/internal/finding"
)

func (s *Source) plotFields(r *request) []field {
	return []field{
		{name: "id", kind: "string", doc: "a finding's id (N…)", required: true, text: &r.id},
		{name: "format", kind: "string", doc: "text (default) or svg", allowed: []string{"text", "svg"}, text: &r.format},
		offsetField(r),
	}
}

// maxPicture bounds the bytes of one picture, maxPictures how many a call gives.
const (
	maxPicture  = 1 << 20
	maxPictures = 8
)

type panelLine struct {
	Figure string `json:"figure"`
	Title  string `json:"title,omitempty"`
	Facet  string `json:"facet,omitempty"`
	Kind   string `json:"kind"`
	X      string `json:"x"`
	Y      string `json:"y"`
	Points int    `json:"points"`
	Rows   int    `json:"single_rows,omitempty"` // points that are one row each and no fact
}

type pointLine struct {
	Series  string `json:"series,omitempty"`
	Facet   string `json:"facet,omitempty"`
	X       string `json:"x,omitempty"`
	Y       string `json:"y,omitempty"`
	Fact    string `json:"fact,omitempty"`
	XFact   string `json:"x_fact,omitempty"`
	Winner  bool   `json:"winner,omitempty"`
	Missing string `json:"not_measured,omitempty"`
}

// plot gives the data of a finding's figures, and their pictures if asked.
func (b *Box) plot(ctx context.Context, r request, a *answer) error {
	f, ok := b.findings[r.id]
	if !ok {
		return b.noFinding(r.id)
	}
	a.set("finding", brief(claimOf(f, b.Analysis.Fact)))
	if len(f.Figures) == 0 {
		return fault.With(fmt.Errorf("finding %s has no figure", r.id), fault.Usage, "list_facts with finding gives its facts")
	}
	if r.format == "svg" {
		return b.pictures(ctx, f, a)
	}
	for _, g := range f.Figures {
		for _, p := range g.Panels {
			line := panelLine{Figure: g.ID, Title: clip(g.Title.Print(b.Analysis.Fact), maxText), Facet: clip(p.Facet, maxName), Kind: string(g.Kind), X: clip(p.X.Label, maxName), Y: clip(p.Y.Label, maxName), Points: len(p.Points)}
			for _, x := range p.Points {
				if x.Row != "" {
					line.Rows++
				}
			}
			a.also("panels", line)
			b.points(p, a)
		}
	}
	a.page(r.offset)
	return nil
}

// points adds the points of a panel that are facts, or lack one.
func (b *Box) points(p finding.Panel, a *answer) {
	for _, x := range p.Points {
		if x.Row != "" {
			continue
		}
		a.also("points", pointLine{Series: clip(x.Series, maxName), Facet: clip(x.Facet, maxName), X: clip(x.XName, maxText), Y: clip(x.YName, maxText), Fact: x.Fact, XFact: x.XFact, Winner: x.Winner, Missing: clip(x.Missing, maxText)})
		for _, id := range []string{x.Fact, x.XFact} {
			if f, ok := b.Analysis.Fact(id); ok {
				a.add(f)
			}
		}
	}
}

func (b *Box) pictures(ctx context.Context, f finding.Finding, a *answer) error {
	if b.Draw == nil {
		return fault.With(errors.New("nothing here draws pictures"), fault.Usage, `ask with format "text"`)
	}
	all, err := b.Draw(ctx, f)
	if err != nil {
		return fmt.Errorf("draw finding %s: %w", f.ID, err)
	}
	for i, g := range all {
		if i == maxPictures || len(g.SVG) > maxPicture {
			a.also("left_out", clip(g.Title, maxText))
			continue
		}
		a.figures = append(a.figures, g)
		a.also("pictures", map[string]any{"id": g.ID, "title": clip(g.Title, maxText), "bytes": len(g.SVG)})
	}
	return nil
}

func (b *Box) noFinding(id string) error {
	err := fmt.Errorf("there is no finding %q", clip(id, maxName))
	var drawn []string
	for _, f := range b.Analysis.Findings {
		for _, x := range f.Facts {
			if x == id && len(f.Figures) > 0 && len(drawn) < maxShown {
				drawn = append(drawn, f.ID)
			}
		}
	}
	if len(drawn) > 0 {
		return fault.With(err, fault.Usage, "that fact stands in the figures of "+strings.Join(drawn, ", "))
	}
	return fault.With(err, fault.Usage, "inventory with part=findings lists them")
}
