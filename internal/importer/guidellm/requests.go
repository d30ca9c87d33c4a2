package guidellm

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"chimera/internal/digest"
	"chimera/internal/importer"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// GuideLLM's three ends of a request.
const (
	successful = "successful"
	incomplete = "incomplete" // cancelled while it ran
	errored    = "errored"
)

type request struct {
	ID   string  `json:"request_id"`
	Args *string `json:"request_args"`
	Text *string `json:"output"`
	Info struct {
		Error   *string `json:"error"`
		Timings timings `json:"timings"`
	} `json:"info"`
	Input  usage `json:"input_metrics"`
	Output usage `json:"output_metrics"`
}

// timings are in seconds since the epoch, by the wall clock.
type timings struct {
	Targeted   json.Number `json:"targeted_start"`
	Start      json.Number `json:"request_start"`
	FirstToken json.Number `json:"first_token_iteration"`
	LastToken  json.Number `json:"last_token_iteration"`
	End        json.Number `json:"request_end"`
}

type usage struct {
	Total  *float64 `json:"total_tokens"`
	Text   *float64 `json:"text_tokens"`
	Cached *float64 `json:"cached_tokens"`
}

// request makes a sample of one request, or a skipped row that says why not.
func (r *reader) request(b *benchmark, status string, raw json.RawMessage) {
	row := importer.Row{Number: len(r.out.Rows) + 1}
	var q request
	err := json.Unmarshal(raw, &q)
	if err == nil {
		err = q.fill(&row, b, status)
	}
	if err != nil {
		r.skip(fmt.Sprintf("%s request %s: %v", status, q.ID, err))
		return
	}
	row.Sample.Observation.Server = importer.Compact(raw)
	row.Readings = r.figures(b, &row, raw)
	r.out.Rows = append(r.out.Rows, row)
}

func (q *request) fill(row *importer.Row, b *benchmark, status string) error {
	s := &sample.Sample{Experiment: b.exp, Subject: b.Config.Backend.Model, Provenance: sample.Imported}
	row.Sample = s
	if err := q.Info.Timings.fill(&s.T); err != nil {
		return err
	}
	if err := q.tokens(&s.Tokens); err != nil {
		return err
	}
	if q.Text != nil {
		s.SetText(*q.Text)
	}
	if q.Args != nil {
		s.Config, row.Prompt = arguments(*q.Args)
	}
	if row.Prompt != "" {
		s.Prompt = "prompt-" + digest.Short(digest.Text(row.Prompt), 8)
	}
	q.outcome(s, status)
	for _, broken := range s.Validate() {
		s.Notes = append(s.Notes, "invalid: "+broken.Error())
	}
	return nil
}

// fill reads the instants. In 0.8 the start is the moment before the first
// header was written; before, it is the call of the HTTP client.
func (t *timings) fill(into *sample.Timeline) error {
	for _, f := range []struct {
		name string
		text json.Number
		at   *sample.Opt[time.Duration]
	}{
		{"targeted_start", t.Targeted, &into.Sched}, {"request_start", t.Start, &into.Send},
		{"first_token_iteration", t.FirstToken, &into.First}, {"last_token_iteration", t.LastToken, &into.Last},
		{"request_end", t.End, &into.End},
	} {
		if f.text == "" {
			continue
		}
		at, err := importer.UnixSeconds(f.text.String())
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		*f.at = sample.Some(at)
	}
	return nil
}

// tokens takes the counts that GuideLLM settled on: the server's if it told
// them, else those that were asked for. The report does not say which, and
// where it has neither, GuideLLM counts pieces: such a count is left out.
func (q *request) tokens(into *sample.Tokens) error {
	for _, f := range []struct {
		name  string
		value *float64
		into  *sample.Opt[int]
	}{
		{"input_metrics", q.Input.total(), &into.Prompt}, {"cached_tokens", q.Input.Cached, &into.Cached},
		{"output_metrics", q.Output.total(), &into.Output},
	} {
		if f.value == nil {
			continue
		}
		n, err := importer.Count(*f.value)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		*f.into, into.Source = sample.Some(n), kind
	}
	return nil
}

func (u *usage) total() *float64 {
	if u.Total != nil {
		return u.Total
	}
	return u.Text
}

// arguments returns the scalar options of the request's body and the prompt's
// text, if it is one text.
func arguments(text string) (config map[string]any, prompt string) {
	var args struct {
		Body map[string]json.RawMessage `json:"body"`
	}
	if importer.CheckNesting([]byte(text)) != nil || json.Unmarshal([]byte(text), &args) != nil {
		return nil, ""
	}
	config = map[string]any{}
	for key, raw := range args.Body {
		var v any
		if key == "model" || key == "stream" || key == "prompt" || json.Unmarshal(raw, &v) != nil {
			continue
		}
		if v, ok := importer.Option(v); ok {
			config[key] = v
		}
	}
	if json.Unmarshal(args.Body["prompt"], &prompt) != nil {
		prompt = onlyMessage(args.Body["messages"])
	}
	return config, prompt
}

