// Package audit holds a report against the rows it speaks of.
//
// It trusts neither the report nor itself: a number is supported only if it is
// the number of that thing, that aggregate, that unit and that scope, rounded
// as printed. That the same digits exist somewhere is no support. What cannot
// be decided is unverifiable and never guessed. No language model judges: each
// verdict is a rule, and says which rows it stands on.
package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"chimera/internal/claim"
	"chimera/internal/fact"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

// Verdict is what came of a claim.
type Verdict string

// Verdicts. A misleading claim is true, and says so little of what matters that
// a reader will believe something false; Why says what.
const (
	Supported    Verdict = "supported"
	Misleading   Verdict = "misleading"
	Contradicted Verdict = "contradicted"
	Unverifiable Verdict = "unverifiable"
	Malformed    Verdict = "malformed"
)

// Verdicts lists them in the order in which they are counted.
var Verdicts = []Verdict{Supported, Misleading, Contradicted, Unverifiable, Malformed}

// Kind is what sort of thing is claimed.
type Kind string

// Kinds of claims.
const (
	Value        Kind = "value"
	Count        Kind = "count"
	Setting      Kind = "setting" // a parameter's value or levels
	Change       Kind = "change"  // a ratio or difference of two values
	Superlative  Kind = "superlative"
	Comparison   Kind = "comparison"
	Causal       Kind = "causal"
	Significance Kind = "significance"
	Universal    Kind = "universal"
	Judgement    Kind = "judgement"
	Definition   Kind = "definition"
	DateKind     Kind = "date"
	Entity       Kind = "entity" // a file or a thing that should exist
	Provenance   Kind = "provenance"
	Text         Kind = "text"
)

// Claim is one thing that a report says, and its verdict.
type Claim struct {
	Text     string      `json:"text"`
	Sentence string      `json:"sentence"`
	Line     int         `json:"line"`
	Kind     Kind        `json:"kind"`
	Verdict  Verdict     `json:"verdict"`
	Why      string      `json:"why"`
	Truth    string      `json:"truth,omitempty"`
	Facts    []fact.Fact `json:"facts"`
	Start    int         `json:"-"` // offsets in the document's text
	End      int         `json:"-"`
}

// Summary counts verdicts. Misleading claims are supported ones too many
// readers would misread; they are counted apart.
type Summary struct {
	Supported    int `json:"supported"`
	Misleading   int `json:"misleading"`
	Contradicted int `json:"contradicted"`
	Unverifiable int `json:"unverifiable"`
	Malformed    int `json:"malformed"`
}

// Report is the audit of one document.
type Report struct {
	Document  *claim.Document `json:"-"`
	Name      string          `json:"file"`
	Claims    []Claim         `json:"claims"`
	Summary   Summary         `json:"summary"`
	Score     Score           `json:"score"`
	Truncated bool            `json:"truncated,omitempty"` // more claims than MaxClaims
}

// Score is the report's worth in numbers. Rates are absent without claims.
type Score struct {
	Claims  int     `json:"claims"`
	Support float64 `json:"support_rate"` // (supported + misleading) / claims
	Contra  float64 `json:"contradiction_rate"`
	Upper   float64 `json:"error_upper_95"` // by the rule of three where nothing is wrong
}

// MaxClaims bounds the claims of one document.
const MaxClaims = 20_000

// Failed reports whether the gate must close.
func (r *Report) Failed() bool { return r.Summary.Contradicted+r.Summary.Malformed > 0 }

// An Auditor holds a ledger's vocabulary. It may audit several documents, one
// after the other or at once.
type Auditor struct {
	once    sync.Once
	byID    sync.Once
	naming  sync.Once
	bare    []string // all names of the ledger, see isName
	facts   map[string]fact.Fact
	quoting sync.Once
	quoted  map[string][]string // see quotes
	labels  []map[string]bool   // of each series, the labels that its rows have
	indexed sync.Once
	rows    map[term][]int // label and value → rows
	ledger  *fact.Ledger
	vocab   *vocabulary
	series  []series
}

// New prepares a ledger for audits.
func New(l *fact.Ledger) *Auditor {
	a := &Auditor{ledger: l}
	a.series = seriesOf(l)
	a.vocab = newVocabulary(l, a.series)
	return a
}

// Audit judges every claim of a document.
func (a *Auditor) Audit(d *claim.Document) *Report {
	s := &session{Auditor: a, memory: newMemory(), doc: d, seen: map[[2]int]int{}, groups: map[string]gathered{}}
	s.prepare()
	for i := range d.Passages {
		if len(s.claims) >= MaxClaims {
			break
		}
		s.passage(&d.Passages[i], i)
	}
	s.whole()
	r := &Report{Document: d, Name: d.Name, Claims: s.claims, Truncated: len(s.claims) >= MaxClaims}
	slices.SortStableFunc(r.Claims, func(x, y Claim) int { return cmp.Or(cmp.Compare(x.Start, y.Start), cmp.Compare(x.End, y.End)) })
	if r.Claims == nil {
		r.Claims = []Claim{}
	}
	r.count()
	return r
}

