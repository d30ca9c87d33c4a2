package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"chimera/internal/fault"
)

// A Session is one conversation's KV cache. Its requests run one after the
// other; requests of different sessions take turns, see the package comment.
type Session struct {
	m  *Model
	mu struct {
		sync.Mutex // held for one request
		cache      *cache
		ids        []int32   // evaluated, at positions 0, 1, …
		logits     []float32 // after the last of ids; sampling overwrites them
	}
}

// NewSession allocates a KV cache of Info.CacheBytes. It is freed with the session.
func (m *Model) NewSession() (*Session, error) {
	s := &Session{m: m}
	s.mu.logits = make([]float32, m.params.vocab)
	var err error
	s.mu.cache, err = newCache(m)
	return s, err
}

// Generate continues a prompt and calls onToken, if not nil, for every step
// before the next one begins. When ctx ends, it stops within one forward pass
// and returns what it has, with Finish = Cancelled and no error. An error means
// that the request or the model is wrong.
func (s *Session) Generate(ctx context.Context, r Request, onToken func(Token)) (Result, error) {
	begin := time.Now()
	ids, steps, err := s.m.prepare(&r)
	if err != nil {
		return Result{}, err
	}
	bind := time.Now()
	constraint, err := s.m.constrain(&r, steps)
	if err != nil {
		return Result{}, err
	}
	bound := time.Since(bind)
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.newGeneration(&r, ids, begin)
	g.constraint = constraint
	if err := g.run(ctx, steps, onToken); err != nil {
		return Result{}, fault.With(fmt.Errorf("generate: %w", err), fault.Runtime, "")
	}
	g.result.Timing.Total = time.Since(begin)
	if constraint != nil {
		g.result.Timing.Grammar, g.result.Timing.Masks = bound, constraint.took
	}
	return g.result, nil
}

// generation is one request in progress.
type generation struct {
	s       *Session
	r       *Request
	prompt  []int32
	begin   time.Time
	result  Result
	chooser *chooser
	scorer  *scorer
	writer  writer
	logits  []float32

	constraint *constraint // nil: none
}

func (s *Session) newGeneration(r *Request, ids []int32, begin time.Time) *generation {
	g := &generation{s: s, r: r, prompt: ids, begin: begin, logits: s.mu.logits}
	g.result = Result{PromptTokens: len(ids), Timing: Timing{Load: s.m.loading}}
	g.writer = writer{decoder: s.m.tok.NewDecoder(false), stops: r.Stop}
	var banned []int32
	if r.IgnoreEOS {
		banned = s.m.tok.Ends()
	}
	g.chooser = newChooser(r.Sampling, banned)
	if r.Scores || r.ForceIDs != nil {
		g.scorer = &scorer{top: r.Top}
	}
	if r.ForceIDs != nil {
		g.writer.stops = nil
	}
	return g
}

func (g *generation) run(ctx context.Context, steps int, onToken func(Token)) error {
	defer func() { g.result.Text = g.writer.out.String() }()
	done, err := g.prefill(ctx)
	if err != nil {
		return err
	}
	if !done {
		g.result.Finish = Cancelled
		return nil
	}
	var first, last time.Time
	for step := range steps {
		t, err := g.step(step, steps-step)
		if err != nil {
			return err
		}
		last = time.Now()
		if step == 0 {
			first = last
		}
		g.result.Timing.Eval = last.Sub(first)
		t.At = last.Sub(g.begin)
		if onToken != nil {
			onToken(t)
		}
		switch {
		case g.result.Finish != "":
			return nil
		case ctx.Err() != nil:
			g.result.Finish = Cancelled
			g.writer.flush()
			return nil
		}
		if err := g.s.evaluate([]int32{t.ID}, g.logits); err != nil {
			return err
		}
	}
	return nil
}

// prefill evaluates the prompt; done is false when ctx ended before.
func (g *generation) prefill(ctx context.Context) (done bool, err error) {
	mu := &g.s.mu
	if g.r.CachePrompt {
		// One token at least is evaluated: the logits are not kept.
		g.result.CachedTokens = min(common(mu.ids, g.prompt), len(g.prompt)-1)
	}
	mu.ids = mu.ids[:g.result.CachedTokens]
	start := time.Now()
	for rest := g.prompt[g.result.CachedTokens:]; len(rest) > 0; {
		if ctx.Err() != nil {
			return false, nil
		}
		n := min(len(rest), g.s.m.options.Batch)
		var logits []float32
		if n == len(rest) {
			logits = g.logits
		}
		if err := g.s.evaluate(rest[:n], logits); err != nil {
			return false, err
		}
		rest = rest[n:]
	}
	g.result.Timing.PromptEval = time.Since(start)
	return true, nil
}

// common is the length of the common prefix.
func common(a, b []int32) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// evaluate runs ids after those the session has; logits may be nil.
func (s *Session) evaluate(ids []int32, logits []float32) error {
	m := s.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.closed {
		return fmt.Errorf("the model is closed")
	}
	start := len(s.mu.ids)
	if err := m.mu.pass.forward(s.mu.cache, ids, start, logits != nil); err != nil {
		return err
	}
	s.mu.ids = append(s.mu.ids, ids...)
	copy(logits, m.mu.pass.logits)
	return nil
}

// step chooses a token from the logits, of which left may come with this one,
// and decides whether it is the last.
func (g *generation) step(step, left int) (Token, error) {
	var t Token
	if forced := g.r.ForceIDs; forced != nil {
		t.ID = forced[step]
		g.report(&t)
	} else if err := g.pick(&t, left); err != nil {
		return t, err
	}
	g.result.IDs = append(g.result.IDs, t.ID)
	t.End = g.s.m.tok.IsEnd(t.ID)
	var stopped bool
	if t.End && g.r.ForceIDs == nil {
		stopped = true
	} else {
		t.Text, stopped = g.writer.push(t.ID)
	}
	if stopped {
		g.result.Finish = Stopped
	} else if left == 1 {
		g.result.Finish = Length
	}
	if g.result.Finish != "" && (t.End || !stopped) {
		rest, hit := g.writer.flush()
		t.Text += rest
		if hit {
			g.result.Finish = Stopped
		}
	}
	return t, nil
}

// pick samples a token. The score is of the model's own distribution, so it is
// taken from the logits before sampling overwrites them.
func (g *generation) pick(t *Token, left int) error {
	if err := g.constraint.allow(left); err != nil {
		return err
	}
	g.chooser.allowed = g.constraint.bits()
	if g.scorer == nil {
		t.ID = g.chooser.choose(g.logits, g.history())
		return g.constraint.advance(t.ID)
	}
	own := slices.Clone(g.logits)
	t.ID = g.chooser.choose(g.logits, g.history())
	copy(g.logits, own)
	g.report(t)
	return g.constraint.advance(t.ID)
}

func (g *generation) report(t *Token) {
	score := g.scorer.score(g.logits, t.ID)
	if g.constraint != nil {
		score.Allowed = min(0, score.LogProb+logSum(g.logits, g.constraint.bits())-float64(g.logits[t.ID]))
	}
	t.Score = &score
	g.result.Scores = append(g.result.Scores, score)
}

// history is what the repeat penalty sees: prompt and continuation so far.
func (g *generation) history() []int32 { return g.s.mu.ids }
