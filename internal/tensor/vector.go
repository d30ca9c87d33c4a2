package tensor

import (
	"fmt"
	"math"
)

func sameLength(op string, a, b []float32) {
	if len(a) != len(b) {
		panic(fmt.Sprintf("tensor: %s of %d and %d elements", op, len(a), len(b)))
	}
}

// Add adds b to a, element by element.
func Add(a, b []float32) {
	sameLength("add", a, b)
	for i, v := range b {
		a[i] += v
	}
}

// Scale multiplies x by s.
func Scale(x []float32, s float32) {
	for i := range x {
		x[i] *= s
	}
}

// RMSNorm writes x / sqrt(mean(x²) + eps) · weight to dst, which may be x. The
// sum of squares is float64 (Zhang and Sennrich 2019, arXiv:1910.07467).
func RMSNorm(dst, x, weight []float32, eps float32) {
	sameLength("norm", dst, x)
	sameLength("norm", x, weight)
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	scale := float32(1 / math.Sqrt(sum/float64(len(x))+float64(eps)))
	for i, v := range x {
		dst[i] = v * scale * weight[i]
	}
}

// LayerNorm writes (x − mean) / sqrt(variance + eps) · weight + bias to dst,
// which may be x. bias may be nil.
func LayerNorm(dst, x, weight, bias []float32, eps float32) {
	sameLength("norm", dst, x)
	sameLength("norm", x, weight)
	var sum, squares float64
	for _, v := range x {
		sum += float64(v)
	}
	mean := sum / float64(len(x))
	for _, v := range x {
		squares += (float64(v) - mean) * (float64(v) - mean)
	}
	scale := 1 / math.Sqrt(squares/float64(len(x))+float64(eps))
	for i, v := range x {
		dst[i] = float32((float64(v)-mean)*scale) * weight[i]
	}
	if bias != nil {
		Add(dst, bias)
	}
}

// Softmax replaces x by exp(x − max x) / Σ exp(x − max x). Values of −Inf have
// probability zero; if all are −Inf, or one is NaN, the result is NaN.
func Softmax(x []float32) {
	if len(x) == 0 {
		return
	}
	peak := x[0]
	for _, v := range x {
		if v > peak { // a NaN elsewhere still reaches the sum
			peak = v
		}
	}
	Scale(x, 1/current.Load().expSum(x, peak))
}

func expSum(x []float32, peak float32) float32 {
	var sum float64
	for i, v := range x {
		e := exp32(v - peak)
		x[i] = e
		sum += float64(e)
	}
	return float32(sum)
}

// SiLUMul replaces gate by silu(gate)·up, silu(x) = x / (1 + exp(−x)).
func SiLUMul(gate, up []float32) {
	sameLength("gate", gate, up)
	current.Load().siluMul(gate, up)
}

func siluMul(gate, up []float32) {
	for i, v := range gate {
		gate[i] = v / (1 + exp32(-v)) * up[i]
	}
}

// GELUMul replaces gate by gelu(gate)·up with the tanh form of GELU (Hendrycks
// and Gimpel 2016, arXiv:1606.08415), as Gemma has it:
// gelu(x) = x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))) = x / (1 + exp(−2·…)).
func GELUMul(gate, up []float32) {
	sameLength("gate", gate, up)
	current.Load().geluMul(gate, up)
}

func geluMul(gate, up []float32) {
	const twoRoot = 2 * 0.79788456080286535588
	for i, v := range gate {
		z := twoRoot * v * (1 + 0.044715*v*v)
		gate[i] = v / (1 + exp32(-z)) * up[i]
	}
}

// SoftCap replaces x by cap·tanh(x/cap): Gemma 2's bound on logits.
func SoftCap(x []float32, limit float32) {
	for i, v := range x {
		x[i] = limit * float32(math.Tanh(float64(v/limit)))
	}
}

// exp32 is e^x within 2 units in the last place: x = n·ln 2 + r, |r| ≤ ln 2/2,
// and a polynomial of degree 6 for e^r (the coefficients of Cephes' expf). It is
// +Inf above 88.72 and 0 below −103.97.
func exp32(x float32) float32 {
	switch {
	case x != x:
		return x
	case x > 88.722839:
		return float32(math.Inf(1))
	case x < -103.97208:
		return 0
	}
	n := roundEven(x * math.Log2E)
	// ln 2 in two parts: the first has few enough bits for n times it to be exact.
	r := x - float32(n)*0.693359375 + float32(n)*2.12194440e-4
	p := float32(1.9875691500e-4)
	p = p*r + 1.3981999507e-3
	p = p*r + 8.3334519073e-3
	p = p*r + 4.1665795894e-2
	p = p*r + 1.6666665459e-1
	p = p*r + 5.0000001201e-1
	p = p*r*r + r + 1
	// Two factors: 2^n itself need not be a float32 at either end.
	half := n / 2
	return p * pow2(half) * pow2(n-half)
}

func pow2(n int32) float32 { return math.Float32frombits(uint32(n+127) << 23) }
