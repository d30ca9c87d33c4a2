// Package storetest is the contract that every store backend keeps. A backend
// has one test for it, which is never skipped:
//
//	storetest.Run(t, func(t *testing.T) func() store.Store { … })
package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store"

	"github.com/google/go-cmp/cmp"
)

// sealedAt is when the runs of these tests end.
var sealedAt = time.Date(2026, 3, 1, 13, 0, 0, 123456789, time.FixedZone("CET", 3600))

// Run checks a backend. fresh makes an empty store and returns how to open
// another handle to it; handles are closed by the test's cleanup.
func Run(t *testing.T, fresh func(t *testing.T) (open func() store.Store)) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, open func() store.Store)
	}{
		{"rows come back as they were", roundTrip},
		{"rows come back in plan order", planOrder},
		{"an append is all or nothing", allOrNothing},
		{"a row without a place in the plan is refused", refusedRows},
		{"a run that contradicts itself is refused", refusedRuns},
		{"a plan that grows is extended, a frozen one never", extend},
		{"a repeated block supersedes the rows before", supersede},
		{"only what is known late may change in a manifest", manifestChanges},
		{"complete means every trial has its final row", completeness},
		{"a seal's digest is that of the stored lines", sealDigest},
		{"equal rows have equal digests in any store", func(t *testing.T, open func() store.Store) { equalDigests(t, open(), fresh(t)()) }},
		{"a sealed run is refused every write", sealedIsClosed},
		{"a partial run may be reopened, and that is on record", reopen},
		{"one handle conducts a run", lease},
		{"a run is found by a unique prefix", find},
		{"runs are listed newest first", list},
		{"a removed run is gone, others stay", remove},
		{"every planned trial is counted once", counts},
		{"writers and readers do not disturb each other", concurrent},
		{"columns are the rows without their bulk", columns},
		{"a run that is loaded is the run that is recorded", loaded},
		{"a run that is loaded is checked", loadChecks},
		{"a run that was not loaded to its end is taken away", loadEnds},
		{"a consumer may stop early, or be cancelled", stopEarly},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, fresh(t)) })
	}
}

func roundTrip(t *testing.T, open func() store.Store) {
	s := open()
	p := created(t, s, "r1", 2)
	want := Samples("r1", p)
	must(t, s.Append(t.Context(), "r1", want...))
	must(t, s.AppendReadings(t.Context(), "r1", Readings("r1")...))
	must(t, s.Close())
	if err := s.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}

	s = open()
	if got := collect(t, s.Samples(t.Context(), "r1")); text(t, got) != text(t, want) {
		t.Error(cmp.Diff(text(t, want), text(t, got)))
	}
	if got := collect(t, s.Readings(t.Context(), "r1")); text(t, got) != text(t, Readings("r1")) {
		t.Error(cmp.Diff(text(t, Readings("r1")), text(t, got)))
	}
	plan, err := s.Plan(t.Context(), "r1")
	must(t, err)
	if d := cmp.Diff(p, plan); d != "" {
		t.Error(d)
	}
	run, err := s.Run(t.Context(), "r1")
	must(t, err)
	if got, want := text(t, run.Manifest), text(t, Manifest("r1", 2)); got != want {
		t.Error(cmp.Diff(want, got))
	}
	if _, sealed := run.Digest(); run.Status != store.Open || run.ID() != "r1" || sealed {
		t.Errorf("an unsealed run is %s, has id %s and digest %t", run.Status, run.ID(), sealed)
	}
}

func planOrder(t *testing.T, open func() store.Store) {
	s := open()
	p := created(t, s, "r1", 2)
	retried := Sample("r1", p.Trials[1], 0, sample.Error)
	retried.Final = false
	again := Sample("r1", p.Trials[1], 0, sample.OK)
	again.Attempt = 1
	must(t, s.Append(t.Context(), "r1", Sample("r1", p.Trials[3], 0, sample.OK)))
	must(t, s.Append(t.Context(), "r1", again, retried, Sample("r1", p.Trials[0], 0, sample.OK)))
	var got []string
	for _, r := range collect(t, s.Samples(t.Context(), "r1")) {
		got = append(got, fmt.Sprintf("%d.%d", r.Order, r.Attempt))
	}
	if want := []string{"0.0", "1.0", "1.1", "3.0"}; !slices.Equal(got, want) {
		t.Errorf("order.attempt: got %v, want %v", got, want)
	}
}

