// Package finding turns rows into claims, and refuses the claims that the rows
// do not carry.
//
// A finding is a question, a verdict and a sentence. The verdict comes from a
// short list and each of its words has a price: "better" needs a test that
// survives the correction for all tests beside it, "same" needs equivalence
// shown, "because" needs a factor whose order was drawn and whose levels the
// runtime really told apart. What does not meet its price is inconclusive, not
// comparable or not measured, and the finding says what is missing.
//
// Every number in a sentence, a table or a figure is a fact with an id. Rows of
// different phases never share a number; a failed request is counted and never
// averaged; levels that the runtime treats as one are one level; a winner is
// the set of all that cannot be told apart from the best.
package finding

import (
	"chimera/internal/fact"
)

// Alpha is the chance of a false "better" or "worse" that a family of
// comparisons is allowed (after Holm's correction).
const Alpha = 0.05

// Margin is what counts as no difference that matters: a ratio within
// [1/(1+Margin), 1+Margin] is the same (method §3.3).
const Margin = 0.02

// Kind names the question that a finding answers.
type Kind string

// Kinds, in the order in which findings are printed.
const (
	Ranking       Kind = "ranking"       // which subject is best at one metric, at equal work and phase
	ColdWarm      Kind = "cold-warm"     // what a first request after a load costs over a warm one
	Configuration Kind = "configuration" // the set of configurations that cannot be told apart from the best
	Sensitivity   Kind = "sensitivity"   // what one factor changes
	PromptEffect  Kind = "prompt-effect" // what the prompt changes
	Stability     Kind = "stability"     // how far equal requests scatter
	Drift         Kind = "drift"         // whether the level moved during the run
	Efficiency    Kind = "efficiency"    // speed per GB of measured size
	Pareto        Kind = "pareto"        // who is best at something without being worse at the rest
	Quality       Kind = "quality"       // what each subject wrote: its contract kept, repetition, diversity, relevance
	Quantization  Kind = "quantization"  // what a weight format costs and saves
	Kernel        Kind = "kernel"        // which implementation of an operation is faster
	Backend       Kind = "backend"       // which execution backend is faster on the same model, batch, dtype, device
	Combined      Kind = "combined"      // speedups over several benchmarks: a geometric mean or nothing
	Stages        Kind = "stages"        // an agent's stages: each one a stratum of its own
	Agents        Kind = "agents"        // one agent against another at equal stages
	Concurrency   Kind = "concurrency"   // tasks together against the same tasks alone
	Contention    Kind = "contention"    // what agents at once cost each other, and what is seen beside it
	Scaling       Kind = "scaling"       // how throughput grows with the requests in flight
	Corrections   Kind = "corrections"   // figures that an earlier program printed, against the rows that it kept
	Failures      Kind = "failures"      // what was planned and gave no value
)

// Kinds lists every kind in print order.
var Kinds = []Kind{Ranking, ColdWarm, Configuration, Sensitivity, PromptEffect, Stability, Drift, Efficiency, Pareto, Quality,
	Quantization, Kernel, Backend, Combined, Stages, Agents, Concurrency, Contention, Scaling, Corrections, Failures}

// Verdict is the answer in one word.
type Verdict string

// The verdicts. Which thing is better or worse stands in Subject and Winners.
const (
	Better        Verdict = "better"         // shown: the difference survives its test
	Worse         Verdict = "worse"          // shown, in the bad direction
	Same          Verdict = "same"           // equivalence shown within the margin
	Inconclusive  Verdict = "inconclusive"   // measured, but it decides nothing; Needed says what would
	NotComparable Verdict = "not comparable" // the two sides differ in more than was asked; Forbids says in what
	NotMeasured   Verdict = "not measured"   // no rows carry an answer
)

// Verdicts lists every verdict.
var Verdicts = []Verdict{Better, Worse, Same, Inconclusive, NotComparable, NotMeasured}

// Finding is one claim and all that it stands on. Findings are values; nobody
// changes one after Analyze returned it.
type Finding struct {
	ID       string `json:"id"`       // content address: equal findings have equal ids
	Kind     Kind   `json:"kind"`     // what was asked, as a word of the closed list
	Question string `json:"question"` // what was asked, as a person would: one line that ends in "?"
	// Scope says which rows: run, experiment, workload, subject, factor, device …
	Scope    map[string]string `json:"scope"`
	Metric   string            `json:"metric,omitempty"` // the metric the verdict is about
	Verdict  Verdict           `json:"verdict"`
	Sentence Sentence          `json:"sentence"`        // the claim; it bears the verdict's words and no stronger ones
	Notes    []Sentence        `json:"notes,omitempty"` // what a reader must also know, under the same law
	Checks   []Check           `json:"checks"`          // in the order of CheckIDs
	// Winners is the set that cannot be told apart from the best, the best
	// value first; Pick is the cheapest of them. Both empty where nothing was
	// ranked or no winner may be named.
	Winners []string `json:"winners,omitempty"`
	Pick    string   `json:"pick,omitempty"`
	// Needed is the fact of the n per side that would decide (inconclusive
	// only, and only where it can be computed).
	Needed string `json:"needed,omitempty"`
	// Forbids is the difference that forbids the comparison, in a few words
	// (not comparable only).
	Forbids string   `json:"forbids,omitempty"`
	Method  string   `json:"method"` // how the verdict was reached, for the caption
	Facts   []string `json:"facts"`  // ids of all facts that the finding uses, each once, in order of first use
	Tables  []Table  `json:"tables,omitempty"`
	Figures []Figure `json:"figures,omitempty"`
}

