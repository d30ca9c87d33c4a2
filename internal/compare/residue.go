package compare

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"net"
	"net/url"
	"slices"
	"strings"

	"chimera/internal/digest"
	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/unit"
)

// Kind names a way in which two runs can differ. Its words are what --allow
// takes.
type Kind string

const (
	Hardware    Kind = "hardware"     // CPU, cores, memory, GPUs and their drivers
	System      Kind = "os"           // operating system and kernel
	Power       Kind = "power"        // frequency governor, battery or mains
	Environment Kind = "environment"  // other work on the machine, throttling, a stepped clock
	Subject     Kind = "subject"      // the subject's id in the spec
	Model       Kind = "model"        // its name, where no digest tells more
	Digest      Kind = "model-digest" // the model's bytes
	Quant       Kind = "quantization" // as the runtime names it
	Server      Kind = "server-build" // runtime and version
	Settings    Kind = "settings"     // what the runtime tells of itself: slots, context, template
	Address     Kind = "server"       // another host answers
	API         Kind = "api"          // chat or completion, with or without template
	Config      Kind = "config"       // requested options
	Effective   Kind = "effective"    // options that the runtime really used
	Prompts     Kind = "prompts"      // the texts
	Length      Kind = "length"       // the output budget
	Cache       Kind = "cache"        // what a prefix cache may see
	Warmup      Kind = "warmup"       // requests before those that count
	Streams     Kind = "streams"      // requests in flight at once
	Provenance  Kind = "provenance"   // measured, imported, simulated, synthetic
	Failures    Kind = "failures"     // more than 5 % of the requests of a side failed
	Phase       Kind = "phase"        // a side has no row of the phase that is compared
	Experiments Kind = "experiments"  // nothing in common
)

// Kinds lists every difference that may be allowed.
var Kinds = []Kind{Hardware, System, Power, Environment, Subject, Model, Digest, Quant, Server, Settings, Address, API, Config, Effective,
	Prompts, Length, Cache, Warmup, Streams, Provenance, Failures}

// Residue is one difference between the runs that nobody asked about, or that
// was allowed.
type Residue struct {
	What    Kind   `json:"what"`
	Where   string `json:"where,omitempty"` // subject or scope; empty for the whole run
	A       string `json:"a"`
	B       string `json:"b"`
	Allowed bool   `json:"allowed"`
}

// ParseKinds reads the words of --allow.
func ParseKinds(names []string) ([]Kind, error) {
	var out []Kind
	for _, n := range names {
		if !slices.Contains(Kinds, Kind(n)) {
			all := make([]string, len(Kinds))
			for i, k := range Kinds {
				all[i] = string(k)
			}
			return nil, fault.With(fmt.Errorf("--allow %s: no such difference", n), fault.Usage, "use "+strings.Join(all, ", "))
		}
		out = append(out, Kind(n))
	}
	return out, nil
}

// allow marks what was asked about.
func allow(all []Residue, kinds []Kind) []Residue {
	for i := range all {
		all[i].Allowed = slices.Contains(kinds, all[i].What)
	}
	return all
}

func forbidden(all []Residue) bool {
	return slices.ContainsFunc(all, func(r Residue) bool { return !r.Allowed })
}

// A list collects differences, each once.
type list []Residue

// note records a difference of two texts; "" stands for unknown.
func (l *list) note(what Kind, where, a, b string) {
	r := Residue{What: what, Where: where, A: cmp.Or(a, "unknown"), B: cmp.Or(b, "unknown")}
	if a != b && !slices.Contains(*l, r) {
		*l = append(*l, r)
	}
}

// residue is everything in which the pairs and their runs differ, and
// everything that forbids a verdict on either side.
func residue(a, b *Run, pairs []pair) []Residue {
	out := list{}
	ma, mb := a.stored.Manifest, b.stored.Manifest
	out.machines(ma, mb)
	out.disturbances(a, b)
	out.note(Provenance, "", strings.Join(slices.Sorted(maps.Keys(a.marks)), ", "), strings.Join(slices.Sorted(maps.Keys(b.marks)), ", "))
	switch {
	case a.answered() == 0 || b.answered() == 0:
		out.note(Phase, "", counted(a), counted(b))
	case len(pairs) == 0:
		out.note(Experiments, "", scopeTexts(a), scopeTexts(b))
	}
	out.designs(ma, mb, pairs)
	for _, p := range pairs {
		out.subjects(ma, mb, p)
		out.groups(p)
	}
	return out
}

func counted(r *Run) string { return fmt.Sprintf("%d answered %s rows", r.answered(), r.phase) }

