package grammar

import "sync"

// An Automaton is a grammar over a vocabulary. It remembers what it has worked
// out, up to about 100 MB, so one should serve all texts of a grammar. It is
// safe for concurrent use; its cursors are not.
type Automaton struct {
	g *Grammar
	v *Vocabulary

	mu struct {
		sync.Mutex
		machine *machine
		start   *state
		masked  []*state // that hold a mask, oldest first from next on
		next    int
		walked  int64 // masks that were worked out
	}
}

const (
	maskBytes = 32 << 20 // of the masks that are remembered
	fewest    = 16       // masks that are remembered however large
)

// Bind prepares a grammar for a vocabulary. It refuses a pair of which no text
// can come: a vocabulary may lack the bytes of all of them.
func Bind(g *Grammar, v *Vocabulary) (*Automaton, error) {
	a := &Automaton{g: g, v: v}
	a.mu.machine = newMachine(g, costs(g, v))
	a.mu.start = a.mu.machine.start()
	switch {
	case a.mu.start == tooMany:
		return nil, tooAmbiguous()
	case a.mu.start.cost >= impossible:
		return nil, usage("the vocabulary cannot spell any text of the grammar")
	}
	words := (v.size + 63) / 64
	a.mu.masked = make([]*state, max(fewest, maskBytes/(8*words)))
	return a, nil
}

func tooAmbiguous() error {
	return usage("the grammar is too ambiguous: a text can be read in too many ways to follow; let its alternatives and repetitions begin differently")
}

// Shortest is how many tokens are enough for a whole text, the token that ends
// it included. A text of fewer may exist: no token is counted that spans a fixed
// part and a free one.
func (a *Automaton) Shortest() int { return a.Start().Left() }

// Walked is how many masks were worked out so far, rather than remembered.
func (a *Automaton) Walked() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.mu.walked
}

// A Mask is a set of tokens: id is in it if bit id%64 of Bits[id/64] is 1.
type Mask struct {
	Bits []uint64
	far  int32 // the cost of the state that is farthest from an end, of all the tokens lead to
}

// Has reports whether token id is allowed.
func (m *Mask) Has(id int32) bool { return m.Bits[id>>6]>>(id&63)&1 != 0 }

func (m *Mask) add(ids []int32) {
	for _, id := range ids {
		m.Bits[id>>6] |= 1 << (id & 63)
	}
}

// A Cursor is a place in one text.
type Cursor struct {
	a     *Automaton
	s     *state
	ended bool
	tight Mask // the last mask that was for one budget only
}

// Start returns a cursor before the first token.
func (a *Automaton) Start() *Cursor {
	a.mu.Lock()
	defer a.mu.Unlock()
	return &Cursor{a: a, s: a.mu.start}
}

// Accepts reports whether the text may end here.
func (c *Cursor) Accepts() bool { return c.s.accept }

// Left is how many tokens are enough to finish, the one that ends the text
// included.
func (c *Cursor) Left() int { return int(c.s.cost) + 1 }

// Mask returns the tokens that may come next if budget more may come at all,
// this one and the one that ends the text included. Every allowed token leaves
// enough of the budget to finish. The mask must not be changed, and is valid
// until the cursor's next call. Errors carry fault.Usage: the budget is below
// Left, or the grammar is too ambiguous.
func (c *Cursor) Mask(budget int) (*Mask, error) {
	if c.ended {
		return nil, usage("the text has ended")
	}
	if budget < c.Left() {
		return nil, usage("the text needs up to %d more tokens to end, but may have only %d", c.Left(), budget)
	}
	a := c.a
	a.mu.Lock()
	defer a.mu.Unlock()
	c.refresh()
	limit := int32(min(budget-2, impossible-1))
	if c.s.mask == nil {
		mask := &Mask{Bits: make([]uint64, (a.v.size+63)/64)}
		if err := a.walk(c.s, impossible-1, mask); err != nil {
			return nil, err
		}
		a.remember(c.s, mask)
	}
	if c.s.mask.far <= limit {
		return c.s.mask, nil
	}
	if c.tight.Bits == nil {
		c.tight.Bits = make([]uint64, (a.v.size+63)/64)
	}
	clear(c.tight.Bits)
	return &c.tight, a.walk(c.s, limit, &c.tight)
}

