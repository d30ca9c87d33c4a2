// Package guidellm reads the JSON report of GuideLLM.
//
// GuideLLM keeps instants of every request, so its requests become samples, and
// our own metrics are computed from those instants. What GuideLLM computes
// itself stays beside them as readings under GuideLLM's names: its "time per
// output token" contains the time to the first token, its "inter-token latency"
// is one mean per request and its request latency ends after the stream's last
// line, so none of them may be mistaken for ours. docs/formats/foreign.md says
// field by field what becomes what.
package guidellm

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"chimera/internal/importer"
	"chimera/internal/sample"
)

// Format reads report files of the schema versions 1 (GuideLLM 0.4 to 0.5) and
// 2 (0.6 to 0.8).
func Format() importer.Format { return importer.Format{Name: "guidellm", Read: read} }

const kind = "guidellm"

type metadata struct {
	Version *int   `json:"version"`
	Tool    string `json:"guidellm_version"`
}

func read(s *importer.Source) (*importer.Content, error) {
	o := s.Object()
	if !importer.Holds(o, "benchmarks") {
		return nil, nil
	}
	var meta metadata
	metaErr := json.Unmarshal(o["metadata"], &meta)
	var benchmarks []json.RawMessage
	listErr := json.Unmarshal(o["benchmarks"], &benchmarks)
	if meta.Tool == "" && !(len(benchmarks) > 0 && isBenchmark(benchmarks[0])) {
		return nil, nil
	}
	switch {
	case metaErr != nil:
		return nil, fmt.Errorf("a GuideLLM report without readable metadata (versions before 0.4 have none): %w", metaErr)
	case meta.Version == nil:
		return nil, fmt.Errorf("a GuideLLM report without a schema version: read are the versions 1 and 2")
	case *meta.Version != 1 && *meta.Version != 2:
		return nil, fmt.Errorf("a GuideLLM report of schema version %d: read are the versions 1 and 2", *meta.Version)
	case listErr != nil:
		return nil, fmt.Errorf("benchmarks: %w", listErr)
	}
	r := reader{path: s.Path, version: meta.Tool, out: &importer.Content{Kind: "guidellm/report"}}
	for i, raw := range benchmarks {
		r.benchmark(i, len(benchmarks), raw)
	}
	if len(r.out.Rows) == 0 {
		return nil, fmt.Errorf("a GuideLLM report without a benchmark")
	}
	r.out.Reason = strings.Join(r.missing, "; ")
	return r.out, nil
}

func isBenchmark(raw json.RawMessage) bool {
	var b struct {
		Type string `json:"type_"`
	}
	return json.Unmarshal(raw, &b) == nil && b.Type == "generative_benchmark"
}

type reader struct {
	path    string
	version string // of GuideLLM
	out     *importer.Content
	missing []string // what the file says it does not hold
}

type benchmark struct {
	Config struct {
		Strategy struct {
			Type string `json:"type_"`
		} `json:"strategy"`
		Backend struct {
			Model  string `json:"model"`
			Target string `json:"target"`
		} `json:"backend"`
	} `json:"config"`
	Requests struct {
		Successful []json.RawMessage `json:"successful"`
		Incomplete []json.RawMessage `json:"incomplete"`
		Errored    []json.RawMessage `json:"errored"`
	} `json:"requests"`
	Metrics map[string]json.RawMessage `json:"metrics"`
	EndTime json.Number                `json:"end_time"`

	name string        // "0-concurrent"
	exp  string        // the experiment of its rows; "" for the only one of a file
	end  time.Duration // since the epoch; 0 if the file does not say
}

// benchmark takes over the requests and the aggregates of one benchmark. One
// that cannot be read is one skipped row.
func (r *reader) benchmark(i, of int, raw json.RawMessage) {
	var b benchmark
	if err := json.Unmarshal(raw, &b); err != nil {
		r.skip(fmt.Sprintf("benchmark %d: %v", i, err))
		return
	}
	b.name = strings.TrimSuffix(fmt.Sprintf("%d-%s", i, b.Config.Strategy.Type), "-")
	if of > 1 {
		b.exp = r.path + "/" + b.name
	}
	if end, err := importer.UnixSeconds(b.EndTime.String()); err == nil {
		b.end = end
	}
	if b.Config.Backend.Model == "" {
		b.Config.Backend.Model = importer.NotRecorded
	}
	r.out.Subjects = append(r.out.Subjects, sample.SubjectRecord{ID: b.Config.Backend.Model, Target: "imported", Kind: "imported",
		URL: withoutUser(b.Config.Backend.Target), Model: b.Config.Backend.Model})
	first := len(r.out.Rows)
	for _, status := range []struct {
		name string
		list []json.RawMessage
	}{{successful, b.Requests.Successful}, {incomplete, b.Requests.Incomplete}, {errored, b.Requests.Errored}} {
		for _, raw := range status.list {
			r.request(&b, status.name, raw)
		}
		r.compareTotals(&b, status.name, len(status.list))
	}
	slices.SortStableFunc(r.out.Rows[first:], byStart)
	r.aggregates(&b)
}

// compareTotals tells where a report was written with a sample of its requests.
func (r *reader) compareTotals(b *benchmark, status string, kept int) {
	var totals map[string]json.Number
	if json.Unmarshal(b.Metrics["request_totals"], &totals) != nil {
		return
	}
	if n, err := totals[status].Int64(); err == nil && n > int64(kept) {
		r.missing = append(r.missing, fmt.Sprintf("benchmark %s: the file keeps %d of %d %s requests", b.name, kept, n, status))
	}
}

// byStart puts rows into the order in which their requests began; those of
// which the file does not say it stand last.
func byStart(a, b importer.Row) int {
	x, okX := start(a)
	y, okY := start(b)
	switch {
	case okX && okY:
		return cmp.Compare(x, y)
	case okX:
		return -1
	case okY:
		return 1
	}
	return 0
}

func start(r importer.Row) (time.Duration, bool) {
	if r.Sample == nil {
		return 0, false
	}
	if at, ok := r.Sample.T.Send.Get(); ok {
		return at, true
	}
	return r.Sample.T.Sched.Get()
}

func (r *reader) add(row importer.Row) {
	row.Number = len(r.out.Rows) + 1
	r.out.Rows = append(r.out.Rows, row)
}

func (r *reader) skip(why string) { r.add(importer.Row{Skip: importer.Clip(why, 200)}) }
