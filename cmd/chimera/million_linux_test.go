package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// sweeps writes two files of an earlier lab's kind that hold rows requests
// between them: nine configurations in drawn order, speeds and times scattered
// by a few per cent.
func sweeps(b *testing.B, folder string, rows int) {
	b.Helper()
	r := rand.New(rand.NewPCG(1, 1))
	scatter := func(centre, spread float64) float64 { return centre * math.Exp(spread*r.NormFloat64()) }
	for i, subject := range []string{"gemma3_270m", "gemma3_1b_qat"} {
		f, err := os.Create(filepath.Join(folder, subject+"_param_tuning.csv"))
		if err != nil {
			b.Fatal(err)
		}
		w := bufio.NewWriter(f)
		fmt.Fprintln(w, "num_gpu,num_ctx,temperature,config_name,ttft_s,tokens_s,load_s,prompt_eval_s,eval_s,eval_count,error")
		for range rows / 2 {
			context, temperature := 1024<<r.IntN(3), []float64{0.2, 0.4, 0.8}[r.IntN(3)]
			rate, load, prompt := scatter(100/float64(1+i), 0.05), scatter(0.1, 0.1), scatter(0.012, 0.1)
			fmt.Fprintf(w, "999,%d,%v,c%d_t%v,%.4f,%.3f,%.4f,%.4f,%.4f,424,\n", context, temperature, context, temperature, load+prompt, rate, load, prompt, 424/rate)
		}
		if err := w.Flush(); err != nil {
			b.Fatal(err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStored is what an import, questions and a report of many rows cost,
// each in a process of its own: seconds, seconds of all cores, and megabytes at
// the most.
func BenchmarkStored(b *testing.B) {
	for _, rows := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint("rows=", rows), func(b *testing.B) {
			for b.Loop() {
				folder := b.TempDir()
				sweeps(b, folder, rows)
				store := filepath.Join(b.TempDir(), "chimera.db")
				did := func(what string, args ...string) []byte {
					cmd := exec.Command("chimera", append([]string{"--quiet", "--store", store}, args...)...)
					cmd.Dir = b.TempDir()
					began := time.Now()
					out, err := cmd.Output()
					if err != nil {
						b.Fatalf("%s: %v", what, err)
					}
					b.ReportMetric(time.Since(began).Seconds(), what+"-s")
					b.ReportMetric((cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), what+"-cpu-s")
					if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
						b.ReportMetric(float64(usage.Maxrss)/1e3, what+"-MB")
					}
					return out
				}
				var stored struct {
					Import  string
					Samples int
				}
				if err := json.Unmarshal(did("import", "import", "--json", folder), &stored); err != nil || stored.Samples != rows {
					b.Fatalf("%d samples, %v", stored.Samples, err)
				}
				for _, aggregate := range []string{"mean", "median", "p95"} {
					did(aggregate, "query", "server_rate_naive", "--agg", aggregate, "--import", stored.Import)
				}
				did("report", "report", "--import", stored.Import)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}