func scopeTexts(r *Run) string {
	var all []string
	for _, s := range r.scopes() {
		all = append(all, s.String())
	}
	return strings.Join(all, "; ")
}

func (l *list) machines(a, b sample.Manifest) {
	l.note(Hardware, "", hardware(a.Host), hardware(b.Host))
	x, y := float64(a.Host.MemoryBytes.Or(0)), float64(b.Host.MemoryBytes.Or(0))
	if math.Abs(x-y) > sameMemory*max(x, y) {
		l.note(Hardware, "", memory(a.Host), memory(b.Host))
	}
	l.note(System, "", strings.TrimSpace(a.Host.OS+" "+a.Host.Kernel), strings.TrimSpace(b.Host.OS+" "+b.Host.Kernel))
	l.note(Power, "", strings.TrimSpace(a.Host.Governor+" "+a.Host.Power), strings.TrimSpace(b.Host.Governor+" "+b.Host.Power))
}

// sameMemory is how much of a machine's memory another kernel may keep for
// itself.
const sameMemory = 0.02

func memory(h sample.Host) string {
	n, ok := h.MemoryBytes.Get()
	if !ok {
		return ""
	}
	return unit.Byte.Format(float64(n)) + " of memory"
}

func hardware(h sample.Host) string {
	parts := []string{h.Arch, h.CPU, fmt.Sprintf("%d cores", h.Cores)}
	for _, g := range h.GPUs {
		parts = append(parts, strings.TrimSpace(g.Name+" "+g.Driver))
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// disturbances forbid a verdict even if both runs had the same.
func (l *list) disturbances(a, b *Run) {
	da, db := a.disturbed(), b.disturbed()
	if da != "" || db != "" {
		*l = append(*l, Residue{What: Environment, A: cmp.Or(da, "quiet"), B: cmp.Or(db, "quiet")})
	}
}

// disturbed says what else the machine did, as far as the run saw it.
func (r *Run) disturbed() string {
	for _, w := range r.stored.Manifest.Warnings {
		code, text, _ := strings.Cut(w, ": ")
		if code == "env_dirty" || code == "clock_stepped" {
			return text
		}
	}
	return r.throttled
}

func (l *list) subjects(a, b sample.Manifest, p pair) {
	l.note(Subject, p.scope.Experiment, p.scope.Subject, p.other.Subject)
	l.note(Config, p.scope.Experiment+" "+p.scope.Subject, p.scope.Config, p.other.Config)
	sa, sb := subject(a, p.scope.Subject), subject(b, p.other.Subject)
	where := p.scope.Subject
	if sa.Digest == "" || sb.Digest == "" { // equal bytes may have two names
		l.note(Model, where, modelText(sa), modelText(sb))
	}
	l.note(Digest, where, sa.Digest, sb.Digest)
	l.note(Quant, where, sa.Quant, sb.Quant)
	l.note(Server, where, serverBuild(a, sa), serverBuild(b, sb))
	l.settings(where, sa.Facts, sb.Facts)
	l.note(Address, where, host(sa.URL), host(sb.URL))
}

// modelText names a model whose bytes nobody told.
func modelText(s sample.SubjectRecord) string {
	parts := []string{s.Model}
	if n, ok := s.Parameters.Get(); ok {
		parts = append(parts, fmt.Sprintf("%d parameters", n))
	}
	if n, ok := s.FileBytes.Get(); ok {
		parts = append(parts, fmt.Sprintf("%d bytes", n))
	}
	return strings.Join(parts, ", ")
}

// incidental are the facts of a runtime that change nothing in how it works:
// its address, which host compares, and the seed of a simulator.
var incidental = []string{"url", "seed"}

// settings compares what two runtimes told of themselves. A run that was not
// told anything is not held to it.
func (l *list) settings(where string, a, b map[string]string) {
	if len(a) == 0 || len(b) == 0 {
		return
	}
	names := slices.Collect(maps.Keys(a))
	for name := range b {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if a[name] != b[name] && !slices.Contains(incidental, name) {
			l.note(Settings, where, name+": "+excerpt(a[name]), name+": "+excerpt(b[name]))
		}
	}
}

// excerpt is a value on one line; of a long one the beginning, and a digest
// that tells it from others.
func excerpt(v string) string {
	if v == "" {
		return "none"
	}
	text := strings.Join(strings.Fields(v), " ")
	if runes := []rune(text); len(runes) > 40 || text != v {
		return string(runes[:min(len(runes), 32)]) + "… (" + digest.Short(digest.Text(v), 8) + ")"
	}
	return text
}

func subject(m sample.Manifest, id string) sample.SubjectRecord {
	for _, s := range m.Subjects {
		if s.ID == id {
			return s
		}
	}
	return sample.SubjectRecord{ID: id}
}

// serverBuild names the runtime. The embedded engine is this program, so its
// build is the commit too.
func serverBuild(m sample.Manifest, s sample.SubjectRecord) string {
	text := strings.TrimSpace(s.Kind + " " + s.Server)
	if s.Kind == "native" && m.Tool.Commit != "" {
		text += " " + m.Tool.Commit
		if m.Tool.Dirty {
			text += " dirty"
		}
	}
	return text
}

// host is where a server runs; ports of one machine are no difference.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "this machine"
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
		return "this machine"
	}
	return u.Hostname()
}

