package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/finding"
	"chimera/internal/fluency"
	"chimera/internal/importer"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store"

	"github.com/spf13/cobra"
)

func (a *app) qualityCmd() *cobra.Command {
	var reference string
	cmd := &cobra.Command{
		Use: "quality RUN", Short: "Say what a run's subjects wrote: contract, repetition, diversity, fluency", Args: cobra.ExactArgs(1),
		Long: `Score the answers of a run by rules that anyone can repeat: does each keep the contract that
its workload expects (chimera spec schema: workloads[].expect), does it repeat itself, is it
about its own prompt more than about others, do several answers to one prompt differ.
Shares have Wilson's interval, over prompts where there are several. No model judges.

With --reference, a model of your choice says how surprising each answer is, token by token,
in exact numerics: the perplexity, which shows answers that loop (far below the others) or
fall apart (far above). The run is sealed and stays as it is: the readings become a run of
their own that names it and the reference. A subject is not judged by its own file, synthetic
models are not judged at all, and values under two references do not compare.`,
		Example: "  chimera quality 7f3a\n  chimera quality 7f3a --reference gemma3-270m.gguf\n  chimera query quality_contract --run 7f3a --by subject,prompt",
		RunE: func(cmd *cobra.Command, args []string) error {
			if reference != "" {
				return a.fluency(cmd.Context(), args[0], reference)
			}
			analysis, err := a.analyze(cmd.Context(), args, nil)
			if err != nil {
				return err
			}
			analysis = analysis.Only(func(f finding.Finding) bool { return f.Kind == finding.Quality })
			if len(analysis.Findings) == 0 {
				return fault.With(fmt.Errorf("quality: no warm answer of %s has a text that a trained model wrote", args[0]), fault.Invalid,
					"synthetic and simulated models write noise; `chimera runs show` names the subjects")
			}
			if a.json {
				return a.printJSON(analysis)
			}
			a.printAnalysis(analysis, analyzeFlags{tables: true})
			a.note("hint: `chimera metrics quality_contract` and the like say what each word means; --reference adds fluency")
			return nil
		},
	}
	cmd.Flags().StringVar(&reference, "reference", "", "a GGUF file: the model that says how surprising each answer is")
	return cmd
}

// fluency judges the answers of a run under a reference and stores the readings
// as a run of their own, once.
func (a *app) fluency(ctx context.Context, id, path string) error {
	ctx, stop := a.interruptible(ctx)
	defer stop()
	var src fluency.Source
	var rows []*sample.Sample
	err := a.withStore(ctx, func(s store.Store) error {
		r, err := s.Run(ctx, id)
		if err != nil {
			return err
		}
		if !r.Status.Sealed() {
			return fault.With(fmt.Errorf("run %s is not over", r.ID()), fault.Usage, "wait for it; if its process died, `chimera run --resume "+r.ID()+"` goes on with it")
		}
		src.Manifest = r.Manifest
		src.Digest, _ = r.Digest()
		rows, err = withTexts(&r.Manifest, s.Samples(ctx, r.ID()))
		return err
	})
	if err != nil {
		return err
	}
	ref, err := fluency.Open(path)
	if err != nil {
		return err
	}
	defer ref.Close()
	m, plan, err := ref.Derived(src, build())
	if err != nil {
		return err
	}
	readings, known, err := a.judged(ctx, m.Run)
	if err != nil {
		return err
	}
	if !known {
		if readings, err = ref.Judge(ctx, rows, src.Manifest.Subjects, promptsOf(src.Manifest), func(done int) {
			if done%10 == 0 {
				a.note("%d of %d answers read", done, len(rows))
			}
		}); err != nil {
			return err
		}
		if !anyValue(readings) {
			return fault.With(fmt.Errorf("quality: no answer of %s can be judged: %s", src.Manifest.Run, whyNone(readings)), fault.Invalid, "name a trained model that is no subject of the run, and a run that kept its texts")
		}
		for _, r := range readings {
			r.Run = m.Run
		}
		made := importer.Import{Manifest: m, Plan: plan, Readings: readings}
		if _, _, err := a.keep(ctx, m, made.Rows); err != nil {
			return err
		}
	}
	return a.printFluency(m.Run, ref, readings)
}

