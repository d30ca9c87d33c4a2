package grammar

import "container/heap"

// impossible is more tokens than any text has: what no token can spell.
const impossible = 1 << 29

// costs tells for each symbol of g's bodies how many tokens of v are enough for
// the rest of its body. It is an upper bound: runs of fixed bytes are spelled
// with the fewest tokens, all else byte by byte, and no token reaches from one
// rule into another. So a text of that many tokens exists, and each token of it
// lowers the cost by one.
//
// The rules are settled in the order of their costs (Knuth, A generalization of
// Dijkstra's algorithm, 1977): a body costs at least what each of its rules does.
func costs(g *Grammar, v *Vocabulary) []int32 {
	c := &coster{g: g, v: v, at: make([]int32, len(g.syms)), rule: make([]int32, len(g.rules)), open: make([]int32, len(g.syms)),
		users: make([][]int32, len(g.rules)), owner: make([]int32, len(g.syms))}
	for i := range c.rule {
		c.rule[i] = impossible
	}
	for i := range c.at {
		c.at[i] = impossible
	}
	for id, r := range g.rules {
		for _, body := range r.bodies {
			c.begin(int32(id), body)
		}
	}
	for len(c.queue) > 0 {
		best := heap.Pop(&c.queue).(priced)
		if c.rule[best.rule] != impossible {
			continue
		}
		c.rule[best.rule] = best.cost
		for _, body := range c.users[best.rule] {
			if c.open[body]--; c.open[body] == 0 {
				c.price(body)
			}
		}
	}
	c.unspelled()
	return c.at
}

type coster struct {
	g     *Grammar
	v     *Vocabulary
	at    []int32   // per symbol: of the rest of its body
	rule  []int32   // per rule: of its cheapest body
	open  []int32   // per body: rules without a cost yet
	owner []int32   // per body: its rule
	users [][]int32 // per rule: bodies that hold it
	queue priceQueue
}

func (c *coster) begin(id, body int32) {
	c.owner[body] = id
	for i := body; c.g.syms[i] != symEnd; i++ {
		if s := c.g.syms[i]; s >= 0 {
			c.users[s] = append(c.users[s], body)
			c.open[body]++
		}
	}
	if c.open[body] == 0 {
		c.price(body)
	}
}

// price works out a body whose rules all have costs, from its end.
func (c *coster) price(body int32) {
	end := body
	for c.g.syms[end] != symEnd {
		end++
	}
	c.at[end] = 0
	for i := end - 1; i >= body; i-- {
		c.at[i] = c.symbol(i)
	}
	if c.at[body] < impossible {
		heap.Push(&c.queue, priced{c.owner[body], c.at[body]})
	}
}

func (c *coster) symbol(i int32) int32 {
	s := c.g.syms[i]
	if s >= 0 {
		return min(impossible, c.rule[s]+c.at[i+1])
	}
	cost := int32(impossible)
	for b := range 256 {
		set, _ := s.set()
		if c.v.byteIDs[b] && c.g.sets[set].has(byte(b)) {
			cost = min(impossible, 1+c.at[i+1])
			break
		}
	}
	// Walk down the trie as far as the bytes are fixed.
	node, above := 0, len(c.v.bytes)
	for ; c.g.syms[i] <= symSets; i++ {
		set, _ := c.g.syms[i].set()
		want, fixed := c.g.sets[set].single()
		if !fixed {
			break
		}
		for node < above && c.v.bytes[node] != want {
			node = int(c.v.after[node])
		}
		if node >= above {
			break
		}
		if len(c.v.own(node)) > 0 {
			cost = min(cost, 1+c.at[i+1])
		}
		node, above = node+1, int(c.v.after[node])
	}
	return cost
}

// unspelled prices what can be in bodies that cannot be spelled as a whole: a
// text may be past the part that cannot.
func (c *coster) unspelled() {
	for _, r := range c.g.rules {
		for _, body := range r.bodies {
			if c.open[body] > 0 {
				c.price(body)
			}
		}
	}
}

type priced struct{ rule, cost int32 }

type priceQueue []priced

func (q priceQueue) Len() int           { return len(q) }
func (q priceQueue) Less(i, j int) bool { return q[i].cost < q[j].cost }
func (q priceQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *priceQueue) Push(x any)        { *q = append(*q, x.(priced)) }
func (q *priceQueue) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}
