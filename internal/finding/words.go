package finding

import (
	"maps"
	"slices"
	"strings"

	"chimera/internal/fact"
)

// w is words: no digit may stand in them.
func w(text string) Part { return Part{Text: text} }

// nm is the name of a thing.
func nm(name string) Part { return Part{Name: name} }

// val, n and the others are references to a fact.
func val(f fact.Fact) Part         { return Part{Fact: f.ID, As: AsValue} }
func both(f fact.Fact) Part        { return Part{Fact: f.ID, As: AsBoth} }
func count(f fact.Fact) Part       { return Part{Fact: f.ID, As: AsN} }
func as(f fact.Fact, fm Form) Part { return Part{Fact: f.ID, As: fm} }

// list joins names as "a, b and c".
func list(names []string) Sentence {
	var s Sentence
	for i, name := range names {
		switch {
		case i == 0:
		case i == len(names)-1:
			s = append(s, w(" and "))
		default:
			s = append(s, w(", "))
		}
		s = append(s, nm(name))
	}
	return s
}

// say joins pieces: parts, sentences and plain words.
func say(pieces ...any) Sentence {
	var s Sentence
	for _, p := range pieces {
		switch p := p.(type) {
		case string:
			s = append(s, w(p))
		case Part:
			s = append(s, p)
		case Sentence:
			s = append(s, p...)
		default:
			panic("finding: a sentence is made of words, parts and sentences")
		}
	}
	return s
}

// plural picks the form of a noun for n things.
func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// labels names metrics in sentences.
var labels = map[string]string{
	"ttft": "time to first token", "ttft_server_est": "time to first token by the runtime's clock", "load_time": "load time",
	"decode_rate": "decode rate", "server_decode_rate": "decode rate by the runtime's clock", "server_rate_naive": "token rate by the runtime's clock",
	"prefill_rate": "prefill rate", "e2e": "time to the last token", "prompt_eval_time": "prompt time",
	"output_tokens": "output tokens", "prompt_tokens": "prompt tokens", "cached_tokens": "cached tokens",
	contractKept: "contract kept", "quality_contract_loose": "kept loosely", "quality_instructions": "checks kept", "quality_words": "words",
	"quality_seq_rep_4": "repetition", "quality_loop": "loops", "quality_relevance": "relevance", "quality_distinct_2": "distinct pairs",
	"quality_self_bleu": "self-BLEU", "quality_duplicates": "duplicates",
}

func label(metric string) string {
	if l, ok := labels[metric]; ok {
		return l
	}
	return strings.ReplaceAll(metric, "_", " ")
}

// with copies a scope and adds to it.
func with(scope map[string]string, pairs ...string) map[string]string {
	out := map[string]string{}
	for k, v := range scope {
		out[k] = v
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

// distinct returns the different values of f, sorted.
func distinct[T any](things []T, f func(T) string) []string {
	seen := map[string]bool{}
	var out []string
	for _, t := range things {
		if v := f(t); !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
