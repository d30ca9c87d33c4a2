package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"chimera/internal/digest"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store"
)

// pageRows is how many rows stand in one page.
const pageRows = 4096

// loading is a run being loaded. The caller hands rows over in batches; one
// goroutine writes them, so that making rows and storing them overlap.
type loading struct {
	s   *Store
	ctx context.Context
	run string
	l   *lease

	next    batch
	trials  int // handed over
	batches chan batch
	done    chan struct{} // closed when the writer has ended
	err     error         // why it ended early; read after done
	ended   bool          // sealed or given up

	// Of the writer, until done.
	pack           *packer
	rows, readings int    // written
	text           []byte // scratch
	sum            store.Summer
	columns        [][]byte
	stretches      *stretches
	outcomes       store.Counts
}

// batch is rows on their way to the writer, which owns them.
type batch struct {
	trials   []byte // their lines, each with a line break behind it
	rows     []*sample.Sample
	readings []*sample.Reading
}

// Load implements store.Store.
func (s *Store) Load(ctx context.Context, m sample.Manifest) (store.Loading, error) {
	if err := store.CheckID(m.Run); err != nil {
		return nil, err
	}
	w := &loading{s: s, ctx: ctx, run: m.Run, batches: make(chan batch, 2), done: make(chan struct{})}
	w.stretches = encoder(&w.columns)
	var err error
	if w.pack, err = newPacker(); err != nil {
		return nil, err
	}
	if err := s.writing(ctx, "load run "+m.Run, func() error { return w.begin(m) }); err != nil {
		return nil, err
	}
	go w.write(w.batches)
	return w, nil
}

// begin stores the run without its rows.
func (w *loading) begin(m sample.Manifest) (err error) {
	w.l = &lease{loading: true}
	if w.l.lock, err = w.s.takeLease(w.run); err != nil {
		return err
	}
	err = w.s.tx(w.ctx, func(tx *sql.Tx) (err error) {
		w.l.num, err = insertRun(w.ctx, tx, m, &spec.Plan{Schema: 1, Name: m.Name}, true)
		return err
	})
	if err != nil {
		return errors.Join(err, w.l.lock.release())
	}
	w.s.mu.leases[w.run] = w.l
	return nil
}

// Add implements store.Loading.
func (w *loading) Add(t spec.Trial, s *sample.Sample) error {
	if err := w.check(t, s); err != nil {
		return fmt.Errorf("load run %s: row of trial %s: %w", w.run, t.ID, err)
	}
	line, err := store.Line(t)
	if err != nil {
		return fmt.Errorf("load run %s: trial %s: %w", w.run, t.ID, err)
	}
	w.trials++
	w.next.trials, w.next.rows = append(append(w.next.trials, line...), '\n'), append(w.next.rows, s)
	return w.sendFull(len(w.next.rows))
}

func (w *loading) check(t spec.Trial, s *sample.Sample) error {
	switch {
	case t.Order != w.trials:
		return fmt.Errorf("its order is %d, but must be %d", t.Order, w.trials)
	case s.Trial != t.ID || s.Order != t.Order:
		return fmt.Errorf("the sample is of trial %s, order %d", s.Trial, s.Order)
	case s.Run != w.run:
		return fmt.Errorf("it belongs to run %q", s.Run)
	case s.Schema != sample.Schema:
		return fmt.Errorf("its schema is %d, but must be %d", s.Schema, sample.Schema)
	case !s.Final || s.Session != 0 || s.Attempt != 0:
		return errors.New("it must be the trial's only row: final, of session 0, attempt 0")
	case !slices.Contains(sample.Outcomes, s.Outcome):
		return fmt.Errorf("its outcome is %q, but must be one of %v", s.Outcome, sample.Outcomes)
	}
	return nil
}

// Reading implements store.Loading.
func (w *loading) Reading(r *sample.Reading) error {
	if err := checkReading(w.run, r); err != nil {
		return fmt.Errorf("load run %s: %w", w.run, err)
	}
	w.next.readings = append(w.next.readings, r)
	return w.sendFull(len(w.next.readings))
}

// sendFull hands the batch over once it has n rows of a page.
func (w *loading) sendFull(n int) error {
	if w.ended {
		return fmt.Errorf("load run %s: %w", w.run, store.ErrSealed)
	}
	if n < pageRows {
		return nil
	}
	return w.send()
}

func (w *loading) send() error {
	select {
	case w.batches <- w.next:
		w.next = batch{}
		return nil
	case <-w.done:
		return w.err
	}
}

