package run

import (
	"context"
	"sync"
	"time"

	"chimera/internal/sample"
)

const (
	batchRows  = 64   // are committed at once …
	mostRows   = 1024 // … unless more are waiting, up to so many
	batchAfter = 100 * time.Millisecond
)

// A writer hands rows to the recorder from one goroutine, so that no request
// waits for a disk between two of its tokens. After the recorder's first error
// it keeps nothing: a gap in the middle would look like a complete record.
type writer struct {
	rec  Recorder
	run  string
	in   chan item
	done sync.WaitGroup
	once sync.Once
	err  error // set by the goroutine, read after done
	kept func(*sample.Sample)
	fail func(error)
}

type item struct {
	row       *sample.Sample
	readings  []sample.Reading
	committed chan error // buffered; gets nil when the item is durable, else why it is lost
}

// newWriter starts the goroutine, which ends with close. It tells kept of each
// row that is durable, and fail of the first error.
func newWriter(ctx context.Context, rec Recorder, run string, kept func(*sample.Sample), fail func(error)) *writer {
	w := &writer{rec: rec, run: run, in: make(chan item, mostRows), kept: kept, fail: fail}
	w.done.Go(func() { w.loop(ctx) })
	return w
}

// put hands over a row. With wait it returns when the row is durable, or why it
// is lost.
func (w *writer) put(row *sample.Sample, wait bool) error { return w.hand(item{row: row}, wait) }

func (w *writer) hand(i item, wait bool) error {
	if !wait {
		w.in <- i
		return nil
	}
	i.committed = make(chan error, 1)
	w.in <- i
	return <-i.committed
}

// readings hands over readings.
func (w *writer) readings(rs []sample.Reading) { w.in <- item{readings: rs} }

// close writes what is pending and returns the recorder's first error. Nothing
// may be put after it.
func (w *writer) close() error {
	w.once.Do(func() { close(w.in) })
	w.done.Wait()
	return w.err
}

// batch is what waits to be written.
type batch struct {
	rows     []*sample.Sample
	readings []*sample.Reading
	waiting  []chan error
}

func (b *batch) add(i item, run string) {
	if i.row != nil {
		b.rows = append(b.rows, i.row)
	}
	for n := range i.readings {
		i.readings[n].Run = run
		b.readings = append(b.readings, &i.readings[n])
	}
	if i.committed != nil {
		b.waiting = append(b.waiting, i.committed)
	}
}

func (w *writer) loop(ctx context.Context) {
	var b batch
	timer := time.NewTimer(batchAfter)
	timer.Stop()
	defer timer.Stop()
	for {
		select {
		case i, open := <-w.in:
			if !open {
				w.commit(ctx, &b)
				return
			}
			first := len(b.rows)+len(b.readings) == 0
			b.add(i, w.run)
			due := len(b.waiting) > 0 || len(b.rows) >= batchRows
			if due && len(w.in) == 0 || len(b.rows) >= mostRows {
				w.commit(ctx, &b)
			} else if first {
				timer.Reset(batchAfter)
			}
		case <-timer.C:
			w.commit(ctx, &b)
		}
	}
}

func (w *writer) commit(ctx context.Context, b *batch) {
	if w.err == nil {
		w.err = w.write(ctx, b)
		if w.err != nil {
			w.fail(w.err)
		}
	}
	for _, c := range b.waiting {
		c <- w.err
	}
	*b = batch{}
}

func (w *writer) write(ctx context.Context, b *batch) error {
	if len(b.rows) > 0 {
		if err := w.rec.Append(ctx, w.run, b.rows...); err != nil {
			return err
		}
		for _, row := range b.rows {
			w.kept(row)
		}
	}
	if len(b.readings) > 0 {
		return w.rec.AppendReadings(ctx, w.run, b.readings...)
	}
	return nil
}
