package draft_test

import (
	"strings"
	"testing"

	"chimera/internal/draft"
)

// one checks a draft of one sentence. Names in it are typed as they are.
func one(s *draft.Sheet, kind draft.Kind, text string, refs ...string) (string, string) {
	kept, dropped := s.Check(draft.Draft{Sections: []draft.Section{{Title: "findings", Sentences: []draft.Sentence{{Kind: kind, Text: text, Refs: refs}}}}})
	if len(kept) == 1 && len(dropped) == 0 {
		return kept[0].Text.Print(s.Fact), ""
	}
	if len(dropped) == 1 && len(kept) == 0 {
		return "", dropped[0].Why
	}
	return "", "neither kept nor dropped"
}

// A word that claims something stands only beside the fact that carries it, with
// the right thing, in the right direction.
func TestWordsHaveTheirPrice(t *testing.T) {
	l := newLab(t)
	s := l.sheet()
	for _, c := range []struct {
		class, text string
		keep        bool
	}{
		{"plain value", "swift:270m has a decode rate of [swift rate].", true},
		{"value of another thing", "slow:1b has a decode rate of [swift rate].", false},
		{"value without its thing", "The decode rate is [swift rate].", false},
		{"value under another metric", "The time to first token of swift:270m is [swift rate].", false},
		{"two values in order", "swift:270m has a decode rate of [swift rate], and slow:1b has [slow rate].", true},
		{"two values crossed", "swift:270m has a decode rate of [slow rate], and slow:1b has [swift rate].", false},
		{"one value of two", "slow:1b and swift:270m have a decode rate of [swift rate].", false},
		{"one value of two phases", "The cold and warm time to first token of swift:270m is [swift ttft].", false},
		{"the only one", "Only swift:270m has a decode rate of [swift rate].", false},
		{"a rank in other words", "slow:1b comes first with a decode rate of [slow rate].", false},
		{"above", "slow:1b stands above swift:270m with a decode rate of [slow rate].", false},
		{"a level's value", "With num_thread=4, swift:270m has a decode rate of [threads=4].", true},
		{"a level's value without the level", "swift:270m has a decode rate of [threads=4].", false},
		{"of says whose it is", "The [threads=4|what] of [threads=4|of] is [threads=4].", true},
		{"what of another fact", "The [swift ttft|what] of swift:270m is [swift rate].", false},
		{"aggregate named", "The maximum time to first token of swift:270m is [max].", true},
		{"aggregate not named", "The time to first token of swift:270m is [max].", false},
		{"maximum as a mean", "The mean time to first token of swift:270m is [max].", false},

		{"superlative", "swift:270m has the highest decode rate, [swift by slow|times] that of slow:1b.", true},
		{"superlative of a loser", "slow:1b has the highest decode rate: [slow rate].", false},
		{"superlative by the other end", "swift:270m has the lowest decode rate: [swift rate].", false},
		{"superlative without its fact", "swift:270m is the fastest: [swift cv] of scatter.", false},
		{"superlative of a set by one", "swift:270m has the shortest time to first token, [swift ttft].", false},
		{"superlative of a set by all", "swift:270m and slow:1b have the shortest time to first token: [swift ttft by mid] that of mid:1b.", false},
		{"superlative among a set", "swift:270m is among the fastest to the first token: [swift ttft].", true},
		{"worst of three", "mid:1b has the worst time to first token: [mid ttft].", false},
		{"superlative of what is not comparable", "swift:270m has the best prefill rate, [nested ratio] that of slow:1b.", false},

		{"comparative", "swift:270m is faster than slow:1b: [swift by slow|times].", true},
		{"comparative turned", "slow:1b is faster than swift:270m: [swift by slow|times].", false},
		{"comparative, other direction", "swift:270m is slower than slow:1b: [swift by slow|times].", false},
		{"comparative with two", "swift:270m is faster than slow:1b, [swift by slow], and mid:1b, [swift by mid].", true},
		{"comparative with two and one number", "swift:270m is faster than slow:1b and mid:1b: [swift by slow].", false},
		{"a ratio beside a third", "swift:270m compared with slow:1b has [swift by slow] the decode rate of mid:1b.", false},
		{"comparative of losers", "mid:1b is faster than slow:1b: [mid rate] against [slow rate].", false},
		{"comparative that is not shown", "swift:270m answers faster than slow:1b: [swift ttft by slow].", false},
		{"lower is better", "swift:270m has a shorter time to first token than mid:1b: [swift ttft by mid].", true},
		{"lower is not higher", "swift:270m has a higher time to first token than mid:1b: [swift ttft by mid].", false},
		{"cold and warm", "A cold request of swift:270m has a longer time to first token than a warm one: [cold by warm].", true},
		{"warm slower than cold", "A warm request of swift:270m is slower than a cold one: [cold by warm].", false},
		{"speed of a backend", "On mlp, jit is faster than eager: [jit by eager].", true},
		{"a backend within the reach of drift", "On mlp, onnx is faster than eager: [onnx by eager].", false},
		{"comparison that is forbidden", "swift:270m has a higher prefill rate than slow:1b: [nested ratio].", false},

		{"significant", "The decode rate of swift:270m is significantly higher than that of slow:1b: [swift by slow], p = [p slow].", true},
		{"significant without a test", "The effect is significant: [swift cv] for swift:270m.", false},
		{"not significant", "For swift:270m, temperature is not significant for the decode rate: p = [p temperature].", true},
		{"significant against the test", "For swift:270m, temperature is significant for the decode rate: p = [p temperature].", false},

		{"steady", "The decode rate of swift:270m is stable, with a variation of [swift cv].", true},
		{"steady though noisy", "The decode rate of slow:1b is stable, with a variation of [slow cv].", false},
		{"noisy", "The decode rate of slow:1b is noisy, with a variation of [slow cv].", true},
		{"steady in another metric", "The decode rate of slow:1b is stable: [slow rate].", false},

		{"same", "slow:1b and mid:1b have the same time to the last token: slow:1b has [e2e by slow] that of mid:1b.", true},
		{"same of others", "swift:270m and slow:1b have the same decode rate: [swift by slow].", false},

		{"trend", "The time to first token of swift:270m increases with the prompt: its [slope|what] is [slope].", true},
		{"trend down", "The time to first token of swift:270m decreases with the prompt: its [slope|what] is [slope].", false},
		{"trend without one", "The decode rate of swift:270m grows linearly: [swift rate].", false},

		{"cause", "The decode rate of swift:270m changes because of num_thread, with a range of [threads range].", true},
		{"cause without effect", "The decode rate of swift:270m changes because of temperature, with a range of [temperature range].", false},
		{"cause of an alias", "num_gpu affects the decode rate of swift:270m: the noise floor is [gpu floor].", false},
		{"critical", "num_thread is critical for the decode rate of swift:270m, with a range of [threads range].", true},
		{"cause of another subject", "num_thread affects the decode rate of slow:1b: [slow rate].", false},

		{"universal", "The time to first token is stable for all models: variation [swift:270m ttft cv] for swift:270m.", true},
		{"universal that has an exception", "The decode rate is stable for all models: variation [swift cv] for swift:270m.", false},
		{"universal of nothing", "All models have a decode rate of [swift rate] on swift:270m and every machine is faster.", false},

		{"optimal set by one", "num_ctx=1024 num_thread=4 is optimal for swift:270m, with a decode rate of [config value].", false},
		{"optimal among", "num_ctx=1024 num_thread=4 is among the optimal settings of swift:270m, with a decode rate of [config value].", true},
		{"cheapest", "num_ctx=1024 num_thread=4 is the cheapest setting of swift:270m, with a decode rate of [config value].", true},
		{"cheapest of another", "num_ctx=2048 num_thread=4 is the cheapest setting of swift:270m: [config value|what] is known.", false},

		{"failed", "[lost] requests of mid:1b failed.", true},
		{"failed, another", "[lost] requests of slow:1b failed.", false},
		{"cold number called cold", "The cold time to first token of swift:270m is [swift cold].", true},
		{"cold number as it were warm", "The time to first token of swift:270m is [swift cold].", false},
		{"warm number called cold", "The cold time to first token of swift:270m is [swift ttft].", false},
	} {
		text, why := one(s, draft.Finding, l.write(s, c.text))
		if (why == "") != c.keep {
			t.Errorf("%s: kept %t, want %t\n  wrote %s\n  gave  %s%s", c.class, why == "", c.keep, c.text, text, why)
		}
		if strings.Contains(text, "no fact") || strings.Contains(text, "n/a") {
			t.Errorf("%s: %s", c.class, text)
		}
	}
}

