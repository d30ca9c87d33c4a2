package legacy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkSweep reads a sweep of 20,000 rows.
func BenchmarkSweep(b *testing.B) {
	const rows = 20_000
	text := strings.Repeat("999,1024,0.4,g,0.112,103.5,0.1,0.012,4.1,424,\n", rows)
	file := filepath.Join(b.TempDir(), "gemma3_270m_param_tuning.csv")
	if err := os.WriteFile(file, []byte("num_gpu,num_ctx,temperature,config_name,ttft_s,tokens_s,load_s,prompt_eval_s,eval_s,eval_count,error\n"+text), 0o600); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if m := gather(b, file); len(m.Samples) != rows {
			b.Fatal(fmt.Sprint(len(m.Samples), " samples"))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}
