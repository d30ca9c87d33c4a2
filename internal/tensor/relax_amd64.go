package tensor

import "runtime"

// relax is the i-th wait of a spin loop, some 12 ns: it leaves the core's other
// hyperthread the execution units and now and then lets other goroutines run.
func relax(i int) {
	pause()
	if i%256 == 255 {
		runtime.Gosched()
	}
}

//go:noescape
func pause()
