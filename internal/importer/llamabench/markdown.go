package llamabench

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"chimera/internal/importer"
	"chimera/internal/unit"
)

var (
	testName = regexp.MustCompile(`^(?:pp(\d{1,9}))?(?:\+?tg(\d{1,9}))?(?: @ d(\d{1,9}))?$`)
	spread   = regexp.MustCompile(`^([0-9.]+) ± ([0-9.]+)$`)
)

// markdown reads llama-bench's table, if the file holds nothing else: a table
// inside prose is prose. It returns nil for any other file.
func markdown(s *importer.Source) *importer.Content {
	if !bytes.HasPrefix(bytes.TrimSpace(s.Bytes), []byte("| model")) {
		return nil
	}
	var head []string
	c := &importer.Content{Kind: "llama-bench/markdown", Reason: "its values are rounded to two decimals"}
	for line := range bytes.Lines(s.Bytes) {
		text := strings.TrimSpace(string(line))
		switch {
		case text == "" || strings.HasPrefix(text, "build: ") || ruler(text):
		case !strings.HasPrefix(text, "|"):
			return nil
		case head == nil:
			if head = cells(text); !slices.Contains(head, "test") || !slices.Contains(head, "t/s") {
				return nil
			}
		default:
			keepCells(c, head, cells(text))
		}
	}
	return c
}

// ruler reports whether a line is the one under the head: | --- | ---: |
func ruler(line string) bool { return strings.Trim(line, "|-: ") == "" }

func cells(line string) []string {
	out := strings.Split(strings.Trim(line, "|"), "|")
	for i := range out {
		out[i] = strings.TrimSpace(out[i])
	}
	return out
}

func keepCells(c *importer.Content, head, row []string) {
	if len(row) != len(head) {
		add(c, importer.Row{Skip: fmt.Sprintf("it has %d cells under %d heads", len(row), len(head))})
		return
	}
	f := fields{text: map[string]string{}}
	for i, name := range head {
		f.text[name] = row[i]
	}
	f.text["model_type"] = f.text["model"]
	keep(c, f, printed)
}

// printed makes readings of one row: mean ± standard deviation.
func printed(f fields) (importer.Row, error) {
	m := testName.FindStringSubmatch(f.text["test"])
	if m == nil {
		return importer.Row{}, fmt.Errorf("%q is no test", importer.Clip(f.text["test"], 40))
	}
	var n [3]int
	for i := range n {
		if m[i+1] != "" {
			n[i], _ = strconv.Atoi(m[i+1]) // at most nine digits
		}
	}
	t, err := newTest(n[0], n[1], n[2])
	if err != nil {
		return importer.Row{}, err
	}
	rate := spread.FindStringSubmatch(f.text["t/s"])
	if rate == nil {
		return importer.Row{}, fmt.Errorf("%q is no mean ± deviation", importer.Clip(f.text["t/s"], 40))
	}
	labels := f.labels(t)
	for _, name := range []string{"t/s", "model"} {
		delete(labels, name)
	}
	labels["rounded"] = "0.01"
	var row importer.Row
	for i, field := range []string{"avg_ts", "stddev_ts"} {
		v, err := importer.ParseNumber(rate[i+1])
		if err != nil {
			return importer.Row{}, err
		}
		row.Readings = append(row.Readings, reading(t.series(field), figure{field, unit.TokenPerSecond, 1}, v, 0, labels))
	}
	return row, nil
}
