package agent_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chimera/internal/agent"
	"chimera/internal/sample"
)

func embedded(t *testing.T, name string) agent.Persona {
	t.Helper()
	p, err := agent.Embedded(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func question(p agent.Persona) agent.Question {
	return agent.Question{Part: "run", Role: "baseline", Agent: agent.Agent{Persona: p, Subject: "small"}, Seed: 1, Streams: 1}
}

// A model that keeps to its schema goes through all stages: it ranks, asks a
// tool, and writes; each call is kept with its stage, and the persona stands in
// every prompt, word for word.
func TestStages(t *testing.T) {
	p := embedded(t, agent.Insight)
	m := materialOf(t, rows("slow"))
	s := &script{answer: sensible(func(agent.Question) string { return choosing(p, "N0001") })}
	w, err := agent.Work(t.Context(), m, s, question(p), "", agent.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var stages []string
	for _, q := range s.asked {
		stages = append(stages, q.Stage)
		if !strings.HasPrefix(q.Prompt, p.Text()) {
			t.Errorf("the prompt of %s does not begin with the persona", q.Stage)
		}
		if q.Schema == "" || q.Tokens != 512 {
			t.Errorf("%s is asked with schema %.20q and %d tokens", q.Stage, q.Schema, q.Tokens)
		}
	}
	if want := []string{"summary", "analysis", "analysis", "report"}; !slices.Equal(stages[:4], want) {
		t.Errorf("stages are %v, want %v first", stages, want)
	}
	if len(w.Tools) != 1 || w.Tools[0].Tool != "query" || len(w.Tools[0].Facts) == 0 {
		t.Errorf("the log of tools is %+v", w.Tools)
	}
	if len(w.Kept) == 0 || w.Score.Told == 0 || w.Ended != "" {
		t.Errorf("kept %d, score %+v, ended %q", len(w.Kept), w.Score, w.Ended)
	}
	for _, series := range []string{"summary_time", "analysis_time", "report_time", "total_time"} {
		if !slices.ContainsFunc(s.readings, func(r sample.Reading) bool {
			return r.Kind == agent.KindWorkflow && r.Series == series && r.Value.OK() && r.Labels["role"] == "baseline"
		}) {
			t.Errorf("there is no reading of %s: %+v", series, s.readings)
		}
	}
}

// What a model spoils, it spoils for its own sentences: the run ends within its
// budget, and nothing that it typed is kept.
func TestModelsThatFail(t *testing.T) {
	p := embedded(t, agent.Insight)
	for _, c := range []struct {
		name   string
		answer func(context.Context, agent.Question) (string, sample.Outcome)
	}{
		{"garbage", func(context.Context, agent.Question) (string, sample.Outcome) {
			return "{]] 42 tok/s \x00 {\"sections\": [{\"title\": 7}]", sample.OK
		}},
		{"refusal", func(context.Context, agent.Question) (string, sample.Outcome) {
			return "I am sorry, but I cannot help with 17 of that.", sample.OK
		}},
		{"loop", func(context.Context, agent.Question) (string, sample.Outcome) {
			return strings.Repeat("the fastest model is 99 times faster ", 200), sample.OK
		}},
		{"digits in slots", func(_ context.Context, q agent.Question) (string, sample.Outcome) {
			return `{"sections": {"Summary": [{"kind": "finding", "text": "quick is 99 times faster, by {{F0001}}."}, {"kind": "finding", "parts": [{"slot": "F9999"}]}]}}`, sample.OK
		}},
		{"tools for ever", func(_ context.Context, q agent.Question) (string, sample.Outcome) {
			return `{"tool": "query", "arguments": {"metric": "no_such_metric"}}`, sample.OK
		}},
		{"nothing", func(context.Context, agent.Question) (string, sample.Outcome) { return "", sample.OK }},
		{"never an answer", func(context.Context, agent.Question) (string, sample.Outcome) { return "", sample.Timeout }},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := materialOf(t, rows("slow"))
			s := &script{answer: c.answer}
			w, err := agent.Work(t.Context(), m, s, question(p), "", agent.Options{Budget: agent.Budget{Calls: 12, Tools: 4}})
			if err != nil {
				t.Fatal(err)
			}
			if len(w.Calls) > 12 || len(w.Tools) > 4 || len(w.Kept) > 0 {
				t.Errorf("%d calls, %d tools, kept %v", len(w.Calls), len(w.Tools), w.Sentences())
			}
			checkPublished(t, m, []*agent.Written{w}, s)
		})
	}
}

// A model that never stops is stopped by the clock.
func TestModelThatNeverStops(t *testing.T) {
	p := embedded(t, agent.Insight)
	m := materialOf(t, rows("slow"))
	s := &script{answer: func(ctx context.Context, _ agent.Question) (string, sample.Outcome) {
		<-ctx.Done()
		return "", sample.Timeout
	}}
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		w, err := agent.Work(t.Context(), m, s, question(p), "", agent.Options{Budget: agent.Budget{Wall: time.Minute}})
		if err != nil {
			t.Fatal(err)
		}
		if w.Ended == "" || len(w.Calls) != 1 || time.Since(begun) != time.Minute {
			t.Errorf("ended %q after %d calls and %s", w.Ended, len(w.Calls), time.Since(begun))
		}
	})
}

// An interrupt is the user's and no budget's.
func TestInterrupt(t *testing.T) {
	p := embedded(t, agent.Insight)
	ctx, cancel := context.WithCancel(t.Context())
	s := &script{answer: func(context.Context, agent.Question) (string, sample.Outcome) {
		cancel()
		return "{}", sample.OK
	}}
	w, err := agent.Work(ctx, materialOf(t, rows("slow")), s, question(p), "", agent.Options{})
	if err == nil || w == nil || len(w.Calls) != 1 {
		t.Errorf("%v, %+v", err, w)
	}
}

// The budget of calls holds, whatever is still to be asked.
func TestCallsAreCounted(t *testing.T) {
	p := embedded(t, agent.Insight)
	s := &script{answer: sensible(func(agent.Question) string { return "no" })}
	w, err := agent.Work(t.Context(), materialOf(t, rows("slow")), s, question(p), "", agent.Options{Budget: agent.Budget{Calls: 2}})
	if err != nil || len(s.asked) != 2 || !strings.Contains(w.Ended, "2 calls") {
		t.Errorf("%d calls, ended %q, %v", len(s.asked), w.Ended, err)
	}
}

// Tools leave enough of the budget for the report.
func TestReportHasItsCalls(t *testing.T) {
	p := embedded(t, agent.Insight)
	s := &script{answer: func(_ context.Context, q agent.Question) (string, sample.Outcome) {
		if q.Stage == agent.StageReport {
			return choosing(p, "N0001"), sample.OK
		}
		return `{"tool": "inventory", "arguments": {}}`, sample.OK
	}}
	w, err := agent.Work(t.Context(), materialOf(t, rows("slow")), s, question(p), "", agent.Options{Budget: agent.Budget{Calls: 5}})
	if err != nil || len(w.Tools) != 1 || len(w.Kept) == 0 {
		t.Errorf("%d tools, kept %v, %v", len(w.Tools), w.Sentences(), err)
	}
}
