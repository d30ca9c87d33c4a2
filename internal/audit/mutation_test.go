package audit_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"chimera/internal/audit"
	"chimera/internal/claim"
	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// world is a ledger of things that no report of any lab has ever named.
type world struct {
	r        *rand.Rand
	l        *fact.Ledger
	subjects []string
	engines  []string
	run      string
	day      time.Time
	imported bool
}

func name(r *rand.Rand) string {
	syllables := []string{"ka", "mor", "tel", "vin", "ros", "dun", "pex", "lyr", "zob", "qui", "hal", "nem"}
	return syllables[r.IntN(len(syllables))] + syllables[r.IntN(len(syllables))] + syllables[r.IntN(len(syllables))]
}

func names(r *rand.Rand, n int, suffix func(int) string) []string {
	seen := map[string]bool{}
	var out []string
	for len(out) < n {
		if s := name(r); !seen[s] {
			seen[s] = true
			out = append(out, s+suffix(len(out)))
		}
	}
	return out
}

func newWorld(seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 7))
	w := &world{imported: seed%3 == 2, r: r, run: fmt.Sprintf("%016x", r.Uint64()|1<<63), day: time.Date(2024+r.IntN(3), time.Month(1+r.IntN(12)), 1+r.IntN(28), 9, 0, 0, 0, time.UTC)}
	w.subjects = names(r, 2+r.IntN(3), func(i int) string { return []string{"", "-7b", ":tiny", "-q5", ":large"}[(i+int(seed))%5] })
	w.engines = names(r, 3, func(int) string { return "" })
	m := sample.Manifest{Run: w.run, Clock: sample.Clock{Origin: w.day, Source: "monotonic"}}
	var samples []*sample.Sample
	rate := 20 + 30*r.Float64()
	for _, s := range w.subjects {
		rate *= 1.6 + r.Float64()
		first := (0.5 + r.Float64()) / rate * 10
		for i := range 14 {
			samples = append(samples, w.sample(s, i, len(samples), rate, first))
		}
	}
	var readings []*sample.Reading
	span := 0.001 + 0.01*r.Float64()
	for _, e := range w.engines {
		span *= 1.7 + r.Float64()
		for i := range 5 {
			readings = append(readings, &sample.Reading{Run: w.run, Kind: "weaving", Series: "weave_time", Unit: unit.Second, At: time.Duration(i) * time.Second, Value: sample.Some(span * (1 + 0.05*r.Float64())), Labels: map[string]string{"engine": e, "backend": e}, Provenance: sample.Measured})
		}
	}
	rows := fact.RunRows{Manifest: m, Samples: samples, Readings: readings, Imported: w.imported}
	if w.imported {
		rows.Files = []fact.FileEntry{{Path: "sweep", Kind: "table", Rows: len(samples)}, {Path: "weave.csv", Kind: "weaving", Rows: len(readings)}}
		for i, r := range readings {
			r.Labels["file"], r.Labels["row"] = "weave.csv", fmt.Sprint(i+1)
		}
	}
	w.l = fact.NewLedger(rows)
	return w
}

func (w *world) sample(subject string, i, order int, rate, first float64) *sample.Sample {
	phase := sample.Measure
	if i < 3 {
		phase, first = sample.Cold, first*6
	}
	at := func(seconds float64) sample.Opt[time.Duration] {
		return sample.Some(time.Duration(seconds * 1e9))
	}
	start := float64(order) * 10
	begin := start + first*(0.95+0.1*w.r.Float64())
	s := &sample.Sample{Schema: 1, Run: w.run, Trial: fmt.Sprintf("t%d", order), Experiment: "sweep", Subject: subject, Target: "box", Workload: "words", Prompt: fmt.Sprintf("words/%d", i%5+1),
		Config: map[string]any{"num_ctx": float64([]int{1024, 4096}[i%2])}, Order: order, Phase: phase, Provenance: sample.Measured, Final: true}
	s.Outcome, s.Tokens = sample.OK, sample.Tokens{Output: sample.Some(65), Source: sample.FromServer}
	s.T = sample.Timeline{Send: at(start), First: at(begin), Last: at(begin + 64/(rate*(0.98+0.04*w.r.Float64()))), End: at(begin + 100)}
	return s
}

// value is an aggregate that the ledger makes.
func (w *world) value(metric, agg, label, value string, phase sample.Phase) fact.Fact {
	sel := fact.Selection{Metric: metric, Where: map[string][]string{label: {value}}}
	if phase != "" {
		sel.Phases = []sample.Phase{phase}
	}
	for f := range w.l.Facts(sel, agg) {
		return f
	}
	panic("no fact of " + metric)
}

// line is one line of a report, with the ways to spoil it.
type line struct {
	text  string
	spoil map[string]string // class → the line spoilt so
}

// digits prints a value with four significant digits.
func digits(v float64) string {
	text := fmt.Sprintf("%.4g", v)
	if strings.ContainsAny(text, "e") {
		text = fmt.Sprintf("%.0f", v)
	}
	return text
}

