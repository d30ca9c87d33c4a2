package fact

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"chimera/internal/digest"
	"chimera/internal/metric"
	"chimera/internal/quality"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

// Tasks returns a function that tells each row of a run what its prompt asks, as
// the run's frozen spec says it. Rows of a run whose spec is not known (of an
// import) stay as they are: then only what any text must keep is scored.
func Tasks(m *sample.Manifest) func(*sample.Sample) {
	if m == nil || len(m.Spec) == 0 {
		return func(*sample.Sample) {}
	}
	s, err := spec.Decode(m.Spec)
	if err != nil {
		return func(*sample.Sample) {}
	}
	tasks := map[string]map[string]*quality.Task{}
	for _, w := range s.Workloads {
		tasks[w.ID] = w.Tasks()
	}
	return func(row *sample.Sample) {
		row.Task = tasks[row.Workload][strings.TrimPrefix(row.Prompt, row.Workload+"/")]
	}
}

// bootstrapSeed is fixed, so that equal rows give equal intervals.
const bootstrapSeed = 1

// Scores are the values of one metric of text in one scope: a Column that also
// knows which prompt each value belongs to, because answers to one prompt are
// alike. A Query over the same rows gives the same fact, with the same id.
type Scores struct {
	Column
	def    metric.Metric
	scores []score
}

// A score is what one row, or one group of rows, gives.
type score struct {
	prompt   string
	value    float64
	num, den float64
}

// NewScores makes the scores of a metric of text; the column says of which rows.
func NewScores(def metric.Metric, c Column) *Scores {
	c.Metric, c.Version, c.Unit = def.ID, def.Version, def.Unit
	if c.Missing == nil {
		c.Missing = map[string]int{}
	}
	return &Scores{Column: c, def: def}
}

// Add appends the value num/den of one answer. Of a metric that is a share they
// are counts.
func (s *Scores) Add(run, trial, prompt string, num, den float64) {
	s.Column.Add(run, trial, num/den)
	s.scores = append(s.scores, score{prompt, num / den, num, den})
}

// AddSet appends the value of answers to one prompt together, all of one run.
func (s *Scores) AddSet(run string, trials []string, prompt string, value float64) {
	for i, trial := range trials {
		if i == len(trials)-1 {
			s.Column.Add(run, trial, value)
		} else {
			s.Column.Add(run, trial)
		}
	}
	s.scores = append(s.scores, score{prompt, value, value, 1})
}

// Fact is the metric's usual aggregate: a share, or a mean.
func (s *Scores) Fact() (Fact, error) {
	f := s.frame(string(s.def.Usual()))
	if len(s.scores) == 0 {
		f.settleAll(nil, nil, s.Missing)
	} else {
		f.settlePooled(s.def, s.scores)
	}
	return Identify(f)
}

// textFact makes the fact of a metric of text. The interval of a mean or a share
// over several prompts is over the prompts.
func (a *answer) textFact(sc *scope) Fact {
	s := NewScores(a.def, sc.Column)
	s.Unit = sc.Unit
	s.Caveats = append(sc.caveats(), copies(a.def, sc.rows)...)
	if a.def.Basis == metric.Group {
		s.sets(sc.rows)
	} else {
		s.rows(sc.rows)
	}
	if sets := Together(sc.rows); a.def.Basis == metric.Group && len(s.scores) == 1 && a.pooled() {
		f := s.frame(a.Aggregate)
		f.jackknife(a.def, s.scores[0].value, sets[0])
		f.clamp(a.def)
		return f
	}
	return a.scored(s)
}

// pooled reports whether the answer is a mean or a share, whose interval is over
// the prompts.
func (a *answer) pooled() bool {
	return a.Aggregate == string(metric.Mean) || a.Aggregate == ratioOfSums
}

// scored makes the fact of scores.
func (a *answer) scored(s *Scores) Fact {
	f := s.frame(a.Aggregate)
	if len(s.scores) == 0 || !a.pooled() {
		f.settleAll(a.aggregate, s.Values, s.Missing)
		return f
	}
	f.settlePooled(a.def, s.scores)
	return f
}

// rows scores each row on its own.
func (s *Scores) rows(group []*sample.Sample) {
	for _, row := range group {
		if row.Outcome != sample.OK {
			s.Missing[string(row.Outcome)]++
			continue
		}
		num, den, why, ok := s.def.Parts(row)
		if !ok {
			s.Missing[why]++
			continue
		}
		s.Add(row.Run, row.Trial, promptOf(row), num, den)
	}
}

// sets scores the answers to each prompt together.
func (s *Scores) sets(group []*sample.Sample) {
	for _, set := range Together(group) {
		v, why, ok := s.def.Together(set)
		if !ok {
			s.Missing[why]++
			continue
		}
		var trials []string
		for _, row := range set {
			trials = append(trials, row.Trial)
		}
		s.AddSet(set[0].Run, trials, promptOf(set[0]), v)
	}
}

