package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"chimera/internal/digest"
	"chimera/internal/fault"
	"chimera/internal/synth"

	"github.com/spf13/cobra"
)

func (a *app) modelSynthCmd() *cobra.Command {
	var s synth.Spec
	var output string
	cmd := &cobra.Command{
		Use: "synth -o FILE", Short: "Write a model with seeded random weights: speed is real, text is noise", Args: cobra.NoArgs,
		Long: fmt.Sprintf(`Write a GGUF file with the shape of a real model and random weights. It measures as
fast as a trained model of its shape; what it says is noise, and the file says so.
The same flags give the same bytes.

Architectures: %s.
Sizes: %s.
Quantizations: %s.`,
			strings.Join(synth.Architectures(), ", "), strings.Join(synth.Sizes(synth.Architectures()[0]), ", "), strings.Join(synth.Quantizations(), ", ")),
		Example: "  chimera model synth --arch llama --size tiny --quant Q4_0 -o tiny.gguf\n  chimera model synth --arch gemma3 --width 640 --layers 18 -o mine.gguf",
		RunE: func(*cobra.Command, []string) error {
			if output == "" {
				return fault.With(errors.New("no output file given"), fault.Usage, "name it with -o, for example -o tiny.gguf")
			}
			if _, err := os.Stat(output); err == nil && !a.yes {
				return fault.With(fmt.Errorf("%s exists", output), fault.Usage, "choose another name, or give --yes to replace it")
			}
			if _, err := os.Stat(filepath.Dir(output)); err != nil {
				return fault.With(fmt.Errorf("there is no folder %s", filepath.Dir(output)), fault.Usage, "make it first, or choose another file with -o")
			}
			started := time.Now()
			if err := synth.Write(output, s); err != nil {
				return withHint(err, "`chimera model synth --help` lists what can be set")
			}
			row := describeFile(output)
			if a.json {
				return a.printJSON(row)
			}
			fmt.Fprintf(a.Stdout, "%s: %s, %s, %s parameters, %s, made in %s\n", output, row.Architecture, row.Quantization,
				countMillions(row.Parameters), sizeText(row.FileBytes), time.Since(started).Round(time.Millisecond))
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVarP(&output, "output", "o", "", "the file to write")
	f.StringVar(&s.Architecture, "arch", "llama", "architecture")
	f.StringVar(&s.Size, "size", "tiny", "named size; the flags below change parts of it")
	f.StringVar(&s.Quantization, "quant", "Q8_0", "block format or mixture of the weights")
	f.Uint64Var(&s.Seed, "seed", 1, "of the weights and the vocabulary")
	f.IntVar(&s.Layers, "layers", 0, "layers")
	f.IntVar(&s.Width, "width", 0, "width of the residual stream")
	f.IntVar(&s.Heads, "heads", 0, "query heads")
	f.IntVar(&s.KVHeads, "kv-heads", 0, "key-value heads")
	f.IntVar(&s.HeadDim, "head-dim", 0, "width of a head")
	f.IntVar(&s.FFN, "ffn", 0, "width of the feed-forward layer")
	f.IntVar(&s.Vocabulary, "vocabulary", 0, "tokens")
	f.IntVar(&s.Context, "trained-context", 0, "positions that the file claims to be trained for")
	return cmd
}

// variants are the models of `quickstart`: the second differs from the first
// in its quantization alone, the third from the second in its size alone.
var variants = []synth.Spec{
	{Architecture: "llama", Size: "small", Quantization: "F16", Seed: 1},
	{Architecture: "llama", Size: "small", Quantization: "Q8_0", Seed: 1},
	{Architecture: "llama", Size: "tiny", Quantization: "Q8_0", Seed: 1},
}

// quickstartModels makes the variants that are not there yet, and returns them
// as subjects.
func (a *app) quickstartModels(started time.Time) ([]any, error) {
	if err := os.MkdirAll(a.quickstartFolder(), 0o755); err != nil {
		return nil, fault.With(err, fault.Runtime, "point CHIMERA_CACHE to a folder that can be written")
	}
	var subjects []any
	made := 0
	for _, v := range variants {
		id, err := digest.JSON(v)
		if err != nil {
			return nil, err
		}
		name := strings.ToLower(v.Size + "-" + v.Quantization)
		file := name + "-" + digest.Short(id, 8) + ".gguf" // another recipe is another file
		path := filepath.Join(a.quickstartFolder(), file)
		if _, err := os.Stat(path); err != nil {
			if err := synth.Write(path, v); err != nil {
				return nil, err
			}
			made++
		}
		subjects = append(subjects, map[string]any{"id": name, "target": "engine", "model": "quickstart/" + file})
	}
	a.note("  models    %d synthetic variants, %d made now (speed is real, text is noise)  %s", len(variants), made, time.Since(started).Round(100*time.Millisecond))
	return subjects, nil
}