// What may never be typed is refused, whatever stands beside it.
func TestWhatMayNotBeTyped(t *testing.T) {
	l := newLab(t)
	s := l.sheet()
	for name, text := range map[string]string{
		"digit":                    "swift:270m has a decode rate of 102 token/s, see [swift rate].",
		"digit of another script":  "swift:270m has a decode rate of ١٠٢, see [swift rate].",
		"roman numeral sign":       "swift:270m has Ⅳ and a decode rate of [swift rate].",
		"fraction":                 "swift:270m has ½ and a decode rate of [swift rate].",
		"number word":              "swift:270m has three times [swift rate].",
		"double":                   "swift:270m shows double the decode rate: [swift rate].",
		"half":                     "swift:270m needs half: [swift rate].",
		"tenfold":                  "swift:270m shows a tenfold decode rate of [swift rate].",
		"twenty-fold":              "swift:270m shows a twenty-fold decode rate of [swift rate].",
		"month":                    "In March swift:270m has a decode rate of [swift rate].",
		"day":                      "Today swift:270m has a decode rate of [swift rate].",
		"unit":                     "swift:270m has a decode rate of [swift rate] milliseconds.",
		"file":                     "By results.csv swift:270m has a decode rate of [swift rate].",
		"foreign model":            "Unlike llama, swift:270m has a decode rate of [swift rate].",
		"part of a name":           "swift has a decode rate of [swift rate].",
		"longer name":              "swift:270m-q4 has a decode rate of [swift rate].",
		"percent sign":             "swift:270m has a decode rate of [swift rate] %.",
		"markup":                   "swift:270m has a decode rate of [swift rate] <b>.",
		"negation":                 "It is not so that swift:270m has a decode rate of [swift rate].",
		"negated comparison":       "slow:1b is no faster than swift:270m: [swift by slow].",
		"unknown word":             "swift:270m devours tokens with a decode rate of [swift rate].",
		"praise that cannot go":    "swift:270m is impressive, with a decode rate of [swift rate].",
		"no fact":                  "swift:270m is a model.",
		"no words":                 "[swift rate] [slow rate]",
		"name that no fact is of":  "eager and swift:270m have a decode rate of [swift rate].",
		"recommendation of losers": "Use slow:1b, with a decode rate of [slow rate].",
	} {
		if text, why := one(s, draft.Finding, l.write(s, text)); why == "" {
			t.Errorf("%s was kept: %s", name, text)
		}
	}
	for _, id := range []string{"F9999", "N9999", "T9999", "F0000"} {
		if _, why := one(s, draft.Finding, "swift:270m has {{"+id+"}}."); !strings.Contains(why, id) {
			t.Errorf("%s: %s", id, why)
		}
	}
	if _, why := one(s, draft.Finding, l.write(s, "swift:270m has a decode rate of [swift rate]."), "F9999"); !strings.Contains(why, "F9999") {
		t.Errorf("an unknown ref: %s", why)
	}
}

