package tensor

func accelerated() []*kernels { return nil }