func (r *Report) count() {
	for _, c := range r.Claims {
		switch c.Verdict {
		case Supported:
			r.Summary.Supported++
		case Misleading:
			r.Summary.Misleading++
		case Contradicted:
			r.Summary.Contradicted++
		case Unverifiable:
			r.Summary.Unverifiable++
		case Malformed:
			r.Summary.Malformed++
		}
	}
	n := len(r.Claims)
	r.Score.Claims = n
	if n == 0 {
		return
	}
	bad := r.Summary.Contradicted + r.Summary.Malformed
	r.Score.Support = float64(r.Summary.Supported+r.Summary.Misleading) / float64(n)
	r.Score.Contra = float64(bad) / float64(n)
	r.Score.Upper = r.upper(bad, n)
}

// session is the audit of one document.
type session struct {
	*Auditor
	memory
	doc    *claim.Document
	claims []Claim
	seen   map[[2]int]int // span → index of its claim

	head         []mention       // of the document: its title and its header lines, which only prefer
	sources      map[string]bool // files that the report says it stands on; nil for any
	literals     map[string]int  // named constants of the report's own code → line
	numbers      map[float64]int // constants in lists of its code → line
	invented     []string        // what in the document says that data are made up
	dates        []dateAt
	above        above               // for rows of tables whose first cell is empty
	setups       map[string][]string // sections → lines that state the settings of what they report
	placeholders bool

	groups     map[string]gathered
	stated     []stated       // values by what they are of, for the checks of the whole
	ranked     []ranked       // superlatives, for the check against the report\'s own figures
	sizes      []stated       // sizes that tables state
	last       fact.Fact      // behind the last figure, for the n that follows it
	rows       map[string]int // rows of tables → line
	script     int            // 1 for Latin letters, 2 for others; 0 until asked
	lastSizes  []int          // n of each reading of the last figure
	rootKnown  bool
	rootFolder string
}

// say records a claim. Of two with the same span the graver counts.
func (s *session) say(p *claim.Passage, start, end int, kind Kind, v Verdict, why, truth string, facts ...fact.Fact) {
	for start < end && s.doc.Text[start] == ' ' {
		start++
	}
	for end > start && s.doc.Text[end-1] == ' ' {
		end--
	}
	c := Claim{Text: oneLine(s.doc.Text[start:end]), Line: p.Line + strings.Count(s.doc.Text[p.Start:start], "\n"), Kind: kind, Verdict: v, Why: why, Truth: truth, Facts: facts, Start: start, End: end}
	text := s.doc.PassageText(*p)
	c.Sentence = clip(strings.TrimSpace(text), 400)
	for _, sentence := range claim.Sentences(text) {
		if at := start - p.Start; sentence.Start <= at && at < sentence.End {
			c.Sentence = clip(strings.TrimSpace(text[sentence.Start:sentence.End]), 400)
		}
	}
	if c.Facts == nil {
		c.Facts = []fact.Fact{}
	}
	if i, ok := s.seen[[2]int{start, end}]; ok {
		if gravity(v) > gravity(s.claims[i].Verdict) {
			s.claims[i] = c
		}
		return
	}
	s.seen[[2]int{start, end}] = len(s.claims)
	s.claims = append(s.claims, c)
}

func gravity(v Verdict) int {
	return map[Verdict]int{Unverifiable: 1, Supported: 2, Misleading: 3, Contradicted: 4, Malformed: 5}[v]
}

func oneLine(text string) string { return clip(strings.Join(strings.Fields(text), " "), 400) }

func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	cut := n
	for cut > 0 && text[cut]&0xC0 == 0x80 {
		cut--
	}
	return text[:cut] + "…"
}

func plural(n int, noun string) string {
	if n == 1 {
		return fmt.Sprintf("1 %s", noun)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// upper bounds the share of wrong claims with 95 % confidence: 3/n where none
// is wrong, else Wilson's bound.
func (r *Report) upper(bad, n int) float64 {
	if bad == 0 {
		return min(1, 3/float64(n))
	}
	i, err := stats.Wilson(bad, n, 0.95)
	if err != nil {
		return 1
	}
	return i.Hi
}

// format prints a value in its unit; a share in percent.
func format(of unit.Unit, v float64) string {
	if of == unit.Ratio {
		return unit.Digits(v*100, 3) + " %"
	}
	return of.Format(v)
}
