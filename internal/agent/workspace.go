package agent

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"chimera/internal/digest"
	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/finding"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// Bounds of a workspace.
const (
	MaxFiles     = 20_000
	MaxFileBytes = 256 << 20 // of one file; a larger one is listed and not read
)

// Workspace is what stands in a folder. Names are relative to it, with slashes.
type Workspace struct {
	Name  string  `json:"name"` // of the folder, without its path
	Files []Entry `json:"files"`
	Bytes int64   `json:"bytes"`
}

// Entry is one file.
type Entry struct {
	Path     string    `json:"path"`
	Kind     string    `json:"kind"` // its extension in small letters; "none" without one
	Bytes    int64     `json:"bytes"`
	SHA256   string    `json:"sha256,omitempty"`
	Modified time.Time `json:"modified"`
	Reason   string    `json:"reason,omitempty"` // why it was not read
}

// Scan lists a folder. Links are not followed and hidden folders are not
// entered, as the importer does; anything wrong with one file is that file's
// reason.
func Scan(ctx context.Context, root string) (Workspace, error) {
	full, err := filepath.Abs(root)
	if err != nil {
		return Workspace{}, fault.With(err, fault.Usage, "")
	}
	if info, err := os.Stat(full); err != nil || !info.IsDir() {
		return Workspace{}, fault.With(cmp.Or(err, fmt.Errorf("%s is no folder", root)), fault.Usage, "name the folder that holds the measurements")
	}
	w := Workspace{Name: filepath.Base(full)}
	err = filepath.WalkDir(full, func(file string, d fs.DirEntry, err error) error {
		if stop := ctx.Err(); stop != nil {
			return stop
		}
		hidden := file != full && strings.HasPrefix(path.Base(filepath.ToSlash(file)), ".")
		switch {
		case err != nil && (d == nil || !d.IsDir()):
			return err
		case d.IsDir() && hidden:
			return filepath.SkipDir
		case d.IsDir() || hidden:
			return nil
		case len(w.Files) == MaxFiles:
			return fault.With(fmt.Errorf("%s holds more than %d files", root, MaxFiles), fault.Usage, "name a folder below it")
		}
		rel, err := filepath.Rel(full, file)
		if err != nil {
			return err
		}
		e := entryOf(filepath.ToSlash(rel), file, d)
		w.Files, w.Bytes = append(w.Files, e), w.Bytes+e.Bytes
		return nil
	})
	slices.SortFunc(w.Files, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	return w, err
}

func entryOf(name, file string, d fs.DirEntry) Entry {
	e := Entry{Path: name, Kind: strings.TrimPrefix(strings.ToLower(path.Ext(name)), ".")}
	if e.Kind == "" {
		e.Kind = "none"
	}
	info, err := d.Info()
	if err == nil {
		e.Modified = info.ModTime().UTC()
	}
	switch {
	case err != nil:
		e.Reason = "it cannot be looked at"
	case !d.Type().IsRegular():
		e.Reason = "it is no regular file"
	case info.Size() > MaxFileBytes:
		e.Bytes, e.Reason = info.Size(), "it is too large to read"
	default:
		e.Bytes = info.Size()
		if e.SHA256, err = digestOf(file); err != nil {
			e.Reason = "it cannot be read"
		}
	}
	return e
}

func digestOf(file string) (sum string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return digest.Reader(bufio.NewReader(io.LimitReader(f, MaxFileBytes)))
}

// Newest is the latest time at which a file was changed.
func (w Workspace) Newest() (time.Time, bool) {
	var newest time.Time
	for _, e := range w.Files {
		if e.Modified.After(newest) {
			newest = e.Modified
		}
	}
	return newest, !newest.IsZero()
}

// Folders are the folders that hold files, by name; "." is the workspace
// itself.
func (w Workspace) Folders() []string { return w.names(func(e Entry) string { return top(e.Path) }) }

// Kinds are the kinds of files, by name.
func (w Workspace) Kinds() []string { return w.names(func(e Entry) string { return e.Kind }) }

func (w Workspace) names(of func(Entry) string) []string {
	var out []string
	for _, e := range w.Files {
		out = append(out, of(e))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// top is the folder of a file, two levels deep at most: deeper ones are many.
func top(name string) string {
	dir := path.Dir(name)
	parts := strings.Split(dir, "/")
	return strings.Join(parts[:min(len(parts), 2)], "/")
}

// Counted are the facts of a workspace: how many files there are of each kind
// and in each folder. A count is no estimate and has no interval; its evidence
// is the digest of the files it counts.
type Counted struct {
	All     fact.Fact
	Bytes   fact.Fact
	Kinds   []fact.Fact // scope: kind
	Folders []fact.Fact // scope: folder
}

// Count makes the facts of a workspace. One without files has none, and is an
// error of code Invalid.
func (w Workspace) Count() (Counted, error) {
	if len(w.Files) == 0 {
		return Counted{}, fault.With(fmt.Errorf("the workspace %s holds no file", w.Name), fault.Invalid, "name the folder that holds the measurements")
	}
	var c Counted
	var all []error
	add := func(scope map[string]string, keep func(Entry) bool) fact.Fact {
		f, err := w.count(scope, keep)
		all = append(all, err)
		return f
	}
	c.All = add(map[string]string{}, func(Entry) bool { return true })
	for _, k := range w.Kinds() {
		c.Kinds = append(c.Kinds, add(map[string]string{"kind": k}, func(e Entry) bool { return e.Kind == k }))
	}
	for _, d := range w.Folders() {
		c.Folders = append(c.Folders, add(map[string]string{"folder": d}, func(e Entry) bool { return top(e.Path) == d }))
	}
	bytes, err := fact.Derive(fact.Fact{Metric: "file_bytes", Version: 1, Aggregate: "sum", Unit: unit.Byte, Value: sample.Some(float64(w.Bytes)),
		N: len(w.Files), Planned: len(w.Files), Method: "summed"}, c.All)
	c.Bytes = bytes
	return c, errors.Join(append(all, err)...)
}

func (w Workspace) count(scope map[string]string, keep func(Entry) bool) (fact.Fact, error) {
	f := fact.Fact{Metric: "files", Version: 1, Aggregate: "count", Unit: unit.None, Scope: scope, Method: "counted",
		Evidence: fact.Evidence{Rows: []string{}}}
	var chain digest.Chain
	for _, e := range w.Files {
		if !keep(e) {
			continue
		}
		f.N++
		chain.Add([]byte(e.Path + "\x00" + e.SHA256))
		if f.N <= fact.MaxRows {
			f.Evidence.Rows = append(f.Evidence.Rows, e.Path)
		}
	}
	if f.N > fact.MaxRows {
		f.Evidence.Total = f.N
	}
	f.Planned, f.Value, f.Evidence.Digest = f.N, sample.Some(float64(f.N)), chain.Sum()
	return fact.Identify(f)
}

// Facts lists all of them.
func (c Counted) Facts() []fact.Fact {
	return append(append([]fact.Fact{c.All, c.Bytes}, c.Kinds...), c.Folders...)
}

// stock are the facts of an inventory: files, and rows by subject.
func (m *Material) stock() []fact.Fact {
	if m.counted == nil {
		m.counted = []fact.Fact{}
		if m.Counted != nil {
			m.counted = m.Counted.Facts()
		}
		m.counted = append(m.counted, m.rows()...)
	}
	return m.counted
}

// rows counts the rows of each subject, and those of them that have a value.
func (m *Material) rows() []fact.Fact {
	type tally struct {
		all, ok int
		chain   digest.Chain
	}
	by := map[string]*tally{}
	for _, r := range m.Ledger.Rows {
		s := r.Labels[fact.LabelSubject]
		if s == "" || r.Kind != fact.KindRequest {
			continue
		}
		if by[s] == nil {
			by[s] = &tally{}
		}
		by[s].all++
		by[s].chain.Add([]byte(r.ID))
		if r.Outcome == sample.OK {
			by[s].ok++
		}
	}
	var out []fact.Fact
	for _, s := range m.Ledger.Values(fact.LabelSubject) {
		if by[s] == nil {
			continue
		}
		f, err := fact.Identify(fact.Fact{Metric: "rows", Version: 1, Aggregate: "count", Unit: unit.None, Scope: map[string]string{"subject": s}, Method: "counted",
			Value: sample.Some(float64(by[s].ok)), N: by[s].ok, Planned: by[s].all, Evidence: fact.Evidence{Rows: []string{}, Digest: by[s].chain.Sum()}})
		if err != nil {
			panic("agent: " + err.Error()) // strings and finite numbers are JSON
		}
		out = append(out, f)
	}
	return out
}

// inventoryTable is the inventory as a table of facts, one line for each kind or folder.
func inventoryTable(label string, facts []fact.Fact) finding.Table {
	t := finding.Table{ID: "files-by-" + label, Title: "Files by " + label, Labels: []string{label},
		Columns: []finding.Column{{Head: "files", Metric: "files", Aggregate: "count", As: finding.AsValue}}}
	for _, f := range facts {
		t.Rows = append(t.Rows, finding.Row{Names: []string{quoted(f.Scope[label])}, Cells: []finding.Cell{{Fact: f.ID}}})
	}
	return t
}

// quoted bounds a foreign name before it enters a prompt or a report: it is one
// line, of printable characters, and at most 80 of them.
func quoted(name string) string {
	const most = 80
	r := []rune(strings.Map(func(c rune) rune {
		if !isPlain(c) {
			return '·'
		}
		return c
	}, strings.ToValidUTF8(name, "·")))
	if len(r) > most {
		r = append(r[:most-1], '…')
	}
	return string(r)
}

// isPlain admits the characters that file names and labels are made of. Control
// and direction marks, and what could end a quotation, are not among them.
func isPlain(c rune) bool {
	switch {
	case c < 0x20, c == 0x7f, c >= 0x80 && c < 0xa0, c == '"', c == '`', c == '{', c == '}', c == '<', c == '>':
		return false
	case c >= 0x200b && c <= 0x200f, c >= 0x2028 && c <= 0x202e, c >= 0x2066 && c <= 0x2069, c == 0xfeff:
		return false
	}
	return true
}
