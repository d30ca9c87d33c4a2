package finding

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

// A lane is what one subject did on one workload in one experiment, by blocks.
type lane struct {
	experiment string
	streams    int // requests in flight at once, as the rows have them
	strata     []*stratum
	rates      []float64 // output tokens by second of each block, all streams together
	fact       fact.Fact
}

// streams compares, within a run, a subject under several requests at once with
// the same subject under one.
func (a *asking) streams() {
	type place struct{ run, subject, workload string }
	lanes := map[place][]*lane{}
	var order []place
	for _, b := range a.benches() {
		for _, s := range b.subjects() {
			warm := b.of(sample.Measure, s)
			if len(warm) == 0 || warm[0].origin == sample.Imported || strings.Contains(b.workload, "/") {
				continue
			}
			l := &lane{experiment: b.experiment, strata: warm}
			for _, i := range a.rowsOf(warm, everyRow) {
				l.streams = max(l.streams, int(a.rows[i].stream)+1)
			}
			at := place{b.run, s, b.workload}
			if lanes[at] == nil {
				order = append(order, at)
			}
			lanes[at] = append(lanes[at], l)
		}
	}
	for _, at := range order {
		var solo *lane
		for _, l := range lanes[at] {
			if l.streams == 1 && solo == nil && len(factorsOf(l.strata)) == 0 {
				solo = l
			}
		}
		scope := map[string]string{"run": at.run, "subject": at.subject, "workload": at.workload}
		for _, l := range lanes[at] {
			if l.streams > 1 {
				a.add(a.streamed(scope, l, solo))
			}
		}
		if f, ok := a.scaling(scope, lanes[at]); ok {
			a.add(f)
		}
	}
}

// measureLane measures the blocks of a lane, once.
func (a *analyst) measureLane(l *lane, scope map[string]string) {
	if l.fact.ID == "" {
		a.measureBlocks(l, with(scope, "experiment", l.experiment, "streams", strconv.Itoa(l.streams)))
	}
}

// measureBlocks computes the output tokens by second of each block: from the
// first sending to the last end. A block with a request that failed or whose
// tokens nobody counted has none.
func (a *analyst) measureBlocks(l *lane, scope map[string]string) {
	m := a.metric("output_tokens")
	type window struct {
		from, to int64
		tokens   float64
	}
	blocks := map[int32]*window{}
	rows := a.inOrder(l.strata)
	for _, i := range rows {
		r := a.rows[i]
		w := blocks[r.block]
		if w == nil {
			w = &window{from: math.MaxInt64}
			blocks[r.block] = w
		}
		w.from, w.to = min(w.from, r.send), max(w.to, r.end)
		if r.send < 0 || r.end < 0 {
			w.tokens = math.NaN()
		}
		w.tokens += a.values[m][i] // NaN stays
	}
	col := &fact.Column{Metric: "output_rate", Version: 1, Unit: unit.TokenPerSecond, Phase: sample.Measure, Scope: scope, Planned: len(blocks), Missing: map[string]int{}}
	var ids []int32
	for b := range blocks {
		ids = append(ids, b)
	}
	slices.Sort(ids)
	for _, b := range ids {
		w := blocks[b]
		seconds := float64(w.to-w.from) / 1e9
		if math.IsNaN(w.tokens) || seconds <= 0 || w.tokens <= 0 {
			col.Missing["a request of the block failed, or was not counted or timed"]++
			continue
		}
		rate := w.tokens / seconds
		l.rates = append(l.rates, rate)
		col.Add(scope["run"], l.experiment+"/b"+strconv.Itoa(int(b)), rate)
	}
	l.fact = a.put(col.Fact("mean"))
}

