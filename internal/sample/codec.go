package sample

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxLine bounds one JSON line: a sample of a long answer with 100,000 chunks
// stays well below it.
const MaxLine = 64 << 20

// Write appends s as one JSON line.
func Write(w io.Writer, s *Sample) error {
	b, err := Encode(s)
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// Encode renders s as one JSON object without white space.
func Encode(s *Sample) ([]byte, error) { return Append(nil, s) }

// Append renders s behind b, as Encode does.
func Append(b []byte, s *Sample) ([]byte, error) {
	out, err := appendJSON(b, s)
	if err != nil {
		return b, fmt.Errorf("sample %s of run %s: %w", s.Trial, s.Run, err)
	}
	return out, nil
}

// Decode reads one JSON object. It refuses a newer schema: guessing at fields
// it does not know would be inventing data.
func Decode(b []byte) (*Sample, error) {
	var s Sample
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, err
	}
	if s.Schema < 1 || s.Schema > Schema {
		return nil, fmt.Errorf("sample schema is %d, this build reads 1 to %d", s.Schema, Schema)
	}
	return &s, nil
}

// Read yields the samples of a JSONL stream until yield says stop. An error
// names its line.
func Read(r io.Reader, yield func(*Sample) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, MaxLine)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		s, err := Decode(lines.Bytes())
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if err := yield(s); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("a line is longer than %d bytes", MaxLine)
	}
	return lines.Err()
}
