package grammar

import "slices"

// then returns a body of parts.
func (s *schema) then(parts ...any) []symbol {
	var out []symbol
	for _, part := range parts {
		switch x := part.(type) {
		case string:
			out = append(out, s.b.text(x)...)
		case symbol:
			out = append(out, x)
		case []symbol:
			out = append(out, x...)
		}
	}
	return out
}

// blank is one optional space: models that learnt to write ", " and ": " would
// be pushed off their way without it.
func (s *schema) blank() symbol { return s.b.repeat(s.b.text(" ")[0], 0, 1) }

// counts reads a least and a most. A most below the least matches nothing.
func (s *schema) counts(p place, least, most string) (low, high int, ok bool) {
	low, high = s.count(p, least, 0), s.count(p, most, unbounded)
	return low, high, high == unbounded || low <= high
}

func (s *schema) arrayOf(p place) symbol {
	low, high, ok := s.counts(p, "minItems", "maxItems")
	if u := p.v.get("uniqueItems"); u != nil && u.truth && (high == unbounded || high > 1) {
		return s.bad(p, "uniqueItems is not supported")
	}
	var first []symbol
	if list := p.v.get("prefixItems"); list != nil {
		items, ok := s.list(p, "prefixItems")
		for i := range items {
			first = append(first, s.node(p.item("prefixItems", i)))
		}
		if !ok {
			return 0
		}
	}
	var each symbol
	switch items := p.at("items"); {
	case items.v != nil && items.v.kind == 'a':
		return s.bad(p, "items is an array; since draft 2020-12 that is prefixItems")
	case items.v != nil:
		each = s.node(items)
	case len(first) > 0:
		each = s.never() // only what the schema names
	default:
		each = s.anything(0)
	}
	if !ok || s.b.err != nil {
		return s.never()
	}
	return s.array(first, each, low, high)
}

// array returns an array of low to high items, which begins with first.
func (s *schema) array(first []symbol, each symbol, low, high int) symbol {
	more := s.b.choice("", s.then(",", s.blank(), each))
	comma := s.then(",", s.blank())
	// tail[i] follows i items of first.
	n := len(first)
	if high != unbounded {
		n = min(n, high)
	}
	rest := func(have int) (int, int) {
		if high == unbounded {
			return max(0, low-have), unbounded
		}
		return max(0, low-have), high - have
	}
	if n == 0 {
		id := s.b.rule("")
		if low == 0 {
			s.b.add(id, s.then("[]"))
		}
		if high != 0 {
			l, h := rest(1)
			s.b.add(id, s.then("[", each, s.b.repeat(more, l, h), "]"))
		}
		return id
	}
	l, h := rest(n)
	tail := s.b.repeat(more, l, h)
	for i := n - 1; i >= 0; i-- {
		id := s.b.rule("")
		if i > 0 {
			s.b.add(id, s.then(comma, first[i], tail))
		} else {
			s.b.add(id, s.then(first[i], tail))
		}
		if i >= low {
			s.b.add(id, nil)
		}
		tail = id
	}
	return s.b.choice("", s.then("[", tail, "]"))
}

func (s *schema) objectOf(p place) symbol {
	low, high, ok := s.counts(p, "minProperties", "maxProperties")
	props, required := s.properties(p)
	if !ok || s.b.err != nil {
		return s.never()
	}
	if p.v.get("properties") != nil || len(props) > 0 {
		return s.object(props, required, low, high)
	}
	extra := p.at("additionalProperties")
	if extra.v != nil && extra.v.kind == 'b' && !extra.v.truth {
		return s.object(nil, nil, low, high)
	}
	if low > 1 {
		return s.bad(p, "minProperties of %d needs properties: names that a model makes up could be equal", low)
	}
	each := s.anything(0)
	if extra.v != nil {
		each = s.node(extra)
	}
	return s.dictionary(each, low, high)
}

// A property is a named member of an object.
type property struct {
	name string
	at   place
}

// properties returns the named properties in order: those of the schema, then
// those that are only required.
func (s *schema) properties(p place) (props []property, required map[string]bool) {
	list := p.at("properties")
	if list.v != nil && list.v.kind != 'o' {
		s.bad(p, "properties must be an object")
	}
	for _, m := range list.v.orEmpty().members {
		props = append(props, property{m.name, list.at(m.name)})
	}
	required = map[string]bool{}
	v := p.v.get("required").orEmpty()
	for _, name := range v.items {
		if !required[name.text] && list.v.get(name.text) == nil {
			extra := p.at("additionalProperties")
			if extra.v == nil {
				extra.v = &value{kind: 'b', truth: true}
			}
			props = append(props, property{name.text, extra})
		}
		required[name.text] = true
	}
	if p.v.get("required") != nil && (v.kind != 'a' || slices.ContainsFunc(v.items, func(n *value) bool { return n.kind != 's' })) {
		s.bad(p, "required must be an array of names")
	}
	return props, required
}

func (v *value) orEmpty() *value {
	if v == nil {
		return &value{}
	}
	return v
}

// object returns objects of the given properties in order, the required ones
// always, between low and high of them.
func (s *schema) object(props []property, required map[string]bool, low, high int) symbol {
	values := make([]symbol, len(props))
	for i, p := range props {
		values[i] = s.node(p.at)
	}
	// have counts up to where it stops to matter.
	limit := max(1, low)
	if high != unbounded {
		limit = max(limit, high)
	}
	limit = min(limit, len(props))
	after := make([]symbol, limit+1) // by how many there are: what follows property i
	for have := range after {
		after[have] = s.never()
		if have >= min(low, len(props)+1) && (high == unbounded || have <= high) {
			s.b.add(after[have], s.then("}"))
		}
	}
	for i, prop := range slices.Backward(props) {
		before := make([]symbol, limit+1)
		for have := range before {
			before[have] = s.b.rule("")
			comma := s.then(",", s.blank())
			if have == 0 {
				comma = nil
			}
			if high == unbounded || have < high {
				s.b.add(before[have], s.then(comma, quote(prop.name)+":", s.blank(), values[i], after[min(have+1, limit)]))
			}
			if !required[prop.name] {
				s.b.add(before[have], s.then(after[have]))
			}
		}
		after = before
	}
	return s.b.choice("", s.then("{", after[0]))
}

// dictionary returns objects with any names and low (0 or 1) to high members.
func (s *schema) dictionary(each symbol, low, high int) symbol {
	pair := s.b.choice("", s.then(s.text(0, unbounded), ":", s.blank(), each))
	more := s.b.choice("", s.then(",", s.blank(), pair))
	id := s.b.rule("")
	if low == 0 {
		s.b.add(id, s.then("{}"))
	}
	if high != 0 {
		if high != unbounded {
			high--
		}
		s.b.add(id, s.then("{", pair, s.b.repeat(more, 0, high), "}"))
	}
	return id
}
