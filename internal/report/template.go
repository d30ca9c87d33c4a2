package report

import (
	"fmt"

	"chimera/internal/fault"
	"chimera/internal/finding"
)

// Template chooses what a report must speak of, measured or not.
type Template string

const (
	// Auto speaks of what the rows carry.
	Auto Template = ""
	// Variants is about model variants and their settings: which is fastest,
	// what a setting changes, what a cold start costs.
	Variants Template = "variants"
	// DeepDive is about what lies below: weight formats, kernels, execution
	// backends, and what they give together.
	DeepDive Template = "deepdive"
)

// ParseTemplate finds a template by its name.
func ParseTemplate(name string) (Template, error) {
	switch t := Template(name); t {
	case Auto, Variants, DeepDive:
		return t, nil
	}
	return "", fault.With(fmt.Errorf("the template is %q, but must be variants or deepdive", name), fault.Usage, "leave --template out to report on everything that was measured")
}

// topic is one thing that a report speaks of, in tables and in figures.
type topic struct {
	id, title string
	kinds     []finding.Kind
	// lack is said where no finding speaks of the topic: what would have to be
	// measured.
	lack string
}

var (
	ranking       = topic{"variants", "Variants", []finding.Kind{finding.Ranking}, "no experiment has two subjects under equal work"}
	coldWarm      = topic{"cold", "Cold starts and warm answers", []finding.Kind{finding.ColdWarm}, "no rows were measured both cold and warm"}
	configuration = topic{"configurations", "Best settings", []finding.Kind{finding.Configuration}, "no experiment varies a setting"}
	sensitivity   = topic{"sensitivity", "What each setting changes", []finding.Kind{finding.Sensitivity}, "no experiment varies a setting"}
	prompts       = topic{"prompts", "Prompts", []finding.Kind{finding.PromptEffect}, "no experiment has more than one prompt"}
	stability     = topic{"stability", "Stability and drift", []finding.Kind{finding.Stability, finding.Drift}, "no request was repeated"}
	efficiency    = topic{"efficiency", "Speed for its size", []finding.Kind{finding.Efficiency, finding.Pareto}, "no runtime told the size of a model file"}
	formats       = topic{"quantization", "Weight formats", []finding.Kind{finding.Quantization}, "no weight format was measured"}
	kernels       = topic{"kernels", "Kernels", []finding.Kind{finding.Kernel}, "no kernel was timed"}
	backends      = topic{"backends", "Execution backends", []finding.Kind{finding.Backend}, "no backend was timed"}
	combined      = topic{"combined", "All of it together", []finding.Kind{finding.Combined}, "no end-to-end measurement has all of them on; speedups of parts are never multiplied"}
	agents        = topic{"agents", "Agents", []finding.Kind{finding.Stages, finding.Agents}, "no agent was run"}
	concurrency   = topic{"concurrency", "Several at once", []finding.Kind{finding.Concurrency, finding.Contention, finding.Scaling}, "nothing was measured alone and together"}
	corrections   = topic{"corrections", "What was printed before", []finding.Kind{finding.Corrections}, ""}
	failures      = topic{"failures", "What failed", []finding.Kind{finding.Failures}, ""}
	quality       = topic{"quality", "Quality", []finding.Kind{finding.Quality}, "no answer was judged: this says nothing about which answers are better"}
)

// topics lists what a template speaks of, in order. All of Auto's topics are
// optional; a template's own topics are said to be missing where they are.
func (t Template) topics() (own, more []topic) {
	lab := []topic{formats, kernels, backends, combined}
	served := []topic{ranking, coldWarm, configuration, sensitivity, prompts, stability, efficiency, quality}
	rest := []topic{agents, concurrency, corrections, failures}
	switch t {
	case Variants:
		return served, append(lab, rest...)
	case DeepDive:
		return lab, append(served, rest...)
	}
	return nil, append(append(served, lab...), rest...)
}
