package report

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"

	"chimera/internal/digest"
	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// MaxRows is how many rows an appendix should list one by one; more are for
// Rows.Brief.
const MaxRows = 2000

// Rows keeps of every row what a report must show of it: its digest and how it
// ended. It is fed row by row, so that a long run need not stand in memory. The
// zero value is ready; it is not safe for concurrent use.
type Rows struct {
	// Brief leaves the rows' digests out, as for more than MaxRows rows: then the
	// seal of the run stands for all of them.
	Brief  bool
	list   []rowDigest
	groups map[groupKey]*group
	line   bytes.Buffer
}

// rowDigest is one row of the appendix.
type rowDigest struct {
	row, phase, outcome, digest string
	superseded                  bool
}

// groupKey separates rows as the appendix does.
type groupKey struct{ run, experiment, subject, phase string }

func (k groupKey) compare(o groupKey) int {
	return cmp.Or(cmp.Compare(k.run, o.run), cmp.Compare(k.experiment, o.experiment), cmp.Compare(k.subject, o.subject), cmp.Compare(k.phase, o.phase))
}

func (k groupKey) scope() map[string]string {
	return map[string]string{"run": k.run, "experiment": k.experiment, "subject": k.subject, "phase": k.phase}
}

type group struct {
	outcomes   map[sample.Outcome]int
	superseded int
	retried    int
	chain      digest.Chain
}

// count says how a row ended.
func (g *group) count(s *sample.Sample) {
	switch {
	case s.Superseded:
		g.superseded++
	case !s.Final:
		g.retried++
	default:
		g.outcomes[s.Outcome]++
	}
}

// Add takes one row of a run, as it is stored. The digest is that of its line
// as an export of the run has it.
func (r *Rows) Add(s *sample.Sample) error {
	at := groupKey{s.Run, s.Experiment, s.Subject, string(s.Phase)}
	g := r.groups[at]
	if g == nil {
		if r.groups == nil {
			r.groups = map[groupKey]*group{}
		}
		g = &group{outcomes: map[sample.Outcome]int{}}
		r.groups[at] = g
	}
	g.count(s)
	if r.Brief {
		return nil
	}
	r.line.Reset()
	if err := sample.Write(&r.line, s); err != nil {
		return fmt.Errorf("digest of row %s/%s: %w", s.Run, s.Trial, err)
	}
	g.chain.Add(r.line.Bytes())
	r.list = append(r.list, rowDigest{fmt.Sprintf("%s/%s.%d", s.Run, s.Trial, s.Attempt), string(s.Phase), string(s.Outcome),
		digest.Bytes(r.line.Bytes()), s.Superseded})
	return nil
}

// tally is one group's counts as facts.
type tally struct {
	key      groupKey
	planned  fact.Fact
	outcomes map[sample.Outcome]fact.Fact // those that occurred
	digest   string
}

// tallies makes the facts of every group, and enters them into the ledger.
// Without digests of their own, rows stand under their run's seal.
func (r *Rows) tallies(l *Ledger, seals map[string]string) ([]tally, error) {
	var all []tally
	for _, k := range slices.SortedFunc(maps.Keys(r.groups), groupKey.compare) {
		g := r.groups[k]
		t := tally{key: k, outcomes: map[sample.Outcome]fact.Fact{}, digest: seals[k.run]}
		if !r.Brief {
			t.digest = g.chain.Sum()
		}
		ended := 0
		for _, n := range g.outcomes {
			ended += n
		}
		var err error
		if t.planned, err = rowCount(k.scope(), ended, ended, t.digest, g.caveats()); err != nil {
			return nil, err
		}
		l.Add(t.planned)
		for o, n := range g.outcomes {
			scope := k.scope()
			scope["outcome"] = string(o)
			if t.outcomes[o], err = rowCount(scope, n, ended, t.digest, nil); err != nil {
				return nil, err
			}
		}
		for _, o := range sample.Outcomes {
			if f, ok := t.outcomes[o]; ok {
				l.Add(f)
			}
		}
		all = append(all, t)
	}
	return all, nil
}

func (g *group) caveats() []string {
	var out []string
	if g.superseded > 0 {
		out = append(out, fmt.Sprintf("left out: %d superseded by a repeated block", g.superseded))
	}
	if g.retried > 0 {
		out = append(out, fmt.Sprintf("left out: %d attempts that were retried", g.retried))
	}
	return out
}

// rowCount is a fact that says how many rows there are: no estimate, so it has
// no interval.
func rowCount(scope map[string]string, n, planned int, evidence string, caveats []string) (fact.Fact, error) {
	return fact.Identify(fact.Fact{Metric: "rows", Version: 1, Aggregate: "count", Unit: unit.None, Scope: scope,
		Value: sample.Some(float64(n)), N: n, Planned: planned, Method: "counted", Caveats: caveats,
		Evidence: fact.Evidence{Rows: []string{}, Digest: evidence}})
}
