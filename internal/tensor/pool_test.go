package tensor_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"chimera/internal/quant"
	"chimera/internal/tensor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRunCoversEveryIndexOnce(t *testing.T) {
	for _, threads := range []int{-1, 0, 1, 2, 3, 8} {
		pool := tensor.NewPool(threads)
		for _, n := range []int{0, 1, 2, 3, 7, 8, 100, 1001} {
			for range 50 {
				hits := make([]atomic.Int32, n)
				inside := make([]atomic.Int32, pool.Threads())
				pool.Run(n, func(worker, from, to int) {
					if inside[worker].Add(1) != 1 {
						t.Errorf("worker %d has two pieces at once", worker)
					}
					for i := from; i < to; i++ {
						hits[i].Add(1)
					}
					inside[worker].Add(-1)
				})
				for i := range hits {
					if h := hits[i].Load(); h != 1 {
						t.Fatalf("%d threads visit %d of %d %d times", threads, i, n, h)
					}
				}
			}
		}
		pool.Close()
	}
}

// Every worker can take part: pieces that wait for each other all get to run.
func TestRunUsesAllThreads(t *testing.T) {
	const threads = 3
	pool := tensor.NewPool(threads)
	defer pool.Close()
	for range 20 {
		var met sync.WaitGroup
		met.Add(threads)
		var arrived atomic.Int32
		pool.Run(threads, func(_, _, _ int) {
			if arrived.Add(1) <= threads {
				met.Done()
			}
			met.Wait()
		})
	}
}

// More threads than cores, and pieces that outlast any spinning: the caller parks
// and is told when the last one is done.
func TestCallerWaitsForSlowWorkers(t *testing.T) {
	pool := tensor.NewPool(4)
	defer pool.Close()
	for range 5 {
		var met sync.WaitGroup
		met.Add(4)
		var finished atomic.Int32
		pool.Run(4, func(worker, _, _ int) {
			met.Done()
			met.Wait()
			if worker != 0 {
				for range 20000 {
					runtime.Gosched()
				}
			}
			finished.Add(1)
		})
		if got := finished.Load(); got != 4 {
			t.Fatalf("Run returned when %d of 4 pieces were done", got)
		}
	}
}

func TestPoolIsSharedByGoroutines(t *testing.T) {
	pool := tensor.NewPool(2)
	defer pool.Close()
	var callers sync.WaitGroup
	var sum atomic.Int64
	for range 8 {
		callers.Go(func() {
			for range 200 {
				pool.Run(16, func(_, from, to int) { sum.Add(int64(to - from)) })
			}
		})
	}
	callers.Wait()
	if got := sum.Load(); got != 8*200*16 {
		t.Errorf("8 callers ran %d indices, but must run %d", got, 8*200*16)
	}
}

// Workers that parked must hear of the next loop and of the end.
func TestParkedWorkersWakeUp(t *testing.T) {
	pool := tensor.NewPool(2)
	for range 3 {
		for range 20000 { // far beyond the spinning time of an idle worker
			runtime.Gosched()
		}
		var met sync.WaitGroup
		met.Add(2)
		pool.Run(2, func(_, _, _ int) { met.Done(); met.Wait() })
	}
	for range 20000 {
		runtime.Gosched()
	}
	pool.Close()
	pool.Close()
	var n int
	pool.Run(5, func(_, from, to int) { n += to - from })
	if n != 5 {
		t.Errorf("a closed pool ran %d of 5 indices", n)
	}
}

func TestProductsDoNotAllocate(t *testing.T) {
	pool := tensor.NewPool(2)
	defer pool.Close()
	forEach(t, func(t *testing.T) {
		for _, typ := range quant.All() {
			w := randomMatrix(t, newRand(1), typ, 64, 256)
			x, dst := normal(newRand(2), 6*256), make([]float32, 6*64)
			for _, n := range []tensor.Numerics{tensor.Exact, tensor.Fast} {
				for _, batch := range []int{1, 6} {
					product := func() { tensor.MatMul(pool, dst[:batch*64], w, x[:batch*256], batch, n) }
					for range 20 { // every worker meets its scratch
						product()
					}
					if a := testing.AllocsPerRun(20, product); a >= 1 {
						t.Errorf("%v %v batch %d allocates %v times", typ, n, batch, a)
					}
				}
			}
		}
	})
}

func TestMatMulRefusesWrongShapes(t *testing.T) {
	pool := tensor.NewPool(1)
	defer pool.Close()
	w := randomMatrix(t, newRand(1), quant.Q8_0, 4, 64)
	short := w
	short.Data = short.Data[:len(short.Data)-1]
	odd := w
	odd.Cols = 33
	for name, f := range map[string]func(){
		"too few activations":  func() { tensor.MatMul(pool, make([]float32, 4), w, make([]float32, 63), 1, tensor.Fast) },
		"too few results":      func() { tensor.MatMul(pool, make([]float32, 3), w, make([]float32, 64), 1, tensor.Fast) },
		"a negative batch":     func() { tensor.MatMul(pool, nil, w, nil, -1, tensor.Fast) },
		"data that is short":   func() { tensor.MatMul(pool, make([]float32, 4), short, make([]float32, 64), 1, tensor.Fast) },
		"columns in no blocks": func() { tensor.MatMul(pool, make([]float32, 4), odd, make([]float32, 33), 1, tensor.Fast) },
	} {
		if !panics(f) {
			t.Errorf("%s must panic", name)
		}
	}
	tensor.MatMul(pool, nil, w, nil, 0, tensor.Fast)
	if _, err := tensor.NewMatrix(quant.Q8_0, 4, 64, short.Data); err == nil {
		t.Error("a matrix of short data must be an error")
	}
	if _, err := tensor.NewMatrix(quant.Q8_0, 4, 33, w.Data); err == nil {
		t.Error("a matrix of part blocks must be an error")
	}
	if err := tensor.UseImplementation("abacus"); err == nil {
		t.Error("an unknown implementation must be an error")
	}
}

func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return false
}
