package importer

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"chimera/internal/digest"
	"chimera/internal/sample"
	"chimera/internal/spec"
)

// Import is what a set of files became, all at once. The same files give the
// same import, byte for byte.
type Import struct {
	Files    []File          // in path order
	Manifest sample.Manifest // without the plan's digest, which a store makes
	Plan     *spec.Plan
	Samples  []*sample.Sample  // one for each trial of the plan, in plan order
	Readings []*sample.Reading // in the order of files and rows
}

// ID is the run's id. It names the files' paths and bytes and the rules.
func (m *Import) ID() string { return m.Manifest.Run }

// Gather is Look, with all rows in memory.
func Gather(ctx context.Context, tool sample.Build, formats []Format, roots ...string) (*Import, error) {
	s, err := Look(ctx, tool, formats, roots...)
	if err != nil {
		return nil, err
	}
	m := &Import{Files: s.Files}
	all := &collector{}
	if m.Manifest, m.Plan, err = s.Rows(all); err != nil {
		return nil, err
	}
	m.Plan.Trials, m.Samples, m.Readings = all.trials, all.samples, all.readings
	return m, nil
}

// Rows gives the import's rows again, as a Survey's.
func (m *Import) Rows(to Sink) (sample.Manifest, *spec.Plan, error) {
	for i, s := range m.Samples {
		if err := to.Add(m.Plan.Trials[i], s); err != nil {
			return m.Manifest, m.Plan, err
		}
	}
	for _, r := range m.Readings {
		if err := to.Reading(r); err != nil {
			return m.Manifest, m.Plan, err
		}
	}
	return m.Manifest, m.Plan, nil
}

type collector struct {
	trials   []spec.Trial
	samples  []*sample.Sample
	readings []*sample.Reading
}

func (c *collector) Add(t spec.Trial, s *sample.Sample) error {
	c.trials, c.samples = append(c.trials, t), append(c.samples, s)
	return nil
}

func (c *collector) Reading(r *sample.Reading) error {
	c.readings = append(c.readings, r)
	return nil
}

// part is a file on its way to rows.
type part struct {
	file    File
	content *Content
	skip    map[int]string // rows, by their place from 0, that count in another file: why

	// What survey found.
	cold              map[string]*coldRule      // by subject
	first             sample.Opt[time.Duration] // earliest instant
	samples, readings int
	reasons           []string
}

// Look reads everything below the roots. A format is tried after the other; the
// first that knows a file reads it. Only a root that is not there, a cancelled
// context or too many files are errors: anything wrong with one file is that
// file's reason.
func Look(ctx context.Context, tool sample.Build, formats []Format, roots ...string) (*Survey, error) {
	var parts []part
	first := map[string]int{} // bytes → the part that has them already
	err := walk(ctx, roots, func(f found) error {
		if f.reason != "" {
			parts = append(parts, part{file: File{Path: f.path, Kind: Unread, Reason: f.reason}})
			return nil
		}
		s := f.source()
		if twin, twice := first[s.SHA256]; twice {
			parts = append(parts, copyOf(s, parts[twin].file))
			return nil
		}
		first[s.SHA256] = len(parts)
		parts = append(parts, identify(s, formats))
		return nil
	})
	if err != nil {
		return nil, err
	}
	t := twins{}
	for i := range parts {
		parts[i].survey(func(place int, row *Row) { t.see(i, place, row) })
	}
	for i := range parts {
		if t.drop(parts, i) {
			parts[i].survey(func(int, *Row) {})
		}
	}
	return newSurvey(tool, parts)
}

func copyOf(s *Source, twin File) part {
	return part{file: File{Path: s.Path, Kind: twin.Kind, SHA256: s.SHA256, Rows: twin.Rows, Skipped: twin.Rows,
		Reason: "same bytes as " + twin.Path}}
}

// identify asks each format; what none knows is listed with the reason.
func identify(s *Source, formats []Format) part {
	p := part{file: File{Path: s.Path, SHA256: s.SHA256}}
	if err := checkText(s.Bytes); err != nil {
		p.file.Kind, p.file.Reason = Unknown, err.Error()
		return p
	}
	if n, length := longestLine(s.Bytes); length > MaxLine && s.JSONError() != nil {
		p.file.Kind, p.file.Reason = Unknown, fmt.Sprintf("line %d has %d bytes, more than %d", n, length, MaxLine)
		return p
	}
	for _, f := range formats {
		c, err := f.Read(s)
		if err != nil {
			p.file.Kind, p.file.Reason, p.file.Err = f.Name, Clip(err.Error(), 300), true
			return p
		}
		if c != nil {
			p.content, p.file.Kind, p.file.Rows, p.file.Err = c, cmp.Or(c.Kind, f.Name), c.len(), c.Broken
			return p
		}
	}
	p.file.Kind, p.file.Reason = unknown(s)
	return p
}

// unknown says what a file that no format knows looks like.
func unknown(s *Source) (kind, reason string) {
	first := strings.TrimSpace(string(s.Bytes[:min(len(s.Bytes), 1)]))
	switch {
	case s.Has(".md") || s.Has(".markdown"):
		return Prose, "prose: its figures are claims, not rows"
	case s.Has(".json") || first == "{" || first == "[":
		if err := s.JSONError(); err != nil {
			return Unknown, Clip(fmt.Sprintf("it is no JSON document: %v", err), 200)
		}
		if o := s.Object(); o != nil {
			return Unknown, Clip("no format has these members: "+strings.Join(slices.Sorted(maps.Keys(o)), ", "), 200)
		}
		return Unknown, "no format is such a list"
	case s.Has(".csv"):
		if t := s.Table(); t.Err != nil {
			return Unknown, Clip(fmt.Sprintf("it is no CSV: %v", t.Err), 200)
		}
		return Unknown, Clip("no format has these columns: "+strings.Join(s.Table().Head, ", "), 200)
	}
	return Unknown, "no format knows it"
}

// twins finds events that several files report, so that each counts once: by
// key, the row that counts so far.
type twins map[string]twin

type twin struct{ part, place, detail int }

// see looks at the key of a row.
func (t twins) see(part, place int, row *Row) {
	if row.Key == "" || row.Skip != "" {
		return
	}
	if b, ok := t[row.Key]; !ok || row.Detail > b.detail {
		t[row.Key] = twin{part, place, row.Detail}
	}
}

// drop marks the rows of a file whose event counts in another, and reports
// whether there are any.
func (t twins) drop(parts []part, number int) bool {
	if len(t) == 0 {
		return false
	}
	p, skip := &parts[number], map[int]string{}
	for place, row := range p.rows {
		if b, ok := t[row.Key]; ok && b.part != number && row.Skip == "" {
			skip[place] = "same event as in " + parts[b.part].file.Path
		}
	}
	p.skip = skip
	return len(skip) > 0
}

// rows yields a file's rows with their place, from 0.
func (p *part) rows(yield func(int, *Row) bool) {
	if p.content == nil {
		return
	}
	for i := range p.content.len() {
		row := p.content.row(i)
		if why, twice := p.skip[i]; twice {
			row.Skip = why
		}
		if !yield(i, row) {
			return
		}
	}
}

// identity names the set of files.
func identity(files []File) (string, error) {
	type named struct{ Path, SHA256 string }
	set := make([]named, len(files))
	for i, f := range files {
		set[i] = named{f.Path, f.SHA256}
	}
	id, err := digest.JSON(struct {
		Rules int
		Files []named
	}{Rules, set})
	return digest.Short(id, 16), err
}
