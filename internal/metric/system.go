package metric

import (
	"time"

	"chimera/internal/sample"
)

// Objective is a limit on a metric of the basis Request: at most Limit where
// lower is better, at least Limit where higher is.
type Objective struct {
	Metric string
	Limit  float64 // in the metric's unit
}

// Window is a stretch of a run, as offsets from its origin.
type Window struct{ From, To time.Duration }

// WindowOf returns the window of a set of attempts: from the earliest sending
// to the latest end, however they ended.
func WindowOf(samples []*sample.Sample) (w Window, why string, ok bool) {
	w, r := windowOf(samples)
	return w, string(r), r == ""
}

func windowOf(samples []*sample.Sample) (Window, reason) {
	var w Window
	found := false
	for _, s := range samples {
		if s.Run != samples[0].Run || s.Session != samples[0].Session {
			return w, "the requests belong to two sessions: the pause between them would count"
		}
		from, sent := s.T.Send.Get()
		to, ended := s.T.End.Get()
		if !sent || !ended {
			if s.Outcome == sample.Dropped {
				continue // it was never sent
			}
			return w, because("trial %s: when it was sent or ended was not observed", s.Trial)
		}
		if !found {
			w, found = Window{from, to}, true
		}
		w.From, w.To = min(w.From, from), max(w.To, to)
	}
	switch {
	case !found:
		return w, "no request was sent"
	case w.To <= w.From:
		return w, because("the requests took from %s to %s: not a duration", w.From, w.To)
	}
	return w, ""
}

// perSecond divides by the window of the samples.
func perSecond(n float64, samples []*sample.Sample) (float64, reason) {
	w, why := windowOf(samples)
	if why != "" {
		return 0, why
	}
	return n / seconds(w.To-w.From), ""
}

// answered counts the attempts that ended well.
func answered(samples []*sample.Sample) (n int) {
	for _, s := range samples {
		if s.Outcome == sample.OK {
			n++
		}
	}
	return n
}

// sumTokens adds the output of the attempts that ended well. One uncounted
// answer leaves the sum unknown.
func sumTokens(samples []*sample.Sample) (float64, reason) {
	total := 0
	for _, s := range samples {
		if s.Outcome != sample.OK {
			continue
		}
		n, ok := s.Tokens.Output.Get()
		if !ok {
			return 0, because("trial %s: the output tokens were not counted", s.Trial)
		}
		total += n
	}
	if total == 0 {
		return 0, because("%d of %d requests were answered, with no tokens", answered(samples), len(samples))
	}
	return float64(total), ""
}

func outputRate(samples []*sample.Sample, _ []limit) (float64, reason) {
	n, why := sumTokens(samples)
	if why != "" {
		return 0, why
	}
	return perSecond(n, samples)
}

// requestRate is 0 only if requests were sent and none was answered, which is
// what was observed.
func requestRate(samples []*sample.Sample, _ []limit) (float64, reason) {
	return perSecond(float64(answered(samples)), samples)
}

func goodput(samples []*sample.Sample, objectives []limit) (float64, reason) {
	n, why := good(samples, objectives)
	if why != "" {
		return 0, why
	}
	return perSecond(float64(n), samples)
}

func attainment(samples []*sample.Sample, objectives []limit) (float64, reason) {
	n, why := good(samples, objectives)
	switch {
	case why != "":
		return 0, why
	case len(samples) == 0:
		return 0, "no request was planned"
	}
	return float64(n) / float64(len(samples)), ""
}

// good counts the attempts that meet every objective.
func good(samples []*sample.Sample, objectives []limit) (int, reason) {
	if len(objectives) == 0 {
		return 0, "no objective was given"
	}
	n := 0
	for _, s := range samples {
		all := s.Outcome == sample.OK
		for _, o := range objectives {
			if !all {
				break
			}
			met, why := o.met(s)
			if why != "" {
				return 0, because("trial %s: %s: %s", s.Trial, o.ID, why)
			}
			all = met
		}
		if all {
			n++
		}
	}
	return n, ""
}

// limit is an objective whose metric is known.
type limit struct {
	Metric
	value float64
}

// resolve looks the objectives' metrics up.
func resolve(objectives []Objective) ([]limit, reason) {
	limits := make([]limit, len(objectives))
	for i, o := range objectives {
		m, err := Lookup(o.Metric)
		switch {
		case err != nil:
			return nil, reason(err.Error())
		case m.Basis != Request || m.Direction == Neutral:
			return nil, because("%s cannot be an objective: it must be a metric of one request of which less or more is better", m.ID)
		}
		limits[i] = limit{m, o.Limit}
	}
	return limits, ""
}

// met judges one answered attempt. A reply of one token has no time per
// further token, so no limit on it can be missed (vLLM's rule).
func (l limit) met(s *sample.Sample) (bool, reason) {
	v, why, ok := l.Compute(s)
	switch {
	case !ok && reason(why) == oneToken:
		return true, ""
	case !ok:
		return false, reason(why)
	case l.Direction == Lower:
		return v <= l.value, ""
	}
	return v >= l.value, ""
}
