// Package fluency says how surprising a text is to a fixed reference model: its
// perplexity, by our own engine in exact numerics.
//
// A perplexity is of a text under one reference, never of a model under itself:
// a model that repeats itself surprises itself least. What it shows
// are the tails: a text far less surprising than the prompts, which people wrote,
// usually repeats itself, one far more surprising is broken; between them the
// number says little. Values under two
// references are not comparable, so every reading names its own.
package fluency

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"chimera/internal/engine"
	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/metric"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/tensor"
	"chimera/internal/tokenizer"
	"chimera/internal/unit"
)

// MaxTokens bounds the tokens of a text that are scored: the first of them.
const MaxTokens = 512

// Series of the readings, by the metrics' ids.
const (
	Perplexity  = "quality_perplexity"
	BitsPerByte = "quality_bits_per_byte"
	Yardstick   = "quality_yardstick" // bits per byte of the prompts
)

// Kind of the readings.
const Kind = "quality"

// Labels of the readings beside those of the row.
const (
	LabelTail  = "tail" // low, high, none; unknown without prompts: see Tail
	LabelTrial = "trial"
	LabelModel = "reference_model"
)

// Reference is an open model. It is not safe for concurrent use.
type Reference struct {
	model   *engine.Model
	session *engine.Session
	name    string
	known   map[string]Surprise // texts are often repeated
}

// Open loads a reference from a GGUF file. A synthetic model is refused: its
// surprise is noise.
func Open(path string) (*Reference, error) {
	m, err := engine.Open(path, engine.Options{Numerics: tensor.Exact})
	if err != nil {
		return nil, fmt.Errorf("open reference: %w", err)
	}
	info := m.Info()
	if info.Synthetic {
		return nil, cmp.Or(m.Close(), fault.Hint(fault.New(fault.Usage, "the reference %s is synthetic: its weights are random, so what surprises it says nothing", path), "name a trained model"))
	}
	s, err := m.NewSession()
	if err != nil {
		return nil, cmp.Or(m.Close(), err)
	}
	return &Reference{model: m, session: s, name: cmp.Or(info.Name, info.Architecture), known: map[string]Surprise{}}, nil
}

// Close frees the model.
func (r *Reference) Close() error { return r.model.Close() }

// Digest names the model file: "sha256:" and its digest.
func (r *Reference) Digest() string { return "sha256:" + r.model.Digest() }

// Name is what the file calls the model.
func (r *Reference) Name() string { return r.name }

// Surprise is a text under a reference.
type Surprise struct {
	Tokens int     // scored
	Bytes  int     // of the text that they spell
	NLL    float64 // Σ −ln p of them, in nats
}

// Perplexity is exp of the mean surprise of a token.
func (s Surprise) Perplexity() float64 { return math.Exp(s.NLL / float64(s.Tokens)) }

// BitsPerByte is the surprise of a byte, which does not depend on how the
// vocabulary cuts the text.
func (s Surprise) BitsPerByte() float64 { return s.NLL / math.Ln2 / float64(s.Bytes) }

// Score reads a text, without the space around it, as the beginning of a
// document. A text without a token has no surprise: ok is false.
func (r *Reference) Score(ctx context.Context, text string) (s Surprise, ok bool, err error) {
	text = strings.TrimSpace(text)
	if known, ok := r.known[text]; ok {
		return known, known.Tokens > 0, nil
	}
	tok := r.model.Tokenizer()
	ids := tok.Encode(text, tokenizer.Options{})
	begin := []int32{}
	if bos, ok := tok.BOS(); ok {
		begin = append(begin, bos)
	} else if len(ids) > 0 { // no beginning to stand on: the first token is given
		begin, ids = ids[:1], ids[1:]
	}
	spelled := len(text)
	if most := min(MaxTokens, r.model.Options().Context-1); len(ids) > most {
		ids = ids[:most]
		spelled = len(tok.Decode(ids, false))
	}
	if len(ids) == 0 || spelled == 0 {
		return s, false, nil
	}
	result, err := r.session.Generate(ctx, engine.Request{PromptIDs: begin, ForceIDs: ids}, nil)
	if err == nil && result.Finish == engine.Cancelled {
		err = fault.With(fmt.Errorf("score a text: %w", context.Cause(ctx)), fault.Interrupted, "")
	}
	if err != nil {
		return s, false, err
	}
	s = Surprise{Tokens: len(result.Scores), Bytes: spelled}
	for _, x := range result.Scores {
		s.NLL -= x.LogProb
	}
	r.known[text] = s
	return s, true, nil
}

// Refuses says why the reference cannot judge a subject, "" if it can.
func (r *Reference) Refuses(subject sample.SubjectRecord) string {
	if subject.Digest != "" && strings.TrimPrefix(subject.Digest, "sha256:") == r.model.Digest() {
		return "the reference is the subject's own file: a model does not judge itself"
	}
	return ""
}

