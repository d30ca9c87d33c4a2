package run

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"chimera/internal/digest"
	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/target"
	"chimera/internal/telemetry"
)

// subject is a subject of the spec with what its target said about it.
type subject struct {
	spec.Subject
	kind, url  string
	api        target.API
	provenance sample.Provenance
	target     target.Target
	describe   target.Description
	loads      loadTimes // guarded by conductor.mu
}

// wire binds the plan's names to subjects and targets. A name without a thing
// behind it is a mistake of the caller, found before anything is asked.
func (c *conductor) wire() error {
	c.subjects = map[string]*subject{}
	for _, s := range c.job.Spec.Subjects {
		at, ok := c.job.Spec.Target(s.Target)
		open := c.job.Targets[s.Target]
		if !ok || open == nil {
			return fault.New(fault.Usage, "subject %q: target %q is not open", s.ID, s.Target)
		}
		c.subjects[s.ID] = bind(s, at, open, c.job.Simulated[s.Target])
	}
	for i, t := range c.job.Plan.Trials {
		if t.Order != i {
			return fault.New(fault.Usage, "trial %q: its order is %d, but it stands at %d", t.ID, t.Order, i)
		}
		if c.subjects[t.Subject] == nil {
			return fault.New(fault.Usage, "trial %q: there is no subject %q", t.ID, t.Subject)
		}
		if _, ok := c.job.Plan.PromptOf(&t); !ok {
			return fault.New(fault.Usage, "trial %q: there is no prompt %q", t.ID, t.Prompt)
		}
	}
	if len(c.job.Plan.Trials) == 0 && !c.job.Plan.Grows {
		return fault.New(fault.Usage, "the plan has no trials")
	}
	if d := c.job.Spec.Design.Timeout; d <= 0 {
		return fault.New(fault.Usage, "the timeout must be above 0s, but is %s", d)
	}
	return nil
}

// bind makes a subject of what is known before its target was asked.
func bind(s spec.Subject, at spec.Target, open target.Target, simulated bool) *subject {
	sub := &subject{Subject: s, kind: at.Kind, url: at.URL, api: target.API(s.API), target: open, provenance: sample.Measured}
	if sub.api == "" {
		sub.api = target.API(at.API)
	}
	if simulated {
		sub.provenance = sample.Simulated
	}
	return sub
}

// check asks before anything is recorded whether the run can be conducted.
func (c *conductor) check() error {
	c.report(Event{Kind: Checking, Text: "checking targets and models"})
	for _, s := range c.job.Spec.Subjects {
		if err := c.ask(c.send, c.subjects[s.ID]); err != nil {
			return err
		}
	}
	if err := c.room(); err != nil {
		return err
	}
	c.powered()
	return c.quiet()
}

const describing = 30 * time.Second

// ask has a subject's target describe it.
func (c *conductor) ask(ctx context.Context, s *subject) error {
	ctx, cancel := context.WithTimeoutCause(ctx, describing, fmt.Errorf("no answer within %s", describing))
	defer cancel()
	d, err := s.target.Describe(ctx, s.Model)
	if err != nil {
		if c.send.Err() != nil {
			return c.stoppedEarly()
		}
		return fmt.Errorf("subject %q: describe model %q on target %q: %w", s.ID, s.Model, s.Target, because(ctx, err))
	}
	s.describe = d
	return nil
}

func (c *conductor) stoppedEarly() error {
	return fault.New(fault.Interrupted, "run %s: %w before its first request", c.job.ID, context.Cause(c.send))
}

// A stored row takes some kilobytes and some tens of bytes for each token; the
// margin is for telemetry and the database's own log.
const (
	rowBytes    = 8 << 10
	tokenBytes  = 64
	marginBytes = 64 << 20
)

