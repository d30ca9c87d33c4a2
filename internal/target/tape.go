package target

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// blockSize is the unit in which a tape grows: 256 streams at once hold 4 MiB
// of first blocks, and a long answer never copies what it already holds.
const blockSize = 16 << 10

type block [blockSize]byte

var (
	blocks = sync.Pool{New: func() any { return new(block) }}
	tapes  = sync.Pool{New: func() any { return new(Tape) }}
)

// errTooLarge marks a body beyond Limits.
var errTooLarge = errors.New("beyond the bound")

// arrival says that the bytes up to end (exclusive) had been read by at.
type arrival struct {
	end int
	at  time.Duration
}

// A Tape holds a response body as it arrived: its bytes, and the instant of
// every read. Nothing is parsed while it records, except that complete lines
// are offered to a cheap test for the protocol's end; framing and decoding
// come after the last byte, when they can delay no stamp.
//
// Its memory comes from a pool: recording allocates nothing once the pool is
// warm. A Tape is not safe for concurrent use.
type Tape struct {
	blocks   []*block
	arrivals []arrival
	n        int  // bytes recorded
	scanned  int  // bytes already searched for line ends
	line     int  // offset of the first byte of the unfinished line
	clean    bool // the body ended by itself
	ended    bool // the end marker was seen
	scratch  []byte
	data     []byte // of the event at hand
}

// NewTape returns an empty tape; Free gives its memory back.
func NewTape() *Tape { return tapes.Get().(*Tape) }

// Free returns the tape's memory to the pool. Nothing that the tape handed out
// may be used afterwards.
func (t *Tape) Free() {
	for i, b := range t.blocks {
		blocks.Put(b)
		t.blocks[i] = nil
	}
	*t = Tape{blocks: t.blocks[:0], arrivals: t.arrivals[:0], scratch: t.scratch[:0], data: t.data[:0]}
	if cap(t.scratch) > 4*blockSize { // one long line must not stay resident
		t.scratch, t.data = nil, nil
	}
	tapes.Put(t)
}

// Len returns the number of bytes recorded.
func (t *Tape) Len() int { return t.n }

// Clean reports whether the body ended by itself, with nothing after it.
func (t *Tape) Clean() bool { return t.clean }

// Record reads body until it ends, fails or passes limits, or until end
// accepts a complete line (given without its terminator). at returns the
// instant of the read that just returned; it is called once per read, before
// anything looks at the bytes. Both ends of a body, its own and the marker's,
// return nil.
func (t *Tape) Record(body io.Reader, at func() time.Duration, limits Limits, end func(line []byte) bool) error {
	idle := 0
	for {
		n, err := body.Read(t.tail())
		if n > 0 {
			t.stamp(n, at())
			idle = 0
			if t.scan(end) {
				t.ended = true
				return nil
			}
			if t.n > limits.Response {
				return fmt.Errorf("the response is longer than %d bytes: %w", limits.Response, errTooLarge)
			}
			if t.n-t.line > limits.Line {
				return fmt.Errorf("a line is longer than %d bytes: %w", limits.Line, errTooLarge)
			}
		}
		switch {
		case err == io.EOF:
			t.clean = true
			return nil
		case err != nil:
			return err
		case n == 0:
			if idle++; idle > 100 {
				return io.ErrNoProgress
			}
		}
	}
}

// tail returns free memory to read into. Offsets stay uniform, so the last
// bytes of a block make a short read; its bytes then share the instant of the
// read below, because that is what stamps them.
func (t *Tape) tail() []byte {
	if t.n == len(t.blocks)*blockSize {
		t.blocks = append(t.blocks, blocks.Get().(*block))
	}
	return t.blocks[len(t.blocks)-1][t.n%blockSize:]
}

func (t *Tape) stamp(n int, at time.Duration) {
	t.n += n
	if last := len(t.arrivals) - 1; last >= 0 && t.arrivals[last].at == at {
		t.arrivals[last].end = t.n
		return
	}
	t.arrivals = append(t.arrivals, arrival{t.n, at})
}

// scan offers the lines completed by the newest bytes to end.
func (t *Tape) scan(end func(line []byte) bool) bool {
	for {
		i := t.index(t.scanned, '\n')
		if i < 0 {
			t.scanned = t.n
			return false
		}
		line := t.slice(t.line, i)
		t.scanned, t.line = i+1, i+1
		if end != nil && end(line) {
			return true
		}
	}
}

// index returns the offset of the first c at or after from, or -1.
func (t *Tape) index(from int, c byte) int {
	for from < t.n {
		b := from / blockSize
		stop := min(blockSize, t.n-b*blockSize)
		if i := bytes.IndexByte(t.blocks[b][from%blockSize:stop], c); i >= 0 {
			return from + i
		}
		from = (b + 1) * blockSize
	}
	return -1
}

// slice returns the bytes [from, to), valid until the next call: within one
// block a view, across blocks a copy.
func (t *Tape) slice(from, to int) []byte {
	b := from / blockSize
	if to <= (b+1)*blockSize {
		if from == to {
			return nil
		}
		return t.blocks[b][from%blockSize : to-b*blockSize]
	}
	t.scratch = t.scratch[:0]
	for from < to {
		b = from / blockSize
		stop := min(to-b*blockSize, blockSize)
		t.scratch = append(t.scratch, t.blocks[b][from%blockSize:stop]...)
		from = b*blockSize + stop
	}
	return t.scratch
}

// A clock hand moves over the arrivals: offsets must not decrease.
type hand struct {
	t *Tape
	i int
}

// at returns the instant at which the byte before end had been read.
func (h *hand) at(end int) time.Duration {
	for h.i < len(h.t.arrivals)-1 && h.t.arrivals[h.i].end < end {
		h.i++
	}
	return h.t.arrivals[h.i].at
}
