package draft_test

import (
	"strings"
	"testing"

	"chimera/internal/draft"
	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// lab is a small analysis made by hand: one finding for every word class, each
// with the facts that carry it. Facts have names, so that tests can speak of
// them; the ids on the sheet are looked up.
type lab struct {
	t     testing.TB
	facts map[string]fact.Fact
	all   finding.Analysis
}

func (l *lab) fact(name string, f fact.Fact) fact.Fact {
	l.t.Helper()
	f.Version = 1
	made, err := fact.Identify(f)
	if err != nil {
		l.t.Fatal(err)
	}
	l.facts[name] = made
	l.all.Facts = append(l.all.Facts, made)
	return made
}

func scope(pairs ...string) map[string]string {
	out := map[string]string{"run": "r1"}
	for i := 0; i+1 < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

func value(metric, aggregate string, u unit.Unit, v, lo, hi float64, phase sample.Phase, pairs ...string) fact.Fact {
	f := fact.Fact{Metric: metric, Aggregate: aggregate, Unit: u, Phase: phase, Scope: scope(pairs...), Value: sample.Some(v), N: 30, Planned: 30, Method: "made by hand"}
	if lo != hi {
		f.Lo, f.Hi = sample.Some(lo), sample.Some(hi)
	}
	return f
}

// say makes a sentence of words, facts and names in square brackets.
func (l *lab) say(pieces ...any) finding.Sentence {
	var out finding.Sentence
	for _, p := range pieces {
		switch p := p.(type) {
		case fact.Fact:
			out = append(out, finding.Part{Fact: p.ID, As: finding.AsBoth})
		case string:
			if name, ok := strings.CutPrefix(p, "@"); ok {
				out = append(out, finding.Part{Name: name})
			} else {
				out = append(out, finding.Part{Text: p})
			}
		}
	}
	return out
}

func (l *lab) finding(f finding.Finding) {
	f.ID = "N" + strings.Repeat("0", 8) + string(rune('a'+len(l.all.Findings)))
	seen := map[string]bool{}
	for _, s := range append([]finding.Sentence{f.Sentence}, f.Notes...) {
		for _, id := range s.Facts() {
			if !seen[id] {
				seen[id] = true
				f.Facts = append(f.Facts, id)
			}
		}
	}
	for _, t := range f.Tables {
		for _, r := range t.Rows {
			for _, c := range r.Cells {
				if c.Fact != "" && !seen[c.Fact] {
					seen[c.Fact] = true
					f.Facts = append(f.Facts, c.Fact)
				}
			}
		}
	}
	l.all.Findings = append(l.all.Findings, f)
}

var drawn = []finding.Check{{ID: finding.OrderRandomised, Status: finding.Pass}, {ID: finding.Unaliased, Status: finding.Pass}}

func newLab(t testing.TB) *lab {
	l := &lab{t: t, facts: map[string]fact.Fact{}}
	rate := func(name, subject string, v float64) fact.Fact {
		return l.fact(name, value("decode_rate", "median", unit.TokenPerSecond, v, v-1, v+1, sample.Measure, "subject", subject))
	}
	swift, slow, mid := rate("swift rate", "swift:270m", 102), rate("slow rate", "slow:1b", 51), rate("mid rate", "mid:1b", 68)
	bySlow := l.fact("swift by slow", value("decode_rate", "ratio", unit.Ratio, 2, 1.9, 2.1, sample.Measure, "subject", "swift:270m", "against", "slow:1b"))
	byMid := l.fact("swift by mid", value("decode_rate", "ratio", unit.Ratio, 1.5, 1.4, 1.6, sample.Measure, "subject", "swift:270m", "against", "mid:1b"))
	p := l.fact("p slow", value("decode_rate", "p", unit.None, 0.0004, 0, 0, sample.Measure, "subject", "swift:270m", "against", "slow:1b"))
	l.finding(finding.Finding{Kind: finding.Ranking, Metric: "decode_rate", Verdict: finding.Better, Winners: []string{"swift:270m"}, Scope: scope("metric", "decode_rate"), Checks: drawn,
		Sentence: l.say("@swift:270m", " has the best decode rate: ", bySlow, " that of ", "@slow:1b", " and ", byMid, " that of ", "@mid:1b", "."),
		Tables:   []finding.Table{{Rows: []finding.Row{row("swift:270m", swift, p), row("slow:1b", slow), row("mid:1b", mid)}}}})

	// Two subjects whose first tokens cannot be told apart, and a third beaten by both.
	ttft := func(name, subject string, v float64) fact.Fact {
		return l.fact(name, value("ttft", "median", unit.Second, v, v*0.9, v*1.1, sample.Measure, "subject", subject))
	}
	a, b, c := ttft("swift ttft", "swift:270m", 0.060), ttft("slow ttft", "slow:1b", 0.061), ttft("mid ttft", "mid:1b", 0.120)
	far := l.fact("swift ttft by mid", value("ttft", "ratio", unit.Ratio, 0.5, 0.45, 0.55, sample.Measure, "subject", "swift:270m", "against", "mid:1b"))
	near := l.fact("swift ttft by slow", value("ttft", "ratio", unit.Ratio, 0.98, 0.9, 1.07, sample.Measure, "subject", "swift:270m", "against", "slow:1b"))
	l.finding(finding.Finding{Kind: finding.Ranking, Metric: "ttft", Verdict: finding.Better, Winners: []string{"swift:270m", "slow:1b"}, Scope: scope("metric", "ttft"), Checks: drawn,
		Sentence: l.say("@swift:270m", " and ", "@slow:1b", " cannot be told apart and have the best time to first token: ", far, " that of ", "@mid:1b", "; ", near, "."),
		Tables:   []finding.Table{{Rows: []finding.Row{row("swift:270m", a), row("slow:1b", b), row("mid:1b", c)}}}})

	size := l.fact("e2e by slow", value("e2e", "ratio", unit.Ratio, 1.001, 0.99, 1.01, sample.Measure, "subject", "slow:1b", "against", "mid:1b"))
	l.finding(finding.Finding{Kind: finding.Ranking, Metric: "e2e", Verdict: finding.Same, Winners: []string{"slow:1b", "mid:1b"}, Scope: scope("metric", "e2e"), Checks: drawn,
		Sentence: l.say("@slow:1b", " and ", "@mid:1b", " have the same time to the last token: ", size, ".")})

	stay := l.fact("swift cv", value("decode_rate", "cv_within", unit.Ratio, 0.01, 0.008, 0.02, sample.Measure, "subject", "swift:270m"))
	l.finding(finding.Finding{Kind: finding.Stability, Metric: "decode_rate", Verdict: finding.Better, Scope: scope("metric", "decode_rate", "subject", "swift:270m"),
		Sentence: l.say("Equal requests of ", "@swift:270m", " are steady: ", stay, ".")})
	shake := l.fact("slow cv", value("decode_rate", "cv_within", unit.Ratio, 0.2, 0.15, 0.3, sample.Measure, "subject", "slow:1b"))
	l.finding(finding.Finding{Kind: finding.Stability, Metric: "decode_rate", Verdict: finding.Worse, Scope: scope("metric", "decode_rate", "subject", "slow:1b"),
		Sentence: l.say("Equal requests of ", "@slow:1b", " are noisy: ", shake, ".")})
	for _, s := range []string{"swift:270m", "slow:1b"} {
		cv := l.fact(s+" ttft cv", value("ttft", "cv_within", unit.Ratio, 0.01, 0.008, 0.02, sample.Measure, "subject", s))
		l.finding(finding.Finding{Kind: finding.Stability, Metric: "ttft", Verdict: finding.Better, Scope: scope("metric", "ttft", "subject", s),
			Sentence: l.say("Equal requests of ", "@"+s, " are steady: ", cv, ".")})
	}

	levels := l.fact("threads range", value("decode_rate", "range", unit.Ratio, 1.4, 1.3, 1.5, sample.Measure, "subject", "swift:270m", "factor", "num_thread"))
	best := l.fact("threads=4", value("decode_rate", "median", unit.TokenPerSecond, 110, 109, 111, sample.Measure, "subject", "swift:270m", "factor", "num_thread", "level", "4"))
	l.finding(finding.Finding{Kind: finding.Sensitivity, Metric: "decode_rate", Verdict: finding.Better, Winners: []string{"num_thread=4"}, Checks: drawn,
		Scope:    scope("metric", "decode_rate", "subject", "swift:270m", "factor", "num_thread"),
		Sentence: l.say("The decode rate of ", "@swift:270m", " changes because of ", "@num_thread", ": ", levels, "."),
		Tables:   []finding.Table{{Rows: []finding.Row{row("4", best)}}}})
	heat := l.fact("temperature range", value("decode_rate", "range", unit.Ratio, 1.004, 1, 1.01, sample.Measure, "subject", "swift:270m", "factor", "temperature"))
	hp := l.fact("p temperature", value("decode_rate", "p", unit.None, 0.4, 0, 0, sample.Measure, "subject", "swift:270m", "factor", "temperature"))
	need := l.fact("needed", value("decode_rate", "needed_n", unit.None, 27, 0, 0, sample.Measure, "subject", "swift:270m", "factor", "temperature"))
	l.finding(finding.Finding{Kind: finding.Sensitivity, Metric: "decode_rate", Verdict: finding.Inconclusive, Checks: drawn, Needed: need.ID,
		Scope:    scope("metric", "decode_rate", "subject", "swift:270m", "factor", "temperature"),
		Sentence: l.say("No effect of ", "@temperature", " on the decode rate of ", "@swift:270m", " is shown: ", heat, ", p = ", hp, "."),
		Notes:    []finding.Sentence{l.say("By their scatter, ", need, " blocks would decide.")}})

	alias := l.fact("gpu floor", value("decode_rate", "noise_floor", unit.Ratio, 1.02, 0, 0, sample.Measure, "subject", "swift:270m", "factor", "num_gpu"))
	l.finding(finding.Finding{Kind: finding.Sensitivity, Metric: "decode_rate", Verdict: finding.NotComparable, Forbids: "all levels are one configuration",
		Checks: []finding.Check{{ID: finding.Unaliased, Status: finding.Fail}}, Scope: scope("metric", "decode_rate", "subject", "swift:270m", "factor", "num_gpu"),
		Sentence: l.say("@num_gpu", " levels are one configuration of ", "@swift:270m", ": ", alias, ".")})

	winner := l.fact("config value", value("decode_rate", "median", unit.TokenPerSecond, 111, 110, 112, sample.Measure, "subject", "swift:270m", "config", "num_ctx=1024 num_thread=4"))
	l.finding(finding.Finding{Kind: finding.Configuration, Metric: "decode_rate", Verdict: finding.Better, Winners: []string{"num_ctx=1024 num_thread=4", "num_ctx=2048 num_thread=4"}, Pick: "num_ctx=1024 num_thread=4",
		Checks: drawn, Scope: scope("metric", "decode_rate", "subject", "swift:270m"),
		Sentence: l.say("@num_ctx=1024 num_thread=4", " gives ", "@swift:270m", " the best decode rate, ", winner, ".")})

	cold := l.fact("swift cold", value("ttft", "median", unit.Second, 1.2, 1.1, 1.3, sample.Cold, "subject", "swift:270m"))
	coldBy := l.fact("cold by warm", value("ttft", "ratio", unit.Ratio, 20, 18, 22, "", "subject", "swift:270m", "of", "cold", "to", "warm"))
	l.finding(finding.Finding{Kind: finding.ColdWarm, Metric: "ttft", Verdict: finding.Worse, Scope: scope("metric", "ttft", "subject", "swift:270m"),
		Sentence: l.say("A cold request of ", "@swift:270m", " takes ", cold, ", a warm one ", a, ": ", coldBy, ".")})

	lost := l.fact("lost", fact.Fact{Metric: "requests without a value", Aggregate: "count", Scope: scope("subject", "mid:1b"), Value: sample.Some(3.0), N: 3, Planned: 30, Method: "counted"})
	l.finding(finding.Finding{Kind: finding.Failures, Verdict: finding.NotMeasured, Scope: scope("subject", "mid:1b"),
		Sentence: l.say("Of ", "@mid:1b", ", ", lost, " planned requests gave no value.")})
	l.finding(finding.Finding{Kind: finding.Efficiency, Metric: "decode_rate", Verdict: finding.NotMeasured, Scope: scope("metric", "decode_rate"),
		Sentence: l.say("Speed per GB was not measured: the sizes of ", "@swift:270m", " and ", "@slow:1b", " are not known.")})

	back := l.fact("jit by eager", value("mean_time", "ratio", unit.Ratio, 3, 2.5, 3.5, "", "of", "jit", "to", "eager", "model", "mlp"))
	weak := l.fact("onnx by eager", value("mean_time", "ratio", unit.Ratio, 1.1, 1.02, 1.2, "", "of", "onnx", "to", "eager", "model", "mlp"))
	l.finding(finding.Finding{Kind: finding.Backend, Metric: "mean_time", Verdict: finding.Better, Winners: []string{"jit"}, Scope: scope("model", "mlp"),
		Checks:   []finding.Check{{ID: finding.OrderRandomised, Status: finding.Unknown}},
		Sentence: l.say("On ", "@mlp", ": faster: ", "@jit", " ", back, "; undecided: ", "@onnx", " ", weak, ".")})
	tied := l.fact("nested ratio", value("prefill_rate", "ratio", unit.Ratio, 2, 1.9, 2.1, sample.Measure, "subject", "swift:270m", "against", "slow:1b"))
	l.finding(finding.Finding{Kind: finding.Ranking, Metric: "prefill_rate", Verdict: finding.NotComparable, Forbids: "the order was not drawn", Scope: scope("metric", "prefill_rate"),
		Sentence: l.say("@swift:270m", " shows the best prefill rate (", tied, " that of ", "@slow:1b", "), but time cannot be told apart.")})
	l.fact("slope", value("ttft", "slope", unit.SecondPerToken, 0.002, 0.001, 0.003, sample.Measure, "subject", "swift:270m"))
	l.fact("max", value("ttft", "max", unit.Second, 0.4, 0, 0, sample.Measure, "subject", "swift:270m"))
	return l
}

func row(name string, facts ...fact.Fact) finding.Row {
	r := finding.Row{Names: []string{name}}
	for _, f := range facts {
		r.Cells = append(r.Cells, finding.Cell{Fact: f.ID})
	}
	return r
}

// sheet puts everything on one sheet.
func (l *lab) sheet() *draft.Sheet {
	l.t.Helper()
	s, err := draft.New(draft.Input{Analysis: &l.all, Facts: []fact.Fact{l.facts["slope"], l.facts["max"]}, Budget: 1 << 20})
	if err != nil {
		l.t.Fatal(err)
	}
	return s
}

// id is the short id of a fact by its name in the lab.
func (l *lab) id(s *draft.Sheet, name string) string {
	l.t.Helper()
	for _, n := range s.Facts() {
		if n.Fact.ID == l.facts[name].ID {
			return n.Short
		}
	}
	l.t.Fatalf("no fact %q on the sheet", name)
	return ""
}

// write turns "[swift by slow|times]" into a slot.
func (l *lab) write(s *draft.Sheet, text string) string {
	for {
		from := strings.IndexByte(text, '[')
		if from < 0 {
			return text
		}
		to := strings.IndexByte(text, ']')
		name, as, form := strings.Cut(text[from+1:to], "|")
		slot := "{{" + l.id(s, name)
		if form {
			slot += "|" + as
		}
		text = text[:from] + slot + "}}" + text[to+1:]
	}
}
