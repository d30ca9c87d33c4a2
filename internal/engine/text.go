package engine

import (
	"strings"

	"chimera/internal/tokenizer"
)

// A writer turns ids into the text of a continuation. It holds back what may
// still become a stop string.
type writer struct {
	decoder *tokenizer.Decoder
	stops   []string
	held    string
	out     strings.Builder
}

// push adds a token and returns the text that is certain now; stopped says that
// a stop string is complete, and that the text ends before it.
func (w *writer) push(id int32) (text string, stopped bool) {
	w.held += w.decoder.Push(id)
	return w.release()
}

// flush ends the text.
func (w *writer) flush() (text string, stopped bool) {
	w.held += w.decoder.Flush()
	text, stopped = w.release()
	if !stopped {
		text += w.held
		w.out.WriteString(w.held)
		w.held = ""
	}
	return text, stopped
}

func (w *writer) release() (text string, stopped bool) {
	cut := -1
	for _, s := range w.stops {
		if i := strings.Index(w.held, s); i >= 0 && (cut < 0 || i < cut) {
			cut = i
		}
	}
	stopped = cut >= 0
	if !stopped {
		cut = len(w.held) - w.undecided()
	}
	text, w.held = w.held[:cut], w.held[cut:]
	if stopped {
		w.held = ""
	}
	w.out.WriteString(text)
	return text, stopped
}

// undecided is the length of the longest end of held that begins a stop string.
func (w *writer) undecided() int {
	longest := 0
	for _, s := range w.stops {
		for n := min(len(s)-1, len(w.held)); n > longest; n-- {
			if strings.HasSuffix(w.held, s[:n]) {
				longest = n
			}
		}
	}
	return longest
}
