package sample

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
)

// columnsVersion is the version of the bytes that Encode writes. They are a
// copy of rows, so another version is not read but made again.
const columnsVersion = 2

// Encode renders the columns; equal rows give equal bytes. Numbers are kept as
// differences to the number before them, trials by what they share with the
// trial before them.
func (c *Columns) Encode() []byte {
	b := []byte{columnsVersion}
	b = binary.AppendUvarint(b, uint64(len(c.rows)))
	b = binary.AppendUvarint(b, uint64(len(c.heads)))
	for _, h := range c.heads {
		b = appendText(b, h.line)
	}
	var column []byte
	for _, at := range c.rows {
		column = binary.AppendUvarint(column, uint64(at))
	}
	b = appendText(b, string(column))
	b = appendText(b, string(c.appendTrials(column[:0])))
	for _, values := range c.values {
		column = column[:0]
		before := int64(0)
		for _, v := range values {
			column = appendNumber(column, v-before) // may wrap around, and back
			before = v
		}
		b = appendText(b, string(column))
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

func (c *Columns) appendTrials(b []byte) []byte {
	var before []byte
	from := uint32(0)
	for _, end := range c.ends {
		trial := c.trials[from:end]
		same := 0
		for same < min(len(before), len(trial)) && before[same] == trial[same] {
			same++
		}
		b = binary.AppendUvarint(b, uint64(same))
		b = appendText(b, string(trial[same:]))
		before, from = trial, end
	}
	return b
}

// DecodeColumns reads what Encode wrote. Bytes that were changed since are an
// error, bytes of another version are ErrColumnsVersion.
func DecodeColumns(b []byte) (*Columns, error) {
	if len(b) == 0 || b[0] != columnsVersion {
		return nil, ErrColumnsVersion
	}
	if len(b) < 1+sha256.Size {
		return nil, errColumns
	}
	body, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if got := sha256.Sum256(body); string(got[:]) != string(sum) {
		return nil, fmt.Errorf("%w: their sum differs", errColumns)
	}
	r := reader{rest: body[1:]}
	rows, heads := r.size(), r.size()
	if r.failed || rows > len(body) || heads > rows {
		return nil, errColumns
	}
	c := &Columns{heads: make([]head, heads)}
	for i := range c.heads {
		var err error
		if c.heads[i], err = decodeHead(r.text()); err != nil {
			return nil, fmt.Errorf("head %d of columns: %w", i, err)
		}
	}
	var want [numbers]int // how many values each column has
	if !c.readRows(reader{rest: r.text()}, rows, &want) || !c.readTrials(reader{rest: r.text()}, rows) {
		return nil, errColumns
	}
	for i := range c.values {
		column := reader{rest: r.text()}
		if c.values[i] = column.numbers(want[i]); column.failed || len(column.rest) > 0 {
			return nil, errColumns
		}
	}
	if r.failed || len(r.rest) > 0 {
		return nil, errColumns
	}
	return c, nil
}

func (c *Columns) readRows(r reader, rows int, want *[numbers]int) bool {
	c.rows = make([]uint32, rows)
	of := make([]int, len(c.heads))
	for i := range c.rows {
		at := r.size()
		if at >= len(c.heads) {
			return false
		}
		c.rows[i] = uint32(at)
		of[at]++
	}
	for i, h := range c.heads {
		for _, n := range h.has {
			want[n] += of[i]
		}
	}
	return !r.failed && len(r.rest) == 0
}

func (c *Columns) readTrials(r reader, rows int) bool {
	c.ends = make([]uint32, rows)
	before := 0 // where the trial before begins
	for i := range c.ends {
		same, rest := r.size(), r.text()
		from := len(c.trials)
		if r.failed || same > from-before || from+same+len(rest) > math.MaxUint32 {
			return false
		}
		c.trials = append(append(c.trials, c.trials[before:before+same]...), rest...)
		c.ends[i], before = uint32(len(c.trials)), from
	}
	return len(r.rest) == 0
}

// reader takes values from bytes; after a failure all are zero.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) size() int {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || v > math.MaxInt32 {
		r.rest, r.failed = nil, true
		return 0
	}
	r.rest = r.rest[n:]
	return int(v)
}

func (r *reader) text() []byte {
	n := r.size()
	if n > len(r.rest) {
		r.rest, r.failed = nil, true
		return nil
	}
	text := r.rest[:n]
	r.rest = r.rest[n:]
	return text
}

// numbers reads n numbers that were written as differences.
func (r *reader) numbers(n int) []int64 {
	if n > len(r.rest) {
		r.failed = true
		return nil
	}
	out := make([]int64, n)
	before, at := int64(0), 0
	for i := range out {
		d, size := binary.Varint(r.rest[at:])
		if size <= 0 {
			r.failed = true
			return nil
		}
		at += size
		before += d
		out[i] = before
	}
	r.rest = r.rest[at:]
	return out
}

func appendNumber(b []byte, v int64) []byte { return binary.AppendVarint(b, v) }

func appendFloat(b []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}
