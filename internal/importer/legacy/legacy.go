// Package legacy reads what an earlier lab left behind: parameter sweeps and
// prompt suites of Ollama models, micro-benchmarks, compiled backends, toy
// quantizations, machine readings, and the records of its reporting agents.
//
// Those files mean what their writers did, not what their heads say: a zero is
// often a failure, "TTFT" is four different spans, and a summary is trusted by
// nobody here. So each reader knows one exact schema, keeps what was observed
// under a name that says what it is, turns a failure into a failed row, and
// calls every figure that the earlier program had computed itself a claim.
// docs/formats/import.md lists kinds, series and labels.
package legacy

import (
	"fmt"

	"chimera/internal/importer"
)

// Formats are the earlier lab's files, one format each.
func Formats() []importer.Format {
	return []importer.Format{
		{Name: "legacy/suite", Read: readSuite},
		{Name: "legacy/sweep", Read: readSweep},
		{Name: "legacy/app-test", Read: readAppTest},
		{Name: "legacy/kernels", Read: readKernels},
		{Name: "legacy/quantization", Read: readQuantization},
		{Name: "legacy/backends", Read: readBackends},
		{Name: "legacy/timing", Read: readTiming},
		{Name: "legacy/system", Read: readSystem},
		{Name: "legacy/profile", Read: readProfile},
		{Name: "legacy/agent", Read: readAgent},
		{Name: "legacy/agent-pair", Read: readPair},
		{Name: "legacy/agent-sweep", Read: readAgentSweep},
		{Name: "legacy/summary", Read: readSummary},
	}
}

// Kinds of readings.
const (
	KindKernel       = "kernel"
	KindQuantization = "quantization"
	KindBackend      = "backend"
	KindTiming       = "timing"
	KindTelemetry    = "telemetry"
	KindProfile      = "profile"
	KindAppTest      = "app-test"
	KindCall         = "agent-call"
	KindWorkflow     = "agent-workflow"
	KindPair         = "agent-pair"
	// KindClaim marks figures that the earlier program computed from its own
	// rows. They are what it said, not what was observed.
	KindClaim = "claim"
)

// content makes rows of a table's records; a record that does not fit the head
// is skipped with the reason.
func content(kind string, t *importer.Table, each func(importer.Record) importer.Row) *importer.Content {
	c := ofTable(kind, t)
	c.Len, c.Make = len(t.Records), func(place int) importer.Row {
		r := t.Records[place]
		row := importer.Row{}
		if r.Err != nil {
			row.Skip = r.Err.Error()
		} else {
			row = each(r)
		}
		row.Number = r.Number
		return row
	}
	return c
}

// ofTable is the content of a table without its rows: it says where the table
// broke off.
func ofTable(kind string, t *importer.Table) *importer.Content {
	c := &importer.Content{Kind: kind}
	if t.Err != nil {
		c.Broken, c.Reason = true, fmt.Sprintf("it cannot be read on after row %d: %v", len(t.Records), t.Err)
	}
	return c
}
