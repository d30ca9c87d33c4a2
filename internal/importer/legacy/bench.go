package legacy

import (
	"errors"
	"fmt"
	"maps"

	"chimera/internal/importer"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// spread are the four figures that every micro-benchmark has.
var spread = []field{
	millis("mean_time_ms", "mean_time"), millis("std_time_ms", "std_time"),
	millis("min_time_ms", "min_time"), millis("max_time_ms", "max_time"),
}

// readKernels reads {group: {operation: {mean_time_ms …}}}.
func readKernels(s *importer.Source) (*importer.Content, error) {
	o := object(s.Object())
	if !importer.Holds(o, "attention") && !importer.Holds(o, "tensor_core") && !importer.Holds(o, "fusion") {
		return nil, nil
	}
	c := &importer.Content{Kind: "legacy/kernels"}
	for _, group := range importer.Members(s.Bytes) {
		for _, op := range importer.Members(group.Value) {
			r := objectOf(op.Value)
			if !importer.Holds(r, "mean_time_ms") {
				continue
			}
			all, err := readings(KindKernel, r, spread, map[string]string{"group": group.Name, "operation": op.Name})
			c.Rows = append(c.Rows, readingsRow(len(c.Rows)+1, all, err))
		}
	}
	if len(c.Rows) == 0 {
		return nil, nil
	}
	return c, nil
}

// readQuantization reads {method: {accuracy, loss, model_size_bytes}}.
func readQuantization(s *importer.Source) (*importer.Content, error) {
	o := s.Object()
	for _, method := range o {
		if !importer.Holds(objectOf(method), "accuracy", "loss", "model_size_bytes") {
			return nil, nil
		}
	}
	if len(o) == 0 {
		return nil, nil
	}
	c := &importer.Content{Kind: "legacy/quantization"}
	for i, m := range importer.Members(s.Bytes) {
		r := objectOf(m.Value)
		all, err := readings(KindQuantization, r, []field{
			{name: "accuracy", series: "accuracy", unit: unit.Ratio},
			{name: "loss", series: "loss"},
			{name: "model_size_bytes", series: "model_size", unit: unit.Byte},
		}, map[string]string{"method": m.Name})
		c.Rows = append(c.Rows, readingsRow(i+1, all, err))
	}
	return c, nil
}

// readBackends reads how fast one model ran when compiled in several ways. A
// backend that did not compile has zeros in the file; here it has a reason.
func readBackends(s *importer.Source) (*importer.Content, error) {
	o := object(s.Object())
	if !importer.Holds(o, "model", "settings", "backends") {
		return nil, nil
	}
	model, settings := o.object("model"), o.object("settings")
	if model == nil || settings == nil {
		return nil, errors.New("its model or its settings are no object")
	}
	labels := with(nil, settings, "runs", "warmup_runs")
	for _, m := range importer.Members(o["model"]) {
		if m.Name == "name" {
			labels["model"] = model.Cell("name")
			continue
		}
		labels[m.Name] = importer.Clip(model.Cell(m.Name), 100)
	}
	c := &importer.Content{Kind: "legacy/backends"}
	for i, b := range importer.Members(o["backends"]) {
		r := objectOf(b.Value)
		if !importer.Holds(r, "benchmark") {
			c.Rows = append(c.Rows, importer.Row{Number: i + 1, Skip: b.Name + " has no benchmark"})
			continue
		}
		own := maps.Clone(labels)
		own["backend"] = b.Name
		all, err := backend(r, own)
		c.Rows = append(c.Rows, readingsRow(i+1, all, err))
	}
	return c, nil
}

func backend(r object, labels map[string]string) ([]sample.Reading, error) {
	benchmark, compilation := r.object("benchmark"), r.object("compilation")
	compileTime := field{name: "compile_time_s", series: "compile_time", unit: unit.Second}
	metadata := compilation.object("metadata")
	for name, label := range map[string]string{"providers": "provider", "enabled_precisions": "precision"} {
		if list := listOf(metadata[name]); len(list) > 0 {
			labels[label] = (object{"": list[0]}).Cell("")
		}
	}
	reason := compilation.Cell("error")
	if reason == "" {
		reason = benchmark.object("metadata").Cell("error")
	}
	if reason == "" && compilation.Cell("success") == "false" {
		reason = "the file says that it did not compile, and not why"
	}
	mean, _, err := number(benchmark, "mean_time_ms")
	if err != nil {
		return nil, err
	}
	if reason == "" && mean <= 0 {
		reason = fmt.Sprintf("a mean of %v ms is no time", mean)
	}
	if reason != "" {
		var all []sample.Reading
		for _, f := range append([]field{compileTime}, spread...) {
			all = append(all, f.absent(KindBackend, importer.Clip(reason, 500), labels))
		}
		return all, nil
	}
	all, err := readings(KindBackend, benchmark, spread, labels)
	if err != nil || compilation == nil { // nothing was compiled: eager
		return all, err
	}
	compile, err := readings(KindBackend, compilation, []field{compileTime}, labels)
	return append(all, compile...), err
}

// timing are the figures of a timing loop, of one run's samples.
var timing = []field{
	millis("mean_ms", "mean_time"), millis("stdev_ms", "std_time"),
	millis("p50_ms", "p50_time"), millis("p95_ms", "p95_time"), millis("p99_ms", "p99_time"),
}

// readTiming reads timing loops: one run, or several. What the file computed
// over the runs is a claim: its percentiles are those of run means.
func readTiming(s *importer.Source) (*importer.Content, error) {
	o := object(s.Object())
	switch {
	case importer.Holds(o, "benchmark_name", "timing", "environment"):
		r := o.object("timing")
		at, err := importer.UnixSeconds(o.Cell("timestamp"))
		if err != nil {
			return nil, fmt.Errorf("timestamp: %w", err)
		}
		labels := map[string]string{"test": o.Cell("benchmark_name"), "run": "1"}
		all, err := readings(KindTiming, r, timing, with(labels, r, "samples"))
		for i := range all {
			all[i].At = at
		}
		return &importer.Content{Kind: "legacy/timing", Rows: []importer.Row{readingsRow(1, all, err)}}, nil
	case importer.Holds(o, "test_name", "runs", "samples_per_run", "timing_stats"):
		return timingRuns(o), nil
	}
	return nil, nil
}

func timingRuns(o object) *importer.Content {
	c := &importer.Content{Kind: "legacy/timing"}
	stats := o.object("timing_stats")
	labels := map[string]string{"test": o.Cell("test_name")}
	for i, raw := range listOf(stats["run_results"]) {
		r := objectOf(raw)
		own := with(labels, r, "samples")
		own["run"] = fmt.Sprint(i + 1)
		all, err := readings(KindTiming, r, timing, own)
		c.Rows = append(c.Rows, readingsRow(i+1, all, err))
	}
	claims, err := readings(KindClaim, stats, []field{millis("overall_mean_ms", "overall_mean_time"), millis("overall_stdev_ms", "overall_std_time")}, labels)
	if err == nil {
		var more []sample.Reading
		more, err = readings(KindClaim, stats.object("latency_percentiles"), []field{
			millis("p50", "p50_of_run_means"), millis("p95", "p95_of_run_means"), millis("p99", "p99_of_run_means")}, labels)
		claims = append(claims, more...)
	}
	c.Rows = append(c.Rows, readingsRow(len(c.Rows)+1, claims, err))
	return c
}
