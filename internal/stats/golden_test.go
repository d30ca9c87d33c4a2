package stats_test

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

const shared = "../../../shared"

// sharedFile reads one file of the reading material beside the repository.
func sharedFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(shared, name))
	if errors.Is(err, os.ErrNotExist) {
		if os.Getenv("CI") == "true" {
			t.Fatalf("reference values: %v", err)
		}
		t.Skipf("reference values: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A vector is one group of reference values.
type vector struct {
	*testing.T
	raw json.RawMessage
}

// into decodes the group.
func (v vector) into(dst any) {
	v.Helper()
	if err := json.Unmarshal(v.raw, dst); err != nil {
		v.Fatal(err)
	}
}

// A reporter is what *testing.T and *rapid.T have in common.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// near compares with a relative tolerance (absolute near zero).
func near(t reporter, what string, got, want, tol float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > tol*max(math.Abs(want), 1e-3) {
		t.Errorf("%s = %.12g, want %.12g (tolerance %g)", what, got, want, tol)
	}
}

const tol = 1e-6

// must unwraps a result that the test expects to exist.
func must[T any](t reporter) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatalf("unexpected refusal: %v", err)
		}
		return v
	}
}

// elsewhere lists the groups that are not statistics, with the room that
// defines them.
var elsewhere = map[string]string{
	"_about":                     "prose",
	"hyperband_R81_eta3":         "tune: a schedule of trials",
	"coordinated_omission":       "load: open and closed loops",
	"streaming_metrics":          "metric: definitions over one timeline",
	"decode_off_by_one_bias_pct": "metric: server rates",
	"goodput":                    "metric: service level objectives",
	"distinct_n":                 "metric: text quality",
	"percent_vs_ratio":           "audit: wording of comparisons",
	"rounding_interval_speedup":  "audit: rounding of printed operands",
	"alias_levels":               "target: effective configurations",
	"kl":                         "lab: quantization quality",
	"ppl":                        "lab: quantization quality",
	"ppl_ratio_llamacpp":         "lab: quantization quality",
}

// TestKnownAnswers checks every group of reference values here or names the
// room that does.
func TestKnownAnswers(t *testing.T) {
	var groups map[string]json.RawMessage
	if err := json.Unmarshal(sharedFile(t, "known_answers.json"), &groups); err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		check, here := known[name]
		_, there := elsewhere[name]
		switch {
		case here && there:
			t.Errorf("group %q is both tested here and listed as elsewhere", name)
		case here:
			t.Run(name, func(t *testing.T) { check(vector{t, groups[name]}) })
		case !there:
			t.Errorf("group %q is neither tested here nor listed as another room's", name)
		}
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(known)), slices.Collect(maps.Keys(elsewhere))) {
		if _, ok := groups[name]; !ok {
			t.Errorf("group %q is not among the reference values", name)
		}
	}
}

// known holds the check of each group; each golden_*_test.go brings a part.
var known = merge(knownSummaries, knownComparisons, knownModels)

func merge(parts ...map[string]func(vector)) map[string]func(vector) {
	all := map[string]func(vector){}
	for _, p := range parts {
		maps.Copy(all, p)
	}
	return all
}
