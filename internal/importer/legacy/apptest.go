package legacy

import (
	"errors"
	"fmt"
	"strings"

	"chimera/internal/importer"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// readAppTest reads the tests of a chat application. Its "tokens" are words of
// the answer, and its time is the application's: both keep their own names.
func readAppTest(s *importer.Source) (*importer.Content, error) {
	if o := object(s.Object()); importer.Holds(o, "test_timestamp", "total_tests", "results") {
		results := listOf(o["results"])
		if results == nil {
			return nil, errors.New("its results are no list")
		}
		c := &importer.Content{Kind: "legacy/app-test"}
		for i, raw := range results {
			row := importer.Row{Skip: "it is no object"}
			if r := documentOf(raw); r.object != nil {
				row = appTestRow(r, testNames, 2)
			}
			row.Number = i + 1
			c.Rows = append(c.Rows, row)
		}
		return c, nil
	}
	if !s.Has(".csv") || !s.Table().Is("Test Name,Context,Tone,Generation Time (ms),Tokens,Tokens per Second,Success") {
		return nil, nil
	}
	t := s.Table()
	return content("legacy/app-test", t, func(r importer.Record) importer.Row { return appTestRow(r, testColumns, 1) }), nil
}

// appNames are the names of one way to write the same test.
type appNames struct{ name, context, tone, success, time, tokens, rate string }

var (
	testNames   = appNames{"test_name", "context", "tone", "success", "generation_time_ms", "tokens", "tokens_per_second"}
	testColumns = appNames{"Test Name", "Context", "Tone", "Success", "Generation Time (ms)", "Tokens", "Tokens per Second"}
)

func appTestRow(r record, n appNames, detail int) importer.Row {
	s := &sample.Sample{Subject: importer.NotRecorded, Workload: "app-test", Prompt: r.Cell(n.name)}
	s.Server = r.JSON()
	text := r.Cell("banter_text")
	if text != "" {
		s.SetText(text)
	}
	switch {
	case r.Cell("error") != "":
		fail(s, r.Cell("error"))
		return importer.Row{Sample: s}
	case !strings.EqualFold(r.Cell(n.success), "true"):
		failAs(s, sample.Error, sample.ClassServer, "the file calls it no success and gives no reason")
		return importer.Row{Sample: s}
	case strings.HasPrefix(text, "Error"):
		fail(s, "the answer is an error text: "+text)
		return importer.Row{Sample: s}
	}
	s.Outcome = sample.OK
	fields := []field{
		millis(n.time, "app_time"),
		{name: n.tokens, series: "app_tokens"},
		{name: n.rate, series: "app_token_rate", unit: unit.PerSecond},
	}
	labels := map[string]string{"test": r.Cell(n.name), "context": r.Cell(n.context), "tone": r.Cell(n.tone)}
	all, err := readings(KindAppTest, r, fields, labels)
	if err != nil {
		return importer.Row{Skip: err.Error()}
	}
	tokens, _, _ := number(r, n.tokens)
	took, _, _ := number(r, n.time)
	if words := len(strings.Fields(text)); text != "" && float64(words) == tokens {
		s.Notes = append(s.Notes, fmt.Sprintf("its %d tokens are the words of the answer", words))
	}
	return importer.Row{Sample: s, Readings: all, Detail: detail,
		Key: fmt.Sprintf("app-test\x00%s\x00%.2f\x00%v", r.Cell(n.name), took, tokens)}
}
