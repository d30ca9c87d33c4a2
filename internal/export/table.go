package export

import (
	"fmt"
	"strings"
	"time"

	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/unit"
)

// A kind is the type of a column's cells.
type kind string

const (
	kText  kind = "text"
	kInt   kind = "integer"
	kFloat kind = "number"
	kBool  kind = "boolean"
)

// A column of a table. value returns nil for an absent cell, else a string,
// int64, float64 or bool, as kind says.
type column struct {
	name  string
	kind  kind
	value func(*sample.Sample) any
}

// columns are those of every table, then one for each factor, then one for
// each metric, and the text last.
func columns(o Options) []column {
	all := fixed()
	for _, f := range o.Factors {
		all = append(all, f.column())
	}
	for _, m := range o.Metrics {
		all = append(all, column{ColumnName(m.ID, m.Unit), kFloat, func(s *sample.Sample) any {
			if v, ok := m.Of(s); ok {
				return v
			}
			return nil
		}})
	}
	if !o.NoText {
		all = append(all, column{"text", kText, func(s *sample.Sample) any { return opt(s.Text) }})
	}
	return all
}

func fixed() []column {
	return []column{
		{"run", kText, func(s *sample.Sample) any { return s.Run }},
		{"session", kInt, func(s *sample.Sample) any { return int64(s.Session) }},
		{"trial", kText, func(s *sample.Sample) any { return s.Trial }},
		{"attempt", kInt, func(s *sample.Sample) any { return int64(s.Attempt) }},
		{"final", kBool, func(s *sample.Sample) any { return s.Final }},
		{"superseded", kBool, func(s *sample.Sample) any { return s.Superseded }},
		{"experiment", kText, func(s *sample.Sample) any { return s.Experiment }},
		{"block", kInt, func(s *sample.Sample) any { return int64(s.Block) }},
		{"order", kInt, func(s *sample.Sample) any { return int64(s.Order) }},
		{"stream", kInt, func(s *sample.Sample) any { return int64(s.Stream) }},
		{"phase", kText, func(s *sample.Sample) any { return string(s.Phase) }},
		{"planned_phase", kText, func(s *sample.Sample) any {
			if p, ok := s.Planned.Get(); ok {
				return string(p)
			}
			return nil
		}},
		{"provenance", kText, func(s *sample.Sample) any { return string(s.Provenance) }},
		{"synthetic", kBool, func(s *sample.Sample) any { return s.Synthetic }},
		{"subject", kText, func(s *sample.Sample) any { return s.Subject }},
		{"target", kText, func(s *sample.Sample) any { return s.Target }},
		{"workload", kText, func(s *sample.Sample) any { return s.Workload }},
		{"prompt", kText, func(s *sample.Sample) any { return s.Prompt }},
		{"prompt_sha256", kText, func(s *sample.Sample) any { return filled(s.PromptSHA256) }},
		{"constraint_sha256", kText, func(s *sample.Sample) any { return filled(s.ConstraintSHA256) }},
		{"config", kText, func(s *sample.Sample) any { return configText(s.Config) }},
		{"effective", kText, func(s *sample.Sample) any { return configText(s.Effective) }},
		{"outcome", kText, func(s *sample.Sample) any { return string(s.Outcome) }},
		{"error_class", kText, failure(func(f *sample.Failure) any { return f.Class })},
		{"error_message", kText, failure(func(f *sample.Failure) any { return f.Message })},
		{"error_status", kInt, failure(func(f *sample.Failure) any { return count(f.Status) })},
		{"error_retry_after_ns", kInt, failure(func(f *sample.Failure) any { return ns(f.RetryAfter) })},
		{"t_sched_ns", kInt, func(s *sample.Sample) any { return ns(s.T.Sched) }},
		{"t_send_ns", kInt, func(s *sample.Sample) any { return ns(s.T.Send) }},
		{"t_headers_ns", kInt, func(s *sample.Sample) any { return ns(s.T.Headers) }},
		{"t_first_ns", kInt, func(s *sample.Sample) any { return ns(s.T.First) }},
		{"t_last_ns", kInt, func(s *sample.Sample) any { return ns(s.T.Last) }},
		{"t_end_ns", kInt, func(s *sample.Sample) any { return ns(s.T.End) }},
		{"chunks", kInt, func(s *sample.Sample) any {
			if len(s.Chunks) == 0 {
				return nil // none were seen, or an imported row does not say
			}
			return int64(len(s.Chunks))
		}},
		{"prompt_tokens", kInt, func(s *sample.Sample) any { return count(s.Tokens.Prompt) }},
		{"cached_tokens", kInt, func(s *sample.Sample) any { return count(s.Tokens.Cached) }},
		{"output_tokens", kInt, func(s *sample.Sample) any { return count(s.Tokens.Output) }},
		{"token_source", kText, func(s *sample.Sample) any { return filled(s.Tokens.Source) }},
		{"server_load_ns", kInt, func(s *sample.Sample) any { return ns(s.Times.Load) }},
		{"server_prompt_eval_ns", kInt, func(s *sample.Sample) any { return ns(s.Times.PromptEval) }},
		{"server_eval_ns", kInt, func(s *sample.Sample) any { return ns(s.Times.Eval) }},
		{"server_total_ns", kInt, func(s *sample.Sample) any { return ns(s.Times.Total) }},
		{"server_eval_steps", kInt, func(s *sample.Sample) any { return count(s.Times.EvalSteps) }},
		{"finish", kText, func(s *sample.Sample) any { return filled(s.Finish) }},
		{"notes", kText, func(s *sample.Sample) any { return filled(strings.Join(s.Notes, "; ")) }},
		{"text_sha256", kText, func(s *sample.Sample) any { return opt(s.TextHash) }},
	}
}

// column holds the level of a factor, as requested.
func (f Factor) column() column {
	return column{"config." + f.Name, map[FactorType]kind{Number: kFloat, Bool: kBool, Text: kText}[f.Type], func(s *sample.Sample) any {
		level, ok := s.Config[f.Name]
		switch {
		case !ok:
			return nil
		case f.Type == Text:
			return fmt.Sprint(level)
		case typeOf(level) != f.Type:
			return nil // the plan knows no such level
		}
		return level
	}}
}

var unitWords = strings.NewReplacer("1/", "per_", "/", "_per_", "°", "deg", " ", "_")

// ColumnName is the name of a metric's column: its id and its unit.
func ColumnName(id string, u unit.Unit) string {
	if u == unit.None {
		return id
	}
	return id + "_" + unitWords.Replace(string(u))
}

func failure(value func(*sample.Failure) any) func(*sample.Sample) any {
	return func(s *sample.Sample) any {
		if s.Failure == nil {
			return nil
		}
		return value(s.Failure)
	}
}

func configText(config map[string]any) any {
	if config == nil {
		return nil
	}
	return spec.ConfigID(config)
}

// filled takes an empty string for an absent one, where the row has no Opt.
func filled(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func opt(o sample.Opt[string]) any {
	if v, ok := o.Get(); ok {
		return v
	}
	return nil
}

func ns(o sample.Opt[time.Duration]) any {
	if v, ok := o.Get(); ok {
		return v.Nanoseconds()
	}
	return nil
}

func count(o sample.Opt[int]) any {
	if v, ok := o.Get(); ok {
		return int64(v)
	}
	return nil
}
