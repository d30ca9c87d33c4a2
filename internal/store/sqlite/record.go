package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"chimera/internal/digest"
	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store"
)

// A lease is what a writer knows about a run that it conducts: enough to judge
// a row without asking the database.
type lease struct {
	lock     *fileLock
	loading  bool           // nobody but the loading writes
	num      int64          // the run's row
	trials   map[string]int // id → position in the plan
	grows    bool           // trials may be appended
	repeats  store.Repeats
	sessions int
	finals   map[string]final // trial → its final row that is not superseded
}

type final struct {
	experiment     string
	block, session int
}

// CreateRun implements store.Recorder.
func (s *Store) CreateRun(ctx context.Context, m sample.Manifest, plan *spec.Plan) error {
	if err := checkNew(m, plan); err != nil {
		return err
	}
	return s.writing(ctx, "create run "+m.Run, func() error { return s.createRun(ctx, m, plan) })
}

func checkNew(m sample.Manifest, plan *spec.Plan) error {
	if err := store.CheckID(m.Run); err != nil {
		return err
	}
	if m.Planned != len(plan.Trials) {
		return fmt.Errorf("create run %s: the manifest plans %d trials, the plan has %d", m.Run, m.Planned, len(plan.Trials))
	}
	for i, t := range plan.Trials {
		if t.Order != i {
			return fmt.Errorf("create run %s: trial %s is number %d of the plan, but its order is %d", m.Run, t.ID, i, t.Order)
		}
	}
	for i, s := range m.Sessions {
		if s.Number != i {
			return fmt.Errorf("create run %s: session %d of the manifest has number %d", m.Run, i, s.Number)
		}
	}
	return nil
}

func (s *Store) createRun(ctx context.Context, m sample.Manifest, plan *spec.Plan) (err error) {
	l := &lease{grows: plan.Grows, finals: map[string]final{},
		repeats: store.RepeatsOf(m.Sessions), sessions: len(m.Sessions)}
	if l.lock, err = s.takeLease(m.Run); err != nil {
		return err
	}
	err = s.tx(ctx, func(tx *sql.Tx) error {
		if l.num, err = insertRun(ctx, tx, m, plan, false); err != nil {
			return err
		}
		l.trials, err = insertTrials(ctx, tx, l, plan.Trials)
		return err
	})
	if err != nil {
		return errors.Join(err, l.lock.release())
	}
	s.mu.leases[m.Run] = l
	return nil
}