// Prompt is a text that people wrote, of the same matter as the answers to it.
type Prompt struct{ Workload, ID, Text string }

// Judge scores the warm answers of a run and returns two readings for each, with
// a value or the reason why there is none; and one for each prompt, which are the
// yardstick by which an answer's tail is told. each is called after every answer.
func (r *Reference) Judge(ctx context.Context, rows []*sample.Sample, subjects []sample.SubjectRecord, prompts []Prompt, each func(done int)) ([]*sample.Reading, error) {
	refused := map[string]string{}
	for _, s := range subjects {
		refused[s.ID] = r.Refuses(s)
	}
	out, usual, err := r.yardstick(ctx, prompts)
	if err != nil {
		return nil, err
	}
	done := 0
	for _, row := range rows {
		if row.Phase != sample.Measure || !row.Final || row.Superseded {
			continue
		}
		why := cmp.Or(metric.Scorable(row), refused[row.Subject])
		var s Surprise
		if why == "" {
			var ok bool
			if s, ok, err = r.Score(ctx, row.Text.Or("")); err != nil {
				return nil, err
			} else if !ok {
				why = "the answer has no tokens"
			}
		}
		ppl, bits := r.reading(row, Perplexity, unit.None), r.reading(row, BitsPerByte, unit.BitPerByte)
		if why == "" {
			ppl.Value, bits.Value = sample.Some(s.Perplexity()), sample.Some(s.BitsPerByte())
			ppl.Labels[LabelTail] = Tail(s.BitsPerByte(), usual)
			bits.Labels[LabelTail] = ppl.Labels[LabelTail]
		} else {
			ppl.Reason, bits.Reason = why, why
		}
		out = append(out, ppl, bits)
		done++
		each(done)
	}
	return out, nil
}

// maxPrompts bounds the prompts of a yardstick, taken evenly.
const maxPrompts = 50

// yardstick reads the prompts; usual is the median of their bits per byte, or
// absent where there are none.
func (r *Reference) yardstick(ctx context.Context, prompts []Prompt) (out []*sample.Reading, usual sample.Opt[float64], err error) {
	var values []float64
	for i := 0; i < len(prompts); i += max(1, (len(prompts)+maxPrompts-1)/maxPrompts) {
		p := prompts[i]
		s, ok, err := r.Score(ctx, p.Text)
		if err != nil {
			return nil, usual, err
		}
		if !ok {
			continue
		}
		values = append(values, s.BitsPerByte())
		out = append(out, &sample.Reading{Kind: Kind, Series: Yardstick, Unit: unit.BitPerByte, At: time.Duration(i), Provenance: sample.Measured, Value: sample.Some(s.BitsPerByte()),
			Labels: map[string]string{"workload": p.Workload, "prompt": p.ID, fact.LabelReference: r.Digest(), LabelModel: r.name}})
	}
	if mid, err := stats.Median(values); err == nil {
		usual = sample.Some(mid)
	}
	return out, usual, nil
}

func (r *Reference) reading(row *sample.Sample, series string, u unit.Unit) *sample.Reading {
	return &sample.Reading{Run: row.Run, Kind: Kind, Series: series, Unit: u, At: row.T.End.Or(0), Provenance: row.Provenance, Labels: map[string]string{
		fact.LabelSubject: row.Subject, fact.LabelExperiment: row.Experiment, "workload": row.Workload, "prompt": row.Prompt, "config": fact.ConfigText(row.Config),
		LabelTrial: row.Trial, fact.LabelPhase: string(row.Phase), fact.LabelReference: r.Digest(), LabelModel: r.name}}
}

// tailFactor is how many times more, or less, surprising than the prompts an
// answer is that lies in a tail.
const tailFactor = 2

// Tail says whether an answer's bits per byte lie far below or above what is
// usual for the text of people on the same matter: "low" below half of it, "high"
// above twice, else "none"; "unknown" where nothing is known to be usual.
func Tail(bits float64, usual sample.Opt[float64]) string {
	mid, ok := usual.Get()
	switch {
	case !ok:
		return "unknown"
	case bits < mid/tailFactor:
		return "low"
	case bits > mid*tailFactor:
		return "high"
	}
	return "none"
}

// Counts counts the tails of readings by subject.
func Counts(readings []*sample.Reading) map[string]map[string]int {
	out := map[string]map[string]int{}
	for _, r := range readings {
		if tail := r.Labels[LabelTail]; r.Series == Perplexity && tail != "" {
			subject := r.Labels[fact.LabelSubject]
			if out[subject] == nil {
				out[subject] = map[string]int{}
			}
			out[subject][tail]++
		}
	}
	return out
}

// Subjects lists the subjects of readings, sorted.
func Subjects(readings []*sample.Reading) []string {
	var out []string
	for _, r := range readings {
		if s := r.Labels[fact.LabelSubject]; s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return out
}
