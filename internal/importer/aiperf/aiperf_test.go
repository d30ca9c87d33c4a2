package aiperf_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"chimera/internal/importer"
	"chimera/internal/importer/aiperf"
	"chimera/internal/importer/importertest"
	"chimera/internal/metric"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

func read(name, text string) (*importer.Content, error) {
	return aiperf.Format().Read(&importer.Source{Path: name, Bytes: []byte(text)})
}

func content(t *testing.T, name string) *importer.Content {
	t.Helper()
	c, err := read(name, importertest.Made(t, "aiperf", name))
	if err != nil || c == nil {
		t.Fatalf("%s was not read: %v", name, err)
	}
	return c
}

// What the client saw lies close to what the server did, chunk by chunk, but
// for a stall of 57 ms in the client that the truth shows and AIPerf recorded.
func TestSamplesAgreeWithTheServer(t *testing.T) {
	rows, want := importertest.Samples(content(t, "profile_export.jsonl")), importertest.Truths(t, "aiperf")
	if len(rows) != len(want) || len(rows) != 30 {
		t.Fatalf("%d samples of %d requests, want 30", len(rows), len(want))
	}
	const slack = 15 * time.Millisecond
	late, total := 0, 0
	for i, row := range rows {
		s, w := row.Sample, want[i]
		if s.Outcome != sample.OK || s.Tokens.Output != sample.Some(w.Tokens) || s.Tokens.Prompt != sample.Some(w.PromptTokens) || s.Tokens.Source != sample.FromServer {
			t.Errorf("request %d: %s, %+v; want %d to %d", i, s.Outcome, s.Tokens, w.PromptTokens, w.Tokens)
		}
		if send := s.T.Send.Or(0); send > time.Duration(w.UnixNS) || send < time.Duration(w.UnixNS)-slack {
			t.Errorf("request %d was sent %v before it arrived", i, time.Duration(w.UnixNS)-send)
		}
		if len(s.Chunks) != len(w.TokenNS) {
			t.Fatalf("request %d has %d chunks, want %d", i, len(s.Chunks), len(w.TokenNS))
		}
		for j, c := range s.Chunks {
			off := c.At - time.Duration(w.UnixNS+w.TokenNS[j])
			if total++; off < -time.Millisecond || off > 5*time.Millisecond {
				late++
			}
			if off < -time.Millisecond || off > 40*time.Millisecond || c.Kind != sample.Content {
				t.Errorf("request %d: chunk %d, %s, is %v from the server's", i, j, c.Kind, off)
			}
		}
		if s.T.First != sample.Some(s.Chunks[0].At) || s.T.Last != sample.Some(s.Chunks[63].At) {
			t.Errorf("request %d: first and last are not those of its chunks", i)
		}
	}
	if late*33 > total { // 3 %
		t.Errorf("%d of %d chunks are more than 5 ms late", late, total)
	}
}

func TestInstantsAreTakenOverToTheLastDigit(t *testing.T) {
	rows := importertest.Samples(content(t, "profile_export.jsonl"))
	for _, c := range []struct {
		name string
		got  sample.Opt[time.Duration]
		want time.Duration
	}{
		{"sched", rows[28].Sample.T.Sched, 1795464739796859772}, {"send", rows[28].Sample.T.Send, 1795464739801166196},
		{"headers", rows[28].Sample.T.Headers, 1795464739807138443}, {"first", rows[28].Sample.T.First, 1795464739801166196 + 101123988},
		{"last", rows[28].Sample.T.Last, 1795464739801166196 + 1352368538}, {"end", rows[28].Sample.T.End, 1795464741154728577},
		{"the ninth chunk", sample.Some(rows[28].Sample.Chunks[9].At - rows[28].Sample.Chunks[8].At), 56574285},
		{"a gap of nothing", sample.Some(rows[28].Sample.Chunks[11].At - rows[28].Sample.Chunks[10].At), 0},
		{"send on a new connection", rows[0].Sample.T.Send, 1795464701305236890 + 13722134},
	} {
		if c.got != sample.Some(c.want) {
			t.Errorf("%s is %v, want %d", c.name, c.got, c.want)
		}
	}
	if n := rows[0].Sample.Notes; len(n) != 1 || !strings.Contains(n[0], "13.722134ms for the connection") {
		t.Errorf("the first request's notes are %q", n)
	}
}

// Our metrics from AIPerf's instants against AIPerf's own figures.
func TestOurMetricsBesideAIPerfs(t *testing.T) {
	for i, row := range importertest.Samples(content(t, "profile_export.jsonl")) {
		theirs := map[string]float64{}
		for _, r := range row.Readings {
			theirs[r.Series] = r.Value.Or(math.NaN())
			if _, err := metric.Lookup(r.Series); err == nil || !strings.HasPrefix(r.Series, "aiperf.") {
				t.Errorf("%s could be taken for ours", r.Series)
			}
		}
		ours := func(id string) float64 {
			m, err := metric.Lookup(id)
			if err != nil {
				t.Fatal(err)
			}
			v, why, ok := m.Compute(row.Sample)
			if !ok {
				t.Fatalf("request %d has no %s: %s", i, id, why)
			}
			return v
		}
		connecting := 0.0
		if i == 0 {
			connecting = 0.013722134
		}
		for _, c := range []struct {
			name          string
			ours, theirs_ float64
		}{
			{"ttft", ours("ttft") + connecting, theirs["aiperf.time_to_first_token"]},
			{"e2e", ours("e2e") + connecting, theirs["aiperf.request_latency"]},
			{"tpot", ours("tpot"), theirs["aiperf.inter_token_latency"]},
			{"decode_rate", ours("decode_rate"), theirs["aiperf.output_token_throughput_per_user"]},
		} {
			if math.Abs(c.ours-c.theirs_) > 2e-9*(1+c.theirs_) {
				t.Errorf("request %d: %s is %v, AIPerf's %v", i, c.name, c.ours, c.theirs_)
			}
		}
	}
}

