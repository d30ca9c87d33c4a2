package spec

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
)

// MaxSource bounds a spec file.
const MaxSource = 1 << 20

const generalHint = "`chimera spec schema` describes every key, `chimera spec init` writes an example"

// document is a spec file on its way to a Spec: its text, where each key path
// stands in it, and what is wrong so far.
type document struct {
	name   string
	lines  []string
	places map[string]place
	faults Faults
	faulty map[string]bool // paths with a fault: one each is enough
}

// place is where a key path stands; key is nil for a list's item.
type place struct{ key, value *yaml.Node }

// A nodeDecoder reads itself from a node.
type nodeDecoder interface {
	decodeNode(d *document, path string, n *yaml.Node)
}

// parse reads src and returns what could be read of it; the faults are in the
// document.
func parse(name string, src []byte) (*document, *Spec) {
	d := &document{name: name, places: map[string]place{}, faulty: map[string]bool{}}
	if len(src) > MaxSource {
		d.add(Fault{Line: 1, Column: 1, Message: fmt.Sprintf("the spec must be at most %d bytes, but is %d", MaxSource, len(src))})
		return d, nil
	}
	text := strings.TrimPrefix(string(src), "\ufeff")
	d.lines = strings.Split(text, "\n")
	if !utf8.ValidString(text) {
		line, column := position(text, len(strings.ToValidUTF8(text, "")), true)
		d.add(Fault{Line: line, Column: column, Message: "the spec is not UTF-8 text"})
		return d, nil
	}
	root := d.load(text)
	if root == nil || !d.plain(root) {
		return d, nil
	}
	s := &Spec{}
	d.places[""] = place{value: root}
	d.decode("", root, reflect.ValueOf(s).Elem())
	return d, s
}

// position turns a byte offset into line and column; with firstBad it looks
// for the first byte that is not UTF-8 instead.
func position(text string, offset int, firstBad bool) (line, column int) {
	if firstBad {
		for i, r := range text {
			if r == utf8.RuneError {
				if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
					offset = i
					break
				}
			}
		}
	}
	before := text[:min(max(offset, 0), len(text))]
	return 1 + strings.Count(before, "\n"), 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
}

// load returns the root node of the only document in text, or nil.
func (d *document) load(text string) *yaml.Node {
	loader, err := yaml.NewLoader(strings.NewReader(text))
	if err != nil {
		d.add(Fault{Line: 1, Column: 1, Message: err.Error()})
		return nil
	}
	var first, second yaml.Node
	if err := loader.Load(&first); err == io.EOF {
		d.add(Fault{Line: 1, Column: 1, Message: "the spec is empty"})
		return nil
	} else if err != nil {
		d.add(syntaxFault(text, err))
		return nil
	}
	switch err := loader.Load(&second); {
	case err == nil:
		d.add(Fault{Line: second.Line, Column: second.Column, Message: "a spec is one YAML document, but here a second one begins"})
		return nil
	case err != io.EOF:
		d.add(syntaxFault(text, err))
		return nil
	}
	if first.Kind != yaml.DocumentNode || len(first.Content) != 1 {
		d.add(Fault{Line: 1, Column: 1, Message: "the spec is empty"})
		return nil
	}
	return first.Content[0]
}

func syntaxFault(text string, err error) Fault {
	f := Fault{Line: 1, Column: 1, Message: "not YAML: " + strings.ReplaceAll(err.Error(), "\n", " ")}
	if e, ok := errors.AsType[*yaml.LoadError](err); ok {
		f.Message = "not YAML: " + e.Message
		f.Line, f.Column = e.Mark.Line, e.Mark.Column
		if f.Line < 1 {
			f.Line, f.Column = position(text, e.Mark.Index, false)
		}
	}
	return f
}

// plain refuses what a spec has no use for: anchors, aliases and tags make a
// file say something else than what stands there.
func (d *document) plain(n *yaml.Node) bool {
	switch {
	case n.Anchor != "":
		d.addAt("", n, "anchors are not allowed in a spec", "write the value out", "")
	case n.Kind == yaml.AliasNode:
		d.addAt("", n, "aliases are not allowed in a spec", "write the value out", "")
	case n.Kind == yaml.ScalarNode && n.Style&yaml.TaggedStyle != 0, n.Kind != yaml.ScalarNode && n.Style&yaml.TaggedStyle != 0:
		d.addAt("", n, "tags are not allowed in a spec", "", "")
	default:
		ok := true
		for _, c := range n.Content {
			ok = d.plain(c) && ok
		}
		return ok
	}
	return false
}

// add records a fault and completes it.
func (d *document) add(f Fault) {
	if f.Path != "" && d.faulty[f.Path] || len(d.faults) >= maxFaults {
		return
	}
	d.faulty[f.Path] = true
	f.File = d.name
	if f.Hint == "" {
		f.Hint = generalHint
	}
	d.faults = append(d.faults, f)
}

