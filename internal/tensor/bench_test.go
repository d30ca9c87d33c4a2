package tensor_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"

	"chimera/internal/quant"
	"chimera/internal/tensor"
)

// BenchmarkMatMul reports bytes of weights per second. 24576×2560 weights exceed
// any cache in most formats, so batch 1 shows the memory's speed.
func BenchmarkMatMul(b *testing.B) {
	const rows, cols = 24576, 2560
	r := rand.New(rand.NewPCG(1, 2))
	for _, typ := range quant.All() {
		few := randomMatrix(b, r, typ, 64, cols)
		data := make([]byte, 0, rows/64*len(few.Data))
		for range rows / 64 {
			data = append(data, few.Data...)
		}
		w, err := tensor.NewMatrix(typ, rows, cols, data)
		if err != nil {
			b.Fatal(err)
		}
		for _, n := range []tensor.Numerics{tensor.Fast, tensor.Exact} {
			for _, threads := range []int{1, 2} {
				for _, batch := range []int{1, 32} {
					if batch > 1 {
						w.Rows, w.Data = rows/16, data[:len(data)/16]
					} else {
						w.Rows, w.Data = rows, data
					}
					b.Run(fmt.Sprintf("%v/%v/threads=%d/batch=%d", typ, n, threads, batch), func(b *testing.B) {
						benchmarkProduct(b, w, n, threads, batch)
					})
				}
			}
		}
	}
}

func benchmarkProduct(b *testing.B, w tensor.Matrix, n tensor.Numerics, threads, batch int) {
	pool := tensor.NewPool(threads)
	defer pool.Close()
	x, dst := normal(rand.New(rand.NewPCG(3, 4)), batch*w.Cols), make([]float32, batch*w.Rows)
	tensor.MatMul(pool, dst, w, x, batch, n)
	b.SetBytes(int64(len(w.Data)))
	b.ReportAllocs()
	for b.Loop() {
		tensor.MatMul(pool, dst, w, x, batch, n)
	}
	macs := float64(w.Rows) * float64(w.Cols) * float64(batch) * float64(b.N)
	b.ReportMetric(2*macs/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

// BenchmarkGemma3Token is the products of one decoded token of Gemma 3 270M with
// the formats of its Q4_K_M file: what a token costs at least.
func BenchmarkGemma3Token(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 6))
	type shape struct {
		t          quant.Type
		rows, cols int
	}
	layer := []shape{
		{quant.Q5_0, 1024, 640}, {quant.Q5_0, 256, 640}, {quant.Q8_0, 256, 640}, {quant.Q4_K, 640, 1024},
		{quant.Q5_0, 2048, 640}, {quant.Q5_0, 2048, 640}, {quant.Q6_K, 640, 2048},
	}
	var ws []tensor.Matrix
	var bytes int64
	add := func(s shape) {
		few := randomMatrix(b, r, s.t, 8, s.cols)
		data := make([]byte, 0, s.rows/8*len(few.Data))
		for range s.rows / 8 {
			data = append(data, few.Data...)
		}
		ws = append(ws, tensor.Matrix{Type: s.t, Rows: s.rows, Cols: s.cols, Data: data})
		bytes += int64(len(data))
	}
	for range 18 {
		for _, s := range layer {
			add(s)
		}
	}
	add(shape{quant.Q8_0, 262144, 640})
	x, dst := normal(r, 2048), make([]float32, 262144)
	for _, n := range []tensor.Numerics{tensor.Fast, tensor.Exact} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%v/threads=%d", n, threads), func(b *testing.B) {
				pool := tensor.NewPool(threads)
				defer pool.Close()
				b.SetBytes(bytes)
				b.ReportAllocs()
				for b.Loop() {
					for _, w := range ws {
						tensor.MatMul(pool, dst[:w.Rows], w, x[:w.Cols], 1, n)
					}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "token/s")
			})
		}
	}
}

// BenchmarkPoolDispatch is the price of sharing a loop with nothing in it.
func BenchmarkPoolDispatch(b *testing.B) {
	pool := tensor.NewPool(2)
	defer pool.Close()
	b.ReportAllocs()
	body := func(_, _, _ int) {}
	for b.Loop() {
		pool.Run(2, body)
	}
}

// BenchmarkPoolHandOff is the time until a second thread has joined a loop: both
// pieces wait for each other.
func BenchmarkPoolHandOff(b *testing.B) {
	pool := tensor.NewPool(2)
	defer pool.Close()
	b.ReportAllocs()
	var arrived atomic.Int64
	var goal int64
	body := func(_, _, _ int) {
		for arrived.Add(1); arrived.Load() < goal; {
			runtime.Gosched()
		}
	}
	for b.Loop() {
		goal += 2
		pool.Run(2, body)
	}
}

func BenchmarkAttention(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 8))
	const positions, dim, heads = 512, 256, 4
	for _, typ := range []quant.Type{quant.F32, quant.F16, quant.Q8_0} {
		b.Run(typ.String(), func(b *testing.B) {
			k, v := randomMatrix(b, r, typ, positions, dim), randomMatrix(b, r, typ, positions, dim)
			a := tensor.Attention{Heads: heads, Dim: dim, Scale: 1.0 / 16}
			q, dst, scratch := normal(r, heads*dim), make([]float32, heads*dim), make([]float32, a.Scratch(positions))
			b.SetBytes(int64(len(k.Data) + len(v.Data)))
			b.ReportAllocs()
			for b.Loop() {
				a.Attend(dst, q, k, v, 0, positions, scratch)
			}
		})
	}
}

func BenchmarkVector(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 10))
	x, y := normal(r, 2048), normal(r, 2048)
	work := make([]float32, len(x))
	for _, op := range []struct {
		name string
		f    func()
	}{
		{"RMSNorm", func() { tensor.RMSNorm(work, x, y, 1e-6) }},
		{"GELUMul", func() { copy(work, x); tensor.GELUMul(work, y) }},
		{"SiLUMul", func() { copy(work, x); tensor.SiLUMul(work, y) }},
		{"Softmax", func() { copy(work, x); tensor.Softmax(work) }},
		{"Add", func() { tensor.Add(work, x) }},
	} {
		b.Run(op.name, func(b *testing.B) {
			b.SetBytes(int64(len(x)) * 4)
			for b.Loop() {
				op.f()
			}
		})
	}
}
