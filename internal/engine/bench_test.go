package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"chimera/internal/engine"
	"chimera/internal/grammar"
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

// realVocabulary is that of the real model: 262,144 tokens.
func realVocabulary(b *testing.B) (*grammar.Vocabulary, *engine.Model) {
	m := openReal(b, engine.Options{Threads: 1, Context: 8})
	tok := m.Tokenizer()
	v, err := grammar.NewVocabulary(tok.Size(), func(dst []byte, id int32) []byte { return tok.AppendPiece(dst, id, false) }, tok.Ends())
	if err != nil {
		b.Fatal(err)
	}
	return v, m
}

// BenchmarkMask is the cost of one step's mask at the places that differ most:
// worked out, remembered, for one budget only.
func BenchmarkMask(b *testing.B) {
	v, m := realVocabulary(b)
	for _, c := range []struct{ name, schema, before string }{
		{"start", `{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}`, ""},
		{"inString", `{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}`, `{"a":"`},
		{"inBoundedString", `{"type":"object","properties":{"a":{"type":"string","maxLength":200}},"required":["a"]}`, `{"a":"`},
		{"inNumber", `{"type":"array","items":{"type":"number"}}`, `[1`},
		{"inEnum", `{"enum":["better","worse","same","inconclusive"]}`, `"`},
		{"inAnything", `{}`, `{"a":`},
	} {
		g, err := grammar.FromJSONSchema(c.schema)
		if err != nil {
			b.Fatal(err)
		}
		at := func() *grammar.Cursor {
			a, err := grammar.Bind(g, v)
			if err != nil {
				b.Fatal(err)
			}
			cursor := a.Start()
			for i := range len(c.before) {
				id, _ := m.Tokenizer().Lookup(c.before[i : i+1])
				if err := cursor.Advance(id); err != nil {
					b.Fatal(err)
				}
			}
			return cursor
		}
		mask := func(b *testing.B, cursor *grammar.Cursor, budget int) {
			if _, err := cursor.Mask(budget); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(c.name+"/first", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				cursor := at()
				b.StartTimer()
				mask(b, cursor, 1000)
			}
		})
		b.Run(c.name+"/remembered", func(b *testing.B) {
			cursor := at()
			mask(b, cursor, 1000)
			b.ReportAllocs()
			for b.Loop() {
				mask(b, cursor, 1000)
			}
		})
		b.Run(c.name+"/lastTokens", func(b *testing.B) {
			cursor := at()
			mask(b, cursor, cursor.Left())
			b.ReportAllocs()
			for b.Loop() {
				mask(b, cursor, cursor.Left())
			}
		})
	}
}

// BenchmarkRestrict is the cost of excluding what a mask does not allow.
func BenchmarkRestrict(b *testing.B) {
	for name, word := range map[string]uint64{"none": 0, "half": 0x5555_5555_5555_5555, "all": ^uint64(0)} {
		b.Run(name, func(b *testing.B) {
			logits, bits := make([]float32, 262144), make([]uint64, 4096)
			for i := range bits {
				bits[i] = word
			}
			b.ReportAllocs()
			for b.Loop() {
				engine.Restrict(logits, bits)
			}
		})
	}
}

func BenchmarkGrammarIsPrepared(b *testing.B) {
	b.Run("vocabulary", func(b *testing.B) {
		_, m := realVocabulary(b)
		tok := m.Tokenizer()
		b.ReportAllocs()
		for b.Loop() {
			if _, err := grammar.NewVocabulary(tok.Size(), func(dst []byte, id int32) []byte { return tok.AppendPiece(dst, id, false) }, tok.Ends()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("schema", func(b *testing.B) {
		v, _ := realVocabulary(b)
		list := readSchemas(b)
		text := string(list[len(list)-1].Schema)
		b.ReportAllocs()
		for b.Loop() {
			g, err := grammar.FromJSONSchema(text)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := grammar.Bind(g, v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkConstrained is what a constrained token costs, by a free one: both
// decode as many tokens in one turn, in changing order. A grammar that the model
// has prepared remembers its masks; a new one works them out.
func BenchmarkConstrained(b *testing.B) {
	ids := make([]string, 200)
	for i := range ids {
		ids[i] = fmt.Sprintf(`"F%04d"`, 7*i)
	}
	schema := `{"title": "%d", "type": "array", "minItems": 3, "maxItems": 3, "items": {"type": "object", "properties": {
		"kind": {"enum": ["finding", "caveat"]}, "fact": {"enum": [` + strings.Join(ids, ", ") + `]},
		"sentence": {"type": "string", "pattern": "^[A-Za-z ,.]{20,80}$"}}, "required": ["kind", "fact", "sentence"]}}`
	m := openReal(b, engine.Options{Threads: 2, Numerics: tensor.Fast})
	for name, version := range map[string]func(int) int{"remembered": func(int) int { return 0 }, "new": func(turn int) int { return turn + 1 }} {
		b.Run(name, func(b *testing.B) {
			s := session(b, m)
			run := func(r engine.Request) engine.Result {
				r.PromptIDs, r.CachePrompt = prompt(16), true
				got, err := s.Generate(b.Context(), r, nil)
				if err != nil {
					b.Fatal(err)
				}
				return got
			}
			ask := func(version int) engine.Request {
				g, err := grammar.FromJSONSchema(fmt.Sprintf(schema, version))
				if err != nil {
					b.Fatal(err)
				}
				return engine.Request{MaxTokens: 200, Grammar: g}
			}
			tokens := len(run(ask(0)).IDs)
			var ratios, masks, ready []float64
			for turn := 0; b.Loop(); turn++ {
				free, bound := engine.Request{MaxTokens: tokens, IgnoreEOS: true}, ask(version(turn))
				var f, c engine.Result
				if turn%2 == 0 {
					f, c = run(free), run(bound)
				} else {
					c, f = run(bound), run(free)
				}
				step := c.Timing.Eval.Seconds() / float64(len(c.IDs)-1)
				ratios = append(ratios, step/(f.Timing.Eval.Seconds()/float64(len(f.IDs)-1)))
				masks = append(masks, c.Timing.Masks.Seconds()*1e6/float64(len(c.IDs)))
				ready = append(ready, c.Timing.Grammar.Seconds()*1e3)
			}
			b.ReportMetric(median(ratios), "by-free")
			b.ReportMetric(median(masks), "mask-µs/token")
			b.ReportMetric(median(ready), "ready-ms")
			b.ReportMetric(float64(tokens), "tokens")
		})
	}
}

func median(x []float64) float64 {
	slices.Sort(x)
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}
