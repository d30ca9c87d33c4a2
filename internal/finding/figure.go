package finding

import (
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// FigureKind says what the marks of a figure are.
type FigureKind string

// Kinds of figures. A figure's panels all hold the same kind of marks.
const (
	// Intervals: one value with its interval per category (XName), grouped by
	// Series: rankings, levels, per-prompt values.
	Intervals FigureKind = "intervals"
	// Heatmap: one value per cell of two categories (XName, YName).
	Heatmap FigureKind = "heatmap"
	// Scatter: X against Y, each with its interval; a Front line joins the
	// points that no other dominates.
	Scatter FigureKind = "scatter"
	// Distribution: single values (rows, not facts) per category, for strips,
	// violins and ECDFs. Above MaxPoints a panel holds evenly spaced quantiles.
	Distribution FigureKind = "distribution"
	// Series: values in the order in which they were measured (X is the
	// position in the plan), for drift and order effects.
	Series FigureKind = "series"
	// Ratios: like Intervals, around a line at 1 on a log axis.
	Ratios FigureKind = "ratios"
	// Spans: work of a lane (Series) from X to XHi, in seconds; Facet is the kind
	// of work, Value how long it took.
	Spans FigureKind = "spans"
)

// MaxPoints is how many single values a panel holds per category at most.
const MaxPoints = 512

// Figure is the data of one figure: what to draw, not how.
type Figure struct {
	ID     string     `json:"id"` // unique in the finding
	Kind   FigureKind `json:"kind"`
	Title  Sentence   `json:"title"` // what it shows
	Panels []Panel    `json:"panels"`
}

// Panel is one set of axes.
type Panel struct {
	Facet  string      `json:"facet,omitempty"` // what this panel shows alone: "subject 270m"
	X      Axis        `json:"x"`
	Y      Axis        `json:"y"` // for Heatmap the second category; the value's unit is on the point
	Points []Point     `json:"points"`
	Lines  []Reference `json:"lines,omitempty"`
}

// Axis describes one axis. Categories are in display order.
type Axis struct {
	Label      string    `json:"label"`
	Metric     string    `json:"metric,omitempty"`
	Unit       unit.Unit `json:"unit,omitempty"`
	Log        bool      `json:"log,omitempty"`
	Categories []string  `json:"categories,omitempty"`
}

// Point is one mark. Exactly one of Value and Missing is there. Value is what
// is plotted upward (for Heatmap, the colour).
type Point struct {
	Series  string              `json:"series,omitempty"` // its colour: usually the subject
	Facet   string              `json:"facet,omitempty"`  // its shape or hatch: phase, outcome, stage
	XName   string              `json:"x_name,omitempty"` // a category of the X axis
	YName   string              `json:"y_name,omitempty"` // a category of the Y axis (Heatmap)
	X       sample.Opt[float64] `json:"x,omitzero"`       // a number on the X axis (Scatter, Series)
	XLo     sample.Opt[float64] `json:"x_lo,omitzero"`
	XHi     sample.Opt[float64] `json:"x_hi,omitzero"`
	Value   sample.Opt[float64] `json:"value,omitzero"`
	Lo      sample.Opt[float64] `json:"lo,omitzero"`
	Hi      sample.Opt[float64] `json:"hi,omitzero"`
	N       int                 `json:"n"`
	Unit    unit.Unit           `json:"unit,omitempty"` // of Value, Lo and Hi
	Missing string              `json:"missing,omitempty"`
	Winner  bool                `json:"winner,omitempty"`
	Fact    string              `json:"fact,omitempty"`   // what Value is
	XFact   string              `json:"x_fact,omitempty"` // what X is
	Row     string              `json:"row,omitempty"`    // "run/trial" where the mark is a single row
}

// Reference is a line across a panel: a noise floor, a limit, parity, a front.
type Reference struct {
	Label string              `json:"label"`
	Fact  string              `json:"fact,omitempty"` // what Y is
	Y     sample.Opt[float64] `json:"y,omitzero"`     // a level line
	Y2    sample.Opt[float64] `json:"y2,omitzero"`    // with Y, the other edge of a band
	Path  [][2]float64        `json:"path,omitempty"` // a line through points, X ascending
}
