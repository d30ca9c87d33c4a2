package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"chimera/internal/fault"
)

// maxInputLine bounds one JSON line on standard input.
const maxInputLine = 16 << 20

// eachLine answers every JSON line of standard input with one JSON line. The
// first line that cannot be answered ends it, with its number.
func eachLine[T any](a *app, answer func(T) (any, error)) error {
	lines := bufio.NewScanner(a.Stdin)
	lines.Buffer(nil, maxInputLine)
	out := bufio.NewWriter(a.Stdout)
	defer out.Flush()
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	n := 0
	for lines.Scan() {
		n++
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var in T
		dec := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		dec.DisallowUnknownFields()
		err := dec.Decode(&in)
		var result any
		if err == nil {
			result, err = answer(in)
		}
		if err == nil {
			err = enc.Encode(result)
		}
		if err == nil {
			err = out.Flush() // a caller may wait for this answer before it asks again
		}
		if err != nil {
			err = fault.With(fmt.Errorf("standard input: line %d: %w", n, err), fault.Usage, "")
			return withHint(err, "one JSON object a line; --help shows its fields")
		}
	}
	switch {
	case errors.Is(lines.Err(), bufio.ErrTooLong):
		return fault.New(fault.Usage, "standard input: line %d is longer than %d bytes", n+1, maxInputLine)
	case lines.Err() != nil:
		return fault.With(lines.Err(), fault.Usage, "")
	case n == 0:
		return fault.With(errors.New("standard input is empty"), fault.Usage, "give one JSON object a line; --help shows its fields")
	}
	return nil
}
