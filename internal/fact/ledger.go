package fact

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"chimera/internal/metric"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// LedgerSchema is the version of ledger.json (docs/formats/ledger.md). Since 2
// one file holds rows, facts and findings; in 1 an audit wrote rows and a report
// facts.
const LedgerSchema = 2

// Ledger is all that may be said about some runs. It keeps the rows in one
// shape, whether they were requests or readings, and makes facts of them when
// asked: metrics × aggregates × scopes would be millions, of which a reader
// wants ten. It never changes after it was built, so it may be shared.
type Ledger struct {
	Schema    int       `json:"schema"`
	Inventory Inventory `json:"inventory"`
	Rows      []*Row    `json:"rows"`
	// Cited are facts that others made of these rows and that a report may cite
	// by id; the ledger computes nothing of them.
	Cited []Fact `json:"facts,omitempty"`
	// Lacks are the sets of reasons for which requests have no value of a
	// metric, each once; a row names its set.
	Lacks []map[string]string `json:"lacks,omitempty"`

	// Metrics and series by name, and values by label, each once.
	metrics map[string]Series
	values  map[string][]string
}

// Row is one request or one row of readings.
type Row struct {
	ID      string            `json:"id"` // "run/trial", or of a reading "run/file#row"
	Run     string            `json:"run"`
	Kind    string            `json:"kind"` // "request", or the reading's kind
	Phase   sample.Phase      `json:"phase,omitempty"`
	Outcome sample.Outcome    `json:"outcome,omitempty"` // of requests
	Failure string            `json:"failure,omitempty"`
	Order   int               `json:"order"`
	At      time.Time         `json:"at,omitzero"` // where the row says when
	Labels  map[string]string `json:"labels"`
	Cells   []Cell            `json:"cells"`
	// Lack is the place, from 1, of the row's set in the ledger's Lacks; 0 if
	// the row was answered and has everything, or was not answered.
	Lack      int  `json:"lack,omitempty"`
	Synthetic bool `json:"synthetic,omitempty"` // random weights
	Simulated bool `json:"simulated,omitempty"` // the time line is invented
	// Text names the answer's text where it can be scored: equal texts have
	// equal names.
	Text string `json:"text,omitempty"`
}

// Cell is one value of a row. Parts are the two sides of a quotient.
type Cell struct {
	Metric string              `json:"metric"`
	Unit   unit.Unit           `json:"unit,omitempty"`
	Value  sample.Opt[float64] `json:"value,omitzero"`
	Reason string              `json:"reason,omitempty"`
	Parts  *[2]float64         `json:"parts,omitempty"`
	Field  string              `json:"field,omitempty"` // the name in an imported file
}

// Series is a metric or a series of readings, as a ledger has it.
type Series struct {
	Name      string           `json:"name"`
	Unit      unit.Unit        `json:"unit,omitempty"`
	Direction metric.Direction `json:"direction,omitempty"`
	Kinds     []string         `json:"kinds"`
	Fields    []string         `json:"fields,omitempty"` // names in imported files
	Values    int              `json:"values"`
}

// Inventory is what there is, counted.
type Inventory struct {
	Runs     []RunEntry             `json:"runs"`
	Files    []FileEntry            `json:"files,omitempty"`
	Outcomes map[sample.Outcome]int `json:"outcomes"`
	First    time.Time              `json:"first,omitzero"` // earliest instant of any row
	Last     time.Time              `json:"last,omitzero"`
}

// RunEntry is one run or import.
type RunEntry struct {
	ID         string                 `json:"id"`
	Name       string                 `json:"name,omitempty"`
	Started    time.Time              `json:"started,omitzero"`
	Imported   bool                   `json:"imported,omitempty"`
	Randomised bool                   `json:"randomised,omitempty"` // the order of its configurations was
	Host       sample.Host            `json:"host,omitzero"`
	Subjects   []sample.SubjectRecord `json:"subjects,omitempty"`
	Aliases    []sample.Alias         `json:"aliases,omitempty"`
	Warnings   []string               `json:"warnings,omitempty"` // what the run noted of itself, word for word
	Outcomes   map[sample.Outcome]int `json:"outcomes"`
	Labels     map[string][]string    `json:"-"`
}

