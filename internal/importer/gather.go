package importer

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"chimera/internal/digest"
	"chimera/internal/sample"
	"chimera/internal/spec"
)

// Import is what a set of files became: a run that is ready to be stored. The
// same files give the same import, byte for byte.
type Import struct {
	Files    []File          // in path order
	Manifest sample.Manifest // without the plan's digest, which a store makes
	Plan     *spec.Plan
	Samples  []*sample.Sample  // one for each trial of the plan, in plan order
	Readings []*sample.Reading // in the order of files and rows
}

// ID is the run's id. It names the files' paths and bytes and the rules.
func (m *Import) ID() string { return m.Manifest.Run }

// part is a file on its way to rows.
type part struct {
	file    File
	content *Content
}

// Gather reads everything below the roots. A format is tried after the other;
// the first that knows a file reads it. Only a root that is not there, a
// cancelled context or too many files are errors: anything wrong with one file
// is that file's reason.
func Gather(ctx context.Context, tool sample.Build, formats []Format, roots ...string) (*Import, error) {
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
	dropTwins(parts)
	return assemble(tool, parts)
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
			p.content, p.file.Kind, p.file.Rows, p.file.Err = c, cmp.Or(c.Kind, f.Name), len(c.Rows), c.Broken
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

// dropTwins lets every event that several files report count once.
func dropTwins(parts []part) {
	type owner struct {
		row  *Row
		path string
	}
	best := map[string]owner{}
	for _, p := range parts {
		for row := range p.rows {
			if o, ok := best[row.Key]; row.Key != "" && row.Skip == "" && (!ok || row.Detail > o.row.Detail) {
				best[row.Key] = owner{row, p.file.Path}
			}
		}
	}
	for _, p := range parts {
		for row := range p.rows {
			if o, ok := best[row.Key]; ok && o.row != row && o.path != p.file.Path && row.Skip == "" {
				row.Skip = "same event as in " + o.path
			}
		}
	}
}

func (p part) rows(yield func(*Row) bool) {
	if p.content == nil {
		return
	}
	for i := range p.content.Rows {
		if !yield(&p.content.Rows[i]) {
			return
		}
	}
}

// assemble numbers the rows and makes the run around them.
func assemble(tool sample.Build, parts []part) (*Import, error) {
	m := &Import{Plan: &spec.Plan{Schema: 1, Prompts: map[string]spec.Prompt{}}}
	b := builder{out: m, subjects: map[string]sample.SubjectRecord{}, visits: map[cell]int{}, configs: map[string]config{}}
	rows := 0
	for _, p := range parts {
		rows += p.file.Rows
	}
	m.Samples, m.Plan.Trials = make([]*sample.Sample, 0, rows), make([]spec.Trial, 0, rows)
	for i := range parts {
		b.add(&parts[i], i)
		parts[i].content = nil // its rows are taken over
		m.Files = append(m.Files, parts[i].file)
	}
	if len(m.Files) == 0 {
		m.Files = []File{}
	}
	id, err := identity(m.Files)
	if err != nil {
		return nil, err
	}
	origin := b.rebase()
	if err := m.describe(tool, id, origin, b); err != nil {
		return nil, err
	}
	return m, nil
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

type builder struct {
	out      *Import
	subjects map[string]sample.SubjectRecord
	visits   map[cell]int
	configs  map[string]config // by their text
	text     []byte            // scratch
}

// add takes over the rows of one file.
func (b *builder) add(p *part, number int) {
	reasons := []string{}
	var bySubject = map[string][]*sample.Sample{}
	if p.content != nil && p.content.Reason != "" {
		reasons = append(reasons, p.content.Reason)
	}
	counts := map[string]int{}
	for row := range p.rows {
		switch {
		case row.Skip != "":
			p.file.Skipped++
		case row.Failed():
			p.file.Failed++
		}
		if why := row.reason(); why != "" {
			counts[Clip(why, 120)]++
		}
		if row.Skip != "" {
			continue
		}
		if row.Sample != nil {
			b.sample(p.file.Path, number, row)
			bySubject[row.Sample.Subject] = append(bySubject[row.Sample.Subject], row.Sample)
		}
	}
	for _, rows := range bySubject {
		classify(rows)
		for _, s := range rows {
			b.out.Plan.Trials[s.Order].Phase = spec.Phase(s.Phase)
		}
	}
	for row := range p.rows {
		for i := range row.Readings {
			if row.Skip == "" {
				b.reading(p.file.Path, row, &row.Readings[i])
			}
		}
	}
	if p.content != nil {
		for _, s := range p.content.Subjects {
			if _, known := b.subjects[s.ID]; !known {
				b.subjects[s.ID] = s
			}
		}
	}
	p.file.Reason = strings.Join(append(slices.DeleteFunc([]string{p.file.Reason}, func(s string) bool { return s == "" }),
		append(reasons, counted(counts)...)...), "; ")
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

// sample gives a row its place in the plan.
func (b *builder) sample(path string, file int, row *Row) {
	s := row.Sample
	s.Schema, s.Provenance, s.Final = sample.Schema, sample.Imported, true
	s.Order = len(b.out.Plan.Trials)
	s.Experiment = cmp.Or(s.Experiment, path)
	s.Workload, s.Prompt = cmp.Or(s.Workload, NotRecorded), cmp.Or(s.Prompt, NotRecorded)
	s.Trial = TrialID(path, row.Number)
	s.Phase = sample.Measure
	config := b.intern(s)
	if row.Prompt != "" {
		s.PromptSHA256 = digest.Text(row.Prompt)
		s.Prompt = b.prompt(s.Workload, s.Prompt, row.Prompt, s.PromptSHA256)
	}
	if _, known := b.subjects[s.Subject]; !known {
		b.subjects[s.Subject] = sample.SubjectRecord{ID: s.Subject, Target: cmp.Or(s.Target, "imported"), Kind: "imported", Model: s.Subject}
	}
	s.Target = cmp.Or(s.Target, b.subjects[s.Subject].Target, "imported")
	b.out.Samples = append(b.out.Samples, s)
	b.out.Plan.Trials = append(b.out.Plan.Trials, spec.Trial{ID: s.Trial, Experiment: s.Experiment, Subject: s.Subject, Target: s.Target,
		Workload: s.Workload, Prompt: s.Prompt, Config: s.Config, Block: s.Block, Order: s.Order, Phase: spec.Measure, Plot: file, Streams: 1,
		Repeat: b.visit(s, config)})
}

// NotRecorded stands where a file does not say which prompt or workload it was.
const NotRecorded = "not-recorded"

// intern lets equal configurations be one map, and returns its text.
func (b *builder) intern(s *sample.Sample) string {
	b.text = b.text[:0]
	for _, name := range slices.Sorted(maps.Keys(s.Config)) {
		b.text = fmt.Appendf(b.text, "%s=%T:%v\x00", name, s.Config[name], s.Config[name])
	}
	if known, ok := b.configs[string(b.text)]; ok {
		s.Config = known.values
		return known.text
	}
	c := config{text: string(b.text), values: s.Config}
	if c.values == nil {
		c.values = map[string]any{}
	}
	s.Config, b.configs[c.text] = c.values, c
	return c.text
}

type config struct {
	text   string
	values map[string]any
}

// cell is what repeats visit again.
type cell struct {
	experiment, subject, prompt, config string
	block                               int
}

// visit counts how often a cell was visited before, within its block.
func (b *builder) visit(s *sample.Sample, config string) int {
	c := cell{s.Experiment, s.Subject, s.Prompt, config, s.Block}
	b.visits[c]++
	return b.visits[c] - 1
}

// prompt keeps a text once; another text under the same id gets its digest
// behind the id.
func (b *builder) prompt(workload, id, text, sha string) string {
	key := workload + "/" + id
	if p, taken := b.out.Plan.Prompts[key]; taken && p.SHA256 != sha {
		id += "-" + digest.Short(sha, 8)
		key = workload + "/" + id
	}
	if _, known := b.out.Plan.Prompts[key]; !known {
		b.out.Plan.Prompts[key] = spec.Prompt{Workload: workload, ID: id, Text: text, SHA256: sha}
	}
	return key
}

// Labels that every imported reading carries.
const (
	LabelFile    = "file"
	LabelRow     = "row"
	LabelInstant = "instant" // "not recorded" where the file does not say when
)

// Labels that a reading has from the request of the same row, if there is one.
const (
	LabelSubject = "subject"
	LabelPhase   = "phase"
)

// TrialID names a row of a file.
func TrialID(path string, row int) string { return fmt.Sprintf("%s#%d", path, row) }

func (b *builder) reading(path string, row *Row, r *sample.Reading) {
	r.Provenance = sample.Imported
	labels := maps.Clone(r.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[LabelFile], labels[LabelRow] = path, strconv.Itoa(row.Number)
	if s := row.Sample; s != nil {
		labels[LabelSubject], labels[LabelPhase] = s.Subject, string(s.Phase)
	}
	if r.At == 0 {
		labels[LabelInstant] = "not recorded"
	}
	r.Labels = labels
	b.out.Readings = append(b.out.Readings, r)
}

// rebase turns instants since the epoch into offsets from the earliest one,
// which it returns; ok is false if no row has one.
func (b *builder) rebase() (origin sample.Opt[time.Duration]) {
	earliest := func(at time.Duration) {
		if before, ok := origin.Get(); !ok || at < before {
			origin = sample.Some(at)
		}
	}
	for _, s := range b.out.Samples {
		for _, at := range instants(s) {
			if v, ok := at.Get(); ok {
				earliest(v)
			}
		}
	}
	for _, r := range b.out.Readings {
		if r.At != 0 {
			earliest(r.At)
		}
	}
	zero, ok := origin.Get()
	if !ok {
		return origin
	}
	for _, s := range b.out.Samples {
		for _, at := range instants(s) {
			*at = sample.Sub(*at, origin)
		}
		for i := range s.Chunks {
			s.Chunks[i].At -= zero
		}
	}
	for _, r := range b.out.Readings {
		if r.At != 0 {
			r.At -= zero
		}
	}
	return origin
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

// describe writes the manifest and puts the run's id on every row.
func (m *Import) describe(tool sample.Build, id string, origin sample.Opt[time.Duration], b builder) error {
	m.Plan.Name = "import"
	asked, err := json.Marshal(frozen{Import: id, Rules: Rules, Files: m.Files})
	if err != nil {
		return err
	}
	man := sample.Manifest{Schema: 1, Run: id, Name: "import", Tool: tool, Spec: asked, SpecDigest: digest.Bytes(asked),
		Planned: len(m.Plan.Trials), Clock: sample.Clock{Source: clockOfFiles},
		Absent:   map[string]string{"host": "imported", "seed": "imported"},
		Warnings: []string{"imported: the order of rows is that of the files; chimera did not randomise it"}}
	if at, ok := origin.Get(); ok {
		man.Clock.Origin = time.Unix(0, int64(at)).UTC()
	} else {
		man.Absent["clock.origin"] = "no file says when its rows were measured"
	}
	man.Sessions = []sample.Session{{Started: man.Clock.Origin}}
	for _, k := range slices.Sorted(maps.Keys(b.subjects)) {
		man.Subjects = append(man.Subjects, b.subjects[k])
	}
	for _, k := range slices.Sorted(maps.Keys(m.Plan.Prompts)) {
		p := m.Plan.Prompts[k]
		man.Prompts = append(man.Prompts, sample.PromptRecord{Workload: p.Workload, ID: p.ID, SHA256: p.SHA256})
	}
	m.Manifest = man
	for _, s := range m.Samples {
		s.Run = id
	}
	for _, r := range m.Readings {
		r.Run = id
	}
	return nil
}
