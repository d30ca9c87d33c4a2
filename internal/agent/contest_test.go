package agent_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"chimera/internal/agent"
	"chimera/internal/sample"
)

func contest(t *testing.T, s *script, roles ...string) agent.Contest {
	t.Helper()
	c := agent.Contest{Material: materialOf(t, rows("slow")), Model: s, Runs: 4, Tokens: 16, Seed: 7}
	for i, r := range roles {
		p := embedded(t, agent.Personas()[i%2])
		c.Rivals = append(c.Rivals, agent.Rival{Role: r, Agent: agent.Agent{Persona: p, Subject: "small", Settings: map[string]any{"threads": float64(i + 1)}}})
	}
	return c
}

// measuredIn lists who was asked what in a part, in order, warm-ups left out.
func measuredIn(s *script, part string) []string {
	var out []string
	for _, q := range s.asked {
		if q.Part == part && !q.Warmup {
			out = append(out, fmt.Sprintf("%d %s %s", q.Run, q.Role, q.Stage))
		}
	}
	return out
}

// Rivals do equal work in every block: the same prompts but for their personas,
// fixed lengths, in an order that is drawn and that the seed gives again.
func TestCompareIsPairedAndDrawn(t *testing.T) {
	p := embedded(t, agent.Insight)
	var orders [2][]string
	for i := range orders {
		s := &script{answer: sensible(func(agent.Question) string { return choosing(p, "N0001") })}
		c := contest(t, s, "baseline", "tuned")
		c.Rivals[0].Agent.Persona = p
		c.Rivals[0].Agent.Settings = nil
		all, err := c.Compare(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		orders[i] = measuredIn(s, agent.PartCompare)
		if len(orders[i]) != 4*2*3 {
			t.Fatalf("asked %v", orders[i])
		}
		byKey := map[string]agent.Question{}
		for _, q := range s.asked {
			if q.Part != agent.PartCompare || q.Warmup {
				continue
			}
			if !q.Fixed || q.Tokens != 16 || q.Nonce == "" {
				t.Errorf("%+v is no equal work", q)
			}
			key := fmt.Sprint(q.Run, q.Stage)
			if o, ok := byKey[key]; ok && (o.Prompt != q.Prompt || o.Nonce != q.Nonce || o.Seed != q.Seed) {
				t.Errorf("%s: the rivals are asked different things", key)
			}
			byKey[key] = q
		}
		if len(all) != 2 || len(all[0].Calls) <= 12 || len(all[0].Kept) == 0 {
			t.Errorf("%d agents wrote", len(all))
		}
		checkPublished(t, c.Material, all, s)
	}
	if !slices.Equal(orders[0], orders[1]) {
		t.Error("the seed does not give the order again")
	}
	first := map[string]bool{}
	for i := 0; i < len(orders[0]); i += 6 {
		first[strings.Fields(orders[0][i])[1]] = true
	}
	if len(first) != 2 {
		t.Errorf("one agent always goes first: %v", orders[0])
	}
}

// Alone each agent works alone; together they work at once, on the subjects of
// the arm; and the second agent reads what the first one wrote.
func TestPair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		busy, most := map[string]int{}, map[string]int{}
		write := sensible(func(q agent.Question) string { return choosing(q.Agent.Persona, "F0001", "N0001") })
		s := &script{answer: func(ctx context.Context, q agent.Question) (string, sample.Outcome) {
			mu.Lock()
			busy[q.Part]++
			most[q.Part] = max(most[q.Part], busy[q.Part])
			mu.Unlock()
			<-time.After(time.Second) // of the bubble's clock
			mu.Lock()
			defer mu.Unlock()
			busy[q.Part]--
			if q.Part == agent.PartWrite {
				return write(ctx, q)
			}
			return "one two three", sample.OK
		}}
		c := contest(t, s, "collector", "insight")
		c.Runs = 2
		all, err := c.Pair(t.Context(), agent.PairPlan{Scenario: "homogeneous", Levels: []int{1, 3},
			Arms: []agent.ArmPlan{{Name: "parallel", Subjects: []string{"small", "small"}}, {Name: "two-servers", Subjects: []string{"small", "other"}}}})
		if err != nil {
			t.Fatal(err)
		}
		for part, want := range map[string]int{agent.PartSolo: 1, "parallel": 2, "two-servers": 2, "level-1": 1, "level-3": 3, agent.PartWrite: 1} {
			if most[part] != want {
				t.Errorf("%s: %d calls at once, want %d", part, most[part], want)
			}
		}
		if got := measuredIn(s, agent.PartSolo); len(got) != 2*2*3 || !strings.HasPrefix(measuredIn(s, "two-servers")[0], "0 ") {
			t.Errorf("alone: %v", got)
		}
		read := false
		for _, q := range s.asked {
			if q.Part == "two-servers" && (q.Agent.Subject == "other") != (q.Role == "insight") {
				t.Errorf("%s asks %s", q.Role, q.Agent.Subject)
			}
			if q.Part == agent.PartWrite && q.Role == "insight" {
				read = read || strings.Contains(q.Prompt, "The first agent wrote") && strings.Contains(q.Prompt, all[0].Sentences()["Inventory"][0])
			} else if strings.Contains(q.Prompt, "The first agent wrote") {
				t.Errorf("%s in %s reads another's work", q.Role, q.Part)
			}
		}
		if !read {
			t.Error("the second agent did not read what the first one wrote")
		}
		walls := 0
		for _, r := range s.readings {
			if r.Kind == agent.KindPair && r.Value.OK() && r.Labels["scenario"] == "homogeneous" {
				walls++
			}
		}
		if walls != 4 {
			t.Errorf("%d wall times of 2 arms in 2 blocks", walls)
		}
		checkPublished(t, c.Material, all, s)
	})
}
