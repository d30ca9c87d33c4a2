package engine_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"chimera/internal/engine"
	"chimera/internal/fault"
	"chimera/internal/grammar"
	"chimera/internal/tensor"
)

type namedSchema struct {
	Name   string
	Schema json.RawMessage
}

func readSchemas(t testing.TB) (list []namedSchema) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "grammar", "testdata", "schemas.json"))
	if err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil || len(list) < 30 {
		t.Fatalf("%d schemas: %v", len(list), err)
	}
	return list
}

func (s namedSchema) grammar(t testing.TB) *grammar.Grammar {
	t.Helper()
	g, err := grammar.FromJSONSchema(string(s.Schema))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// validate checks a text with a validator that is not ours.
func (s namedSchema) validate(t testing.TB, text string) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(s.Schema)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	answer, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err == nil {
		err = schema.Validate(answer)
	}
	if err != nil {
		t.Errorf("%s: %s\n%v", s.Name, text, err)
	}
}

// byteLevel gives the model the vocabulary of GPT-2's kind: all bytes and a few
// tokens of several, one of which cuts a rune in two.
func (m *tiny) byteLevel() *tiny {
	tokens, types := []string{"<|endoftext|>", "<s>", "</s>"}, []int32{3, 3, 3}
	next := rune(256)
	for b := range rune(256) {
		if b <= ' ' || b >= 0x7F && b <= 0xA0 || b == 0xAD {
			tokens = append(tokens, string(next))
			next++
		} else {
			tokens = append(tokens, string(b))
		}
		types = append(types, 1)
	}
	m.meta["tokenizer.ggml.model"], m.meta["tokenizer.ggml.pre"] = "gpt2", "gpt-2"
	m.meta["tokenizer.ggml.tokens"], m.meta["tokenizer.ggml.token_type"] = tokens, types
	m.meta["tokenizer.ggml.merges"] = []string{"a b"}
	tokens[firstByte+0xFF] = "ab" // in place of a byte that no text has
	m.meta["tokenizer.ggml.unknown_token_id"] = uint32(0)
	return m
}

// A model of random weights says nothing, and says it in valid JSON: whatever
// the schema, the sampling and the budget.
func TestEveryAnswerFollowsItsSchema(t *testing.T) {
	llama, gemma := newTiny("llama"), newTiny("gemma3").byteLevel()
	for _, m := range []*tiny{llama, gemma} {
		m.meta[m.arch+".context_length"] = uint32(512)
		t.Run(m.arch, func(t *testing.T) {
			s := session(t, m.open(t, engine.Options{Threads: 1}))
			for i, schema := range readSchemas(t) {
				for j, sampling := range []engine.Sampling{{}, {Temperature: 1.5, TopP: 0.9, MinP: 0.02}, {Temperature: 5, TopK: 7, RepeatPenalty: 1.3}} {
					sampling.Seed = uint64(i)
					r, err := s.Generate(t.Context(), engine.Request{Prompt: "Answer:", MaxTokens: 120, Sampling: sampling, Grammar: schema.grammar(t)}, nil)
					if err != nil {
						t.Fatalf("%s: %v", schema.Name, err)
					}
					if r.Finish != engine.Stopped || len(r.IDs) > 120 {
						t.Errorf("%s: %d tokens, finish %s", schema.Name, len(r.IDs), r.Finish)
					}
					schema.validate(t, r.Text)
					if j == 0 && r.Timing.Masks <= 0 {
						t.Errorf("the masks took %v", r.Timing.Masks)
					}
				}
			}
		})
	}
}

func TestTheSmallestBudgetIsEnough(t *testing.T) {
	m := newTiny("llama").open(t, engine.Options{Threads: 1})
	s := session(t, m)
	schema := namedSchema{"list", json.RawMessage(`{"type":"array","items":{"type":"integer","minimum":10},"minItems":2}`)}
	for budget, want := range map[int]string{7: "the shortest text of the grammar needs up to 8 tokens with its end, but at most 7 may come", 8: "", 9: "", 30: ""} {
		r, err := s.Generate(t.Context(), engine.Request{Prompt: "x", MaxTokens: budget, Grammar: schema.grammar(t)}, nil)
		if want != "" {
			if err == nil || err.Error() != want || fault.CodeOf(err) != fault.Usage || fault.HintOf(err) == "" {
				t.Errorf("%d tokens: %v", budget, err)
			}
			continue
		}
		if err != nil || r.Finish != engine.Stopped || len(r.IDs) > budget {
			t.Fatalf("%d tokens: %+v, %v", budget, r, err)
		}
		schema.validate(t, r.Text)
	}
	_, err := s.Generate(t.Context(), engine.Request{Prompt: strings.Repeat("x", 60), Grammar: schema.grammar(t)}, nil)
	if err == nil || !strings.Contains(err.Error(), "at most 4 may come") {
		t.Errorf("at the end of the context: %v", err)
	}
}

