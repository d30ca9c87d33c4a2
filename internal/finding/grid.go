package finding

import (
	"fmt"
	"slices"

	"chimera/internal/fact"
	"chimera/internal/sample"
)

// A grid is one subject of a bench whose settings vary.
type grid struct {
	subject  string
	scope    map[string]string
	all      []*stratum // of all phases
	warm     []*stratum
	factors  []string
	aliases  map[string]aliasing
	ordering map[string]ordering // of each factor's levels as requested
}

// grids lists the subjects of all benches that ran under several settings.
func (a *analyst) grids() []*grid { return a.grid }

func (a *analyst) findGrids() []*grid {
	out := []*grid{}
	for _, b := range a.benches() {
		for _, s := range b.subjects() {
			g := &grid{subject: s, scope: with(b.scope(), "subject", s), aliases: map[string]aliasing{}, ordering: map[string]ordering{}}
			for _, st := range b.strata {
				if st.key.subject == s && st.phase != sample.Warmup {
					g.all = append(g.all, st)
				}
			}
			g.warm = b.of(sample.Measure, s)
			g.factors = factorsOf(g.warm)
			if len(g.factors) == 0 {
				continue
			}
			g.scope["experiment"] = covering(distinct(g.all, func(st *stratum) string { return st.key.experiment }))
			for _, f := range g.factors {
				g.aliases[f] = a.aliasesOf(g.all, f)
				levels := g.aliases[f].levels
				things := make([][]*stratum, len(levels))
				for _, st := range g.all {
					i := slices.Index(levels, levelOf(st, f))
					things[i] = append(things[i], st)
				}
				g.ordering[f] = a.orderIn(things, false)
			}
			out = append(out, g)
		}
	}
	return out
}

// settingOf names the effective configuration of every stratum, by its place.
func (a *analyst) settingOf() []string {
	names := make([]string, len(a.strata))
	for i, st := range a.strata {
		names[i] = st.key.config
	}
	for _, g := range a.grids() {
		for _, st := range g.all {
			names[st.place] = g.effective(st)
		}
	}
	return names
}

// effective names the configuration that the runtime really used, as far as
// it is known: aliased levels are one.
func (g *grid) effective(st *stratum) string {
	config := map[string]any{}
	for name, v := range st.config {
		config[name] = v
		if s, ok := g.aliases[name]; ok {
			config[name] = s.class[fmt.Sprint(v)]
		}
	}
	return fact.ConfigText(config)
}

// rest names all settings but one factor, and the prompt: what must be equal
// for two levels to stand side by side.
func rest(st *stratum, factor string) string {
	text := st.key.prompt + "\x00" + st.key.sha
	for _, name := range sortedKeys(st.config) {
		if name != factor {
			text += fmt.Sprintf("\x00%s=%v", name, st.config[name])
		}
	}
	return text
}

// byClass splits warm strata by the effective levels of a factor.
func (g *grid) byClass(factor string) (classes []string, strata [][]*stratum) {
	s := g.aliases[factor]
	classes = s.classes()
	strata = make([][]*stratum, len(classes))
	for _, st := range g.warm {
		i := slices.Index(classes, s.class[levelOf(st, factor)])
		strata[i] = append(strata[i], st)
	}
	return classes, strata
}

// sound reports whether every factor's order was drawn.
func (g *grid) sound() (o ordering, factor string) {
	for _, f := range g.factors {
		if o := g.ordering[f]; o == nested || o == cycled {
			return o, f
		}
	}
	for _, f := range g.factors {
		if g.ordering[f] != drawn {
			return unknown, f
		}
	}
	return drawn, ""
}
