package run

import (
	"context"
	"sync"
	"time"
)

// settle is how long the parsing of an answer gives way to the requests that
// follow it and its neighbours. It is short beside the wait for a first token.
const settle = 10 * time.Millisecond

// lateWork is what streams do behind their next request: one at a time, and
// each is at most one answer behind, so that what waits is bounded.
type lateWork struct {
	turn   chan struct{}   // full while somebody works
	behind []chan struct{} // by stream: closed when its last work is done
	all    sync.WaitGroup
}

func newLateWork(streams int) *lateWork {
	return &lateWork{turn: make(chan struct{}, 1), behind: make([]chan struct{}, streams)}
}

// do begins work and returns when work calls ended, or is done. Work that
// called ended goes on after a pause, when its turn comes. Only the stream's
// own goroutine may call do.
func (l *lateWork) do(ctx context.Context, stream int, work func(ended func())) {
	free, done := make(chan struct{}), make(chan struct{})
	l.all.Go(func() {
		defer close(done)
		late := false
		work(func() {
			close(free)
			sleep(ctx, settle)
			l.turn <- struct{}{}
			late = true
		})
		if late {
			<-l.turn
		}
	})
	select {
	case <-free:
	case <-done:
	}
	if before := l.behind[stream]; before != nil {
		<-before
	}
	l.behind[stream] = done
}

func (l *lateWork) wait() { l.all.Wait() }
