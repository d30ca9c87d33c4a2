package grammar

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// A frame is a place in a body and what comes after the body.
type frame struct {
	at   int32 // index of syms
	then *stack
}

// A stack is the set of places to go on at when a rule ends. All calls of a
// rule at one place of the text share one, so the number of frames grows with
// the grammar and the depth of the text, not with the number of its parses. It
// is immutable, and interned: equal sets are one.
type stack struct {
	frames []frame
	serial uint32
	cost   int32 // tokens that are enough to leave it
}

// A state is what can come next after some text: all the frames that stand
// before a byte. It is interned until the machine forgets.
type state struct {
	frames []frame
	accept bool     // the text may end here
	cost   int32    // tokens that are enough to get where it may
	next   []*state // by byte class; nil: not known yet
	era    int      // of the machine that made it
	plain  *plain   // what it says about words; nil: not known yet
	mask   *Mask    // the tokens allowed with any budget; nil: not known or forgotten
}

// dead is where no text of the language goes on.
var dead = &state{cost: impossible}

// tooMany stands where the machine gave up.
var tooMany = &state{cost: impossible}

const (
	maxFrames  = 1 << 14 // of one state: more are an ambiguous grammar's
	maxEffort  = 1 << 26 // frames handled for one mask
	maxRetain  = 64 << 20
	frameBytes = 16
)

// A machine makes states as texts need them. It is not safe for concurrent use.
type machine struct {
	g      *Grammar
	costs  []int32 // per symbol
	states map[string]*state
	stacks map[string]*stack
	bottom *stack
	serial uint32
	era    int
	held   int  // bytes of what is interned, about
	effort int  // frames handled since it was last set to 0
	excess bool // this closure has more frames than a state may

	// Scratch of one closure.
	todo   []frame
	seen   map[frame]bool
	before []frame           // before a byte
	calls  map[int32][]frame // per rule: where to go on after it
	heap   []int32           // rules to call, first in order on top
	key    []byte
}

func newMachine(g *Grammar, costs []int32) *machine {
	m := &machine{g: g, costs: costs, seen: map[frame]bool{}, calls: map[int32][]frame{}}
	m.bottom = &stack{frames: []frame{{at: -1}}}
	m.forget()
	return m
}

// forget drops what is interned: the states that someone holds live on, and are
// made again when they are next used.
func (m *machine) forget() {
	m.states, m.stacks = map[string]*state{}, map[string]*stack{}
	m.held = 0
	m.era++
}

// symbol returns the symbol at a place; the bottom's is the end of the text.
func (m *machine) symbol(at int32) symbol {
	if at < 0 {
		return symAccept
	}
	return m.g.syms[at]
}

func (m *machine) start() *state {
	m.reset()
	m.call(frame{at: m.g.rules[0].bodies[0], then: m.bottom})
	return m.close()
}

// renew returns s, or its like if the machine has forgotten s.
func (m *machine) renew(s *state) *state {
	if s.era == m.era || s == dead || s == tooMany {
		return s
	}
	m.before = append(m.before[:0], s.frames...)
	return m.intern(s.accept)
}

// step returns the state after one byte of the class.
func (m *machine) step(s *state, class uint8) *state {
	if next := s.next[class]; next != nil {
		return next
	}
	m.reset()
	for _, f := range s.frames {
		if set, _ := m.g.syms[f.at].set(); m.g.byClass[set].has(class) {
			m.call(frame{f.at + 1, f.then})
		}
	}
	next := dead
	if len(m.todo) > 0 {
		next = m.close()
	}
	s.next[class] = next
	return next
}

func (m *machine) reset() {
	m.todo, m.before, m.heap = m.todo[:0], m.before[:0], m.heap[:0]
	m.excess = false
	clear(m.seen)
	clear(m.calls)
}

func (m *machine) call(f frame) {
	if !m.seen[f] {
		m.seen[f] = true
		m.todo = append(m.todo, f)
	}
}

// close goes from the frames in todo to all that stand before a byte. First the
// rules that ended are left, then those that begin are entered: callers before
// what they call, so that a rule is entered once with all places to return to.
// A rule that derives the empty text is also stepped over, so what ends while
// rules are entered has added no text, and needs no leaving.
func (m *machine) close() *state {
	accept := false
	for len(m.todo) > 0 {
		f := m.todo[len(m.todo)-1]
		m.todo = m.todo[:len(m.todo)-1]
		if m.effort++; len(m.seen) > maxFrames || m.excess {
			return tooMany
		}
		switch s := m.symbol(f.at); {
		case s == symAccept:
			accept = true
		case s == symEnd:
			m.effort += len(f.then.frames)
			for _, up := range f.then.frames {
				m.call(up)
			}
		case s >= 0:
			m.enter(s, f)
			if m.g.rules[s].empty {
				m.call(frame{f.at + 1, f.then})
			}
		default:
			m.before = append(m.before, f)
		}
	}
	for len(m.heap) > 0 {
		id := m.popRule()
		then := m.stack(m.calls[id])
		for _, at := range m.g.rules[id].bodies {
			m.body(id, at, then)
		}
		if m.excess = m.excess || len(m.before) > maxFrames; m.excess {
			return tooMany
		}
	}
	return m.intern(accept)
}

