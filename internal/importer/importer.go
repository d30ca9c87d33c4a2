// Package importer turns other tools' files into rows like our own, or says
// why it does not.
//
// A file is believed only as far as it is understood. What a format says is
// read by that format's own package; here stand the rules they share: which
// bytes are read at all, that the same bytes or the same row count once, which
// rows were cold, and how rows become a run. A failed row stays a row with its
// reason. A number whose definition differs from ours keeps its own name
// (a reading), and an instant that nobody observed stays absent. A file that is
// not understood is listed with the reason and yields nothing: no guess.
package importer

import (
	"chimera/internal/sample"
)

// Rules is the version of the rules by which files become rows. It is part of
// an import's id: other rules make other rows of the same bytes.
const Rules = 1

// A Format reads one tool's files.
type Format struct {
	Name string
	// Read returns what the file holds, or nil if it is not of this format,
	// which it decides by content before name. An error says why a file that is
	// of this format cannot be read; it yields no rows.
	Read func(*Source) (*Content, error)
}

// Content is what a format found in one file.
type Content struct {
	Kind string // "legacy/tuning", "guidellm/report" …
	Rows []Row
	// Make makes the row at a place from 0 to Len−1, as often as it is asked, for
	// files of so many rows that they had better not stand in memory together.
	// There are no Rows then.
	Make     func(place int) Row
	Len      int
	Reason   string // what a reader must know of the file as a whole
	Broken   bool   // the file could not be read to its end; Reason says why
	Subjects []sample.SubjectRecord
}

func (c *Content) len() int {
	if c.Make != nil {
		return c.Len
	}
	return len(c.Rows)
}

func (c *Content) row(place int) *Row {
	if c.Make != nil {
		row := c.Make(place)
		return &row
	}
	return &c.Rows[place]
}

// A Row is one row of a file: what it became, or why it became nothing.
type Row struct {
	// Number counts the file's rows of data from 1.
	Number int
	// Sample is nil for a row that is no request. Its instants, where the file
	// has them, are nanoseconds since the Unix epoch; the run's ids, order and
	// provenance are filled in by Gather.
	Sample *sample.Sample
	// Prompt is the text that was sent, where the file has it.
	Prompt string
	// Readings are what the row says under its own names. An At of 0 means that
	// the file does not say when; any other is nanoseconds since the epoch.
	Readings []sample.Reading
	// Skip says why a row yields nothing.
	Skip string
	// Key is equal for rows of different files that report the same event; the
	// one of most Detail counts, of equals the first in path order.
	Key    string
	Detail int
}

// Failed reports whether the row is a failure: a sample that did not end well,
// or a reading without a value.
func (r *Row) Failed() bool { return r.reason() != "" && r.Skip == "" }

func (r *Row) reason() string {
	switch {
	case r.Skip != "":
		return r.Skip
	case r.Sample != nil && r.Sample.Failure != nil:
		return r.Sample.Failure.Message
	case r.Sample != nil:
		return ""
	}
	for _, reading := range r.Readings {
		if !reading.Value.OK() {
			return reading.Reason
		}
	}
	return ""
}

// File is one file that was found, and what came of it.
type File struct {
	Path    string `json:"path"` // relative to the path that was named, with slashes
	Kind    string `json:"kind"`
	SHA256  string `json:"sha256"`
	Rows    int    `json:"rows"`    // rows of data in the file
	Failed  int    `json:"failed"`  // of them: kept as failures, with a reason
	Skipped int    `json:"skipped"` // of them: not imported
	Reason  string `json:"reason,omitempty"`
	Err     bool   `json:"-"` // a format knew it, and could not read it or read on
}

// Kinds of files that no format reads.
const (
	Prose   = "prose"   // Markdown
	Unknown = "unknown" // no format knows it, or it is broken
	Unread  = "unread"  // its bytes were not read: a link, too large, no permission
)

// Broken reports whether nobody could read the file, or its reader gave up.
func (f File) Broken() bool {
	return f.Kind == Unknown || f.Kind == Unread || f.Err
}

// Imported is how many rows of the file became samples or readings.
func (f File) Imported() int { return f.Rows - f.Skipped }
