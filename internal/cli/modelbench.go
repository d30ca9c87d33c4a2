package cli

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"chimera/internal/engine"
	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/tensor"
	"chimera/internal/unit"

	"github.com/spf13/cobra"
)

// rate is a measured rate in `model bench --json`.
type rate struct {
	Median float64             `json:"median"`
	Lo     sample.Opt[float64] `json:"lo,omitzero"`
	Hi     sample.Opt[float64] `json:"hi,omitzero"`
	N      int                 `json:"n"`
	Unit   unit.Unit           `json:"unit"`
	Note   string              `json:"note,omitempty"` // why there is no interval
}

// benchShape is the work of one repeat.
type benchShape struct{ prompt, gen, repeat int }

func (a *app) modelBenchCmd() *cobra.Command {
	var o engine.Options
	var shape benchShape
	var numerics string
	cmd := &cobra.Command{
		Use: "bench MODEL", Short: "Time prefill and decode of a model on the embedded engine", Args: cobra.ExactArgs(1),
		Long: `Time the embedded engine on random tokens: prefill rate over the whole prompt, decode
rate over the tokens after the first, both by the engine's own clock, without
tokenizing and sampling of text. One repeat before the first is not counted.`,
		Example: "  chimera model bench gemma.gguf --threads 2 --prompt 512 --gen 128\n  chimera model bench gemma.gguf --json | jq .decode_rate.median",
		RunE: func(cmd *cobra.Command, args []string) error {
			if shape.prompt < 1 || shape.gen < 2 || shape.repeat < 1 || shape.repeat > 10_000 {
				return fault.With(errors.New("--prompt must be at least 1, --gen at least 2, --repeat 1 to 10000"), fault.Usage, "the defaults are --prompt 512 --gen 128 --repeat 6")
			}
			if numerics != "fast" && numerics != "exact" {
				return fault.With(fmt.Errorf("unknown numerics %q", numerics), fault.Usage, "use --numerics fast or --numerics exact")
			}
			o.Numerics = map[string]tensor.Numerics{"fast": tensor.Fast, "exact": tensor.Exact}[numerics]
			o.Context = shape.prompt + shape.gen + 1
			m, err := engine.Open(args[0], o)
			if err != nil {
				return err
			}
			defer m.Close()
			ctx, stop := a.interruptible(cmd.Context())
			defer stop()
			prefill, decode, err := shape.measure(ctx, m)
			if err != nil {
				return err
			}
			return a.printBench(m, shape, prefill, decode)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Threads, "threads", 0, "worker threads (0 = one per core)")
	f.IntVar(&o.Batch, "batch", 0, "prompt tokens per forward pass (0 = the engine's default)")
	f.StringVar(&o.KVType, "kv-type", "", "f32, f16 or q8_0 (default: f16, or f32 with exact numerics)")
	f.StringVar(&numerics, "numerics", "fast", "fast: 8-bit activations; exact: float32 activations and KV cache")
	f.IntVar(&shape.prompt, "prompt", 512, "prompt length in tokens")
	f.IntVar(&shape.gen, "gen", 128, "tokens to generate")
	f.IntVar(&shape.repeat, "repeat", 6, "counted repeats; 6 is the fewest that give a median an interval")
	return cmd
}

// measure returns the rates of each repeat, in token/s.
func (b benchShape) measure(ctx context.Context, m *engine.Model) (prefill, decode []float64, err error) {
	session, err := m.NewSession()
	if err != nil {
		return nil, nil, err
	}
	random := rand.New(rand.NewPCG(1, uint64(b.prompt)))
	for i := range b.repeat + 1 {
		ids := make([]int32, b.prompt)
		for j := range ids {
			ids[j] = random.Int32N(int32(m.Info().Vocabulary))
		}
		r, err := session.Generate(ctx, engine.Request{PromptIDs: ids, MaxTokens: b.gen, IgnoreEOS: true}, nil)
		if err != nil {
			return nil, nil, err
		}
		if r.Finish == engine.Cancelled {
			return nil, nil, fault.With(errInterrupted, fault.Interrupted, "")
		}
		if i == 0 {
			continue // the first repeat warms caches and clocks
		}
		prefill = append(prefill, float64(r.PromptTokens)/r.Timing.PromptEval.Seconds())
		decode = append(decode, float64(len(r.IDs)-1)/r.Timing.Eval.Seconds())
	}
	return prefill, decode, nil
}

func rateOf(values []float64) (rate, error) {
	e, err := stats.MedianEstimate(values, 0.95)
	if err != nil {
		return rate{}, fault.With(err, fault.Invalid, "")
	}
	r := rate{Median: e.Value, N: e.N, Unit: unit.TokenPerSecond}
	if e.Interval != nil {
		r.Lo, r.Hi = sample.Some(e.Interval.Lo), sample.Some(e.Interval.Hi)
	}
	for _, w := range e.Warnings {
		r.Note = w.Message
	}
	return r, nil
}

func (a *app) printBench(m *engine.Model, shape benchShape, prefill, decode []float64) error {
	p, err := rateOf(prefill)
	if err != nil {
		return err
	}
	d, err := rateOf(decode)
	if err != nil {
		return err
	}
	info, o := m.Info(), m.Options()
	if a.json {
		return a.printJSON(map[string]any{
			"prefill_rate": p, "decode_rate": d, "model": info.Name, "sha256": m.Digest(), "quantization": info.Quantization,
			"synthetic": info.Synthetic, "threads": o.Threads, "batch": o.Batch, "kv_type": o.KVType,
			"prompt": shape.prompt, "gen": shape.gen, "weight_bytes": info.WeightBytes, "load_seconds": m.LoadTime().Seconds(),
		})
	}
	fmt.Fprintf(a.Stdout, "%s · %s · %s · %d threads · batch %d · KV %s\n\n", info.Architecture, info.Quantization, sizeText(info.FileBytes), o.Threads, o.Batch, o.KVType)
	t := newTable("test", ">token/s", "95 % interval of the median", ">n")
	for _, row := range []struct {
		name string
		r    rate
	}{{fmt.Sprintf("prefill %d", shape.prompt), p}, {fmt.Sprintf("decode %d", shape.gen), d}} {
		interval := row.r.Note
		if lo, ok := row.r.Lo.Get(); ok {
			interval = fmt.Sprintf("[%s, %s]", unit.Digits(lo, 3), unit.Digits(row.r.Hi.Or(0), 3))
		}
		t.row(row.name, unit.Digits(row.r.Median, 3), interval, fmt.Sprint(row.r.N))
	}
	t.write(a.Stdout, "  ", a.style())
	return nil
}
