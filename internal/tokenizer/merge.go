package tokenizer

// A symbol is a stretch of the text being merged; symbols form a doubly linked
// list by index, so that a merge costs no copying.
type symbol struct {
	start, size int32 // bytes of the text; size 0 means merged away
	id          int32 // its token, None where it is not one
	prev, next  int32 // neighbours, -1 at the ends
}

// A candidate is a pair of neighbours that would form a token. It is stale once
// either neighbour has changed, which size reveals.
type candidate struct {
	key   float64 // smaller merges first
	left  int32
	right int32
	size  int32 // bytes of both when the pair was found
	id    int32 // token of the pair
}

func (a *candidate) before(b *candidate) bool {
	if a.key != b.key {
		return a.key < b.key
	}
	return a.left < b.left
}

// A merger joins symbols, best pair first, in O(n log n). pair looks up what two
// neighbours form. It is reused for the words of one text.
type merger struct {
	symbols []symbol
	heap    []candidate
	pair    func(l, r *symbol) (key float64, id int32, ok bool)
}

func (m *merger) add(start, size int, id int32) {
	n := int32(len(m.symbols))
	m.symbols = append(m.symbols, symbol{int32(start), int32(size), id, n - 1, n + 1})
}

// run merges until no pair is left; the first symbol is then the head of the
// list of what remains.
func (m *merger) run() {
	n := len(m.symbols)
	if n == 0 {
		return
	}
	m.symbols[n-1].next = -1
	m.heap = m.heap[:0]
	for i := 1; i < n; i++ {
		m.try(int32(i-1), int32(i))
	}
	for len(m.heap) > 0 {
		c := m.pop()
		l, r := &m.symbols[c.left], &m.symbols[c.right]
		if l.size == 0 || r.size == 0 || l.size+r.size != c.size || l.next != c.right {
			continue
		}
		l.size, l.id, l.next, r.size = c.size, c.id, r.next, 0
		if r.next >= 0 {
			m.symbols[r.next].prev = c.left
			m.try(c.left, r.next)
		}
		if l.prev >= 0 {
			m.try(l.prev, c.left)
		}
	}
}

func (m *merger) try(left, right int32) {
	l, r := &m.symbols[left], &m.symbols[right]
	if key, id, ok := m.pair(l, r); ok {
		m.push(candidate{key, left, right, l.size + r.size, id})
	}
}

// push and pop keep a binary heap by hand: container/heap would box every
// candidate, and a long text has millions.
func (m *merger) push(c candidate) {
	m.heap = append(m.heap, c)
	for i := len(m.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if !m.heap[i].before(&m.heap[up]) {
			return
		}
		m.heap[i], m.heap[up] = m.heap[up], m.heap[i]
		i = up
	}
}

func (m *merger) pop() candidate {
	h := m.heap
	top, last := h[0], len(h)-1
	h[0] = h[last]
	h = h[:last]
	m.heap = h
	for i := 0; ; {
		c := 2*i + 1
		if c >= len(h) {
			return top
		}
		if c+1 < len(h) && h[c+1].before(&h[c]) {
			c++
		}
		if !h[c].before(&h[i]) {
			return top
		}
		h[i], h[c] = h[c], h[i]
		i = c
	}
}