// Every figure of the summary is a reading in base units, and nothing else is.
func TestSummaryAtFullPrecision(t *testing.T) {
	var doc map[string]any
	if err := json.Unmarshal([]byte(importertest.Made(t, "aiperf", "profile_export_aiperf.json")), &doc); err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{}
	for tag, v := range doc {
		stats, _ := v.(map[string]any)
		if _, ok := stats["unit"]; !ok {
			continue
		}
		for stat, v := range stats {
			v, number := v.(float64)
			if !number {
				continue
			}
			if stat != "count" {
				switch stats["unit"] {
				case "ms":
					v /= 1e3
				case "KB":
					v *= 1024
				case "%":
					v /= 100
				}
			}
			want["aiperf."+tag+"."+stat] = v
		}
	}
	if len(want) < 500 {
		t.Fatalf("the summary holds only %d figures", len(want))
	}
	c := content(t, "profile_export_aiperf.json")
	for _, row := range c.Rows {
		for _, r := range row.Readings {
			w, ok := want[r.Series]
			if v, there := r.Value.Get(); !ok || !there || v != w {
				t.Errorf("%s is %v, want %v (there: %t)", r.Series, v, w, ok)
			}
			if r.Labels[importer.LabelSubject] != "truth" || r.At != 0 {
				t.Errorf("%s: %v at %d", r.Series, r.Labels, r.At)
			}
			delete(want, r.Series)
		}
	}
	for series := range want {
		t.Errorf("%s is missing", series)
	}
	if c.Subjects[0].Model != "truth" || c.Subjects[0].URL != "http://127.0.0.1:39449" {
		t.Errorf("the subject is %+v", c.Subjects[0])
	}
}

// The two files of one summary hold the same rows, so that only one counts.
func TestTableIsTheSummaryRounded(t *testing.T) {
	full := map[string]importer.Row{}
	for _, row := range content(t, "profile_export_aiperf.json").Rows {
		full[row.Key] = row
	}
	rows := content(t, "profile_export_aiperf.csv").Rows
	figures := 0
	for _, row := range rows {
		twin, ok := full[row.Key]
		if !ok || row.Skip != "" || row.Detail >= twin.Detail {
			t.Errorf("row %d (%q, %q) has no twin", row.Number, row.Key, row.Skip)
			continue
		}
		exact := map[string]sample.Reading{}
		for _, r := range twin.Readings {
			exact[r.Series] = r
		}
		for _, r := range row.Readings {
			figures++
			e, ok := exact[r.Series]
			scale := map[unit.Unit]float64{unit.Second: 1e-3, unit.Byte: 1024, unit.Ratio: 1}[r.Unit]
			if e.Labels["field_unit"] == "" && e.Unit != unit.Ratio || scale == 0 {
				scale = 1
			}
			if off := math.Abs(r.Value.Or(math.NaN()) - e.Value.Or(math.NaN())); !ok || e.Unit != r.Unit || !(off <= 0.0051*scale) {
				t.Errorf("%s is %v %s, in the JSON %v %s", r.Series, r.Value, r.Unit, e.Value, e.Unit)
			}
		}
	}
	if want := strings.Count(importertest.Made(t, "aiperf", "profile_export_aiperf.csv"), "\n") - 3; len(rows) != want || figures < 400 { // two heads and a blank line
		t.Errorf("%d rows with %d figures, want %d rows", len(rows), figures, want)
	}
}

// All files of a run through the importer: the CSV counts nothing twice.
func TestARunIsImportedOnce(t *testing.T) {
	got, err := importer.Gather(t.Context(), sample.Build{Version: "test"}, []importer.Format{aiperf.Format()}, importertest.Shared(t, "formats/aiperf"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]importer.File{}
	for _, f := range got.Files {
		kinds[f.Kind] = f
	}
	if f := kinds["aiperf/table"]; f.Rows == 0 || f.Skipped != f.Rows {
		t.Errorf("the CSV's rows count beside the JSON's: %+v", f)
	}
	if len(got.Samples) != 30 || kinds["aiperf/records"].Rows != 30 || kinds["unknown"].Path != "truth.jsonl" {
		t.Errorf("%d samples of %+v", len(got.Samples), got.Files)
	}
	for i, s := range got.Samples {
		if len(s.Validate()) != 0 {
			t.Errorf("sample %d: %v", i, s.Validate())
		}
	}
	if len(got.Readings) < 30*6+500 {
		t.Errorf("%d readings", len(got.Readings))
	}
}