// promptsOf are the prompts of a run that ask something.
func promptsOf(m sample.Manifest) (out []fluency.Prompt) {
	s, err := spec.Decode(m.Spec)
	if err != nil {
		return nil // an import has no spec
	}
	for _, w := range s.Workloads {
		if w.Synthetic != nil {
			continue
		}
		for _, p := range w.Prompts {
			out = append(out, fluency.Prompt{Workload: w.ID, ID: p.ID, Text: p.Text})
		}
	}
	return out
}

// judged reads the readings of a derived run that is there already.
func (a *app) judged(ctx context.Context, id string) (out []*sample.Reading, known bool, err error) {
	err = a.withStore(ctx, func(s store.Store) error {
		r, err := s.Run(ctx, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nil
		case err != nil || !r.Status.Sealed():
			return err
		}
		known = true
		for reading, err := range s.Readings(ctx, id) {
			if err != nil {
				return err
			}
			out = append(out, reading)
		}
		return nil
	})
	return out, known, err
}

// anyValue reports whether any answer was judged.
func anyValue(readings []*sample.Reading) bool {
	return slices.ContainsFunc(readings, func(r *sample.Reading) bool { return r.Series == fluency.Perplexity && r.Value.OK() })
}

func whyNone(readings []*sample.Reading) string {
	for _, r := range readings {
		if r.Series == fluency.Perplexity {
			return r.Reason
		}
	}
	return "it has no warm rows"
}

func (a *app) printFluency(id string, ref *fluency.Reference, readings []*sample.Reading) error {
	var all []fact.Fact
	bySubject := map[string][]fact.Fact{}
	for _, series := range []string{fluency.Perplexity, fluency.BitsPerByte} {
		facts, err := fact.ReadingQuery{Series: series, Aggregate: "median", By: []string{fact.LabelSubject}}.Run(readings)
		if err != nil {
			return err
		}
		for _, f := range facts {
			all = append(all, f)
			bySubject[f.Scope[fact.LabelSubject]] = append(bySubject[f.Scope[fact.LabelSubject]], f)
		}
	}
	tails := fluency.Counts(readings)
	usual, err := fact.ReadingQuery{Series: fluency.Yardstick, Aggregate: "median"}.Run(readings)
	if err != nil {
		return err
	}
	all = append(all, usual...)
	if a.json {
		return a.printJSON(map[string]any{"run": id, "reference": ref.Digest(), "model": ref.Name(), "facts": all, "tails": tails})
	}
	t := newTable("subject", ">perplexity, median", ">bit/byte, median", ">low", ">high", ">n", ">planned")
	for _, s := range fluency.Subjects(readings) {
		line := []string{s}
		for _, f := range bySubject[s] {
			line = append(line, factCell(f, f.Unit.ScaleFor(1)))
		}
		n := bySubject[s][0]
		t.row(append(line, fmt.Sprint(tails[s]["low"]), fmt.Sprint(tails[s]["high"]), fmt.Sprint(n.N), fmt.Sprint(n.Planned))...)
	}
	t.write(a.Stdout, "", a.style())
	paragraph(a.Stdout, "", fmt.Sprintf("under the reference %s (%s)", ref.Name(), ref.Digest()))
	for _, f := range usual {
		paragraph(a.Stdout, "", "the prompts have "+factCell(f, f.Unit.ScaleFor(1))+" bit/byte: low is below half of it (loops), high above twice (text that fell apart)")
	}
	for _, f := range all {
		if f.Reason != "" && f.Metric == fluency.Perplexity {
			paragraph(a.Stdout, f.Scope[fact.LabelSubject]+"  ", f.Reason)
		}
	}
	fmt.Fprintf(a.Stdout, "\nrun %s\n", id)
	a.note("hint: `chimera query quality_perplexity --run %s --by subject,prompt` asks these readings; --where tail=low names loops", id[:8])
	return nil
}
