package run

import (
	"fmt"
	"maps"
	"slices"

	"chimera/internal/sample"
	"chimera/internal/spec"
)

// effectives collects which effective configurations each requested one met.
type effectives map[string]map[string]*met // subject → requested configuration

type met struct {
	requested map[string]any
	effective map[string]map[string]any // by its id
}

func (e effectives) add(row *sample.Sample) {
	if len(row.Effective) == 0 {
		return
	}
	of := e[row.Subject]
	if of == nil {
		of = map[string]*met{}
		e[row.Subject] = of
	}
	id := spec.ConfigID(row.Config)
	if of[id] == nil {
		of[id] = &met{row.Config, map[string]map[string]any{}}
	}
	of[id].effective[spec.ConfigID(row.Effective)] = row.Effective
}

// aliases are the requested configurations that always met the same single
// effective one, in a fixed order.
func (e effectives) aliases() []sample.Alias {
	var all []sample.Alias
	for _, subject := range slices.Sorted(maps.Keys(e)) {
		same := map[string]*sample.Alias{}
		for _, requested := range slices.Sorted(maps.Keys(e[subject])) {
			m := e[subject][requested]
			if len(m.effective) != 1 {
				continue
			}
			for id, effective := range m.effective {
				if same[id] == nil {
					same[id] = &sample.Alias{Subject: subject, Effective: effective, Known: "after"}
				}
				same[id].Requested = append(same[id].Requested, m.requested)
			}
		}
		for _, id := range slices.Sorted(maps.Keys(same)) {
			if len(same[id].Requested) > 1 {
				all = append(all, *same[id])
			}
		}
	}
	return all
}

// unsteady are warnings about configurations whose effective one changed
// during the run: then no level of theirs is one level.
func (e effectives) unsteady() []string {
	var all []string
	for _, subject := range slices.Sorted(maps.Keys(e)) {
		for _, requested := range slices.Sorted(maps.Keys(e[subject])) {
			if n := len(e[subject][requested].effective); n > 1 {
				all = append(all, fmt.Sprintf("effective_unsteady: subject %s with %s ran with %d effective configurations", subject, requested, n))
			}
		}
	}
	return all
}

// complete adds to the manifest what only the run could tell.
func (c *conductor) complete(m *sample.Manifest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := m.Aliases
	m.Aliases = slices.DeleteFunc(before, func(a sample.Alias) bool { return a.Known == "after" })
	m.Aliases = append(m.Aliases, c.mu.effective.aliases()...)
	for _, text := range c.warnings() {
		if !slices.Contains(m.Warnings, text) {
			m.Warnings = append(m.Warnings, text)
		}
	}
	if m.Absent == nil {
		m.Absent = map[string]string{}
	}
	maps.Copy(m.Absent, c.mu.absent)
	if !c.read {
		m.Absent["telemetry"] = "the machine was not read during the run"
	}
}

// warnings are all of this session. The caller holds mu.
func (c *conductor) warnings() []string {
	return slices.Concat(c.mu.warnings, c.mu.effective.unsteady(), c.mu.loads.warnings())
}

func (l Loads) warnings() []string {
	var all []string
	if l.Unplanned > 0 {
		all = append(all, fmt.Sprintf("unplanned_reloads: %d requests ran into a load of the model, beside %d planned loads; they count as cold", l.Unplanned, l.Planned))
	}
	if l.Failed > 0 {
		all = append(all, fmt.Sprintf("failed_loads: %d of %d loads of a model went wrong; their trials were dropped", l.Failed, l.Failed+l.Planned))
	}
	return all
}
