package finding

import (
	"cmp"
	"slices"
	"strings"

	"chimera/internal/digest"
	"chimera/internal/fact"
	"chimera/internal/sample"
)

// A specimen is what one thing was measured to be, one value a series: a kernel
// in one file, a backend on one model, a quantization method.
type specimen struct {
	run    string
	labels map[string]string
	series map[string][]*sample.Reading
}

// specimens groups the readings of a kind by the labels that name a thing.
func (a *analyst) specimens(kind string, by ...string) []*specimen {
	at := map[string]*specimen{}
	for _, r := range a.readings {
		if r.Kind != kind {
			continue
		}
		key := r.Run
		for _, l := range by {
			key += "\x00" + r.Labels[l]
		}
		if at[key] == nil {
			at[key] = &specimen{run: r.Run, labels: r.Labels, series: map[string][]*sample.Reading{}}
		}
		at[key].series[r.Series] = append(at[key].series[r.Series], r)
	}
	var out []*specimen
	for _, key := range sortedKeys(at) {
		out = append(out, at[key])
	}
	return out
}

// reason says why a series has no value.
func (s *specimen) reason(series string) string {
	for _, r := range s.series[series] {
		if !r.Value.OK() && r.Reason != "" {
			return r.Reason
		}
	}
	if len(s.series[series]) > 1 {
		return "several values"
	}
	return "not measured"
}

// observed enters the values of a series as a fact: the value itself, or the
// median of several. A series without a value gives a fact without one.
func (a *analyst) observed(s *specimen, series string, scope map[string]string) fact.Fact {
	readings := s.series[series]
	f := fact.Fact{Metric: series, Version: 1, Aggregate: "value", Scope: with(scope, "run", s.run), Planned: len(readings), Method: "as read",
		Evidence: fact.Evidence{Rows: []string{}}}
	var chain digest.Chain
	for _, r := range readings {
		f.Unit = r.Unit
		v, ok := r.Value.Get()
		if !ok {
			continue
		}
		f.N++
		f.Value = sample.Some(v)
		name := readingName(r)
		f.Evidence.Rows = append(f.Evidence.Rows, name)
		chain.Add([]byte(name))
	}
	f.Evidence.Digest = chain.Sum()
	if f.N == 0 {
		f.Reason, f.Method = s.reason(series), "none"
	}
	return a.put(fact.Identify(f))
}

// readingName names a reading as evidence: its file and row where it has them.
func readingName(r *sample.Reading) string {
	if file := r.Labels["file"]; file != "" {
		return r.Run + "/" + file + "#" + r.Labels["row"] + " " + r.Series
	}
	return r.Run + "/" + r.Series + "@" + r.At.String()
}

// settleReadings puts readings in an order of their own, so that the order in
// which they came is forgotten.
func (c *Collector) settleReadings() {
	text := func(r *sample.Reading) string {
		var b strings.Builder
		for _, k := range sortedKeys(r.Labels) {
			b.WriteString(k + "=" + r.Labels[k] + "\x00")
		}
		return b.String()
	}
	keys := make(map[*sample.Reading]string, len(c.readings))
	for _, r := range c.readings {
		keys[r] = text(r)
	}
	slices.SortStableFunc(c.readings, func(x, y *sample.Reading) int {
		return cmp.Or(strings.Compare(x.Run, y.Run), strings.Compare(x.Kind, y.Kind), strings.Compare(x.Series, y.Series), cmp.Compare(x.At, y.At),
			strings.Compare(keys[x], keys[y]), cmp.Compare(x.Value.Or(0), y.Value.Or(0)))
	})
}
