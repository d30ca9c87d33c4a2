package tokenizer

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// A splitter cuts text into the words that BPE merges apart from each other. The
// words joined are the text. The patterns are written by hand because they use
// lookahead, which the regexp package rightly lacks; each function names its
// pattern, and takes linear time.
type splitter func(text string, emit func(word string))

type preTokenizer struct {
	split  splitter
	wholes bool // a word that is a token is taken as it is (llama.cpp's ignore_merges)
}

var preTokenizers = map[string]preTokenizer{
	"gpt-2":            {splitGPT2, false},
	"gpt2":             {splitGPT2, false},
	"llama-bpe":        {func(s string, emit func(string)) { splitLlama3(s, 3, emit) }, true},
	"llama3":           {func(s string, emit func(string)) { splitLlama3(s, 3, emit) }, true},
	"llama-v3":         {func(s string, emit func(string)) { splitLlama3(s, 3, emit) }, true},
	"qwen2":            {func(s string, emit func(string)) { splitLlama3(s, 1, emit) }, false},
	"deepseek-r1-qwen": {func(s string, emit func(string)) { splitLlama3(s, 1, emit) }, false},
	"smollm":           {splitDigits, false},
	"starcoder":        {splitDigits, false},
}

// PreTokenizers names the split patterns that New knows, sorted.
func PreTokenizers() []string {
	var names []string
	for name := range preTokenizers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

type class int

const (
	other class = iota
	letter
	number
	space
	end // there is no character
)

// classAt returns the class of the character at i and its size. A byte that is
// not UTF-8 is a character of class other.
func classAt(s string, i int) (class, int) {
	if i >= len(s) {
		return end, 0
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	switch {
	case unicode.IsLetter(r):
		return letter, n
	case unicode.IsNumber(r):
		return number, n
	case unicode.IsSpace(r):
		return space, n
	}
	return other, n
}

// run returns the end of the characters of class c from i on, at most limit of
// them (0: no limit).
func run(s string, i int, c class, limit int) int {
	for n := 0; limit == 0 || n < limit; n++ {
		k, size := classAt(s, i)
		if k != c {
			break
		}
		i += size
	}
	return i
}

// splitGPT2: 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func splitGPT2(s string, emit func(string)) {
	for i := 0; i < len(s); {
		j := i + contraction(s[i:], false)
		if j == i {
			j = gpt2Word(s, i)
		}
		emit(s[i:j])
		i = j
	}
}

func gpt2Word(s string, i int) int {
	c, _ := classAt(s, i)
	if s[i] == ' ' {
		if next, _ := classAt(s, i+1); next != space && next != end {
			return run(s, i+1, next, 0)
		}
	}
	if c == space {
		return blanks(s, i)
	}
	return run(s, i, c, 0)
}

// blanks: \s+(?!\S)|\s+ : white space up to but not including its last character
// when a word follows, since that character may belong to the word.
func blanks(s string, i int) int {
	last, j := i, i
	for {
		c, n := classAt(s, j)
		if c == end {
			return j
		}
		if c != space {
			break
		}
		last, j = j, j+n
	}
	if last == i {
		return j
	}
	return last
}

// splitDigits: \p{N} alone, and GPT-2's pattern between.
func splitDigits(s string, emit func(string)) {
	start := 0
	for i := 0; i < len(s); {
		c, n := classAt(s, i)
		if c == number {
			splitGPT2(s[start:i], emit)
			emit(s[i : i+n])
			start = i + n
		}
		i += n
	}
	splitGPT2(s[start:], emit)
}

// splitLlama3: (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}|
// ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+ ; Qwen 2 has the same with one digit.
func splitLlama3(s string, digits int, emit func(string)) {
	for i := 0; i < len(s); {
		j := i + contraction(s[i:], true)
		if j == i {
			j = llama3Word(s, i, digits)
		}
		emit(s[i:j])
		i = j
	}
}

func llama3Word(s string, i, digits int) int {
	c, n := classAt(s, i)
	next, _ := classAt(s, i+n)
	switch {
	case c == letter:
		return run(s, i, letter, 0)
	case c == number:
		return run(s, i, number, digits)
	case next == letter && s[i] != '\r' && s[i] != '\n':
		return run(s, i+n, letter, 0)
	case c == other || s[i] == ' ' && next == other:
		j := run(s, i+n, other, 0)
		for j < len(s) && (s[j] == '\r' || s[j] == '\n') {
			j++
		}
		return j
	}
	if j := lastNewline(s, i); j > i {
		return j
	}
	return blanks(s, i)
}

// lastNewline: \s*[\r\n]+ : the end of the last newline in the white space at i,
// or i when there is none.
func lastNewline(s string, i int) int {
	found := i
	for j := i; ; {
		c, n := classAt(s, j)
		if c != space {
			return found
		}
		if s[j] == '\r' || s[j] == '\n' {
			found = j + n
		}
		j += n
	}
}

// contraction returns the length of 's 't 're 've 'm 'll 'd at the start of s.
func contraction(s string, foldCase bool) int {
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	at := func(i int) byte {
		if i >= len(s) {
			return 0
		}
		if c := s[i]; foldCase && c >= 'A' && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return s[i]
	}
	switch at(1) {
	case 's', 't', 'm', 'd':
		return 2
	}
	switch string([]byte{at(1), at(2)}) {
	case "re", "ve", "ll":
		return 3
	}
	return 0
}
