package audit_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"chimera/internal/audit"
	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

// A world of another trade: robots that sort parcels, timed by hand and typed
// into two files. Nothing of it is in any list of this program.
type robots struct {
	picks map[string]map[string][]float64 // file → robot → seconds
	draws map[string][]float64            // robot → joules
}

var robotNames = []string{"Halcyon-9", "Brontes", "Quill-2", "Osprey-mini"}

func newRobots(seed uint64) *robots {
	r := rand.New(rand.NewPCG(seed, 11))
	w := &robots{map[string]map[string][]float64{"shifts/early.csv": {}, "shifts/late.csv": {}}, map[string][]float64{}}
	base := 1 + r.Float64()
	for _, name := range robotNames {
		base *= 1.5 + r.Float64()
		for _, file := range []string{"shifts/early.csv", "shifts/late.csv"} {
			shift := base * (1 + 0.2*r.Float64())
			for range 9 {
				w.picks[file][name] = append(w.picks[file][name], shift*(0.97+0.06*r.Float64()))
			}
		}
		for range 7 {
			w.draws[name] = append(w.draws[name], base*100*(0.9+0.2*r.Float64()))
		}
	}
	return w
}

// ledger imports the files; rename gives robots other names, scale stretches
// every time, and drop leaves a robot out.
func (w *robots) ledger(rename map[string]string, scale float64, drop string) *fact.Ledger {
	var rows []*sample.Reading
	add := func(series string, u unit.Unit, file, robot string, v float64) {
		if robot == drop {
			return
		}
		if n, ok := rename[robot]; ok {
			robot = n
		}
		rows = append(rows, &sample.Reading{Run: "shifts", Kind: "sorting", Series: series, Unit: u, Value: sample.Some(v), Labels: map[string]string{"model": robot, "file": file, "row": fmt.Sprint(len(rows) + 1)}, Provenance: sample.Measured})
	}
	for _, file := range slices.Sorted(maps.Keys(w.picks)) {
		for _, robot := range robotNames {
			for _, v := range w.picks[file][robot] {
				add("pick_time", unit.Second, file, robot, v*scale)
			}
		}
	}
	for _, robot := range robotNames {
		for _, v := range w.draws[robot] {
			add("battery_draw", unit.Joule, "shifts/late.csv", robot, v)
		}
	}
	var files []fact.FileEntry
	if len(rows) > 0 {
		files = []fact.FileEntry{{Path: "shifts/early.csv", Kind: "table", Rows: 36}, {Path: "shifts/late.csv", Kind: "table", Rows: 64}}
	}
	return fact.NewLedger(fact.RunRows{Manifest: sample.Manifest{Run: "shifts", Clock: sample.Clock{Origin: time.Unix(1.7e9, 0).UTC()}}, Readings: rows, Imported: true, Files: files})
}

func (w *robots) mean(series, robot string) float64 {
	var all []float64
	if series == "draw" {
		all = w.draws[robot]
	} else {
		for _, file := range slices.Sorted(maps.Keys(w.picks)) {
			all = append(all, w.picks[file][robot]...)
		}
	}
	m, err := stats.Mean(all)
	if err != nil {
		panic(err)
	}
	return m
}

// told is a sentence and what is wrong with it, if anything.
type told struct{ class, text string }