func (a *analyst) streamed(scope map[string]string, l, solo *lane) Finding {
	place := scope
	scope = with(scope, "experiment", l.experiment)
	f := Finding{Kind: Concurrency, Question: "What do several requests at once get done against one at a time?", Scope: scope, Metric: "output_rate",
		Method: "output tokens of a block by the time from its first sending to its last end, all streams together; several against one by Welch on logarithms over blocks"}
	a.measureLane(l, place)
	f.Checks = []Check{a.unfailed(l.strata, scope), a.whole(l.strata, scope), origin(l.strata), a.little(l, scope)}
	k := nm(strconv.Itoa(l.streams) + " streams")
	switch {
	case !l.fact.Value.OK():
		f.Verdict = NotMeasured
		f.Sentence = say("What ", nm(scope["subject"]), " gets done with ", k, " was not measured: ", nm(l.fact.Reason), ".")
		return f
	case solo == nil:
		f.Verdict, f.Forbids = NotComparable, "no run with one stream stands beside it"
		f.Sentence = say(nm(scope["subject"]), " makes ", both(l.fact), " with ", k, "; it was not measured with one, so there is no speedup to speak of.")
		f.Checks = append(f.Checks, Check{SoloBaseline, Fail, say("no experiment of this run has one stream on the same workload")})
		return f
	}
	a.measureLane(solo, place)
	order := a.orderIn([][]*stratum{solo.strata, l.strata}, false)
	f.Checks = append(f.Checks, Check{SoloBaseline, Pass, say("measured with one stream, too")},
		a.equalWork(slices.Concat(l.strata, solo.strata), []string{scope["subject"]}, scope), orderCheck(order, "experiments", false))
	r, err := stats.RatioOfMeans(solo.rates, l.rates, fact.Level)
	if err != nil || r.Interval == nil {
		f.Verdict = Inconclusive
		f.Sentence = say("Whether ", nm(scope["subject"]), " gets more done with ", k, " cannot be said: too few blocks with and without.")
		return f
	}
	ratio := a.derive(fact.Fact{Metric: "output_rate", Version: 1, Aggregate: "ratio", Unit: unit.Ratio, Phase: sample.Measure, Scope: with(scope, "of", strconv.Itoa(l.streams), "to", "1"),
		Value: sample.Some(r.Value), Lo: sample.Some(r.Interval.Lo), Hi: sample.Some(r.Interval.Hi), N: min(len(l.rates), len(solo.rates)), Planned: len(l.rates) + len(solo.rates),
		Method: "geometric means over blocks, Welch on logarithms"}, l.fact, solo.fact)
	size := say(as(ratio, AsTimesCI), " the output rate of one (", both(l.fact), " against ", both(solo.fact), ")")
	switch {
	case r.Interval.Contains(1):
		f.Verdict = Inconclusive
		f.Sentence = say("That ", nm(scope["subject"]), " gets more or less done with ", k, " is not shown: ", size, ".")
	case order == nested || order == cycled:
		f.Verdict, f.Forbids = NotComparable, "the experiments ran one after the other"
		f.Sentence = say(nm(scope["subject"]), " has with ", k, " ", size, ", but they ran in a fixed order, so streams and time cannot be told apart.")
	case !believed(order, ratio):
		f.Verdict = Inconclusive
		f.Sentence = say(nm(scope["subject"]), " has with ", k, " ", size, ", but whether their order was drawn is not known, and a drift could do as much.")
	case r.Interval.Lo > 1:
		f.Verdict = Better
		f.Sentence = say(nm(scope["subject"]), " gets more done with ", k, ": ", size, ".")
	default:
		f.Verdict = Worse
		f.Sentence = say(nm(scope["subject"]), " gets less done with ", k, ": ", size, ".")
	}
	p := Panel{X: Axis{Label: "streams", Categories: []string{"1", strconv.Itoa(l.streams)}}, Y: Axis{Label: "output rate", Metric: "output_rate", Unit: unit.TokenPerSecond}}
	for _, x := range []*lane{solo, l} {
		q := point(x.fact)
		q.Series, q.XName = scope["subject"], strconv.Itoa(x.streams)
		p.Points = append(p.Points, q)
	}
	f.Figures = []Figure{{ID: "streams", Kind: Intervals, Title: f.Sentence, Panels: []Panel{p}}}
	return f
}