// insertRun stores a run's manifest and the head of its plan.
func insertRun(ctx context.Context, tx *sql.Tx, m sample.Manifest, plan *spec.Plan, loaded bool) (num int64, err error) {
	manifest, err := store.Line(m)
	if err != nil {
		return 0, err
	}
	header, err := store.Line(store.Header(plan))
	if err != nil {
		return 0, err
	}
	r, err := tx.ExecContext(ctx, `INSERT INTO runs (id, name, status, manifest, plan, loaded) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		m.Run, m.Name, store.Open, string(manifest), string(header), loaded)
	if err != nil {
		return 0, err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return 0, errors.Join(err, fault.With(store.ErrExists, fault.Usage, "resume it with `chimera run --resume "+m.Run+"`, or remove it with `chimera runs rm`"))
	}
	return r.LastInsertId()
}

// insertTrials returns the place of each trial that it wrote.
func insertTrials(ctx context.Context, tx *sql.Tx, l *lease, trials []spec.Trial) (map[string]int, error) {
	insert, err := tx.PrepareContext(ctx, `INSERT INTO trials (run, ord, id, line) VALUES (?, ?, ?, ?)`)
	if err != nil {
		return nil, err
	}
	defer insert.Close()
	added := make(map[string]int, len(trials))
	for _, t := range trials {
		_, known := l.trials[t.ID]
		if _, twice := added[t.ID]; known || twice {
			return nil, fmt.Errorf("trial %s stands twice in the plan", t.ID)
		}
		line, err := store.Line(t)
		if err != nil {
			return nil, fmt.Errorf("trial %s: %w", t.ID, err)
		}
		if _, err := insert.ExecContext(ctx, l.num, t.Order, t.ID, string(line)); err != nil {
			return nil, err
		}
		added[t.ID] = t.Order
	}
	return added, nil
}

// Extend implements store.Recorder.
func (s *Store) Extend(ctx context.Context, run string, trials ...spec.Trial) error {
	return s.recording(ctx, "extend the plan of", run, func(tx *sql.Tx, l *lease) (func(), error) {
		if !l.grows {
			return nil, errors.New("its plan is frozen")
		}
		for i, t := range trials {
			if want := len(l.trials) + i; t.Order != want {
				return nil, fmt.Errorf("the order of trial %s is %d, but must be %d", t.ID, t.Order, want)
			}
			if t.Asked == nil {
				return nil, fmt.Errorf("trial %s does not hold its prompt", t.ID)
			}
		}
		added, err := insertTrials(ctx, tx, l, trials)
		if err != nil {
			return nil, err
		}
		_, err = s.changeManifest(ctx, tx, l, func(m *sample.Manifest) error {
			m.Planned += len(trials)
			for _, t := range trials {
				p := sample.PromptRecord{Workload: t.Asked.Workload, ID: t.Asked.ID, SHA256: t.Asked.SHA256}
				if !slices.Contains(m.Prompts, p) {
					m.Prompts = append(m.Prompts, p)
				}
			}
			return nil
		})
		return func() { maps.Copy(l.trials, added) }, err
	})
}

// AddSession implements store.Recorder.
func (s *Store) AddSession(ctx context.Context, run string, session sample.Session) error {
	return s.recording(ctx, "add a session to", run, func(tx *sql.Tx, l *lease) (func(), error) {
		if session.Number != l.sessions {
			return nil, fmt.Errorf("the session's number is %d, but must be %d", session.Number, l.sessions)
		}
		m, err := s.changeManifest(ctx, tx, l, func(m *sample.Manifest) error {
			m.Sessions = append(m.Sessions, session)
			return nil
		})
		return func() {
			l.sessions++
			l.repeats = store.RepeatsOf(m.Sessions)
			maps.DeleteFunc(l.finals, func(_ string, f final) bool {
				return l.repeats.Supersede(f.experiment, f.block, f.session)
			})
		}, err
	})
}

// UpdateManifest implements store.Recorder.
func (s *Store) UpdateManifest(ctx context.Context, run string, change func(*sample.Manifest)) error {
	return s.recording(ctx, "update the manifest of", run, func(tx *sql.Tx, l *lease) (func(), error) {
		_, err := s.changeManifest(ctx, tx, l, func(m *sample.Manifest) error {
			before := fixed(*m)
			change(m)
			if !reflect.DeepEqual(before, fixed(*m)) {
				return errors.New("only warnings, aliases, subjects and reasons of absence may change after the run began")
			}
			return nil
		})
		return nil, err
	})
}

// fixed is what of a manifest must not change. Sessions are copied: change
// could otherwise write through the shared slice.
func fixed(m sample.Manifest) sample.Manifest {
	m.Warnings, m.Aliases, m.Subjects, m.Absent = nil, nil, nil, nil
	m.Sessions, m.Prompts, m.Spec = slices.Clone(m.Sessions), slices.Clone(m.Prompts), slices.Clone(m.Spec)
	m.Host.GPUs = slices.Clone(m.Host.GPUs)
	return m
}

func (s *Store) changeManifest(ctx context.Context, tx *sql.Tx, l *lease, change func(*sample.Manifest) error) (m sample.Manifest, err error) {
	var line []byte
	if err := tx.QueryRowContext(ctx, `SELECT manifest FROM runs WHERE num = ?`, l.num).Scan(&line); err != nil {
		return m, err
	}
	if err := json.Unmarshal(line, &m); err != nil {
		return m, fmt.Errorf("stored manifest: %w", err)
	}
	if err := change(&m); err != nil {
		return m, err
	}
	if line, err = store.Line(m); err != nil {
		return m, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE runs SET manifest = ? WHERE num = ?`, string(line), l.num)
	return m, err
}

