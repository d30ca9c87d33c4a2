package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"

	"chimera/internal/store"

	"github.com/klauspost/compress/zstd"
)

// Kinds of pages, and the parts of a run that they hold.
const (
	trialPages   = "trials"
	samplePages  = "samples"
	readingPages = "readings"
)

// maxPage bounds what a page may unpack to: a damaged one must not fill the
// memory.
const maxPage = 1 << 30

// packer writes pages. It is not safe for concurrent use.
type packer struct {
	enc *zstd.Encoder
	out []byte
}

func newPacker() (*packer, error) {
	// The fastest level: lines of one run are so alike that others gain little.
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return &packer{enc: enc}, nil
}

// insert stores lines, each ended by a line break, as one page.
func (p *packer) insert(ctx context.Context, tx *sql.Tx, num int64, kind string, first, lines int, text []byte) error {
	if lines == 0 {
		return nil
	}
	p.out = p.enc.EncodeAll(text, p.out[:0])
	_, err := tx.ExecContext(ctx, `INSERT INTO pages (run, kind, first, lines, bytes) VALUES (?, ?, ?, ?, ?)`, num, kind, first, lines, p.out)
	return err
}

// pageError says that a page is not what was stored.
type pageError struct {
	kind         string
	first, lines int
	cause        error
}

func (e *pageError) Error() string {
	return fmt.Sprintf("stored page of %s from row %d: %v", e.kind, e.first, e.cause)
}

func (e *pageError) Unwrap() error { return e.cause }

// difference is what Verify says of it.
func (e *pageError) difference() store.Difference {
	return store.Difference{Part: e.kind, Row: fmt.Sprintf("rows %d to %d", e.first, e.first+e.lines-1), Want: "a readable page", Got: e.cause.Error()}
}

// pageLines feeds each the lines of a kind in order, with their numbers; a line
// is valid until the next.
func pageLines(ctx context.Context, tx *sql.Tx, num int64, kind string, each func(int, []byte) error) error {
	rows, err := tx.QueryContext(ctx, `SELECT first, lines, bytes FROM pages WHERE run = ? AND kind = ? ORDER BY first`, num, kind)
	if err != nil {
		return err
	}
	defer rows.Close()
	var dec *zstd.Decoder
	var packed sql.RawBytes
	var text []byte
	for rows.Next() {
		if dec == nil {
			if dec, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPage)); err != nil {
				return err
			}
			defer dec.Close()
		}
		e := pageError{kind: kind}
		if err := rows.Scan(&e.first, &e.lines, &packed); err != nil {
			return err
		}
		if text, e.cause = dec.DecodeAll(packed, text[:0]); e.cause != nil {
			return &e
		}
		n := e.first
		for line := range bytes.Lines(text) {
			if err := each(n, bytes.TrimSuffix(line, []byte("\n"))); err != nil {
				return err
			}
			n++
		}
		if n != e.first+e.lines {
			e.cause = fmt.Errorf("it has %d lines, but should have %d", n-e.first, e.lines)
			return &e
		}
	}
	return rows.Err()
}

// linesOf feeds each the trials or the readings of a run in order, whichever
// way they are kept.
func linesOf(ctx context.Context, tx *sql.Tx, num int64, kind string, each func([]byte) error) error {
	query := map[string]string{
		trialPages:   `SELECT line FROM trials WHERE run = ? ORDER BY ord`,
		readingPages: `SELECT line FROM readings WHERE run = ? ORDER BY num`,
	}[kind]
	if err := lines(ctx, tx, each, query, num); err != nil {
		return err
	}
	return pageLines(ctx, tx, num, kind, func(_ int, line []byte) error { return each(line) })
}
