// Package fidelity judges the measuring client by a server that knows the truth.
//
// The whole command runs as a process of its own against the simulator in
// another one, over loopback HTTP, as a user would run it; afterwards what it
// stored is held against the simulator's log of what it really did. Counts are
// tests. Times are benchmarks: they say how far this machine can be believed,
// and a busy machine is no reason to fail a build (docs/performance.md).
package fidelity