// body adds what a body that was just entered can begin with.
func (m *machine) body(id, at int32, then *stack) {
	for ; ; at++ {
		m.effort++
		s := m.symbol(at)
		if s == symEnd {
			return
		}
		if s < 0 {
			m.before = append(m.before, frame{at, then})
			return
		}
		if s != symbol(id) || m.symbol(at+1) != symEnd {
			m.enter(s, frame{at, then})
		}
		if !m.g.rules[s].empty {
			return
		}
	}
}

// enter notes that rule s is called at f. A call that is the last of its body
// returns to where the body would: recursion at the end costs no depth.
func (m *machine) enter(s symbol, f frame) {
	list, called := m.calls[int32(s)]
	if !called {
		m.pushRule(int32(s))
	}
	if m.symbol(f.at+1) == symEnd {
		list = append(list, f.then.frames...)
	} else {
		list = append(list, frame{f.at + 1, f.then})
	}
	m.effort += len(f.then.frames)
	if len(list) > 2*maxFrames {
		list, _ = m.name(list, false)
		m.excess = m.excess || len(list) > maxFrames
	}
	m.calls[int32(s)] = list
}

// pushRule and popRule keep the rules to enter as a heap by their order.
func (m *machine) pushRule(id int32) {
	m.heap = append(m.heap, id)
	for i := len(m.heap) - 1; i > 0 && m.earlier(i, (i-1)/2); i = (i - 1) / 2 {
		m.heap[i], m.heap[(i-1)/2] = m.heap[(i-1)/2], m.heap[i]
	}
}

func (m *machine) popRule() int32 {
	top, last := m.heap[0], len(m.heap)-1
	m.heap[0] = m.heap[last]
	m.heap = m.heap[:last]
	for i := 0; ; {
		c := 2*i + 1
		if c >= last {
			return top
		}
		if c+1 < last && m.earlier(c+1, c) {
			c++
		}
		if m.earlier(i, c) {
			return top
		}
		m.heap[i], m.heap[c] = m.heap[c], m.heap[i]
		i = c
	}
}

func (m *machine) earlier(i, j int) bool {
	return m.g.rules[m.heap[i]].order < m.g.rules[m.heap[j]].order
}

func byPlace(a, b frame) int {
	if a.at != b.at {
		return cmp.Compare(a.at, b.at)
	}
	return cmp.Compare(a.then.number(), b.then.number())
}

func (s *stack) number() uint32 {
	if s == nil {
		return 0
	}
	return s.serial
}

// name sorts frames, drops repeated ones and returns what tells the set from others.
func (m *machine) name(frames []frame, accept bool) ([]frame, []byte) {
	slices.SortFunc(frames, byPlace)
	frames = slices.Compact(frames)
	m.key = m.key[:0]
	for _, f := range frames {
		m.key = binary.LittleEndian.AppendUint32(m.key, uint32(f.at))
		m.key = binary.LittleEndian.AppendUint32(m.key, f.then.number())
	}
	if accept {
		m.key = append(m.key, 1)
	}
	m.effort += len(frames)
	return frames, m.key
}

func (m *machine) stack(frames []frame) *stack {
	frames, key := m.name(frames, false)
	if s, ok := m.stacks[string(key)]; ok {
		return s
	}
	m.serial++
	s := &stack{frames: slices.Clone(frames), serial: m.serial, cost: m.cost(frames)}
	m.stacks[string(key)] = s
	m.held += len(frames)*2*frameBytes + 100
	return s
}

func (m *machine) cost(frames []frame) int32 {
	cost := int32(impossible)
	for _, f := range frames {
		if f.at < 0 {
			return 0
		}
		cost = min(cost, m.costs[f.at]+f.then.cost)
	}
	return cost
}

func (m *machine) intern(accept bool) *state {
	frames, key := m.name(m.before, accept)
	if s, ok := m.states[string(key)]; ok {
		return s
	}
	s := &state{frames: slices.Clone(frames), accept: accept, next: make([]*state, m.g.classes), era: m.era}
	if !accept {
		s.cost = m.cost(frames)
	}
	m.states[string(key)] = s
	m.held += len(frames)*2*frameBytes + 8*m.g.classes + 200
	return s
}
