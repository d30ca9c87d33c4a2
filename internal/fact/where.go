package fact

import (
	"cmp"
	"fmt"
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
	var all Conditions
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		c, err := parseCondition(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func parseCondition(text string) (Condition, error) {
	at, op := len(text), ""
	for _, o := range operators {
		if i := strings.Index(text, o); i > 0 && i < at {
			at, op = i, o
		}
	}
	if op == "" {
		return Condition{}, fault.With(fmt.Errorf("condition %q has no comparison", text), fault.Usage, "for example --where subject=270m,config.num_ctx<=2048")
	}
	c := Condition{Field: strings.TrimSpace(text[:at]), Op: op, Value: strings.TrimSpace(text[at+len(op):])}
	if _, err := Field(&sample.Sample{}, c.Field); err != nil {
		return Condition{}, err
	}
	return c, nil
}

func (cs Conditions) fits(s *sample.Sample) (bool, error) {
	for _, c := range cs {
		ok, err := c.fits(s)
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func (c Condition) fits(s *sample.Sample) (bool, error) {
	got, err := Field(s, c.Field)
	if err != nil {
		return false, err
	}
	a, errA := strconv.ParseFloat(got, 64)
	b, errB := strconv.ParseFloat(c.Value, 64)
	if errA == nil && errB == nil {
		return c.holds(cmp.Compare(a, b)), nil
	}
	if c.Op != "=" && c.Op != "!=" {
		return false, nil // a row without a number there is not below or above one
	}
	return c.holds(cmp.Compare(got, c.Value)), nil
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
