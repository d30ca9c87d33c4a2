package target

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/spec"
)

// CheckOptions refuses a configuration that holds a name which options does
// not: most runtimes ignore an unknown option in silence, and a factor that
// nobody read would look like one without effect.
func CheckOptions(kind string, options []spec.Option, config map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(config)) {
		if !slices.ContainsFunc(options, func(o spec.Option) bool { return o.Name == name }) {
			return fault.With(fmt.Errorf("option %q is none that a target of kind %s can set", name, kind),
				fault.Usage, "it can set "+strings.Join(optionNames(options), ", "))
		}
	}
	return nil
}

func optionNames(options []spec.Option) []string {
	names := make([]string, len(options))
	for i, o := range options {
		names[i] = o.Name
	}
	return names
}

// UnknownModel is the error for a model that a server does not have.
func UnknownModel(server, model, hint string) error {
	return fault.With(fmt.Errorf("%s has no model %q", server, model), fault.Usage, hint)
}

// Refused is the observation of a request that cannot be put into the
// runtime's protocol: it was not sent, and says why.
func Refused(now Clock, err error) sample.Observation {
	a := Answer{}
	a.T.End = sample.Some(now())
	a.Break("the request was not sent: %v", err)
	return a.Observation
}

// CheckRequest refuses what no runtime of kind k can answer.
func CheckRequest(k Kind, req Request) error {
	if req.MaxTokens < 1 {
		return fmt.Errorf("the output budget must be at least 1 token, but is %d", req.MaxTokens)
	}
	if err := CheckOptions(k.Name, k.Options, req.Config); err != nil {
		return err
	}
	if req.Fixed && !req.Constraint.Free() {
		return fault.With(errors.New("an answer of a fixed length cannot follow a constraint, which says where it ends"),
			fault.Usage, "leave out one of the two")
	}
	return k.Honours(req.Constraint)
}
