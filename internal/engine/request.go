package engine

import (
	"fmt"
	"math"
	"time"

	"chimera/internal/fault"
	"chimera/internal/grammar"
	"chimera/internal/tokenizer"
)

// A Request asks a session for one continuation.
type Request struct {
	Prompt       string  // encoded with the vocabulary's BOS
	PromptIDs    []int32 // instead of Prompt: taken as they are, no BOS is added
	ParseSpecial bool    // control tokens written in Prompt are read as such

	MaxTokens   int      // 0: as many as fit the context
	Stop        []string // the text ends before the first of these; none may be empty
	IgnoreEOS   bool     // end tokens are neither chosen nor obeyed
	CachePrompt bool     // reuse the positions that this session has in common with its last request

	// Grammar makes the text one of its language, whole and within MaxTokens, the
	// end token included; nil allows any text. It goes with no stop string, with
	// end tokens obeyed and without ForceIDs. What it forbids is left out before
	// top-k, top-p and min-p, which so count the rest as all there is.
	Grammar *grammar.Grammar

	Sampling Sampling
	Scores   bool // report log-probabilities
	Top      int  // with Scores: alternatives to report, 0 to 100

	// ForceIDs scores a given continuation: each step reports the score of the
	// next of these ids, whatever the model would have chosen, and goes on from it.
	// MaxTokens, Stop and Sampling do not apply, end tokens do not end.
	ForceIDs []int32
}

// A Token is one step of a continuation.
type Token struct {
	ID   int32
	Text string        // what is certain to be output by now: whole runes, no beginning of a stop string; often ""
	End  bool          // an end token: it has no text of its own
	At   time.Duration // since Generate began, when the token was known
	// Score is nil unless the request asked for scores.
	Score *Score
}

// A Score is the model's own opinion of a step: natural log-probabilities over
// the whole vocabulary at temperature 1, before penalties, grammar and truncation.
type Score struct {
	LogProb float64 // of the token
	// Allowed is that of all tokens together that the grammar allowed, 0 without
	// one: LogProb − Allowed is the token's among them.
	Allowed float64
	Top     []Candidate // the best, allowed or not, in falling order; equal ones by id
}

// A Candidate is a token and its log-probability.
type Candidate struct {
	ID      int32
	LogProb float64
}

// Finish says why a continuation ended.
type Finish string

const (
	Stopped   Finish = "stop"      // an end token or a stop string
	Length    Finish = "length"    // MaxTokens, or the end of the context or of ForceIDs
	Cancelled Finish = "cancelled" // the caller's context ended
)

// A Result is a continuation as far as it came.
type Result struct {
	PromptTokens int
	CachedTokens int     // of the prompt, not evaluated because the session had them
	IDs          []int32 // one per step: an end token is included, as runtimes count it
	Text         string  // all pieces joined, and what was still held back
	Finish       Finish
	Scores       []Score // one per step if asked for
	Timing       Timing
}

// Timing is the engine's own clock. A phase that did not happen is 0 and says so
// by its count: no evaluated prompt tokens, fewer than two output tokens.
type Timing struct {
	Load       time.Duration // of the model, once, before any request
	PromptEval time.Duration // from the first forward pass of the prompt to the logits of its last token
	Eval       time.Duration // from the first output token to the last: N−1 steps
	Total      time.Duration // all of Generate
	// With a grammar: preparing it for the vocabulary, before PromptEval, which a
	// recent request may have done; and finding what it allows at each step,
	// within Eval but for the first.
	Grammar, Masks time.Duration
}

const maxTop = 100

// prepare checks r and returns the prompt's ids and the largest number of steps.
func (m *Model) prepare(r *Request) (ids []int32, steps int, err error) {
	if ids, err = m.promptIDs(r); err != nil {
		return nil, 0, err
	}
	if err := r.check(m.tok.Size()); err != nil {
		return nil, 0, err
	}
	room := m.options.Context - len(ids)
	want := r.MaxTokens
	if r.ForceIDs != nil {
		want = len(r.ForceIDs)
	}
	// The last token that is chosen is not evaluated, so it needs no position.
	if room < 0 || want > room+1 {
		return nil, 0, fault.With(fmt.Errorf("the prompt has %d tokens and %d more are asked for, but the context holds %d", len(ids), want, m.options.Context),
			fault.Usage, "shorten the prompt, lower the token limit or open the model with a larger context")
	}
	if want == 0 {
		want = room + 1
	}
	return ids, want, nil
}

func (m *Model) promptIDs(r *Request) ([]int32, error) {
	ids := r.PromptIDs
	if ids == nil {
		ids = m.tok.Encode(r.Prompt, tokenizer.Options{AddSpecial: true, ParseSpecial: r.ParseSpecial})
	} else if r.Prompt != "" {
		return nil, fault.New(fault.Usage, "the prompt is given both as text and as ids")
	}
	if len(ids) == 0 {
		return nil, fault.New(fault.Usage, "the prompt has no tokens and the model adds none: there is nothing to continue")
	}
	return ids, checkIDs("prompt", ids, m.tok.Size())
}

func checkIDs(what string, ids []int32, size int) error {
	for i, id := range ids {
		if id < 0 || int(id) >= size {
			return fault.New(fault.Usage, "%s: id %d at %d is outside the vocabulary of %d tokens", what, id, i, size)
		}
	}
	return nil
}

func (r *Request) check(vocabulary int) error {
	switch {
	case r.MaxTokens < 0:
		return fault.New(fault.Usage, "the token limit must not be negative, but is %d", r.MaxTokens)
	case r.Top < 0 || r.Top > maxTop:
		return fault.New(fault.Usage, "the number of alternatives must be 0 to %d, but is %d", maxTop, r.Top)
	case r.Top > 0 && !r.Scores && r.ForceIDs == nil:
		return fault.New(fault.Usage, "%d alternatives are asked for without scores", r.Top)
	case r.ForceIDs != nil && len(r.ForceIDs) == 0:
		return fault.New(fault.Usage, "the continuation to score is empty")
	}
	for i, s := range r.Stop {
		if s == "" {
			return fault.New(fault.Usage, "stop string %d is empty", i)
		}
	}
	if err := checkIDs("continuation to score", r.ForceIDs, vocabulary); err != nil {
		return err
	}
	return r.Sampling.check()
}

func (s *Sampling) check() error {
	inRange := func(v, lo, hi float64) bool { return v >= lo && v <= hi } // false for NaN
	switch {
	case !inRange(s.Temperature, 0, 100):
		return fault.New(fault.Usage, "the temperature must be 0 to 100, but is %g", s.Temperature)
	case s.TopK < 0 || s.TopK > math.MaxInt32:
		return fault.New(fault.Usage, "top-k must not be negative, but is %d", s.TopK)
	case !inRange(s.TopP, 0, 1):
		return fault.New(fault.Usage, "top-p must be 0 to 1, but is %g", s.TopP)
	case !inRange(s.MinP, 0, 1):
		return fault.New(fault.Usage, "min-p must be 0 to 1, but is %g", s.MinP)
	case s.RepeatPenalty != 0 && !inRange(s.RepeatPenalty, 0.01, 100):
		return fault.New(fault.Usage, "the repeat penalty must be 0.01 to 100, but is %g", s.RepeatPenalty)
	case s.RepeatLastN < 0:
		return fault.New(fault.Usage, "the repeat penalty must look back at least 0 tokens, but looks back %d", s.RepeatLastN)
	}
	return nil
}
