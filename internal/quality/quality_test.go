package quality_test

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"chimera/internal/quality"

	"pgregory.net/rapid"
)

func grade(text string) *quality.Card {
	return quality.Grade(quality.Answer{Text: text, Finish: "stop"}, nil)
}

func near(t *testing.T, what string, s quality.Score, want float64) {
	t.Helper()
	if s.Why != "" || math.Abs(s.Value-want) > 1e-9 {
		t.Errorf("%s is %v (%s), want %v", what, s.Value, s.Why, want)
	}
}

// banter is the contract of the built-in suite's kind.
func banter() quality.Contract {
	two := 2
	return quality.Contract{Words: &quality.Band{Min: 5, Max: 30}, Script: "Latin", MaxEmoji: &two, SingleLine: true, Plain: true, Stops: true}
}

func TestKnownDistinct(t *testing.T) {
	b, err := os.ReadFile("../../../shared/known_answers.json")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("no known answers beside the repository")
	}
	var known struct {
		DistinctN struct {
			Tokens                          string
			Distinct1, Distinct2, Distinct3 float64
		} `json:"distinct_n"`
	}
	if err := json.Unmarshal(b, &known); err != nil {
		t.Fatal(err)
	}
	c := grade(known.DistinctN.Tokens)
	for n, want := range []float64{known.DistinctN.Distinct1, known.DistinctN.Distinct2, known.DistinctN.Distinct3} {
		if got := 1 - c.SeqRep[n].Value; math.Abs(got-want) > 1e-6 {
			t.Errorf("distinct-%d is %v, want %v", n+1, got, want)
		}
	}
}

// The vector of the field, by hand: 4 of 8 words, 5 of 7 pairs, all triples.
func TestSeqRep(t *testing.T) {
	c := grade("good game good game well played good game")
	near(t, "seq-rep-1", c.SeqRep[0], 0.5)
	near(t, "seq-rep-2", c.SeqRep[1], 2.0/7)
	near(t, "seq-rep-3", c.SeqRep[2], 0)
	if c := grade("Charge!"); c.SeqRep[0].Value != 0 || c.SeqRep[1].Why == "" {
		t.Errorf("one word: %+v", c.SeqRep)
	}
}

func TestEmptyAnswersHaveNoScores(t *testing.T) {
	for _, text := range []string{"", "   \n", "!?…", "🎉🎉"} {
		c := grade(text)
		if got := c.Strict.Breaks(); len(got) == 0 || got[0] != quality.NonEmpty {
			t.Errorf("%q breaks %v", text, got)
		}
		for _, s := range []quality.Score{c.SeqRep[0], c.Repeat, c.Loop, c.MixedScript, c.Readability, c.Relevance} {
			if s.Why == "" {
				t.Errorf("%q has a score %v", text, s.Value)
			}
		}
	}
}

func TestLoops(t *testing.T) {
	for text, want := range map[string]float64{
		strings.Repeat("go ", 30):                                  0, // thirty are still a cheer
		strings.Repeat("go ", 31):                                  1,
		strings.Repeat("la la ", 40):                               1,
		strings.Repeat("we win again and again ", 12):              1,
		strings.Repeat("No", 1) + strings.Repeat("o", 40) + " way": 1,
		"| a |\n" + strings.Repeat("-", 80) + "\n done":            0, // a rule
		"One line, and another one, and that is all.":              0,
	} {
		near(t, text, grade(text).Loop, want)
	}
}

func TestLongestRepeat(t *testing.T) {
	near(t, "banana", grade("banana").Repeat, 3.0/6) // ana
	near(t, "aaaa", grade("aaaa").Repeat, 3.0/4)
	near(t, "abc", grade("abc").Repeat, 0)
	near(t, "one character", grade("ß").Repeat, 0)
	rapid.Check(t, func(t *rapid.T) {
		s := []rune(rapid.StringMatching(`[abñ ]{2,40}x`).Draw(t, "text"))
		want := 0
		for i := range s {
			for j := range i {
				k := 0
				for i+k < len(s) && s[i+k] == s[j+k] {
					k++
				}
				want = max(want, k)
			}
		}
		if got := grade(string(s)).Repeat.Value; math.Abs(got-float64(want)/float64(len(s))) > 1e-12 {
			t.Fatalf("%q: %v, want %d of %d", string(s), got, want, len(s))
		}
	})
}