// mostFailed is the share of failures that a side may have (method §2.14).
const mostFailed = 0.05

func (l *list) groups(p pair) {
	where := p.scope.String()
	pa, pb := texts(p.a), texts(p.b)
	if pa != pb {
		l.note(Prompts, where, difference(p.a.prompts, p.b.prompts), difference(p.b.prompts, p.a.prompts))
	}
	if p.scope.Config == p.other.Config { // options asked for otherwise are in effect otherwise
		l.note(Effective, where, strings.Join(slices.Sorted(maps.Keys(p.a.used)), " | "), strings.Join(slices.Sorted(maps.Keys(p.b.used)), " | "))
	}
	if p.a.failing() || p.b.failing() {
		*l = append(*l, Residue{What: Failures, Where: where, A: p.a.failures(), B: p.b.failures()})
	}
}

func texts(g *group) string {
	var all []string
	for id, sha := range g.prompts {
		all = append(all, id+" "+sha)
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// difference names up to three prompts of one side that the other does not
// have, or has with another text.
func difference(have, other map[string]string) string {
	var all []string
	for id, sha := range have {
		if other[id] != sha {
			all = append(all, fmt.Sprintf("%s (%.8s…)", id, sha))
		}
	}
	slices.Sort(all)
	if len(all) == 0 {
		return "none of its own"
	}
	if n := len(all) - 3; n > 0 {
		all = append(all[:3], fmt.Sprintf("%d more", n))
	}
	return strings.Join(all, ", ")
}

func (g *group) conducted() int { return g.planned - g.stopped }

func (g *group) failing() bool {
	return float64(g.failed) > mostFailed*float64(g.conducted())
}

func (g *group) failures() string { return fmt.Sprintf("%d of %d failed", g.failed, g.conducted()) }

// designs compares what the specs fix for the requests of the pairs. A run
// without a spec (an imported one) is not held to it.
func (l *list) designs(a, b sample.Manifest, pairs []pair) {
	sa, errA := spec.Decode(a.Spec)
	sb, errB := spec.Decode(b.Spec)
	if errA != nil || errB != nil {
		return
	}
	l.note(Cache, "", string(sa.Design.Cache), string(sb.Design.Cache))
	l.note(Warmup, "", fmt.Sprint(sa.Design.Warmup), fmt.Sprint(sb.Design.Warmup))
	for _, p := range pairs {
		l.note(Streams, p.scope.Experiment, streams(sa, p.scope), streams(sb, p.other))
		l.note(API, p.scope.Subject, api(sa, p.scope), api(sb, p.other))
		for w := range p.workloads() {
			l.note(Length, w, budget(sa, w), budget(sb, w))
		}
	}
}

// workloads are those of prompts that both sides have.
func (p pair) workloads() map[string]bool {
	out := map[string]bool{}
	for id := range p.a.prompts {
		if _, ok := p.b.prompts[id]; ok {
			w, _, _ := strings.Cut(id, "/")
			out[w] = true
		}
	}
	return out
}

func streams(s *spec.Spec, at Scope) string {
	for _, e := range s.Experiments {
		if e.ID == at.Experiment {
			return fmt.Sprint(e.Streams)
		}
	}
	return "1" // experiments that the design adds, such as cold loads
}

func api(s *spec.Spec, at Scope) string {
	sub, _ := s.Subject(at.Subject)
	t, _ := s.Target(sub.Target)
	text := cmp.Or(string(sub.API), string(t.API), "default")
	if sub.Raw {
		text += ", without template"
	}
	return text
}

func budget(s *spec.Spec, workload string) string {
	w, ok := s.Workload(workload)
	if !ok {
		return ""
	}
	n := w.MaxTokens
	if w.Synthetic != nil {
		n = w.Synthetic.OutputTokens
	}
	if s.Design.FixedLength {
		return fmt.Sprintf("exactly %d tokens", n)
	}
	return fmt.Sprintf("at most %d tokens", n)
}
