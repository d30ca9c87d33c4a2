package finding

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

// A backendRun is one file: one model, batch, dtype and device, run by several
// backends, eager among them.
type backendRun struct {
	run, file, model string
	base             *specimen
	others           []*specimen
}

// A backendRatio is one backend against eager in one file.
type backendRatio struct {
	name    string
	timing  timing
	ratio   fact.Fact
	forbids string // why it cannot be compared
	missing string // why it has no time
	verdict Verdict
}

func (a *analyst) backendRuns() []*backendRun {
	by := map[string]*backendRun{}
	var out []*backendRun
	for _, s := range a.specimens("backend", "file", "model", "device", "dtype", "batch_size", "backend") {
		key := strings.Join([]string{s.run, s.labels["file"], s.labels["model"], s.labels["device"], s.labels["dtype"], s.labels["batch_size"]}, "\x00")
		if by[key] == nil {
			by[key] = &backendRun{run: s.run, file: s.labels["file"], model: s.labels["model"]}
			out = append(out, by[key])
		}
		if s.labels["backend"] == "eager" {
			by[key].base = s
		} else {
			by[key].others = append(by[key].others, s)
		}
	}
	return out
}

// backends compares, in each file, every backend with eager, and each backend
// over all files by the geometric mean.
func (a *asking) backends() {
	type where struct{ run, backend, device string }
	over := map[where][]backendRatio{}
	files := map[where][]string{}
	for _, b := range a.backendRuns() {
		if b.base == nil {
			continue
		}
		f, ratios := a.backend(b)
		a.add(f)
		for _, r := range ratios {
			at := where{b.run, r.name, b.base.labels["device"]}
			over[at] = append(over[at], r)
			files[at] = append(files[at], strings.TrimSuffix(path.Base(b.file), path.Ext(b.file)))
		}
	}
	var order []where
	for at := range over {
		order = append(order, at)
	}
	slices.SortFunc(order, func(x, y where) int { return strings.Compare(fmt.Sprint(x), fmt.Sprint(y)) })
	for _, at := range order {
		if len(over[at]) > 1 {
			a.add(a.combined(map[string]string{"run": at.run, "backend": at.backend, "device": at.device}, over[at], files[at]))
		}
	}
}

// unlike says what, besides the backend, differs from eager.
func unlike(base, s *specimen) string {
	device := base.labels["device"]
	if p := s.labels["provider"]; p != "" && strings.HasPrefix(strings.ToLower(p), "cpu") && device != "cpu" {
		return "it ran by " + p + ", eager on " + device
	}
	if p := s.labels["precision"]; p != "" && !sameType(p, base.labels["dtype"]) {
		return "it computed in " + p + ", eager in " + base.labels["dtype"]
	}
	return ""
}

// sameType compares names of number formats: "torch.float32" and "fp32".
func sameType(x, y string) bool {
	plain := func(s string) string {
		s = strings.ToLower(s)
		s = s[strings.LastIndex(s, ".")+1:]
		return strings.NewReplacer("float", "fp", "half", "fp16").Replace(s)
	}
	return plain(x) == plain(y)
}

func (a *analyst) backend(b *backendRun) (Finding, []backendRatio) {
	l := b.base.labels
	scope := map[string]string{"run": b.run, "file": b.file, "model": b.model, "device": l["device"], "dtype": l["dtype"], "batch_size": l["batch_size"]}
	f := Finding{Kind: Backend, Question: "Which backend runs " + b.model + " faster than eager?", Scope: scope, Metric: "mean_time",
		Method: "each backend against eager of the same file: same model, batch, number format, device and provider; means, because no single call was kept"}
	base := a.timing(b.base, with(scope, "backend", "eager"))
	what := b.model + " (" + l["device"] + ", " + l["dtype"] + ", batch " + l["batch_size"] + ")"
	var ratios []backendRatio
	for _, s := range b.others {
		ratios = append(ratios, a.against(base, s, scope, len(b.others)))
	}
	f.Checks = []Check{unrecordedOrder(), a.slowCheck(base), readingOrigin(b.base)}
	f.Tables = []Table{a.backendTable(base, ratios)}
	f.Figures = []Figure{backendFigure(ratios)}
	var faster, slower, unlikes, missing []string
	for _, r := range ratios {
		switch {
		case r.missing != "":
			missing = append(missing, r.name)
		case r.forbids != "":
			unlikes = append(unlikes, r.name)
		case r.verdict == Better:
			faster = append(faster, r.name)
		case r.verdict == Worse:
			slower = append(slower, r.name)
		}
	}
	if base.ok {
		f.Sentence = a.backendWords(what, ratios, base)
	} else {
		f.Sentence = say("Eager has no time on ", nm(what), ": nothing can be compared.")
	}
	compared := len(ratios) - len(missing) - len(unlikes)
	switch {
	case !base.ok || len(ratios) == 0 || len(missing) == len(ratios):
		f.Verdict = NotMeasured
	case compared == 0:
		f.Verdict, f.Forbids = NotComparable, "no backend ran under the conditions of eager"
	case len(faster) > 0:
		f.Verdict, f.Winners = Better, faster
	case len(slower) == compared:
		f.Verdict = Worse
	default:
		f.Verdict = Inconclusive
	}
	for _, r := range ratios {
		if note := a.backendNote(base, r, scope); note != nil {
			f.Notes = append(f.Notes, note)
		}
	}
	status, why := Pass, say("all backends ran under the conditions of eager")
	if len(unlikes) > 0 {
		status, why = Fail, say("not under the conditions of eager: ", list(unlikes))
	}
	f.Checks = append(f.Checks, Check{SameConditions, status, why})
	if len(missing) > 0 {
		f.Checks = append(f.Checks, Check{NoFailures, Fail, say("no time: ", list(missing))})
	} else {
		f.Checks = append(f.Checks, Check{NoFailures, Pass, say("every backend has a time")})
	}
	f.Figures[0].Title = f.Sentence
	return f, ratios
}