// nudge changes the digit at a significant place by one.
func nudge(text string, place int) string {
	b := []byte(text)
	seen := 0
	for i, c := range b {
		if c < '0' || c > '9' || seen == 0 && c == '0' {
			continue
		}
		if seen++; seen == place {
			if c == '9' {
				b[i]--
			} else {
				b[i]++
			}
			return string(b)
		}
	}
	return text + "1"
}

func (w *world) other(of string, in []string) string {
	for {
		if o := in[w.r.IntN(len(in))]; o != of {
			return o
		}
	}
}

// figure is a line with one number of one thing.
func (w *world) figure(format, thing string, things []string, f fact.Fact, scale float64, symbol, wrongUnit, agg, wrongAgg string) line {
	v, _ := f.Value.Get()
	number := digits(v * scale)
	say := func(thing, agg, number, symbol string) string {
		return strings.NewReplacer("{thing}", thing, "{agg}", agg, "{v}", number+" "+symbol).Replace(format)
	}
	spoil := map[string]string{
		"digit 2": say(thing, agg, nudge(number, 2), symbol), "digit 3": say(thing, agg, nudge(number, 3), symbol),
		"decimal": say(thing, agg, digits(v*scale*10), symbol), "unit": say(thing, agg, number, wrongUnit),
		"entity": say(w.other(thing, things), agg, number, symbol), "sign": say(thing, agg, "-"+number, symbol),
	}
	if wrongAgg != "" {
		spoil["aggregate"] = say(thing, wrongAgg, number, symbol)
	}
	return line{say(thing, agg, number, symbol), spoil}
}

func (w *world) report() []line {
	var out []line
	rate := map[string]float64{}
	best, worst := "", ""
	for _, s := range w.subjects {
		f := w.value("decode_rate", "median", "subject", s, sample.Measure)
		v, _ := f.Value.Get()
		rate[s] = v
		if best == "" || v > rate[best] {
			best = s
		}
		if worst == "" || v < rate[worst] {
			worst = s
		}
		out = append(out, w.figure("The {agg} decode rate of {thing} is {v}.", s, w.subjects, f, 1, "tok/s", "ms", "median", "maximum"))
		out = append(out, w.figure("{thing} has a {agg} TTFT of {v} when warm.", s, w.subjects, w.value("ttft", "mean", "subject", s, sample.Measure), 1e3, "ms", "s", "mean", "minimum"))
		cold := w.figure("When cold, the {agg} TTFT of {thing} is {v}.", s, w.subjects, w.value("ttft", "mean", "subject", s, sample.Cold), 1e3, "ms", "s", "mean", "maximum")
		cold.spoil["scope"] = strings.Replace(cold.text, "When cold", "When warm", 1)
		out = append(out, cold)
		cv := w.figure("For {thing} the {agg} of the decode rate is {v}.", s, w.subjects, w.value("decode_rate", "cv", "subject", s, sample.Measure), 100, "%", "tok/s", "coefficient of variation", "")
		out = append(out, cv)
		n := fmt.Sprintf("- %s: median decode rate %s tok/s (n = %d)", s, digits(v), f.N)
		out = append(out, line{n, map[string]string{"count": strings.Replace(n, fmt.Sprintf("n = %d", f.N), fmt.Sprintf("n = %d", f.N+3), 1)}})
	}
	for _, e := range w.engines {
		out = append(out, w.figure("The {agg} weave time of {thing} is {v}.", e, w.engines, w.value("weave_time", "mean", "backend", e, ""), 1e3, "ms", "tok/s", "mean", "maximum"))
	}
	top := fmt.Sprintf("%s has the highest decode rate.", best)
	out = append(out, line{top, map[string]string{"rank": strings.Replace(top, best, worst, 1), "direction": strings.Replace(top, "highest", "lowest", 1)}})
	more := fmt.Sprintf("%s has a higher decode rate than %s.", best, worst)
	out = append(out, line{more, map[string]string{"direction": strings.Replace(more, "higher", "lower", 1), "rank": fmt.Sprintf("%s has a higher decode rate than %s.", worst, best)}})
	times := fmt.Sprintf("%.2f", rate[best]/rate[worst])
	ratio := fmt.Sprintf("In decode rate %s is %s× as fast as %s.", best, times, worst)
	out = append(out, line{ratio, map[string]string{"digit 2": strings.Replace(ratio, times, nudge(times, 2), 1), "ratio": strings.Replace(ratio, times+"×", times+" %", 1),
		"entity": fmt.Sprintf("In decode rate %s is %s× as fast as %s.", worst, times, best)}})
	both := func(s, o string, x, y float64) string {
		return fmt.Sprintf("Warm, %s reaches a median decode rate of %s tok/s, while %s stays at %s tok/s.", s, digits(x), o, digits(y))
	}
	out = append(out, line{both(best, worst, rate[best], rate[worst]), map[string]string{"entity": both(worst, best, rate[best], rate[worst]), "digit 3": strings.Replace(both(best, worst, rate[best], rate[worst]), digits(rate[worst]), nudge(digits(rate[worst]), 3), 1)}})
	table := func(rows []string, head string) string {
		return "| variant | " + head + " |\n|---|--:|\n" + strings.Join(rows, "\n")
	}
	var rows, swapped []string
	for i, s := range w.subjects {
		rows = append(rows, fmt.Sprintf("| %s | %s |", s, digits(rate[s])))
		swapped = append(swapped, fmt.Sprintf("| %s | %s |", w.subjects[(i+1)%len(w.subjects)], digits(rate[s])))
	}
	grid := table(rows, "median decode rate (tok/s)")
	out = append(out, line{grid, map[string]string{"entity": table(swapped, "median decode rate (tok/s)"), "aggregate": table(rows, "max decode rate (tok/s)"),
		"unit": table(rows, "median decode rate (ms)"), "digit 3": strings.Replace(grid, digits(rate[best]), nudge(digits(rate[best]), 3), 1)}})
	if w.imported {
		return out
	}
	date := "**Date:** " + w.day.Format("2006-01-02")
	out = append(out, line{date, map[string]string{"date": "**Date:** " + w.day.AddDate(0, 0, 9).Format("2006-01-02")}})
	run := "The rows are those of run " + w.run[:10] + "."
	out = append(out, line{run, map[string]string{"run": "The rows are those of run " + nudge(w.run[:10], 1) + "."}})
	set := "The context size was 1024 and then context size 4096."
	out = append(out, line{set, map[string]string{"setting": strings.Replace(set, "4096", "2048", 1)}})
	calm := "The text ends here."
	out = append(out, line{calm, map[string]string{
		"causal":    "The context size is critical for the decode rate.",
		"universal": "All variants have a consistent TTFT, as `weaving_extra.csv` shows.",
		"file":      "More stands in `weaving_extra.csv`.",
		"word":      fmt.Sprintf("The context size significantly affects the decode rate of %s.", best),
	}})
	return out
}

