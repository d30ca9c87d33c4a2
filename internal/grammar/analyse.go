package grammar

import (
	"slices"
	"strings"
)

// finish checks the rules that root reaches and lays them out.
func (b *builder) finish(source string, root symbol) (*Grammar, error) {
	if b.err != nil {
		return nil, b.err
	}
	start := b.rule("", []symbol{root})
	b.dropHopeless()
	if len(b.rules[start].bodies) == 0 {
		return nil, usage("no finite text matches the grammar")
	}
	b.keepReachable(start)
	empty := b.empties()
	order, err := b.order(empty)
	if err != nil {
		return nil, err
	}
	g := &Grammar{source: source}
	g.layOut(b, empty, order)
	return g, nil
}

// users lists for each rule the bodies that hold it, as often as they do.
func (b *builder) users() [][]use {
	users := make([][]use, len(b.rules))
	for id, d := range b.rules {
		for i, body := range d.bodies {
			for _, s := range body {
				if s >= 0 {
					users[s] = append(users[s], use{id, i})
				}
			}
		}
	}
	return users
}

type use struct{ rule, body int }

// settle marks the rules with a body whose rules are all marked, and calls
// blocked first, which excludes a body for good.
func (b *builder) settle(blocked func(body []symbol) bool) []bool {
	marked := make([]bool, len(b.rules))
	open := make([][]int, len(b.rules)) // per body: rules that are not marked yet
	var queue []int
	mark := func(id int) {
		if !marked[id] {
			marked[id] = true
			queue = append(queue, id)
		}
	}
	for id, d := range b.rules {
		open[id] = make([]int, len(d.bodies))
		for i, body := range d.bodies {
			for _, s := range body {
				if s >= 0 {
					open[id][i]++
				}
			}
			if blocked(body) {
				open[id][i] = -1
			} else if open[id][i] == 0 {
				mark(id)
			}
		}
	}
	users := b.users()
	for len(queue) > 0 {
		id := queue[0]
		queue = queue[1:]
		for _, u := range users[id] {
			if open[u.rule][u.body] < 0 {
				continue
			}
			if open[u.rule][u.body]--; open[u.rule][u.body] == 0 {
				mark(u.rule)
			}
		}
	}
	return marked
}

// dropHopeless drops the bodies that no finite text matches: what is left can
// always be completed, which is what makes a mask exact.
func (b *builder) dropHopeless() {
	finite := b.settle(func([]symbol) bool { return false })
	for id := range b.rules {
		b.rules[id].bodies = slices.DeleteFunc(b.rules[id].bodies, func(body []symbol) bool {
			return slices.ContainsFunc(body, func(s symbol) bool { return s >= 0 && !finite[s] })
		})
	}
}

// empties marks the rules that derive the empty text.
func (b *builder) empties() []bool {
	return b.settle(func(body []symbol) bool {
		return slices.ContainsFunc(body, func(s symbol) bool { return s < 0 })
	})
}

// keepReachable drops the rules that start does not reach; start becomes rule 0.
func (b *builder) keepReachable(start symbol) {
	renamed := map[symbol]symbol{start: 0}
	queue := []symbol{start}
	for i := 0; i < len(queue); i++ {
		for _, body := range b.rules[queue[i]].bodies {
			for _, s := range body {
				if _, known := renamed[s]; s >= 0 && !known {
					renamed[s] = symbol(len(queue))
					queue = append(queue, s)
				}
			}
		}
	}
	kept := make([]draft, len(queue))
	for i, old := range queue {
		kept[i] = b.rules[old]
		for _, body := range kept[i].bodies {
			for j, s := range body {
				if s >= 0 {
					body[j] = renamed[s]
				}
			}
		}
	}
	b.rules = kept
}

// corners lists the rules that id can begin with. A rule that derives nothing
// but itself, as the repetition of something empty does, adds no text: such a
// call is left out here and ignored by the automaton.
func (b *builder) corners(id int, empty []bool) []symbol {
	var out []symbol
	for _, body := range b.rules[id].bodies {
		for i, s := range body {
			if s < 0 {
				break
			}
			if s != symbol(id) || i < len(body)-1 {
				out = append(out, s)
			}
			if !empty[s] {
				break
			}
		}
	}
	return out
}

// order sorts the rules so that each comes before those it can begin with. If
// there is no such order, the grammar is left-recursive.
func (b *builder) order(empty []bool) ([]int32, error) {
	const unseen, open, done = 0, 1, 2
	state := make([]int, len(b.rules))
	order := make([]int32, len(b.rules))
	next := int32(len(b.rules))
	type visit struct {
		id   int
		rest []symbol
	}
	for id := range b.rules {
		if state[id] != unseen {
			continue
		}
		state[id] = open
		for path := []visit{{id, b.corners(id, empty)}}; len(path) > 0; {
			top := &path[len(path)-1]
			if len(top.rest) == 0 {
				next--
				order[top.id], state[top.id] = next, done
				path = path[:len(path)-1]
				continue
			}
			s := int(top.rest[0])
			top.rest = top.rest[1:]
			switch state[s] {
			case unseen:
				state[s] = open
				path = append(path, visit{s, b.corners(s, empty)})
			case open:
				var names []string
				for i := slices.IndexFunc(path, func(v visit) bool { return v.id == s }); i < len(path); i++ {
					if n := b.rules[path[i].id].name; n != "" {
						names = append(names, n)
					}
				}
				return nil, leftRecursion(names)
			}
		}
	}
	return order, nil
}

func leftRecursion(names []string) error {
	if len(names) == 0 {
		return usage("the grammar is left-recursive: a repetition can begin with itself")
	}
	const most = 8
	if len(names) > most {
		names = append(names[:most], "…")
	}
	return usage("the grammar is left-recursive: rule %q can begin with itself (%s); write it as a repetition", names[0], strings.Join(append(names, names[0]), " → "))
}

// layOut writes the bodies one after the other and finds the byte classes.
func (g *Grammar) layOut(b *builder, empty []bool, order []int32) {
	used := make([]int, len(b.list)) // 1 + the new index
	for id, d := range b.rules {
		r := rule{name: d.name, empty: empty[id], order: order[id]}
		for _, body := range d.bodies {
			r.bodies = append(r.bodies, int32(len(g.syms)))
			for _, s := range body {
				if i, ok := s.set(); ok {
					if used[i] == 0 {
						g.sets = append(g.sets, b.list[i])
						used[i] = len(g.sets)
					}
					s = setSymbol(used[i] - 1)
				}
				g.syms = append(g.syms, s)
			}
			g.syms = append(g.syms, symEnd)
		}
		g.rules = append(g.rules, r)
	}
	g.classify()
}

// classify splits the bytes until no set tells two of one class apart.
func (g *Grammar) classify() {
	type side struct {
		class uint8
		in    bool
	}
	g.classes = 1
	for _, s := range g.sets {
		seen := map[side]uint8{}
		for b := range 256 {
			key := side{g.class[b], s.has(byte(b))}
			class, ok := seen[key]
			if !ok {
				class = uint8(len(seen))
				seen[key] = class
			}
			g.class[b] = class
		}
		g.classes = len(seen)
	}
	g.byClass = make([]byteSet, len(g.sets))
	for b := range 256 {
		for i, s := range g.sets {
			if s.has(byte(b)) {
				g.byClass[i].add(g.class[b])
			}
		}
	}
}