func TestWordsOfPraiseAreTakenOut(t *testing.T) {
	l := newLab(t)
	s := l.sheet()
	for in, want := range map[string]string{
		"swift:270m shows an impressive decode rate of [swift rate].":                                     "swift:270m shows a decode rate of 102 [101, 103] token/s.",
		"swift:270m has a truly remarkable decode rate of [swift rate].":                                  "swift:270m has a decode rate of 102 [101, 103] token/s.",
		"swift:270m has a robust answer at a decode rate of [swift rate].":                                "swift:270m has an answer at a decode rate of 102 [101, 103] token/s.",
		"swift:270m is considerably faster than slow:1b: [swift by slow|times].":                          "swift:270m is faster than slow:1b: 2.00×.",
		"swift:270m is significantly faster than mid:1b: [swift by mid|times].":                           "swift:270m is faster than mid:1b: 1.50×.",
		"**swift:270m** is [swift by slow|times] times faster than slow:1b":                               "swift:270m is 2.00× faster than slow:1b.",
		"swift:270m answers at a blisteringly decode rate of [swift rate]":                                "swift:270m answers at a decode rate of 102 [101, 103] token/s.",
		"the [swift rate|what] of [swift rate|of] is [swift rate|value] (n = [swift rate|n]), as it was;": "The median decode rate of swift:270m is 102 token/s (n = 30), as it was.",
	} {
		got, why := one(s, draft.Finding, l.write(s, in))
		if got != want {
			t.Errorf("%s\n gave %s%s\n want %s", in, got, why, want)
		}
	}
}

