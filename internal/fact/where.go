package fact

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"chimera/internal/fault"
	"chimera/internal/sample"
)

// Condition compares a field of a row with a value. Numbers compare as
// numbers; other values only as equal or not.
type Condition struct {
	Field, Op, Value string // Op is one of = != < <= > >=
}

// Conditions must all hold.
type Conditions []Condition

var operators = []string{"<=", ">=", "!=", "=", "<", ">"} // longer ones first

// ParseWhere reads conditions joined by commas: "subject=270m,block<3".
func ParseWhere(text string) (Conditions, error) {
	all, err := ParseLabels(text)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if _, err := Field(&sample.Sample{}, c.Field); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// ParseLabels reads conditions on readings, whose fields are any labels:
// "device=cuda,batch_size>1".
func ParseLabels(text string) (Conditions, error) {
	var all Conditions
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		c, err := ParseCondition(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// ParseCondition reads one condition: "block<3". Its value may hold anything,
// commas too.
func ParseCondition(text string) (Condition, error) {
	at, op := len(text), ""
	for _, o := range operators {
		if i := strings.Index(text, o); i > 0 && i < at {
			at, op = i, o
		}
	}
	if op == "" {
		return Condition{}, fault.With(fmt.Errorf("condition %q has no comparison", text), fault.Usage, "for example --where subject=270m,config.num_ctx<=2048")
	}
	return Condition{Field: strings.TrimSpace(text[:at]), Op: op, Value: strings.TrimSpace(text[at+len(op):])}, nil
}

func (cs Conditions) fits(field func(string) (string, error)) (bool, error) {
	for _, c := range cs {
		got, err := field(c.Field)
		if err != nil || !c.Matches(got) {
			return false, err
		}
	}
	return true, nil
}

func (cs Conditions) fitReading(r *sample.Reading) bool {
	for _, c := range cs {
		if !c.Matches(readingField(r, c.Field)) {
			return false
		}
	}
	return true
}

// Matches reports whether the condition holds of a field's text.
func (c Condition) Matches(got string) bool {
	a, errA := strconv.ParseFloat(got, 64)
	b, errB := strconv.ParseFloat(c.Value, 64)
	if errA == nil && errB == nil {
		return c.holds(cmp.Compare(a, b))
	}
	if c.Op != "=" && c.Op != "!=" {
		return false // a row without a number there is not below or above one
	}
	return c.holds(cmp.Compare(got, c.Value))
}

func (c Condition) holds(order int) bool {
	switch c.Op {
	case "=":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

// beside is the text of the conditions on fields that make no scope: what else a
// fact is of. It is empty where the scope says it all.
func (cs Conditions) beside(by []string) string {
	var parts []string
	for _, c := range cs {
		if c.Op != "=" || !slices.Contains(by, c.Field) {
			parts = append(parts, c.Field+c.Op+c.Value)
		}
	}
	return strings.Join(parts, ", ")
}
