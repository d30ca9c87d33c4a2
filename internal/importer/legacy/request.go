package legacy

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"chimera/internal/importer"
	"chimera/internal/sample"
)

const (
	suiteHead     = "prompt,ttft_s,tokens_s,load_s,prompt_eval_s,eval_s,eval_count,response_chars,error"
	quantHead     = "timestamp,model,tag,prompt_index,prompt_text,ttft_s,tokens_s,load_s,prompt_eval_s,eval_s,prompt_eval_count,eval_count,total_tokens,response_chars,error"
	runsHead      = "timestamp,model,prompt_index,prompt_text,ttft_s,tokens_s,load_s,prompt_eval_s,eval_s,prompt_eval_count,eval_count,response_chars,error,options"
	sweepHead     = "num_gpu,num_ctx,temperature,config_name,ttft_s,tokens_s,load_s,prompt_eval_s,eval_s,eval_count,error"
	sweepFullHead = "timestamp,model,num_gpu,num_ctx,temperature,ttft_s,tokens_s,load_s,prompt_eval_s,eval_s,prompt_eval_count,eval_count,total_tokens,response_chars,error"
)

// readSuite reads one request per prompt.
func readSuite(s *importer.Source) (*importer.Content, error) {
	if o := object(s.Object()); importer.Holds(o, "model", "results") {
		return suiteDocument(o)
	}
	if !s.Has(".csv") {
		return nil, nil
	}
	switch t := s.Table(); {
	case t.Is(suiteHead):
		model := modelOfName(s.Stem(), "_baseline")
		return content("legacy/suite", t, func(r importer.Record) importer.Row {
			return suiteRow(r, model, r.Number, r.Cell("prompt"), 1)
		}), nil
	case t.Is(quantHead), t.Is(runsHead):
		return content("legacy/suite", t, func(r importer.Record) importer.Row {
			row := ollamaRow(r, r.Cell("model"))
			return asked(row, r.Cell("prompt_index"), r.Cell("prompt_text"))
		}), nil
	}
	return nil, nil
}

// suiteDocument reads {model, results}; the same results often stand in a CSV
// beside it, which does not name the model.
func suiteDocument(o object) (*importer.Content, error) {
	results := listOf(o["results"])
	if results == nil {
		return nil, errors.New("its results are no list")
	}
	c := &importer.Content{Kind: "legacy/suite"}
	for i, raw := range results {
		r := documentOf(raw)
		if r.object == nil {
			c.Rows = append(c.Rows, importer.Row{Number: i + 1, Skip: "it is no object"})
			continue
		}
		row := suiteRow(r, o.Cell("model"), i+1, r.Cell("prompt"), 2)
		row.Number = i + 1
		c.Rows = append(c.Rows, row)
	}
	return c, nil
}

func suiteRow(r record, model string, index int, prompt string, detail int) importer.Row {
	row := asked(ollamaRow(r, model), fmt.Sprint(index), prompt)
	if row.Sample != nil && row.Sample.Outcome == sample.OK {
		row.Key = strings.Join([]string{"suite", prompt, canonical(r.Cell("load_s")), canonical(r.Cell("eval_s")), canonical(r.Cell("eval_count"))}, "\x00")
		row.Detail = detail
	}
	return row
}

// canonical makes equal numbers equal texts.
func canonical(text string) string {
	if v, err := importer.ParseNumber(text); err == nil {
		return fmt.Sprint(v)
	}
	return text
}

func asked(row importer.Row, index, text string) importer.Row {
	if row.Sample != nil {
		row.Sample.Workload, row.Sample.Prompt, row.Prompt = "suite", cmp.Or(index, importer.NotRecorded), text
	}
	return row
}

// modelOfName reads the model from a file's name, where no column has it: the
// first underscore stands for the colon, and a name without one is the tag
// "latest", as Ollama has it.
func modelOfName(stem, suffix string) string {
	name, ok := strings.CutSuffix(stem, suffix)
	if !ok || name == "" {
		return importer.NotRecorded
	}
	family, tag, _ := strings.Cut(name, "_")
	return family + ":" + cmp.Or(tag, "latest")
}

// readSweep reads one request per configuration.
func readSweep(s *importer.Source) (*importer.Content, error) {
	if !s.Has(".csv") {
		return nil, nil
	}
	t := s.Table()
	if !t.Is(sweepHead) && !t.Is(sweepFullHead) {
		return nil, nil
	}
	byName := modelOfName(s.Stem(), "_param_tuning")
	return content("legacy/sweep", t, func(r importer.Record) importer.Row {
		row := ollamaRow(r, cmp.Or(r.Cell("model"), byName))
		if row.Sample == nil {
			return row
		}
		for _, option := range []string{"num_gpu", "num_ctx", "temperature"} {
			if err := setOption(row.Sample, r, option); err != nil {
				return importer.Row{Skip: err.Error()}
			}
		}
		return row
	}), nil
}

