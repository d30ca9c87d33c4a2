package llamabench_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"chimera/internal/importer"
	"chimera/internal/importer/importertest"
	"chimera/internal/importer/llamabench"
	"chimera/internal/metric"
	"chimera/internal/sample"
	"chimera/internal/unit"

	"github.com/google/go-cmp/cmp"
)

func read(name, text string) (*importer.Content, error) {
	return llamabench.Format().Read(&importer.Source{Path: name, Bytes: []byte(text)})
}

// figures renders every reading with its value to the last digit.
func figures(c *importer.Content) (out []string) {
	for _, row := range c.Rows {
		for _, r := range row.Readings {
			rep := r.Labels["trial"]
			if rep != "" {
				rep = " #" + rep
			}
			out = append(out, fmt.Sprintf("%s %s%s = %v %s", r.Labels["test"], r.Series, rep, r.Value.Or(-1), r.Unit))
		}
	}
	return out
}

func TestFilesAtFullPrecision(t *testing.T) {
	for _, c := range []struct {
		file, kind string
		want       []string
	}{
		{"llama-bench.json", "llama-bench/json", []string{
			"pp64 llama-bench.pp.samples_ns #1 = 0.377626258 s", "pp64 llama-bench.pp.samples_ns #2 = 1.99427498 s", "pp64 llama-bench.pp.samples_ns #3 = 1.944007849 s",
			"pp64 llama-bench.pp.samples_ts #1 = 169.48 token/s", "pp64 llama-bench.pp.samples_ts #2 = 32.0919 token/s", "pp64 llama-bench.pp.samples_ts #3 = 32.9217 token/s",
			"pp64 llama-bench.pp.avg_ns = 1.438636362 s", "pp64 llama-bench.pp.stddev_ns = 0.919205378 s", "pp64 llama-bench.pp.avg_ts = 78.164427 token/s", "pp64 llama-bench.pp.stddev_ts = 79.082469 token/s",
			"tg16 llama-bench.tg.samples_ns #1 = 5.707957405 s", "tg16 llama-bench.tg.samples_ns #2 = 8.304730274 s", "tg16 llama-bench.tg.samples_ns #3 = 2.226737465 s",
			"tg16 llama-bench.tg.samples_ts #1 = 2.8031 token/s", "tg16 llama-bench.tg.samples_ts #2 = 1.92661 token/s", "tg16 llama-bench.tg.samples_ts #3 = 7.1854 token/s",
			"tg16 llama-bench.tg.avg_ns = 5.413141714 s", "tg16 llama-bench.tg.stddev_ns = 0.278054561 s", "tg16 llama-bench.tg.avg_ts = 3.971706 token/s", "tg16 llama-bench.tg.stddev_ts = 2.817434 token/s",
		}},
		{"llama-bench.jsonl", "llama-bench/jsonl", []string{
			"pp64 llama-bench.pp.samples_ns #1 = 0.287037792 s", "pp64 llama-bench.pp.samples_ns #2 = 0.431000633 s", "pp64 llama-bench.pp.samples_ns #3 = 0.400092584 s",
			"pp64 llama-bench.pp.samples_ts #1 = 222.967 token/s", "pp64 llama-bench.pp.samples_ts #2 = 148.492 token/s", "pp64 llama-bench.pp.samples_ts #3 = 159.963 token/s",
			"pp64 llama-bench.pp.avg_ns = 0.372710336 s", "pp64 llama-bench.pp.stddev_ns = 0.075786977 s", "pp64 llama-bench.pp.avg_ts = 177.140597 token/s", "pp64 llama-bench.pp.stddev_ts = 40.099287 token/s",
			"tg16 llama-bench.tg.samples_ns #1 = 0.939063453 s", "tg16 llama-bench.tg.samples_ns #2 = 8.389719757 s", "tg16 llama-bench.tg.samples_ns #3 = 5.908056191 s",
			"tg16 llama-bench.tg.samples_ts #1 = 17.0383 token/s", "tg16 llama-bench.tg.samples_ts #2 = 1.9071 token/s", "tg16 llama-bench.tg.samples_ts #3 = 2.70817 token/s",
			"tg16 llama-bench.tg.avg_ns = 5.078946467 s", "tg16 llama-bench.tg.stddev_ns = 2.273821673 s", "tg16 llama-bench.tg.avg_ts = 7.217838 token/s", "tg16 llama-bench.tg.stddev_ts = 8.514155 token/s",
		}},
		{"llama-bench.csv", "llama-bench/csv", []string{
			"pp64 llama-bench.pp.avg_ns = 0.132602397 s", "pp64 llama-bench.pp.stddev_ns = 0.018381028 s", "pp64 llama-bench.pp.avg_ts = 488.440376 token/s", "pp64 llama-bench.pp.stddev_ts = 62.704265 token/s",
			"tg16 llama-bench.tg.avg_ns = 0.284657533 s", "tg16 llama-bench.tg.stddev_ns = 0.072282796 s", "tg16 llama-bench.tg.avg_ts = 58.409643 token/s", "tg16 llama-bench.tg.stddev_ts = 13.017971 token/s",
		}},
		{"llama-bench.sql", "llama-bench/sql", []string{
			"pp64 llama-bench.pp.avg_ns = 0.198395212 s", "pp64 llama-bench.pp.stddev_ns = 0.011846039 s", "pp64 llama-bench.pp.avg_ts = 323.382373 token/s", "pp64 llama-bench.pp.stddev_ts = 19.946897 token/s",
			"tg16 llama-bench.tg.avg_ns = 0.366053005 s", "tg16 llama-bench.tg.stddev_ns = 0.12001871 s", "tg16 llama-bench.tg.avg_ts = 46.512941 token/s", "tg16 llama-bench.tg.stddev_ts = 12.826124 token/s",
		}},
		{"llama-bench.md", "llama-bench/markdown", []string{
			"pp64 llama-bench.pp.avg_ts = 318.08 token/s", "pp64 llama-bench.pp.stddev_ts = 149.7 token/s", "tg16 llama-bench.tg.avg_ts = 55.61 token/s", "tg16 llama-bench.tg.stddev_ts = 11.35 token/s",
		}},
		{"llama-batched-bench.jsonl", "llama-batched-bench/jsonl", []string{
			" llama-batched-bench.t_pp = 0.170718 s", " llama-batched-bench.speed_pp = 374.887238 token/s", " llama-batched-bench.t_tg = 0.248361 s",
			" llama-batched-bench.speed_tg = 64.422348 token/s", " llama-batched-bench.t = 0.419079 s", " llama-batched-bench.speed = 190.894791 token/s",
			" llama-batched-bench.t_pp = 0.29811 s", " llama-batched-bench.speed_pp = 429.371704 token/s", " llama-batched-bench.t_tg = 0.450614 s",
			" llama-batched-bench.speed_tg = 71.014214 token/s", " llama-batched-bench.t = 0.748724 s", " llama-batched-bench.speed = 213.696915 token/s",
			" llama-batched-bench.t_pp = 0.429882 s", " llama-batched-bench.speed_pp = 595.512268 token/s", " llama-batched-bench.t_tg = 0.552838 s",
			" llama-batched-bench.speed_tg = 115.766273 token/s", " llama-batched-bench.t = 0.98272 s", " llama-batched-bench.speed = 325.626831 token/s",
		}},
	} {
		t.Run(c.file, func(t *testing.T) {
			got, err := read(c.file, importertest.Made(t, "llama-bench", c.file))
			if err != nil || got == nil || got.Kind != c.kind {
				t.Fatalf("%+v, %v", got, err)
			}
			if d := cmp.Diff(c.want, figures(got)); d != "" {
				t.Error(d)
			}
			for _, row := range got.Rows {
				if row.Sample != nil || row.Skip != "" {
					t.Errorf("row %d: a test is no request, or was skipped with %q", row.Number, row.Skip)
				}
			}
		})
	}
}

