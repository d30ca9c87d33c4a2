package draft_test

import (
	"fmt"
	"testing"

	"chimera/internal/draft"
)

// What the lab's rows say, by hand: how many times one subject's decode rate and
// time to first token is another's, where that is shown.
var shownRates = map[[2]string]bool{{"swift:270m", "slow:1b"}: true, {"swift:270m", "mid:1b"}: true} // more
var shownTimes = map[[2]string]bool{{"swift:270m", "mid:1b"}: false}                                 // less

// Every comparison that can be written with any word, any two subjects and any
// fact: what is kept is true, and what is true can be said.
func TestKeptComparisonsAreTrue(t *testing.T) {
	l := newLab(t)
	s := l.sheet()
	subjects := []string{"swift:270m", "slow:1b", "mid:1b"}
	words := map[string]struct{ good, more, speed bool }{
		"faster": {good: true, speed: true}, "better": {good: true, speed: true}, "slower": {speed: true}, "worse": {speed: true}, "higher": {more: true}, "lower": {}}
	kept := 0
	for _, a := range subjects {
		for _, b := range subjects {
			for word, w := range words {
				for _, metric := range []string{"decode rate", "time to first token"} {
					for name, f := range l.facts {
						if f.Phase == "" || f.Scope["level"] != "" {
							continue
						}
						text, why := one(s, draft.Finding, l.write(s, fmt.Sprintf("%s has a %s %s than %s: [%s].", a, word, metric, b, name)))
						if why != "" {
							continue
						}
						kept++
						shown := shownRates
						higherIsBetter := true
						if metric == "time to first token" {
							shown, higherIsBetter = shownTimes, false
						}
						more, forward := shown[[2]string{a, b}]
						if !forward {
							back, ok := shown[[2]string{b, a}]
							if !ok {
								t.Errorf("not shown, and kept: %s", text)
								continue
							}
							more = !back
						}
						want := more == w.more
						if w.speed {
							want = (more == higherIsBetter) == w.good
						}
						if !want || f.Metric != map[string]string{"decode rate": "decode_rate", "time to first token": "ttft"}[metric] {
							t.Errorf("false, and kept: %s", text)
						}
					}
				}
			}
		}
	}
	if kept < 9 {
		t.Errorf("only %d comparisons can be said", kept)
	}
}

// Every superlative about any subject with any fact: what is kept is true.
func TestKeptSuperlativesAreTrue(t *testing.T) {
	l := newLab(t)
	s := l.sheet()
	// Who is the only one at an end, by metric and word.
	truth := map[string]bool{"swift:270m highest decode rate": true, "swift:270m best decode rate": true}
	kept := 0
	for _, a := range []string{"swift:270m", "slow:1b", "mid:1b"} {
		for _, word := range []string{"best", "worst", "highest", "lowest", "largest", "smallest", "longest", "shortest", "optimal"} {
			for _, metric := range []string{"decode rate", "time to first token", "time to the last token", "prefill rate", "latency"} {
				for name := range l.facts {
					for _, form := range []string{"%s has the %s %s: [%s].", "The %[2]s %[3]s, [%[4]s], is that of %[1]s."} {
						text, why := one(s, draft.Finding, l.write(s, fmt.Sprintf(form, a, word, metric, name)))
						if why != "" {
							continue
						}
						kept++
						if !truth[a+" "+word+" "+metric] {
							if word != "largest" && word != "longest" && word != "optimal" || a != "swift:270m" || metric != "decode rate" {
								t.Errorf("false, and kept: %s", text)
							}
						}
					}
				}
			}
		}
	}
	if kept == 0 {
		t.Error("no superlative can be said")
	}
}

// Every fact beside every subject and metric: a number is kept only as that
// thing's and that metric's.
func TestKeptNumbersAreTheirs(t *testing.T) {
	l := newLab(t)
	s := l.sheet()
	metrics := map[string]string{"decode rate": "decode_rate", "time to first token": "ttft", "time to the last token": "e2e", "prefill rate": "prefill_rate"}
	kept := 0
	for _, a := range []string{"swift:270m", "slow:1b", "mid:1b", "jit"} {
		for words, metric := range metrics {
			for name, f := range l.facts {
				text, why := one(s, draft.Finding, l.write(s, fmt.Sprintf("The %s of %s is [%s].", words, a, name)))
				if why != "" {
					continue
				}
				kept++
				if f.Metric != metric || f.Scope["subject"] != a || f.Phase == "cold" || f.Aggregate != "median" || f.Scope["level"] != "" || f.Scope["config"] != "" {
					t.Errorf("%s is no such thing, and kept: %s", name, text)
				}
			}
		}
	}
	if kept != 6 {
		t.Errorf("%d numbers can be said, and there are 6", kept)
	}
}
