package finding

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/metric"
	"chimera/internal/sample"
)

// measured are the metrics of a request that findings are about.
var measured = []string{"ttft", "ttft_server_est", "load_time", "prompt_eval_time", "decode_rate", "server_decode_rate",
	"server_rate_naive", "prefill_rate", "e2e", "output_tokens", "prompt_tokens", "cached_tokens"}

// A stratum is all final rows that share everything that was asked: only
// chance and time lie between them.
type stratum struct {
	key    key
	phase  sample.Phase
	config map[string]any
	// rows of the stratum are index.rows[from:to], in plan order
	from, to  int
	synthetic bool
	origin    sample.Provenance
	missing   []map[string]int // per metric: why rows gave no value
	outcomes  map[sample.Outcome]int
	finishes  map[string]int
	failures  map[string]int            // class of the failure → rows
	effective map[string]int            // what the runtime said it used → rows
	written   []written                 // the scores of what was written, sorted by order
	unscored  map[string]int            // why other texts have none → rows
	lacks     map[string]map[string]int // metric of text → why a scored text has none → rows
	place     int                       // in index.strata
}

// A key names a stratum but for its phase.
type key struct{ run, experiment, subject, target, workload, prompt, sha, config string }

// A row is what is kept of one sample besides its values.
type row struct {
	stratum int32
	order   int32
	block   int32
	stream  int16
	outcome uint8 // position in sample.Outcomes; 0 is ok
	trial   string
	// send and end are offsets from the run's origin in ns; −1 if not observed.
	send, end int64
}

// index holds every final row once: values in one column per metric, sorted by
// stratum and, within one, by run order. NaN marks a row without a value; it
// never leaves this file.
type index struct {
	metrics []metric.Metric
	strata  []*stratum // sorted by key and phase
	rows    []row
	values  [][]float64 // [metric][row]
	means   map[string][][]visit
	time    []int32 // rows in run order: by run, then position in the plan
	rank    []int32 // of each row in time
}

// Collector gathers rows one at a time, so that a run of a million samples need
// not stand in memory as samples. It keeps nothing of a row it was given but
// strings. The zero value is not ready: use NewCollector. Not safe for
// concurrent use.
type Collector struct {
	index
	byKey     map[string]int32
	manifests []*sample.Manifest
	readings  []*sample.Reading
	telemetry map[string]*gauge
	tasks     map[string]func(*sample.Sample) // by run: tells a row what was asked
	rowCount  Rows
	keyLine   []byte
	names     []string
}

// NewCollector makes a collector. Manifests tell what rows cannot: sizes,
// layers, trained contexts, aliases; there may be none.
func NewCollector(manifests ...*sample.Manifest) (*Collector, error) {
	c := &Collector{byKey: map[string]int32{}, manifests: manifests, telemetry: map[string]*gauge{}, tasks: map[string]func(*sample.Sample){},
		rowCount: Rows{Outcomes: map[string]int{}, Phases: map[string]int{}}}
	for _, m := range manifests {
		c.tasks[m.Run] = fact.Tasks(m)
	}
	for _, id := range measured {
		m, err := metric.Lookup(id)
		if err != nil {
			return nil, err
		}
		c.metrics = append(c.metrics, m)
	}
	c.values = make([][]float64, len(c.metrics))
	return c, nil
}

// Sample adds one row. Superseded rows and attempts that were retried are
// counted and not analysed.
func (c *Collector) Sample(s *sample.Sample) {
	switch {
	case s.Superseded:
		c.rowCount.Superseded++
		return
	case !s.Final:
		c.rowCount.Retried++
		return
	}
	c.rowCount.Samples++
	c.rowCount.Outcomes[string(s.Outcome)]++
	c.rowCount.Phases[string(s.Phase)]++
	at := c.stratumOf(s)
	g := c.strata[at]
	g.outcomes[s.Outcome]++
	if s.Finish != "" {
		g.finishes[s.Finish]++
	}
	if s.Failure != nil {
		g.failures[s.Failure.Class]++
	}
	if len(s.Effective) > 0 {
		g.effective[fact.ConfigText(s.Effective)]++
	}
	c.rows = append(c.rows, row{stratum: at, order: int32(s.Order), block: int32(s.Block), trial: s.Trial,
		outcome: uint8(slices.Index(sample.Outcomes, s.Outcome)), stream: int16(min(s.Stream, math.MaxInt16)), send: int64(s.T.Send.Or(-1)), end: int64(s.T.End.Or(s.T.Last.Or(-1)))})
	for i := range c.metrics {
		v := math.NaN()
		if s.Outcome == sample.OK {
			value, why, ok := c.metrics[i].Compute(s)
			if ok {
				v = value
			} else {
				g.missing[i][why]++
			}
		} else {
			g.missing[i][string(s.Outcome)]++
		}
		c.values[i] = append(c.values[i], v)
	}
	c.read(g, s)
}