// Status is the outcome of a check.
type Status string

// A check that could not be made is unknown, never passed.
const (
	Pass    Status = "pass"
	Fail    Status = "fail"
	Unknown Status = "unknown"
)

// CheckID names a validity check.
type CheckID string

// The checks, in print order. A finding lists those that bear on it.
const (
	OrderRandomised CheckID = "order-randomised" // was the order of the compared things drawn?
	Unaliased       CheckID = "unaliased"        // did the runtime tell the levels apart?
	EqualWork       CheckID = "equal-work"       // same prompts, same output budget, same counts?
	NoColdRows      CheckID = "no-cold-rows"     // did all rows of the comparison run warm?
	NoFailures      CheckID = "no-failures"      // did every planned request give a value?
	NoCacheHits     CheckID = "no-cache-hits"    // were prompts processed, not found in a cache?
	NoThrottling    CheckID = "no-throttling"    // did clocks hold?
	QuietMachine    CheckID = "quiet-machine"    // had the machine no other work?
	NoDegenerate    CheckID = "no-degenerate"    // did every answer hold something to measure?
	NoDrift         CheckID = "no-drift"         // did the level stay over the run?
	NoOutlier       CheckID = "no-outlier"       // does no single value decide the mean?
	EnoughN         CheckID = "enough-n"         // could these rows have shown a difference?
	Observed        CheckID = "observed"         // measured by chimera, or read from another tool's file
	SameConditions  CheckID = "same-conditions"  // same file, batch, dtype, device, provider?
	SoloBaseline    CheckID = "solo-baseline"    // was each task also measured alone?
	LittlesLaw      CheckID = "littles-law"      // do requests in flight, rate and time agree?
)

// CheckIDs lists every check in print order.
var CheckIDs = []CheckID{OrderRandomised, Unaliased, EqualWork, NoColdRows, NoFailures, NoCacheHits, NoThrottling, QuietMachine,
	NoDegenerate, NoDrift, NoOutlier, EnoughN, Observed, SameConditions, SoloBaseline, LittlesLaw}

// Check is one validity check on the rows of a finding.
type Check struct {
	ID     CheckID  `json:"id"`
	Status Status   `json:"status"`
	Why    Sentence `json:"why"` // one short sentence: what was seen, or why it could not be
}

// Analysis is all findings about some rows, and the ledger of facts that they
// stand on. Equal rows give equal bytes, in whatever order they came.
type Analysis struct {
	Schema   int         `json:"schema"` // docs/formats/finding.md
	Runs     []string    `json:"runs"`   // runs and imports, sorted
	Rows     Rows        `json:"rows"`
	Findings []Finding   `json:"findings"` // the answer first: by kind, decided ones before others, then scope
	Facts    []fact.Fact `json:"facts"`    // each once, sorted by id

	byID map[string]int
}

// Schema is the version of an analysis document.
const Schema = 1

// Rows counts what went into an analysis.
type Rows struct {
	Samples    int            `json:"samples"` // final rows, superseded ones left out
	Superseded int            `json:"superseded,omitempty"`
	Retried    int            `json:"retried,omitempty"` // attempts that were not the last
	Outcomes   map[string]int `json:"outcomes"`
	Phases     map[string]int `json:"phases"`
	Readings   int            `json:"readings"`
}

// Fact returns the fact with this id.
func (a *Analysis) Fact(id string) (fact.Fact, bool) {
	i, ok := a.byID[id]
	if !ok {
		return fact.Fact{}, false
	}
	return a.Facts[i], true
}

// Of returns the findings of one kind, in print order.
func (a *Analysis) Of(kind Kind) []Finding {
	var out []Finding
	for _, f := range a.Findings {
		if f.Kind == kind {
			out = append(out, f)
		}
	}
	return out
}

// Only returns an analysis of those findings that keep holds for, with the
// facts that they stand on.
func (a *Analysis) Only(keep func(Finding) bool) *Analysis {
	out := &Analysis{Schema: a.Schema, Runs: a.Runs, Rows: a.Rows, Findings: []Finding{}, Facts: []fact.Fact{}, byID: map[string]int{}}
	used := map[string]bool{}
	var use func(id string)
	use = func(id string) {
		f, ok := a.Fact(id)
		if !ok || used[id] {
			return
		}
		used[id] = true
		for _, from := range f.Evidence.From {
			use(from)
		}
	}
	for _, f := range a.Findings {
		if keep(f) {
			out.Findings = append(out.Findings, f)
			for _, id := range f.Facts {
				use(id)
			}
		}
	}
	for _, f := range a.Facts {
		if used[f.ID] {
			out.byID[f.ID] = len(out.Facts)
			out.Facts = append(out.Facts, f)
		}
	}
	return out
}
