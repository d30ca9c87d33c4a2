package cli

import (
	"context"
	"errors"
)

var (
	errInterrupted = errors.New("interrupted")
	errStopped     = errors.New("interrupted twice")
)

// interruptible returns a context that the first interrupt ends.
func (a *app) interruptible(parent context.Context) (context.Context, func()) {
	ctx, end := context.WithCancelCause(parent)
	stop := a.onInterrupts(func() { end(errInterrupted) })
	return ctx, func() { stop(); end(nil) }
}

// drainable returns the two contexts of a run: the first interrupt ends send,
// so that what has started can finish, and the second ends live.
func (a *app) drainable(parent context.Context) (live, send context.Context, stop func()) {
	live, endLive := context.WithCancelCause(parent)
	send, endSend := context.WithCancelCause(live)
	stopWaiting := a.onInterrupts(
		func() {
			endSend(errInterrupted)
			a.note("\nchimera: finishing the requests in flight; once more to stop at once")
		},
		func() { endLive(errStopped) })
	return live, send, func() { stopWaiting(); endSend(nil); endLive(nil) }
}

// onInterrupts does one action per interrupt, in order, until the returned
// function is called.
func (a *app) onInterrupts(actions ...func()) (stop func()) {
	done := make(chan struct{})
	go func() {
		for _, act := range actions {
			select {
			case <-a.Interrupts:
				act()
			case <-done:
				return
			}
		}
	}()
	return func() { close(done) }
}