// refresh forgets what grew too large, and carries the cursor over.
func (c *Cursor) refresh() {
	m := c.a.mu.machine
	if m.held > maxRetain {
		m.forget()
		c.a.mu.start = m.renew(c.a.mu.start)
		for i, s := range c.a.mu.masked {
			if s != nil {
				s.mask = nil
			}
			c.a.mu.masked[i] = nil
		}
	}
	c.s = m.renew(c.s)
	m.effort = 0
}

// remember keeps the mask of s, and drops the oldest instead if there are many.
func (a *Automaton) remember(s *state, mask *Mask) {
	old := a.mu.masked[a.mu.next]
	if old != nil && old != s {
		old.mask = nil
	}
	s.mask = mask
	a.mu.masked[a.mu.next] = s
	a.mu.next = (a.mu.next + 1) % len(a.mu.masked)
}

// walk adds to mask the tokens after which at most limit more are enough.
func (a *Automaton) walk(s *state, limit int32, mask *Mask) error {
	a.mu.walked++
	m, v := a.mu.machine, a.v
	var path [maxTokenBytes + 1]*state // after each byte of the node above
	path[0] = s
	excess, found := false, s.accept
	for i := 0; i < len(v.bytes); {
		d := v.depth[i]
		class := a.g.class[v.bytes[i]]
		next := path[d].next[class]
		if next == nil {
			if next = m.step(path[d], class); m.effort > maxEffort || m.held > 2*maxRetain {
				return tooAmbiguous()
			}
		}
		if next.next == nil { // dead or tooMany
			excess = excess || next == tooMany
			i = int(v.after[i])
			continue
		}
		path[d+1] = next
		if v.first[i] != v.first[i+1] && next.cost <= limit {
			found = true
			mask.far = max(mask.far, next.cost)
			mask.add(v.own(i))
		}
		if i++; int(v.after[i-1]) > i && v.below[i-1]&ragged == 0 {
			i = a.words(i-1, m.plainOf(next), limit, mask)
		}
	}
	if s.accept {
		mask.add(v.ends)
	}
	if excess && !found {
		return tooAmbiguous()
	}
	return nil
}

// words handles all tokens below a node at once, if to the state after the node
// they are nothing but words, and returns the node to go on with.
func (a *Automaton) words(node int, p *plain, limit int32, mask *Mask) int {
	v := a.v
	after := int(v.after[node])
	switch {
	case p.next == nil || v.below[node]&^p.kinds != 0 || int(v.runes[node]) > p.runes:
	case p.most <= limit:
		mask.far = max(mask.far, p.most)
		mask.add(v.sorted[v.first[node+1]:v.first[after]])
		return after
	case p.lowest > limit:
		return after
	}
	return node + 1
}

// Advance adds a token to the text.
func (c *Cursor) Advance(id int32) error {
	if c.ended || id < 0 || int(id) >= c.a.v.size {
		return usage("token %d cannot follow: the text has ended, or there is no such token", id)
	}
	for _, end := range c.a.v.ends {
		if id == end {
			if c.ended = c.s.accept; !c.ended {
				return usage("the text cannot end here")
			}
			return nil
		}
	}
	a := c.a
	a.mu.Lock()
	defer a.mu.Unlock()
	c.refresh()
	s := c.s
	if len(a.v.piece(id)) == 0 {
		return usage("token %d has no text", id)
	}
	for _, b := range a.v.piece(id) {
		if s = a.mu.machine.step(s, a.g.class[b]); s.next == nil {
			return usage("the grammar does not allow token %d %q here", id, a.v.piece(id))
		}
	}
	c.s = s
	return nil
}

// Accepts reports whether text is in the language.
func (g *Grammar) Accepts(text string) bool {
	m := newMachine(g, make([]int32, len(g.syms)))
	s := m.start()
	for i := 0; i < len(text) && s.next != nil; i++ {
		if m.held > maxRetain {
			m.forget()
			s = m.renew(s)
		}
		s = m.step(s, g.class[text[i]])
	}
	return s.accept
}
