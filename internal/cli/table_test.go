package cli

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func written(t *table, indent string, st style) string {
	var out strings.Builder
	t.write(&out, indent, st)
	return out.String()
}

func TestTableAlignsTextLeftAndNumbersRight(t *testing.T) {
	table := newTable("name", ">rate, token/s", "note")
	table.row("a", "1.5", "first")
	table.row("longer", "1250", "")
	table.row("short row")
	const want = `  name       rate, token/s  note
  a                    1.5  first
  longer              1250
  short row
`
	if got := written(table, "  ", style{}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

var escapes = regexp.MustCompile("\x1b\\[[0-9]*m")

func TestTableColourTakesNoWidth(t *testing.T) {
	for _, on := range []bool{false, true} {
		st := style{on: on}
		table := newTable("state", ">n")
		table.row(st.good("ok"), "1")
		table.row(st.bad("missing"), "10")
		got := written(table, "", st)
		if strings.Contains(got, "\x1b[") != on {
			t.Errorf("colour on: %t, but got %q", on, got)
		}
		var columns []string
		for line := range strings.Lines(got) {
			columns = append(columns, escapes.ReplaceAllString(strings.TrimSuffix(line, "\n"), ""))
		}
		want := []string{"state     n", "ok        1", "missing  10"}
		if strings.Join(columns, "\n") != strings.Join(want, "\n") {
			t.Errorf("got %q, want %q", columns, want)
		}
	}
}

func TestTableWrapsTextAndKeepsNumbers(t *testing.T) {
	table := newTable("subject", "configuration", ">rate")
	table.row("a", strings.Repeat("num_ctx=1024 ", 10), "12.5 [12.0, 13.0]")
	table.row(strings.Repeat("x", 60), "", "1")
	got := written(table, "  ", style{})
	for line := range strings.Lines(got) {
		if n := visible(strings.TrimSuffix(line, "\n")); n > maxWidth {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if n := strings.Count(got, "num_ctx=1024"); n != 10 {
		t.Errorf("%d of 10 settings are left:\n%s", n, got)
	}
	if n := strings.Count(got, "x"); n != 60+10 {
		t.Errorf("the long word lost letters:\n%s", got)
	}
	if !strings.Contains(got, "12.5 [12.0, 13.0]\n") {
		t.Errorf("the number is broken:\n%s", got)
	}
}

// Whatever its text cells hold, a table is at most maxWidth wide and loses no
// character but spaces.
func TestTableWidthProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringMatching(`[a-zé=·]{0,90}( [a-zé]{1,40}){0,6}`)
		rows := rapid.SliceOfN(rapid.SliceOfN(cell, 0, 3), 0, 5).Draw(t, "rows")
		table := newTable("a", ">n", "b", "c")
		letters := len("anbc")
		for _, r := range rows {
			cells := append([]string{}, r...)
			if len(cells) > 1 {
				cells[1] = "12.5"
			}
			table.row(cells...)
			letters += len(strings.ReplaceAll(strings.Join(cells, ""), " ", ""))
		}
		got := written(table, " ", style{})
		for line := range strings.Lines(got) {
			if n := visible(strings.TrimSuffix(line, "\n")); n > maxWidth {
				t.Fatalf("%d columns: %q", n, line)
			}
		}
		if n := len(strings.NewReplacer(" ", "", "\n", "").Replace(got)); n != letters {
			t.Fatalf("%d bytes of text became %d:\n%s", letters, n, got)
		}
	})
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		name, text string
		width      int
		want       string
	}{
		{"nothing", "", 10, ""},
		{"fits", "a bc", 4, "a bc"},
		{"breaks at a space", "a bc def", 4, "a bc|def"},
		{"breaks a word that is longer", "abcdefgh i", 3, "abc|def|gh|i"},
		{"counts characters, not bytes", "ééé é", 3, "ééé|é"},
		{"no room at all", "ab", 0, "a|b"},
	} {
		if got := strings.Join(wrap(c.text, c.width), "|"); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestParagraphIndentsBelowItsLabel(t *testing.T) {
	var out strings.Builder
	paragraph(&out, "  note  ", strings.Repeat("word ", 30))
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "  note  word") || !strings.HasPrefix(lines[1], "        word") {
		t.Errorf("%q", lines)
	}
}

func TestVisible(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "é─·": 3, "\x1b[34mok\x1b[0m": 2, "\x1b[2m\x1b[0m": 0, "\x1b[broken": 6} {
		if got := visible(text); got != want {
			t.Errorf("visible(%q) = %d, want %d", text, got, want)
		}
	}
}
