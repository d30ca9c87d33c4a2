package quality

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Contract is what a workload demands of every answer. The zero Contract
// demands only what any answer must keep: see Check.
type Contract struct {
	Words      *Band    `json:"words,omitempty" jsonschema_description:"How many words an answer may have."`
	Sentences  *Band    `json:"sentences,omitempty" jsonschema_description:"How many sentences an answer may have."`
	Chars      *Band    `json:"chars,omitempty" jsonschema_description:"How many characters an answer may have."`
	Script     string   `json:"script,omitempty" jsonschema_description:"The script that every letter must be of, by its Unicode name: Latin, Cyrillic, Han … or Japanese, Korean."`
	Required   []string `json:"required,omitempty" jsonschema_description:"What every answer must contain, in any case."`
	Forbidden  []string `json:"forbidden,omitempty" jsonschema_description:"What no answer may contain, in any case: whole words."`
	MaxEmoji   *int     `json:"max_emoji,omitempty" jsonschema:"minimum=0,maximum=1000" jsonschema_description:"How many emoji an answer may have."`
	SingleLine bool     `json:"single_line,omitempty" jsonschema_description:"The answer must be on one line."`
	Plain      bool     `json:"plain,omitempty" jsonschema_description:"The answer must have no Markdown."`
	Stops      bool     `json:"stops,omitempty" jsonschema_description:"The answer must end by itself, not by its budget."`
}

// Band is a range, both ends included. Max 0 means no upper end.
type Band struct {
	Min int `json:"min,omitempty" jsonschema:"minimum=0,maximum=1000000" jsonschema_description:"At least; default 0."`
	Max int `json:"max,omitempty" jsonschema:"minimum=1,maximum=1000000" jsonschema_description:"At most; default no limit."`
}

func (b *Band) holds(n int) bool { return n >= b.Min && (b.Max == 0 || n <= b.Max) }

// IsZero reports whether nothing is declared.
func (c Contract) IsZero() bool {
	return c.Words == nil && c.Sentences == nil && c.Chars == nil && c.Script == "" && len(c.Required) == 0 && len(c.Forbidden) == 0 &&
		c.MaxEmoji == nil && !c.SingleLine && !c.Plain && !c.Stops
}

// Check is one instruction that an answer keeps or breaks.
type Check int

// The checks, in print order. Those of the first group hold for any answer; the
// others are made where the contract declares them.
const (
	NonEmpty      Check = iota // holds a word
	NoControl                  // no control token or control character leaked
	NoRefusal                  // no refusal, no "as an AI"
	NoMeta                     // no talk about the answer: "Okay, here is …", "Let me know if …"
	NoPlaceholder              // no [Player], {name}, ____

	Length     // words, sentences and characters within their bands
	Script     // every letter of the declared script
	Required   // all that must be there is
	Forbidden  // nothing that must not be there is
	EmojiCap   // no more emoji than allowed
	SingleLine // on one line
	Plain      // no Markdown
	Stops      // ended by itself

	checks = iota
)

var checkWords = [checks]struct{ id, rule string }{
	{"nonempty", "holds at least one word"},
	{"no_control", "no control token (<…>, [INST], <|…|>, byte fallback) and no control character"},
	{"no_refusal", "no refusal and no \"as an AI\""},
	{"no_meta", "no talk about the answer itself at its beginning (\"Okay,\", \"Here is a …\") or end (\"Let me know if\")"},
	{"no_placeholder", "no unresolved placeholder such as [Player], {name} or ____"},
	{"length", "words, sentences and characters within expect.words, .sentences and .chars"},
	{"script", "every letter of expect.script"},
	{"required", "contains all of expect.required and of the prompt's required"},
	{"forbidden", "contains none of expect.forbidden as whole words"},
	{"emoji", "at most expect.max_emoji emoji"},
	{"single_line", "one line (expect.single_line)"},
	{"plain", "no Markdown (expect.plain)"},
	{"stops", "the runtime says that the answer ended by itself, not by its budget (expect.stops)"},
}

// Checks lists every check in print order.
func Checks() []Check {
	all := make([]Check, checks)
	for i := range all {
		all[i] = Check(i)
	}
	return all
}

// String is the check's id.
func (c Check) String() string { return checkWords[c].id }

// Rule says in words what passes.
func (c Check) Rule() string { return checkWords[c].rule }

// Universal reports whether the check holds for any answer, whatever the
// contract says.
func (c Check) Universal() bool { return c < Length }

// Verdict is the outcome of a check.
type Verdict uint8

const (
	NotAsked Verdict = iota // the contract does not declare it
	Unknown                 // it does, but the row cannot tell
	Broken
	Kept
)

// Checked is every check's verdict on one answer.
type Checked [checks]Verdict

