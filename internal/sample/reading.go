package sample

import (
	"time"

	"chimera/internal/unit"
)

// Reading is any measured row that is not a request: a telemetry point, a
// kernel's timing, a latency of a compiled backend. The same rules hold: a
// unit, a provenance, and a reason where there is no value.
type Reading struct {
	Run        string            `json:"run"`
	Kind       string            `json:"kind"` // telemetry, kernel, quantization, backend …
	Series     string            `json:"series"`
	Unit       unit.Unit         `json:"unit"`
	At         time.Duration     `json:"at"` // since the run's origin
	Value      Opt[float64]      `json:"value,omitzero"`
	Reason     string            `json:"reason,omitempty"` // why there is no value
	Labels     map[string]string `json:"labels,omitempty"`
	Provenance Provenance        `json:"provenance"`
}