// The worst texts for suffix sorting are no slower than others.
func TestRepeatTakesBoundedTime(t *testing.T) {
	for name, text := range map[string]string{
		"one letter": strings.Repeat("a", 1<<20), "two": strings.Repeat("ab", 1<<19), "fibonacci": fibonacci(1 << 18),
		"words": strings.Repeat("never gonna give you up ", 1<<15),
	} {
		from := time.Now()
		grade(text)
		if took := time.Since(from); took > 5*time.Second {
			t.Errorf("%s took %s", name, took)
		}
	}
}

func fibonacci(n int) string {
	a, b := "a", "ab"
	for len(b) < n {
		a, b = b, b+a
	}
	return b
}

func TestUniversalChecks(t *testing.T) {
	for _, c := range []struct {
		text  string
		wants string // the only broken check, "" for none
	}{
		{"We did it, captain! Two seconds left and the flag is ours.", ""},
		{"Here's to the champions of the night!", ""},
		{"Alright team, this one is for the dragon!", ""},
		{"She shouted \"okay\" and jumped.", ""},
		{"5 < 7 and 8 > 3, so we win", ""},
		{"gemma sizes (e.g., 7<unused3979>, 13, 33)", "no_control"},
		{"What a win!<end_of_turn>", "no_control"},
		{"Go<|im_end|>", "no_control"},
		{"[INST] say it [/INST]", "no_control"},
		{"\u2581we\u2581win", "no_control"},
		{"theĠcatĠsat", "no_control"},
		{"bell \x07 rings", "no_control"},
		{"As an AI, I have no feelings about this sword.", "no_refusal"},
		{"I’m sorry, but I must not tease anyone.", "no_refusal"},
		{"I cannot assist with taunts.", "no_refusal"},
		{"Okay, that was close!", "no_meta"},
		{"Here is a line of cheer for the team.", "no_meta"},
		{"**Here are some options:**\n\nGo go go", "no_meta"},
		{"Nice shot. Let me know if you want more!", "no_meta"},
		{"Well played, [Player]!", "no_placeholder"},
		{"Well played, {name}!", "no_placeholder"},
		{"Well played, <Player Name>!", "no_placeholder"},
		{"Well played, ____!", "no_placeholder"},
		{"See [Rules](http://x) for it", ""},
	} {
		got := ""
		for _, b := range grade(c.text).Strict.Breaks() {
			got += b.String()
		}
		if got != c.wants {
			t.Errorf("%q breaks %q, want %q", c.text, got, c.wants)
		}
	}
}

func TestDeclaredChecks(t *testing.T) {
	contract := banter()
	contract.Required, contract.Forbidden = []string{"flag"}, []string{"damn", "game over"}
	task := quality.NewTasks(contract, []quality.PromptText{{ID: "p", Text: "x", Required: []string{"two seconds"}}})["p"]
	for _, c := range []struct{ text, finish, wants string }{
		{"The flag is ours with two seconds left!", "stop", ""},
		{"Flag! Two seconds!", "stop", "length"},
		{strings.Repeat("the flag two seconds ", 8), "stop", "length"},
		{"The flag is ours, 13 مليار, two seconds", "stop", "script"},
		{"Der Flag ist unser, größer als two seconds", "stop", ""},
		{"The flags are ours with two seconds left!", "stop", "required"}, // flags is another word
		{"The flag is ours with three seconds left!", "stop", "required"},
		{"Damn, the flag is ours with two seconds left!", "stop", "forbidden"},
		{"The flag, two seconds left: GAME OVER, friends!", "stop", "forbidden"},
		{"The flag is ours with two seconds left 🎉🎉🎉", "stop", "emoji"},
		{"The flag is ours\nwith two seconds left!", "stop", "single_line"},
		{"The flag is **ours** with two seconds left!", "stop", "plain"},
		{"The flag is ours with two seconds", "length", "stops"},
		{"The flag is ours with two seconds", "", ""}, // nobody said how it ended
	} {
		card := quality.Grade(quality.Answer{Text: c.text, Finish: c.finish}, task)
		got := ""
		for _, b := range card.Strict.Breaks() {
			got += b.String()
		}
		if got != c.wants {
			t.Errorf("%q breaks %q, want %q", c.text, got, c.wants)
		}
	}
	kept, made := quality.Grade(quality.Answer{Text: "The flag is ours with two seconds"}, task).Strict.Kept()
	if kept != made || made != len(quality.Checks())-1 {
		t.Errorf("%d of %d kept, want all but the unknown one", kept, made)
	}
}

