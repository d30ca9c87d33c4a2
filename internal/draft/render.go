package draft

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/unit"
)

// shares are aggregates that read as a percentage, gains those that read as a
// percentage of change.
var (
	shares = []string{"cv", "cv_within", "eta_squared", "limit"}
	gains  = []string{"range", "null_range", "noise_floor", "detectable"}
)

// form is how a fact is printed: as asked where that suits it, else as suits it.
// A ratio that could be one always shows its interval.
func form(f fact.Fact, asked string) finding.Form {
	lo, interval := f.Lo.Get()
	as := finding.Form(asked)
	switch {
	case as == finding.AsN || as == finding.AsPlanned:
		return as
	case isRatio(f) && (as == finding.AsChange || as == finding.AsChangeCI):
		return finding.AsChangeCI
	case isRatio(f) && as == finding.AsTimes && shownRatio(f, 0):
		return as
	case isRatio(f), f.Aggregate == "ratio_without_slowest":
		return finding.AsTimesCI
	case f.Aggregate == "p":
		return finding.AsP
	case slices.Contains(shares, f.Aggregate), f.Unit == unit.Ratio && f.Aggregate == "value":
		return finding.AsPercent
	case slices.Contains(gains, f.Aggregate) && interval && lo > 0:
		return finding.AsChangeCI
	case slices.Contains(gains, f.Aggregate) && f.Unit == unit.Ratio:
		return finding.AsChange
	case as == finding.AsValue, as == finding.AsInterval && interval:
		return as
	case interval:
		return finding.AsBoth
	}
	return finding.AsValue
}

// render prints checked tokens: words as they were written, names, and facts
// in their forms; a capital first, a full stop last.
func (l *line) render() finding.Sentence {
	var out finding.Sentence
	text := ""
	flush := func() {
		if text != "" {
			out = append(out, finding.Part{Text: text})
			text = ""
		}
	}
	for i, t := range l.toks {
		if i > 0 && spaced(l.toks[i-1], t) {
			text += " "
		}
		switch {
		case t.kind == nameToken:
			flush()
			out = append(out, finding.Part{Name: safe(t.name)})
		case t.kind == slotToken && t.as == AsWhat:
			flush()
			out = append(out, finding.Part{Name: what(t.item.Fact)})
		case t.kind == slotToken && t.as == AsOf:
			flush()
			out = append(out, named(t.item.identity)...)
		case t.kind == slotToken:
			flush()
			out = append(out, finding.Part{Fact: t.item.ID, As: form(t.item.Fact, t.as)})
		default:
			text += t.text
		}
	}
	text = strings.TrimRight(text, " ,;:-–—") // nothing may hang on the end
	if !strings.HasSuffix(text, ".") {
		text = strings.TrimRight(text, "!?") + "."
	}
	flush()
	return capital(out)
}

// spaced reports whether a blank stands between two tokens.
func spaced(a, b token) bool {
	switch {
	case b.kind == markToken:
		return strings.ContainsAny(b.text, "(–—=") || b.text == "“"
	case a.kind == markToken:
		return !strings.ContainsAny(a.text, "(/“") && a.text != "'" && a.text != "-" && a.text != "\""
	}
	return true
}

func named(names []string) finding.Sentence {
	var out finding.Sentence
	for i, n := range names {
		if i > 0 {
			out = append(out, finding.Part{Text: ", "})
		}
		out = append(out, finding.Part{Name: safe(n)})
	}
	return out
}

// capital begins a sentence with a capital letter, if it begins with a word.
func capital(s finding.Sentence) finding.Sentence {
	if len(s) > 0 && s[0].Text != "" {
		r, size := utf8.DecodeRuneInString(s[0].Text)
		s[0].Text = string(unicode.ToUpper(r)) + s[0].Text[size:]
	}
	return s
}

// stated is a fact as a sentence of its own.
func stated(x *item) finding.Sentence {
	f := x.Fact
	value := finding.Part{Fact: f.ID, As: form(f, "")}
	text := func(s string) finding.Part { return finding.Part{Text: s} }
	name := func(s string) finding.Part { return finding.Part{Name: safe(s)} }
	if of, to, ok := sides(f); ok && f.Value.OK() {
		noun := label(f.Metric)
		if speedup(f) {
			noun = "speed"
		}
		out := finding.Sentence{name(of), text(" has "), value, text(" the " + noun + " of "), name(to)}
		if rest := without(x.identity, of, to); len(rest) > 0 {
			out = append(append(out, text(" (")), append(named(rest), text(")"))...)
		}
		return append(out, text("."))
	}
	out := finding.Sentence{text("The "), name(what(f))}
	if len(x.identity) > 0 {
		out = append(append(out, text(" of ")), named(x.identity)...)
	}
	if f.Phase == "cold" {
		out = append(out, text(", cold,"))
	}
	if !f.Value.OK() {
		return append(out, text(" was not measured: "), name(f.Reason), text("."))
	}
	out = append(out, text(" is "), value)
	if f.N > 1 {
		out = append(out, text(" (n = "), finding.Part{Fact: f.ID, As: finding.AsN}, text(")"))
	}
	return append(out, text("."))
}
