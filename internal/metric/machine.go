package metric

import (
	"maps"
	"slices"
	"strings"
	"time"

	"chimera/internal/sample"
)

// source picks the readings with a value of one of the series, in the order of
// time. It refuses a mixture: the sum of a package's energy and its core's
// counts the core twice, and no one asked for the mean of two processes.
func source(readings []sample.Reading, series ...string) ([]sample.Reading, reason) {
	var out []sample.Reading
	var silent reason
	for _, r := range readings {
		if !slices.Contains(series, r.Series) {
			continue
		}
		if !r.Value.OK() {
			silent = because("%s: %s", r.Series, r.Reason)
			continue
		}
		if len(out) > 0 && (r.Series != out[0].Series || r.Run != out[0].Run || !maps.Equal(r.Labels, out[0].Labels)) {
			return nil, because("the readings come from two sources (%s, %s): name one", nameOf(out[0]), nameOf(r))
		}
		out = append(out, r)
	}
	switch {
	case len(out) > 0:
		slices.SortStableFunc(out, func(a, b sample.Reading) int { return int(a.At - b.At) })
		return out, ""
	case silent != "":
		return nil, silent
	}
	return nil, because("nothing read %s", strings.Join(series, " or "))
}

func nameOf(r sample.Reading) string {
	name := r.Series
	for _, k := range slices.Sorted(maps.Keys(r.Labels)) {
		name += " " + k + "=" + r.Labels[k]
	}
	return name
}

// peak is the largest value in the window, or the last before it where the
// window has none: a state holds until it is read again.
func peak(series ...string) func([]sample.Reading, Window, []*sample.Sample) (float64, reason) {
	return func(readings []sample.Reading, w Window, _ []*sample.Sample) (float64, reason) {
		found, why := source(readings, series...)
		if why != "" {
			return 0, why
		}
		top, inside, before := 0.0, false, -1
		for i, r := range found {
			switch v := r.Value.Or(0); {
			case r.At > w.To:
			case r.At < w.From:
				before = i
			case !inside || v > top:
				top, inside = v, true
			}
		}
		switch {
		case inside:
			return top, ""
		case before >= 0:
			return found[before].Value.Or(0), ""
		}
		return 0, because("%s was not read between %s and %s", nameOf(found[0]), w.From, w.To)
	}
}

// increase is how much a counter grew in the window, linear between readings.
func increase(series ...string) func([]sample.Reading, Window, []*sample.Sample) (float64, reason) {
	return func(readings []sample.Reading, w Window, _ []*sample.Sample) (float64, reason) {
		found, why := covering(readings, w, series...)
		if why != "" {
			return 0, why
		}
		for i := 1; i < len(found); i++ {
			if a, b := found[i-1].Value.Or(0), found[i].Value.Or(0); b < a {
				return 0, because("%s fell from %g to %g: the counter began again", nameOf(found[i]), a, b)
			}
		}
		return valueAt(found, w.To) - valueAt(found, w.From), ""
	}
}

// covering returns the readings if they reach over the whole window: what
// happened outside them is not known.
func covering(readings []sample.Reading, w Window, series ...string) ([]sample.Reading, reason) {
	found, why := source(readings, series...)
	if why != "" {
		return nil, why
	}
	from, to := found[0].At, found[len(found)-1].At
	switch {
	case w.To <= w.From:
		return nil, because("the window from %s to %s is empty", w.From, w.To)
	case from > w.From || to < w.To:
		return nil, because("%s was read from %s to %s, but the window is from %s to %s", nameOf(found[0]), from, to, w.From, w.To)
	}
	return found, ""
}

// valueAt interpolates between the readings around an instant within them.
func valueAt(found []sample.Reading, at time.Duration) float64 {
	i, exact := slices.BinarySearchFunc(found, at, func(r sample.Reading, at time.Duration) int { return int(r.At - at) })
	if exact {
		return found[i].Value.Or(0)
	}
	a, b := found[i-1], found[i]
	share := float64(at-a.At) / float64(b.At-a.At)
	return a.Value.Or(0) + share*(b.Value.Or(0)-a.Value.Or(0))
}

func energy(readings []sample.Reading, w Window, samples []*sample.Sample) (float64, reason) {
	found, why := source(readings, "cpu.energy", "gpu.energy", "gpu.power")
	if why != "" {
		return 0, why
	}
	if found[0].Series == "gpu.power" {
		return integral(found, w)
	}
	return increase(found[0].Series)(found, w, samples)
}

// integral of a gauge over the window by trapezoids.
func integral(readings []sample.Reading, w Window) (float64, reason) {
	found, why := covering(readings, w, readings[0].Series)
	if why != "" {
		return 0, why
	}
	sum, at, value := 0.0, w.From, valueAt(found, w.From)
	step := func(to time.Duration, v float64) {
		sum += seconds(to-at) * (v + value) / 2
		at, value = to, v
	}
	for _, r := range found {
		if r.At > w.From && r.At < w.To {
			step(r.At, r.Value.Or(0))
		}
	}
	step(w.To, valueAt(found, w.To))
	return sum, ""
}

func energyPerToken(readings []sample.Reading, w Window, samples []*sample.Sample) (float64, reason) {
	if len(samples) == 0 {
		return 0, "no requests were given for the window"
	}
	for _, s := range samples {
		from, sent := s.T.Send.Get()
		to, ended := s.T.End.Get()
		if s.Outcome == sample.OK && (!sent || !ended || from < w.From || to > w.To) {
			return 0, because("trial %s did not run within the window from %s to %s", s.Trial, w.From, w.To)
		}
	}
	tokens, why := sumTokens(samples)
	if why != "" {
		return 0, why
	}
	joules, why := energy(readings, w, samples)
	return joules / tokens, why
}
