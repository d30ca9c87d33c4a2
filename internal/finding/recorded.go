package finding

import (
	"math"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// togethers compares two agents at once with the same agents alone. Only tokens
// by wall time can be compared: a speedup made of durations that were all
// measured together is overlap, whatever it says.
func (a *asking) togethers() {
	crews := a.crews()
	for _, s := range a.specimens("agent-pair", "file", "run", "scenario") {
		for _, c := range crews {
			if c.run == s.run && c.name == s.labels["file"] {
				a.add(a.together(c, s, crews))
				a.add(a.uncontended(c))
			}
		}
	}
}

// tokensOf sums the output tokens of strata; ok is false if a call has none.
func (a *analyst) tokensOf(strata []*stratum) (sum float64, n int, ok bool) {
	m := a.metric("output_tokens")
	ok = true
	for _, g := range strata {
		for i := g.from; i < g.to; i++ {
			v := a.values[m][i]
			if math.IsNaN(v) {
				ok = false
				continue
			}
			sum, n = sum+v, n+1
		}
	}
	return sum, n, ok && n > 0
}

// throughput enters the tokens by wall second of calls.
func (a *analyst) throughput(strata []*stratum, wall float64, from fact.Fact, scope map[string]string, method string) (fact.Fact, bool) {
	tokens, n, ok := a.tokensOf(strata)
	if !ok || wall <= 0 {
		return fact.Fact{}, false
	}
	count := a.derive(fact.Fact{Metric: "output_tokens", Version: 1, Aggregate: "sum", Unit: unit.Token, Scope: scope, Value: sample.Some(tokens), N: n, Planned: n, Method: "sum"},
		a.tally("calls", scope, a.rowsOf(strata, everyRow), n))
	return a.derive(fact.Fact{Metric: "tokens_per_wall_second", Version: 1, Aggregate: "ratio_of_sums", Unit: unit.TokenPerSecond, Scope: scope, Value: sample.Some(tokens / wall), N: n, Planned: n, Method: method}, count, from), true
}

// alone finds the throughput of the same model alone: the calls of one agent in
// another record of the same import, by the sum of their durations.
func (a *analyst) alone(c *crew, crews []*crew) (fact.Fact, bool) {
	model := ""
	for _, strata := range c.calls {
		model = strata[0].key.subject
	}
	for _, o := range crews {
		if o.run != c.run || !slices.Contains(o.roles, "baseline") || slices.Contains(o.roles, "collector") {
			continue
		}
		var strata []*stratum
		for w, list := range o.calls {
			if strings.HasPrefix(w, "baseline/") && list[0].key.subject == model {
				strata = append(strata, list...)
			}
		}
		slices.SortFunc(strata, func(x, y *stratum) int { return x.place - y.place })
		var wall float64
		var one []*sample.Reading
		for _, r := range a.readings {
			if v, ok := r.Value.Get(); ok && r.Run == o.run && r.Series == "client_duration" && r.Labels["file"] == o.name && r.Labels["role"] == "baseline" {
				wall += v
				one = append(one, r)
			}
		}
		if len(strata) == 0 || len(one) == 0 {
			continue
		}
		scope := map[string]string{"file": o.name, "role": "baseline"}
		of := a.observed(&specimen{run: o.run, labels: one[0].Labels, series: map[string][]*sample.Reading{"client_duration": one}}, "client_duration", scope)
		if f, ok := a.throughput(strata, wall, of, with(scope, "run", o.run, "arm", "alone"), "output tokens of all calls by the sum of their durations, one after the other"); ok {
			return f, true
		}
	}
	return fact.Fact{}, false
}

// byAlone enters the tokens by wall second together by those alone.
func (a *analyst) byAlone(c *crew, together, alone fact.Fact) fact.Fact {
	return a.derive(fact.Fact{Metric: "tokens_per_wall_second", Version: 1, Aggregate: "ratio", Unit: unit.Ratio, Scope: with(c.scope(), "of", "together", "to", "alone"),
		Value: sample.Some(together.Value.Or(0) / alone.Value.Or(1)), N: 1, Planned: 1, Method: "token-normalised; one run a side, no interval"}, together, alone)
}

// atOnce enters what all agents of a crew made by wall second.
func (a *analyst) atOnce(c *crew, wall fact.Fact) (fact.Fact, bool) {
	return a.throughput(c.of(c.roles...), wall.Value.Or(0), wall, with(c.scope(), "arm", "together"), "output tokens of all agents by the wall time of the run")
}

// normalised is what agents at once gain by tokens and wall clock, where a run
// alone stands somewhere in the import.
func (a *analyst) normalised(c *crew, wall fact.Fact, crews []*crew) (fact.Fact, bool) {
	x, ok := a.atOnce(c, wall)
	if !ok {
		return fact.Fact{}, false
	}
	y, ok := a.alone(c, crews)
	if !ok {
		return fact.Fact{}, false
	}
	return a.byAlone(c, x, y), true
}

func (a *analyst) together(c *crew, s *specimen, crews []*crew) Finding {
	scope := map[string]string{"run": c.run, "file": c.name}
	f := Finding{Kind: Concurrency, Question: "Do two agents at once get more done than one after the other?", Scope: scope, Metric: "tokens_per_wall_second",
		Method: "output tokens by wall second, together against alone; durations measured together are never put over each other"}
	all := c.of(c.roles...)
	f.Checks = []Check{a.unfailed(all, scope), a.whole(all, scope), origin(all)}
	wall := a.observed(s, "concurrent_wall_time", scope)
	x, ok := a.atOnce(c, wall)
	if !ok {
		f.Verdict = NotMeasured
		f.Sentence = say("What the agents got done together was not measured: a call has no token count, or the run no wall time.")
		return f
	}
	if o, ok := a.recordedOverlap(c); ok {
		f.Notes = append(f.Notes, say("Side by side the agents' own times are ", as(o, AsTimes), " the longest of them; that is overlap, and no speedup."))
	}
	y, solo := a.alone(c, crews)
	if !solo {
		f.Verdict, f.Forbids = NotComparable, "no run alone stands beside it"
		f.Sentence = say("Together the agents made ", val(x), " by the wall clock; no run alone stands beside it, so there is no speedup to speak of.")
		f.Checks = append(f.Checks, Check{SoloBaseline, Fail, say("the same calls were not measured alone")})
		return f
	}
	f.Checks = append(f.Checks, Check{SoloBaseline, Unknown, say("alone stands in another file, measured at another time, with prompts of its own")},
		Check{OrderRandomised, Unknown, say("together and alone were not interleaved")})
	ratio := a.byAlone(c, x, y)
	f.Verdict = Inconclusive
	f.Sentence = say("Together the agents made ", val(x), " by the wall clock, alone one makes ", val(y), ": ", as(ratio, AsTimes), ", one run a side and not interleaved. A gain from running together is not shown.")
	if v, _ := ratio.Value.Get(); v > 1 {
		f.Sentence = say("Together the agents made ", val(x), " by the wall clock, alone one makes ", val(y), ": ", as(ratio, AsTimes), ", one run a side and not interleaved, so it is not shown.")
	}
	p := Panel{X: Axis{Label: "arm", Categories: []string{"alone", "together"}}, Y: Axis{Label: "tokens by wall second", Unit: unit.TokenPerSecond}}
	for _, m := range []struct {
		name string
		f    fact.Fact
	}{{"alone", y}, {"together", x}} {
		q := point(m.f)
		q.XName, q.Series = m.name, m.name
		p.Points = append(p.Points, q)
	}
	f.Figures = []Figure{{ID: "concurrency", Kind: Intervals, Title: f.Sentence, Panels: []Panel{p}}}
	return f
}

// recordedTimes enters the agents' own times, measured while all ran, and their
// sum.
func (a *analyst) recordedTimes(c *crew) (times []float64, total fact.Fact) {
	var from []fact.Fact
	for _, r := range a.readings {
		v, ok := r.Value.Get()
		if !ok || v <= 0 || r.Run != c.run || r.Series != "execution_time" || r.Labels["file"] != c.name || !slices.Contains(c.roles, r.Labels["role"]) {
			continue
		}
		times = append(times, v)
		from = append(from, a.observed(&specimen{run: c.run, labels: r.Labels, series: map[string][]*sample.Reading{r.Series: {r}}}, r.Series, with(c.scope(), "role", r.Labels["role"])))
	}
	total = fact.Fact{Metric: "execution_time", Version: 1, Aggregate: "sum", Unit: unit.Second, Scope: c.scope(), N: len(times), Planned: len(c.roles), Method: "sum of the times of all agents, measured while all ran"}
	if len(times) == len(c.roles) {
		total.Value = sample.Some(sum(times))
	} else {
		total.Reason, total.Method = "not every agent's time was kept", "none"
	}
	return times, a.derive(total, from...)
}

// recordedOverlap enters the sum of the agents' times by the longest of them.
func (a *analyst) recordedOverlap(c *crew) (fact.Fact, bool) {
	times, total := a.recordedTimes(c)
	if len(times) < 2 || !total.Value.OK() {
		return fact.Fact{}, false
	}
	return a.derive(fact.Fact{Metric: "overlap", Version: 1, Aggregate: "value", Unit: unit.Ratio, Scope: c.scope(), Value: sample.Some(sum(times) / slices.Max(times)), N: len(times), Planned: len(times),
		Method: "sum of the times together by the longest of them: says how far they lay side by side, and nothing of speed"}, total), true
}

// uncontended says why another program's record of agents at once carries no
// verdict on what they cost each other.
func (a *analyst) uncontended(c *crew) Finding {
	f := Finding{Kind: Contention, Question: "Do the agents hold each other up?", Scope: c.scope(), Metric: "slowdown", Verdict: NotMeasured,
		Method:   "time by token together by the same alone; no call of this record was also measured alone",
		Sentence: say("Whether the agents hold each other up was not measured: none of their calls was also measured alone."),
		Checks:   []Check{{SoloBaseline, Fail, say("the same calls were not measured alone")}, origin(c.of(c.roles...))}}
	if o, ok := a.recordedOverlap(c); ok {
		f.Notes = []Sentence{say("That their times together are ", as(o, AsTimes), " the longest of them says how far they lay side by side, and not that they did not slow each other.")}
	}
	return f
}
