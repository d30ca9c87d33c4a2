package cli

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"chimera/internal/engine"
	"chimera/internal/fault"
	"chimera/internal/gguf"
	"chimera/internal/tokenizer"
	"chimera/internal/unit"

	"github.com/spf13/cobra"
)

func (a *app) modelCmd() *cobra.Command {
	return group("model", "Inspect, make and run model files with the embedded engine",
		a.modelLsCmd(), a.modelInspectCmd(), a.modelSynthCmd(), a.modelTokenizeCmd(), a.modelGenerateCmd(), a.modelBenchCmd())
}

// modelRow is one model file for `model ls`.
type modelRow struct {
	Path         string `json:"path"`
	Architecture string `json:"architecture,omitempty"`
	Quantization string `json:"quantization,omitempty"`
	Parameters   int64  `json:"parameters,omitempty"`
	FileBytes    int64  `json:"file_bytes,omitempty"`
	Synthetic    bool   `json:"synthetic,omitempty"`
	Error        string `json:"error,omitempty"`
}

func (a *app) modelLsCmd() *cobra.Command {
	return &cobra.Command{
		Use: "ls [DIR]", Short: "List the GGUF files of a folder", Args: cobra.MaximumNArgs(1),
		Long:    "List the GGUF files in a folder and below it. Without DIR: the models that chimera made itself.",
		Example: "  chimera model ls\n  chimera model ls ~/models --json",
		RunE: func(_ *cobra.Command, args []string) error {
			folder := a.modelDir()
			if len(args) == 1 {
				folder = args[0]
				if _, err := os.Stat(folder); err != nil {
					return fault.With(err, fault.Usage, "name a folder that exists")
				}
			}
			rows, err := listModels(folder)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]any{"folder": folder, "models": rows})
			}
			if len(rows) == 0 {
				fmt.Fprintf(a.Stdout, "no GGUF files in %s\n", folder)
				a.note("hint: `chimera model synth --size tiny -o tiny.gguf` makes one")
				return nil
			}
			t := newTable("file", "architecture", "quantization", ">parameters", ">size", "note")
			for _, r := range rows {
				note := clip(strings.TrimPrefix(r.Error, "model file "+r.Path+": "), 72)
				if r.Synthetic {
					note = "synthetic"
				}
				path, err := filepath.Rel(folder, r.Path)
				if err != nil {
					path = r.Path
				}
				t.row(path, r.Architecture, r.Quantization, countMillions(r.Parameters), sizeText(r.FileBytes), note)
			}
			fmt.Fprintf(a.Stdout, "in %s\n", folder)
			t.write(a.Stdout, "  ", a.style())
			return nil
		},
	}
}

func sizeText(n int64) string {
	if n == 0 {
		return ""
	}
	return unit.Byte.Format(float64(n))
}

func countMillions(n int64) string {
	if n == 0 {
		return ""
	}
	return unit.Digits(float64(n)/1e6, 3) + " M"
}

// modelDir is where `quickstart` keeps its models, and where native targets
// without a folder of their own look first.
func (a *app) modelDir() string { return filepath.Join(a.cacheDir(), "models") }

const maxListed = 10_000

func listModels(folder string) ([]modelRow, error) {
	rows := []modelRow{}
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			if path == folder && errors.Is(err, os.ErrNotExist) {
				return filepath.SkipAll
			}
			return nil // an unreadable subfolder is not this listing's business
		}
		if d.IsDir() || !strings.EqualFold(filepath.Ext(path), ".gguf") {
			return nil
		}
		if len(rows) == maxListed {
			return filepath.SkipAll
		}
		rows = append(rows, describeFile(path))
		return nil
	})
	return rows, err
}

func describeFile(path string) modelRow {
	row := modelRow{Path: path}
	f, err := gguf.Open(path)
	if err != nil {
		row.Error = err.Error()
		return row
	}
	defer f.Close()
	row.FileBytes = f.Size()
	row.Architecture, _, _ = f.Metadata.String("general.architecture")
	row.Synthetic, _, _ = f.Metadata.Bool(engine.SyntheticKey)
	row.Quantization = engine.Quantization(f)
	for _, t := range f.Tensors {
		row.Parameters += int64(t.Elems())
	}
	return row
}