func (a *analyst) against(base timing, s *specimen, scope map[string]string, family int) backendRatio {
	r := backendRatio{name: s.labels["backend"], timing: a.timing(s, with(scope, "backend", s.labels["backend"])), forbids: unlike(base.specimen, s), verdict: Inconclusive}
	if !r.timing.ok || !base.ok {
		r.missing, r.forbids, r.verdict = s.reason("mean_time"), "", NotMeasured
		return r
	}
	r.ratio = a.timeRatio(base, r.timing, with(scope, "of", r.name, "to", "eager"), family)
	lo, ok := r.ratio.Lo.Get()
	hi := r.ratio.Hi.Or(0)
	switch {
	case r.forbids != "":
		r.verdict = NotComparable
	case !ok || base.slow || r.timing.slow:
	case lo > 1+unknownOrder:
		r.verdict = Better
	case hi < 1/(1+unknownOrder):
		r.verdict = Worse
	}
	return r
}

func (a *analyst) backendWords(what string, ratios []backendRatio, base timing) Sentence {
	s := say("On ", nm(what), ", eager takes ", val(base.mean))
	for _, v := range []struct {
		verdict Verdict
		text    string
	}{{Better, "faster"}, {Worse, "slower"}, {Inconclusive, "undecided"}} {
		first := true
		for _, r := range ratios {
			if r.verdict != v.verdict {
				continue
			}
			if first {
				s = append(s, w("; "+v.text+": "))
			} else {
				s = append(s, w(", "))
			}
			first = false
			s = append(s, nm(r.name), w(" "), as(r.ratio, AsTimesCI))
		}
	}
	for _, v := range []struct {
		verdict Verdict
		text    string
	}{{NotComparable, "not comparable"}, {NotMeasured, "not measured"}} {
		var names []string
		for _, r := range ratios {
			if r.verdict == v.verdict {
				names = append(names, r.name)
			}
		}
		if len(names) > 0 {
			s = append(s, say("; "+v.text+": ", list(names))...)
		}
	}
	return append(s, w("."))
}

// backendNote says what stands behind one backend: its failure, what makes it
// unlike eager, or after how many calls its compilation has paid.
func (a *analyst) backendNote(base timing, r backendRatio, scope map[string]string) Sentence {
	switch {
	case r.missing != "":
		return say(nm(r.name), " has no time: ", nm(oneLine(r.missing)), ".")
	case r.forbids != "":
		return say(nm(r.name), " is not compared: ", nm(r.forbids), "; its mean is ", val(r.timing.mean), ", which is ", as(r.ratio, AsTimes), " the speed of eager under other conditions.")
	}
	compile := a.observed(r.timing.specimen, "compile_time", with(scope, "backend", r.name))
	c, ok := compile.Value.Get()
	if !ok {
		return nil
	}
	e, b := base.mean.Value.Or(0), r.timing.mean.Value.Or(0)
	if b >= e {
		return say(nm(r.name), " took ", val(compile), " to compile, which no number of calls pays back: its mean call is not shorter.")
	}
	calls := a.derive(fact.Fact{Metric: "break_even_calls", Version: 1, Aggregate: "value", Scope: with(scope, "backend", r.name), Value: sample.Some(math.Ceil(c / (e - b))),
		N: r.timing.calls, Planned: r.timing.calls, Method: "compile time by the difference of mean times, rounded up"}, compile, base.mean, r.timing.mean)
	if r.verdict == Better {
		return say(nm(r.name), " took ", val(compile), " to compile, which ", val(calls), " calls pay back.")
	}
	return say(nm(r.name), " took ", val(compile), " to compile, which ", val(calls), " calls would pay back if its mean held.")
}

func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > 120 {
		return string(r[:119]) + "…"
	}
	return text
}

