package agent

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"chimera/internal/digest"
	"chimera/internal/fault"

	"go.yaml.in/yaml/v4"
)

// Style is how a section's sentences are set.
type Style string

// Styles of sections.
const (
	Prose    Style = "prose"
	Bullets  Style = "bullets"
	Numbered Style = "numbered"
	Table    Style = "table"
)

var styles = []Style{Prose, Bullets, Numbered, Table}

// Persona is who writes, and in what form. Its Text is what a model is sent and
// what a report prints: there is no other copy of it.
type Persona struct {
	Name         string
	Role         string
	Instructions []string
	Sections     []Section
	Words        Range // of all sentences together
	About        About
}

// About is what a persona writes about.
type About string

// What personas write about.
const (
	Findings  About = "findings"  // what the rows show
	Inventory About = "inventory" // what there is, and what is missing
)

// Section is one part of what a persona writes.
type Section struct {
	ID    string // letters, digits and hyphens
	Title string
	Ask   string // what belongs there
	Style Style
	Count Range // of sentences
}

// Range is from Least to Most; a zero Most is no bound.
type Range struct{ Least, Most int }

// Holds reports whether n lies in the range.
func (r Range) Holds(n int) bool { return n >= r.Least && (r.Most == 0 || n <= r.Most) }

// String says the range in words: "3 to 5", "at most 250".
func (r Range) String() string {
	switch {
	case r.Most == 0 && r.Least == 0:
		return "any number of"
	case r.Most == 0:
		return fmt.Sprintf("at least %d", r.Least)
	case r.Least == 0:
		return fmt.Sprintf("at most %d", r.Most)
	case r.Least == r.Most:
		return fmt.Sprintf("exactly %d", r.Least)
	}
	return fmt.Sprintf("%d to %d", r.Least, r.Most)
}

// Text is the persona as a model is told and as a report prints it.
func (p Persona) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "You are %s. %s\n", p.Name, p.Role)
	for _, i := range p.Instructions {
		fmt.Fprintf(&b, "- %s\n", i)
	}
	fmt.Fprintf(&b, "You write %s words in these sections:\n", p.Words)
	for _, s := range p.Sections {
		fmt.Fprintf(&b, "- %s (%s, %s sentences): %s.\n", s.Title, s.Style, s.Count, s.Ask)
	}
	return b.String()
}

// Digest names the text.
func (p Persona) Digest() string { return digest.Text(p.Text()) }

// Section returns the section with this id.
func (p Persona) Section(id string) (Section, bool) {
	i := slices.IndexFunc(p.Sections, func(s Section) bool { return s.ID == id })
	if i < 0 {
		return Section{}, false
	}
	return p.Sections[i], true
}

// Bounds of a persona.
const (
	MaxPersona      = 32 << 10 // bytes of its file
	maxLine         = 1000     // runes of one text
	maxName         = 64
	maxInstructions = 24
	maxSections     = 12
	maxSentences    = 40
	maxWords        = 5000
)

//go:embed personas/*.yaml
var embedded embed.FS

// The names of the embedded personas.
const (
	Collector = "DataCollector-9000"
	Insight   = "InsightAgent"
)

// Personas lists the embedded ones by name.
func Personas() []string { return []string{Collector, Insight} }

// Embedded returns an embedded persona; its name is matched without regard to
// case.
func Embedded(name string) (Persona, error) {
	for _, known := range Personas() {
		if strings.EqualFold(name, known) {
			src, err := embedded.ReadFile("personas/" + strings.ToLower(known) + ".yaml")
			if err != nil {
				return Persona{}, err
			}
			return ParsePersona(known, src)
		}
	}
	return Persona{}, fault.With(fmt.Errorf("there is no persona %q", name), fault.Usage,
		"use "+strings.Join(Personas(), ", ")+" or a file that ends in .yaml (docs/formats/agent.md)")
}

// ReadPersona reads a persona from r; the name is for messages.
func ReadPersona(name string, r io.Reader) (Persona, error) {
	src, err := io.ReadAll(io.LimitReader(r, MaxPersona+1))
	if err != nil {
		return Persona{}, fmt.Errorf("read %s: %w", name, err)
	}
	return ParsePersona(name, src)
}

// ParsePersona reads a persona's file. Every fault is named with its line and
// column; an unknown key is one.
func ParsePersona(name string, src []byte) (Persona, error) {
	if len(src) > MaxPersona {
		return Persona{}, personaFault(name, fmt.Errorf("it has more than %d KiB", MaxPersona>>10))
	}
	if !utf8.Valid(src) {
		return Persona{}, personaFault(name, errors.New("it is no UTF-8"))
	}
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(src))
	if err := dec.Decode(&doc); err != nil {
		return Persona{}, personaFault(name, err)
	}
	var more yaml.Node
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return Persona{}, personaFault(name, errors.New("it must be one document"))
	}
	r := &personaReader{name: name}
	p := r.persona(doc.Content[0])
	return p, personaFault(name, errors.Join(r.faults...))
}

func personaFault(name string, err error) error {
	if err == nil {
		return nil
	}
	return fault.With(fmt.Errorf("persona %s: %w", name, err), fault.Usage, "docs/formats/agent.md describes the file; `chimera agent personas` prints the embedded ones")
}