// claims are sentences that are true, sentences that are false, and sentences
// of which these rows know nothing.
func (w *robots) claims(r *rand.Rand) (right, wrong, beyond []told) {
	for i, robot := range robotNames {
		other := robotNames[(i+1)%len(robotNames)]
		pick, draw := w.mean("pick", robot), w.mean("draw", robot)
		time, energy := digits(pick), digits(draw)
		sentences := []func(robot, time, u string) string{
			func(robot, time, u string) string {
				return fmt.Sprintf("The mean pick time of %s is %s %s.", robot, time, u)
			},
			func(robot, time, u string) string {
				return fmt.Sprintf("%s averages a pick time of %s %s.", robot, time, u)
			},
			func(robot, time, u string) string {
				return fmt.Sprintf("| robot | mean pick time (%s) |\n|---|--:|\n| %s | %s |", u, robot, time)
			},
		}
		for _, say := range sentences {
			right = append(right, told{"", say(robot, time, "s")})
			wrong = append(wrong, told{"digit", say(robot, nudge(time, 2), "s")}, told{"decimal", say(robot, digits(pick*10), "s")}, told{"unit", say(robot, time, "J")}, told{"thousand", say(robot, time, "ms")}, told{"entity", say(other, time, "s")})
		}
		right = append(right, told{"", fmt.Sprintf("%s has a mean battery draw of %s J.", robot, energy)})
		wrong = append(wrong, told{"metric", fmt.Sprintf("%s has a mean battery draw of %s J.", robot, nudge(time, 1))}, told{"aggregate", fmt.Sprintf("%s has a maximum battery draw of %s J.", robot, energy)})
		if i > 0 {
			right = append(right, told{"", fmt.Sprintf("%s has a higher pick time than %s.", robot, robotNames[0])})
			wrong = append(wrong, told{"direction", fmt.Sprintf("%s has a lower pick time than %s.", robot, robotNames[0])}, told{"rank", fmt.Sprintf("%s has the lowest pick time.", robot)})
		}
		odd := digits(pick * (3 + 5*r.Float64()))
		for class, text := range map[string]string{
			"instance":   fmt.Sprintf("In test %d, %s showed a pick time of %s s.", 2+i, robot, odd),
			"penalty":    fmt.Sprintf("For %s the pick time penalty was %s s.", robot, odd),
			"spike":      fmt.Sprintf("%s suffered pick time spikes of %s s.", robot, odd),
			"origin":     fmt.Sprintf("Report 12 established a pick time of %s s for %s.", odd, robot),
			"expected":   fmt.Sprintf("The expected pick time of %s is %s s.", robot, odd),
			"efficiency": fmt.Sprintf("%s runs at 89.1 %% efficiency, up from 72.3 %% under contention.", robot),
			"capability": fmt.Sprintf("%s carries up to %d parcels.", robot, 12+i),
			"stranger":   fmt.Sprintf("| robot | mean pick time (s) |\n|---|--:|\n| Marlin | %s |", odd),
			"unknown":    fmt.Sprintf("The mean pick time of Marlin is %s s, and not that of %s.", odd, robot),
			"sum":        fmt.Sprintf("For %s that makes 12 × %s s = %s s.", robot, odd, digits(12*pick)),
		} {
			beyond = append(beyond, told{class, text})
		}
	}
	return right, wrong, beyond
}

// Reports of another trade: what is false is caught, what is true is not
// flagged, and what the rows do not hold is not called wrong.
func TestOtherTrades(t *testing.T) {
	caughtBy := map[string]*caught{}
	var false_, unfair caught
	count := func(a *audit.Auditor, text string) audit.Summary {
		r, err := auditText(a, "# Notes\n\n"+text)
		if err != nil {
			t.Fatal(err)
		}
		return r.Summary
	}
	for seed := range uint64(8) {
		w := newRobots(seed)
		a := audit.New(w.ledger(nil, 1, ""))
		right, wrong, beyond := w.claims(rand.New(rand.NewPCG(seed, 3)))
		for _, c := range right {
			s := count(a, c.text)
			if false_.all++; s.Contradicted+s.Malformed+s.Unverifiable > 0 || s.Supported+s.Misleading == 0 {
				false_.flagged++
				t.Logf("flagged: %q %+v", c.text, s)
			}
		}
		for _, c := range wrong {
			if caughtBy[c.class] == nil {
				caughtBy[c.class] = &caught{}
			}
			n, s := caughtBy[c.class], count(a, c.text)
			n.all++
			switch {
			case s.Contradicted+s.Malformed > 0:
				n.flagged, n.refuted = n.flagged+1, n.refuted+1
			case s.Unverifiable > 0:
				n.flagged++
			default:
				t.Logf("%s passes: %q %+v", c.class, c.text, s)
			}
		}
		for _, c := range beyond {
			if unfair.all++; count(a, c.text).Contradicted > 0 {
				unfair.flagged++
				t.Logf("%s is called wrong: %q", c.class, c.text)
			}
		}
	}
	var all caught
	for _, class := range slices.Sorted(maps.Keys(caughtBy)) {
		n := caughtBy[class]
		t.Logf("%-9s %s, %d refuted", class, rate(n.flagged, n.all), n.refuted)
		all.all, all.flagged, all.refuted = all.all+n.all, all.flagged+n.flagged, all.refuted+n.refuted
	}
	t.Logf("caught %s, refuted %s; true ones flagged %s; out of reach and called wrong %s", rate(all.flagged, all.all), rate(all.refuted, all.all), rate(false_.flagged, false_.all), rate(unfair.flagged, unfair.all))
	if all.flagged*100 < all.all*99 || all.refuted*100 < all.all*95 || false_.flagged*100 > false_.all || unfair.flagged*100 > unfair.all {
		t.Error("the rates of another trade are not those of ours")
	}
}