func (a *analyst) backendTable(base timing, ratios []backendRatio) Table {
	t := Table{ID: "backends", Title: "Backends in this file", Labels: []string{"backend"}, Columns: []Column{
		{Head: "mean time", Metric: "mean_time", Aggregate: "value", As: AsValue}, {Head: "fastest", Metric: "min_time", Aggregate: "value", As: AsValue},
		{Head: "compile time", Metric: "compile_time", Aggregate: "value", As: AsValue}, {Head: "speed by eager", Metric: "mean_time", Aggregate: "ratio", As: AsTimesCI}, {Head: "verdict", As: AsValue}}}
	t.Rows = append(t.Rows, Row{Names: []string{"eager"}, Cells: append(cells(base.mean, base.min), Cell{Missing: "nothing is compiled"}, Cell{}, Cell{Word: "baseline"})})
	for _, r := range ratios {
		if r.missing != "" {
			missing := Cell{Missing: oneLine(r.missing)}
			t.Rows = append(t.Rows, Row{Names: []string{r.name}, Cells: []Cell{missing, missing, missing, missing, {Word: string(r.verdict)}}})
			continue
		}
		compile := a.observed(r.timing.specimen, "compile_time", with(base.mean.Scope, "backend", r.name))
		row := Row{Names: []string{r.name}, Cells: append(cells(r.timing.mean, r.timing.min, compile), Cell{Fact: r.ratio.ID}, Cell{Word: string(r.verdict)}), Winner: r.verdict == Better, Note: r.forbids}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// backendFigure draws what is comparable; failures and unlike ones are named
// with their reason and have no mark.
func backendFigure(ratios []backendRatio) Figure {
	p := Panel{X: Axis{Label: "backend"}, Y: Axis{Label: "speed by eager", Unit: unit.Ratio, Log: true}, Lines: []Reference{{Label: "eager", Y: sample.Some(1.0)}}}
	for _, r := range ratios {
		p.X.Categories = append(p.X.Categories, r.name)
		m := Point{Missing: oneLine(r.missing)}
		switch {
		case r.missing != "":
		case r.forbids != "":
			m.Missing = "not comparable: " + r.forbids
		default:
			m = point(r.ratio)
		}
		m.Series, m.XName = r.name, r.name
		p.Points = append(p.Points, m)
	}
	return Figure{ID: "backends", Kind: Ratios, Panels: []Panel{p}}
}

// combined puts one backend's ratios over several models together: by the
// geometric mean of those that are comparable, and no other way.
func (a *analyst) combined(scope map[string]string, ratios []backendRatio, files []string) Finding {
	f := Finding{Kind: Combined, Question: "How does " + scope["backend"] + " do against eager over all models?", Scope: scope, Metric: "mean_time",
		Method: "geometric mean of the ratios of those benchmarks that are comparable on both sides, log-t interval; ratios are never averaged or multiplied"}
	var values []float64
	var from []fact.Fact
	var left []string
	for i, r := range ratios {
		if v, ok := r.ratio.Value.Get(); ok && r.forbids == "" && !r.timing.slow {
			values, from = append(values, v), append(from, r.ratio)
		} else {
			left = append(left, files[i])
		}
	}
	name := nm(scope["backend"])
	f.Checks = []Check{{SameConditions, enough(len(left) == 0), say("all benchmarks count")}}
	if len(left) > 0 {
		f.Checks[0].Why = say("left out, for failure or other conditions: ", list(left))
	}
	if len(values) == 0 {
		f.Verdict, f.Forbids = NotComparable, "no benchmark is comparable on both sides"
		f.Sentence = say(name, " on ", nm(scope["device"]), " has no benchmark that is comparable with eager.")
		return f
	}
	e, err := stats.GeoMeanEstimate(values, fact.Level)
	g := fact.Fact{Metric: "mean_time", Version: 1, Aggregate: "geometric_mean", Unit: unit.Ratio, Scope: scope, Value: sample.Some(values[0]), N: len(values), Planned: len(ratios), Method: "one ratio"}
	if err == nil {
		g.Value, g.Method = sample.Some(e.Value), "geometric mean of ratios"
		if e.Interval != nil {
			g.Lo, g.Hi, g.Method = sample.Some(e.Interval.Lo), sample.Some(e.Interval.Hi), "geometric mean of ratios, log-t over benchmarks"
		}
	}
	m := a.derive(g, from...)
	f.Sentence = say(name, " on ", nm(scope["device"]), " has ", as(m, AsTimesCI), " the speed of eager, the geometric mean of ", count(m), " of ", as(m, AsPlanned), " benchmarks.")
	lo, ok := m.Lo.Get()
	switch hi := m.Hi.Or(0); {
	case ok && lo > 1:
		f.Verdict = Better
	case ok && hi < 1:
		f.Verdict = Worse
	default:
		f.Verdict = Inconclusive
	}
	f.Checks = append(f.Checks, Check{EnoughN, enough(len(values) >= 5), say(count(m), " benchmarks stand behind it")})
	return f
}