const insertSample = `INSERT INTO samples (run, ord, session, attempt, experiment, block, outcome, final, sha256, line)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// Append implements store.Recorder.
func (s *Store) Append(ctx context.Context, run string, rows ...*sample.Sample) error {
	return s.recording(ctx, "append samples to", run, func(tx *sql.Tx, l *lease) (func(), error) {
		insert, err := tx.PrepareContext(ctx, insertSample)
		if err != nil {
			return nil, err
		}
		defer insert.Close()
		added := map[string]final{}
		for _, r := range rows {
			if err := l.check(run, r, added); err != nil {
				return nil, fmt.Errorf("sample of trial %s, session %d, attempt %d: %w", r.Trial, r.Session, r.Attempt, err)
			}
			line, err := store.SampleLine(r)
			if err != nil {
				return nil, err
			}
			if _, err := insert.ExecContext(ctx, l.num, r.Order, r.Session, r.Attempt, r.Experiment, r.Block,
				string(r.Outcome), r.Final, digest.Bytes(line), string(line)); err != nil {
				return nil, err
			}
		}
		return func() { maps.Copy(l.finals, added) }, nil
	})
}

// check refuses a row that the run's plan has no place for.
func (l *lease) check(run string, r *sample.Sample, added map[string]final) error {
	order, planned := l.trials[r.Trial]
	switch {
	case r.Run != run:
		return fmt.Errorf("it belongs to run %q", r.Run)
	case r.Schema != sample.Schema:
		return fmt.Errorf("its schema is %d, but must be %d", r.Schema, sample.Schema)
	case !planned:
		return errors.New("the plan has no such trial")
	case r.Order != order:
		return fmt.Errorf("its order is %d, but the trial's is %d", r.Order, order)
	case r.Session < 0 || r.Session > max(0, l.sessions-1):
		return fmt.Errorf("the run has %d sessions", l.sessions)
	case !slices.Contains(sample.Outcomes, r.Outcome):
		return fmt.Errorf("its outcome is %q, but must be one of %v", r.Outcome, sample.Outcomes)
	}
	if !r.Final || l.repeats.Supersede(r.Experiment, r.Block, r.Session) {
		return nil
	}
	for _, have := range []map[string]final{l.finals, added} {
		if f, twice := have[r.Trial]; twice {
			return fmt.Errorf("the trial has its final row already, from session %d", f.session)
		}
	}
	added[r.Trial] = final{r.Experiment, r.Block, r.Session}
	return nil
}

// AppendReadings implements store.Recorder.
func (s *Store) AppendReadings(ctx context.Context, run string, rows ...*sample.Reading) error {
	return s.recording(ctx, "append readings to", run, func(tx *sql.Tx, l *lease) (func(), error) {
		insert, err := tx.PrepareContext(ctx, `INSERT INTO readings (run, line) VALUES (?, ?)`)
		if err != nil {
			return nil, err
		}
		defer insert.Close()
		for _, r := range rows {
			if err := checkReading(run, r); err != nil {
				return nil, err
			}
			line, err := store.Line(r)
			if err != nil {
				return nil, fmt.Errorf("reading of %s at %v: %w", r.Series, r.At, err)
			}
			if _, err := insert.ExecContext(ctx, l.num, string(line)); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
}

// checkReading refuses a reading of another run, or one that says nothing.
func checkReading(run string, r *sample.Reading) error {
	if r.Run != run {
		return fmt.Errorf("reading of %s belongs to run %q", r.Series, r.Run)
	}
	if r.Value.OK() == (r.Reason != "") {
		return fmt.Errorf("reading of %s at %v: must have a value or a reason why not", r.Series, r.At)
	}
	return nil
}
