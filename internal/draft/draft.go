package draft

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"chimera/internal/finding"
)

// Draft is what a writer gives back (docs/formats/draft.md). Nothing in it is
// believed before Check.
type Draft struct {
	Sections []Section `json:"sections"`
}

// Section is a part of a draft; Title is one of the sheet's.
type Section struct {
	Title     string     `json:"title"`
	Sentences []Sentence `json:"sentences"`
}

// Kind says what a sentence is for.
type Kind string

// Kinds of sentences.
const (
	Finding        Kind = "finding"
	Caveat         Kind = "caveat"
	Recommendation Kind = "recommendation"
)

// Kinds lists every kind.
var Kinds = []Kind{Finding, Caveat, Recommendation}

// Sentence is one sentence as written: either Parts, or Text with slots in
// double braces ("{{T0001}} has {{F0002|times}} the rate of {{T0002}}."). Refs
// are ids that carry its words and are not printed.
type Sentence struct {
	Kind  Kind     `json:"kind,omitempty"`
	Parts []Part   `json:"parts,omitempty"`
	Text  string   `json:"text,omitempty"`
	Refs  []string `json:"refs,omitempty"`
}

// Part is words or a slot. A slot holds the short id of a fact (F0001), of a
// thing by its name (T0001), or of a finding (N0001), which is a sentence of its
// own. As is how a fact is printed; one that does not suit the fact is ignored.
type Part struct {
	Text string `json:"text,omitempty"`
	Slot string `json:"slot,omitempty"`
	As   string `json:"as,omitempty"`
}

// Forms that a slot may ask for beside those of package finding: what the
// fact is a value of, and whose.
const (
	AsWhat = "what" // median decode rate
	AsOf   = "of"   // gemma3:270m, num_ctx=1024
)

// forms are what a writer may ask for. Not all: five digits are the printer's
// decision.
var forms = []string{string(finding.AsValue), string(finding.AsBoth), string(finding.AsInterval), string(finding.AsTimes), string(finding.AsTimesCI),
	string(finding.AsChange), string(finding.AsPercent), string(finding.AsP), string(finding.AsN), string(finding.AsPlanned), AsWhat, AsOf}

// Kept is a sentence that passed. Text prints it; Facts are the ids of all
// facts that it prints or stands on, Findings the ids of the findings.
type Kept struct {
	Section  string           `json:"section"`
	Kind     Kind             `json:"kind"`
	Text     finding.Sentence `json:"text"`
	Verdict  finding.Verdict  `json:"verdict,omitempty"` // of the finding that it tells whole
	Facts    []string         `json:"facts"`
	Findings []string         `json:"findings,omitempty"`
	Removed  []string         `json:"removed,omitempty"` // words that were taken out
}

// Dropped is a sentence that did not pass, and why: it may go back to the
// writer as it stands.
type Dropped struct {
	Section string `json:"section"`
	Text    string `json:"text"` // as written, slots in braces, bounded
	Why     string `json:"why"`
}

// UnmarshalJSON reads sections as a list, or as an object of lists by title: the
// form in which a schema can demand every section.
func (d *Draft) UnmarshalJSON(b []byte) error {
	var listed struct{ Sections []Section }
	if err := json.Unmarshal(b, &listed); err == nil {
		d.Sections = listed.Sections
		return nil
	}
	var titled struct{ Sections json.RawMessage }
	if err := json.Unmarshal(b, &titled); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(titled.Sections))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return errors.New("sections are a list, or an object by title")
	}
	for dec.More() {
		title, err := dec.Token()
		if err != nil {
			return err
		}
		s := Section{Title: fmt.Sprint(title)}
		if err := dec.Decode(&s.Sentences); err != nil {
			return err
		}
		d.Sections = append(d.Sections, s)
	}
	return nil
}