// rate prints a share with its 95 % interval (Wilson).
func rate(k, n int) string {
	i, err := stats.Wilson(k, n, 0.95)
	if err != nil {
		return "none"
	}
	return fmt.Sprintf("%d of %d (%.1f to %.1f %%)", k, n, i.Lo*100, i.Hi*100)
}

// What holds must follow the data: other names, other times, fewer things, none.
func TestClaimsFollowTheData(t *testing.T) {
	w := newRobots(1)
	right, _, _ := w.claims(rand.New(rand.NewPCG(1, 3)))
	var report []string
	for _, c := range right {
		report = append(report, c.text)
	}
	text := strings.Join(report, "\n\n")
	summary := func(l *fact.Ledger, text string) audit.Summary {
		r, err := auditText(audit.New(l), text)
		if err != nil {
			t.Fatal(err)
		}
		return r.Summary
	}
	base := summary(w.ledger(nil, 1, ""), text)
	if base.Contradicted+base.Malformed+base.Unverifiable > 0 || base.Supported == 0 {
		t.Fatalf("the report of the rows: %+v", base)
	}
	// The labels turn: the report turned with them holds, the old one does not.
	turn, back := map[string]string{}, []string{}
	for i, name := range robotNames {
		turn[name] = robotNames[(i+1)%len(robotNames)]
		back = append(back, name, turn[name])
	}
	turned := w.ledger(turn, 1, "")
	if s := summary(turned, strings.NewReplacer(back...).Replace(text)); s != base {
		t.Errorf("turned labels: %+v, and before %+v", s, base)
	}
	if s := summary(turned, text); s.Contradicted < len(robotNames) {
		t.Errorf("the labels turned and the report did not: %+v", s)
	}
	// Ten times as slow: no printed time holds any more, and every energy does.
	var times, energies []string
	for _, c := range right {
		switch {
		case strings.Contains(c.text, "draw"):
			energies = append(energies, c.text)
		case !strings.Contains(c.text, "than"):
			times = append(times, c.text)
		}
	}
	slow := w.ledger(nil, 10, "")
	if s := summary(slow, strings.Join(times, "\n\n")); s.Supported+s.Misleading > 0 || s.Contradicted == 0 {
		t.Errorf("all times scaled: %+v", s)
	}
	if s := summary(slow, strings.Join(energies, "\n\n")); s.Contradicted+s.Unverifiable > 0 {
		t.Errorf("times scaled, energies not: %+v", s)
	}
	// A robot leaves: what is said of it is neither supported nor refuted by others.
	gone := w.ledger(nil, 1, "Brontes")
	for _, c := range right {
		if strings.Contains(c.text, "Brontes") && !strings.Contains(c.text, "than") {
			if s := summary(gone, c.text); s.Supported+s.Misleading+s.Contradicted > 0 {
				t.Errorf("%q of a robot that is not there: %+v", c.text, s)
			}
		}
	}
	// Nothing is there: nothing holds, and nothing is refuted.
	if s := summary(w.ledger(nil, 1, ""), ""); s != (audit.Summary{}) {
		t.Errorf("no text: %+v", s)
	}
	if s := summary(fact.NewLedger(), text); s.Supported+s.Misleading+s.Contradicted > 0 {
		t.Errorf("an empty store: %+v", s)
	}
}