// personaReader turns nodes into a persona and keeps every fault.
type personaReader struct {
	name   string
	faults []error
}

func (r *personaReader) fail(n *yaml.Node, format string, args ...any) {
	r.faults = append(r.faults, fmt.Errorf("%d:%d: %s", n.Line, n.Column, fmt.Sprintf(format, args...)))
}

// keys returns the members of a mapping by name, after refusing unknown and
// repeated ones.
func (r *personaReader) keys(n *yaml.Node, allowed ...string) map[string]*yaml.Node {
	out := map[string]*yaml.Node{}
	if n.Kind != yaml.MappingNode {
		r.fail(n, "must be a mapping of %s", strings.Join(allowed, ", "))
		return out
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		switch {
		case !slices.Contains(allowed, k.Value):
			r.fail(k, "unknown key %.40q: use %s", k.Value, strings.Join(allowed, ", "))
		case out[k.Value] != nil:
			r.fail(k, "%s is given twice", k.Value)
		default:
			out[k.Value] = n.Content[i+1]
		}
	}
	return out
}

func (r *personaReader) persona(n *yaml.Node) Persona {
	k := r.keys(n, "version", "name", "role", "about", "instructions", "sections", "words")
	var p Persona
	if v := k["version"]; v == nil || v.Value != "1" {
		r.fail(n, "version must be 1")
	}
	p.Name = r.text(n, k["name"], "name", maxName)
	p.Role = r.text(n, k["role"], "role", maxLine)
	p.About = Findings
	if v := k["about"]; v != nil {
		if p.About = About(v.Value); p.About != Findings && p.About != Inventory {
			r.fail(v, "about is %.40q, but must be findings or inventory", v.Value)
		}
	}
	for _, item := range r.list(k["instructions"], "instructions", maxInstructions) {
		p.Instructions = append(p.Instructions, r.text(n, item, "an instruction", maxLine))
	}
	items := r.list(k["sections"], "sections", maxSections)
	if len(items) == 0 {
		r.fail(n, "sections must name at least one section")
	}
	for _, item := range items {
		s := r.section(item)
		if _, twice := p.Section(s.ID); twice {
			r.fail(item, "section %q is there already", s.ID)
		}
		p.Sections = append(p.Sections, s)
	}
	p.Words = r.bounds(k["words"], maxWords)
	return p
}

func (r *personaReader) section(n *yaml.Node) Section {
	k := r.keys(n, "id", "title", "ask", "style", "least", "most")
	s := Section{ID: r.text(n, k["id"], "id", maxName), Title: r.text(n, k["title"], "title", maxName), Ask: r.text(n, k["ask"], "ask", maxLine), Style: Prose}
	if strings.ContainsFunc(s.ID, func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' }) {
		r.fail(k["id"], "id %q must be of small letters, digits and hyphens", s.ID)
	}
	if v := k["style"]; v != nil {
		if s.Style = Style(v.Value); !slices.Contains(styles, s.Style) {
			r.fail(v, "style is %.40q, but must be prose, bullets, numbered or table", v.Value)
		}
	}
	s.Count = Range{r.count(k["least"], "least", maxSentences), r.count(k["most"], "most", maxSentences)}
	if s.Count.Most == 0 {
		s.Count.Most = maxSentences
	}
	if s.Count.Least > s.Count.Most {
		r.fail(n, "least is %d, more than most, %d", s.Count.Least, s.Count.Most)
	}
	return s
}

// bounds reads {least, most}.
func (r *personaReader) bounds(n *yaml.Node, most int) Range {
	if n == nil {
		return Range{}
	}
	k := r.keys(n, "least", "most")
	out := Range{r.count(k["least"], "least", most), r.count(k["most"], "most", most)}
	if out.Most > 0 && out.Least > out.Most {
		r.fail(n, "least is %d, more than most, %d", out.Least, out.Most)
	}
	return out
}

func (r *personaReader) count(n *yaml.Node, what string, most int) int {
	if n == nil {
		return 0
	}
	var v int
	if err := n.Decode(&v); err != nil || v < 1 || v > most {
		r.fail(n, "%s is %.40q, but must be a number from 1 to %d", what, n.Value, most)
		return 0
	}
	return v
}

func (r *personaReader) list(n *yaml.Node, what string, most int) []*yaml.Node {
	switch {
	case n == nil:
		return nil
	case n.Kind != yaml.SequenceNode:
		r.fail(n, "%s must be a list", what)
		return nil
	case len(n.Content) > most:
		r.fail(n, "%s has %d entries, but at most %d are read", what, len(n.Content), most)
		return nil
	}
	return n.Content
}

// text reads one line of printable text.
func (r *personaReader) text(parent, n *yaml.Node, what string, most int) string {
	switch {
	case n == nil:
		r.fail(parent, "%s is missing", what)
		return ""
	case n.Kind != yaml.ScalarNode || strings.TrimSpace(n.Value) == "":
		r.fail(n, "%s must be a text", what)
		return ""
	case utf8.RuneCountInString(n.Value) > most:
		r.fail(n, "%s has more than %d characters", what, most)
		return ""
	case strings.ContainsFunc(n.Value, func(c rune) bool { return !unicode.IsPrint(c) }):
		r.fail(n, "%s must be one line of printable characters", what)
		return ""
	}
	return strings.TrimSpace(n.Value)
}
