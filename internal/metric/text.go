package metric

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"chimera/internal/quality"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// Reasons why a text is not scored.
const (
	noiseText    = "the model is synthetic: its text is noise"
	inventedText = "the answer is simulated: its text is invented"
	lostText     = "the answer's text was not kept"
)

// Scorable says why the text of an attempt cannot be scored, "" if it can.
func Scorable(s *sample.Sample) string {
	switch {
	case s.Outcome != sample.OK:
		return string(failed(s))
	case s.Synthetic:
		return noiseText
	case s.Provenance == sample.Simulated:
		return inventedText
	case !s.Text.OK():
		return lostText
	}
	return ""
}

// graded is an answer with its card.
type graded struct {
	answer quality.Answer
	task   *quality.Task
	card   *quality.Card
}

// lastCard is the answer that was graded last: some thirty metrics ask about one row
// in turn. A card is a function of the answer and the task alone, so whoever
// finds them equal may have it.
var lastCard atomic.Pointer[graded]

// Card returns the scores of an attempt's text, or why it has none. It is shared
// and must not be changed.
func Card(s *sample.Sample) (card *quality.Card, why string) {
	if why := Scorable(s); why != "" {
		return nil, why
	}
	return cardOf(s), ""
}

func cardOf(s *sample.Sample) *quality.Card {
	a := quality.Answer{Text: s.Text.Or(""), Finish: finishOf(s)}
	if g := lastCard.Load(); g != nil && g.task == s.Task && g.answer == a {
		return g.card
	}
	card := quality.Grade(a, s.Task)
	lastCard.Store(&graded{a, s.Task, card})
	return card
}

// finishOf is how an answer ended, in one vocabulary.
func finishOf(s *sample.Sample) string {
	switch s.Finish {
	case "eos", "end_turn", "stop_sequence":
		return "stop"
	case "max_tokens":
		return "length"
	}
	return s.Finish
}

// scored makes a metric of the text from what a card says.
func scored(of func(*quality.Card) quality.Score) func(*sample.Sample) (float64, float64, reason) {
	return plain(func(s *sample.Sample) (float64, reason) {
		if why := Scorable(s); why != "" {
			return 0, reason(why)
		}
		score := of(cardOf(s))
		return score.Value, reason(score.Why)
	})
}

// keptOf counts the checks of an answer that were kept, of those made.
func keptOf(of func(*quality.Card) quality.Checked) func(*sample.Sample) (float64, float64, reason) {
	return func(s *sample.Sample) (float64, float64, reason) {
		if why := Scorable(s); why != "" {
			return 0, 0, reason(why)
		}
		kept, made := of(cardOf(s)).Kept()
		return float64(kept), float64(made), ""
	}
}

// whole is 1 if every check was kept, 0 if one was broken.
func whole(of func(*quality.Card) quality.Checked) func(*sample.Sample) (float64, float64, reason) {
	return scored(func(c *quality.Card) quality.Score {
		checked := of(c)
		switch {
		case slices.Contains(checked[:], quality.Broken):
			return quality.Score{}
		case slices.Contains(checked[:], quality.Unknown):
			return quality.Score{Why: unknownEnd}
		}
		return quality.Score{Value: 1}
	})
}

const unknownEnd = "the runtime does not say how the answer ended"

func oneCheck(check quality.Check) func(*sample.Sample) (float64, float64, reason) {
	return scored(func(c *quality.Card) quality.Score {
		switch c.Strict[check] {
		case quality.Kept:
			return quality.Score{Value: 1}
		case quality.Broken:
			return quality.Score{}
		case quality.Unknown:
			return quality.Score{Why: unknownEnd}
		}
		return quality.Score{Why: "the workload does not expect it"}
	})
}

func strictly(c *quality.Card) quality.Checked { return c.Strict }
func loosely(c *quality.Card) quality.Checked  { return c.Loose }

const loose = "; loosely: also kept if it is so once talk before the answer and quotes around it are taken off"

