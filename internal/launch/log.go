package launch

import (
	"io"
	"os"
	"strings"
)

const (
	tailBytes = 16 << 10
	tailLines = 8
	lineBytes = 300
)

// tail returns the last lines of a log, and whether they tell of a port that
// somebody else has. A log that cannot be read has none.
func tail(path string) (lines []string, portTaken bool) {
	f, err := os.Open(path)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > tailBytes {
		if _, err := f.Seek(-tailBytes, io.SeekEnd); err != nil {
			return nil, false
		}
	}
	b, err := io.ReadAll(io.LimitReader(f, tailBytes))
	if err != nil {
		return nil, false
	}
	text := strings.ToValidUTF8(string(b), "�")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "$ ") {
			continue
		}
		if len(line) > lineBytes {
			line = strings.ToValidUTF8(line[:lineBytes], "") + "…"
		}
		lines = append(lines, line)
	}
	return lines[max(0, len(lines)-tailLines):], strings.Contains(text, "address already in use") || strings.Contains(text, "couldn't bind")
}
