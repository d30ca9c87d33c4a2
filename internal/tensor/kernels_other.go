//go:build !amd64

package tensor

func accelerated() []*kernels { return nil }