func allOrNothing(t *testing.T, open func() store.Store) {
	s := open()
	p := created(t, s, "r1", 1)
	bad := Sample("r1", p.Trials[1], 0, sample.OK)
	bad.Config = map[string]any{"temperature": math.NaN()}
	if err := s.Append(t.Context(), "r1", Sample("r1", p.Trials[0], 0, sample.OK), bad); err == nil {
		t.Error("a row that JSON cannot hold was taken")
	}
	silent := &sample.Reading{Run: "r1", Series: "gpu.power"}
	if err := s.AppendReadings(t.Context(), "r1", append(Readings("r1"), silent)...); err == nil {
		t.Error("a reading without value or reason was taken")
	}
	if n := len(collect(t, s.Samples(t.Context(), "r1"))) + len(collect(t, s.Readings(t.Context(), "r1"))); n != 0 {
		t.Errorf("%d rows of refused appends are there", n)
	}
	// What was refused must not be remembered as done either.
	must(t, s.Append(t.Context(), "r1", Samples("r1", p)...))
}

func refusedRows(t *testing.T, open func() store.Store) {
	s := open()
	p := created(t, s, "r1", 1)
	must(t, s.Append(t.Context(), "r1", Sample("r1", p.Trials[0], 0, sample.Cut)))
	for _, c := range []struct {
		name  string
		spoil func(*sample.Sample)
		want  string
	}{
		{"of another run", func(r *sample.Sample) { r.Run = "r2" }, `"r2"`},
		{"of a future schema", func(r *sample.Sample) { r.Schema++ }, "schema"},
		{"of no trial", func(r *sample.Sample) { r.Trial = "x" }, "no such trial"},
		{"at another place", func(r *sample.Sample) { r.Order = 0 }, "order"},
		{"of a session to come", func(r *sample.Sample) { r.Session = 1 }, "1 sessions"},
		{"of no known outcome", func(r *sample.Sample) { r.Outcome = "fine" }, "fine"},
		{"the second final one", func(r *sample.Sample) { r.Trial, r.Order, r.Attempt = p.Trials[0].ID, 0, 1 }, "final row already"},
		{"the same attempt twice", func(r *sample.Sample) { r.Trial, r.Order, r.Final = p.Trials[0].ID, 0, false }, ""},
	} {
		r := Sample("r1", p.Trials[1], 0, sample.OK)
		c.spoil(r)
		if err := s.Append(t.Context(), "r1", r); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("a row %s: got %v, want %q", c.name, err, c.want)
		}
	}
	foreign := Readings("r2")
	if err := s.AppendReadings(t.Context(), "r1", foreign...); err == nil {
		t.Error("a reading of another run was taken")
	}
	if err := s.Append(t.Context(), "r9", Sample("r9", p.Trials[0], 0, sample.OK)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("append to no run: %v", err)
	}
}

func refusedRuns(t *testing.T, open func() store.Store) {
	s := open()
	created(t, s, "r1", 1)
	for _, c := range []struct {
		name  string
		spoil func(*sample.Manifest, *spec.Plan)
	}{
		{"its id is a path", func(m *sample.Manifest, _ *spec.Plan) { m.Run = "../r2" }},
		{"it has no id", func(m *sample.Manifest, _ *spec.Plan) { m.Run = "" }},
		{"it plans more than its plan", func(m *sample.Manifest, _ *spec.Plan) { m.Planned++ }},
		{"its trials are out of order", func(_ *sample.Manifest, p *spec.Plan) { p.Trials[0].Order = 1 }},
		{"a trial stands twice", func(_ *sample.Manifest, p *spec.Plan) { p.Trials[1].ID = p.Trials[0].ID }},
		{"its sessions are misnumbered", func(m *sample.Manifest, _ *spec.Plan) { m.Sessions[0].Number = 1 }},
	} {
		m, p := Manifest("r2", 1), Plan(1)
		c.spoil(&m, p)
		if err := s.CreateRun(t.Context(), m, p); err == nil {
			t.Errorf("a run was created though %s", c.name)
		}
	}
	must(t, s.Close())
	if err := open().CreateRun(t.Context(), Manifest("r1", 1), Plan(1)); !errors.Is(err, store.ErrExists) {
		t.Errorf("creating a run again: %v", err)
	}
}