// FileEntry is one imported file.
type FileEntry struct {
	Path   string `json:"path"`
	Kind   string `json:"kind"`
	Rows   int    `json:"rows"`
	Failed int    `json:"failed,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// RunRows is one run as it was stored.
type RunRows struct {
	Manifest sample.Manifest
	Samples  []*sample.Sample
	Readings []*sample.Reading
	Files    []FileEntry // of an import
	Imported bool
}

// Labels that a ledger's rows have beside those of their readings.
const (
	LabelSubject    = "subject"
	LabelExperiment = "experiment"
	LabelFile       = "file"
	KindRequest     = "request"
	KindAnswers     = "answers" // the answers to one prompt together, named by the first of them
	// EvalTime is the runtime's own decoding time, where nobody watched the chunks.
	EvalTime = "eval_time"
	// KindClaim marks what an earlier program had computed: what it said, not
	// what was observed.
	KindClaim = "claim"
)

// NewLedger makes a ledger of runs. Superseded rows and retried attempts stay
// out, and so does telemetry, which is no result.
func NewLedger(runs ...RunRows) *Ledger {
	l := &Ledger{Schema: LedgerSchema}
	for _, r := range runs {
		l.add(r)
	}
	l.index()
	return l
}

func (l *Ledger) add(r RunRows) {
	entry := RunEntry{ID: r.Manifest.Run, Name: r.Manifest.Name, Started: r.Manifest.Clock.Origin, Imported: r.Imported, Randomised: !r.Imported,
		Host: r.Manifest.Host, Subjects: r.Manifest.Subjects, Aliases: r.Manifest.Aliases, Warnings: r.Manifest.Warnings, Outcomes: map[sample.Outcome]int{}}
	byPlace := map[string]*Row{}
	lacks := map[string]int{}
	ask := Tasks(&r.Manifest)
	var warm []*sample.Sample
	for _, s := range r.Samples {
		if s.Superseded || !s.Final {
			continue
		}
		ask(s)
		if s.Phase == sample.Measure && metric.Scorable(s) == "" {
			warm = append(warm, s)
		}
		row, lack := requestRow(s, r.Manifest.Clock.Origin)
		row.Lack = l.lack(lack, lacks)
		if r.Imported {
			row.Labels[LabelFile] = s.Experiment
			byPlace[s.Trial] = row
		}
		entry.Outcomes[s.Outcome]++
		l.Rows = append(l.Rows, row)
	}
	for i, reading := range r.Readings {
		if reading.Kind == "telemetry" || reading.Kind == "profile" {
			continue
		}
		place := fmt.Sprintf("%s@%d", reading.Series, i)
		if reading.Labels[LabelFile] != "" && reading.Labels["row"] != "" {
			place = reading.Labels[LabelFile] + "#" + reading.Labels["row"]
		}
		row := byPlace[place]
		if row == nil || row.Kind != KindRequest && row.Kind != reading.Kind {
			row = &Row{ID: r.Manifest.Run + "/" + place, Run: r.Manifest.Run, Kind: reading.Kind, Phase: sample.Phase(reading.Labels[LabelPhase]),
				Order: len(l.Rows), Labels: map[string]string{}}
			if reading.At != 0 {
				row.At = r.Manifest.Clock.Origin.Add(reading.At)
			}
			byPlace[place] = row
			l.Rows = append(l.Rows, row)
		}
		row.absorb(reading)
	}
	for _, set := range Together(warm) {
		if row := groupRow(set, r.Manifest.Clock.Origin); row != nil {
			l.Rows = append(l.Rows, row)
		}
	}
	l.Inventory.Runs = append(l.Inventory.Runs, entry)
	l.Inventory.Files = append(l.Inventory.Files, r.Files...)
}

// groupRow is what the answers to one prompt show together; nil if nothing.
func groupRow(set []*sample.Sample, origin time.Time) *Row {
	row, _ := requestRow(set[0], origin)
	row.ID, row.Kind, row.Outcome, row.Cells, row.Text = row.ID+"+", KindAnswers, "", nil, ""
	delete(row.Labels, "block") // they are of all blocks
	for _, def := range metric.All() {
		if def.Basis != metric.Group {
			continue
		}
		if v, _, ok := def.Together(set); ok {
			row.Cells = append(row.Cells, Cell{Metric: def.ID, Unit: def.Unit, Value: sample.Some(v)})
		}
	}
	if len(row.Cells) == 0 {
		return nil
	}
	return row
}

// lack keeps a set of reasons once; seen knows those of the run.
func (l *Ledger) lack(reasons map[string]string, seen map[string]int) int {
	if len(reasons) == 0 {
		return 0
	}
	var key strings.Builder
	for _, id := range slices.Sorted(maps.Keys(reasons)) {
		key.WriteString(id + "\x00" + reasons[id] + "\x00")
	}
	if seen[key.String()] == 0 {
		l.Lacks = append(l.Lacks, reasons)
		seen[key.String()] = len(l.Lacks)
	}
	return seen[key.String()]
}

// requestRow is a sample as a row, with why it lacks the metrics that it lacks.
func requestRow(s *sample.Sample, origin time.Time) (row *Row, lack map[string]string) {
	lack = map[string]string{}
	row = &Row{ID: s.Run + "/" + s.Trial, Run: s.Run, Kind: KindRequest, Phase: s.Phase, Outcome: s.Outcome, Order: s.Order,
		Synthetic: s.Synthetic, Simulated: s.Provenance == sample.Simulated, Labels: map[string]string{
			LabelExperiment: s.Experiment, LabelSubject: s.Subject, "target": s.Target, "workload": s.Workload, "prompt": s.Prompt, "block": fmt.Sprint(s.Block)}}
	if metric.Scorable(s) == "" {
		row.Text = textOf(s)
	}
	for name, v := range s.Config {
		row.Labels["config."+name] = fmt.Sprint(v)
	}
	if s.Failure != nil {
		row.Failure = s.Failure.Message
	}
	if at, ok := s.T.Send.Get(); ok {
		row.At = origin.Add(at)
	} else if at, ok := s.T.Sched.Get(); ok {
		row.At = origin.Add(at)
	}
	for _, def := range metric.All() {
		if def.Basis != metric.Request {
			continue
		}
		if s.Outcome != sample.OK {
			continue
		}
		v, why, ok := def.Compute(s)
		if !ok {
			lack[def.ID] = why
			continue
		}
		c := Cell{Metric: def.ID, Unit: def.Unit, Value: sample.Some(v)}
		if a, b, _, ok := def.Parts(s); ok && def.Ratio {
			c.Parts = &[2]float64{a, b}
		}
		row.Cells = append(row.Cells, c)
	}
	if v, ok := s.Times.Eval.Get(); ok && s.Outcome == sample.OK && !s.T.First.OK() {
		// The runtime's own decoding time: a part of its rate, which others print.
		row.Cells = append(row.Cells, Cell{Metric: EvalTime, Unit: unit.Second, Value: sample.Some(v.Seconds())})
	}
	return row, lack
}

// own labels say how a reading was written, not what it is of.
var ownLabels = []string{"field", "field_unit", "instant", "row", "phase"}

func (r *Row) absorb(reading *sample.Reading) {
	for k, v := range reading.Labels {
		if !slices.Contains(ownLabels, k) && r.Labels[k] == "" {
			r.Labels[k] = v
		}
	}
	r.Cells = append(r.Cells, Cell{Metric: reading.Series, Unit: reading.Unit, Value: reading.Value, Reason: reading.Reason, Field: reading.Labels["field"]})
}

// index counts what there is.
func (l *Ledger) index() {
	l.metrics, l.values = map[string]Series{}, map[string][]string{}
	l.Inventory.Outcomes = map[sample.Outcome]int{}
	seen := map[string]map[string]bool{}
	for _, row := range l.Rows {
		if row.Outcome != "" {
			l.Inventory.Outcomes[row.Outcome]++
		}
		if !row.At.IsZero() {
			if l.Inventory.First.IsZero() || row.At.Before(l.Inventory.First) {
				l.Inventory.First = row.At
			}
			if row.At.After(l.Inventory.Last) {
				l.Inventory.Last = row.At
			}
		}
		for k, v := range row.Labels {
			if seen[k] == nil {
				seen[k] = map[string]bool{}
			}
			if !seen[k][v] {
				seen[k][v] = true
				l.values[k] = append(l.values[k], v)
			}
		}
		for _, c := range row.Cells {
			l.count(row.Kind, c)
		}
	}
	for k := range l.values {
		slices.Sort(l.values[k])
	}
}

func (l *Ledger) count(kind string, c Cell) {
	s, known := l.metrics[c.Metric]
	if !known {
		s = Series{Name: c.Metric, Unit: c.Unit}
		if def, err := metric.Lookup(c.Metric); err == nil {
			s.Direction = def.Direction
		}
	}
	if !slices.Contains(s.Kinds, kind) {
		s.Kinds = append(s.Kinds, kind)
	}
	if c.Field != "" && !slices.Contains(s.Fields, c.Field) {
		s.Fields = append(s.Fields, c.Field)
	}
	if c.Value.OK() {
		s.Values++
	}
	l.metrics[c.Metric] = s
}

// Metrics lists the metrics and series that have rows, by name.
func (l *Ledger) Metrics() []Series {
	return slices.SortedFunc(maps.Values(l.metrics), func(a, b Series) int { return cmp.Compare(a.Name, b.Name) })
}

// Dimensions lists the labels of the rows, by name.
func (l *Ledger) Dimensions() []string { return slices.Sorted(maps.Keys(l.values)) }

// Values lists the values of a label.
func (l *Ledger) Values(label string) []string { return l.values[label] }

// Selection picks rows that have a metric.
type Selection struct {
	Metric string
	// Phases that may enter; none means each that is not warm-up, apart.
	Phases []sample.Phase
	Where  map[string][]string // label → any of these values
	By     []string            // labels that make a scope
	// Mixed pools the phases, which no fact of our own does: it is how
	// others' figures are recomputed.
	Mixed bool
}

// Group is the rows of one scope, in the order in which they ran.
type Group struct {
	Series Series
	Phase  sample.Phase // "" if phases are mixed
	Scope  map[string]string
	Rows   []*Row
	Cells  []Cell // one for each row
}

// Groups answers a selection, in the order of the scopes' texts.
func (l *Ledger) Groups(sel Selection) []Group {
	groups := map[string]*Group{}
	for _, row := range l.Rows {
		if !sel.fits(row) {
			continue
		}
		cell, ok := row.Cell(sel.Metric)
		if !ok && row.Outcome == sample.OK || !ok && row.Outcome == "" {
			continue
		}
		if !ok {
			if !l.requestMetric(sel.Metric) {
				continue
			}
			cell = Cell{Metric: sel.Metric, Reason: cmp.Or(row.Failure, string(row.Outcome))}
		}
		phase := row.Phase
		if sel.Mixed {
			phase = ""
		}
		parts := []string{string(phase)}
		for _, label := range sel.By {
			parts = append(parts, row.Labels[label])
		}
		key := strings.Join(parts, "\x00")
		g := groups[key]
		if g == nil {
			g = &Group{Series: l.metrics[sel.Metric], Phase: phase, Scope: map[string]string{}}
			for _, label := range sel.By {
				g.Scope[label] = row.Labels[label]
			}
			groups[key] = g
		}
		g.Rows, g.Cells = append(g.Rows, row), append(g.Cells, cell)
	}
	out := make([]Group, 0, len(groups))
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		out = append(out, *groups[key])
	}
	return out
}

func (l *Ledger) requestMetric(name string) bool {
	return slices.Contains(l.metrics[name].Kinds, KindRequest)
}

func (sel Selection) fits(row *Row) bool {
	if len(sel.Phases) > 0 && row.Phase != "" && !slices.Contains(sel.Phases, row.Phase) {
		return false
	}
	if len(sel.Phases) == 0 && row.Phase == sample.Warmup {
		return false
	}
	for label, allowed := range sel.Where {
		if !slices.Contains(allowed, row.Labels[label]) {
			return false
		}
	}
	return true
}

// Cell returns a row's cell of a metric.
func (r *Row) Cell(name string) (Cell, bool) {
	for _, c := range r.Cells {
		if c.Metric == name {
			return c, true
		}
	}
	return Cell{}, false
}

// Values are those that were observed, in order.
func (g Group) Values() []float64 {
	var out []float64
	for _, c := range g.Cells {
		if v, ok := c.Value.Get(); ok {
			out = append(out, v)
		}
	}
	return out
}

// Facts yields a fact for each scope of a selection and each aggregate.
func (l *Ledger) Facts(sel Selection, names ...string) iter.Seq[Fact] {
	return func(yield func(Fact) bool) {
		for _, g := range l.Groups(sel) {
			for _, name := range names {
				f, err := g.Fact(name)
				if err != nil || !f.Value.OK() {
					continue
				}
				if !yield(f) {
					return
				}
			}
		}
	}
}
