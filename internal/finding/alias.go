package finding

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/sample"
)

// An aliasing says which levels of one factor are one level for one subject,
// and how that is known.
type aliasing struct {
	factor  string
	levels  []string          // as requested, in order of value
	class   map[string]string // level → name of its class: "1024|2048"
	how     string            // clamped, reported, unreloaded; "" if no levels are one
	limit   int               // of clamped: levels from here on are one
	byName  bool              // of clamped: the limit is the published one of a model of that name
	changes int               // of unreloaded: changes between aliased levels, none of which reloaded
	reloads int               // of unreloaded: reloads at the other changes
}

// classes lists the effective levels in order.
func (s aliasing) classes() []string {
	var out []string
	for _, l := range s.levels {
		if c := s.class[l]; !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

// How two levels are known to be one.
const (
	clamped    = "clamped"    // the model has fewer layers, or a shorter context
	reported   = "reported"   // the runtime reported one effective configuration
	unreloaded = "unreloaded" // the runtime reloads when this option changes, and did not here
)

// factorsOf lists the options that have two or more levels among strata.
func factorsOf(strata []*stratum) []string {
	levels := map[string]map[string]bool{}
	for _, g := range strata {
		for name, v := range g.config {
			if levels[name] == nil {
				levels[name] = map[string]bool{}
			}
			levels[name][fmt.Sprint(v)] = true
		}
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(levels)) {
		if len(levels[name]) > 1 {
			out = append(out, name)
		}
	}
	return out
}

// levelOf is the requested level of a factor: "default" where it was not set.
func levelOf(g *stratum, factor string) string {
	if v, ok := g.config[factor]; ok {
		return fmt.Sprint(v)
	}
	return "default"
}

func compareLevels(a, b string) int {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	if errX == nil && errY == nil {
		return cmp.Compare(x, y)
	}
	return strings.Compare(a, b)
}

// aliasesOf finds the levels of a factor that were one level for a subject.
// The strata are all of that subject in one bench.
func (a *analyst) aliasesOf(strata []*stratum, factor string) aliasing {
	s := aliasing{factor: factor, class: map[string]string{}}
	s.levels = distinct(strata, func(g *stratum) string { return levelOf(g, factor) })
	slices.SortFunc(s.levels, compareLevels)
	for _, l := range s.levels {
		s.class[l] = l
	}
	record, known := a.subject(strata[0].key.run, strata[0].key.subject)
	record, s.byName = recorded(record)
	switch {
	case known && s.clamp(record):
	case s.join(a.told(strata, factor), reported):
	default:
		s.unreloaded(a, strata)
	}
	return s
}

// subject finds what is known of a subject beside its rows.
func (a *analyst) subject(run, id string) (sample.SubjectRecord, bool) {
	for _, m := range a.manifests {
		for _, s := range m.Subjects {
			if m.Run == run && s.ID == id {
				return s, true
			}
		}
	}
	return sample.SubjectRecord{ID: id, Model: id}, false
}

// clamp merges levels above what the model has: num_gpu counts the layers and
// one for the output; a context cannot exceed the trained one.
func (s *aliasing) clamp(record sample.SubjectRecord) bool {
	limit, known := 0, false
	switch s.factor {
	case "num_gpu":
		limit, known = record.Layers.Get()
		limit++
	case "num_ctx":
		limit, known = record.TrainedCtx.Get()
	}
	if !known {
		return false
	}
	var beyond []string
	for _, l := range s.levels {
		if v, err := strconv.ParseFloat(l, 64); err == nil && v >= float64(limit) {
			beyond = append(beyond, l)
		}
	}
	s.limit = limit
	return s.joinAll(beyond, clamped)
}

func (s *aliasing) joinAll(levels []string, how string) bool {
	var pairs [][2]string
	for i := 1; i < len(levels); i++ {
		pairs = append(pairs, [2]string{levels[i-1], levels[i]})
	}
	return s.join(pairs, how)
}

// join merges pairs of levels and names the classes anew.
func (s *aliasing) join(pairs [][2]string, how string) bool {
	if len(pairs) == 0 {
		return false
	}
	root := map[string]string{}
	find := func(l string) string {
		for root[l] != "" {
			l = root[l]
		}
		return l
	}
	for _, p := range pairs {
		if x, y := find(p[0]), find(p[1]); x != y {
			root[y] = x
		}
	}
	members := map[string][]string{}
	for _, l := range s.levels {
		members[find(l)] = append(members[find(l)], l)
	}
	for _, group := range members {
		for _, l := range group {
			s.class[l] = strings.Join(group, "|")
		}
	}
	s.how = how
	return true
}

// told returns pairs of levels for which the runtime reported, or the manifest
// names, one effective configuration wherever all else was equal.
func (a *analyst) told(strata []*stratum, factor string) [][2]string {
	class := map[string]string{} // requested configuration → its effective one
	many := map[string]bool{}
	for _, g := range strata {
		for effective := range g.effective {
			if was, ok := class[g.key.config]; ok && was != effective {
				many[g.key.config] = true
			}
			class[g.key.config] = effective
		}
	}
	for _, m := range a.manifests {
		for i, alias := range m.Aliases {
			if m.Run != strata[0].key.run || alias.Subject != strata[0].key.subject {
				continue
			}
			for _, requested := range alias.Requested {
				class[fact.ConfigText(requested)] = fmt.Sprint("alias ", i)
			}
		}
	}
	type pair = [2]string
	same, differ := map[pair]bool{}, map[pair]bool{}
	others := map[string]map[string]string{} // all but the factor → level → configuration
	for _, g := range strata {
		rest := maps.Clone(g.config)
		delete(rest, factor)
		key := fact.ConfigText(rest)
		if others[key] == nil {
			others[key] = map[string]string{}
		}
		others[key][levelOf(g, factor)] = g.key.config
	}
	for _, levels := range others {
		names := slices.SortedFunc(maps.Keys(levels), compareLevels)
		for i, x := range names {
			for _, y := range names[i+1:] {
				cx, cy := levels[x], levels[y]
				if class[cx] != "" && class[cx] == class[cy] && !many[cx] && !many[cy] {
					same[pair{x, y}] = true
				} else {
					differ[pair{x, y}] = true
				}
			}
		}
	}
	var out []pair
	for p := range same {
		if !differ[p] {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(x, y pair) int { return cmp.Or(compareLevels(x[0], y[0]), compareLevels(x[1], y[1])) })
	return out
}

// Options whose change makes a runtime load the model again (method §2.3).
var reloading = []string{"num_ctx", "num_gpu", "num_batch", "num_thread", "main_gpu", "use_mmap"}

// leastReloads is how many changes must have reloaded before a change that did
// not says anything.
const leastReloads = 3

// unreloaded merges levels between which the runtime did not reload although
// it reloads when this option changes: it told the same configuration. Only
// rows of other tools are judged so; chimera asks the runtime.
func (s *aliasing) unreloaded(a *analyst, strata []*stratum) {
	if !slices.Contains(reloading, s.factor) || strata[0].origin != sample.Imported {
		return
	}
	type at struct {
		order int32
		g     *stratum
	}
	var seq []at
	for _, g := range strata {
		for i := g.from; i < g.to; i++ {
			seq = append(seq, at{a.rows[i].order, g})
		}
	}
	slices.SortFunc(seq, func(x, y at) int { return cmp.Compare(x.order, y.order) })
	type tally struct{ changes, reloads int }
	seen := map[[2]string]*tally{}
	reloads := 0
	for i := 1; i < len(seq); i++ {
		x, y := levelOf(seq[i-1].g, s.factor), levelOf(seq[i].g, s.factor)
		cold := seq[i].g.phase == sample.Cold
		if cold {
			reloads++
		}
		if x == y || !onlyReloader(seq[i-1].g, seq[i].g, s.factor) {
			continue
		}
		p := [2]string{x, y}
		if compareLevels(x, y) > 0 {
			p = [2]string{y, x}
		}
		if seen[p] == nil {
			seen[p] = &tally{}
		}
		seen[p].changes++
		if cold {
			seen[p].reloads++
		}
	}
	var pairs [][2]string
	for p, t := range seen {
		if t.reloads == 0 && t.changes >= leastReloads {
			pairs = append(pairs, p)
			s.changes += t.changes
		}
	}
	if reloads < leastReloads || len(pairs) == 0 {
		s.changes = 0
		return
	}
	s.reloads = reloads
	slices.SortFunc(pairs, func(x, y [2]string) int { return cmp.Or(compareLevels(x[0], y[0]), compareLevels(x[1], y[1])) })
	s.join(pairs, unreloaded)
}

// onlyReloader reports whether factor is the only reloading option that
// differs.
func onlyReloader(x, y *stratum, factor string) bool {
	for _, name := range reloading {
		if name != factor && levelOf(x, name) != levelOf(y, name) {
			return false
		}
	}
	return true
}