func extend(t *testing.T, open func() store.Store) {
	s := open()
	p, m := Plan(2), Manifest("r1", 2)
	trials := p.Trials
	for i := range trials {
		trials[i].Asked = &spec.Prompt{Workload: "baseline/report", ID: "report", Text: fmt.Sprint("of ", i/2, " <facts>"), SHA256: fmt.Sprint(i / 2), MaxTokens: 9}
	}
	p.Trials, p.Prompts, p.Grows = nil, map[string]spec.Prompt{}, true
	m.Planned, m.Prompts, m.PlanDigest = 0, nil, ""
	must(t, s.CreateRun(t.Context(), m, p))
	must(t, s.Extend(t.Context(), "r1", trials[0]))
	must(t, s.Append(t.Context(), "r1", Sample("r1", trials[0], 0, sample.OK)))
	must(t, s.Extend(t.Context(), "r1", trials[1], trials[2]))

	bare, twice := trials[3], trials[3]
	bare.Asked = nil
	twice.ID = trials[0].ID
	for name, bad := range map[string][]spec.Trial{"out of order": {trials[2]}, "with a gap": {trials[3], trials[3]}, "without a prompt": {bare}, "known already": {twice}} {
		if err := s.Extend(t.Context(), "r1", bad...); err == nil {
			t.Errorf("a trial %s was appended", name)
		}
	}
	if err := s.Append(t.Context(), "r1", Sample("r1", trials[3], 0, sample.OK)); err == nil {
		t.Error("a row of a trial that nobody asked was taken")
	}
	if _, err := s.Seal(t.Context(), "r1", store.Complete, sealedAt); !errors.Is(err, store.ErrIncomplete) {
		t.Errorf("sealing with two trials open: %v", err)
	}

	// The next process finds the plan as it has grown.
	must(t, s.Close())
	s = open()
	must(t, s.Reopen(t.Context(), "r1"))
	must(t, s.Append(t.Context(), "r1", Sample("r1", trials[1], 0, sample.OK), Sample("r1", trials[2], 0, sample.Error)))
	must(t, s.Extend(t.Context(), "r1", trials[3]))
	must(t, s.Append(t.Context(), "r1", Sample("r1", trials[3], 0, sample.OK)))
	plan, err := s.Plan(t.Context(), "r1")
	must(t, err)
	p.Trials = trials
	if d := cmp.Diff(p, plan); d != "" {
		t.Error(d)
	}
	run, err := s.Run(t.Context(), "r1")
	must(t, err)
	if want := (store.Counts{Planned: 4, OK: 3, Error: 1}); run.Outcomes != want || run.Manifest.Planned != 4 {
		t.Errorf("outcomes are %+v of %d, want %+v", run.Outcomes, run.Manifest.Planned, want)
	}
	prompts := []sample.PromptRecord{{Workload: "baseline/report", ID: "report", SHA256: "0"}, {Workload: "baseline/report", ID: "report", SHA256: "1"}}
	if d := cmp.Diff(prompts, run.Manifest.Prompts); d != "" {
		t.Error(d)
	}
	_, err = s.Seal(t.Context(), "r1", store.Complete, sealedAt)
	must(t, err)
	if v, err := s.Verify(t.Context(), "r1"); err != nil || !v.OK() {
		t.Errorf("verify: %+v, %v", v, err)
	}
	if err := s.Extend(t.Context(), "r1", trials[3]); !errors.Is(err, store.ErrSealed) {
		t.Errorf("extending a sealed run: %v", err)
	}
	frozen := created(t, s, "r2", 1)
	next := trials[2]
	next.ID = "sweep/b1/0002"
	if err := s.Extend(t.Context(), "r2", next); err == nil || len(frozen.Trials) != 2 {
		t.Errorf("a frozen plan was extended: %v", err)
	}
}

