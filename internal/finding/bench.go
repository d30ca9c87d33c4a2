package finding

import (
	"cmp"
	"math"
	"path"
	"slices"
	"strings"

	"chimera/internal/metric"
	"chimera/internal/sample"
)

// A bench is the set of strata that were measured to be compared: one
// experiment on one workload. Files of another tool that hold one subject each
// and the same prompts and settings are one bench, too; the order of their
// rows against each other is then unknown.
type bench struct {
	run, experiment, workload string
	strata                    []*stratum // of all phases
	apart                     bool       // made of several experiments of one subject each
}

// benches lists the benches in the order of their names.
func (a *analyst) benches() []*bench { return a.bench }

func (a *analyst) findBenches() []*bench {
	type name struct{ run, experiment, workload string }
	byName := map[name]*bench{}
	var all []*bench
	for _, g := range a.strata {
		at := name{g.key.run, g.key.experiment, g.key.workload}
		if byName[at] == nil {
			byName[at] = &bench{run: at.run, experiment: at.experiment, workload: at.workload}
			all = append(all, byName[at])
		}
		byName[at].strata = append(byName[at].strata, g)
	}
	return joined(all)
}

// joined makes one bench of imported ones that differ only in the subject.
func joined(all []*bench) []*bench {
	groups := map[string][]*bench{}
	var names []string
	for _, b := range all {
		shape := b.shape()
		if groups[shape] == nil {
			names = append(names, shape)
		}
		groups[shape] = append(groups[shape], b)
	}
	out := []*bench{}
	for _, shape := range names {
		group := groups[shape]
		if len(group) == 1 || shape == "" || len(distinct(group, func(b *bench) string { return b.subjects()[0] })) != len(group) {
			out = append(out, group...)
			continue
		}
		one := &bench{run: group[0].run, workload: group[0].workload, apart: true}
		for _, b := range group {
			one.strata = append(one.strata, b.strata...)
		}
		one.experiment = covering(distinct(group, func(b *bench) string { return b.experiment }))
		out = append(out, one)
	}
	slices.SortStableFunc(out, func(x, y *bench) int {
		return cmp.Or(cmp.Compare(x.run, y.run), cmp.Compare(x.experiment, y.experiment), cmp.Compare(x.workload, y.workload))
	})
	return out
}

// covering names several experiments by what their names share: "dir/*.csv".
func covering(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	head, tail := names[0], names[0]
	for _, n := range names[1:] {
		for !strings.HasPrefix(n, head) {
			head = head[:len(head)-1]
		}
		for !strings.HasSuffix(n, tail) {
			tail = tail[1:]
		}
	}
	return strings.ToValidUTF8(head+"*"+tail, "")
}

// shape is what imported benches of one subject must share to be one bench:
// run, folder, workload, prompts and configurations; "" for any other bench.
func (b *bench) shape() string {
	if len(b.subjects()) != 1 || slices.ContainsFunc(b.strata, func(g *stratum) bool { return g.origin != sample.Imported }) {
		return ""
	}
	prompts := distinct(b.strata, func(g *stratum) string { return g.key.prompt + "\x01" + g.key.sha })
	configs := distinct(b.strata, func(g *stratum) string { return g.key.config })
	return strings.Join([]string{b.run, path.Dir(b.experiment), b.workload, strings.Join(prompts, "\x02"), strings.Join(configs, "\x02")}, "\x00")
}

func (b *bench) subjects() []string {
	return distinct(b.strata, func(g *stratum) string { return g.key.subject })
}

func (b *bench) scope() map[string]string {
	return map[string]string{"run": b.run, "experiment": b.experiment, "workload": b.workload}
}

// of returns the strata of a phase and subject ("" for all).
func (b *bench) of(phase sample.Phase, subject string) []*stratum {
	var out []*stratum
	for _, g := range b.strata {
		if g.phase == phase && (subject == "" || g.key.subject == subject) {
			out = append(out, g)
		}
	}
	return out
}

// A visit is the mean logarithm of a metric over the rows of one stratum in one
// block.
type visit struct {
	block int32
	n     int32
	mean  float64
}

// visits returns the visits of every stratum, by its place, of a speed or a
// latency.
func (x *index) visits(id string) [][]visit { return x.means[id] }

func (x *index) visit(id string) [][]visit {
	m := x.metric(id)
	all := make([][]visit, len(x.strata))
	for _, g := range x.strata {
		at := map[int32]int{}
		for i := g.from; i < g.to; i++ {
			v := x.values[m][i]
			if math.IsNaN(v) || v <= 0 {
				continue
			}
			k, ok := at[x.rows[i].block]
			if !ok {
				k = len(all[g.place])
				at[x.rows[i].block] = k
				all[g.place] = append(all[g.place], visit{block: x.rows[i].block})
			}
			u := &all[g.place][k]
			u.n++
			u.mean += (math.Log(v) - u.mean) / float64(u.n)
		}
		slices.SortFunc(all[g.place], func(a, b visit) int { return cmp.Compare(a.block, b.block) })
	}
	return all
}

// speeds and latencies are alternatives, the client's clock first: a bench is
// judged by the first that all of its subjects have.
var (
	speeds    = []string{"decode_rate", "server_decode_rate", "server_rate_naive"}
	latencies = []string{"ttft", "ttft_server_est"}
)

// carried returns the metric of alternatives that the most things have values
// of, the first of equals; ok is false if none has any.
func (a *analyst) carried(alternatives []string, things ...[]*stratum) (id string, ok bool) {
	most := 0
	for _, m := range alternatives {
		have := 0
		for _, strata := range things {
			if (cell{x: &a.index, strata: strata}).n(m) > 0 {
				have++
			}
		}
		if have > most {
			id, most = m, have
		}
	}
	return id, most > 0
}

// better reports whether larger values of a metric are better.
func (a *analyst) higher(id string) bool {
	return a.metrics[a.metric(id)].Direction == metric.Higher
}
