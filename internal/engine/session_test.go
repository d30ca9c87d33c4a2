package engine_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"chimera/internal/engine"
	"chimera/internal/fault"
	"chimera/internal/tokenizer"

	"github.com/google/go-cmp/cmp"
)

func generate(t testing.TB, s *engine.Session, r engine.Request) (engine.Result, []engine.Token) {
	t.Helper()
	var tokens []engine.Token
	out, err := s.Generate(t.Context(), r, func(x engine.Token) { tokens = append(tokens, x) })
	if err != nil {
		t.Fatal(err)
	}
	if len(tokens) != len(out.IDs) {
		t.Fatalf("%d tokens were told of %d", len(tokens), len(out.IDs))
	}
	text := ""
	for i, x := range tokens {
		text += x.Text
		if x.ID != out.IDs[i] || (i > 0 && x.At < tokens[i-1].At) || (x.Score != nil) != (r.Scores || r.ForceIDs != nil) {
			t.Errorf("token %d = %+v", i, x)
		}
	}
	if text != out.Text {
		t.Errorf("pieces %q are not the text %q", text, out.Text)
	}
	return out, tokens
}

func TestGenerateReportsWhatItDid(t *testing.T) {
	m := newTiny("gemma3").open(t, engine.Options{Threads: 2, Batch: 4})
	s := session(t, m)
	r, tokens := generate(t, s, engine.Request{Prompt: "hello", MaxTokens: 10, IgnoreEOS: true})
	if r.PromptTokens != 6 || r.CachedTokens != 0 || len(r.IDs) != 10 || r.Finish != engine.Length || r.Scores != nil {
		t.Errorf("result = %+v", r)
	}
	timing := r.Timing
	if timing.Load != m.LoadTime() || timing.Load <= 0 || timing.PromptEval <= 0 || timing.Eval <= 0 || timing.Total < timing.PromptEval+timing.Eval {
		t.Errorf("timing = %+v", timing)
	}
	if span := tokens[9].At - tokens[0].At; span != timing.Eval {
		t.Errorf("eval spans %v, but the first and the last token are %v apart", timing.Eval, span)
	}
	one, _ := generate(t, s, engine.Request{Prompt: "hello", MaxTokens: 1})
	if one.Timing.Eval != 0 || one.IDs[0] != r.IDs[0] {
		t.Errorf("one token: %+v", one)
	}
}

func TestPromptsAreReusedOnlyOnRequest(t *testing.T) {
	m := newTiny("llama").open(t, engine.Options{Threads: 1})
	s := session(t, m)
	first, _ := generate(t, s, engine.Request{Prompt: "abcdef", MaxTokens: 5, IgnoreEOS: true})
	for _, c := range []struct {
		name, prompt string
		reuse        bool
		cached       int
	}{
		{"not asked for", "abcdef", false, 0},
		{"the same prompt: its last token is evaluated again", "abcdef", true, 6},
		{"a common beginning", "abcxyz", true, 4},
		{"nothing but BOS in common", "xyz", true, 1},
	} {
		warm, _ := generate(t, s, engine.Request{Prompt: c.prompt, MaxTokens: 5, IgnoreEOS: true, CachePrompt: c.reuse})
		if warm.CachedTokens != c.cached {
			t.Errorf("%s: %d tokens cached, want %d", c.name, warm.CachedTokens, c.cached)
		}
		cold, _ := generate(t, session(t, m), engine.Request{Prompt: c.prompt, MaxTokens: 5, IgnoreEOS: true})
		if !slices.Equal(warm.IDs, cold.IDs) {
			t.Errorf("%s: reuse changed the continuation: %v, %v", c.name, warm.IDs, cold.IDs)
		}
		if c.prompt == "abcdef" && !slices.Equal(warm.IDs, first.IDs) {
			t.Errorf("%s: %v, at first %v", c.name, warm.IDs, first.IDs)
		}
	}
}