// A finding says itself, and a fact alone is worded by code: what a writer puts
// around a finding cannot bend it.
func TestSlotsThatAreSentences(t *testing.T) {
	l := newLab(t)
	s := l.sheet()
	for _, c := range []struct {
		kind       draft.Kind
		text, want string
	}{
		{draft.Finding, "{{N0001}}", "swift:270m has the best decode rate: 2.00 [1.90, 2.10] ratio that of slow:1b and 1.50 [1.40, 1.60] ratio that of mid:1b."},
		{draft.Finding, "It is false that 99 % {{N0001}}", "swift:270m has the best decode rate: 2.00 [1.90, 2.10] ratio that of slow:1b and 1.50 [1.40, 1.60] ratio that of mid:1b."},
		{draft.Recommendation, "{{N0001}}", "Where the decode rate decides, use swift:270m. swift:270m has the best decode rate: 2.00 [1.90, 2.10] ratio that of slow:1b and 1.50 [1.40, 1.60] ratio that of mid:1b."},
		{draft.Finding, l.write(s, "[swift rate]"), "The median decode rate of swift:270m is 102 [101, 103] token/s (n = 30)."},
		{draft.Finding, l.write(s, "[swift by slow]"), "swift:270m has 2.00× [1.90, 2.10] the decode rate of slow:1b."},
		{draft.Finding, l.write(s, "[jit by eager]"), "jit has 3.00× [2.50, 3.50] the speed of eager (mlp)."},
		{draft.Finding, l.write(s, "[swift cold]."), "The median time to first token of swift:270m, cold, is 1.20 [1.10, 1.30] s (n = 30)."},
		{draft.Finding, l.write(s, "[threads=4]"), "The median decode rate of swift:270m, num_thread=4 is 110 [109, 111] token/s (n = 30)."},
	} {
		if got, why := one(s, c.kind, c.text); got != c.want {
			t.Errorf("%s\n gave %s%s\n want %s", c.text, got, why, c.want)
		}
	}
}

func TestRecommendations(t *testing.T) {
	l := newLab(t)
	s := l.sheet()
	for text, keep := range map[string]bool{
		"Use swift:270m: its decode rate is [swift rate].":                                                                true,
		"Choose num_thread=4 for swift:270m, at a decode rate of [threads=4].":                                            true,
		"Prefer slow:1b to swift:270m: [swift by slow].":                                                                  false,
		"Repeat the test of temperature on swift:270m: the [needed|what] is [needed].":                                    true,
		"swift:270m has a decode rate of [swift rate].":                                                                   false, // no advice in it
		"Repeat the test of num_thread on swift:270m: [threads range|what], [threads range].":                             false, // its effect is decided
		"Measure it again: for swift:270m the [swift cv|what] is [swift cv], should be measured with more blocks, use it": false,
	} {
		if got, why := one(s, draft.Recommendation, l.write(s, text)); (why == "") != keep {
			t.Errorf("%s\n gave %s%s", text, got, why)
		}
	}
}

