package engine_test

import (
	"fmt"
	"testing"

	"chimera/internal/engine"
	"chimera/internal/tensor"
)

// prompt is n ordinary tokens of the real model.
func prompt(n int) []int32 {
	ids := []int32{2}
	for i := 1; i < n; i++ {
		ids = append(ids, int32(1000+i*37%5000))
	}
	return ids[:n]
}

func eachSetting(b *testing.B, run func(b *testing.B, m *engine.Model)) {
	for _, numerics := range []tensor.Numerics{tensor.Exact, tensor.Fast} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("numerics=%v/threads=%d", numerics, threads), func(b *testing.B) {
				run(b, openReal(b, engine.Options{Threads: threads, Numerics: numerics}))
			})
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	eachSetting(b, func(b *testing.B, m *engine.Model) {
		s := session(b, m)
		const tokens = 32
		var rate float64
		n := 0
		b.ReportAllocs()
		for b.Loop() {
			r, err := s.Generate(b.Context(), engine.Request{PromptIDs: prompt(16), MaxTokens: tokens, IgnoreEOS: true, CachePrompt: true}, nil)
			if err != nil {
				b.Fatal(err)
			}
			rate += float64(tokens-1) / r.Timing.Eval.Seconds()
			n++
		}
		b.ReportMetric(rate/float64(n), "token/s")
	})
}

func BenchmarkPrefill(b *testing.B) {
	eachSetting(b, func(b *testing.B, m *engine.Model) {
		s := session(b, m)
		const tokens = 512
		var rate float64
		n := 0
		for b.Loop() {
			r, err := s.Generate(b.Context(), engine.Request{PromptIDs: prompt(tokens), MaxTokens: 1}, nil)
			if err != nil {
				b.Fatal(err)
			}
			rate += tokens / r.Timing.PromptEval.Seconds()
			n++
		}
		b.ReportMetric(rate/float64(n), "token/s")
	})
}