func TestContextIsNeverExceeded(t *testing.T) {
	m := newTiny("llama").open(t, engine.Options{Threads: 1, Context: 16})
	s := session(t, m)
	long := strings.Repeat("x", 16) // 17 tokens with BOS
	for _, c := range []struct {
		r    engine.Request
		want string
	}{
		{engine.Request{Prompt: long}, "the prompt has 17 tokens and 0 more are asked for, but the context holds 16"},
		{engine.Request{Prompt: "abc", MaxTokens: 14}, "the prompt has 4 tokens and 14 more are asked for"},
		{engine.Request{Prompt: "abc", MaxTokens: 1 << 60}, "are asked for"},
		{engine.Request{Prompt: "abc", ForceIDs: make([]int32, 14)}, "14 more are asked for"},
	} {
		_, err := s.Generate(t.Context(), c.r, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || fault.CodeOf(err) != fault.Usage || fault.HintOf(err) == "" {
			t.Errorf("error = %v, want %q", err, c.want)
		}
	}
	// The last token is chosen and never evaluated: 4 + 12 positions, 13 tokens.
	for _, limit := range []int{0, 13} {
		if r, _ := generate(t, s, engine.Request{Prompt: "abc", MaxTokens: limit, IgnoreEOS: true}); len(r.IDs) != 13 || r.Finish != engine.Length {
			t.Errorf("limit %d: %d tokens, %s", limit, len(r.IDs), r.Finish)
		}
	}
	if r, _ := generate(t, s, engine.Request{Prompt: long[:15], IgnoreEOS: true}); len(r.IDs) != 1 {
		t.Errorf("a full context leaves %d tokens", len(r.IDs))
	}
}

func TestWrongRequestsAreRefused(t *testing.T) {
	s := session(t, newTiny("llama").open(t, engine.Options{Threads: 1}))
	for _, c := range []struct {
		r    engine.Request
		want string
	}{
		{engine.Request{Prompt: "a", PromptIDs: []int32{1}}, "both as text and as ids"},
		{engine.Request{PromptIDs: []int32{}}, "the prompt has no tokens"},
		{engine.Request{PromptIDs: []int32{1, 259}}, "id 259 at 1 is outside the vocabulary of 259"},
		{engine.Request{PromptIDs: []int32{-1}}, "id -1"},
		{engine.Request{Prompt: "a", MaxTokens: -1}, "must not be negative, but is -1"},
		{engine.Request{Prompt: "a", Stop: []string{"x", ""}}, "stop string 1 is empty"},
		{engine.Request{Prompt: "a", Scores: true, Top: 101}, "0 to 100, but is 101"},
		{engine.Request{Prompt: "a", Top: 1}, "without scores"},
		{engine.Request{Prompt: "a", ForceIDs: []int32{}}, "the continuation to score is empty"},
		{engine.Request{Prompt: "a", ForceIDs: []int32{300}}, "continuation to score: id 300"},
		{engine.Request{Prompt: "a", Sampling: engine.Sampling{Temperature: -1}}, "the temperature must be 0 to 100, but is -1"},
		{engine.Request{Prompt: "a", Sampling: engine.Sampling{TopK: -1}}, "top-k"},
		{engine.Request{Prompt: "a", Sampling: engine.Sampling{TopP: 1.5}}, "top-p must be 0 to 1, but is 1.5"},
		{engine.Request{Prompt: "a", Sampling: engine.Sampling{MinP: -0.5}}, "min-p"},
		{engine.Request{Prompt: "a", Sampling: engine.Sampling{RepeatPenalty: -1}}, "repeat penalty"},
		{engine.Request{Prompt: "a", Sampling: engine.Sampling{RepeatLastN: -1}}, "look back"},
	} {
		if _, err := s.Generate(t.Context(), c.r, nil); err == nil || !strings.Contains(err.Error(), c.want) || fault.CodeOf(err) != fault.Usage {
			t.Errorf("error = %v, want %q", err, c.want)
		}
	}
}

func TestCancellationStopsWithinAToken(t *testing.T) {
	s := session(t, newTiny("llama").open(t, engine.Options{Threads: 1}))
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	r, err := s.Generate(ctx, engine.Request{Prompt: "abc", IgnoreEOS: true}, func(engine.Token) {
		if seen++; seen == 3 {
			cancel()
		}
	})
	if err != nil || r.Finish != engine.Cancelled || len(r.IDs) != 3 || seen != 3 {
		t.Errorf("%+v, %v after %d tokens", r, err, seen)
	}
	r, err = s.Generate(ctx, engine.Request{Prompt: "abc"}, nil)
	if err != nil || r.Finish != engine.Cancelled || len(r.IDs) != 0 || r.PromptTokens != 4 {
		t.Errorf("before the prompt: %+v, %v", r, err)
	}
	if again, _ := generate(t, s, engine.Request{Prompt: "abc", MaxTokens: 3, IgnoreEOS: true, CachePrompt: true}); len(again.IDs) != 3 {
		t.Error("a cancelled session must stay usable")
	}
}

// An end token ends the text, is counted, and has no text.
func TestEndTokenEnds(t *testing.T) {
	m := newTiny("llama")
	// Make </s> the best token everywhere: a head row along every other row's mean
	// would be chance, a final norm of zero but for one element is not.
	n := m.tensors["output_norm.weight"].data
	clear(n)
	n[0] = 1
	head := m.tensors["output.weight"]
	for id := range tinyVocab {
		clear(head.data[id*tinyWidth : (id+1)*tinyWidth])
	}
	s := session(t, m.open(t, engine.Options{Threads: 1}))
	// All logits are equal now: the smallest id wins, and <unk> is id 0.
	r, _ := generate(t, s, engine.Request{Prompt: "a", MaxTokens: 2})
	if !slices.Equal(r.IDs, []int32{0, 0}) || r.Text != "" {
		t.Fatalf("flat logits: %+v", r)
	}
	head.data[2*tinyWidth] = 100 // sign of the stream decides, so give the opposite to another token
	head.data[(firstByte+'q')*tinyWidth] = -100
	s = session(t, m.open(t, engine.Options{Threads: 1}))
	ended, plain := 0, 0
	for b := range 256 {
		r, tokens := generate(t, s, engine.Request{PromptIDs: []int32{1, int32(firstByte + b)}, MaxTokens: 1})
		switch r.IDs[0] {
		case 2:
			ended++
			if r.Finish != engine.Stopped || r.Text != "" || !tokens[0].End {
				t.Fatalf("end token: %+v", r)
			}
			ignored, _ := generate(t, s, engine.Request{PromptIDs: []int32{1, int32(firstByte + b)}, MaxTokens: 1, IgnoreEOS: true})
			if ignored.IDs[0] == 2 || ignored.Finish != engine.Length {
				t.Fatalf("ignored end token: %+v", ignored)
			}
		case firstByte + 'q':
			plain++
			if r.Finish != engine.Length || r.Text != "q" || tokens[0].End {
				t.Fatalf("plain token: %+v", r)
			}
		}
	}
	if ended == 0 || plain == 0 || ended+plain != 256 {
		t.Errorf("%d ended, %d did not", ended, plain)
	}
}

func TestStopStringsEndTheText(t *testing.T) {
	m := newTiny("llama").open(t, engine.Options{Threads: 1})
	s := session(t, m)
	ids := m.Tokenizer().Encode("one two <stop> three", tokenizer.Options{})
	// A forced continuation ignores stop strings; it shows what would be cut.
	whole, _ := generate(t, s, engine.Request{Prompt: "a", ForceIDs: ids, Stop: []string{"two"}})
	if whole.Text != "one two <stop> three" || whole.Finish != engine.Length || len(whole.Scores) != len(ids) {
		t.Fatalf("forced: %+v", whole)
	}
	free, _ := generate(t, s, engine.Request{Prompt: "a", MaxTokens: 12, IgnoreEOS: true})
	cutAt := len(free.Text) / 2
	for cutAt > 0 && free.Text[cutAt]&0xC0 == 0x80 {
		cutAt--
	}
	stop := free.Text[cutAt:min(len(free.Text), cutAt+3)]
	cut, _ := generate(t, s, engine.Request{Prompt: "a", MaxTokens: 12, IgnoreEOS: true, Stop: []string{stop}})
	want, _, _ := strings.Cut(free.Text, stop)
	if cut.Text != want || cut.Finish != engine.Stopped {
		t.Errorf("stop %q: text %q, finish %s; want %q of %q", stop, cut.Text, cut.Finish, want, free.Text)
	}
}

func TestSamplingIsSeeded(t *testing.T) {
	s := session(t, newTiny("gemma3").open(t, engine.Options{Threads: 2}))
	run := func(seed uint64, edit func(*engine.Sampling)) []int32 {
		sampling := engine.Sampling{Temperature: 1.5, Seed: seed}
		if edit != nil {
			edit(&sampling)
		}
		r, _ := generate(t, s, engine.Request{Prompt: "abc", MaxTokens: 20, IgnoreEOS: true, Sampling: sampling})
		return r.IDs
	}
	a := run(1, nil)
	if d := cmp.Diff(a, run(1, nil)); d != "" {
		t.Error("the same seed gave another text:", d)
	}
	if slices.Equal(a, run(2, nil)) {
		t.Error("another seed gave the same text")
	}
	greedy := run(1, func(s *engine.Sampling) { s.Temperature = 0 })
	for name, edit := range map[string]func(*engine.Sampling){
		"top-k 1":       func(s *engine.Sampling) { s.TopK = 1 },
		"a tiny top-p":  func(s *engine.Sampling) { s.TopP = 1e-9 },
		"min-p 1":       func(s *engine.Sampling) { s.MinP = 1 },
		"a cold sample": func(s *engine.Sampling) { s.Temperature = 1e-6 },
	} {
		if d := cmp.Diff(greedy, run(7, edit)); d != "" {
			t.Errorf("%s must be greedy: %s", name, d)
		}
	}
	punished := run(1, func(s *engine.Sampling) { s.Temperature, s.RepeatPenalty, s.RepeatLastN = 0, 100, 1000 })
	if seen := slices.Compact(slices.Sorted(slices.Values(punished))); len(seen) != 20 {
		t.Errorf("a huge repeat penalty left repeats: %v", punished)
	}
}

// The reported score is the model's opinion, whatever sampling did to it.
func TestScoresIgnoreSampling(t *testing.T) {
	s := session(t, newTiny("llama").open(t, engine.Options{Threads: 1}))
	r, _ := generate(t, s, engine.Request{Prompt: "abc", MaxTokens: 8, IgnoreEOS: true, Scores: true, Top: 5,
		Sampling: engine.Sampling{Temperature: 2, TopK: 50, RepeatPenalty: 1.5, Seed: 3}})
	forced, _ := generate(t, s, engine.Request{Prompt: "abc", ForceIDs: r.IDs, Scores: true, Top: 5})
	if d := cmp.Diff(forced.Scores, r.Scores); d != "" {
		t.Error(d)
	}
}

func TestSessionsShareAModel(t *testing.T) {
	m := newTiny("gemma3").open(t, engine.Options{Threads: 2, Batch: 4})
	prompts := []string{"one", "another prompt", "x", "the last of them"}
	want := make([][]int32, len(prompts))
	for i, p := range prompts {
		r, _ := generate(t, session(t, m), engine.Request{Prompt: p, MaxTokens: 15, IgnoreEOS: true})
		want[i] = r.IDs
	}
	got := make([][]int32, len(prompts))
	var wg sync.WaitGroup
	for i, p := range prompts {
		s := session(t, m)
		wg.Go(func() {
			r, err := s.Generate(t.Context(), engine.Request{Prompt: p, MaxTokens: 15, IgnoreEOS: true}, nil)
			if err != nil {
				t.Error(err)
			}
			got[i] = r.IDs
		})
	}
	wg.Wait()
	if d := cmp.Diff(want, got); d != "" {
		t.Error("sessions at once differ from sessions apart:", d)
	}
}

func TestAClosedModelRefuses(t *testing.T) {
	m := newTiny("llama").open(t, engine.Options{Threads: 2})
	s := session(t, m)
	if _, err := s.Generate(t.Context(), engine.Request{Prompt: "a", IgnoreEOS: true}, func(x engine.Token) {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}); err == nil || !strings.Contains(err.Error(), "the model is closed") {
		t.Errorf("error = %v", err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

func TestInfo(t *testing.T) {
	tm := newTiny("gemma3")
	tm.meta["general.name"] = "small thing"
	tm.meta[engine.SyntheticKey] = true
	tm.meta["tokenizer.chat_template"] = "{{ x }}"
	m := tm.open(t, engine.Options{Threads: 1, Context: 10, KVType: "f16"})
	got := m.Info()
	parameters := int64(0)
	for _, x := range tm.tensors {
		parameters += int64(len(x.data))
	}
	want := engine.Info{Name: "small thing", Architecture: "gemma3", Layers: 3, Width: 16, Heads: 4, KVHeads: 2, HeadDim: 8,
		FFN: 24, Vocabulary: tinyVocab, Context: 64, Parameters: parameters, Quantization: "mostly F32", TiedHead: true,
		FileBytes: got.FileBytes, WeightBytes: 4 * parameters, CacheBytes: 2 * 3 * 10 * 16 * 2, Synthetic: true, ChatTemplate: true, BOS: 1, EOS: 2}
	if d := cmp.Diff(want, got); d != "" || got.FileBytes <= got.WeightBytes || len(m.Digest()) != 64 {
		t.Error(d, got.FileBytes)
	}
	if o := m.Options(); o.Batch != 10 || o.Threads != 1 || o.Context != 10 {
		t.Errorf("options in effect = %+v", o)
	}
}

// A decode step must not allocate per token beyond what it hands out.
func TestDecodingAllocatesLittle(t *testing.T) {
	s := session(t, newTiny("gemma3").open(t, engine.Options{Threads: 2}))
	run := func(n int) float64 {
		return testing.AllocsPerRun(5, func() {
			if _, err := s.Generate(t.Context(), engine.Request{PromptIDs: []int32{1}, MaxTokens: n, IgnoreEOS: true, CachePrompt: true}, nil); err != nil {
				t.Fatal(err)
			}
		})
	}
	if perToken := (run(44) - run(4)) / 40; perToken > 3 {
		t.Errorf("%.1f allocations per token", perToken)
	}
}

// The byte-level kind of vocabulary comes from the file's merges and pattern.
func TestByteLevelVocabulary(t *testing.T) {
	tm := newTiny("llama")
	// 256 bytes in GPT-2's characters, "ab", and two specials: as many as rows.
	var tokens []string
	next := rune(256)
	for b := range rune(256) {
		if b > ' ' && b < 0x7F || b > 0xA0 && b != 0xAD {
			tokens = append(tokens, string(b))
			continue
		}
		tokens = append(tokens, string(next))
		next++
	}
	tokens = append(tokens, "ab", "<start>", "<|eot_id|>")
	types := make([]int32, len(tokens))
	for i := range types {
		types[i] = int32(tokenizer.Normal)
	}
	types[257], types[258] = int32(tokenizer.Control), int32(tokenizer.Control)
	for k, v := range map[string]any{"model": "gpt2", "tokens": tokens, "token_type": types, "merges": []string{"a b"},
		"pre": "llama-bpe", "bos_token_id": uint32(257), "eos_token_id": uint32(258), "add_bos_token": true} {
		tm.meta["tokenizer.ggml."+k] = v
	}
	delete(tm.meta, "tokenizer.ggml.scores")
	m := tm.open(t, engine.Options{Threads: 1})
	want := []int32{257, 256, 'c', tokenID(tokens, "\u0120"), 258}
	if d := cmp.Diff(want, m.Tokenizer().Encode("abc <|eot_id|>", tokenizer.Options{AddSpecial: true, ParseSpecial: true})); d != "" {
		t.Error(d)
	}
	r, _ := generate(t, session(t, m), engine.Request{Prompt: "abc", MaxTokens: 5, IgnoreEOS: true})
	if r.PromptTokens != 3 || len(r.IDs) != 5 {
		t.Errorf("result = %+v", r)
	}
	delete(tm.meta, "tokenizer.ggml.pre")
	if _, err := engine.Open(tm.write(t), engine.Options{}); err == nil || !strings.Contains(err.Error(), "key tokenizer.ggml.pre is missing") {
		t.Errorf("without a pattern: %v", err)
	}
}

func tokenID(tokens []string, text string) int32 { return int32(slices.Index(tokens, text)) }
