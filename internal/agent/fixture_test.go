package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"chimera/internal/agent"
	"chimera/internal/digest"
	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/sample"
)

// rows are those of two subjects that one run measured side by side: the second
// decodes half as fast as the first. name is what the second is called.
func rows(name string) fact.RunRows {
	m := sample.Manifest{Schema: 1, Run: "feed0123", Name: "lab", Clock: sample.Clock{Origin: time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC), Source: "monotonic"}}
	var out fact.RunRows
	for i, s := range []string{"quick", name} {
		m.Subjects = append(m.Subjects, sample.SubjectRecord{ID: s, Target: "box", Kind: "ollama", Model: s})
		for n := range 12 {
			rate := []float64{100, 50}[i] * (1 + 0.002*float64((n*7+i*3)%11-5))
			order := 2*n + (i+n)%2
			begin := time.Duration(order) * 10 * time.Second
			out.Samples = append(out.Samples, &sample.Sample{Schema: 1, Run: m.Run, Trial: fmt.Sprintf("t%d", order), Experiment: "base", Subject: s, Target: "box",
				Workload: "banter", Prompt: fmt.Sprintf("banter/%d", n%4+1), Config: map[string]any{}, Block: n / 4, Order: order, Phase: sample.Measure, Provenance: sample.Measured, Final: true,
				Observation: sample.Observation{Outcome: sample.OK, Tokens: sample.Tokens{Output: sample.Some(65), Source: sample.FromServer},
					T: sample.Timeline{Send: sample.Some(begin), First: sample.Some(begin + 80*time.Millisecond), Last: sample.Some(begin + 80*time.Millisecond + time.Duration(64/rate*1e9)), End: sample.Some(begin + 9*time.Second)}}})
		}
	}
	m.Planned = len(out.Samples)
	out.Manifest = m
	return out
}

// materialOf is what gather makes of rows.
func materialOf(t *testing.T, r fact.RunRows) *agent.Material {
	t.Helper()
	c, err := finding.NewCollector(&r.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Samples {
		c.Sample(s)
	}
	a, err := c.Analyze()
	if err != nil {
		t.Fatal(err)
	}
	return &agent.Material{Ledger: fact.NewLedger(r), Analysis: a, Runs: a.Runs}
}

// workspace is a folder of files by name.
func workspace(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		at := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// script is a model that answers as it is told, and keeps what it was asked.
type script struct {
	answer func(ctx context.Context, q agent.Question) (string, sample.Outcome)

	mu       sync.Mutex
	clock    time.Duration
	asked    []agent.Question
	readings []sample.Reading
}

func (s *script) Ask(ctx context.Context, q agent.Question) (*sample.Sample, error) {
	text, outcome := s.answer(ctx, q)
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.asked)
	s.asked = append(s.asked, q)
	begin := s.clock
	s.clock += time.Second
	row := &sample.Sample{Schema: 1, Run: "c0ffee01", Trial: fmt.Sprintf("%s/b%d/%04d", q.Part, q.Run, n), Experiment: q.Part, Subject: q.Agent.Subject, Target: "t", Workload: q.Role + "/" + q.Stage,
		Prompt: q.Role + "/" + q.Stage + "/" + q.Stage, PromptSHA256: digest.Text(q.Prompt), Config: q.Agent.Settings, Block: q.Run, Order: n, Phase: sample.Measure, Provenance: sample.Measured, Final: true}
	if n == 0 {
		row.Phase = sample.Cold
	}
	row.Outcome = outcome
	tokens := max(len(strings.Fields(text)), 1)
	if outcome == sample.OK {
		row.SetText(text)
		row.Tokens = sample.Tokens{Output: sample.Some(tokens + 1), Source: sample.FromServer}
		row.T = sample.Timeline{Send: sample.Some(begin), First: sample.Some(begin + 100*time.Millisecond), Last: sample.Some(begin + 900*time.Millisecond), End: sample.Some(begin + 900*time.Millisecond)}
	} else {
		row.Failure = &sample.Failure{Class: sample.ClassTimeout, Message: "it took too long"}
		row.T = sample.Timeline{Send: sample.Some(begin), End: sample.Some(begin + time.Second)}
	}
	return row, nil
}

func (s *script) Prepare(context.Context, agent.Question) error { return nil }

func (s *script) Record(r ...sample.Reading) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readings = append(s.readings, r...)
	return nil
}

func (s *script) Now() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock
}

// sensible answers as a model that keeps to its schema: it chooses the first
// finding, asks one tool, and writes what chosen returns.
func sensible(chosen func(q agent.Question) string) func(context.Context, agent.Question) (string, sample.Outcome) {
	tools := 0
	return func(_ context.Context, q agent.Question) (string, sample.Outcome) {
		switch q.Stage {
		case agent.StageSummary:
			return `{"matters": ["N0001", "N9999"]}`, sample.OK
		case agent.StageAnalysis:
			if tools++; tools%2 == 1 {
				return `{"tool": "query", "arguments": {"metric": "ttft", "by": ["subject"]}}`, sample.OK
			}
			return `{"tool": "done", "arguments": {}}`, sample.OK
		}
		return chosen(q), sample.OK
	}
}

// choosing is a draft of whole findings in the sections of a persona.
func choosing(p agent.Persona, ids ...string) string {
	sections := map[string]any{}
	for _, s := range p.Sections {
		var all []any
		for _, id := range ids {
			all = append(all, map[string]any{"kind": "finding", "parts": []any{map[string]any{"slot": id}}})
		}
		sections[s.Title] = all
	}
	b, err := json.Marshal(map[string]any{"sections": sections})
	if err != nil {
		panic(err)
	}
	return string(b)
}