func TestMarkdown(t *testing.T) {
	task := &quality.Task{Contract: quality.Contract{Plain: true}}
	for text, marked := range map[string]bool{
		"# Title": true, "- one\n- two": true, "1. one": true, "*laughs*": true, "a `b` c": true, "see [x](y)": true, "```go": true, "> said": true, "| a | b |": true, "---": true,
		"2 * 3 * 4 = 24": false, "a - b": false, "5-1 is the score": false, "#winning": false, "snake_case_name": false, "100% - really": false, "1.5 seconds": false,
	} {
		broken := len(quality.Grade(quality.Answer{Text: text}, task).Strict.Breaks()) > 0
		if broken != marked {
			t.Errorf("%q: Markdown %v, want %v", text, broken, marked)
		}
	}
}

// What a lenient reader forgives.
func TestLoose(t *testing.T) {
	task := &quality.Task{Contract: banter()}
	for text, wants := range map[string]int{
		"Okay, here's one line for them:\n\n\"Two seconds left and the flag is ours!\"": 0,
		"**Two seconds left and the flag is ours!**":                                    0,
		"Okay. No.": 1, // still too short
	} {
		card := quality.Grade(quality.Answer{Text: text, Finish: "stop"}, task)
		if len(card.Strict.Breaks()) == 0 || len(card.Loose.Breaks()) != wants {
			t.Errorf("%q breaks %v, loosely %v", text, card.Strict.Breaks(), card.Loose.Breaks())
		}
	}
}

func TestScripts(t *testing.T) {
	for text, want := range map[string]float64{
		"plain words": 0, "13 مليار": 0, "abc де": 0.4, "日本語のテキスト": 0, "größer, señor": 0,
	} {
		near(t, text, grade(text).MixedScript, want)
	}
	for script, text := range map[string]string{"Cyrillic": "Вперёд, команда!", "Japanese": "さあ、行こう 勝利へ", "Han": "胜利属于我们"} {
		task := &quality.Task{Contract: quality.Contract{Script: script}}
		if b := quality.Grade(quality.Answer{Text: text}, task).Strict.Breaks(); len(b) > 0 {
			t.Errorf("%s: %q breaks %v", script, text, b)
		}
		if b := quality.Grade(quality.Answer{Text: text + " go"}, task).Strict.Breaks(); len(b) != 1 {
			t.Errorf("%s: %q with a Latin word breaks %v", script, text, b)
		}
	}
}

func TestSanity(t *testing.T) {
	near(t, "UTF-8", grade("fine").UTF8, 1)
	near(t, "broken UTF-8", grade("a\xffb").UTF8, 0)
	near(t, "replaced", grade("a\uFFFDb").UTF8, 0)
	near(t, "emoji", grade("go 🎉👍🏽👩‍🚀🇫🇷❤️").Emoji, 5)
	near(t, "words", grade("Don't stop — we’re 2 up!").Words, 5)
	near(t, "ideographs", grade("胜利 go").Words, 3)
	// 4 words of 3, 3, 3, 5 letters in one sentence.
	near(t, "readability", grade("The cat sat still.").Readability, 4.71*14/4+0.5*4-21.43)
	if s := grade("胜利属于我们").Readability; s.Why == "" {
		t.Errorf("Chinese has a readability of %v", s.Value)
	}
}

