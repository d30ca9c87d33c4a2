package claim

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Quantity is a number as it was printed, with what stands around it.
type Quantity struct {
	Start, End int // of the whole, unit included
	Value      float64
	Decimals   int     // digits behind the point; −1 and below for powers of ten in scientific notation
	Hi         float64 // the upper end, if Range
	Spread     float64 // after ±
	Range      bool
	Spreads    bool
	Approx     bool // about, ~, roughly
	Least      bool // 120+, more than, over, at least
	Most       bool // up to, under, less than, at most
	Signed     bool // an explicit + or −
	Word       bool // written as a word
	Dim        Dim
	HasUnit    bool
	Key        string // of key=value
}

// Half is half a unit of the last printed place.
func (q Quantity) Half() float64 { return 0.5 * math.Pow(10, float64(-q.Decimals)) }

// Quantities finds the numbers of a passage. Spans that hide others (dates,
// names, paths) are given and are not entered. Offsets are those of text.
func Quantities(text string, hidden []Span) []Quantity {
	s := scanner{text: text, hidden: hidden}
	var out []Quantity
	for s.at < len(text) {
		if s.skipHidden() {
			continue
		}
		if q, ok := s.number(); ok {
			out = append(out, q)
			continue
		}
		s.next()
	}
	return join(text, out)
}

// Span is a stretch of a text.
type Span struct{ Start, End int }

type scanner struct {
	text   string
	at     int
	hidden []Span
	h      int
}

func (s *scanner) skipHidden() bool {
	for s.h < len(s.hidden) && s.hidden[s.h].End <= s.at {
		s.h++
	}
	if s.h < len(s.hidden) && s.hidden[s.h].Start <= s.at && s.at < s.hidden[s.h].End {
		s.at = s.hidden[s.h].End
		return true
	}
	return false
}

// next moves to the next place where a number may begin: behind a character
// that is no part of a word.
func (s *scanner) next() {
	r, n := utf8.DecodeRuneInString(s.text[s.at:])
	s.at += n
	if !wordRune(r) {
		return
	}
	for s.at < len(s.text) {
		r, n := utf8.DecodeRuneInString(s.text[s.at:])
		if !wordRune(r) && !(r == '.' || r == '-' || r == ':' || r == '/') {
			return
		}
		if (r == '.' || r == '-' || r == ':' || r == '/') && !wordAt(s.text, s.at+n) {
			return
		}
		// gemma3:270m, 1b-it, TR-108 and v2.0 are names to their end; "Runs: 3" is not.
		s.at += n
	}
}

func wordAt(text string, at int) bool {
	if at >= len(text) {
		return false
	}
	r, _ := utf8.DecodeRuneInString(text[at:])
	return wordRune(r)
}

func wordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// number reads a number that begins here.
func (s *scanner) number() (Quantity, bool) {
	q, end, ok := readNumber(s.text, s.at)
	if !ok {
		if q, end, ok = readWord(s.text, s.at); !ok {
			return q, false
		}
	}
	q.Start = s.at
	rest := s.text[end:]
	if strings.HasPrefix(rest, "+") && !startsDigit(rest[1:]) {
		q.Least, rest, end = true, rest[1:], end+1
	}
	if d, n := UnitAt(rest); n > 0 {
		q.Dim, q.HasUnit, end, rest = d, true, end+n, rest[n:]
		if strings.HasPrefix(rest, "+") && (q.Dim.Times || q.Dim.Percent) {
			q.Least, end = true, end+1
		}
	} else if r, _ := utf8.DecodeRuneInString(rest); wordRune(r) || (r == '-' || r == ':' || r == '/' || r == '.') && letterAfter(rest) && !q.Word {
		// A name such as 270m, 1b-it-qat, 13th: to its end.
		s.at = end
		s.next()
		return q, false
	}
	q.End, s.at = end, end
	s.cues(&q)
	return q, true
}

func letterAfter(rest string) bool {
	if len(rest) < 2 {
		return false
	}
	r, _ := utf8.DecodeRuneInString(rest[1:])
	return unicode.IsLetter(r) || r == '_' || rest[0] == ':' && unicode.IsDigit(r) || rest[0] == '.' && unicode.IsDigit(r)
}