func TestRepeatedSentencesAreKeptOnce(t *testing.T) {
	l := newLab(t)
	s := l.sheet()
	same := draft.Sentence{Text: "{{N0002}}"}
	kept, dropped := s.Check(draft.Draft{Sections: []draft.Section{{Title: "caveats", Sentences: []draft.Sentence{same, same}}, {Title: "ANSWER", Sentences: []draft.Sentence{{Text: "{{N0001}}"}}}, {Title: "no such title", Sentences: []draft.Sentence{same}}}})
	if len(kept) != 2 || len(dropped) != 2 || kept[0].Section != "answer" || kept[0].Findings[0] != "N00000000a" {
		t.Errorf("kept %+v, dropped %+v", kept, dropped)
	}
}

// What a writer in plain English would say passes, if it holds.
func TestOrdinarySentencesPass(t *testing.T) {
	l := newLab(t)
	s := l.sheet()
	for in, want := range map[string]string{
		"Among the tested models, swift:270m delivers the highest decode rate at [swift rate|value], which is [swift by slow|times] that of slow:1b.":  "Among the tested models, swift:270m delivers the highest decode rate at 102 token/s, which is 2.00× that of slow:1b.",
		"The swift:270m model generates tokens at a median rate of [swift rate|value], whereas mid:1b reaches only [mid rate|value].":                  "The swift:270m model generates tokens at a median rate of 102 token/s, whereas mid:1b reaches 68.0 token/s.",
		"swift:270m is [swift by slow|times] faster than slow:1b and [swift by mid|times] faster than mid:1b.":                                         "swift:270m is 2.00× faster than slow:1b and 1.50× faster than mid:1b.",
		"With a median decode rate of [swift rate|value] (n = [swift rate|n]), swift:270m leads the field.":                                            "With a median decode rate of 102 token/s (n = 30), swift:270m leads the field.",
		"Cold requests of swift:270m take [cold by warm|times] as long as warm ones.":                                                                  "Cold requests of swift:270m take 20.0× as long as warm ones.",
		"Changing num_thread affects the decode rate of swift:270m by [threads range].":                                                                "Changing num_thread affects the decode rate of swift:270m by +40 % [+30, +50].",
		"Temperature does not significantly affect the decode rate of swift:270m (p = [p temperature]).":                                               "temperature does not significantly affect the decode rate of swift:270m (p = 0.40).",
		"No effect of temperature on the decode rate of swift:270m is shown (p = [p temperature]).":                                                    "No effect of temperature on the decode rate of swift:270m is shown (p = 0.40).",
		"Measurements for swift:270m are highly consistent, with a coefficient of variation of [swift cv].":                                            "Measurements for swift:270m are consistent, with a coefficient of variation of 1.0 %.",
		"slow:1b shows noisy behaviour: its decode rate varies by [slow cv].":                                                                          "slow:1b shows noisy behaviour: its decode rate varies by 20 %.",
		"Note that [lost] of [lost|planned] requests to mid:1b failed and are excluded.":                                                               "Note that 3 of 30 requests to mid:1b failed and are excluded.",
		"Compared with eager, jit is [jit by eager|times] faster on mlp.":                                                                              "Compared with eager, jit is 3.00× faster on mlp.",
		"The median decode rate was [swift rate|value] for swift:270m, [mid rate|value] for mid:1b and [slow rate|value] for slow:1b.":                 "The median decode rate was 102 token/s for swift:270m, 68.0 token/s for mid:1b and 51.0 token/s for slow:1b.",
		"swift:270m, at [swift rate|value], is ahead of mid:1b at [mid rate|value] and slow:1b at [slow rate|value] when it comes to the decode rate.": "swift:270m, at 102 token/s, is ahead of mid:1b at 68.0 token/s and slow:1b at 51.0 token/s when it comes to the decode rate.",
		"Set num_thread=4 for swift:270m, to reach a decode rate of [threads=4|value].":                                                                "Set num_thread=4 for swift:270m, to reach a decode rate of 110 token/s.",
		"We recommend using swift:270m, at a decode rate of [swift rate|value], rather than slow:1b.":                                                  "We recommend using swift:270m, at a decode rate of 102 token/s, rather than slow:1b.",
	} {
		if got, why := one(s, draft.Finding, l.write(s, in)); got != want {
			t.Errorf("%s\n gave %s%s\n want %s", in, got, why, want)
		}
	}
}
