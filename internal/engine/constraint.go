package engine

import (
	"math"
	"math/bits"
	"slices"
	"sync"
	"time"

	"chimera/internal/fault"
	"chimera/internal/grammar"
)

// maxBound is how many grammars a model keeps prepared, the most recent ones.
const maxBound = 8

// constraints are what a model knows about grammars: its vocabulary, arranged
// once, and the automata of recent requests with the masks they worked out.
type constraints struct {
	sync.Mutex
	vocabulary *grammar.Vocabulary
	recent     []*bound // latest last
}

type bound struct {
	source string
	a      *grammar.Automaton
}

// bind prepares g for m's vocabulary, unless a recent request has done it.
func (m *Model) bind(g *grammar.Grammar) (*grammar.Automaton, error) {
	c := &m.constraints
	c.Lock()
	defer c.Unlock()
	if i := slices.IndexFunc(c.recent, func(b *bound) bool { return b.source == g.Source() }); i >= 0 {
		b := c.recent[i]
		c.recent = append(slices.Delete(c.recent, i, i+1), b)
		return b.a, nil
	}
	if c.vocabulary == nil {
		piece := func(dst []byte, id int32) []byte { return m.tok.AppendPiece(dst, id, false) }
		var err error
		if c.vocabulary, err = grammar.NewVocabulary(m.tok.Size(), piece, m.tok.Ends()); err != nil {
			return nil, err
		}
	}
	a, err := grammar.Bind(g, c.vocabulary)
	if err != nil {
		return nil, err
	}
	if len(c.recent) == maxBound {
		c.recent = slices.Delete(c.recent, 0, 1)
	}
	c.recent = append(c.recent, &bound{g.Source(), a})
	return a, nil
}

// A constraint follows one continuation through its grammar. The nil constraint
// allows everything.
type constraint struct {
	cursor *grammar.Cursor
	mask   *grammar.Mask
	took   time.Duration // for all masks
}

// constrain returns the constraint of a request that may have so many steps.
func (m *Model) constrain(r *Request, steps int) (*constraint, error) {
	if r.Grammar == nil {
		return nil, nil
	}
	switch {
	case r.IgnoreEOS:
		return nil, fault.New(fault.Usage, "a text that follows a grammar ends where the grammar says: end tokens cannot be ignored")
	case len(r.Stop) > 0:
		return nil, fault.New(fault.Usage, "a stop string could cut a text that follows a grammar: leave one of them out")
	case r.ForceIDs != nil:
		return nil, fault.New(fault.Usage, "a given continuation is scored as it is: leave out the grammar")
	}
	a, err := m.bind(r.Grammar)
	if err != nil {
		return nil, err
	}
	if n := a.Shortest(); n > steps {
		return nil, fault.With(fault.New(fault.Usage, "the shortest text of the grammar needs up to %d tokens with its end, but at most %d may come", n, steps),
			fault.Usage, "raise the token limit")
	}
	return &constraint{cursor: a.Start()}, nil
}

// allow finds what may come next if left tokens may come at all.
func (c *constraint) allow(left int) (err error) {
	if c == nil {
		return nil
	}
	start := time.Now()
	c.mask, err = c.cursor.Mask(left)
	c.took += time.Since(start)
	return err
}

func (c *constraint) advance(id int32) error {
	if c == nil {
		return nil
	}
	return c.cursor.Advance(id)
}

// bits are those of the mask, nil without a constraint.
func (c *constraint) bits() []uint64 {
	if c == nil {
		return nil
	}
	return c.mask.Bits
}

// excluded is 64 logits that are never chosen.
var excluded = func() (x [64]float32) {
	for i := range x {
		x[i] = float32(math.Inf(-1))
	}
	return x
}()

// restrict excludes the tokens that are not allowed.
func restrict(logits []float32, allowed []uint64) {
	for i, word := range allowed {
		part := logits[i*64 : min(len(logits), i*64+64)]
		switch word {
		case ^uint64(0):
		case 0:
			copy(part, excluded[:])
		default:
			for left := ^word; left != 0; left &= left - 1 {
				if j := bits.TrailingZeros64(left); j < len(part) {
					part[j] = excluded[0]
				}
			}
		}
	}
}

// logSum returns ln Σ exp(logit) over the tokens in bits.
func logSum(logits []float32, bits []uint64) float64 {
	each := func(visit func(float64)) {
		for id, v := range logits {
			if bits[id>>6]>>(id&63)&1 != 0 {
				visit(float64(v))
			}
		}
	}
	peak, sum := math.Inf(-1), 0.0
	each(func(v float64) { peak = max(peak, v) })
	each(func(v float64) { sum += math.Exp(v - peak) })
	return peak + math.Log(sum)
}