func TestParametersAndInstantOfATest(t *testing.T) {
	started := time.Date(2026, 11, 23, 20, 22, 54, 0, time.UTC)
	for _, c := range []struct {
		file string
		want map[string]string
		at   time.Time
	}{
		{"llama-bench.json", map[string]string{"n_threads": "2", "type_k": "f16", "flash_attn": "-1", "cpu_strict": "false", "model_n_params": "268098176",
			"backends": "CPU", "n_batch": "2048", "subject": "gemma3-270m-q4_k_m", "model_type": "gemma3 270M Q4_K - Medium", "gpu_info": "", "avg_ts": ""}, started},
		{"llama-bench.csv", map[string]string{"n_threads": "2", "cpu_strict": "0", "n_depth": "0", "subject": "gemma3-270m-q4_k_m"}, started.Add(41 * time.Second)},
		{"llama-bench.sql", map[string]string{"n_threads": "2", "lazy_mode": "auto", "subject": "gemma3-270m-q4_k_m"}, started.Add(45 * time.Second)},
		{"llama-bench.md", map[string]string{"threads": "2", "backend": "CPU", "size": "235.16 MiB", "subject": "gemma3 270M Q4_K - Medium", "rounded": "0.01"}, time.Time{}},
		{"llama-batched-bench.jsonl", map[string]string{"pl": "1", "n_kv": "80", "n_kv_max": "2048", "t": "", "speed": ""}, time.Time{}},
	} {
		got, err := read(c.file, importertest.Made(t, "llama-bench", c.file))
		if err != nil {
			t.Fatal(err)
		}
		r := got.Rows[0].Readings[0]
		for k, want := range c.want {
			if r.Labels[k] != want {
				t.Errorf("%s: %s is %q, want %q", c.file, k, r.Labels[k], want)
			}
		}
		at := time.Duration(0)
		if !c.at.IsZero() {
			at = time.Duration(c.at.UnixNano())
		}
		if r.At != at {
			t.Errorf("%s: at %d, want %d", c.file, r.At, at)
		}
	}
}

