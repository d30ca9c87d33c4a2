package grammar

import "slices"

// disjoint reports whether no text of one place's grammar is valid at the other,
// as far as types, constants and named properties show it.
func (s *schema) disjoint(a, b place, depth int) bool {
	a, okA := s.follow(a)
	b, okB := s.follow(b)
	if !okA || !okB || depth == 0 {
		return false
	}
	for _, x := range []struct{ alternatives, other place }{{a, b}, {b, a}} {
		for _, keyword := range []string{"anyOf", "oneOf"} {
			if list := x.alternatives.v.get(keyword); list != nil && list.kind == 'a' {
				for i := range list.items {
					if !s.disjoint(x.alternatives.item(keyword, i), x.other, depth-1) {
						return false
					}
				}
				return true
			}
		}
	}
	if !overlap(s.typesOf(a), s.typesOf(b)) {
		return true
	}
	if x, y := constantsOf(a), constantsOf(b); x != nil && y != nil {
		return !slices.ContainsFunc(x, func(v *value) bool { return slices.ContainsFunc(y, v.equal) })
	}
	return s.excludes(a, b, depth) && s.excludes(b, a, depth)
}

// follow goes through references to what they mean.
func (s *schema) follow(p place) (place, bool) {
	for range maxRefs {
		if p.v.get("$ref") == nil {
			return p, p.v.kind == 'o'
		}
		var ok bool
		if p, ok = s.resolve(p); !ok {
			return p, false
		}
	}
	return p, false
}

// typesOf returns the types that a schema without alternatives allows.
func (s *schema) typesOf(p place) []string {
	if list := constantsOf(p); list != nil {
		var types []string
		for _, v := range list {
			types = append(types, v.typ())
		}
		return types
	}
	if p.v.get("type") == nil || p.v.get("allOf") != nil {
		return allTypes
	}
	return s.narrow(p)
}

func overlap(a, b []string) bool {
	has := func(list []string, t string) bool {
		return slices.Contains(list, t) || t == "integer" && slices.Contains(list, "number")
	}
	return slices.ContainsFunc(a, func(t string) bool { return has(b, t) }) ||
		slices.ContainsFunc(b, func(t string) bool { return has(a, t) })
}

func constantsOf(p place) []*value {
	if v := p.v.get("const"); v != nil {
		return []*value{v}
	}
	if v := p.v.get("enum"); v != nil {
		return v.items
	}
	return nil
}

// excludes reports whether every object of a's grammar is invalid at b.
func (s *schema) excludes(a, b place, depth int) bool {
	isObject := func(p place) bool { t := s.typesOf(p); return len(t) == 1 && t[0] == "object" && constantsOf(p) == nil }
	if !isObject(a) || !isObject(b) {
		return false
	}
	required := func(p place) []*value { return p.v.get("required").orEmpty().items }
	aProps, bProps := a.at("properties"), b.at("properties")
	for _, name := range required(a) {
		mine, theirs := aProps.v.get(name.text), bProps.v.get(name.text)
		extra := b.v.get("additionalProperties")
		switch {
		case mine != nil && theirs != nil && s.disjoint(aProps.at(name.text), bProps.at(name.text), depth-1):
			return true
		case theirs == nil && extra != nil && extra.kind == 'b' && !extra.truth:
			return true
		}
	}
	// What a's grammar never writes: it names its properties, and has no others.
	for _, name := range required(b) {
		named := slices.ContainsFunc(required(a), func(v *value) bool { return v.text == name.text })
		if aProps.v != nil && aProps.v.get(name.text) == nil && !named {
			return true
		}
	}
	return false
}
