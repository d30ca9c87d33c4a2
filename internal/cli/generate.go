package cli

import (
	"errors"
	"fmt"

	"chimera/internal/engine"
	"chimera/internal/fault"
	"chimera/internal/tensor"

	"github.com/spf13/cobra"
)

// generateLine is one JSON line of `model generate`.
type generateLine struct {
	Prompt        *string  `json:"prompt"`
	MaxTokens     int      `json:"max_tokens"`
	Temperature   float64  `json:"temperature"`
	TopK          int      `json:"top_k"`
	TopP          float64  `json:"top_p"`
	MinP          float64  `json:"min_p"`
	RepeatPenalty float64  `json:"repeat_penalty"`
	Seed          uint64   `json:"seed"`
	Stop          []string `json:"stop"`
	Logprobs      int      `json:"logprobs"` // k best of each step; log-probabilities are given for k ≥ 0 if asked for
	ForceIDs      []int32  `json:"force_ids"`
	IgnoreEOS     bool     `json:"ignore_eos"`
	language
}

const defaultGenerate = 128

const generateHint = "`chimera model generate --help` lists what can be set"

// generateAnswer is the answer to one line.
type generateAnswer struct {
	IDs          []int32        `json:"ids"`
	Text         string         `json:"text"`
	Finish       string         `json:"finish"`
	PromptTokens int            `json:"prompt_tokens"`
	Logprobs     []float64      `json:"logprobs,omitempty"`
	Top          [][][2]float64 `json:"top,omitempty"`     // per step: [id, log-probability], best first
	Allowed      []float64      `json:"allowed,omitempty"` // with a grammar: per step the log-probability of all that it allowed
}

