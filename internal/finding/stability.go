package finding

import (
	"math"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

// Spread is judged against steady: at most that is fine (method §3.1 calls it
// fair or better), above noisy it is not.
const (
	steadyCV = 0.05
	noisyCV  = 0.10
)

// stabilities rates how far equal requests scatter: same subject, prompt,
// settings; warm. Strata are never pooled before their means are taken off.
func (a *asking) stabilities() {
	setting := a.settingOf()
	for _, b := range a.benches() {
		for _, s := range b.subjects() {
			warm := b.of(sample.Measure, s)
			for _, alternatives := range [][]string{speeds, latencies} {
				if metric, ok := a.carried(alternatives, warm); ok {
					f := a.stability(b, s, metric, warm, setting)
					if _, agent := stageOf(b.workload); agent && f.Verdict == NotMeasured {
						continue // an agent's prompts follow from its answers, so they hardly repeat
					}
					a.add(f)
				}
			}
		}
	}
}

func (a *analyst) stability(b *bench, subject, metric string, warm []*stratum, setting []string) Finding {
	scope := a.scopeOf(b, subject, warm)
	f := Finding{Kind: Stability, Question: "How far do equal requests scatter in the " + label(metric) + "?", Scope: with(scope, "metric", metric), Metric: metric,
		Method: "coefficient of variation within strata (prompt and settings), warm rows; the word goes by the ends of its interval, held against the limits of steady and of noisy"}
	f.Checks = a.soundness(metric, warm, b.of(sample.Cold, subject), scope)
	t := Table{ID: "strata", Title: "Scatter of equal requests, warm", Labels: []string{"prompt", "configuration"}, Columns: []Column{
		{Head: "variation of " + label(metric), Metric: metric, Aggregate: "cv", As: AsPercent}, {Head: "n", Metric: metric, Aggregate: "cv", As: AsN}, {Head: "rating", As: AsValue}}}
	panel := Panel{X: Axis{Label: "stratum"}, Y: Axis{Label: "coefficient of variation of " + label(metric), Metric: metric, Unit: unit.Ratio}}
	var ss float64
	df, strata := 0, 0
	var facts []fact.Fact
	for _, like := range alike(warm, setting) {
		g := like[0]
		name := setting[g.place]
		values, _ := (cell{x: &a.index, strata: like}).values(metric)
		in := cell{&a.index, like, with(scope, "prompt", g.key.prompt, "config", name)}
		if len(values) > 1 {
			m, sum := 0.0, 0.0
			for _, v := range values {
				m += math.Log(v) / float64(len(values))
			}
			for _, v := range values {
				sum += (math.Log(v) - m) * (math.Log(v) - m)
			}
			ss, df, strata = ss+sum, df+len(values)-1, strata+1
		}
		if len(t.Rows) >= mostStrata {
			continue
		}
		c := a.centre(in, metric, "cv")
		row := Row{Names: []string{g.key.prompt, name}}
		if c.Value.OK() {
			facts = append(facts, c)
			row.Cells = []Cell{{Fact: c.ID}, {Fact: c.ID}, {}}
		} else {
			row.Cells = []Cell{{Missing: c.Reason}, {Fact: c.ID}, {Missing: "fewer than two values"}}
		}
		if r, err := stats.RateCV(values); err == nil {
			row.Cells[2] = Cell{Word: r.Label}
		} else if len(values) > 1 {
			row.Cells[2] = Cell{Missing: "not rated: too few values"}
		}
		t.Rows = append(t.Rows, row)
		m := point(c)
		m.Series, m.XName = subject, g.key.prompt+" "+name
		panel.X.Categories, panel.Points = append(panel.X.Categories, m.XName), append(panel.Points, m)
	}
	f.Tables = []Table{t}
	a.steadiness(&f, subject, metric, ss, df, strata, facts, scope)
	f.Figures = []Figure{{ID: "strata", Kind: Intervals, Title: f.Sentence, Panels: []Panel{panel}}}
	return f
}

// alike groups strata of one prompt and one effective configuration.
func alike(strata []*stratum, setting []string) [][]*stratum {
	at := map[string]int{}
	var out [][]*stratum
	for _, g := range strata {
		key := g.key.prompt + "\x00" + g.key.sha + "\x00" + setting[g.place]
		i, ok := at[key]
		if !ok {
			i = len(out)
			at[key], out = i, append(out, nil)
		}
		out[i] = append(out[i], g)
	}
	return out
}

// mostStrata bounds the rows of a table of strata.
const mostStrata = 200

// leastDF is how many degrees of freedom a rating of the scatter needs.
const leastDF = 4

func (a *analyst) steadiness(f *Finding, subject, metric string, ss float64, df, strata int, facts []fact.Fact, scope map[string]string) {
	if df < leastDF {
		f.Verdict = NotMeasured
		f.Sentence = say("How far equal requests of ", nm(subject), " scatter in ", label(metric), " was not measured: hardly any request was repeated warm.")
		f.Checks = append(f.Checks, Check{EnoughN, Fail, say("a rating needs repeats of the same prompt and settings")})
		return
	}
	cv := math.Sqrt(math.Expm1(ss / float64(df))) // of a log-normal value
	lo, hi, err := stats.SDFactors(df+1, fact.Level)
	if err != nil {
		lo, hi = 1, 1
	}
	x := a.derive(fact.Fact{Metric: metric, Version: 1, Aggregate: "cv_within", Unit: unit.Ratio, Phase: sample.Measure, Scope: scope,
		Value: sample.Some(cv), Lo: sample.Some(cv * lo), Hi: sample.Some(cv * hi), N: df + strata, Planned: df + strata,
		Method: "pooled within strata on logarithms, χ² interval"}, facts...)
	word := "steady"
	switch {
	case cv*hi <= steadyCV:
		f.Verdict = Better
	case cv*lo > noisyCV:
		f.Verdict, word = Worse, "noisy"
	default:
		f.Verdict, word = Inconclusive, "neither shown to be steady nor to be noisy"
	}
	limit := a.derive(fact.Fact{Metric: metric, Version: 1, Aggregate: "limit", Unit: unit.Ratio, Scope: scope, Value: sample.Some(steadyCV), Method: "what counts as steady"})
	f.Sentence = say("Equal requests of ", nm(subject), " are ", word, " in ", label(metric), ": they scatter by ", as(x, AsPercent), " (interval ", Part{Fact: x.ID, As: AsPercentCI}, "), where up to ", as(limit, AsPercent), " counts as steady.")
	f.Checks = append(f.Checks, Check{EnoughN, enough(df >= 9), say(count(x), " values in strata of their own")})
}
