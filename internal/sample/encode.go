package sample

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// appendJSON renders s as encoding/json does without escaping HTML, field by
// field in their declared order: a row is written a million times, and
// reflection is most of what that costs. A test holds it to encoding/json.
func appendJSON(b []byte, s *Sample) ([]byte, error) {
	w := writer{b: b}
	w.raw(`{"schema":`).number(int64(s.Schema))
	w.raw(`,"run":`).text(s.Run)
	w.raw(`,"session":`).number(int64(s.Session))
	w.raw(`,"trial":`).text(s.Trial)
	w.raw(`,"attempt":`).number(int64(s.Attempt))
	w.raw(`,"experiment":`).text(s.Experiment)
	w.raw(`,"subject":`).text(s.Subject)
	w.raw(`,"target":`).text(s.Target)
	w.raw(`,"workload":`).text(s.Workload)
	w.raw(`,"prompt":`).text(s.Prompt)
	w.raw(`,"prompt_sha256":`).text(s.PromptSHA256)
	if s.ConstraintSHA256 != "" {
		w.raw(`,"constraint_sha256":`).text(s.ConstraintSHA256)
	}
	w.raw(`,"config":`).object(s.Config)
	w.raw(`,"block":`).number(int64(s.Block))
	w.raw(`,"order":`).number(int64(s.Order))
	w.raw(`,"stream":`).number(int64(s.Stream))
	w.raw(`,"phase":`).text(string(s.Phase))
	if planned, ok := s.Planned.Get(); ok {
		w.raw(`,"planned_phase":`).escaped(string(planned))
	}
	w.raw(`,"provenance":`).text(string(s.Provenance))
	if s.Synthetic {
		w.raw(`,"synthetic":true`)
	}
	if s.Superseded {
		w.raw(`,"superseded":true`)
	}
	w.raw(`,"final":`).raw(strconv.FormatBool(s.Final))
	if len(s.Notes) > 0 {
		w.raw(`,"notes":`).any(s.Notes)
	}
	w.observation(&s.Observation)
	w.raw("}")
	return w.b, w.err
}

// writer appends JSON; the first error stays.
type writer struct {
	b   []byte
	err error
}

func (w *writer) observation(o *Observation) {
	w.raw(`,"outcome":`).text(string(o.Outcome))
	if o.Failure != nil {
		w.raw(`,"error":`).any(o.Failure)
	}
	w.raw(`,"t":{`)
	n := len(w.b)
	w.instant(n, `"sched":`, o.T.Sched)
	w.instant(n, `"send":`, o.T.Send)
	w.instant(n, `"headers":`, o.T.Headers)
	w.instant(n, `"first":`, o.T.First)
	w.instant(n, `"last":`, o.T.Last)
	w.instant(n, `"end":`, o.T.End)
	w.raw("}")
	if len(o.Chunks) > 0 {
		w.chunks(o.Chunks)
	}
	w.raw(`,"tokens":{`)
	n = len(w.b)
	w.count(n, `"prompt":`, o.Tokens.Prompt)
	w.count(n, `"cached":`, o.Tokens.Cached)
	w.count(n, `"output":`, o.Tokens.Output)
	if o.Tokens.Source != "" {
		w.field(n, `"source":`).text(o.Tokens.Source)
	}
	w.raw(`},"server_times":{`)
	n = len(w.b)
	w.instant(n, `"load":`, o.Times.Load)
	w.instant(n, `"prompt_eval":`, o.Times.PromptEval)
	w.instant(n, `"eval":`, o.Times.Eval)
	w.instant(n, `"total":`, o.Times.Total)
	w.count(n, `"eval_steps":`, o.Times.EvalSteps)
	w.raw("}")
	if o.Finish != "" {
		w.raw(`,"finish":`).text(o.Finish)
	}
	if len(o.Server) > 0 {
		w.raw(`,"server":`).compact(o.Server)
	}
	if text, ok := o.Text.Get(); ok {
		w.raw(`,"text":`).escaped(text)
	}
	if hash, ok := o.TextHash.Get(); ok {
		w.raw(`,"text_sha256":`).escaped(hash)
	}
	if len(o.Effective) > 0 {
		w.raw(`,"effective":`).object(o.Effective)
	}
}

func (w *writer) raw(text string) *writer {
	w.b = append(w.b, text...)
	return w
}

// field begins a member of the object that began at from.
func (w *writer) field(from int, name string) *writer {
	if len(w.b) > from {
		w.b = append(w.b, ',')
	}
	return w.raw(name)
}

func (w *writer) number(v int64) { w.b = strconv.AppendInt(w.b, v, 10) }

func (w *writer) instant(from int, name string, at Opt[time.Duration]) {
	if v, ok := at.Get(); ok {
		w.field(from, name).number(int64(v))
	}
}

func (w *writer) count(from int, name string, n Opt[int]) {
	if v, ok := n.Get(); ok {
		w.field(from, name).number(int64(v))
	}
}

func (w *writer) chunks(all []Chunk) {
	w.raw(`,"chunks":[`)
	for i, c := range all {
		if i > 0 {
			w.raw(",")
		}
		if !plain(string(c.Kind)) {
			w.any(c)
			continue
		}
		w.raw("[").number(c.At.Nanoseconds())
		w.raw(",").number(int64(c.Chars))
		w.raw(",").text(string(c.Kind))
		w.raw("]")
	}
	w.raw("]")
}

// text quotes a string; one with anything to escape is encoding/json's.
func (w *writer) text(s string) {
	if !plain(s) {
		w.any(s)
		return
	}
	w.b = append(append(append(w.b, '"'), s...), '"')
}

// escaped quotes a string that is optional: in lines, HTML is escaped there.
func (w *writer) escaped(s string) {
	if !strings.ContainsAny(s, "<>&") {
		w.text(s)
		return
	}
	quoted, err := json.Marshal(s)
	if err != nil && w.err == nil {
		w.err = err
	}
	w.b = append(w.b, quoted...)
}

// plain reports whether JSON writes a string as it is.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func (w *writer) object(m map[string]any) {
	if m == nil {
		w.raw("null")
		return
	}
	w.raw("{")
	from := len(w.b)
	names := make([]string, 0, 8)
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		w.field(from, "").text(name)
		w.raw(":")
		switch v := m[name].(type) {
		case string:
			w.text(v)
		case float64:
			w.float(v)
		default:
			w.any(v)
		}
	}
	w.raw("}")
}

// float prints as encoding/json does. Whole numbers of few digits are most.
func (w *writer) float(v float64) {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 && (v != 0 || !math.Signbit(v)) {
		w.number(int64(v))
		return
	}
	w.any(v)
}

// compact renders JSON that somebody else wrote.
func (w *writer) compact(raw json.RawMessage) {
	out := bytes.NewBuffer(w.b)
	if err := json.Compact(out, raw); err != nil && w.err == nil {
		w.err = err
	}
	w.b = out.Bytes()
}

// any renders what is rare.
func (w *writer) any(v any) {
	out := bytes.NewBuffer(w.b)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil && w.err == nil {
		w.err = err
	}
	w.b = bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}