func (a *app) modelGenerateCmd() *cobra.Command {
	var in generateLine
	var prompt, numerics, gbnf, schema string
	var threads, context int
	cmd := &cobra.Command{
		Use: "generate MODEL", Short: "Continue text with the embedded engine", Args: cobra.ExactArgs(1),
		Long: `Continue text. Without --prompt it reads JSON lines on standard input:
{"prompt": "…", "max_tokens": 16, "temperature": 0, "seed": 1, "logprobs": 5}
and answers each with
{"ids": [...], "text": "…", "logprobs": [...], "top": [[[id, logprob], …], …]}.
"force_ids": [...] scores a given continuation instead of choosing one.

--grammar (GBNF) and --json-schema make the text one of a language, whole and within
--max-tokens (docs/formats/grammar.md). A line may bring its own: "grammar": "…", or
"json_schema": {…}. Log-probabilities stay the model's own; "allowed" has that of all
tokens together that the grammar left at each step.`,
		Example: "  chimera model generate gemma.gguf --prompt 'A rare find:' --max-tokens 32\n  chimera model generate gemma.gguf --numerics exact < prompts.jsonl\n  chimera model generate gemma.gguf --prompt 'A cat as JSON:' --json-schema cat.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			everyLine, err := a.readLanguage(cmd, gbnf, schema)
			if err != nil {
				return err
			}
			m, err := openEngine(args[0], numerics, threads, context)
			if err != nil {
				return err
			}
			defer m.Close()
			session, err := m.NewSession()
			if err != nil {
				return err
			}
			ctx, stop := a.interruptible(cmd.Context())
			defer stop()
			ask := func(line generateLine, onToken func(engine.Token)) (any, error) {
				r, err := line.request()
				if err != nil {
					return nil, withHint(fault.With(err, fault.Usage, ""), generateHint)
				}
				if r.Grammar == nil {
					r.Grammar = everyLine
				}
				result, err := session.Generate(ctx, r, onToken)
				if err == nil && result.Finish == engine.Cancelled {
					err = fault.With(errors.New("interrupted"), fault.Interrupted, "")
				}
				return answerOf(result, r.Grammar != nil), withHint(err, generateHint)
			}
			if !cmd.Flags().Changed("prompt") {
				return eachLine(a, func(line generateLine) (any, error) { return ask(line, nil) })
			}
			in.Prompt = &prompt
			if a.json {
				answer, err := ask(in, nil)
				if err != nil {
					return err
				}
				return a.printJSON(answer)
			}
			begun := false
			_, err = ask(in, func(t engine.Token) { begun = true; fmt.Fprint(a.Stdout, t.Text) })
			if begun || err == nil {
				fmt.Fprintln(a.Stdout)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&prompt, "prompt", "", "the text to continue; without it, JSON lines on standard input")
	f.IntVar(&in.MaxTokens, "max-tokens", defaultGenerate, "stop after so many tokens")
	f.Float64Var(&in.Temperature, "temperature", 0, "0 is greedy")
	f.Uint64Var(&in.Seed, "seed", 1, "of the sampler")
	f.IntVar(&in.TopK, "top-k", 0, "keep the k best tokens (0 = all)")
	f.Float64Var(&in.TopP, "top-p", 1, "keep the fewest best tokens that reach this probability")
	f.Float64Var(&in.MinP, "min-p", 0, "keep tokens of at least this share of the best one's probability")
	f.Float64Var(&in.RepeatPenalty, "repeat-penalty", 1, "of recent tokens (1 = none)")
	f.StringArrayVar(&in.Stop, "stop", nil, "end before this string (may be given several times)")
	f.StringVar(&gbnf, "grammar", "", "a file with a GBNF grammar: the text is of its language")
	f.StringVar(&schema, "json-schema", "", "a file with a JSON Schema: the text is JSON that is valid under it")
	f.StringVar(&numerics, "numerics", "fast", "fast: 8-bit activations; exact: float32 activations and KV cache")
	f.IntVar(&threads, "threads", 0, "worker threads (0 = one per core)")
	f.IntVar(&context, "context", 0, "context in tokens (0 = trained, up to 4096)")
	return cmd
}

func openEngine(path, numerics string, threads, context int) (*engine.Model, error) {
	o := engine.Options{Threads: threads, Context: context}
	switch numerics {
	case "fast":
		o.Numerics = tensor.Fast
	case "exact":
		o.Numerics = tensor.Exact
	default:
		return nil, fault.With(fmt.Errorf("unknown numerics %q", numerics), fault.Usage, "use --numerics fast or --numerics exact")
	}
	return engine.Open(path, o)
}

func (l generateLine) request() (engine.Request, error) {
	switch {
	case l.Prompt == nil:
		return engine.Request{}, errors.New("a line needs \"prompt\"")
	case l.MaxTokens < 0:
		return engine.Request{}, fmt.Errorf("max_tokens must be at least 1, but is %d", l.MaxTokens)
	case l.Logprobs < 0 || l.Logprobs > 100:
		return engine.Request{}, fmt.Errorf("logprobs must be 0 to 100, but is %d", l.Logprobs)
	}
	g, err := l.parse()
	if err != nil {
		return engine.Request{}, err
	}
	budget := l.MaxTokens
	if budget == 0 {
		budget = defaultGenerate
	}
	return engine.Request{
		Prompt: *l.Prompt, MaxTokens: budget, Stop: l.Stop, ForceIDs: l.ForceIDs, IgnoreEOS: l.IgnoreEOS,
		Grammar: g, Scores: l.Logprobs > 0 || len(l.ForceIDs) > 0, Top: l.Logprobs,
		Sampling: engine.Sampling{Temperature: l.Temperature, TopK: l.TopK, TopP: l.TopP, MinP: l.MinP, RepeatPenalty: l.RepeatPenalty, Seed: l.Seed},
	}, nil
}

func answerOf(r engine.Result, constrained bool) generateAnswer {
	out := generateAnswer{IDs: append([]int32{}, r.IDs...), Text: r.Text, Finish: string(r.Finish), PromptTokens: r.PromptTokens}
	for _, s := range r.Scores {
		out.Logprobs = append(out.Logprobs, s.LogProb)
		if constrained {
			out.Allowed = append(out.Allowed, s.Allowed)
		}
		if len(s.Top) == 0 {
			continue
		}
		step := make([][2]float64, 0, len(s.Top))
		for _, c := range s.Top {
			step = append(step, [2]float64{float64(c.ID), c.LogProb})
		}
		out.Top = append(out.Top, step)
	}
	return out
}