func relevanceOf(texts map[string]string) (mean float64) {
	prompts := []quality.PromptText{
		{ID: "flag", Text: "Our team just captured the last flag with two seconds left. Say one cheerful line to them."},
		{ID: "chest", Text: "The player opens a golden chest and finds a rare sword. React in one excited line."},
		{ID: "rival", Text: "A rival crossed the finish line a blink before us. Answer their boast with wit, in one sentence."},
		{ID: "dragon", Text: "The dragon's gate opens next. Give the party one short line of courage."},
	}
	tasks := quality.NewTasks(quality.Contract{}, prompts)
	for _, p := range prompts {
		text, ok := texts[p.ID]
		if !ok {
			text = texts[""]
		}
		s := quality.Grade(quality.Answer{Text: text}, tasks[p.ID]).Relevance
		mean += s.Value / float64(len(prompts))
	}
	return mean
}

// An answer that would fit any prompt is relevant to none, although it takes up
// words of one of them.
func TestShuffledControl(t *testing.T) {
	for _, generic := range []string{"Great job, everyone, keep it up!", "What a rare golden sword, team!"} {
		if got := relevanceOf(map[string]string{"": generic}); math.Abs(got) > 1e-9 {
			t.Errorf("%q everywhere has a relevance of %v", generic, got)
		}
	}
	own := map[string]string{
		"flag": "Two seconds left and the flag is captured, team!", "chest": "A rare sword in a golden chest!",
		"rival": "Boast all you like, rival, a blink is all you crossed it by.", "dragon": "Courage, party: the dragon's gate is opening!"}
	if got := relevanceOf(own); got < 0.3 {
		t.Errorf("answers to their own prompts have a relevance of %v", got)
	}
	swapped := map[string]string{"flag": own["chest"], "chest": own["rival"], "rival": own["dragon"], "dragon": own["flag"]}
	if got := relevanceOf(swapped); got > -0.05 {
		t.Errorf("answers to other prompts have a relevance of %v", got)
	}
	if s := grade("anything").Relevance; s.Why == "" {
		t.Errorf("without a prompt the relevance is %v", s.Value)
	}
}

func TestDiversity(t *testing.T) {
	line := "one two three four five six seven eight nine ten eleven twelve thirteen"
	same := quality.Compare([]string{line, line, line, line})
	near(t, "duplicates", same.Duplicates, 0.75)
	near(t, "openers", same.Openers, 0)
	near(t, "self-repetition", same.SelfRepetition, 1)
	near(t, "self-BLEU", same.SelfBLEU, 1)
	near(t, "distinct-1", same.Distinct[0], 13.0/50)

	other := quality.Compare([]string{"alpha bravo charlie delta echo", "foxtrot golf hotel india juliet", "kilo lima mike november oscar"})
	near(t, "duplicates", other.Duplicates, 0)
	near(t, "openers", other.Openers, 1)
	near(t, "self-repetition", other.SelfRepetition, 0)
	near(t, "self-BLEU", other.SelfBLEU, 0)
	if other.Distinct[0].Why == "" {
		t.Errorf("15 words have a distinct-1 of %v at a budget of 50", other.Distinct[0].Value)
	}
	if !(other.Compression.Value < same.Compression.Value) {
		t.Errorf("equal answers compress by %v, different ones by %v", same.Compression.Value, other.Compression.Value)
	}
	if one := quality.Compare([]string{line}); one.Duplicates.Why == "" || one.SelfBLEU.Why == "" {
		t.Errorf("one answer has a diversity: %+v", one)
	}
}

// BLEU by hand: hypothesis "the cat sat down here" against "the cat sat up":
// p1 = 3/5, p2 = (2+1)/(4+1), p3 = (1+1)/(3+1), p4 = (0+1)/(2+1), no penalty;
// the other way round p1 = 3/4, p2 = 3/4, p3 = 2/3, p4 = 1/2, penalty e^(1−5/4).
func TestSelfBLEU(t *testing.T) {
	want := (math.Pow(3.0/5*3/5*2/4*1/3, 0.25) + math.Pow(3.0/4*3/4*2/3*1/2, 0.25)*math.Exp(1-5.0/4)) / 2
	near(t, "self-BLEU", quality.Compare([]string{"the cat sat down here", "the cat sat up"}).SelfBLEU, want)
}

func TestDiversityDoesNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.StringMatching(`([a-e]{1,3} ){0,12}`), 2, 8).Draw(t, "texts")
		turned := rapid.Permutation(texts).Draw(t, "turned")
		a, b := quality.Compare(texts), quality.Compare(turned)
		for _, p := range [][2]quality.Score{{a.Duplicates, b.Duplicates}, {a.Openers, b.Openers}, {a.SelfRepetition, b.SelfRepetition}, {a.SelfBLEU, b.SelfBLEU}} {
			if p[0].Why != p[1].Why || math.Abs(p[0].Value-p[1].Value) > 1e-9 {
				t.Fatalf("%v against %v", p[0], p[1])
			}
		}
	})
}

func TestValidate(t *testing.T) {
	sound := banter()
	if w := sound.Validate(); w != nil {
		t.Errorf("a sound contract: %v", w)
	}
	minus := -1
	for key, c := range map[string]quality.Contract{
		"words": {Words: &quality.Band{Min: 9, Max: 5}}, "sentences": {Sentences: &quality.Band{}}, "chars": {Chars: &quality.Band{Min: -1}},
		"script": {Script: "latin"}, "required": {Required: []string{"flag", "!!"}}, "forbidden": {Forbidden: []string{""}}, "max_emoji": {MaxEmoji: &minus},
	} {
		if w := c.Validate(); len(w) != 1 || w[key] == "" {
			t.Errorf("%s: %v", key, w)
		}
	}
}

func FuzzGrade(f *testing.F) {
	for _, seed := range []string{"", "good game good game", "7<unused3979>, 13 مليار", strings.Repeat("aab", 50), "Okay, here's [Player]:\n\n\"**x**\"", "\xff\xfe", "👩‍🚀 胜利"} {
		f.Add(seed, "stop")
	}
	task := quality.NewTasks(banter(), []quality.PromptText{{ID: "a", Text: "capture the flag"}, {ID: "b", Text: "open the golden chest"}})["a"]
	f.Fuzz(func(t *testing.T, text, finish string) {
		c := quality.Grade(quality.Answer{Text: text, Finish: finish}, task)
		for _, s := range append(c.SeqRep[:], c.Repeat, c.Loop, c.UTF8, c.MixedScript, c.Recall) {
			if s.Why == "" && !(s.Value >= 0 && s.Value <= 1) {
				t.Errorf("%q: a share is %v", text, s.Value)
			}
		}
		if s, _ := c.Strict.Kept(); s > 0 {
			if l, _ := c.Loose.Kept(); l < s {
				t.Errorf("%q: %d checks kept, loosely %d", text, s, l)
			}
		}
		d := quality.Compare([]string{text, finish, text})
		for _, s := range []quality.Score{d.Distinct[0], d.Distinct[1], d.SelfRepetition, d.SelfBLEU, d.Duplicates, d.Openers} {
			if s.Why == "" && !(s.Value >= 0 && s.Value <= 1+1e-9) {
				t.Errorf("%q: a share is %v", text, s.Value)
			}
		}
	})
}

func BenchmarkGrade(b *testing.B) {
	line := "Two seconds left, and the flag is ours: that's how you write a legend, team! "
	task := quality.NewTasks(banter(), []quality.PromptText{{ID: "a", Text: "capture the flag"}, {ID: "b", Text: "open the golden chest"}})["a"]
	for name, text := range map[string]string{"banter": line, "report": strings.Repeat(line+"And then 3 more of them came. ", 100), "bound": strings.Repeat("ab", quality.MaxText/2)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				quality.Grade(quality.Answer{Text: text, Finish: "stop"}, task)
			}
		})
	}
}

func BenchmarkCompare(b *testing.B) {
	texts := make([]string, 10)
	for i := range texts {
		texts[i] = strings.Repeat("x", i+1) + " two seconds left, and the flag is ours: that's how you write a legend, team!"
	}
	b.ReportAllocs()
	for b.Loop() {
		quality.Compare(texts)
	}
}