// Together splits rows into the answers to one prompt under one configuration,
// in the order in which they were planned; failed rows are left out.
func Together(rows []*sample.Sample) [][]*sample.Sample {
	sets := map[string][]*sample.Sample{}
	var order []string
	for _, s := range rows {
		if s.Outcome != sample.OK {
			continue
		}
		key := strings.Join([]string{s.Run, s.Experiment, s.Subject, s.Target, promptOf(s), s.PromptSHA256, ConfigText(s.Config)}, "\x00")
		if sets[key] == nil {
			order = append(order, key)
		}
		sets[key] = append(sets[key], s)
	}
	slices.Sort(order)
	out := make([][]*sample.Sample, len(order))
	for i, key := range order {
		out[i] = sets[key]
		slices.SortStableFunc(out[i], func(a, b *sample.Sample) int { return cmp.Compare(a.Order, b.Order) })
	}
	return out
}

func promptOf(s *sample.Sample) string { return s.Workload + "\x00" + s.Prompt }

// settlePooled makes a mean or a share of scores.
func (f *Fact) settlePooled(def metric.Metric, scores []score) {
	if def.Rate && (f.Aggregate == ratioOfSums || !def.Ratio) {
		f.share(scores)
		return
	}
	f.settle(stats.ClusteredMean(byPrompt(scores), Level, bootstrapSeed))
	f.clamp(def)
}

// clamp keeps an interval of a share within what a share can be.
func (f *Fact) clamp(def metric.Metric) {
	lo, ok := f.Lo.Get()
	if !ok || def.Unit != unit.Ratio {
		return
	}
	least := 0.0
	if def.ID == "quality_relevance" {
		least = -1 // a difference of shares
	}
	f.Lo, f.Hi = sample.Some(math.Max(least, lo)), sample.Some(math.Min(1, f.Hi.Or(1)))
}

// share is a proportion with Wilson's interval: over prompts, or over answers
// where there is one prompt.
func (f *Fact) share(scores []score) {
	key := func(i int) string { return scores[i].prompt }
	if !slices.ContainsFunc(scores, func(s score) bool { return s.prompt != scores[0].prompt }) {
		key = func(i int) string { return fmt.Sprint(i) }
	}
	at := map[string]int{}
	var k, n []int
	sumK, sumN := 0.0, 0.0
	for i, s := range scores {
		j, known := at[key(i)]
		if !known {
			j = len(k)
			at[key(i)], k, n = j, append(k, 0), append(n, 0)
		}
		k[j], n[j] = k[j]+int(s.num), n[j]+int(s.den)
		sumK, sumN = sumK+s.num, sumN+s.den
	}
	f.Value = sample.Some(sumK / sumN)
	i, err := stats.WilsonClustered(k, n, Level)
	f.bound(i, err)
}

// jackknife gives the value of one group an interval by leaving out each answer.
func (f *Fact) jackknife(def metric.Metric, whole float64, set []*sample.Sample) {
	set = set[:min(len(set), quality.MaxAnswers)]
	var without []float64
	for i := range set {
		v, why, ok := def.Together(slices.Delete(slices.Clone(set), i, i+1))
		if !ok {
			f.Value, f.Method = sample.Some(whole), "no interval: "+why
			return
		}
		without = append(without, v)
	}
	f.settle(stats.Jackknife(whole, without, Level))
}

// byPrompt groups the values by prompt, in order of first appearance; those of
// one prompt stand each for itself.
func byPrompt(scores []score) [][]float64 {
	at := map[string]int{}
	var out [][]float64
	for _, s := range scores {
		i, known := at[s.prompt]
		if !known {
			i = len(out)
			at[s.prompt], out = i, append(out, nil)
		}
		out[i] = append(out[i], s.value)
	}
	if len(out) == 1 {
		alone := make([][]float64, 0, len(scores))
		for _, v := range out[0] {
			alone = append(alone, []float64{v})
		}
		return alone
	}
	return out
}

// copies warns of answers that are the text of another one to the same prompt:
// they tell nothing that the other did not.
func copies(def metric.Metric, group []*sample.Sample) []string {
	if def.Basis == metric.Group {
		return nil // it measures just that
	}
	var texts []string
	for _, s := range group {
		if metric.Scorable(s) == "" {
			texts = append(texts, promptOf(s)+"\x00"+s.Subject+"\x00"+textOf(s))
		}
	}
	return repeated(texts)
}

// textOf names a text that can be scored, whatever its length.
func textOf(s *sample.Sample) string { return digest.Short(digest.Text(s.Text.Or("")), 16) }

// repeated warns of texts that stand there twice.
func repeated(texts []string) []string {
	seen, again := map[string]bool{}, 0
	for _, t := range texts {
		if seen[t] {
			again++
		}
		seen[t] = true
	}
	if again == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d of %d answers repeat another one's text: they add nothing to it", again, len(texts))}
}