func startsDigit(text string) bool { return text != "" && text[0] >= '0' && text[0] <= '9' }

// cues reads the words before a number that bound or soften it.
func (s *scanner) cues(q *Quantity) {
	before := s.text[max(0, q.Start-32):q.Start]
	before = strings.TrimRight(strings.ToLower(before), " *`_\"'“‘([")
	for _, w := range []string{"~", "≈", "about", "around", "approximately", "approx.", "approx", "roughly", "nearly", "almost", "circa", "some", "ca."} {
		if strings.HasSuffix(before, w) && boundary(before, w) {
			q.Approx = true
		}
	}
	for _, w := range []string{">", "≥", "more than", "over", "at least", "above", "exceeding", "exceeds", "greater than", "minimum of"} {
		if strings.HasSuffix(before, w) && boundary(before, w) && !strings.HasSuffix(before, "->") {
			q.Least = true
		}
	}
	for _, w := range []string{"<", "≤", "up to", "under", "below", "less than", "at most", "no more than", "fewer than", "maximum of"} {
		if strings.HasSuffix(before, w) && boundary(before, w) {
			q.Most = true
		}
	}
	if i := len(before); i > 0 && before[i-1] == '=' {
		key := strings.TrimRight(before[:i-1], " ")
		if j := strings.LastIndexFunc(key, func(r rune) bool { return !wordRune(r) && r != '.' && r != '-' }); j >= 0 {
			_, n := utf8.DecodeRuneInString(key[j:])
			key = key[j+n:]
		}
		q.Key = key
	}
}

func boundary(before, w string) bool {
	i := len(before) - len(w)
	if i == 0 {
		return true
	}
	r, _ := utf8.DecodeLastRuneInString(before[:i])
	return !unicode.IsLetter(r)
}

// readNumber reads digits with groups, a point and an exponent.
func readNumber(text string, at int) (q Quantity, end int, ok bool) {
	i := at
	sign := 1.0
	switch {
	case strings.HasPrefix(text[i:], "−"):
		sign, q.Signed, i = -1, true, i+len("−")
	case text[i] == '-' || text[i] == '+':
		if i > 0 && (wordRune(lastRune(text[:i])) || text[i-1] == ')') {
			return q, 0, false
		}
		if text[i] == '-' {
			sign = -1
		}
		q.Signed, i = true, i+1
	}
	digits := i
	for i < len(text) && (text[i] >= '0' && text[i] <= '9' || text[i] == ',' && grouped(text, digits, i)) {
		i++
	}
	if i == digits && !(i+1 < len(text) && text[i] == '.' && startsDigit(text[i+1:]) && q.Signed) {
		return q, 0, false
	}
	if i+1 < len(text) && text[i] == '.' && startsDigit(text[i+1:]) {
		point := i
		for i++; i < len(text) && text[i] >= '0' && text[i] <= '9'; i++ {
		}
		q.Decimals = i - point - 1
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(text[digits:i], ",", ""), 64)
	if err != nil || i-digits > 40 {
		return q, 0, false
	}
	if m, power := exponent(text[i:]); m > 0 {
		if v, err = strconv.ParseFloat(fmt.Sprintf("%se%d", strings.ReplaceAll(text[digits:i], ",", ""), power), 64); err != nil {
			return q, 0, false
		}
		q.Decimals, i = q.Decimals-power, i+m
	}
	if math.IsInf(v, 0) {
		return q, 0, false
	}
	q.Value = sign * v
	return q, i, true
}

func lastRune(s string) rune { r, _ := utf8.DecodeLastRuneInString(s); return r }

// grouped reports whether a comma at i groups digits: three follow, and no more.
func grouped(text string, digits, i int) bool {
	if i == digits || i+3 >= len(text)+0 && i+3 > len(text)-1 && i+4 > len(text) {
		return false
	}
	for k := 1; k <= 3; k++ {
		if i+k >= len(text) || text[i+k] < '0' || text[i+k] > '9' {
			return false
		}
	}
	return i+4 >= len(text) || text[i+4] < '0' || text[i+4] > '9'
}

