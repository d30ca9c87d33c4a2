package stats

import (
	"cmp"
	"slices"
)

// ParetoFront returns the indices, ascending, of the points that no other point
// dominates: is at least as large in every coordinate and larger in one. Negate
// what should be small. Uncertainty is the caller's business: compare intervals
// before calling a point dominated.
func ParetoFront(points [][]float64) ([]int, error) {
	for i, p := range points {
		if err := check("Pareto front", p, 1); err != nil {
			return nil, err
		}
		if len(p) != len(points[0]) {
			return nil, warnf(BadArgument, "Pareto front: point %d has %d coordinates, point 1 has %d", i+1, len(p), len(points[0]))
		}
	}
	var front []int
	for i, p := range points {
		if !slices.ContainsFunc(points, func(q []float64) bool { return dominates(q, p) }) {
			front = append(front, i)
		}
	}
	return front, nil
}

func dominates(a, b []float64) bool {
	larger := false
	for i := range a {
		if a[i] < b[i] {
			return false
		}
		larger = larger || a[i] > b[i]
	}
	return larger
}

// Hypervolume returns the area that points, both coordinates to be large, cover
// above the reference point.
func Hypervolume(points [][2]float64, ref [2]float64) (float64, error) {
	var p [][2]float64
	for _, v := range points {
		if err := check("hypervolume", []float64{v[0], v[1], ref[0], ref[1]}, 4); err != nil {
			return 0, err
		}
		if v[0] > ref[0] && v[1] > ref[1] {
			p = append(p, v)
		}
	}
	slices.SortFunc(p, func(a, b [2]float64) int { return cmp.Compare(b[0], a[0]) })
	area, top := 0.0, ref[1]
	for _, v := range p { // from right to left, each adds the strip above the highest so far
		if v[1] > top {
			area += (v[0] - ref[0]) * (v[1] - top)
			top = v[1]
		}
	}
	return unwrap(some(area))
}