func setOption(s *sample.Sample, r cells, name string) error {
	v, ok, err := number(r, name)
	if err != nil || !ok {
		return err
	}
	option, _ := importer.Option(v)
	if s.Config == nil {
		s.Config = map[string]any{}
	}
	s.Config[name] = option
	return nil
}

// ollamaRow reads the numbers of one request to Ollama. Its ttft_s is load +
// prompt_eval, which is our ttft_server_est, and its tokens_s is eval_count by
// eval_s, which is our server_rate_naive: both are computed from the row. A row
// whose own figures contradict that has a note.
func ollamaRow(r record, model string) importer.Row {
	s := &sample.Sample{Subject: cmp.Or(model, importer.NotRecorded)}
	s.Server = r.JSON()
	var v [7]float64
	var have, nonzero int
	for i, name := range []string{"ttft_s", "tokens_s", "load_s", "prompt_eval_s", "eval_s", "eval_count", "prompt_eval_count"} {
		n, ok, err := number(r, name)
		if err != nil {
			return importer.Row{Skip: err.Error()}
		}
		if n < 0 {
			return importer.Row{Skip: fmt.Sprintf("%s is %v", name, n)}
		}
		if v[i] = n; ok {
			have++
		}
		if n != 0 {
			nonzero++
		}
	}
	if err := options(s, r.Cell("options")); err != nil {
		return importer.Row{Skip: err.Error()}
	}
	switch reason := r.Cell("error"); {
	case reason != "":
		fail(s, reason)
		return importer.Row{Sample: s}
	case have == 0:
		failAs(s, sample.Error, sample.ClassServer, "the row has neither numbers nor a reason")
		return importer.Row{Sample: s}
	case nonzero == 0:
		failAs(s, sample.Degenerate, sample.ClassNoTokens, "every number is 0 and no reason is given")
		return importer.Row{Sample: s}
	case v[5] == 0:
		failAs(s, sample.Degenerate, sample.ClassNoTokens, "an answer without any token")
		return importer.Row{Sample: s}
	}
	count, err := importer.Count(v[5])
	if err != nil {
		return importer.Row{Skip: "eval_count: " + err.Error()}
	}
	s.Outcome = sample.OK
	s.Times = sample.ServerTimes{Load: importer.Duration(v[2]), PromptEval: importer.Duration(v[3]), Eval: importer.Duration(v[4])}
	s.Tokens = sample.Tokens{Output: sample.Some(count), Source: sample.FromServer}
	if n, err := importer.Count(v[6]); err == nil && n > 0 {
		s.Tokens.Prompt = sample.Some(n)
	}
	s.Notes = append(s.Notes, contradictions(v[0], v[2]+v[3], v[1], v[5]/v[4])...)
	return importer.Row{Sample: s}
}

// contradictions compares what a row says with what it is made of; the files
// round to two decimals at the worst.
func contradictions(ttft, spans, rate, quotient float64) []string {
	var notes []string
	if math.Abs(ttft-spans) > 0.01*spans+1e-3 {
		notes = append(notes, fmt.Sprintf("ttft_s is %v, but load_s + prompt_eval_s is %v", ttft, spans))
	}
	if math.Abs(rate-quotient) > 0.01*quotient+0.01 {
		notes = append(notes, fmt.Sprintf("tokens_s is %v, but eval_count / eval_s is %v", rate, quotient))
	}
	return notes
}

// options reads a column of JSON into the requested configuration.
func options(s *sample.Sample, text string) error {
	if text == "" {
		return nil
	}
	var all map[string]any
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return fmt.Errorf("options: %w", err)
	}
	s.Config = map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if v, ok := importer.Option(all[name]); ok {
			s.Config[name] = v
		}
	}
	return nil
}

// fail gives a sample the file's own reason.
func fail(s *sample.Sample, reason string) {
	lower := strings.ToLower(reason)
	switch {
	case strings.Contains(lower, "timed out"):
		failAs(s, sample.Timeout, sample.ClassTimeout, reason)
	case strings.Contains(lower, "connect"), strings.Contains(lower, "requested address"), strings.Contains(lower, "url is missing"):
		failAs(s, sample.Error, sample.ClassConnect, reason)
	default:
		failAs(s, sample.Error, sample.ClassServer, reason)
	}
}

func failAs(s *sample.Sample, o sample.Outcome, class, reason string) {
	s.Outcome, s.Failure = o, &sample.Failure{Class: class, Message: importer.Clip(strings.Join(strings.Fields(reason), " "), 500)}
}