// write stores batches until there are no more.
func (w *loading) write(batches <-chan batch) {
	defer close(w.done)
	for b := range batches {
		err := w.s.writing(w.ctx, "load run "+w.run, func() error {
			return w.s.tx(w.ctx, func(tx *sql.Tx) error { return w.insert(tx, b) })
		})
		if err != nil {
			w.err = err
			return
		}
	}
}

// insert stores a batch as pages.
func (w *loading) insert(tx *sql.Tx, b batch) (err error) {
	w.text = w.text[:0]
	for _, s := range b.rows {
		from := len(w.text)
		if w.text, err = store.AppendSample(w.text, s); err != nil {
			return err
		}
		w.sum.Sample(w.text[from:])
		w.text = append(w.text, '\n')
		if err := errors.Join(w.stretches.add(s), w.outcomes.Add(s.Outcome, 1)); err != nil {
			return err
		}
	}
	n := len(b.rows)
	if err := w.pack.insert(w.ctx, tx, w.l.num, trialPages, w.rows, n, b.trials); err != nil {
		return err
	}
	if err := w.pack.insert(w.ctx, tx, w.l.num, samplePages, w.rows, n, w.text); err != nil {
		return err
	}
	w.rows += n
	w.text = w.text[:0]
	for _, r := range b.readings {
		line, err := store.Line(r)
		if err != nil {
			return fmt.Errorf("reading of %s at %v: %w", r.Series, r.At, err)
		}
		w.sum.Reading(line)
		w.text = append(append(w.text, line...), '\n')
	}
	err = w.pack.insert(w.ctx, tx, w.l.num, readingPages, w.readings, len(b.readings), w.text)
	w.readings += len(b.readings)
	return err
}

// Seal implements store.Loading.
func (w *loading) Seal(m sample.Manifest, plan *spec.Plan, at time.Time) (sum string, err error) {
	if w.ended {
		return "", fmt.Errorf("load run %s: %w", w.run, store.ErrSealed)
	}
	if m.Run != w.run || m.Planned != w.trials {
		return "", fmt.Errorf("load run %s: the manifest of run %s plans %d trials, %d were loaded", w.run, m.Run, m.Planned, w.trials)
	}
	if err := w.send(); err != nil {
		return "", err
	}
	w.stop()
	if w.err != nil {
		return "", w.err
	}
	if err := w.stretches.end(); err != nil {
		return "", err
	}
	err = w.s.writing(w.ctx, "seal run "+w.run, func() error {
		if err := w.s.tx(w.ctx, func(tx *sql.Tx) (err error) {
			sum, err = w.seal(tx, m, plan, at)
			return err
		}); err != nil {
			return err
		}
		delete(w.s.mu.leases, w.run)
		return w.l.lock.release()
	})
	w.ended = err == nil
	return sum, err
}

// stop waits until the writer has ended.
func (w *loading) stop() {
	if w.batches != nil {
		close(w.batches)
		w.batches = nil
	}
	<-w.done
}

// seal completes the run: its plan's digest is known only now.
func (w *loading) seal(tx *sql.Tx, m sample.Manifest, plan *spec.Plan, at time.Time) (string, error) {
	header, err := store.Line(store.Header(plan))
	if err != nil {
		return "", err
	}
	var chain digest.Chain
	chain.Add(header)
	w.sum.Header(header)
	if err := pageLines(w.ctx, tx, w.l.num, trialPages, func(_ int, line []byte) error {
		chain.Add(line)
		w.sum.Trial(line)
		return nil
	}); err != nil {
		return "", err
	}
	m.PlanDigest = chain.Sum()
	manifest, err := store.Line(m)
	if err != nil {
		return "", err
	}
	w.sum.Manifest(manifest)
	if _, err := tx.ExecContext(w.ctx, `UPDATE runs SET manifest = ?, plan = ? WHERE num = ?`, string(manifest), string(header), w.l.num); err != nil {
		return "", err
	}
	w.outcomes.Planned = w.trials
	return insertSeal(w.ctx, tx, w.l.num, w.run, store.Complete, at, whole{w.sum.Parts(), w.outcomes, w.columns})
}

// Close implements store.Loading.
func (w *loading) Close() error {
	if w.ended {
		return nil
	}
	w.ended = true
	w.stop()
	ctx := context.WithoutCancel(w.ctx)
	return w.s.writing(ctx, "give up run "+w.run, func() error {
		_, err := w.s.write.ExecContext(ctx, `DELETE FROM runs WHERE num = ?`, w.l.num)
		delete(w.s.mu.leases, w.run)
		return errors.Join(err, w.l.lock.release())
	})
}
