package store

import (
	"bytes"
	"encoding/json"

	"chimera/internal/digest"
	"chimera/internal/sample"
	"chimera/internal/spec"
)

// DigestVersion is the version of the rule by which a run's digest is made
// (docs/formats/run.md).
const DigestVersion = 1

// Parts are the digests of a run's parts. The run's digest is made of them, so
// that a difference can be told to lie in one.
type Parts struct {
	Manifest string `json:"manifest"`
	Plan     string `json:"plan"`
	Samples  string `json:"samples"`
	Readings string `json:"readings"`
	Trials   int    `json:"trials"`        // number of planned trials
	NSamples int    `json:"sample_count"`  // number of rows, superseded ones included
	NReading int    `json:"reading_count"` // number of readings
}

// Digest names a run that ended so.
func (p Parts) Digest(run string, status Status) (string, error) {
	return digest.JSON(struct {
		Version int    `json:"digest_version"`
		Run     string `json:"run"`
		Status  Status `json:"status"`
		Parts   Parts  `json:"parts"`
	}{DigestVersion, run, status, p})
}

// A Summer makes Parts of a run's lines as they are stored, fed in the order
// manifest, plan header, trials, samples, readings. The zero value is ready.
type Summer struct {
	parts                   Parts
	plan, samples, readings digest.Chain
}

// Manifest takes the manifest's line.
func (s *Summer) Manifest(line []byte) { s.parts.Manifest = digest.Bytes(line) }

// Header takes the plan without its trials.
func (s *Summer) Header(line []byte) { s.plan.Add(line) }

// Trial takes one trial, in plan order.
func (s *Summer) Trial(line []byte) { s.plan.Add(line); s.parts.Trials++ }

// Sample takes one row, in the order of Reader.Samples.
func (s *Summer) Sample(line []byte) { s.samples.Add(line); s.parts.NSamples++ }

// Reading takes one reading, in the order of Reader.Readings.
func (s *Summer) Reading(line []byte) { s.readings.Add(line); s.parts.NReading++ }

// Parts returns the digests of everything taken.
func (s *Summer) Parts() Parts {
	p := s.parts
	p.Plan, p.Samples, p.Readings = s.plan.Sum(), s.samples.Sum(), s.readings.Sum()
	return p
}

// Line renders v as the JSON line that is stored and digested: no white space,
// struct fields in their declared order, map keys sorted.
func Line(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

// SampleLine renders a row as it is stored: without superseded, which is
// computed from the manifest's sessions when the row is read.
func SampleLine(s *sample.Sample) ([]byte, error) {
	return AppendSample(nil, s)
}

// AppendSample renders a row as it is stored behind b.
func AppendSample(b []byte, s *sample.Sample) ([]byte, error) {
	stored := *s
	stored.Superseded = false
	return sample.Append(b, &stored)
}

// Header is a plan without its trials, which are stored one by one.
func Header(p *spec.Plan) spec.Plan {
	h := *p
	h.Trials = nil
	return h
}

// Verification is what Verify found.
type Verification struct {
	Run         string       `json:"run"`
	Status      Status       `json:"status"`
	Sealed      string       `json:"sealed"`     // the digest in the seal
	Recomputed  string       `json:"recomputed"` // the digest of the rows as they are now
	Differences []Difference `json:"differences,omitempty"`
}

// OK reports whether the run is as it was sealed.
func (v Verification) OK() bool { return v.Sealed == v.Recomputed && len(v.Differences) == 0 }

// Difference is one thing that is not as it was sealed.
type Difference struct {
	Part string `json:"part"`          // manifest, plan, samples, readings or seal
	Row  string `json:"row,omitempty"` // which row, where it can be told
	Want string `json:"want"`
	Got  string `json:"got"`
}

// Diff lists the parts in which now differs from the sealed parts.
func Diff(sealed, now Parts) []Difference {
	var all []Difference
	for _, c := range []struct {
		part      string
		want, got string
		n, m      int
	}{
		{"manifest", sealed.Manifest, now.Manifest, 0, 0},
		{"plan", sealed.Plan, now.Plan, sealed.Trials, now.Trials},
		{"samples", sealed.Samples, now.Samples, sealed.NSamples, now.NSamples},
		{"readings", sealed.Readings, now.Readings, sealed.NReading, now.NReading},
	} {
		if c.n != c.m {
			all = append(all, Difference{Part: c.part, Want: rows(c.n), Got: rows(c.m)})
		} else if c.want != c.got {
			all = append(all, Difference{Part: c.part, Want: c.want, Got: c.got})
		}
	}
	return all
}
