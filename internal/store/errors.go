package store

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"chimera/internal/fault"
)

// What a caller may branch on with errors.Is.
var (
	ErrNotFound   = errors.New("no such run")
	ErrAmbiguous  = errors.New("the prefix fits several runs")
	ErrSealed     = errors.New("the run is sealed")
	ErrNotSealed  = errors.New("the run is not sealed")
	ErrConducted  = errors.New("the run is being conducted")
	ErrNoLease    = errors.New("this store handle does not conduct the run")
	ErrIncomplete = errors.New("planned trials have no final row")
	ErrExists     = errors.New("the run exists already")
)

var idPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// CheckID refuses a run id that could not also be a part of a file's name.
func CheckID(id string) error {
	if !idPattern.MatchString(id) {
		return fault.New(fault.Usage, "run id %q: must be 1 to 100 letters, digits, dots, underscores and hyphens, the first a letter or digit", id)
	}
	return nil
}

// Resolve finds the one id that is idOrPrefix or, if none is, begins with it.
func Resolve(idOrPrefix string, ids []string) (string, error) {
	var fit []string
	for _, id := range ids {
		if id == idOrPrefix {
			return id, nil
		}
		if strings.HasPrefix(id, idOrPrefix) {
			fit = append(fit, id)
		}
	}
	switch {
	case len(fit) == 0 || idOrPrefix == "":
		return "", NotFound(idOrPrefix)
	case len(fit) > 1:
		return "", fault.With(fmt.Errorf("run %q: %w: %s", idOrPrefix, ErrAmbiguous, some(fit)),
			fault.Usage, "give more characters of the id")
	}
	return fit[0], nil
}

// NotFound is the error for a run that is not there.
func NotFound(id string) error {
	return fault.With(fmt.Errorf("run %q: %w", id, ErrNotFound), fault.Usage, "`chimera runs ls` lists the runs of this store")
}

// some lists up to ten ids.
func some(ids []string) string {
	if len(ids) <= 10 {
		return strings.Join(ids, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(ids[:10], ", "), len(ids)-10)
}

func rows(n int) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}