func (a *app) modelInspectCmd() *cobra.Command {
	var tensors, all bool
	cmd := &cobra.Command{
		Use: "inspect MODEL", Short: "Show what a GGUF file holds", Args: cobra.ExactArgs(1),
		Example: "  chimera model inspect gemma.gguf --tensors\n  chimera model inspect gemma.gguf --json | jq .metadata",
		RunE: func(_ *cobra.Command, args []string) error {
			f, err := gguf.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			if a.json {
				return a.printJSON(inspection(args[0], f))
			}
			a.printModel(args[0], f, all)
			if tensors {
				a.printTensors(f)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&tensors, "tensors", false, "list every tensor")
	cmd.Flags().BoolVar(&all, "all", false, "list every key of the metadata")
	return cmd
}

type tensorRow struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Shape []int  `json:"shape"`
	Bytes int    `json:"bytes"`
}

func inspection(path string, f *gguf.File) map[string]any {
	meta := map[string]string{}
	for _, k := range f.Metadata.Keys() {
		v, _ := f.Metadata.Lookup(k)
		meta[k] = v.String()
	}
	rows := make([]tensorRow, 0, len(f.Tensors))
	for _, t := range f.Tensors {
		rows = append(rows, tensorRow{t.Name, t.Type.String(), t.Shape, len(t.Data)})
	}
	return map[string]any{"file": describeFile(path), "sha256": f.Digest(), "metadata": meta, "tensors": rows}
}

func (a *app) printModel(path string, f *gguf.File, all bool) {
	row := describeFile(path)
	fmt.Fprintf(a.Stdout, "%s\n  %s · %s · %s parameters · %s\n  sha256 %s\n",
		path, row.Architecture, row.Quantization, countMillions(row.Parameters), sizeText(row.FileBytes), f.Digest())
	if row.Synthetic {
		fmt.Fprintln(a.Stdout, "  synthetic: weights are random; speed is real, text is noise")
	}
	bytes := map[string]int64{}
	for _, t := range f.Tensors {
		bytes[t.Type.String()] += int64(len(t.Data))
	}
	fmt.Fprint(a.Stdout, "  tensors")
	for _, name := range slices.Sorted(maps.Keys(bytes)) {
		fmt.Fprintf(a.Stdout, "  %s %s", name, sizeText(bytes[name]))
	}
	fmt.Fprintln(a.Stdout)
	fmt.Fprintln(a.Stdout)
	t := newTable("key", "value")
	for _, k := range f.Metadata.Keys() {
		if !all && strings.HasPrefix(k, "tokenizer.") {
			continue
		}
		v, _ := f.Metadata.Lookup(k)
		t.row(clip(k, 48), clip(v.String(), 46))
	}
	t.write(a.Stdout, "  ", a.style())
}

func (a *app) printTensors(f *gguf.File) {
	fmt.Fprintln(a.Stdout)
	t := newTable("tensor", "type", ">shape", ">size")
	for _, x := range f.Tensors {
		t.row(clip(x.Name, 48), x.Type.String(), strings.Trim(strings.ReplaceAll(fmt.Sprint(x.Shape), " ", "×"), "[]"), sizeText(int64(len(x.Data))))
	}
	t.write(a.Stdout, "  ", a.style())
}

func (a *app) modelTokenizeCmd() *cobra.Command {
	var text string
	var special bool
	cmd := &cobra.Command{
		Use: "tokenize MODEL", Short: "Turn text into token ids with a model's vocabulary", Args: cobra.ExactArgs(1),
		Long: `Turn text into token ids. Without --text it reads JSON lines on standard input,
{"text": "…", "special": true}, and answers each with {"ids": [...]}. special adds
the tokens that begin and end a text and reads control tokens as such.`,
		Example: "  chimera model tokenize gemma.gguf --text 'a rare find'\n  echo '{\"text\":\"hi\",\"special\":true}' | chimera model tokenize gemma.gguf",
		RunE: func(cmd *cobra.Command, args []string) error {
			tok, err := openTokenizer(args[0])
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("text") {
				ids := tok.Encode(text, tokenizer.Options{AddSpecial: special, ParseSpecial: special})
				return a.printTokens(tok, ids)
			}
			return eachLine(a, func(in struct {
				Text    *string `json:"text"`
				Special bool    `json:"special"`
			}) (any, error) {
				if in.Text == nil {
					return nil, errors.New("a line needs \"text\"")
				}
				ids := tok.Encode(*in.Text, tokenizer.Options{AddSpecial: in.Special, ParseSpecial: in.Special})
				return map[string]any{"ids": append([]int32{}, ids...)}, nil
			})
		},
	}
	cmd.Flags().StringVar(&text, "text", "", "the text; without it, JSON lines on standard input")
	cmd.Flags().BoolVar(&special, "special", false, "with --text: add begin and end tokens, read control tokens")
	return cmd
}

func openTokenizer(path string) (*tokenizer.Tokenizer, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	v, err := engine.Vocabulary(f)
	if err != nil {
		return nil, fault.With(fmt.Errorf("%s: %w", path, err), fault.Usage, "`chimera model inspect` shows what the file holds")
	}
	return tokenizer.New(v)
}

func (a *app) printTokens(tok *tokenizer.Tokenizer, ids []int32) error {
	if a.json {
		return a.printJSON(map[string]any{"ids": append([]int32{}, ids...)})
	}
	t := newTable(">id", "piece")
	for _, id := range ids {
		t.row(fmt.Sprint(id), fmt.Sprintf("%q", tok.AppendPiece(nil, id, true)))
	}
	t.write(a.Stdout, "", a.style())
	a.note("%d tokens", len(ids))
	return nil
}