// exponent reads e-5, E6, ·10^6, ×10^-3 and × 10⁻³.
func exponent(text string) (n, power int) {
	rest := text
	switch {
	case len(rest) > 1 && (rest[0] == 'e' || rest[0] == 'E') && (startsDigit(rest[1:]) || len(rest) > 2 && (rest[1] == '-' || rest[1] == '+') && startsDigit(rest[2:])):
		rest = rest[1:]
	default:
		cut, ok := text, false
		for _, mark := range []string{"×10^", "·10^", "x10^", " × 10^", " x 10^", "*10^"} {
			if c, found := strings.CutPrefix(text, mark); found {
				cut, ok = c, true
			}
		}
		if !ok {
			return 0, 0
		}
		rest = cut
	}
	i := 0
	if i < len(rest) && (rest[i] == '-' || rest[i] == '+') {
		i++
	}
	for i < len(rest) && i < 4 && rest[i] >= '0' && rest[i] <= '9' {
		i++
	}
	power, err := strconv.Atoi(strings.TrimPrefix(rest[:i], "+"))
	if err != nil {
		return 0, 0
	}
	return len(text) - len(rest) + i, power
}

var words = map[string]float64{"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
	"twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "hundred": 100, "dozen": 12}

var multiples = map[string]float64{"twice": 2, "double": 2, "doubles": 2, "doubled": 2, "triple": 3, "triples": 3, "tripled": 3, "thrice": 3, "quadruple": 4,
	"twofold": 2, "threefold": 3, "fourfold": 4, "fivefold": 5, "tenfold": 10, "half": 0.5, "halves": 0.5, "halved": 0.5}

// readWord reads a number that is written as a word.
func readWord(text string, at int) (q Quantity, end int, ok bool) {
	if at > 0 && (wordRune(lastRune(text[:at])) || text[at-1] == '-') {
		return q, 0, false
	}
	i := at
	for i < len(text) && i-at < 12 && (text[i] >= 'a' && text[i] <= 'z' || text[i] >= 'A' && text[i] <= 'Z') {
		i++
	}
	low := strings.ToLower(text[at:i])
	if v, found := words[low]; found {
		return Quantity{Value: v, Word: true}, i, true
	}
	if v, found := multiples[low]; found {
		q := Quantity{Value: v, Word: true, HasUnit: true, Dim: Dim{Unit: "ratio", Factor: 1, Times: true, Symbol: "×"}}
		if v < 1 {
			q.Decimals = 1
		}
		return q, i, true
	}
	return q, 0, false
}

// join makes ranges and means with spread of numbers that stand together. The
// unit of the last is that of all.
func join(text string, in []Quantity) []Quantity {
	var out []Quantity
	for _, q := range in {
		if len(out) == 0 {
			out = append(out, q)
			continue
		}
		last := &out[len(out)-1]
		between := ""
		if q.Start >= last.End && q.Start-last.End < 12 {
			between = strings.TrimSpace(text[last.End:q.Start])
		} else {
			out = append(out, q)
			continue
		}
		adjacent := q.Start == last.End
		switch {
		case last.Range || last.Spreads:
		case between == "±" || between == "+/-" || between == "+-":
			last.Spreads, last.Spread = true, q.Value
			last.take(q)
			continue
		case (between == "-" || between == "–" || between == "—" || between == "to" || between == "…" || between == "..") && q.Value >= last.Value && q.Value >= 0 && !q.Word:
			last.Range, last.Hi = true, q.Value
			last.take(q)
			continue
		case adjacent && q.Signed && q.Value < 0 && -q.Value >= last.Value && !last.HasUnit: // 15-20
			last.Range, last.Hi = true, -q.Value
			last.take(q)
			continue
		}
		out = append(out, q)
	}
	return out
}

func (q *Quantity) take(next Quantity) {
	q.End, q.Decimals = next.End, max(q.Decimals, next.Decimals)
	if next.HasUnit {
		q.Dim, q.HasUnit = next.Dim, true
	}
	q.Least = q.Least || next.Least
}
