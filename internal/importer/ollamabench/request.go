package ollamabench

import (
	"fmt"
	"math"
	"time"

	"chimera/internal/importer"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// request makes a sample of the steps of one request.
func request(steps []step, about map[string]string) (importer.Row, error) {
	s := &sample.Sample{Subject: steps[0].model, Provenance: sample.Imported}
	s.Outcome = sample.OK
	row := importer.Row{Sample: s}
	for _, st := range steps {
		switch st.name {
		case "prefill":
			s.Times.PromptEval = st.time()
			if n, ok := st.count.Get(); ok && n > 0 { // Ollama leaves the count out where the whole prompt was cached
				s.Tokens.Prompt = st.count
			}
		case "generate":
			generated(s, st)
		case "load":
			s.Times.Load = st.took
		case "total":
			s.Times.Total = st.took
		case "ttft":
			r := sample.Reading{Kind: kind, Series: kind + ".ttft", Unit: unit.Second, Labels: map[string]string{"field": "ttft"}}
			if d, ok := st.took.Get(); ok {
				r.Value = sample.Some(d.Seconds())
			} else {
				r.Reason = "0: the first message was empty, and the bench looks at no other"
			}
			row.Readings = append(row.Readings, r)
		}
		row.Readings = append(row.Readings, st.figures()...)
	}
	if s.Tokens.Prompt.OK() || s.Tokens.Output.OK() {
		s.Tokens.Source = sample.FromServer
	}
	if text := about["NumCtx"]; text != "" {
		n, err := importer.ParseNumber(text)
		if err != nil {
			return row, fmt.Errorf("NumCtx: %w", err)
		}
		s.Effective = map[string]any{"num_ctx": n}
	}
	for _, broken := range s.Validate() {
		s.Notes = append(s.Notes, "invalid: "+broken.Error())
	}
	return row, nil
}

// generated takes the answer's tokens and time; Ollama's clock runs from the
// first token to the last.
func generated(s *sample.Sample, st step) {
	n, counted := st.count.Get()
	s.Tokens.Output = st.count
	switch {
	case counted && n == 0, !counted && !st.rate.OK():
		s.Outcome, s.Failure = sample.Degenerate, &sample.Failure{Class: sample.ClassNoTokens, Message: "an answer without a token"}
	case counted && n > 1:
		s.Times.Eval, s.Times.EvalSteps = st.time(), sample.Some(n-1)
	}
}

// time is the step's own, or its tokens times the time for one, which is
// printed to the hundredth of a nanosecond: exact up to 100 tokens.
func (s step) time() sample.Opt[time.Duration] {
	n, counted := s.count.Get()
	per, told := s.perToken.Get()
	if s.took.OK() || !counted || !told {
		return s.took
	}
	return importer.Duration(math.Round(float64(n)*per) / 1e9)
}

// figures are the bench's own, under its names.
func (s step) figures() (out []sample.Reading) {
	if v, ok := s.perToken.Get(); ok {
		out = append(out, sample.Reading{Kind: kind, Series: kind + "." + s.name + ".ns_per_token", Unit: unit.SecondPerToken,
			Value: sample.Some(v / 1e9), Labels: map[string]string{"field": s.name + " ns/token", "field_unit": "ns"}})
	}
	if v, ok := s.rate.Get(); ok {
		out = append(out, sample.Reading{Kind: kind, Series: kind + "." + s.name + ".token_per_sec", Unit: unit.TokenPerSecond,
			Value: sample.Some(v), Labels: map[string]string{"field": s.name + " token/sec"}})
	}
	return out
}