// addAt records a fault at a node.
func (d *document) addAt(path string, n *yaml.Node, message, note, hint string) {
	f := Fault{Line: n.Line, Column: n.Column, Path: path, Message: message, Note: note, Hint: hint}
	if n.Line >= 1 && n.Line <= len(d.lines) && len(d.faults) < 4*maxPrinted {
		f.excerpt = excerpt(strings.TrimSuffix(d.lines[n.Line-1], "\r"), n.Line, n.Column, sourceWidth(n), note)
	}
	d.add(f)
}

// sourceWidth is how many characters a node takes on its first line.
func sourceWidth(n *yaml.Node) int {
	if n.Kind != yaml.ScalarNode || n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return 1
	}
	width := utf8.RuneCountInString(n.Value)
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		width += 2
	}
	return width
}

// wrong records a fault at the value of path, or at what encloses it if it is
// absent.
func (d *document) wrong(path, note, format string, args ...any) {
	d.wrongHint(path, note, "", format, args...)
}

func (d *document) wrongHint(path, note, hint, format string, args ...any) {
	at := path
	for at != "" && d.places[at].value == nil {
		at = parent(at)
	}
	n := d.places[at].value
	if n == nil {
		return
	}
	d.addAt(path, n, fmt.Sprintf(format, args...), note, hint)
}

// wrongKey records a fault at the key of path.
func (d *document) wrongKey(path, note, hint, format string, args ...any) {
	n := d.places[path].key
	if n == nil {
		d.wrongHint(path, note, hint, format, args...)
		return
	}
	d.addAt(path, n, fmt.Sprintf(format, args...), note, hint)
}

// has reports whether the file sets path.
func (d *document) has(path string) bool { return d.places[path].value != nil }

// sound reports whether path is set and nothing is wrong with it so far.
func (d *document) sound(path string) bool { return d.has(path) && !d.faulty[path] }

// ordered returns the faults in the order of the file.
func (d *document) ordered() Faults {
	sort.SliceStable(d.faults, func(i, j int) bool {
		a, b := d.faults[i], d.faults[j]
		return a.Line < b.Line || a.Line == b.Line && a.Column < b.Column
	})
	return d.faults
}

func child(path, key string) string {
	if !plainKey.MatchString(key) {
		runes := []rune(key)
		key = strconv.Quote(string(runes[:min(len(runes), 40)]))
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func item(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func parent(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }

// decode reads n into v, whatever is wrong with either.
func (d *document) decode(path string, n *yaml.Node, v reflect.Value) {
	if into, ok := v.Addr().Interface().(nodeDecoder); ok {
		into.decodeNode(d, path, n)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.decodeStruct(path, n, v)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(path, n, v.Elem())
	case reflect.Slice:
		d.decodeList(path, n, v)
	case reflect.String:
		if text, ok := d.text(path, n); ok {
			v.SetString(text)
		}
	case reflect.Bool:
		if b, ok := d.boolean(path, n); ok {
			v.SetBool(b)
		}
	default:
		if i, ok := d.integer(path, n); ok {
			v.SetInt(i)
		}
	}
}

func (d *document) decodeStruct(path string, n *yaml.Node, v reflect.Value) {
	fields := map[string]int{}
	var known []string
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		fields[name] = i
		known = append(known, name)
	}
	d.eachKey(path, n, func(key string, at place) {
		i, ok := fields[key]
		if !ok {
			d.addAt(child(path, key), at.key, "unknown key", suggest(key, known), "")
			return
		}
		d.decode(child(path, key), at.value, v.Field(i))
	})
}

// eachKey visits the keys of a mapping and refuses the second of two equals.
func (d *document) eachKey(path string, n *yaml.Node, visit func(key string, at place)) {
	if n.Kind != yaml.MappingNode {
		d.addAt(path, n, "must be a mapping, but is "+describe(n), "", "")
		return
	}
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		at := place{n.Content[i], n.Content[i+1]}
		if at.key.Kind != yaml.ScalarNode {
			d.addAt("", at.key, "a key must be text, but is "+describe(at.key), "", "")
			continue
		}
		key := at.key.Value
		if line, twice := first[key]; twice {
			// The fault gets a path of its own: the first one may have its own.
			d.addAt(child(path, key)+" (again)", at.key, fmt.Sprintf("the key already stands in line %d", line), "", "")
			continue
		}
		first[key] = at.key.Line
		d.places[child(path, key)] = at
		visit(key, at)
	}
}

func (d *document) decodeList(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.addAt(path, n, "must be a list, but is "+describe(n), "", "")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, c := range n.Content {
		d.places[item(path, i)] = place{value: c}
		d.decode(item(path, i), c, v.Index(i))
	}
}