// room refuses a run whose rows will not fit on the disk.
func (c *conductor) room() error {
	if c.job.FreeBytes == nil {
		return nil
	}
	free, err := c.job.FreeBytes()
	if err != nil {
		c.warn("disk_unknown: the free space of the store cannot be read: %v", err)
		return nil
	}
	need := uint64(marginBytes)
	for _, t := range c.job.Plan.Trials {
		prompt, _ := c.job.Plan.PromptOf(&t)
		need += rowBytes + tokenBytes*uint64(max(0, prompt.MaxTokens))
	}
	if free < need {
		err := fault.New(fault.Runtime, "store: the run's rows need about %d MB, but %d MB are free", need/1e6, free/1e6)
		return fault.Hint(err, "free some space or name another store with --store")
	}
	return nil
}

// powered warns of a machine that may change its own speed (method §2.4).
func (c *conductor) powered() {
	if g := c.job.Host.Governor; g != "" && g != "performance" {
		c.warn("env_governor: the frequency governor is %s; only performance keeps the clock steady", g)
	}
	if c.job.Host.Power == "battery" {
		c.warn("env_power: the machine runs on its battery, which may slow it")
	}
}

// What counts as an idle machine (method §2.5).
const (
	mostCPU = 0.05
	mostGPU = 0.02
)

// quiet watches the machine for other work before the run. A busy machine is
// no reason to refuse, but every number of the run carries the warning.
func (c *conductor) quiet() error {
	if c.job.Preflight <= 0 {
		c.mu.absent["preflight"] = "the machine was not watched before the run"
		return nil
	}
	c.report(Event{Kind: Checking, Text: fmt.Sprintf("watching the machine for other work, %s", c.job.Preflight)})
	seen, ok := c.otherWork(c.job.Preflight)
	if !ok {
		return c.stoppedEarly()
	}
	if !seen.known {
		c.mu.absent["preflight"] = "no collector reads how busy the CPU is"
	}
	for _, text := range seen.signs {
		c.warn("env_dirty: before the run %s", text)
	}
	return nil
}

// betweenBlocks is how long the machine is watched before each further block:
// short, since it is paid for every block, and telemetry goes on beside it.
const betweenBlocks = 500 * time.Millisecond

// watchBlock watches the machine before a block; the first block follows quiet.
func (c *conductor) watchBlock(t *spec.Trial) {
	c.blocks.watched++
	seen, ok := c.otherWork(min(betweenBlocks, c.job.Preflight))
	if ok && len(seen.signs) > 0 {
		c.blocks.dirty = append(c.blocks.dirty, fmt.Sprintf("%s in %s block %d", seen.signs[0], t.Experiment, t.Block))
	}
}

// blockWatch is what was seen of the machine between blocks.
type blockWatch struct {
	watched int
	dirty   []string // one sign of other work for each such block
}

// warnOfBlocks says once how often the machine had other work.
func (c *conductor) warnOfBlocks() {
	if n := len(c.blocks.dirty); n > 0 {
		c.warn("env_dirty: the machine had other work before %d of %d further blocks, first: %s", n, c.blocks.watched, c.blocks.dirty[0])
	}
}

// work is what a look at the machine found.
type work struct {
	known bool     // some collector reads how busy the CPU is
	signs []string // of other work
}

// otherWork watches the machine for d, while no request is in flight. It
// reports false when the run was stopped meanwhile.
func (c *conductor) otherWork(d time.Duration) (work, bool) {
	before := telemetry.Read(c.send, telemetry.Clock(c.now), c.job.Collectors)
	if !sleep(c.send, d) {
		return work{}, false
	}
	var seen work
	for _, r := range telemetry.Read(c.send, telemetry.Clock(c.now), c.job.Collectors) {
		v, ok := r.Value.Get()
		if !ok {
			continue
		}
		sign := ""
		switch {
		case r.Series == telemetry.CPUUtilisation:
			seen.known = true
			if v > mostCPU {
				sign = fmt.Sprintf("the CPU was %.0f%% busy over %s, at most %.0f%% is idle", 100*v, d, 100*mostCPU)
			}
		case r.Series == telemetry.GPUUtilisation && v > mostGPU:
			sign = fmt.Sprintf("GPU %s was %.0f%% busy, at most %.0f%% is idle", r.Labels["gpu"], 100*v, 100*mostGPU)
		case r.Series == telemetry.SwapUsed && v > valueOf(before, r.Series):
			sign = fmt.Sprintf("the swap in use grew by %.0f MB", (v-valueOf(before, r.Series))/1e6)
		}
		if sign != "" {
			seen.signs = append(seen.signs, sign)
		}
	}
	return seen, true
}

