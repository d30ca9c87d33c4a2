package tensor

import (
	"sync"
	"sync/atomic"
)

// spins is how often an idle worker looks for work before it parks: some 50 µs,
// longer than the scalar work between two products of a decode step, much
// shorter than the time between two requests.
const spins = 4000

// Pool is a fixed set of workers that share loops. The goroutine that calls Run
// is one of them, so a pool of one thread starts no goroutine. Idle workers spin
// for some 50 µs, then park and cost nothing.
//
// Run, MatMul and Close may be called from any goroutine; calls wait for each
// other. Work inside Run must not use the pool again.
type Pool struct {
	threads int
	mu      sync.Mutex // held by the one loop in progress
	product product    // scratch of MatMul, guarded by mu
	workers sync.WaitGroup
	closed  atomic.Bool
	parked  []parking
	epoch   uint32 // number of the latest loop, guarded by mu

	// The loop in progress: n, grain and body are written before open, and
	// read only by workers that found open set after they raised active.
	body     func(worker, from, to int)
	n, grain int
	next     atomic.Int64  // first index nobody has taken
	open     atomic.Uint32 // number of the loop that may be joined, 0 when none
	active   atomic.Int32  // workers inside, or looking
	waiting  atomic.Bool   // the caller is parked until active is 0
	done     chan struct{}
}

type parking struct {
	asleep atomic.Bool
	wake   chan struct{}
	_      [48]byte // one cache line each
}

// NewPool starts threads−1 workers; threads below 1 counts as 1. The pool must be
// closed.
func NewPool(threads int) *Pool {
	p := &Pool{threads: max(threads, 1), done: make(chan struct{}, 1)}
	p.product.init(p.threads)
	p.parked = make([]parking, p.threads)
	for i := 1; i < p.threads; i++ {
		p.parked[i].wake = make(chan struct{}, 1)
		p.workers.Go(func() { p.work(i) })
	}
	return p
}

// Threads is the number of workers, the caller of Run included.
func (p *Pool) Threads() int { return p.threads }

// Close waits for the loop in progress, then ends all workers. It is idempotent.
// A closed pool still runs loops, on the calling goroutine alone.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed.Store(true)
	p.wakeAll()
	p.workers.Wait()
}

// Run calls body for pieces [from, to) that together cover [0, n) once, from up
// to Threads goroutines at a time, and returns when all are done. worker, in
// [0, Threads), is unique among pieces that run at the same time. Pieces are
// taken first come, first served: a worker that the system delays holds up only
// the piece it has. A panic in body ends the program.
func (p *Pool) Run(n int, body func(worker, from, to int)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.run(n, 1, body)
}

// run wants mu held. Pieces have at least grain indices.
func (p *Pool) run(n, grain int, body func(worker, from, to int)) {
	grain = max(grain, 1)
	if p.threads == 1 || n <= grain {
		if n > 0 {
			body(0, 0, n)
		}
		return
	}
	p.body, p.n, p.grain = body, n, grain
	p.next.Store(0)
	if p.epoch++; p.epoch == 0 {
		p.epoch = 1
	}
	p.open.Store(p.epoch)
	p.wakeAll()
	p.take(0)
	// Either a late worker sees the loop shut, or its active is seen here.
	p.open.Store(0)
	p.awaitOthers()
	p.body = nil
}

// awaitOthers returns when no worker is inside. It parks after a while: with more
// threads than free cores, a worker may need this very core to finish.
func (p *Pool) awaitOthers() {
	for i := range spins {
		if p.active.Load() == 0 {
			return
		}
		relax(i)
	}
	p.waiting.Store(true)
	// Look again: a worker that left before the flag was up told nobody.
	if p.active.Load() == 0 && p.waiting.CompareAndSwap(true, false) {
		return
	}
	<-p.done
}

// leave tells a waiting caller when the last worker goes.
func (p *Pool) leave() {
	if p.active.Add(-1) == 0 && p.waiting.Load() && p.waiting.CompareAndSwap(true, false) {
		p.done <- struct{}{}
	}
}

// take works on pieces until none is left. A piece is a share of what remains,
// so the first are large and the last small, and all workers end together
// (guided self-scheduling, Polychronopoulos and Kuck 1987).
func (p *Pool) take(worker int) {
	for {
		from := int(p.next.Load())
		if from >= p.n {
			return
		}
		to := min(from+max(p.grain, (p.n-from)/(2*p.threads)), p.n)
		if p.next.CompareAndSwap(int64(from), int64(to)) {
			p.body(worker, from, to)
		}
	}
}

func (p *Pool) wakeAll() {
	for i := 1; i < p.threads; i++ {
		if s := &p.parked[i]; s.asleep.Load() && s.asleep.CompareAndSwap(true, false) {
			s.wake <- struct{}{}
		}
	}
}

func (p *Pool) work(worker int) {
	var seen uint32
	for p.await(worker, seen) {
		p.active.Add(1)
		if e := p.open.Load(); e != 0 && e != seen {
			seen = e
			p.take(worker)
		}
		p.leave()
	}
}

// await returns true when a loop other than seen may be joined and false when
// the pool is closed.
func (p *Pool) await(worker int, seen uint32) bool {
	s := &p.parked[worker]
	ready := func() bool { e := p.open.Load(); return e != 0 && e != seen }
	for {
		for i := range spins {
			if ready() {
				return true
			}
			relax(i)
		}
		if p.closed.Load() {
			return false
		}
		s.asleep.Store(true)
		// Look again: a loop opened before the flag was up woke nobody.
		if (ready() || p.closed.Load()) && s.asleep.CompareAndSwap(true, false) {
			continue
		}
		<-s.wake
	}
}
