package storetest

import (
	"errors"
	"testing"

	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store"

	"github.com/google/go-cmp/cmp"
)

// load loads the first n rows of a plan's, with readings among them.
func load(t *testing.T, s store.Store, m sample.Manifest, p *spec.Plan, n int) store.Loading {
	t.Helper()
	w, err := s.Load(t.Context(), m)
	must(t, err)
	rows := Samples(m.Run, p)
	for i, trial := range p.Trials[:n] {
		must(t, w.Add(trial, rows[i]))
		if i == n/2 {
			for _, r := range Readings(m.Run) {
				must(t, w.Reading(r))
			}
		}
	}
	return w
}

// loaded holds a run that was loaded to the same run, recorded row by row.
func loaded(t *testing.T, open func() store.Store) {
	const blocks = 2500 // more rows than a backend is likely to write at once
	p, m := Plan(blocks), Manifest("r1", blocks)
	s := open()
	w := load(t, s, m, p, len(p.Trials))
	if run, err := s.Run(t.Context(), "r1"); err != nil || run.Status != store.Open {
		t.Errorf("while it is loaded: %+v, %v", run, err)
	}
	sum, err := w.Seal(m, p, sealedAt)
	must(t, err)
	must(t, w.Close())
	run, err := s.Run(t.Context(), "r1")
	must(t, err)
	if m.PlanDigest = run.Manifest.PlanDigest; m.PlanDigest == Manifest("r1", blocks).PlanDigest {
		t.Error("the plan's digest was not filled in")
	}
	must(t, s.Remove(t.Context(), "r1"))
	must(t, s.CreateRun(t.Context(), m, p))
	must(t, s.Append(t.Context(), "r1", Samples("r1", p)...))
	must(t, s.AppendReadings(t.Context(), "r1", Readings("r1")...))
	if want, err := s.Seal(t.Context(), "r1", store.Complete, sealedAt); err != nil || sum != want {
		t.Errorf("loaded it has digest %s, recorded %s, %v", sum, want, err)
	}
	want := contents(t, s)
	must(t, s.Remove(t.Context(), "r1"))
	_, err = load(t, s, m, p, len(p.Trials)).Seal(m, p, sealedAt)
	must(t, err)
	must(t, s.Close())
	s = open()
	if d := cmp.Diff(want, contents(t, s)); d != "" {
		t.Error(d)
	}
	if v, err := s.Verify(t.Context(), "r1"); err != nil || !v.OK() {
		t.Errorf("%+v, %v", v, err)
	}
	for name, write := range writes(t.Context(), s, p) {
		if err := write(); !errors.Is(err, store.ErrSealed) && !errors.Is(err, store.ErrExists) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// contents is all that a reader sees of run r1.
func contents(t *testing.T, s store.Store) map[string]string {
	t.Helper()
	run, err := s.Run(t.Context(), "r1")
	must(t, err)
	plan, err := s.Plan(t.Context(), "r1")
	must(t, err)
	all := map[string]string{"run": text(t, run), "plan": text(t, plan), "samples": text(t, collect(t, s.Samples(t.Context(), "r1"))),
		"readings": text(t, collect(t, s.Readings(t.Context(), "r1")))}
	for c, err := range s.Columns(t.Context(), "r1") {
		must(t, err)
		all["columns"] += string(c.Encode())
	}
	return all
}

func loadChecks(t *testing.T, open func() store.Store) {
	s := open()
	p, m := Plan(2), Manifest("r1", 2)
	w := load(t, s, m, p, 1)
	for name, spoil := range map[string]func(*spec.Trial, *sample.Sample){
		"out of order":       func(tr *spec.Trial, r *sample.Sample) { tr.Order, r.Order = 2, 2 },
		"of another trial":   func(_ *spec.Trial, r *sample.Sample) { r.Trial = "x" },
		"of another run":     func(_ *spec.Trial, r *sample.Sample) { r.Run = "r2" },
		"of a future schema": func(_ *spec.Trial, r *sample.Sample) { r.Schema++ },
		"not final":          func(_ *spec.Trial, r *sample.Sample) { r.Final = false },
		"of a later session": func(_ *spec.Trial, r *sample.Sample) { r.Session = 1 },
		"of no outcome":      func(_ *spec.Trial, r *sample.Sample) { r.Outcome = "fine" },
	} {
		trial, row := p.Trials[1], Samples("r1", p)[1]
		spoil(&trial, row)
		if err := w.Add(trial, row); err == nil {
			t.Errorf("a row %s was taken", name)
		}
	}
	if err := w.Reading(&sample.Reading{Run: "r1", Series: "gpu.power"}); err == nil {
		t.Error("a reading without value or reason was taken")
	}
	if _, err := w.Seal(m, p, sealedAt); err == nil {
		t.Error("a plan was sealed of which three trials have no row")
	}
	if _, err := s.Load(t.Context(), m); !errors.Is(err, store.ErrConducted) {
		t.Errorf("loading the same run at once: %v", err)
	}
	if err := s.Append(t.Context(), "r1", Samples("r1", p)[1]); !errors.Is(err, store.ErrNoLease) {
		t.Errorf("recording a run that is loaded: %v", err)
	}
	m.Run = "../r1"
	if _, err := s.Load(t.Context(), m); err == nil {
		t.Error("a run of a bad name was taken")
	}
	must(t, w.Close())
}

func loadEnds(t *testing.T, open func() store.Store) {
	s := open()
	p, m := Plan(2500), Manifest("r1", 2500)
	w := load(t, s, m, p, len(p.Trials))
	must(t, w.Close())
	must(t, w.Close())
	if _, err := s.Run(t.Context(), "r1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after it was given up: %v", err)
	}
	if err := w.Add(p.Trials[0], Samples("r1", p)[0]); err == nil {
		t.Error("a row was taken after the end")
	}
	if _, err := w.Seal(m, p, sealedAt); err == nil {
		t.Error("sealed after the end")
	}
	bad := Samples("r1", p)[0]
	bad.Server = []byte("{")
	w = load(t, s, m, p, 0)
	must(t, w.Add(p.Trials[0], bad))
	m.Planned = 1
	if _, err := w.Seal(m, p, sealedAt); err == nil {
		t.Error("a row that JSON cannot hold was sealed")
	}
	must(t, w.Close())
	m.Planned = len(p.Trials)

	load(t, s, m, p, len(p.Trials)) // and the handle is closed under it
	must(t, s.Close())
	s = open()
	if run, err := s.Run(t.Context(), "r1"); err != nil || run.Status != store.Open {
		t.Errorf("half loaded: %+v, %v", run, err)
	}
	if err := s.Reopen(t.Context(), "r1"); err == nil {
		t.Error("a half loaded run was resumed")
	}
	must(t, s.Remove(t.Context(), "r1"))
	_, err := load(t, s, m, p, len(p.Trials)).Seal(m, p, sealedAt)
	must(t, err)
}
