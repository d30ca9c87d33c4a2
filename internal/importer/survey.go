package importer

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"chimera/internal/digest"
	"chimera/internal/sample"
	"chimera/internal/spec"
)

// Survey is a set of files that were looked at once: what each holds, and what
// must be known of all before the first row can be given (which event counts
// where, which rows were cold, when the earliest was). Of files of many rows
// the rows are not kept but made anew, so that a million of them never stand in
// memory.
type Survey struct {
	Files    []File          // in path order
	Samples  int             // rows that became samples
	Readings int             // values that became readings
	Manifest sample.Manifest // without subjects, prompts and the plan's digest, which follow from the rows

	parts  []part
	origin sample.Opt[time.Duration]
}

// ID is the run's id. It names the files' paths and bytes and the rules.
func (s *Survey) ID() string { return s.Manifest.Run }

// Sink takes rows as they are made, and owns them.
type Sink interface {
	Add(t spec.Trial, s *sample.Sample) error // in plan order
	Reading(r *sample.Reading) error          // in the order of files and rows
}

// survey counts a file's rows, and says each to see.
func (p *part) survey(see func(int, *Row)) {
	if p.content == nil {
		return
	}
	p.file.Failed, p.file.Skipped, p.samples, p.readings, p.first = 0, 0, 0, 0, sample.None[time.Duration]()
	p.cold = map[string]*coldRule{}
	counts := map[string]int{}
	for i, row := range p.rows {
		see(i, row)
		switch {
		case row.Skip != "":
			p.file.Skipped++
		case row.Failed():
			p.file.Failed++
		}
		if why := row.reason(); why != "" {
			counts[Clip(why, 120)]++
		}
		if row.Skip == "" {
			p.count(row)
		}
	}
	for _, rule := range p.cold {
		rule.settle()
	}
	p.reasons = counted(counts)
}

// count takes note of a row that counts.
func (p *part) count(row *Row) {
	if s := row.Sample; s != nil {
		p.samples++
		rule := p.cold[s.Subject]
		if rule == nil {
			rule = &coldRule{}
			p.cold[s.Subject] = rule
		}
		rule.see(s)
		for _, at := range instants(s) {
			if v, ok := at.Get(); ok {
				p.first = earlier(p.first, v)
			}
		}
	}
	for i := range row.Readings {
		p.readings++
		if at := row.Readings[i].At; at != 0 {
			p.first = earlier(p.first, at)
		}
	}
}

func earlier(before sample.Opt[time.Duration], at time.Duration) sample.Opt[time.Duration] {
	if v, ok := before.Get(); ok && v <= at {
		return before
	}
	return sample.Some(at)
}

// why is what a reader must know of the file.
func (p *part) why() string {
	all := []string{p.file.Reason}
	if p.content != nil {
		all = append(all, p.content.Reason)
	}
	return strings.Join(slices.DeleteFunc(append(all, p.reasons...), func(s string) bool { return s == "" }), "; ")
}

// counted lists at most three reasons, the most frequent first.
func counted(counts map[string]int) []string {
	keys := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
	var out []string
	for i, k := range keys {
		if i == 3 {
			return append(out, fmt.Sprintf("and %d more", len(keys)-3))
		}
		out = append(out, fmt.Sprintf("%d × %s", counts[k], k))
	}
	return out
}

// newSurvey puts the files together.
func newSurvey(tool sample.Build, parts []part) (*Survey, error) {
	s := &Survey{Files: []File{}, parts: parts}
	for i := range parts {
		p := &parts[i]
		p.file.Reason = p.why()
		s.Files = append(s.Files, p.file)
		s.Samples, s.Readings = s.Samples+p.samples, s.Readings+p.readings
		if at, ok := p.first.Get(); ok {
			s.origin = earlier(s.origin, at)
		}
	}
	id, err := identity(s.Files)
	if err != nil {
		return nil, err
	}
	asked, err := json.Marshal(frozen{Import: id, Rules: Rules, Files: s.Files})
	if err != nil {
		return nil, err
	}
	s.Manifest = sample.Manifest{Schema: 1, Run: id, Name: "import", Tool: tool, Spec: asked, SpecDigest: digest.Bytes(asked),
		Planned: s.Samples, Clock: sample.Clock{Source: clockOfFiles},
		Absent:   map[string]string{"host": "imported", "seed": "imported"},
		Warnings: []string{"imported: the order of rows is that of the files; chimera did not randomise it"}}
	if at, ok := s.origin.Get(); ok {
		s.Manifest.Clock.Origin = time.Unix(0, int64(at)).UTC()
	} else {
		s.Manifest.Absent["clock.origin"] = "no file says when its rows were measured"
	}
	s.Manifest.Sessions = []sample.Session{{Started: s.Manifest.Clock.Origin}}
	return s, nil
}

func instants(s *sample.Sample) []*sample.Opt[time.Duration] {
	return []*sample.Opt[time.Duration]{&s.T.Sched, &s.T.Send, &s.T.Headers, &s.T.First, &s.T.Last, &s.T.End}
}

// clockOfFiles is the clock's source in an import's manifest.
const clockOfFiles = "files"

// IsImport reports whether a stored run was made by Gather.
func IsImport(m sample.Manifest) bool { return m.Clock.Source == clockOfFiles }

// frozen is what stands for the spec in an import's manifest.
type frozen struct {
	Import string `json:"import"`
	Rules  int    `json:"rules"`
	Files  []File `json:"files"`
}

// FilesOf returns the files of a stored import; ok is false for another run.
func FilesOf(m sample.Manifest) (files []File, ok bool) {
	var f frozen
	if !IsImport(m) || json.Unmarshal(m.Spec, &f) != nil {
		return nil, false
	}
	return f.Files, true
}

// Rows makes all rows, file by file, and returns the manifest and the head of
// the plan. It lets go of each file as it goes, so it may be called once.
func (s *Survey) Rows(to Sink) (sample.Manifest, *spec.Plan, error) {
	b := builder{run: s.ID(), origin: s.origin, to: to, prompts: map[string]spec.Prompt{}, subjects: map[string]sample.SubjectRecord{},
		visits: map[cell]int{}, configs: map[string]config{}}
	for i := range s.parts {
		if err := b.add(&s.parts[i], i); err != nil {
			return sample.Manifest{}, nil, err
		}
		s.parts[i].content = nil
	}
	m := s.Manifest
	for _, k := range slices.Sorted(maps.Keys(b.subjects)) {
		m.Subjects = append(m.Subjects, b.subjects[k])
	}
	for _, k := range slices.Sorted(maps.Keys(b.prompts)) {
		p := b.prompts[k]
		m.Prompts = append(m.Prompts, sample.PromptRecord{Workload: p.Workload, ID: p.ID, SHA256: p.SHA256})
	}
	return m, &spec.Plan{Schema: 1, Name: "import", Prompts: b.prompts}, nil
}