// texts are the metrics of one answer's text.
func texts() []Metric {
	text := []string{"text"}
	expect := []string{"text", "the workload's expect"}
	all := []Metric{
		{ID: "quality_contract", Direction: Higher, Rate: true, Unit: unit.Ratio, Formula: "1 if every check is kept, else 0", Needs: expect,
			Doc:   "Whether an answer keeps all that its workload expects, and what any answer must keep. `chimera metrics quality_check_length` and the like define the checks.",
			parts: whole(strictly)},
		{ID: "quality_contract_loose", Direction: Higher, Rate: true, Unit: unit.Ratio, Formula: "as quality_contract" + loose, Needs: expect,
			Doc:   "Whether an answer keeps its contract in a lenient reader's eyes.",
			parts: whole(loosely)},
		{ID: "quality_instructions", Direction: Higher, Rate: true, Ratio: true, Unit: unit.Ratio, Formula: "checks kept / checks made", Needs: expect,
			Doc:   "Share of all checks on an answer that it keeps: how badly a broken contract is broken.",
			parts: keptOf(strictly)},
		{ID: "quality_instructions_loose", Direction: Higher, Rate: true, Ratio: true, Unit: unit.Ratio, Formula: "as quality_instructions" + loose, Needs: expect,
			Doc:   "Share of all checks on an answer that it keeps in a lenient reader's eyes.",
			parts: keptOf(loosely)},
	}
	for _, c := range quality.Checks() {
		needs, doc := expect, "One check of the contract, made where the workload declares it."
		if c.Universal() {
			needs, doc = text, "One check that any answer must keep."
		}
		all = append(all, Metric{ID: "quality_check_" + c.String(), Direction: Higher, Rate: true, Unit: unit.Ratio, Formula: "1 if " + c.Rule() + ", else 0", Needs: needs, Doc: doc, parts: oneCheck(c)})
	}
	all = append(all, Metric{ID: "quality_words", Direction: Neutral, Formula: "runs of letters, marks and digits; in scripts without spaces, characters", Needs: text,
		Doc: "Words of an answer.", parts: scored(func(c *quality.Card) quality.Score { return c.Words })})
	for n := range 4 {
		all = append(all, Metric{ID: fmt.Sprintf("quality_seq_rep_%d", n+1), Direction: Lower, Unit: unit.Ratio, Formula: fmt.Sprintf("1 − distinct %[1]d-grams / %[1]d-grams of the words", n+1), Needs: text,
			Doc:   fmt.Sprintf("How far an answer repeats its own %s (seq-rep-n, Welleck et al. 2020).", []string{"words", "pairs of words", "triples of words", "quadruples of words"}[n]),
			parts: scored(func(c *quality.Card) quality.Score { return c.SeqRep[n] })})
	}
	all = append(all, []Metric{
		{ID: "quality_repeat", Direction: Lower, Unit: unit.Ratio, Formula: "characters of the longest substring that occurs twice, overlaps allowed / characters", Needs: text,
			Doc: "How much of an answer is one passage over again.", parts: scored(func(c *quality.Card) quality.Score { return c.Repeat })},
		{ID: "quality_loop", Direction: Lower, Rate: true, Unit: unit.Ratio, Formula: "1 if a unit of 1 to 8 words, or one character, repeats more than 30 words or characters on, else 0", Needs: text,
			Doc: "Whether an answer runs in a loop.", parts: scored(func(c *quality.Card) quality.Score { return c.Loop })},
		{ID: "quality_utf8", Direction: Higher, Rate: true, Unit: unit.Ratio, Formula: "1 if valid UTF-8 without U+FFFD, else 0", Needs: text,
			Doc: "Whether an answer's bytes are text.", parts: scored(func(c *quality.Card) quality.Score { return c.UTF8 })},
		{ID: "quality_mixed_script", Direction: Lower, Unit: unit.Ratio, Formula: "letters outside the most frequent script / letters", Needs: text,
			Doc: "How far an answer mixes writing systems.", parts: scored(func(c *quality.Card) quality.Score { return c.MixedScript })},
		{ID: "quality_emoji", Direction: Neutral, Formula: "emoji; a joined one, a flag or one with a skin tone is one", Needs: text,
			Doc: "Emoji of an answer.", parts: scored(func(c *quality.Card) quality.Score { return c.Emoji })},
		{ID: "quality_readability", Direction: Neutral, Formula: "4.71·characters/words + 0.5·words/sentences − 21.43", Needs: text,
			Doc: "Automated readability index (Senter and Smith 1967): about the school grade that English of this kind needs.", parts: scored(func(c *quality.Card) quality.Score { return c.Readability })},
		{ID: "quality_recall", Direction: Higher, Unit: unit.Ratio, Formula: "stems of the prompt's content words that the answer has / all of them", Needs: []string{"text", "the prompt"},
			Doc: "How much of its prompt's subject an answer takes up. Read quality_relevance: some words fit any prompt.", parts: scored(func(c *quality.Card) quality.Score { return c.Recall })},
		{ID: "quality_relevance", Direction: Higher, Unit: unit.Ratio, Formula: "quality_recall of its own prompt − mean quality_recall of up to 20 other prompts of the workload", Needs: []string{"text", "the prompts"},
			Doc: "How much more an answer is about its own prompt than about others: about 0 for one that would fit any.", parts: scored(func(c *quality.Card) quality.Score { return c.Relevance })},
	}...)
	for i := range all {
		all[i].Version, all[i].Basis, all[i].Text = 1, Request, true
	}
	return all
}

