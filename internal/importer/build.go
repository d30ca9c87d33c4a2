package importer

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"chimera/internal/digest"
	"chimera/internal/sample"
	"chimera/internal/spec"
)

// builder makes the rows of a run of those of files.
type builder struct {
	run      string
	origin   sample.Opt[time.Duration] // instants count from here
	to       Sink
	trials   int
	prompts  map[string]spec.Prompt
	subjects map[string]sample.SubjectRecord
	visits   map[cell]int
	configs  map[string]config // by their text
	text     []byte            // scratch
}

// add takes over the rows of one file.
func (b *builder) add(p *part, number int) error {
	for _, row := range p.rows {
		if row.Skip != "" {
			continue
		}
		if row.Sample != nil {
			if err := b.to.Add(b.sample(p, number, row), row.Sample); err != nil {
				return err
			}
		}
		for i := range row.Readings {
			r := row.Readings[i]
			b.reading(p.file.Path, row, &r)
			if err := b.to.Reading(&r); err != nil {
				return err
			}
		}
	}
	if p.content == nil {
		return nil
	}
	for _, s := range p.content.Subjects {
		if _, known := b.subjects[s.ID]; !known {
			b.subjects[s.ID] = s
		}
	}
	return nil
}

// sample gives a row its place in the plan.
func (b *builder) sample(p *part, number int, row *Row) spec.Trial {
	s, path := row.Sample, p.file.Path
	s.Schema, s.Provenance, s.Final = sample.Schema, sample.Imported, true
	s.Run, s.Order = b.run, b.trials
	b.trials++
	p.cold[s.Subject].judge(s)
	b.rebase(s)
	s.Experiment = cmp.Or(s.Experiment, path)
	s.Workload, s.Prompt = cmp.Or(s.Workload, NotRecorded), cmp.Or(s.Prompt, NotRecorded)
	s.Trial = TrialID(path, row.Number)
	config := b.intern(s)
	if row.Prompt != "" {
		s.PromptSHA256 = digest.Text(row.Prompt)
		s.Prompt = b.prompt(s.Workload, s.Prompt, row.Prompt, s.PromptSHA256)
	}
	if _, known := b.subjects[s.Subject]; !known {
		b.subjects[s.Subject] = sample.SubjectRecord{ID: s.Subject, Target: cmp.Or(s.Target, "imported"), Kind: "imported", Model: s.Subject}
	}
	s.Target = cmp.Or(s.Target, b.subjects[s.Subject].Target, "imported")
	return spec.Trial{ID: s.Trial, Experiment: s.Experiment, Subject: s.Subject, Target: s.Target,
		Workload: s.Workload, Prompt: s.Prompt, Config: s.Config, Block: s.Block, Order: s.Order, Phase: spec.Phase(s.Phase), Plot: number, Streams: 1,
		Repeat: b.visit(s, config)}
}

// rebase turns a row's instants since the epoch into offsets from the origin.
func (b *builder) rebase(s *sample.Sample) {
	zero, ok := b.origin.Get()
	if !ok {
		return
	}
	for _, at := range instants(s) {
		*at = sample.Sub(*at, b.origin)
	}
	for i := range s.Chunks {
		s.Chunks[i].At -= zero
	}
}

// NotRecorded stands where a file does not say which prompt or workload it was.
const NotRecorded = "not-recorded"

// intern lets equal configurations be one map, and returns its text.
func (b *builder) intern(s *sample.Sample) string {
	b.text = b.text[:0]
	for _, name := range slices.Sorted(maps.Keys(s.Config)) {
		b.text = append(append(b.text, name...), '=')
		if v, ok := s.Config[name].(float64); ok {
			b.text = strconv.AppendFloat(append(b.text, "float64:"...), v, 'g', -1, 64)
		} else {
			b.text = fmt.Appendf(b.text, "%T:%v", s.Config[name], s.Config[name])
		}
		b.text = append(b.text, 0)
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
	if p, taken := b.prompts[key]; taken && p.SHA256 != sha {
		id += "-" + digest.Short(sha, 8)
		key = workload + "/" + id
	}
	if _, known := b.prompts[key]; !known {
		b.prompts[key] = spec.Prompt{Workload: workload, ID: id, Text: text, SHA256: sha}
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
	r.Run, r.Provenance = b.run, sample.Imported
	labels := maps.Clone(r.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[LabelFile], labels[LabelRow] = path, strconv.Itoa(row.Number)
	if s := row.Sample; s != nil {
		labels[LabelSubject], labels[LabelPhase] = s.Subject, string(s.Phase)
	}
	if zero, ok := b.origin.Get(); ok && r.At != 0 {
		r.At -= zero
	} else if r.At == 0 {
		labels[LabelInstant] = "not recorded"
	}
	r.Labels = labels
}