// stratumOf finds or makes the stratum of a row.
func (c *Collector) stratumOf(s *sample.Sample) int32 {
	b := c.keyLine[:0]
	for _, part := range [...]string{s.Run, s.Experiment, s.Subject, s.Target, s.Workload, s.Prompt, s.Asked(), string(s.Phase), string(s.Provenance)} {
		b = append(append(b, part...), 0)
	}
	c.names = c.names[:0]
	for name := range s.Config {
		c.names = append(c.names, name)
	}
	slices.Sort(c.names)
	for _, name := range c.names {
		b = fmt.Append(append(append(b, name...), '='), s.Config[name])
		b = append(b, 0)
	}
	if s.Synthetic {
		b = append(b, '*')
	}
	c.keyLine = b
	if at, ok := c.byKey[string(b)]; ok {
		return at
	}
	at := int32(len(c.strata))
	g := &stratum{key: key{run: s.Run, experiment: s.Experiment, subject: s.Subject, target: s.Target, workload: s.Workload,
		prompt: s.Prompt, sha: s.Asked(), config: fact.ConfigText(s.Config)}, phase: s.Phase, config: maps.Clone(s.Config),
		synthetic: s.Synthetic, origin: s.Provenance, outcomes: map[sample.Outcome]int{}, finishes: map[string]int{}, failures: map[string]int{}, effective: map[string]int{}, unscored: map[string]int{},
		missing: make([]map[string]int, len(c.metrics))}
	for i := range g.missing {
		g.missing[i] = map[string]int{}
	}
	c.byKey[string(b)] = at
	c.strata = append(c.strata, g)
	return at
}

// settle sorts strata and rows, so that the order in which rows came is
// forgotten.
func (c *Collector) settle() {
	places := make([]int32, len(c.strata)) // old place → new
	sorted := slices.Clone(c.strata)
	was := map[*stratum]int{}
	for i, g := range c.strata {
		was[g] = i
	}
	slices.SortFunc(sorted, compareStrata)
	for i, g := range sorted {
		places[was[g]], g.place = int32(i), i
	}
	for i := range c.rows {
		c.rows[i].stratum = places[c.rows[i].stratum]
	}
	perm := c.bucketed(len(sorted))
	if !slices.IsSortedFunc(perm, func(a, b int32) int { return compareRows(&c.rows[a], &c.rows[b]) }) {
		slices.SortFunc(perm, func(a, b int32) int { return compareRows(&c.rows[a], &c.rows[b]) })
	}
	for _, g := range c.strata {
		slices.SortFunc(g.written, compareWritten)
	}
	c.rows = permuted(c.rows, perm)
	for i := range c.values {
		c.values[i] = permuted(c.values[i], perm)
	}
	c.strata = sorted
	for i, r := range c.rows {
		g := c.strata[r.stratum]
		if i == 0 || c.rows[i-1].stratum != r.stratum {
			g.from = i
		}
		g.to = i + 1
	}
	c.byKey = nil
	c.time, c.rank = make([]int32, len(c.rows)), make([]int32, len(c.rows))
	for at, i := range perm { // rows mostly come in run order: begin with that
		c.time[i] = int32(at)
	}
	run := func(i int32) string { return c.strata[c.rows[i].stratum].key.run }
	byTime := func(x, y int32) int {
		return cmp.Or(strings.Compare(run(x), run(y)), cmp.Compare(c.rows[x].order, c.rows[y].order), cmp.Compare(x, y))
	}
	if !slices.IsSortedFunc(c.time, byTime) {
		slices.SortFunc(c.time, byTime)
	}
	for at, i := range c.time {
		c.rank[i] = int32(at)
	}
}

// bucketed lists the rows by stratum, within one in the order in which they
// came.
func (x *index) bucketed(strata int) []int32 {
	from := make([]int32, strata+1)
	for _, r := range x.rows {
		from[r.stratum+1]++
	}
	for i := range strata {
		from[i+1] += from[i]
	}
	perm := make([]int32, len(x.rows))
	for i, r := range x.rows {
		perm[from[r.stratum]] = int32(i)
		from[r.stratum]++
	}
	return perm
}

// inOrder lists the rows of strata in run order.
func (x *index) inOrder(strata []*stratum) []int32 {
	n := 0
	for _, g := range strata {
		n += g.to - g.from
	}
	out := make([]int32, 0, n)
	if 16*n > len(x.rows) && len(strata) > 1 { // most rows: look at all in order
		in := make([]bool, len(x.strata))
		for _, g := range strata {
			in[g.place] = true
		}
		for _, i := range x.time {
			if in[x.rows[i].stratum] {
				out = append(out, i)
			}
		}
		return out
	}
	for _, g := range strata {
		for i := g.from; i < g.to; i++ {
			out = append(out, int32(i))
		}
	}
	if len(strata) > 1 {
		slices.SortFunc(out, func(a, b int32) int { return cmp.Compare(x.rank[a], x.rank[b]) })
	}
	return out
}

func permuted[T any](x []T, perm []int32) []T {
	out := make([]T, len(x))
	for i, p := range perm {
		out[i] = x[p]
	}
	return out
}

func compareStrata(a, b *stratum) int {
	return cmp.Or(cmp.Compare(a.key.run, b.key.run), cmp.Compare(a.key.experiment, b.key.experiment), cmp.Compare(a.key.workload, b.key.workload),
		cmp.Compare(a.key.subject, b.key.subject), cmp.Compare(a.key.target, b.key.target), cmp.Compare(a.key.prompt, b.key.prompt), cmp.Compare(a.key.sha, b.key.sha),
		cmp.Compare(a.key.config, b.key.config), cmp.Compare(a.phase, b.phase), cmp.Compare(a.origin, b.origin), boolOrder(a.synthetic, b.synthetic))
}

func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// compareRows puts rows of one stratum in plan order. Rows that agree in all
// of this are told apart by nothing that an analysis sees.
func compareRows(a, b *row) int {
	return cmp.Or(cmp.Compare(a.stratum, b.stratum), cmp.Compare(a.order, b.order), strings.Compare(a.trial, b.trial))
}
