// Package chart turns plain data into one figure in three forms: interactive
// HTML, SVG and PNG, none of which needs a browser to be made.
//
// There is one option per figure. It is drawn by the same library in a page
// and here, so the picture in a report and the one that answers to the mouse
// cannot disagree. Colours are names in the option: one drawing serves the
// light and the dark theme.
//
// A figure draws what was measured and shows what was not. A missing value is
// a hatched grey area with its reason, never a gap that could be a zero, and a
// figure without data says so in words. The same input gives the same bytes.
//
// This package computes positions, no statistics: medians, intervals, fronts
// and break-evens come from the caller, who has the rows to prove them. The one
// exception is the outline of a density, which has no number.
//
// # Figures
//
//	what is asked                            figure
//	throughput, first token, load time       Variants
//	every measurement of a group             Distribution
//	subjects within each prompt              Grouped
//	two parameters; models × backends        HeatMap
//	the response to two parameters in space  Surface
//	which parameter moves the metric         Tornado
//	does one parameter change another        Interaction
//	the course of a run, with intervals      Stability
//	calls in their order, cold ones, drift   RunOrder
//	the share of calls within a time         ECDF
//	efficiency; a Pareto front               TradeOff
//	the recommended configurations           Choices
//	how the findings lead to a choice        Decision
//	formats by accuracy, size and latency    Panels
//	what a size is made of                   Waterfall
//	one ratio by minimum, median and mean    Speedups
//	implementations on several shapes        Kernels
//	kernels under the limits of a machine    Roofline
//	when a compilation has paid              BreakEven
//	agents at work, and their overlap        Timeline
//
// Values are in base units; a figure chooses the printed unit of its axes, and
// prints ratios in percent. More subjects, levels or points than can be told
// apart are left out by a rule that the caption names, with their number.
//
// To see the figures with example data: go test ./internal/chart -run TestLook
// -args -look FOLDER, with -case hostile or another case for the bad days.
package chart