func TestTheSubjectIsTheModelFile(t *testing.T) {
	got, err := read("llama-bench.json", importertest.Made(t, "llama-bench", "llama-bench.json"))
	if err != nil {
		t.Fatal(err)
	}
	s := got.Subjects[0]
	if s.ID != "gemma3-270m-q4_k_m" || s.Parameters != sample.Some(uint64(268098176)) || s.FileBytes.OK() || s.Server != "llama.cpp unknown (0)" {
		t.Errorf("the subject is %+v", s)
	}
}

// A prompt's rate and a generation's are never one series, and none is ours.
func TestSeriesAreApartAndNotOurs(t *testing.T) {
	units := map[string]unit.Unit{}
	for _, file := range []string{"llama-bench.json", "llama-batched-bench.jsonl"} {
		got, err := read(file, importertest.Made(t, "llama-bench", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range got.Rows {
			for _, r := range row.Readings {
				if _, err := metric.Lookup(r.Series); err == nil || !strings.HasPrefix(r.Series, r.Kind+".") {
					t.Errorf("%s of kind %s could be taken for ours", r.Series, r.Kind)
				}
				if u, known := units[r.Series]; known && u != r.Unit {
					t.Errorf("%s is in %s and %s", r.Series, u, r.Unit)
				}
				units[r.Series] = r.Unit
			}
		}
	}
	if len(units) != 12+6 {
		t.Errorf("%d series, want 18", len(units))
	}
}

// A run that writes two formats tells of each test twice.
func TestOneTestInTwoFormatsCountsOnce(t *testing.T) {
	text := importertest.Made(t, "llama-bench", "llama-bench.jsonl")
	dir := t.TempDir()
	csv := []string{
		"build_commit,model_filename,n_threads,n_prompt,n_gen,test_time,avg_ns,stddev_ns,avg_ts,stddev_ts",
		`"unknown","models/gemma3-270m-q4_k_m.gguf","2","64","0","2026-11-23T20:23:17Z","372710336","75786977","177.140597","40.099287"`,
		`"unknown","models/gemma3-270m-q4_k_m.gguf","2","0","16","2026-11-23T20:23:19Z","5078946467","2273821673","7.217838","8.514155"`,
	}
	for name, content := range map[string]string{"a.csv": strings.Join(csv, "\n") + "\n", "b.jsonl": text} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := importer.Gather(t.Context(), sample.Build{Version: "test"}, []importer.Format{llamabench.Format()}, dir)
	if err != nil {
		t.Fatal(err)
	}
	if f := got.Files; len(f) != 2 || f[0].Skipped != 2 || f[1].Skipped != 0 || len(got.Readings) != 20 {
		t.Errorf("%d readings of %+v", len(got.Readings), f)
	}
	if !slices.ContainsFunc(got.Readings, func(r *sample.Reading) bool { return r.Labels["row"] == "2" && r.Labels["file"] == "b.jsonl" }) {
		t.Error("the readings do not name their file and row")
	}
}
