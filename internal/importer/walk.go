package importer

import (
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

	"chimera/internal/digest"
	"chimera/internal/fault"
)

// found is one entry below a named path: bytes, or why there are none.
type found struct {
	path   string
	bytes  []byte
	reason string
}

// walk yields everything below the roots in path order. Only a root that is not
// there is an error. Symbolic links below a root are not followed, so that no
// loop exists; folders whose name begins with a dot are not entered.
func walk(ctx context.Context, roots []string, each func(found) error) error {
	names, err := rootNames(roots)
	if err != nil {
		return err
	}
	var entries []entry
	for i, root := range roots {
		if entries, err = list(ctx, root, names[i], entries); err != nil {
			return err
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	total := int64(0)
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		f := found{path: e.name, reason: e.reason}
		if f.reason == "" {
			f.bytes, f.reason = read(e.file, MaxTotal-total)
			total += int64(len(f.bytes))
		}
		if err := each(f); err != nil {
			return err
		}
	}
	return nil
}

type entry struct{ file, name, reason string }

// rootNames gives each root the prefix of its files' paths: none for a single
// one, its name where there are several, with a number where names are equal.
func rootNames(roots []string) ([]string, error) {
	names := make([]string, len(roots))
	if len(roots) == 1 {
		return names, nil
	}
	seen := map[string]int{}
	for i, root := range roots {
		full, err := filepath.Abs(root)
		if err != nil {
			return nil, fault.With(err, fault.Usage, "")
		}
		name := filepath.Base(full)
		if seen[name]++; seen[name] > 1 {
			name = fmt.Sprintf("%s~%d", name, seen[name])
		}
		names[i] = filepath.ToSlash(name)
	}
	return names, nil
}

func list(ctx context.Context, root, prefix string, into []entry) ([]entry, error) {
	info, err := os.Stat(root)
	if err != nil {
		return nil, fault.With(fmt.Errorf("import: %w", err), fault.Usage, "name a file or a folder that is there")
	}
	if !info.IsDir() {
		name := prefix
		if name == "" {
			name = filepath.ToSlash(filepath.Base(root))
		}
		return append(into, entry{root, name, irregular(info.Mode())}), nil
	}
	err = filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		rel, relErr := filepath.Rel(root, file)
		if relErr != nil {
			return relErr
		}
		e := entry{file: file, name: path.Join(prefix, filepath.ToSlash(rel))}
		switch {
		case err != nil:
			e.reason = "it cannot be read: " + cause(err)
		case rel != "." && d.IsDir() && strings.HasPrefix(d.Name(), "."):
			e.reason = "a hidden folder is not entered"
		case d.IsDir():
			return nil
		default:
			e.reason = irregular(d.Type())
		}
		if len(into) == MaxFiles {
			return fault.With(fmt.Errorf("import: there are more than %d files below %s", MaxFiles, root), fault.Usage, "name the folders that hold results")
		}
		into = append(into, e)
		if d != nil && d.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
	return into, err
}

func irregular(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link is not followed"
	case !mode.IsRegular():
		return "it is no regular file"
	}
	return ""
}

// cause is an error without the machine's path in it.
func cause(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// read returns a file's bytes, or why not. What is opened is asked again
// whether it is a regular file: it may have changed since it was listed.
func read(file string, left int64) ([]byte, string) {
	f, err := os.Open(file)
	if err != nil {
		return nil, "it cannot be read: " + cause(err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, "it cannot be read: " + cause(err)
	case !info.Mode().IsRegular():
		return nil, "it is no regular file"
	case info.Size() > MaxFile:
		return nil, fmt.Sprintf("it is larger than %d MiB", MaxFile>>20)
	case info.Size() > left:
		return nil, fmt.Sprintf("the files before it fill %d MiB", MaxTotal>>20)
	}
	b, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	switch {
	case err != nil:
		return nil, "it cannot be read: " + cause(err)
	case len(b) > MaxFile:
		return nil, fmt.Sprintf("it is larger than %d MiB", MaxFile>>20)
	}
	return b, ""
}

// source makes a Source of what was found.
func (f found) source() *Source {
	return &Source{Path: f.path, Bytes: f.bytes, SHA256: digest.Bytes(f.bytes)}
}
