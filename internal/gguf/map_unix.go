//go:build unix

package gguf

import (
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// mapFile maps the file at path for reading.
func mapFile(path string) (data []byte, unmap func() error, err error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer in.Close() // the mapping outlives the descriptor
	info, err := in.Stat()
	if err != nil {
		return nil, nil, err
	}
	switch size := info.Size(); {
	case !info.Mode().IsRegular():
		return nil, nil, fmt.Errorf("%s is no regular file", path)
	case size == 0:
		return nil, nil, fmt.Errorf("%s is empty", path)
	case size > math.MaxInt:
		return nil, nil, fmt.Errorf("%s has %d bytes, beyond the address space", path, size)
	}
	data, err = unix.Mmap(int(in.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, fmt.Errorf("map %s: %w", path, err)
	}
	return data, func() error { return unix.Munmap(data) }, nil
}
