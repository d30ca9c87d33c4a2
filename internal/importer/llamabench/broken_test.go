package llamabench_test

import (
	"strings"
	"testing"

	"chimera/internal/importer"
	"chimera/internal/importer/importertest"
	"chimera/internal/importer/llamabench"
	"chimera/internal/sample"
)

const (
	one   = `{"build_commit": "c", "build_number": 1, "model_filename": "m.gguf", "model_type": "m", "n_threads": 2, "n_prompt": 64, "n_gen": 0, "n_depth": 0, "test_time": "2026-11-23T20:23:17Z", "avg_ns": 2000000000, "stddev_ns": 5, "avg_ts": 32.5, "stddev_ts": 0.5, "samples_ns": [2000000000], "samples_ts": [32.5]}`
	batch = `{"n_kv_max": 2048, "pp": 64, "tg": 16, "pl": 1, "n_kv": 80, "t_pp": 0.5, "speed_pp": 128, "t_tg": 0.25, "speed_tg": 64, "t": 0.75, "speed": 106.7}`
	table = "build_commit,model_filename,n_prompt,n_gen,test_time,avg_ns,stddev_ns,avg_ts,stddev_ts\nc,m.gguf,64,0,2026-11-23T20:23:17Z,2000000000,5,32.5,0.5\n"
	sql   = "CREATE TABLE IF NOT EXISTS llama_bench (x TEXT);\nINSERT INTO llama_bench (build_commit, model_filename, n_prompt, n_gen, test_time, avg_ns, stddev_ns, avg_ts, stddev_ts) VALUES ('c', 'it''s.gguf', '64', '0', '2026-11-23T20:23:17Z', '2000000000', '5', '32.5', '0.5');\n"
	md    = "| model | size | test | t/s |\n| --- | ---: | ---: | ---: |\n| m | 1 MiB | pp64 @ d512 | 32.50 ± 0.50 |\n\nbuild: c (1)\n"
)

