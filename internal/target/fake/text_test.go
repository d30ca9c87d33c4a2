package fake_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"chimera/internal/sample"
	"chimera/internal/target"
	"chimera/internal/target/fake"
	"chimera/internal/target/targettest"
)

// A script decides what is said, and nothing else: the budget and the pace stay.
func TestAnswersAreScripted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := fake.DefaultProfile()
		var asked atomic.Pointer[fake.Question]
		p.Answer = func(q fake.Question) (string, bool) {
			asked.Store(&q)
			return "No: ich weiß es nicht.", strings.Contains(q.Prompt, "why")
		}
		s, err := fake.New(p)
		if err != nil {
			t.Fatal(err)
		}
		req := target.Request{Model: "fake", Prompt: "why?", MaxTokens: 40, Constraint: target.Constraint{JSONSchema: `{"type": "null"}`}}
		s.Target().Stream(t.Context(), req, targettest.Clock())
		whole := s.Target().Stream(t.Context(), req, targettest.Clock())
		if whole.Text.Or("") != "No: ich weiß es nicht." || whole.Finish != "stop" || whole.Tokens.Output.Or(0) != 6 {
			t.Errorf("%q, %s, %+v", whole.Text.Or(""), whole.Finish, whole.Tokens)
		}
		if q := asked.Load(); q.Visit != 1 || q.Constraint != req.Constraint || q.Model != "fake" {
			t.Errorf("asked %+v", q)
		}
		req.MaxTokens = 2
		if cut := s.Target().Stream(t.Context(), req, targettest.Clock()); cut.Text.Or("") != "No: ich " || cut.Finish != "length" {
			t.Errorf("%q, %s", cut.Text.Or(""), cut.Finish)
		}
		req.Prompt = "how?"
		if own := s.Target().Stream(t.Context(), req, targettest.Clock()); own.Text.Or("") != "null" {
			t.Errorf("without a script: %q", own.Text.Or(""))
		}
	})
}

func TestAScriptMaySayNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := fake.DefaultProfile()
		p.Answer = func(fake.Question) (string, bool) { return "", true }
		s, err := fake.New(p)
		if err != nil {
			t.Fatal(err)
		}
		o := s.Target().Stream(t.Context(), request(8), targettest.Clock())
		targettest.Valid(t, o)
		if o.Outcome != sample.Degenerate || o.Failure.Class != sample.ClassNoTokens || o.Tokens.Output.Or(-1) != 0 {
			t.Errorf("outcome %s %+v, %+v", o.Outcome, o.Failure, o.Tokens)
		}
	})
}

// Whatever the budget, a constrained answer is whole or is refused; and greedy
// answers to one prompt are one.
func TestConstrainedAnswersAreWhole(t *testing.T) {
	const schema = `{"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "array", "items": {"type": "integer"}}}, "required": ["a", "b"]}`
	synctest.Test(t, func(t *testing.T) {
		s := simulator(t, "")
		req := request(0)
		req.Constraint.JSONSchema = schema
		refused := 0
		for budget := 1; budget <= 60; budget++ {
			req.MaxTokens = budget
			o := s.Target().Stream(t.Context(), req, targettest.Clock())
			targettest.Valid(t, o)
			if o.Outcome == sample.Error {
				refused++
				if o.Failure.Status.Or(0) != 400 || !strings.Contains(o.Failure.Message, "tokens to end, but may have only") {
					t.Errorf("%d tokens: %+v", budget, o.Failure)
				}
				continue
			}
			if err := targettest.Validate(schema, o.Text.Or("")); err != nil || o.Finish != "stop" || o.Tokens.Output.Or(0) > budget {
				t.Errorf("%d tokens: %q (%s): %v", budget, o.Text.Or(""), o.Finish, err)
			}
			if again := s.Target().Stream(t.Context(), req, targettest.Clock()); again.Text != o.Text {
				t.Errorf("%q and %q", o.Text.Or(""), again.Text.Or(""))
			}
		}
		if refused == 0 || refused > 10 {
			t.Errorf("%d of 60 budgets are too small", refused)
		}
	})
}
