package compare

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// cell is one prompt in one block: the mean of its logarithms over repeats.
type cell struct {
	sum   float64
	n     int
	value float64 // of the last row
}

func (c *cell) log() float64 { return c.sum / float64(c.n) }

// grid is a side by block and prompt.
type grid map[int]map[string]*cell

func gridOf(rows []observation) grid {
	g := grid{}
	for _, o := range rows {
		block := g[o.block]
		if block == nil {
			block = map[string]*cell{}
			g[o.block] = block
		}
		c := block[o.prompt]
		if c == nil {
			c = &cell{}
			block[o.prompt] = c
		}
		c.sum, c.n, c.value = c.sum+math.Log(o.value), c.n+1, o.value
	}
	return g
}

// means returns the mean logarithm of each prompt over the blocks.
func (g grid) means() map[string]float64 {
	sum, n := map[string]float64{}, map[string]int{}
	for _, b := range g.order() {
		for p, c := range g[b] {
			sum[p], n[p] = sum[p]+c.log(), n[p]+1
		}
	}
	for p := range sum {
		sum[p] /= float64(n[p])
	}
	return sum
}

func (g grid) order() []int {
	out := make([]int, 0, len(g))
	for b := range g {
		out = append(out, b)
	}
	slices.Sort(out)
	return out
}

// blockValues makes one value of each block: the geometric mean over the
// prompts that both runs have, so that a block is one observation whatever its
// number of requests. A block that lacks some prompts is corrected by what
// those prompts take on average in both runs; one that lacks more than half of
// them is left out.
func blockValues(a, b []observation) (va, vb values, err error) {
	ga, gb := gridOf(a), gridOf(b)
	ma, mb := ga.means(), gb.means()
	var shared []string
	for p := range ma {
		if _, ok := mb[p]; ok {
			shared = append(shared, p)
		}
	}
	if len(shared) == 0 {
		return va, vb, errors.New("no prompt has a value in both runs")
	}
	slices.Sort(shared)
	centre := make([]float64, len(shared))
	for i, p := range shared {
		centre[i] = (ma[p] + mb[p]) / 2
	}
	va, vb = ga.blocks(shared, centre), gb.blocks(shared, centre)
	va.rows, vb.rows = a, b
	if len(va.v) == 0 || len(vb.v) == 0 {
		return va, vb, errors.New("no block has values for half of its prompts")
	}
	for i, m := range []map[string]float64{ma, mb} {
		if lost := len(m) - len(shared); lost > 0 {
			va.notes = append(va.notes, fmt.Sprintf("%d prompts have values in run %s only and are left out", lost, []string{"A", "B"}[i]))
		}
	}
	return va, vb, nil
}

func (g grid) blocks(prompts []string, centre []float64) values {
	var out values
	short := 0
	for _, b := range g.order() {
		v, have := g.block(b, prompts, centre)
		if 2*have < len(prompts) {
			short++
			continue
		}
		out.v = append(out.v, v)
	}
	if short > 0 {
		out.notes = append(out.notes, fmt.Sprintf("%d blocks lack more than half of their prompts and are left out", short))
	}
	return out
}

// block returns a block's value and how many of the prompts it has.
func (g grid) block(b int, prompts []string, centre []float64) (v float64, have int) {
	plain, corrected, all := 0.0, 0.0, 0.0
	var only *cell
	for i, p := range prompts {
		all += centre[i]
		if c := g[b][p]; c != nil {
			have++
			plain += c.log()
			corrected += c.log() - centre[i]
			only = c
		}
	}
	switch n := float64(len(prompts)); {
	case have == 0:
		return 0, 0
	case have == 1 && len(prompts) == 1 && only.n == 1:
		return tidy(only.value), 1
	case have == len(prompts):
		return tidy(math.Exp(plain / n)), have
	default:
		return tidy(math.Exp(corrected/float64(have) + all/n)), have
	}
}

// tidy keeps 12 digits: more than any clock has, and few enough that equal
// values stay equal whichever way they were added up. A rank test needs ties to
// be ties.
func tidy(v float64) float64 {
	v, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 12, 64), 64)
	if err != nil {
		panic("compare: " + err.Error()) // a number as strconv wrote it
	}
	return v
}
