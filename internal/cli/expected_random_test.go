package cli_test

import (
	"math"
	"slices"
)

// The recomputation and one figure of the documents draw numbers. Theirs are
// well-known generators, all with this seed.
const seed = 42

// resampled is the percentile interval of the mean that 10,000 resamples give.
func resampled(x []float64, draw func() int) (lo, hi float64) {
	means := make([]float64, 10_000)
	for i := range means {
		sum := 0.0
		for range x {
			sum += x[draw()]
		}
		means[i] = sum / float64(len(x))
	}
	slices.Sort(means)
	return means[250], means[9749]
}

// splitMix draws indices below n by SplitMix64, modulo n.
func splitMix(n int) func() int {
	state := uint64(seed)
	return func() int {
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return int((z ^ z>>31) % uint64(n))
	}
}

// pythonChoice draws indices below n as Python's random.choices does.
func pythonChoice(n int) func() int {
	g := newTwister(19650218)
	g.mixSeed(seed)
	return func() int { return int(g.uniform() * float64(n)) }
}

// A twister is the Mersenne Twister MT19937 of Matsumoto and Nishimura (1998),
// the generator of Python's random and of NumPy's RandomState.
type twister struct {
	state [624]uint32
	next  int
	spare *float64 // the second number of a pair of normal ones
}

func newTwister(seed uint32) *twister {
	g := &twister{next: 624}
	g.state[0] = seed
	for i := 1; i < 624; i++ {
		g.state[i] = 1812433253*(g.state[i-1]^g.state[i-1]>>30) + uint32(i)
	}
	return g
}

// mixSeed is init_by_array of the reference, with a key of one word.
func (g *twister) mixSeed(key uint32) {
	s := &g.state
	i := 1
	step := func(factor, add uint32) {
		s[i] = (s[i] ^ (s[i-1]^s[i-1]>>30)*factor) + add
		if i++; i == 624 {
			s[0], i = s[623], 1
		}
	}
	for range 624 {
		step(1664525, key)
	}
	for range 623 {
		step(1566083941, -uint32(i))
	}
	s[0] = 1 << 31
}

func (g *twister) word() uint32 {
	if g.next == 624 {
		s := &g.state
		for i := range s {
			y := s[i]&(1<<31) | s[(i+1)%624]&(1<<31-1)
			s[i] = s[(i+397)%624] ^ y>>1 ^ (y&1)*0x9908b0df
		}
		g.next = 0
	}
	y := g.state[g.next]
	g.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// uniform is a number of 53 bits in [0, 1).
func (g *twister) uniform() float64 {
	a, b := g.word()>>5, g.word()>>6
	return (float64(a)*(1<<26) + float64(b)) / (1 << 53)
}

// normal is a standard normal number by Marsaglia's polar method.
func (g *twister) normal() float64 {
	if g.spare != nil {
		v := *g.spare
		g.spare = nil
		return v
	}
	for {
		u, v := 2*g.uniform()-1, 2*g.uniform()-1
		if r := u*u + v*v; r > 0 && r < 1 {
			f := math.Sqrt(-2 * math.Log(r) / r)
			u *= f
			g.spare = &u
			return f * v
		}
	}
}