func supersede(t *testing.T, open func() store.Store) {
	s := open()
	p := created(t, s, "r1", 2)
	must(t, s.Append(t.Context(), "r1", Sample("r1", p.Trials[0], 0, sample.OK), Sample("r1", p.Trials[1], 0, sample.OK), Sample("r1", p.Trials[2], 0, sample.Dropped)))
	if err := s.AddSession(t.Context(), "r1", sample.Session{Number: 2}); err == nil {
		t.Error("session 2 followed session 0")
	}
	must(t, s.AddSession(t.Context(), "r1", sample.Session{Number: 1, Repeats: []string{store.BlockKey("sweep", 1)}}))
	if err := s.Append(t.Context(), "r1", Sample("r1", p.Trials[0], 1, sample.OK)); err == nil {
		t.Error("a block that is not repeated got a second final row")
	}
	must(t, s.Append(t.Context(), "r1", Sample("r1", p.Trials[2], 1, sample.OK), Sample("r1", p.Trials[3], 1, sample.Error)))

	var got []string
	for _, r := range collect(t, s.Samples(t.Context(), "r1")) {
		got = append(got, fmt.Sprintf("%d/%d %s %t", r.Order, r.Session, r.Outcome, r.Superseded))
	}
	want := []string{"0/0 ok false", "1/0 ok false", "2/0 dropped true", "2/1 ok false", "3/1 error false"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	run, err := s.Run(t.Context(), "r1")
	must(t, err)
	if want := (store.Counts{Planned: 4, OK: 3, Error: 1}); run.Outcomes != want {
		t.Errorf("outcomes are %+v, want %+v", run.Outcomes, want)
	}
	_, err = s.Seal(t.Context(), "r1", store.Complete, sealedAt)
	must(t, err)
}

func manifestChanges(t *testing.T, open func() store.Store) {
	s := open()
	created(t, s, "r1", 1)
	must(t, s.UpdateManifest(t.Context(), "r1", func(m *sample.Manifest) {
		m.Warnings = append(m.Warnings, "the machine slept")
		m.Aliases = append(m.Aliases, sample.Alias{Subject: "270m", Known: "after"})
		m.Absent = map[string]string{"host.power": "not readable"}
	}))
	for name, change := range map[string]func(*sample.Manifest){
		"seed":     func(m *sample.Manifest) { m.Seed++ },
		"session":  func(m *sample.Manifest) { m.Sessions[0].Offset++ },
		"prompts":  func(m *sample.Manifest) { m.Prompts[0].SHA256 = "b" },
		"planned":  func(m *sample.Manifest) { m.Planned++ },
		"spec":     func(m *sample.Manifest) { m.Spec = []byte(`{}`) },
		"spec [0]": func(m *sample.Manifest) { m.Spec[2] = 'x' },
	} {
		if err := s.UpdateManifest(t.Context(), "r1", change); err == nil {
			t.Errorf("the manifest's %s was changed", name)
		}
	}
	run, err := s.Run(t.Context(), "r1")
	must(t, err)
	want := Manifest("r1", 1)
	want.Warnings, want.Aliases = []string{"the machine slept"}, []sample.Alias{{Subject: "270m", Known: "after"}}
	want.Absent = map[string]string{"host.power": "not readable"}
	if d := cmp.Diff(text(t, want), text(t, run.Manifest)); d != "" {
		t.Error(d)
	}
}

func completeness(t *testing.T, open func() store.Store) {
	s := open()
	p := created(t, s, "r1", 1)
	retried := Sample("r1", p.Trials[1], 0, sample.Timeout)
	retried.Final = false
	must(t, s.Append(t.Context(), "r1", Sample("r1", p.Trials[0], 0, sample.Dropped), retried))
	_, err := s.Seal(t.Context(), "r1", store.Complete, sealedAt)
	if !errors.Is(err, store.ErrIncomplete) || !strings.Contains(err.Error(), "1 of 2") || fault.HintOf(err) == "" {
		t.Errorf("sealing with a trial missing: %v", err)
	}
	if _, err := s.Seal(t.Context(), "r1", store.Open, sealedAt); err == nil {
		t.Error("open is no seal")
	}
	last := Sample("r1", p.Trials[1], 0, sample.OK)
	last.Attempt = 1
	must(t, s.Append(t.Context(), "r1", last))
	_, err = s.Seal(t.Context(), "r1", store.Complete, sealedAt)
	must(t, err)
	run, err := s.Run(t.Context(), "r1")
	must(t, err)
	if run.Outcomes.Ended() != run.Outcomes.Planned {
		t.Errorf("a complete run has %+v", run.Outcomes)
	}
}

func sealDigest(t *testing.T, open func() store.Store) {
	s := open()
	p := created(t, s, "r1", 2)
	must(t, s.Append(t.Context(), "r1", Samples("r1", p)...))
	must(t, s.AppendReadings(t.Context(), "r1", Readings("r1")...))
	if _, err := s.Verify(t.Context(), "r1"); !errors.Is(err, store.ErrNotSealed) {
		t.Errorf("verifying an open run: %v", err)
	}
	got, err := s.Seal(t.Context(), "r1", store.Complete, sealedAt)
	must(t, err)

	// The same from the outside, as docs/formats/run.md has it.
	run, err := s.Run(t.Context(), "r1")
	must(t, err)
	var sum store.Summer
	sum.Manifest(line(t, run.Manifest))
	sum.Header(line(t, store.Header(p)))
	for _, trial := range p.Trials {
		sum.Trial(line(t, trial))
	}
	for _, r := range collect(t, s.Samples(t.Context(), "r1")) {
		b, err := store.SampleLine(r)
		must(t, err)
		sum.Sample(b)
	}
	for _, r := range collect(t, s.Readings(t.Context(), "r1")) {
		sum.Reading(line(t, r))
	}
	want, err := sum.Parts().Digest("r1", store.Complete)
	must(t, err)
	if got != want || len(run.Seals) != 1 || run.Seals[0] != (store.Seal{Status: store.Complete, At: sealedAt.UTC(), Digest: want, Parts: sum.Parts()}) {
		t.Errorf("digest %s, seals %+v; want digest %s", got, run.Seals, want)
	}
	if d, ok := run.Digest(); !ok || d != want {
		t.Errorf("the run's digest is %s, %t", d, ok)
	}
	v, err := s.Verify(t.Context(), "r1")
	must(t, err)
	if !v.OK() || v.Sealed != want || v.Recomputed != want {
		t.Errorf("an untouched run differs: %+v", v)
	}
}

func equalDigests(t *testing.T, a, b store.Store) {
	must(t, b.CreateRun(t.Context(), Manifest("other", 1), Plan(1))) // so that inner row numbers differ
	digest := func(s store.Store, size int) string {
		p := created(t, s, "r1", 2)
		for rows := range slices.Chunk(Samples("r1", p), size) {
			must(t, s.Append(t.Context(), "r1", rows...))
		}
		sum, err := s.Seal(t.Context(), "r1", store.Partial, sealedAt.Add(time.Duration(size)))
		must(t, err)
		return sum
	}
	if x, y := digest(a, 1), digest(b, 3); x != y {
		t.Errorf("%s and %s", x, y)
	}
}

func sealedIsClosed(t *testing.T, open func() store.Store) {
	s := open()
	p := created(t, s, "r1", 1)
	_, err := s.Seal(t.Context(), "r1", store.Invalid, sealedAt)
	must(t, err)
	for name, write := range writes(t.Context(), s, p) {
		if err := write(); !errors.Is(err, store.ErrSealed) {
			t.Errorf("%s on a sealed run: %v", name, err)
		}
	}
}

// writes are all ways to write to run r1.
func writes(ctx context.Context, s store.Recorder, p *spec.Plan) map[string]func() error {
	return map[string]func() error{
		"append":   func() error { return s.Append(ctx, "r1", Sample("r1", p.Trials[0], 0, sample.OK)) },
		"readings": func() error { return s.AppendReadings(ctx, "r1", Readings("r1")...) },
		"session":  func() error { return s.AddSession(ctx, "r1", sample.Session{Number: 1}) },
		"manifest": func() error {
			return s.UpdateManifest(ctx, "r1", func(m *sample.Manifest) { m.Warnings = nil })
		},
		"seal": func() error { _, err := s.Seal(ctx, "r1", store.Partial, sealedAt); return err },
	}
}

func reopen(t *testing.T, open func() store.Store) {
	s := open()
	p := created(t, s, "r1", 1)
	must(t, s.Append(t.Context(), "r1", Sample("r1", p.Trials[0], 0, sample.OK)))
	first, err := s.Seal(t.Context(), "r1", store.Partial, sealedAt)
	must(t, err)
	must(t, s.Reopen(t.Context(), "r1"))
	if err := s.Append(t.Context(), "r1", Sample("r1", p.Trials[0], 0, sample.OK)); err == nil {
		t.Error("the finished trial was forgotten")
	}
	must(t, s.AddSession(t.Context(), "r1", sample.Session{Number: 1}))
	must(t, s.Append(t.Context(), "r1", Sample("r1", p.Trials[1], 1, sample.OK)))
	last, err := s.Seal(t.Context(), "r1", store.Complete, sealedAt.Add(time.Hour))
	must(t, err)
	run, err := s.Run(t.Context(), "r1")
	must(t, err)
	if len(run.Seals) != 2 || run.Seals[0].Digest != first || run.Seals[0].Status != store.Partial || run.Seals[1].Digest != last || first == last {
		t.Errorf("seals on record: %+v", run.Seals)
	}
	if err := s.Reopen(t.Context(), "r1"); !errors.Is(err, store.ErrSealed) {
		t.Errorf("reopening a complete run: %v", err)
	}
	if err := s.Reopen(t.Context(), "r2"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("reopening no run: %v", err)
	}
}

func lease(t *testing.T, open func() store.Store) {
	mine, other := open(), open()
	p := created(t, mine, "r1", 1)
	for name, write := range writes(t.Context(), other, p) {
		if err := write(); !errors.Is(err, store.ErrNoLease) {
			t.Errorf("%s by another handle: %v", name, err)
		}
	}
	if err := other.Reopen(t.Context(), "r1"); !errors.Is(err, store.ErrConducted) || fault.HintOf(err) == "" {
		t.Errorf("reopening a run that is being conducted: %v", err)
	}
	if err := other.Remove(t.Context(), "r1"); !errors.Is(err, store.ErrConducted) {
		t.Errorf("removing a run that is being conducted: %v", err)
	}
	must(t, other.CreateRun(t.Context(), Manifest("r2", 1), Plan(1))) // another run is another lease
	must(t, mine.Close())
	must(t, other.Reopen(t.Context(), "r1")) // a lease ends with its handle
	must(t, other.Append(t.Context(), "r1", Samples("r1", p)...))
	if err := mine.Append(t.Context(), "r1", Samples("r1", p)...); err == nil {
		t.Error("a closed handle wrote")
	}
}

func find(t *testing.T, open func() store.Store) {
	s := open()
	for _, id := range []string{"ab1", "ab22", "ab2", "b1"} {
		created(t, s, id, 1)
	}
	for _, c := range []struct {
		ask, want string
		err       error
	}{
		{"ab1", "ab1", nil},
		{"ab22", "ab22", nil},
		{"ab2", "ab2", nil}, // an exact id wins over a longer one
		{"b", "b1", nil},
		{"a", "", store.ErrAmbiguous},
		{"", "", store.ErrNotFound},
		{"%", "", store.ErrNotFound},
		{"AB1", "", store.ErrNotFound},
	} {
		run, err := s.Run(t.Context(), c.ask)
		if !errors.Is(err, c.err) || c.err == nil && (err != nil || run.ID() != c.want) {
			t.Errorf("Run(%q) = %q, %v; want %q, %v", c.ask, run.ID(), err, c.want, c.err)
		}
		if c.err != nil && (fault.CodeOf(err) != fault.Usage || fault.HintOf(err) == "") {
			t.Errorf("Run(%q): code %d, hint %q", c.ask, fault.CodeOf(err), fault.HintOf(err))
		}
	}
	if _, err := s.Run(t.Context(), "a"); !strings.Contains(err.Error(), "ab2, ab22, ab1") {
		t.Errorf("an ambiguous prefix must list its runs, newest first: %v", err)
	}
}

func list(t *testing.T, open func() store.Store) {
	s := open()
	for _, id := range []string{"c", "a", "b"} {
		created(t, s, id, 1)
	}
	_, err := s.Seal(t.Context(), "a", store.Invalid, sealedAt)
	must(t, err)
	for _, c := range []struct {
		filter store.Filter
		want   string
	}{
		{store.Filter{}, "b a c"},
		{store.Filter{Limit: 2}, "b a"},
		{store.Filter{Status: store.Open}, "b c"},
		{store.Filter{Name: "variants", Status: store.Invalid}, "a"},
		{store.Filter{Name: "other"}, ""},
	} {
		runs, err := s.Runs(t.Context(), c.filter)
		must(t, err)
		var got []string
		for _, r := range runs {
			got = append(got, r.ID())
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v: %v, want %s", c.filter, got, c.want)
		}
	}
}

func remove(t *testing.T, open func() store.Store) {
	s := open()
	for _, id := range []string{"r1", "r2"} {
		p := created(t, s, id, 1)
		must(t, s.Append(t.Context(), id, Samples(id, p)...))
		must(t, s.AppendReadings(t.Context(), id, Readings(id)...))
		_, err := s.Seal(t.Context(), id, store.Complete, sealedAt)
		must(t, err)
	}
	must(t, s.Remove(t.Context(), "r1"))
	for name, err := range map[string]error{
		"run":    second(s.Run(t.Context(), "r1")),
		"plan":   second(s.Plan(t.Context(), "r1")),
		"verify": second(s.Verify(t.Context(), "r1")),
		"remove": s.Remove(t.Context(), "r1"),
	} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s of a removed run: %v", name, err)
		}
	}
	for _, err := range s.Samples(t.Context(), "r1") {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("samples of a removed run: %v", err)
		}
	}
	created(t, s, "r1", 1) // the id is free again, and its rows do not come back
	if n := len(collect(t, s.Samples(t.Context(), "r1"))); n != 0 {
		t.Errorf("%d rows rose from the dead", n)
	}
	v, err := s.Verify(t.Context(), "r2")
	must(t, err)
	if !v.OK() {
		t.Errorf("the other run was touched: %+v", v)
	}
}