// compared makes a metric of answers together.
func compared(of func(*quality.Diversity) quality.Score) func([]string) (float64, reason) {
	return func(texts []string) (float64, reason) {
		score := of(compare(texts))
		return score.Value, reason(score.Why)
	}
}

// judged are answers with their diversity, remembered as cards are.
type judged struct {
	key  string
	card *quality.Diversity
}

var lastGroup atomic.Pointer[judged]

func compare(texts []string) *quality.Diversity {
	key := strings.Join(texts, "\x00")
	if g := lastGroup.Load(); g != nil && g.key == key {
		return g.card
	}
	d := quality.Compare(texts)
	lastGroup.Store(&judged{key, d})
	return d
}

// together are the metrics of the answers to one prompt.
var together = []Metric{
	{ID: "quality_distinct_1", Version: 1, Unit: unit.Ratio, Direction: Higher, Basis: Group, Text: true, Formula: "distinct words / words of the first 50 words, taken evenly from the answers", Needs: []string{"text"},
		Doc:   "How many different words the answers to one prompt use, at a fixed budget of words: longer texts repeat more.",
		group: compared(func(d *quality.Diversity) quality.Score { return d.Distinct[0] })},
	{ID: "quality_distinct_2", Version: 1, Unit: unit.Ratio, Direction: Higher, Basis: Group, Text: true, Formula: "distinct pairs / pairs of the first 50 words, taken evenly from the answers", Needs: []string{"text"},
		Doc:   "How many different pairs of words the answers to one prompt use, at a fixed budget of words.",
		group: compared(func(d *quality.Diversity) quality.Score { return d.Distinct[1] })},
	{ID: "quality_compression", Version: 1, Direction: Lower, Basis: Group, Text: true, Formula: "bytes of the answers, one a line / bytes of their gzip", Needs: []string{"text"},
		Doc:   "How far the answers to one prompt compress together (Shaib et al. 2024): the more alike, the higher. It grows with length.",
		group: compared(func(d *quality.Diversity) quality.Score { return d.Compression })},
	{ID: "quality_self_repetition", Version: 1, Unit: unit.Ratio, Direction: Lower, Basis: Group, Text: true, Formula: "mean over answers of 4-grams that another answer has / own 4-grams", Needs: []string{"text"},
		Doc:   "How far answers to one prompt use each other's phrases (after Salkar et al. 2022).",
		group: compared(func(d *quality.Diversity) quality.Score { return d.SelfRepetition })},
	{ID: "quality_self_bleu", Version: 1, Unit: unit.Ratio, Direction: Lower, Basis: Group, Text: true, Formula: "mean over answers of BLEU-4 against all others, add-one smoothing above unigrams", Needs: []string{"text"},
		Doc:   "How far each answer to one prompt could pass for a translation of the others (Zhu et al. 2018).",
		group: compared(func(d *quality.Diversity) quality.Score { return d.SelfBLEU })},
	{ID: "quality_duplicates", Version: 1, Unit: unit.Ratio, Direction: Lower, Basis: Group, Text: true, Formula: "1 − different texts / answers", Needs: []string{"text"},
		Doc:   "Share of the answers to one prompt that are another one's text.",
		group: compared(func(d *quality.Diversity) quality.Score { return d.Duplicates })},
	{ID: "quality_opener_entropy", Version: 1, Unit: unit.Ratio, Direction: Higher, Basis: Group, Text: true, Formula: "−Σ p·ln p of the first two words / ln answers", Needs: []string{"text"},
		Doc:   "How far answers to one prompt begin differently: 0 if all begin alike, 1 if no two do.",
		group: compared(func(d *quality.Diversity) quality.Score { return d.Openers })},
}

// stored are the metrics of text that need a model: `chimera quality` makes
// readings of them.
var stored = []Metric{
	{ID: "quality_perplexity", Version: 1, Direction: Neutral, Basis: Stored, Formula: "exp(Σ −ln p / tokens) of the first 512 tokens under the reference, in exact numerics, from the beginning of a document", Needs: []string{"text", "a reference model"},
		Doc: "How surprising a token of an answer is to a fixed reference model. Far below its like an answer repeats itself, far above it is broken; values under two references do not compare."},
	{ID: "quality_bits_per_byte", Version: 1, Unit: unit.BitPerByte, Direction: Neutral, Basis: Stored, Formula: "Σ −log₂ p / bytes of the text of the same tokens", Needs: []string{"text", "a reference model"},
		Doc: "How surprising a byte of an answer is to a fixed reference model, however its vocabulary cuts the text."},
}
