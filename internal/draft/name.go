package draft

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"chimera/internal/fact"
	"chimera/internal/finding"
)

// context are scope keys that say where a value comes from, not whose it is.
var context = map[string]bool{"run": true, "experiment": true, "file": true, "workload": true, "metric": true, "group": true, "dtype": true,
	"batch_size": true, "per": true, "target": true}

// telling orders scope keys by what a reader asks for first.
var telling = []string{"of", "to", "subject", "against", "agent", "role", "backend", "operation", "method", "model", "level", "config", "factor", "stage", "prompt", "device", "outcome", "class"}

// identity names what a fact is a value of, the most telling name first.
func identity(f fact.Fact) []string {
	keys := slices.SortedFunc(maps.Keys(f.Scope), func(a, b string) int {
		return compareTelling(a, b)
	})
	var out []string
	for _, k := range keys {
		if name := nameOf(k, f.Scope); name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func compareTelling(a, b string) int {
	at := func(k string) int {
		if i := slices.Index(telling, k); i >= 0 {
			return i
		}
		return len(telling)
	}
	if d := at(a) - at(b); d != 0 {
		return d
	}
	return strings.Compare(a, b)
}

// nameOf is what a scope's value is called in a sentence, or "" if it is no
// name: a level is called by its factor, a bare number by its label.
func nameOf(key string, scope map[string]string) string {
	v := scope[key]
	switch {
	case context[key] || v == "" || v == "not-recorded":
		return ""
	case key == "factor" && scope["level"] != "":
		return ""
	case key == "level" && scope["factor"] != "":
		return scope["factor"] + "=" + v
	case !strings.ContainsFunc(v, unicode.IsLetter) && key != "of" && key != "to":
		return strings.TrimPrefix(key, "config.") + "=" + v
	case strings.HasPrefix(key, "config."):
		return strings.TrimPrefix(key, "config.") + "=" + v
	}
	return v
}

// namesOf are the names of everything that a finding is about.
func namesOf(f finding.Finding) map[string]bool {
	out := map[string]bool{}
	for k := range f.Scope {
		if name := nameOf(k, f.Scope); name != "" {
			out[name] = true
		}
	}
	for _, s := range append([]finding.Sentence{f.Sentence}, f.Notes...) {
		for _, p := range s {
			if p.Name != "" {
				out[p.Name] = true
			}
		}
	}
	for _, n := range append(slices.Clone(f.Winners), f.Pick) {
		out[n] = true
	}
	for _, t := range f.Tables {
		for _, r := range t.Rows {
			for _, n := range r.Names {
				out[n] = true
			}
		}
	}
	delete(out, "")
	return out
}

// safe is a name as it may be printed: one line of bounded length. A name that
// reads like a sentence, or that had to be changed, stands in quotation marks: it
// is a name, whatever it says.
func safe(name string) string {
	if name == "" {
		return ""
	}
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || strings.ContainsRune("“”{}<>`", r) {
			return -1
		}
		return r
	}, strings.Join(strings.Fields(name), " "))
	if runes := []rune(clean); len(runes) > maxName {
		clean = string(runes[:maxName-1]) + "…"
	}
	if clean != name || strings.Count(clean, " ") > 4 || strings.ContainsAny(clean, "!?\n") {
		return "“" + clean + "”"
	}
	return clean
}