func counts(t *testing.T, open func() store.Store) {
	s := open()
	p := created(t, s, "r1", 6)
	want := store.Counts{Planned: 12}
	for i, trial := range p.Trials {
		o := sample.Outcomes[i%len(sample.Outcomes)]
		must(t, s.Append(t.Context(), "r1", Sample("r1", trial, 0, o)))
		must(t, want.Add(o, 1))
	}
	run, err := s.Run(t.Context(), "r1")
	must(t, err)
	streamed, err := store.Count(12, s.Samples(t.Context(), "r1"))
	must(t, err)
	if run.Outcomes != want || streamed != want || want.Ended() != 12 || want.Of(sample.Cut) != 2 {
		t.Errorf("counted %+v, streamed %+v, want %+v", run.Outcomes, streamed, want)
	}
}

func concurrent(t *testing.T, open func() store.Store) {
	s, reader := open(), open()
	p := created(t, s, "r1", 20)
	var all sync.WaitGroup
	for rows := range slices.Chunk(Samples("r1", p), 10) {
		all.Go(func() {
			for _, r := range rows {
				if err := errors.Join(s.Append(t.Context(), "r1", r), s.AppendReadings(t.Context(), "r1", Readings("r1")...)); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for range 5 {
				run, err := reader.Run(t.Context(), "r1")
				if err != nil {
					t.Error(err)
				}
				n := 0
				for _, err := range reader.Samples(t.Context(), "r1") {
					if n++; err != nil {
						t.Error(err)
					}
				}
				if n < run.Outcomes.Ended() {
					t.Errorf("%d rows after %d were counted", n, run.Outcomes.Ended())
				}
			}
		})
	}
	all.Wait()
	_, err := s.Seal(t.Context(), "r1", store.Complete, sealedAt)
	must(t, err)
}

func stopEarly(t *testing.T, open func() store.Store) {
	s := open()
	p := created(t, s, "r1", 2)
	must(t, s.Append(t.Context(), "r1", Samples("r1", p)...))
	must(t, s.AppendReadings(t.Context(), "r1", Readings("r1")...))
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	for _, err := range s.Readings(ctx, "r1") {
		must(t, err)
		break
	}
	gone := errors.New("gone")
	for _, err := range s.Samples(ctx, "r1") {
		must(t, err)
		cancel(gone)
		break
	}
	for _, err := range s.Samples(ctx, "r1") {
		if !errors.Is(err, gone) {
			t.Errorf("reading when cancelled: %v", err)
		}
	}
	if err := s.AddSession(ctx, "r1", sample.Session{Number: 1}); !errors.Is(err, gone) {
		t.Errorf("writing when cancelled: %v", err)
	}
	must(t, s.AddSession(t.Context(), "r1", sample.Session{Number: 1}))
}

func second[T any](_ T, err error) error { return err }

func collect[T any](t *testing.T, rows func(func(T, error) bool)) []T {
	t.Helper()
	var all []T
	for r, err := range rows {
		must(t, err)
		all = append(all, r)
	}
	return all
}

func line(t *testing.T, v any) []byte {
	t.Helper()
	b, err := store.Line(v)
	must(t, err)
	return b
}

func text(t *testing.T, v any) string { return strings.ReplaceAll(string(line(t, v)), "},{", "},\n{") }

// columns holds the columns of a run to its rows: open, sealed, reopened with a
// block repeated, and sealed again.
func columns(t *testing.T, open func() store.Store) {
	s := open()
	p := created(t, s, "r1", 2)
	same := func(when string) {
		t.Helper()
		var got, want []*sample.Sample
		for c, err := range s.Columns(t.Context(), "r1") {
			must(t, err)
			for _, row := range c.Rows() {
				kept := *row
				got = append(got, &kept)
			}
		}
		for _, row := range collect(t, s.Samples(t.Context(), "r1")) {
			row.Chunks, row.Server, row.Text, row.TextHash = nil, nil, sample.None[string](), sample.None[string]()
			want = append(want, row)
		}
		if text(t, got) != text(t, want) {
			t.Errorf("%s: %s", when, cmp.Diff(text(t, want), text(t, got)))
		}
	}
	same("empty")
	retried := Sample("r1", p.Trials[1], 0, sample.Timeout)
	retried.Final = false
	again := Sample("r1", p.Trials[1], 0, sample.Error)
	again.Attempt = 1
	must(t, s.Append(t.Context(), "r1", Sample("r1", p.Trials[2], 0, sample.OK), again, retried, Sample("r1", p.Trials[0], 0, sample.OK)))
	same("open")
	must(t, second(s.Seal(t.Context(), "r1", store.Partial, sealedAt)))
	same("sealed")
	must(t, s.Reopen(t.Context(), "r1"))
	must(t, s.AddSession(t.Context(), "r1", sample.Session{Number: 1, Started: sealedAt, Repeats: []string{store.BlockKey("sweep", 1)}}))
	same("reopened")
	must(t, s.Append(t.Context(), "r1", Sample("r1", p.Trials[2], 1, sample.OK), Sample("r1", p.Trials[3], 1, sample.OK)))
	must(t, second(s.Seal(t.Context(), "r1", store.Complete, sealedAt)))
	same("sealed again")
	for _, err := range s.Columns(t.Context(), "nope") {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("columns of no run: %v", err)
		}
		return
	}
	t.Error("a run that is not there has columns")
}
