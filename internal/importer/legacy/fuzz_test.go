package legacy_test

import (
	"os"
	"path/filepath"
	"testing"

	"chimera/internal/importer"
	"chimera/internal/importer/importertest"
	"chimera/internal/importer/legacy"
)

// fuzzed are the formats that one reader cannot reach under another's name.
var fuzzed = []string{"x_param_tuning.csv", "x_baseline.json"}

// FuzzRead gives every reader the same bytes: none may panic, and what they
// take for rows must keep the rules that a store relies on.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"num_gpu,num_ctx,temperature,config_name,ttft_s,tokens_s,load_s,prompt_eval_s,eval_s,eval_count,error\n1,2,0.2,g,1,2,1,0.1,3,4,\n1,2,0.4,g,,,,,,,timed out\n",
		"prompt,ttft_s,tokens_s,load_s,prompt_eval_s,eval_s,eval_count,response_chars,error\na,1,2,1,0.1,3,4,5,\n",
		"Test Name,Context,Tone,Generation Time (ms),Tokens,Tokens per Second,Success\na,b,c,1.5,3,2,TRUE\n",
		"ID,Process ID,Process Name,Host Name,Kernel Name,Context,Stream,Block Size,Grid Size,Device,CC,t\n,,,,,,,,,,,us\n0,1,a,b,c,1,1,x,y,0,8.9,\"1,024\"\n",
		`{"model":"m","results":[{"prompt":"p","ttft_s":1.1,"tokens_s":2,"load_s":1,"prompt_eval_s":0.1,"eval_s":1,"eval_count":2},null,3]}`,
		`{"test_timestamp":1,"total_tests":1,"results":[{"test_name":"a","success":true,"tokens":1,"generation_time_ms":2,"banter_text":"Error: x"}]}`,
		`{"fusion":{"a":{"mean_time_ms":1,"std_time_ms":null,"min_time_ms":"x"}}}`,
		`{"qat":{"accuracy":0.5,"loss":1,"model_size_bytes":3}}`,
		`{"model":{"name":"m","device":"cpu"},"settings":{"runs":1},"backends":{"jit":{"compilation":{"success":false},"benchmark":{"mean_time_ms":0}}}}`,
		`{"benchmark_name":"a","timestamp":1759181417,"timing":{"mean_ms":1},"environment":{}}`,
		`{"test_name":"a","runs":1,"samples_per_run":2,"timing_stats":{"run_results":[{"mean_ms":1}],"latency_percentiles":{"p50":1}}}`,
		`{"export_timestamp":1,"metrics_count":1,"metrics":[{"timestamp":1759253523.2,"system":{"cpu_percent":9},"gpu":[{"gpu_id":0}],"ollama":{"ollama_processes":[{"pid":1,"memory_mb":2}]}}]}`,
		`{"baseline":{"model":"m","configuration":{"num_gpu":1},"llm_calls":[{"run_number":1,"stage":"a","response":"t","metrics":{"tokens_generated":0}}],"workflow_runs":[{"workflow":{}}]},"chimera":null,"delta":{}}`,
		`{"collector":{"execution_time_s":1,"result":{"individual_runs":[{"tokens_generated":3,"eval_duration_ms":1}]}},"insight":{},"summary":{"concurrent_wall_time_s":2,"run_number":1}}`,
		`{"scenario":"s","runs":[{"concurrent_wall_time_s":1}],"aggregate":{},"agent_a":{},"agent_b":{}}`,
		`[{"baseline_results":{"metrics":{"aggregate_metrics":{}}},"chimera_results":{},"performance_delta":{}}]`,
		`{"anomalies_detected":1,"actions_taken":[1],"overall_success":true}`,
	} {
		f.Add([]byte(seed))
	}
	formats := legacy.Formats()
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, name := range fuzzed {
			for _, format := range formats {
				c, err := format.Read(&importer.Source{Path: name, Bytes: b})
				importertest.Check(t, c, err)
				if c != nil {
					checkNumbers(t, format.Name, c.Rows)
				}
			}
		}
	})
}

func checkNumbers(t *testing.T, format string, rows []importer.Row) {
	t.Helper()
	for i, r := range rows {
		if r.Number != i+1 {
			t.Fatalf("%s: row %d has number %d", format, i+1, r.Number)
		}
	}
}

// A whole import of hostile files ends with a reason each.
func FuzzGather(f *testing.F) {
	f.Add([]byte(`{"model":"m","results":[{"prompt":"p","eval_s":1,"eval_count":2}]}`))
	f.Add([]byte("prompt,ttft_s\n\"half"))
	f.Fuzz(func(t *testing.T, b []byte) {
		root := t.TempDir()
		if err := os.WriteFile(filepath.Join(root, "x_baseline.json"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		m := gather(t, root)
		if len(m.Samples)+len(m.Readings) == 0 && m.Files[0].Reason == "" && m.Files[0].Rows == 0 && m.Files[0].Kind == "unknown" {
			t.Fatalf("no rows and no reason: %+v", m.Files)
		}
		for _, s := range m.Samples {
			if errs := s.Validate(); len(errs) > 0 {
				t.Fatal(errs)
			}
		}
	})
}