// Kept counts the checks that were kept, of those that were made.
func (c Checked) Kept() (kept, made int) {
	for _, v := range c {
		if v == Kept {
			kept++
		}
		if v == Kept || v == Broken {
			made++
		}
	}
	return kept, made
}

// Breaks lists the checks that were broken.
func (c Checked) Breaks() (out []Check) {
	for i, v := range c {
		if v == Broken {
			out = append(out, Check(i))
		}
	}
	return out
}

// or keeps what either kept.
func (c Checked) or(d Checked) Checked {
	for i := range c {
		c[i] = max(c[i], d[i])
	}
	return c
}

// check makes every check on a text of the words w.
func (t *Task) check(text string, w []string, finish string) (out Checked) {
	c := t.Contract
	is := func(i Check, kept bool) {
		out[i] = Broken
		if kept {
			out[i] = Kept
		}
	}
	is(NonEmpty, len(w) > 0)
	is(NoControl, !hasControl(text))
	is(NoRefusal, !refuses(text))
	is(NoMeta, !hasMeta(text))
	is(NoPlaceholder, !hasPlaceholder(text))
	if c.Words != nil || c.Sentences != nil || c.Chars != nil {
		is(Length, c.fits(text, len(w)))
	}
	if c.Script != "" {
		is(Script, inScript(text, c.Script))
	}
	if len(c.Required)+len(t.Required) > 0 {
		is(Required, containsAll(w, c.Required) && containsAll(w, t.Required))
	}
	if len(c.Forbidden) > 0 {
		is(Forbidden, !containsAny(w, c.Forbidden))
	}
	if c.MaxEmoji != nil {
		is(EmojiCap, emoji(text) <= *c.MaxEmoji)
	}
	if c.SingleLine {
		is(SingleLine, !strings.ContainsAny(strings.TrimSpace(text), "\n\r\u2028\u2029"))
	}
	if c.Plain {
		is(Plain, !hasMarkdown(text))
	}
	if c.Stops {
		is(Stops, finish == "stop")
		if finish == "" {
			out[Stops] = Unknown
		}
	}
	return out
}

func (c Contract) fits(text string, n int) bool {
	return (c.Words == nil || c.Words.holds(n)) && (c.Sentences == nil || c.Sentences.holds(sentences(text))) &&
		(c.Chars == nil || c.Chars.holds(len([]rune(strings.TrimSpace(text)))))
}

// containsAll reports whether each phrase stands in the words.
func containsAll(w []string, phrases []string) bool {
	for _, p := range phrases {
		if !contains(w, words(p)) {
			return false
		}
	}
	return true
}

func containsAny(w []string, phrases []string) bool {
	return slices.ContainsFunc(phrases, func(p string) bool { return contains(w, words(p)) })
}

// contains reports whether a phrase stands in the words, whole.
func contains(w, phrase []string) bool {
	for i := 0; i+len(phrase) <= len(w) && len(phrase) > 0; i++ {
		if slices.Equal(w[i:i+len(phrase)], phrase) {
			return true
		}
	}
	return false
}

// Validate says what of a contract is impossible: the key it stands at and why.
// It is nil for a sound one.
func (c Contract) Validate() map[string]string {
	wrong := map[string]string{}
	for name, b := range map[string]*Band{"words": c.Words, "sentences": c.Sentences, "chars": c.Chars} {
		switch {
		case b == nil:
		case b.Min < 0 || b.Max < 0:
			wrong[name] = "must not be below 0"
		case b.Min == 0 && b.Max == 0:
			wrong[name] = "must have min, max or both"
		case b.Max > 0 && b.Min > b.Max:
			wrong[name] = fmt.Sprintf("min must be at most max, but is %d of %d", b.Min, b.Max)
		}
	}
	for name, list := range map[string][]string{"required": c.Required, "forbidden": c.Forbidden} {
		if i := slices.IndexFunc(list, func(p string) bool { return len(words(p)) == 0 }); i >= 0 {
			wrong[name] = fmt.Sprintf("%q has no letter or digit to look for", list[i])
		}
	}
	if c.Script != "" && !slices.Contains(Scripts(), c.Script) {
		wrong["script"] = fmt.Sprintf("there is no script %q", c.Script)
	}
	if c.MaxEmoji != nil && *c.MaxEmoji < 0 {
		wrong["max_emoji"] = "must not be below 0"
	}
	if len(wrong) == 0 {
		return nil
	}
	return wrong
}

// Scripts lists the names that a contract may demand.
func Scripts() []string {
	names := append(slices.Collect(maps.Keys(unicode.Scripts)), slices.Collect(maps.Keys(systems))...)
	slices.Sort(names)
	return names
}
