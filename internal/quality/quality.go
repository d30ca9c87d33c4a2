// Package quality scores generated text: text in, numbers out.
//
// It checks only what can be verified without a judge: whether an answer keeps
// the contract that its workload declares, whether it repeats itself, whether
// several answers to one prompt differ, whether an answer is about its own
// prompt rather than any other. Nothing here says that a text is good; it says
// what is wrong with one, by rules that a reader can repeat by hand. Scores are
// pure functions of the text, take time linear in it but for a logarithm, and
// know nothing of models, rows and statistics.
package quality

import (
	"strings"
	"unicode/utf8"
)

// MaxText bounds the bytes of an answer that are scored, and MaxAnswers the
// answers to one prompt that are scored together: a hostile text costs no more.
const (
	MaxText    = 64 << 10
	MaxAnswers = 20
)

// Answer is one generated text and how the runtime says it ended: "stop",
// "length", or "" where it did not say.
type Answer struct {
	Text, Finish string
}

// Task is what was asked of a model. It is made by NewTasks, shared by all rows
// of a prompt, and never changes.
type Task struct {
	Contract Contract
	Required []string // what the answer to this prompt must contain, beside the contract's

	about    []string   // stems of the prompt's content words
	controls [][]string // of other prompts of the workload
}

// PromptText is one prompt of a workload.
type PromptText struct {
	ID, Text string
	Required []string
}

// maxControls bounds the other prompts that a relevance is held against.
const maxControls = 20

// NewTasks makes the tasks of a workload, by prompt id. The other prompts of the
// workload are each one's controls; of many, as many as count are taken evenly.
func NewTasks(c Contract, prompts []PromptText) map[string]*Task {
	about := make([][]string, len(prompts))
	for i, p := range prompts {
		about[i] = keywords(p.Text)
	}
	step := max(1, (len(prompts)+maxControls-1)/maxControls)
	tasks := make(map[string]*Task, len(prompts))
	for i, p := range prompts {
		t := &Task{Contract: c, Required: p.Required, about: about[i]}
		for j := i % step; j < len(prompts); j += step {
			if j != i && len(about[j]) > 0 {
				t.controls = append(t.controls, about[j])
			}
		}
		tasks[p.ID] = t
	}
	return tasks
}

// Card is every score of one answer. A score that has no meaning for the text
// is absent, with the reason.
type Card struct {
	Strict, Loose Checked

	Words       Score    // words
	SeqRep      [4]Score // 1 − distinct n-grams by n-grams, n = 1 … 4
	Repeat      Score    // characters of the longest substring that occurs twice, by all characters
	Loop        Score    // 1 if the text runs in a loop
	UTF8        Score    // 1 if the text is UTF-8 without a replacement character
	MixedScript Score    // letters outside the most frequent script, by letters
	Emoji       Score    // emoji
	Readability Score    // automated readability index
	Recall      Score    // share of the prompt's content words that the answer takes up
	Relevance   Score    // Recall minus its mean over the controls
}

// Score is a value, or why there is none.
type Score struct {
	Value float64
	Why   string // "" if there is a value
}

func value(v float64) Score { return Score{Value: v} }

func absent(why string) Score { return Score{Why: why} }

func yes(b bool) Score {
	if b {
		return value(1)
	}
	return value(0)
}

// Grade scores an answer. The task may be nil: then only the checks that hold
// for any answer are made, and there is nothing to be relevant to.
func Grade(a Answer, t *Task) *Card {
	text := bounded(a.Text)
	if t == nil {
		t = &Task{}
	}
	w := words(text)
	c := &Card{Words: value(float64(len(w))), UTF8: yes(utf8.ValidString(text) && !strings.ContainsRune(text, utf8.RuneError)), Emoji: value(float64(emoji(text)))}
	c.Strict = t.check(text, w, a.Finish)
	c.Loose = c.Strict
	if bare := unwrap(text); bare != text {
		c.Loose = c.Strict.or(t.check(bare, words(bare), a.Finish))
	}
	if len(w) == 0 {
		c.blank("the answer has no words")
		return c
	}
	for n := range c.SeqRep {
		c.SeqRep[n] = seqRep(w, n+1)
	}
	c.Repeat, c.Loop = repeat(text), yes(loops(text, w))
	c.MixedScript, c.Readability = mixedScript(text), readability(text, w)
	c.Recall, c.Relevance = t.relevance(w)
	return c
}

func (c *Card) blank(why string) {
	for n := range c.SeqRep {
		c.SeqRep[n] = absent(why)
	}
	c.Repeat, c.Loop, c.MixedScript, c.Readability, c.Recall, c.Relevance = absent(why), absent(why), absent(why), absent(why), absent(why), absent(why)
}

// bounded cuts a text to MaxText bytes, at a character.
func bounded(text string) string {
	if len(text) <= MaxText {
		return text
	}
	cut := MaxText
	for cut > MaxText-utf8.UTFMax && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut]
}