func auditText(a *audit.Auditor, text string) (*audit.Report, error) {
	d, err := claim.Parse("report.md", []byte(text))
	if err != nil {
		return nil, err
	}
	return a.Audit(d), nil
}

// counts of one class of mutations.
type caught struct{ all, flagged, refuted int }

// Reports made of the ledger alone are supported; spoilt in one place, they are
// caught at that place.
func TestMutations(t *testing.T) {
	byClass := map[string]*caught{}
	claims, falseFlags := 0, 0
	for seed := range uint64(12) {
		w := newWorld(seed)
		a := audit.New(w.l)
		lines := w.report()
		var clean []string
		for _, l := range lines {
			clean = append(clean, l.text)
		}
		r, err := auditText(a, "# Report\n\n"+strings.Join(clean, "\n\n"))
		if err != nil {
			t.Fatal(err)
		}
		claims += len(r.Claims)
		for _, c := range r.Claims {
			if c.Verdict != audit.Supported && c.Verdict != audit.Misleading {
				falseFlags++
				t.Logf("seed %d: %q is %s: %s (%s)", seed, c.Sentence, c.Verdict, c.Why, c.Truth)
			}
		}
		for i, l := range lines {
			for class, spoilt := range l.spoil {
				if spoilt == l.text {
					continue
				}
				if byClass[class] == nil {
					byClass[class] = &caught{}
				}
				n := byClass[class]
				n.all++
				r, err := auditText(a, "# Report\n\n"+spoilt)
				if err != nil {
					t.Fatal(err)
				}
				s := r.Summary
				switch {
				case s.Contradicted+s.Malformed > 0:
					n.flagged, n.refuted = n.flagged+1, n.refuted+1
				case s.Unverifiable > 0:
					n.flagged++
				default:
					t.Logf("seed %d, line %d, %s passes: %q %+v", seed, i, class, spoilt, s)
				}
			}
		}
	}
	if claims == 0 || falseFlags*100 > claims {
		t.Errorf("%d of %d right claims are flagged", falseFlags, claims)
	}
	words := map[string]bool{"causal": true, "universal": true, "file": true, "word": true}
	var hard, soft caught
	for class, n := range byClass {
		t.Logf("%-10s %s flagged, %d refuted", class, rate(n.flagged, n.all), n.refuted)
		sum := &hard
		if words[class] {
			sum = &soft
		}
		sum.all, sum.flagged, sum.refuted = sum.all+n.all, sum.flagged+n.flagged, sum.refuted+n.refuted
	}
	t.Logf("false flags %s; values, units, things, ranks %s; words %s", rate(falseFlags, claims), rate(hard.flagged, hard.all), rate(soft.flagged, soft.all))
	if hard.flagged*100 < hard.all*99 {
		t.Errorf("%d of %d mutations of values are caught", hard.flagged, hard.all)
	}
	if soft.flagged*100 < soft.all*95 {
		t.Errorf("%d of %d mutations of words are caught", soft.flagged, soft.all)
	}
}
