// Package ollamabench reads the output of Ollama's bench (cmd/bench): lines for
// benchstat, CSV, and the Markdown table of its versions up to 0.17.
//
// The bench prints four or five lines for each request that succeeded: what the
// server said of the prompt and of the generation, the load, the total, and in
// newer versions a time to the first token by the client. Those lines become one
// sample with the server's own counts and times. The bench divides N tokens by
// a time that spans N−1 steps, and its time to the first token stays 0 if the
// first message was empty, so those figures keep its names. Requests that failed
// are not in the output at all, and short answers were asked again: every import
// says so. docs/formats/foreign.md says what becomes what.
package ollamabench

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"chimera/internal/importer"
	"chimera/internal/sample"
)

// Format reads all three outputs.
func Format() importer.Format { return importer.Format{Name: "ollama-bench", Read: read} }

const (
	kind   = "ollama-bench"
	caveat = "the bench leaves out requests that failed, and asks short answers again"

	csvHead  = "NAME,STEP,COUNT,NS_PER_COUNT,TOKEN_PER_SEC"
	markHead = "| Model | Step | Count | Duration | nsPerToken | tokensPerSec |"
)

func read(s *importer.Source) (*importer.Content, error) {
	c := &importer.Content{Reason: caveat}
	b := builder{out: c}
	switch {
	case s.Table().Is(csvHead):
		c.Kind = "ollama-bench/csv"
		b.csv(s)
	case bytes.HasPrefix(bytes.TrimSpace(s.Bytes), []byte(markHead)):
		c.Kind = "ollama-bench/markdown"
		b.markdown(s)
	case isBenchstat(s):
		c.Kind = "ollama-bench/benchstat"
		b.benchstat(s)
	default:
		return nil, nil
	}
	b.close("the file ends before its total")
	if len(c.Rows) == 0 {
		return nil, fmt.Errorf("an output of Ollama's bench without a request")
	}
	return c, nil
}

// builder collects the lines of one request after the other.
type builder struct {
	out   *importer.Content
	model map[string]string // what a "# Model:" line said of the models that follow
	open  []step
}

// order of the steps of one request; the third is that of newer versions.
var order = []string{"prefill", "generate", "ttft", "load", "total"}

// step takes the next line. A step that does not follow on the one before
// closes what is open as broken.
func (b *builder) step(s step) {
	if n := len(b.open); n > 0 {
		last := b.open[n-1]
		if s.model != last.model || slices.Index(order, s.name) <= slices.Index(order, last.name) {
			b.close(fmt.Sprintf("%s of %s follows on %s of %s", s.name, s.model, last.name, last.model))
		}
	}
	b.open = append(b.open, s)
	if s.name == "total" {
		b.close("")
	}
}

// broken takes a line that cannot be read; it breaks the request it stands in.
func (b *builder) broken(why string) {
	b.close("its lines are interrupted")
	b.add(importer.Row{Skip: importer.Clip(why, 200)})
}

// close makes a row of the open steps; why says what is wrong with them, if
// anything is.
func (b *builder) close(why string) {
	steps := b.open
	b.open = nil
	if len(steps) == 0 {
		return
	}
	var names []string
	for _, s := range steps {
		names = append(names, s.name)
	}
	told := strings.Join(names, ", ")
	if why == "" && told != "prefill, generate, load, total" && told != "prefill, generate, ttft, load, total" {
		why = "not all its steps are there"
	}
	if why != "" {
		b.add(importer.Row{Skip: importer.Clip(fmt.Sprintf("a request of %s with the steps %s: %s", steps[0].model, told, why), 200)})
		return
	}
	row, err := request(steps, b.about(steps[0].model))
	if err != nil {
		row = importer.Row{Skip: importer.Clip(err.Error(), 200)}
	}
	b.add(row)
}

func (b *builder) add(row importer.Row) {
	row.Number = len(b.out.Rows) + 1
	b.out.Rows = append(b.out.Rows, row)
}

// modelLine reads "# Model: m | Params: 4.3B | Quant: Q4_K_M | Family: gemma3 |
// Size: 1 | VRAM: 1 | NumCtx: 4096"; "unknown" is absent.
func (b *builder) modelLine(line string) {
	b.model = map[string]string{}
	for _, part := range strings.Split(strings.TrimPrefix(line, "# "), " | ") {
		if key, value, ok := strings.Cut(part, ": "); ok && value != "unknown" {
			b.model[key] = importer.Clip(value, 100)
		}
	}
	id := b.model["Model"]
	if id == "" {
		return
	}
	b.out.Subjects = append(b.out.Subjects, sample.SubjectRecord{ID: id, Target: "imported", Kind: "imported", Model: id,
		Server: "Ollama", Quant: b.model["Quant"], Arch: b.model["Family"]})
}

// about is what was said of a model, if the last line was of it.
func (b *builder) about(model string) map[string]string {
	if b.model["Model"] == model {
		return b.model
	}
	return nil
}