// onlyMessage is the text of a conversation of one message with one text.
func onlyMessage(raw json.RawMessage) string {
	var messages []struct {
		Content json.RawMessage `json:"content"`
	}
	if json.Unmarshal(raw, &messages) != nil || len(messages) != 1 {
		return ""
	}
	var text string
	if json.Unmarshal(messages[0].Content, &text) == nil {
		return text
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if json.Unmarshal(messages[0].Content, &parts) != nil || len(parts) != 1 || parts[0].Type != "text" {
		return ""
	}
	return parts[0].Text
}

// outcome translates how the request ended.
func (q *request) outcome(s *sample.Sample, status string) {
	why := "the report does not say why"
	if q.Info.Error != nil && *q.Info.Error != "" {
		why = importer.Clip(*q.Info.Error, 300)
	}
	n, counted := s.Tokens.Output.Get()
	switch {
	case status == errored:
		s.Outcome, s.Failure = sample.Error, failure(why)
		if s.Failure.Class == sample.ClassTimeout {
			s.Outcome = sample.Timeout
		}
	case status == incomplete && !s.T.Send.OK():
		s.Outcome, s.Failure = sample.Dropped, &sample.Failure{Class: sample.ClassInterrupted, Message: "cancelled before it was sent: " + why}
	case status == incomplete:
		s.Outcome, s.Failure = sample.Cut, &sample.Failure{Class: sample.ClassInterrupted, Message: "cancelled by GuideLLM: " + why}
	case counted && n == 0:
		s.Outcome, s.Failure = sample.Degenerate, &sample.Failure{Class: sample.ClassNoTokens, Message: "an answer without a token"}
	default:
		s.Outcome = sample.OK
	}
}

// httpStatus finds the status in the error texts of the HTTP client that
// GuideLLM uses: "Client error '404 Not Found' for url …".
var httpStatus = regexp.MustCompile(`error '([45]\d\d) `)

// failure finds the class of an error; the text is all that a report has.
func failure(message string) *sample.Failure {
	f := &sample.Failure{Class: sample.ClassServer, Message: message}
	lower := strings.ToLower(message)
	if m := httpStatus.FindStringSubmatch(message); m != nil {
		n, _ := strconv.Atoi(m[1]) // three digits
		f.Class, f.Status = sample.ClassHTTP, sample.Some(n)
		return f
	}
	switch {
	case strings.Contains(lower, "timeout") || strings.Contains(lower, "timed out"):
		f.Class = sample.ClassTimeout
	case strings.Contains(lower, "connect"):
		f.Class = sample.ClassConnect
	case strings.Contains(lower, "peer closed") || strings.Contains(lower, "reset"):
		f.Class = sample.ClassReset
	}
	return f
}

// figures are what GuideLLM computed of one request, under its own names.
func (r *reader) figures(b *benchmark, row *importer.Row, raw json.RawMessage) []sample.Reading {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil { // it was read before
		return nil
	}
	var out []sample.Reading
	for _, f := range []string{"request_latency", "time_to_first_token_ms", "time_per_output_token_ms", "inter_token_latency_ms",
		"tokens_per_second", "output_tokens_per_second", "iter_tokens_per_iteration"} {
		var v *float64
		if json.Unmarshal(fields[f], &v) != nil || v == nil || *v <= 0 { // none of them can be 0
			continue
		}
		out = append(out, r.reading(b, f, measures[f], *v, row.Sample.T.End.Or(0)))
	}
	return out
}

// reading makes a value of GuideLLM's a reading in base units.
func (r *reader) reading(b *benchmark, field string, m measure, v float64, at time.Duration) sample.Reading {
	labels := map[string]string{"benchmark": b.name, "tool_version": r.version}
	if m.unit == unit.Second || m.unit == unit.SecondPerToken {
		labels["file_unit"] = map[float64]string{1: "s", 1e3: "ms"}[m.per]
	}
	if b.Config.Backend.Model != "" {
		labels[importer.LabelSubject] = b.Config.Backend.Model
	}
	return sample.Reading{Kind: kind, Series: kind + "." + field, Unit: m.unit, At: at, Value: importer.Value(v / m.per), Labels: labels}
}

// withoutUser drops what must not be stored of an address.
func withoutUser(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
