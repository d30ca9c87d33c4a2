//go:build !amd64

package tensor

import "runtime"

// relax is the i-th wait of a spin loop.
func relax(i int) {
	if i%16 == 15 {
		runtime.Gosched()
	}
}
