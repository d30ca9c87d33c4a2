// Package load decides when: it starts work on time, or says that it did not.
//
// It knows no prompt, no protocol and no row. It is given a number of shots
// and someone who does them; it owns the order of the starts, how many are in
// flight, and the end. Every shot that was asked for is either done or dropped
// with a reason: the two add up to n, always.
//
// Two contexts end a phase. While send lives, new shots may start; while live
// lives, started ones may finish. Cancelling send drains, cancelling live
// stops at once; send is a child of live.
package load

import (
	"context"
	"sync"
	"time"
)

// Clock returns the time since the run's origin. It is monotonic and safe for
// concurrent use.
type Clock func() time.Duration

// Shot is one start.
type Shot struct {
	Index  int           // position in the list of shots, from 0
	Stream int           // which of the streams does it, from 0
	Sched  time.Duration // when it should start, since the run's origin
}

// Doer does shots. Do is called from as many goroutines as there are streams,
// Drop from one, after the last Do has returned.
type Doer interface {
	// Do performs one shot and returns when its stream is free again. It ends
	// soon after ctx does.
	Do(ctx context.Context, s Shot)

	// Drop says that the shot with this index was never started, and why.
	Drop(index int, cause error)
}

// Closed does n shots in order, as many at a time as there are streams (at
// least one): a stream that is free takes the next shot at once. So a shot's
// intended instant is the one at which a stream became free for it, and a slow
// shot delays those after it: that is what a closed loop is. It returns when
// every shot is done or dropped.
func Closed(live, send context.Context, n, streams int, now Clock, d Doer) {
	c := closed{send: send, n: n, now: now}
	var workers sync.WaitGroup
	for stream := range min(n, max(1, streams)) {
		// The first shots are dealt before any worker runs, so that stream i
		// starts with shot i however the scheduler likes it.
		shot, ok := c.take(stream)
		if !ok {
			break
		}
		workers.Go(func() {
			for ok := true; ok; shot, ok = c.take(stream) {
				d.Do(live, shot)
			}
		})
	}
	workers.Wait()
	for i := c.next.index; i < n; i++ {
		d.Drop(i, context.Cause(send))
	}
}

type closed struct {
	send context.Context
	n    int
	now  Clock
	next struct {
		sync.Mutex
		index int
	}
}

// take hands out the next shot. The instant is read under the lock: intended
// instants increase with the index.
func (c *closed) take(stream int) (Shot, bool) {
	c.next.Lock()
	defer c.next.Unlock()
	if c.next.index >= c.n || c.send.Err() != nil {
		return Shot{}, false
	}
	s := Shot{Index: c.next.index, Stream: stream, Sched: c.now()}
	c.next.index++
	return s, true
}
