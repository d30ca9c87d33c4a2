package spec

import (
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// describe says what a node is, for "must be …, but is …".
func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "empty"
	case n.Tag == "!!int", n.Tag == "!!float":
		return "the number " + clip(n.Value)
	case n.Tag == "!!bool":
		return n.Value
	default:
		return "the text " + strconv.Quote(clip(n.Value))
	}
}

func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

func (d *document) text(path string, n *yaml.Node) (string, bool) {
	// A bare date is a timestamp to YAML and a name to us.
	if n.Kind == yaml.ScalarNode && (n.Tag == "!!str" || n.Tag == "!!timestamp") {
		return n.Value, true
	}
	note := ""
	if n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
		note = "write it in quotes: " + strconv.Quote(clip(n.Value))
	}
	d.addAt(path, n, "must be text, but is "+describe(n), note, "")
	return "", false
}

func (d *document) boolean(path string, n *yaml.Node) (bool, bool) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!bool" {
		return strings.EqualFold(n.Value, "true"), true
	}
	d.addAt(path, n, "must be true or false, but is "+describe(n), "", "")
	return false, false
}

func (d *document) integer(path string, n *yaml.Node) (int64, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" {
		d.addAt(path, n, "must be a whole number, but is "+describe(n), "", "")
		return 0, false
	}
	v, ok := d.number(path, n)
	return int64(v), ok
}

// maxExact is the largest number below which every whole number is a float64.
const maxExact = 1<<53 - 1

var octal = regexp.MustCompile(`^[-+]?0[0-9_]+$`)

// number reads a finite number that a float64 holds exactly, or as exactly as
// the text says it.
func (d *document) number(path string, n *yaml.Node) (float64, bool) {
	plain := strings.ReplaceAll(n.Value, "_", "")
	switch {
	case n.Tag == "!!int" && octal.MatchString(n.Value):
		d.addAt(path, n, "a number must not begin with 0: "+n.Value+" reads as octal to some", "", "")
		return 0, false
	case n.Tag == "!!int":
		v, err := strconv.ParseInt(plain, 0, 64)
		if err != nil || v > maxExact || v < -maxExact {
			d.addAt(path, n, "a whole number must lie within ±9007199254740991, but is "+clip(n.Value), "", "")
			return 0, false
		}
		return float64(v), true
	}
	v, err := strconv.ParseFloat(plain, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		d.addAt(path, n, "must be a finite number, but is "+clip(n.Value), "", "")
		return 0, false
	}
	return v + 0, true // −0 becomes 0: they are one level
}

// value reads a level: float64, string or bool.
func (d *document) value(path string, n *yaml.Node) (any, bool) {
	switch {
	case n.Kind != yaml.ScalarNode || n.Tag == "!!null":
		d.addAt(path, n, "must be a number, text, true or false, but is "+describe(n), "", "")
		return nil, false
	case n.Tag == "!!int" || n.Tag == "!!float":
		return boxed(d.number(path, n))
	case n.Tag == "!!bool":
		return boxed(d.boolean(path, n))
	}
	return boxed(d.text(path, n))
}

func boxed[T any](v T, ok bool) (any, bool) { return v, ok }

func (v *Duration) decodeNode(d *document, path string, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && (n.Tag == "!!int" || n.Tag == "!!float") {
		d.addAt(path, n, "a duration needs a unit, but is "+describe(n), "for instance "+clip(n.Value)+"s", "")
		return
	}
	text, ok := d.text(path, n)
	if !ok {
		return
	}
	if err := v.UnmarshalText([]byte(text)); err != nil {
		d.addAt(path, n, "must be a duration, but is "+describe(n), "for instance 90s, 1m30s, 250ms", "")
	}
}

func (c *Config) decodeNode(d *document, path string, n *yaml.Node) {
	*c = Config{}
	d.eachKey(path, n, func(key string, at place) {
		if v, ok := d.value(child(path, key), at.value); ok {
			(*c)[key] = v
		}
	})
}

func (f *Factors) decodeNode(d *document, path string, n *yaml.Node) {
	d.eachKey(path, n, func(key string, at place) {
		factor, path := Factor{Name: key}, child(path, key)
		if at.value.Kind != yaml.SequenceNode {
			d.addAt(path, at.value, "must be a list of levels, but is "+describe(at.value), "for instance ["+clip(at.value.Value)+"]", "")
			return
		}
		for i, c := range at.value.Content {
			d.places[item(path, i)] = place{value: c}
			v, _ := d.value(item(path, i), c) // nil keeps the place of a faulty level
			factor.Levels = append(factor.Levels, v)
		}
		*f = append(*f, factor)
	})
}

func (p *PromptText) decodeNode(d *document, path string, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		p.Text, _ = d.text(path, n)
		return
	}
	d.eachKey(path, n, func(key string, at place) {
		switch key {
		case "id":
			p.ID, _ = d.text(child(path, key), at.value)
		case "text":
			p.Text, _ = d.text(child(path, key), at.value)
		case "required":
			d.decode(child(path, key), at.value, reflect.ValueOf(&p.Required).Elem())
		default:
			d.addAt(child(path, key), at.key, "unknown key", suggest(key, []string{"id", "text", "required"}), "")
		}
	})
}