func TestGrammarsThatCannotBeKeptAreRefused(t *testing.T) {
	s := session(t, newTiny("llama").open(t, engine.Options{Threads: 1}))
	g := namedSchema{"", json.RawMessage(`{"type":"null"}`)}.grammar(t)
	for want, r := range map[string]engine.Request{
		"end tokens cannot be ignored":             {IgnoreEOS: true},
		"a stop string could cut":                  {Stop: []string{"}"}},
		"a given continuation is scored as it is:": {ForceIDs: []int32{5}},
	} {
		r.Prompt, r.Grammar = "x", g
		if _, err := s.Generate(t.Context(), r, nil); err == nil || !strings.Contains(err.Error(), want) || fault.CodeOf(err) != fault.Usage {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// Scores are the model's own, and Allowed is the probability that the grammar
// left: together they give the distribution that was sampled from.
func TestScoresTellWhatTheGrammarLeft(t *testing.T) {
	m := newTiny("llama")
	s := session(t, m.open(t, engine.Options{Threads: 1, Numerics: tensor.Exact}))
	g, err := grammar.ParseGBNF(`root ::= [ab] "c" [d-f]`)
	if err != nil {
		t.Fatal(err)
	}
	prompt := []int32{1, firstByte + 'x'}
	r, err := s.Generate(t.Context(), engine.Request{PromptIDs: prompt, Grammar: g, Scores: true, Top: 3}, nil)
	if err != nil || len(r.IDs) != 4 {
		t.Fatalf("%+v, %v", r, err)
	}
	own := m.logProbs(append(prompt, r.IDs...))
	for i, allowed := range []string{"ab", "c", "def"} {
		dist := own[len(prompt)-1+i]
		sum, best := 0.0, int32(-1)
		for _, c := range allowed {
			id := firstByte + c
			sum += math.Exp(dist[id])
			if best < 0 || dist[id] > dist[best] {
				best = id
			}
		}
		score := r.Scores[i]
		if r.IDs[i] != best || math.Abs(score.LogProb-dist[best]) > 1e-3 || math.Abs(score.Allowed-math.Log(sum)) > 1e-3 || len(score.Top) != 3 {
			t.Errorf("step %d: token %d with %+v, want %d with %.4f of %.4f", i, r.IDs[i], score, best, dist[best], math.Log(sum))
		}
	}
	free, err := s.Generate(t.Context(), engine.Request{PromptIDs: prompt, Scores: true, MaxTokens: 2}, nil)
	if err != nil || free.Scores[0].Allowed != 0 || free.Timing.Masks != 0 || free.Timing.Grammar != 0 {
		t.Errorf("without a grammar: %+v, %v", free, err)
	}
}

// Samples with a grammar are of the model's distribution over what is allowed.
func TestSamplingIsRenormalised(t *testing.T) {
	m := newTiny("llama")
	s := session(t, m.open(t, engine.Options{Threads: 1, Numerics: tensor.Exact}))
	g, err := grammar.ParseGBNF(`root ::= [a-d]`)
	if err != nil {
		t.Fatal(err)
	}
	prompt := []int32{1, firstByte + 'q'}
	dist := m.logProbs(prompt)[1]
	total := 0.0
	for c := range int32(4) {
		total += math.Exp(dist[firstByte+'a'+c])
	}
	const n = 4000
	counts := map[int32]float64{}
	for seed := range uint64(n) {
		r, err := s.Generate(t.Context(), engine.Request{PromptIDs: prompt, CachePrompt: true, MaxTokens: 2, Grammar: g, Sampling: engine.Sampling{Temperature: 1, Seed: seed}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		counts[r.IDs[0]]++
	}
	for c := range int32(4) {
		p := math.Exp(dist[firstByte+'a'+c]) / total
		if sd := math.Sqrt(p * (1 - p) / n); math.Abs(counts[firstByte+'a'+c]/n-p) > 5*sd {
			t.Errorf("%c: %.4f of the samples, want %.4f ± %.4f", 'a'+c, counts[firstByte+'a'+c]/n, p, sd)
		}
	}
}

// More grammars than a model keeps prepared, in turn and again.
func TestGrammarsComeAndGo(t *testing.T) {
	s := session(t, newTiny("llama").open(t, engine.Options{Threads: 1}))
	for i := range 30 {
		text := fmt.Sprintf("{%d}", i%11)
		g, err := grammar.ParseGBNF(fmt.Sprintf("root ::= %q", text))
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Generate(t.Context(), engine.Request{Prompt: "x", Grammar: g}, nil)
		if err != nil || r.Text != text {
			t.Fatalf("%q, %v", r.Text, err)
		}
	}
}

// The real model fills in a form: every answer is valid, and greedy choices are
// the best of what is allowed.
func TestRealModelFollowsSchemas(t *testing.T) {
	m := openReal(t, engine.Options{Numerics: tensor.Fast, Context: 1024})
	s := session(t, m)
	prompts := []string{"A person as JSON: ", "<start_of_turn>user\nDescribe a cat in JSON.<end_of_turn>\n<start_of_turn>model\n"}
	r := rand.New(rand.NewPCG(3, 4))
	for i, schema := range readSchemas(t) {
		budget := 100 + r.IntN(60)
		got, err := s.Generate(t.Context(), engine.Request{Prompt: prompts[i%2], ParseSpecial: true, CachePrompt: true, MaxTokens: budget, Grammar: schema.grammar(t),
			Scores: true, Sampling: engine.Sampling{Temperature: float64(i%3) / 2, Seed: uint64(i)}}, nil)
		if err != nil {
			t.Fatalf("%s: %v", schema.Name, err)
		}
		if got.Finish != engine.Stopped || len(got.IDs) > budget {
			t.Errorf("%s: %d of %d tokens, finish %s", schema.Name, len(got.IDs), budget, got.Finish)
		}
		schema.validate(t, got.Text)
		left := 0.0
		for _, score := range got.Scores {
			left += score.Allowed
		}
		t.Logf("%-40s %s\n  %d tokens, masks %v, ready in %v, ln P(allowed) %.1f", schema.Name, got.Text, len(got.IDs), got.Timing.Masks, got.Timing.Grammar, left)
	}
}
