#include "textflag.h"
#include "go_asm.h"

// Pairs of products fit 16 bits because u is below 64, or is |w| ≤ 128 against
// |x| ≤ 127: at most 2·128·127 = 32512.
#define DOTU(u, x, out) \
	VPMADDUBSW x, u, out; \
	VPMADDWD Y14, out, out

#define PREPARE \
	VPCMPEQW Y14, Y14, Y14; \
	VPABSW Y14, Y14

#include "blocks_amd64.h"

// func dotQ4_0AVX2(dst *float32, rows int, w *byte, x *column, blocks int)
TEXT ·dotQ4_0AVX2(SB), NOSPLIT, $0-40
	BODYHALF(MASKS4, BLOCK4_0, 18, eight)

// func dotQ4_1AVX2(dst *float32, rows int, w *byte, x *column, blocks int)
TEXT ·dotQ4_1AVX2(SB), NOSPLIT, $0-40
	BODYMIN(MASKS4, BLOCK4_1, 20)

// func dotQ5_0AVX2(dst *float32, rows int, w *byte, x *column, blocks int)
TEXT ·dotQ5_0AVX2(SB), NOSPLIT, $0-40
	BODYHALF(MASKS5, BLOCK5_0, 22, sixteenf)

// func dotQ5_1AVX2(dst *float32, rows int, w *byte, x *column, blocks int)
TEXT ·dotQ5_1AVX2(SB), NOSPLIT, $0-40
	BODYMIN(MASKS5, BLOCK5_1, 24)

// func dotQ8_0AVX2(dst *float32, rows int, w *byte, x *column, blocks int)
TEXT ·dotQ8_0AVX2(SB), NOSPLIT, $0-40
	BODY8_0

// func dotQ4_KAVX2(dst *float32, rows int, w *byte, x *column, blocks int)
TEXT ·dotQ4_KAVX2(SB), NOSPLIT, $32-40
	BODY4_K

// func dotQ5_KAVX2(dst *float32, rows int, w *byte, x *column, blocks int)
TEXT ·dotQ5_KAVX2(SB), NOSPLIT, $32-40
	BODY5_K

// func dotQ6_KAVX2(dst *float32, rows int, w *byte, x *column, blocks int)
TEXT ·dotQ6_KAVX2(SB), NOSPLIT, $64-40
	BODY6_K

// func dot4UnsignedAVX2(out *[4]float32, p *panel, x *[4]*column, blocks int)
TEXT ·dot4UnsignedAVX2(SB), NOSPLIT, $0-32
	BODYDOT4(ABSNONE, DOTUNSIGNED)

// func dot4SignedAVX2(out *[4]float32, p *panel, x *[4]*column, blocks int)
TEXT ·dot4SignedAVX2(SB), NOSPLIT, $0-32
	BODYDOT4(ABSBYTES, DOTSIGNED)
