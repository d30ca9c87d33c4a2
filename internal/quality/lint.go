package quality

import (
	"regexp"
	"strings"
	"unicode"
)

// The forms in which vocabularies write what no reader should see.
var control = regexp.MustCompile(`<\|[^|<>\s]{1,60}\|>` + // <|endoftext|>
	`|</?(?:s|bos|eos|pad|unk|mask|cls|sep|image|think|start_of_turn|end_of_turn|start_of_image|end_of_image)>` +
	`|<unused[0-9]+>|<0x[0-9A-Fa-f]{2}>|<reserved_[0-9]+>` +
	`|\[/?INST\]|<</?SYS>>|\[(?:PAD|CLS|SEP|MASK|UNK|BOS|EOS)\]|\[@BOS@\]|\[multimodal\]` +
	`|\x{2581}|[a-z.,!?][\x{0120}\x{010A}]`) // word marks of SentencePiece, and of byte-level BPE within a word

func hasControl(text string) bool {
	if strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r'
	}) {
		return true
	}
	return strings.ContainsAny(text, "<[\u2581\u0120\u010a") && control.MatchString(text)
}

var refusals = []string{"as an ai", "as a language model", "as a large language model", "i'm just an ai", "i am just an ai", "i'm sorry, but i", "i am sorry, but i",
	"i'm sorry, i can", "i am sorry, i can", "i can't help with", "i cannot help with", "i can't assist", "i cannot assist", "i can't fulfill", "i cannot fulfill",
	"i can't provide", "i cannot provide", "i can't generate", "i cannot generate", "i can't create", "i cannot create", "i'm unable to", "i am unable to",
	"i'm not able to", "i am not able to", "i apologize, but i", "i must decline", "against my guidelines", "my programming"}

func refuses(text string) bool {
	low := plainQuotes(text)
	for _, phrase := range refusals {
		if strings.Contains(low, phrase) {
			return true
		}
	}
	return false
}

// plainQuotes lowers a text and makes its apostrophes ASCII.
func plainQuotes(text string) string { return strings.ToLower(strings.ReplaceAll(text, "’", "'")) }

// An opening that talks about the answer: "Okay, …", "Here is a …", or any
// "Here is …" whose line ends in a colon.
var (
	opening = regexp.MustCompile(`^(?:okay|ok|sure|sure thing|certainly|of course|absolutely|got it|understood)[,.!:]` +
		`|^(?:here's|here is|here are) (?:a|an|some|one|two|three|four|five|several|a few|my|[0-9]+) ` +
		`|^(?:here's|here is|here are)\b[^\n]*:\s*(?:\n|$)|^(?:as requested|the answer is|my (?:answer|response|reply) is)\b`)
	// openers are the words with which an opening begins: most texts need no
	// closer look.
	openers = set("okay ok sure certainly of absolutely got understood here's here as the my")
	closing = []string{"let me know if", "i hope this helps", "hope that helps", "would you like me to", "feel free to ask", "do you want me to"}
)

const closingReach = 200 // bytes from the end in which a closing stands

func hasMeta(text string) bool {
	low := strings.TrimLeft(plainQuotes(text), " \t\r\n\"“*#")
	if first, _, _ := strings.Cut(low[:min(len(low), 400)], " "); openers[strings.TrimRight(first, ",.!:")] && opening.MatchString(low[:min(len(low), 400)]) {
		return true
	}
	end := low[max(0, len(low)-closingReach):]
	for _, phrase := range closing {
		if strings.Contains(end, phrase) {
			return true
		}
	}
	return false
}

var placeholder = regexp.MustCompile(`\[(?:[A-Z][A-Za-z0-9_'/ -]*[a-z][A-Za-z0-9_'/ -]*|(?:insert|your|player|name|team|weapon|enemy|item|user|opponent)\b[^\]\n]{0,40})\](?:[^(]|$)` +
	`|\{\{?\s*[A-Za-z_][A-Za-z0-9_ .]{0,40}\}` + `|<(?:[A-Z][a-z]+|player|name|team|weapon|enemy)(?:[ _][A-Za-z]+){0,3}>` + `|_{3,}|\bX{3,}\b`)

func hasPlaceholder(text string) bool {
	return strings.ContainsAny(text, "[{<_X") && placeholder.MatchString(text)
}

// Marks of Markdown at the beginning of a line, and within one.
var (
	blockMark  = regexp.MustCompile("(?m)^[ \t]*(?:#{1,6} |[-*+] |[0-9]{1,3}[.)] |> |\\|.*\\||```|~~~|(?:-{3,}|\\*{3,})[ \t]*$)")
	inlineMark = regexp.MustCompile("\\*\\*[^*\n]+\\*\\*|\\b__[^_\n]+__\\b|(?:^|[^\\w*])\\*[^*\\s][^*\n]*\\*(?:[^\\w*]|$)|`[^`\n]+`|\\[[^\\]\n]+\\]\\([^)\n]+\\)|~~[^~\n]+~~")
)

func hasMarkdown(text string) bool {
	if strings.ContainsAny(text, "*_`[~") && inlineMark.MatchString(text) {
		return true
	}
	return strings.ContainsAny(text, "#-*+>|`~0123456789") && blockMark.MatchString(text)
}

// quotes that may stand around a whole answer.
var quotes = map[rune]rune{'"': '"', '“': '”', '\'': '\'', '‘': '’', '«': '»', '*': '*', '`': '`'}

// prefix is talk before the answer proper: a line or a clause that ends in a
// colon, or "Okay,".
var prefix = regexp.MustCompile(`^(?i:(?:okay|ok|sure|sure thing|certainly|of course|absolutely)[,.!:]\s+)?(?i:here(?:'s|’s| is| are)\b[^\n:]{0,200}:\s*)?`)

// unwrap takes off what a lenient reader would: talk before the answer, and
// quotes around it.
func unwrap(text string) string {
	text = strings.TrimSpace(text)
	text = strings.TrimSpace(text[len(prefix.FindString(text)):])
	for {
		runes := []rune(text)
		if len(runes) < 2 {
			return text
		}
		last, ok := quotes[runes[0]]
		if !ok || runes[len(runes)-1] != last {
			return text
		}
		text = strings.TrimSpace(string(runes[1 : len(runes)-1]))
	}
}
