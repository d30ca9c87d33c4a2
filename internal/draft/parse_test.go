package draft_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"chimera/internal/draft"
	"chimera/internal/fault"
)

func TestDraftsAreReadInEveryForm(t *testing.T) {
	s := newLab(t).sheet()
	for name, text := range map[string]string{
		"list":            `{"sections":[{"title":"answer","sentences":[{"kind":"finding","parts":[{"slot":"N0001"}]}]}]}`,
		"object by title": `{"sections":{"answer":[{"kind":"finding","parts":[{"slot":"N0001"}]}]}}`,
		"template":        `{"sections":[{"title":"answer","sentences":[{"kind":"finding","text":"{{N0001}}","refs":[]}]}]}`,
		"slot in a part":  `{"sections":[{"title":"answer","sentences":[{"parts":[{"text":"{{ N0001 }}"}]}]}]}`,
		"in a fence":      "Here it is:\n```json\n{\"sections\":[{\"title\":\"answer\",\"sentences\":[{\"text\":\"{{N0001}}\"}]}]}\n```\nLet me know!",
		"cut off":         `{"sections":[{"title":"answer","sentences":[{"kind":"finding","text":"{{N0001}}"},{"kind":"finding","text":"{{N00`,
		"cut in a list":   `{"sections":{"answer":[{"kind":"finding","parts":[{"slot":"N0001"}]},{"kind":"finding","parts":[{"slot":"N`,
		"lines":           "## Answer\nOkay, here you go.\n- {{N0001}}\n",
	} {
		d, err := s.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		kept, dropped := s.Check(d)
		if len(kept) != 1 || len(dropped) != 0 || kept[0].Section != "answer" || kept[0].Kind != draft.Finding {
			t.Errorf("%s: kept %+v, dropped %+v", name, kept, dropped)
		}
	}
	for name, text := range map[string]string{"nothing": "", "prose": "The models are all good.", "other JSON": `{"answer": 42}`, "a list": `[1, 2]`, "too long": strings.Repeat(" ", draft.MaxDraft+1),
		"deep": `{"sections":` + strings.Repeat("[", 5000), "wrong types": `{"sections":[{"title":7,"sentences":{}}]}`} {
		if d, err := s.Parse(text); err == nil || fault.CodeOf(err) != fault.Invalid || fault.HintOf(err) == "" {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
}

// checkKept holds what was kept to the law: no digit in words, no unknown id,
// nothing that prints as missing.
func checkKept(t interface{ Errorf(string, ...any) }, s *draft.Sheet, d draft.Draft) {
	kept, _ := s.Check(d)
	for _, k := range kept {
		for _, p := range k.Text {
			if strings.ContainsAny(p.Text, "0123456789{}<>") {
				t.Errorf("words with a digit or a slot: %q", p.Text)
			}
			if p.Fact != "" {
				if _, ok := s.Fact(p.Fact); !ok {
					t.Errorf("fact %s is not there", p.Fact)
				}
			}
		}
		for _, id := range k.Facts {
			if _, ok := s.Fact(id); !ok {
				t.Errorf("fact %s is not there", id)
			}
		}
		if text := k.Text.Print(s.Fact); strings.Contains(text, "(no fact") || strings.Contains(text, "\n") {
			t.Errorf("%q", text)
		}
	}
}

// Whatever is written with real slots and real words, what is kept keeps the law.
func TestWhatIsKeptKeepsTheLaw(t *testing.T) {
	l := newLab(t)
	s := l.sheet()
	words := draft.Words()
	pieces := rapid.OneOf(rapid.SampledFrom(words), rapid.SampledFrom([]string{"faster", "best", "because", "all", "same", "stable", "102", "three", "%", ",", ".", "{{", "not", "impressive", "decode rate", "cold", "swift:270m", "slow:1b", "gpt4"}),
		rapid.Custom(func(t *rapid.T) string {
			form := rapid.SampledFrom([]string{"", "|times", "|what", "|of", "|n", "|percent", "|nonsense"}).Draw(t, "form")
			return "{{" + rapid.SampledFrom([]string{"F", "T", "N"}).Draw(t, "sort") + rapid.StringMatching(`00[0-4][0-9]`).Draw(t, "id") + form + "}}"
		}), rapid.StringN(0, 10, 40))
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(pieces, 0, 14).Draw(t, "pieces"), " ")
		kind := rapid.SampledFrom(append([]draft.Kind{"", "poem"}, draft.Kinds...)).Draw(t, "kind")
		checkKept(t, s, draft.Draft{Sections: []draft.Section{{Title: "findings", Sentences: []draft.Sentence{{Kind: kind, Text: text}}}}})
	})
}

func FuzzParse(f *testing.F) {
	s := newLab(f).sheet()
	for _, seed := range []string{`{"sections":[{"title":"answer","sentences":[{"kind":"finding","parts":[{"text":"so "},{"slot":"F0001","as":"n"}],"refs":["N0001"]}]}]}`,
		`{"sections":{"answer":[{"text":"{{T0001}} has {{F0003|both}}"}]}}`, "# answer\n{{N0002}} and {{F0001|what}}", `{"sections":[{"sentences":[{"parts":[{"slot":"F0001"`, "{{{{F0001}}}}", "\xff{\"\\"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return
		}
		d, err := s.Parse(text)
		if err != nil {
			return
		}
		if _, err := json.Marshal(d); err != nil {
			t.Error(err)
		}
		checkKept(t, s, d)
	})
}
