package metric

import (
	"time"

	"chimera/internal/sample"
)

type (
	duration = sample.Opt[time.Duration]
	number   = sample.Opt[int]
	instant  = func(*sample.Sample) duration
)

func scheduled(s *sample.Sample) duration      { return s.T.Sched }
func sent(s *sample.Sample) duration           { return s.T.Send }
func first(s *sample.Sample) duration          { return s.T.First }
func last(s *sample.Sample) duration           { return s.T.Last }
func promptEval(t sample.ServerTimes) duration { return t.PromptEval }
func eval(t sample.ServerTimes) duration       { return t.Eval }

func seconds(d time.Duration) float64 { return d.Seconds() }

// kept returns the chunks of some kinds.
func kept(s *sample.Sample, keep func(sample.Kind) bool) (out []sample.Chunk) {
	for _, c := range s.Chunks {
		if keep(c.Kind) {
			out = append(out, c)
		}
	}
	return out
}

// plain makes a metric that is no quotient.
func plain(value func(*sample.Sample) (float64, reason)) func(*sample.Sample) (float64, float64, reason) {
	return func(s *sample.Sample) (float64, float64, reason) {
		v, why := value(s)
		return v, 1, why
	}
}

// span measures from one instant to a later one.
func span(fromName string, from instant, toName string, to instant) func(*sample.Sample) (float64, reason) {
	return func(s *sample.Sample) (float64, reason) {
		a, okA := from(s).Get()
		b, okB := to(s).Get()
		switch {
		case !okB && !s.T.First.OK() && !s.T.Last.OK():
			return 0, "no chunk carried text"
		case !okA:
			return 0, because("%s was not observed", fromName)
		case !okB:
			return 0, because("%s was not observed", toName)
		case b < a:
			return 0, because("%s at %s lies before %s at %s", toName, b, fromName, a)
		case b == a:
			return 0, because("%s and %s are one instant: not a duration", fromName, toName)
		}
		return seconds(b - a), ""
	}
}

func firstContent(s *sample.Sample) (float64, reason) {
	if len(s.Chunks) == 0 {
		return 0, "no chunks were recorded"
	}
	found := kept(s, func(k sample.Kind) bool { return k == sample.Content })
	if len(found) == 0 {
		return 0, "no chunk carried content, only reasoning or tool calls"
	}
	at := func(*sample.Sample) duration { return sample.Some(found[0].At) }
	return span("t.send", sent, "the first content", at)(s)
}

// steps returns N−1, the token steps after the first.
func steps(s *sample.Sample) (float64, reason) {
	n, ok := s.Tokens.Output.Get()
	switch {
	case !ok:
		return 0, "the output tokens were not counted"
	case n < 1:
		return 0, because("the answer has %d tokens", n)
	case n == 1:
		return 0, oneToken
	}
	return float64(n - 1), ""
}

// oneToken is the reason that objectives forgive.
const oneToken reason = "the answer has one token: no time passes after it"

func decode(s *sample.Sample) (float64, float64, reason) {
	n, why := steps(s)
	if why != "" {
		return 0, 0, why
	}
	took, why := span("t.first", first, "t.last", last)(s)
	return n, took, why
}

func inverse(of func(*sample.Sample) (float64, float64, reason)) func(*sample.Sample) (float64, float64, reason) {
	return func(s *sample.Sample) (float64, float64, reason) {
		num, den, why := of(s)
		return den, num, why
	}
}

// gaps keeps gaps of zero: two chunks that came in one read share an instant,
// and smoothing that would invent arrivals.
func gaps(s *sample.Sample) ([]float64, reason) {
	if len(s.Chunks) == 0 {
		return nil, "no chunks were recorded"
	}
	text := kept(s, sample.Kind.Carries)
	if len(text) < 2 {
		return nil, "fewer than two chunks carry text: there is no gap"
	}
	out := make([]float64, len(text)-1)
	for i := range out {
		d := text[i+1].At - text[i].At
		if d < 0 {
			return nil, because("a chunk at %s lies before the one before it, at %s", text[i+1].At, text[i].At)
		}
		out[i] = seconds(d)
	}
	return out, ""
}

func tokensPerChunk(s *sample.Sample) (float64, float64, reason) {
	if len(s.Chunks) == 0 {
		return 0, 0, "no chunks were recorded"
	}
	n, why := steps(s)
	if why != "" {
		return 0, 0, why
	}
	text := len(kept(s, sample.Kind.Carries))
	if text < 2 {
		return 0, 0, "fewer than two chunks carry text: the tokens after the first came with it"
	}
	return n, float64(text - 1), ""
}

// server reads one of the runtime's own durations.
func server(name string, of func(sample.ServerTimes) duration) func(*sample.Sample) (float64, reason) {
	return func(s *sample.Sample) (float64, reason) {
		d, ok := of(s.Times).Get()
		switch {
		case !ok:
			return 0, because("the runtime did not report %s", name)
		case d <= 0:
			return 0, because("the runtime reported %s as %s: not a duration", name, d)
		}
		return seconds(d), ""
	}
}

func count(name string, of func(sample.Tokens) number) func(*sample.Sample) (float64, float64, reason) {
	return plain(func(s *sample.Sample) (float64, reason) {
		n, ok := of(s.Tokens).Get()
		switch {
		case !ok:
			return 0, because("the %s tokens were not counted", name)
		case n < 0:
			return 0, because("the %s tokens are %d", name, n)
		}
		return float64(n), ""
	})
}

func prefill(s *sample.Sample) (float64, float64, reason) {
	prompt, ok := s.Tokens.Prompt.Get()
	if !ok {
		return 0, 0, "the prompt tokens were not counted"
	}
	cached, ok := s.Tokens.Cached.Get()
	switch {
	case !ok:
		return 0, 0, "the cached prompt tokens were not counted: they would pass for work"
	case cached < 0 || cached > prompt:
		return 0, 0, because("%d of %d prompt tokens cannot be cached", cached, prompt)
	case cached == prompt:
		return 0, 0, "the whole prompt was cached"
	}
	took, why := server("prompt_eval", promptEval)(s)
	return float64(prompt - cached), took, why
}

func serverDecode(s *sample.Sample) (float64, float64, reason) {
	n, ok := s.Times.EvalSteps.Get()
	switch {
	case !ok:
		return 0, 0, "it is unknown how many token steps the runtime's eval spans"
	case n < 1:
		return 0, 0, because("the runtime's eval spans %d token steps", n)
	}
	took, why := server("eval", eval)(s)
	return float64(n), took, why
}

func serverNaive(s *sample.Sample) (float64, float64, reason) {
	n, ok := s.Tokens.Output.Get()
	switch {
	case !ok:
		return 0, 0, "the output tokens were not counted"
	case n < 1:
		return 0, 0, because("the answer has %d tokens", n)
	}
	took, why := server("eval", eval)(s)
	return float64(n), took, why
}

func serverFirst(s *sample.Sample) (float64, reason) {
	load, why := server("load", func(t sample.ServerTimes) duration { return t.Load })(s)
	if why != "" {
		return 0, why
	}
	prompt, why := server("prompt_eval", promptEval)(s)
	return load + prompt, why
}

// overhead may come out a little below zero where clocks round: that is an
// observation too.
func overhead(s *sample.Sample) (float64, reason) {
	total, why := server("total", func(t sample.ServerTimes) duration { return t.Total })(s)
	if why != "" {
		return 0, why
	}
	prefill, why := serverFirst(s)
	if why != "" {
		return 0, why
	}
	generation, why := server("eval", eval)(s)
	return total - prefill - generation, why
}