// valueOf returns the first value of a series.
func valueOf(readings []sample.Reading, series string) float64 {
	for _, r := range readings {
		if v, ok := r.Value.Get(); ok && r.Series == series {
			return v
		}
	}
	return 0
}

// create writes the manifest: from here on the run is on record.
func (c *conductor) create() error {
	m, err := c.manifest()
	if err != nil {
		return err
	}
	return c.job.Recorder.CreateRun(c.keep, m, c.job.Plan)
}

// manifest is what is known before the first request.
func (c *conductor) manifest() (sample.Manifest, error) {
	job, plan := &c.job, c.job.Plan
	m := sample.Manifest{
		Schema: sample.Schema, Run: job.ID, Name: job.Spec.Name, Question: job.Spec.Question,
		Tool: job.Tool, Host: job.Host, Seed: plan.Seed, Planned: len(plan.Trials),
		Clock:    sample.Clock{Origin: c.started.Round(0).UTC(), Source: "monotonic"},
		Sessions: []sample.Session{c.session}, Warnings: c.mu.warnings, Absent: maps.Clone(job.Absent),
	}
	if m.Absent == nil {
		m.Absent = map[string]string{}
	}
	maps.Copy(m.Absent, c.mu.absent)
	var err error
	if m.Spec, err = json.Marshal(job.Spec); err != nil {
		return m, fmt.Errorf("write the spec: %w", err)
	}
	if m.SpecDigest, err = job.Spec.Digest(); err != nil {
		return m, fmt.Errorf("digest of the spec: %w", err)
	}
	if plan.Grows {
		m.Absent["plan_sha256"] = "the requests were not planned: each followed from the answers before it"
	} else if m.PlanDigest, err = digest.JSON(plan); err != nil {
		return m, fmt.Errorf("digest of the plan: %w", err)
	}
	for _, s := range job.Spec.Subjects {
		m.Subjects = append(m.Subjects, c.subjects[s.ID].record())
	}
	for _, key := range slices.Sorted(maps.Keys(plan.Prompts)) {
		p := plan.Prompts[key]
		m.Prompts = append(m.Prompts, sample.PromptRecord{Workload: p.Workload, ID: p.ID, SHA256: p.SHA256})
	}
	for _, a := range plan.Aliases {
		m.Aliases = append(m.Aliases, sample.Alias{Subject: a.Subject, Effective: a.Effective, Requested: a.Requested, Known: "before"})
	}
	return m, nil
}

func (s *subject) record() sample.SubjectRecord {
	d := s.describe
	return sample.SubjectRecord{
		ID: s.ID, Target: s.Target, Kind: s.kind, URL: public(s.url), Model: d.Model,
		Server: d.Server, Digest: d.Digest, Quant: d.Quant, Arch: d.Arch, Layers: d.Layers, TrainedCtx: d.TrainedCtx,
		Parameters: d.Parameters, FileBytes: d.FileBytes, Synthetic: d.Synthetic, Facts: kept(d.Facts),
	}
}

// kept bounds what a runtime says of itself: a chat template may be long, and
// a server may say anything.
func kept(facts map[string]string) map[string]string {
	const mostFacts, mostBytes = 64, 2000
	out := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(facts)) {
		value := facts[name]
		if len(value) > mostBytes {
			value = strings.ToValidUTF8(value[:mostBytes], "") + "…"
		}
		if len(out) < mostFacts {
			out[name] = value
		}
	}
	return out
}

// public is a server's address without what may be a key. A folder is no
// address: where somebody keeps the models says nothing of what was measured.
func public(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// sleep waits for d, or reports false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