func TestVariants(t *testing.T) {
	for _, c := range []struct {
		name, file, text string
		claimed          bool
		kept             int
		skip             string
	}{
		{"a test", "a.json", "[" + one + "]", true, 1, ""},
		{"a line", "a.jsonl", one + "\n", true, 1, ""},
		{"an interrupted list", "a.json", "[" + one + ",", false, 0, ""},
		{"an empty list", "a.json", "[]", false, 0, ""},
		{"another tool's list", "a.json", `[{"n_prompt": 5}]`, false, 0, ""},
		{"a list in the list", "a.json", "[" + one + ",[]]", true, 1, "no JSON object"},
		{"half a line at the end", "a.jsonl", one + "\n" + one[:90], true, 1, "line 2: unexpected end"},
		{"half a line at the start", "a.jsonl", one[:90] + "\n" + one, true, 1, "line 1:"},
		{"NaN", "a.jsonl", one + "\n" + importertest.With(t, one, `32.5, "stddev_ts"`, `nan, "stddev_ts"`), true, 1, "line 2: invalid character"},
		{"a mean that is a text", "a.json", "[" + importertest.With(t, one, `"avg_ts": 32.5`, `"avg_ts": "fast"`) + "]", true, 0, `"fast" is no finite number`},
		{"a mean that is an object", "a.json", "[" + importertest.With(t, one, `"avg_ts": 32.5`, `"avg_ts": {}`) + "]", true, 0, "avg_ts: it is no plain value"},
		{"a mean beyond a double", "a.json", "[" + importertest.With(t, one, `"avg_ts": 32.5`, `"avg_ts": 1e999`) + "]", true, 0, "no finite number"},
		{"a mean that is null", "a.json", "[" + importertest.With(t, one, `"avg_ts": 32.5`, `"avg_ts": null`) + "]", true, 1, ""},
		{"repetitions that are texts", "a.json", "[" + importertest.With(t, one, `[32.5]`, `["a"]`) + "]", true, 0, "samples_ts: json"},
		{"a repetition without its rate", "a.json", "[" + importertest.With(t, one, `[32.5]`, `[]`) + "]", true, 0, "1 times and 0 rates"},
		{"a prompt of half a token", "a.json", "[" + importertest.With(t, one, `"n_prompt": 64`, `"n_prompt": 0.5`) + "]", true, 0, "n_prompt"},
		{"no token", "a.json", "[" + importertest.With(t, one, `"n_prompt": 64`, `"n_prompt": 0`) + "]", true, 0, "no token"},
		{"a time without zone", "a.json", "[" + importertest.With(t, one, `17Z`, `17`) + "]", true, 0, "no time with a zone"},
		{"the year 3000", "a.json", "[" + importertest.With(t, one, `2026-`, `3000-`) + "]", true, 0, "outside of 1990"},
		{"a later version's parameter", "a.json", "[" + importertest.With(t, one, `"n_depth": 0`, `"n_depth": 0, "n_new": true`) + "]", true, 1, ""},
		{"an older version, without depth", "a.json", "[" + importertest.With(t, one, `"n_depth": 0, `, ``) + "]", true, 1, ""},
		{"a CSV", "a.csv", table, true, 1, ""},
		{"a CSV row cut short", "a.csv", table + "c,m.gguf,64\n", true, 1, "3 cells under 9 heads"},
		{"another CSV", "a.csv", "build_commit,avg_ns\nc,5\n", false, 0, ""},
		{"SQL", "a.sql", sql, true, 1, ""},
		{"SQL with a value that is not quoted", "a.sql", sql + importertest.With(t, strings.Split(sql, "\n")[1], "'64'", "64"), true, 1, "no text in quotes"},
		{"SQL with a value too few", "a.sql", sql + importertest.With(t, strings.Split(sql, "\n")[1], ", '0.5'", ""), true, 1, "8 values for 9 columns"},
		{"SQL cut short", "a.sql", sql + "INSERT INTO llama_bench (build_commit", true, 1, "no statement"},
		{"SQL of something else", "a.sql", "INSERT INTO llama_bench (a) VALUES ('b');\n", false, 0, ""},
		{"Markdown", "a.md", md, true, 1, ""},
		{"Markdown in prose", "a.md", md + "\nThis is fast.\n", false, 0, ""},
		{"another table", "a.md", "| model | speed |\n| --- | --- |\n| m | 5 |\n", false, 0, ""},
		{"Markdown without a deviation", "a.md", importertest.With(t, md, " ± 0.50", ""), true, 0, "no mean ± deviation"},
		{"Markdown of an unknown test", "a.md", importertest.With(t, md, "pp64 @ d512", "zz64"), true, 0, "no test"},
		{"Markdown with a cell too few", "a.md", importertest.With(t, md, "| 1 MiB ", ""), true, 0, "3 cells under 4 heads"},
		{"batches", "a.jsonl", batch, true, 1, ""},
		{"batches of no number", "a.jsonl", batch + "\n" + importertest.With(t, batch, `"t_pp": 0.5`, `"t_pp": "x"`), true, 1, "t_pp"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := read(c.file, c.text)
			if err != nil || (got != nil) != c.claimed {
				t.Fatalf("%+v, %v", got, err)
			}
			if got == nil {
				return
			}
			kept, skips := 0, ""
			for _, row := range got.Rows {
				if skips += row.Skip; row.Skip == "" {
					kept++
				}
			}
			if kept != c.kept || (c.skip == "") != (skips == "") || !strings.Contains(skips, c.skip) {
				t.Errorf("kept %d, want %d; skipped %q, want %q", kept, c.kept, skips, c.skip)
			}
		})
	}
}

func TestZeroIsNoMeasurement(t *testing.T) {
	got, err := read("a.json", "["+importertest.With(t, one, `"avg_ns": 2000000000`, `"avg_ns": 0`)+"]")
	if err != nil {
		t.Fatal(err)
	}
	row := got.Rows[0]
	for _, r := range row.Readings {
		if absent := r.Series == "llama-bench.pp.avg_ns"; r.Value.OK() == absent || (r.Reason != "") != absent {
			t.Errorf("%s is %v, %q", r.Series, r.Value, r.Reason)
		}
	}
	if !row.Failed() {
		t.Error("a row with a time of 0 is no failure")
	}
	got, _ = read("a.json", "["+importertest.With(t, one, `"stddev_ns": 5`, `"stddev_ns": 0`)+"]")
	if got.Rows[0].Failed() {
		t.Error("a single repetition has no spread, and that is no failure")
	}
}

func TestDepthStandsInTheTest(t *testing.T) {
	got, err := read("a.md", md)
	if err != nil || got.Rows[0].Readings[0].Labels["test"] != "pp64 @ d512" {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = read("a.sql", sql)
	if err != nil || got.Rows[0].Readings[0].Labels["subject"] != "it's" {
		t.Errorf("%+v, %v", got, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("a.json", []byte("["+one+"]"))
	f.Add("a.jsonl", []byte(batch))
	f.Add("a.csv", []byte(table))
	f.Add("a.sql", []byte(sql))
	f.Add("a.md", []byte(md))
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		c, err := llamabench.Format().Read(&importer.Source{Path: name, Bytes: b})
		importertest.Check(t, c, err)
		if c == nil {
			return
		}
		for _, row := range c.Rows {
			for _, r := range row.Readings {
				if r.Provenance == sample.Measured {
					t.Fatalf("%+v", r)
				}
			}
		}
	})
}
