#include "textflag.h"
#include "go_asm.h"

#define DOTU(u, x, out) \
	VPXOR out, out, out; \
	VPDPBUSD x, u, out

#define PREPARE

#include "blocks_amd64.h"

// func dotQ4_0VNNI(dst *float32, rows int, w *byte, x *column, blocks int)
TEXT ·dotQ4_0VNNI(SB), NOSPLIT, $0-40
	BODYHALF(MASKS4, BLOCK4_0, 18, eight)

// func dotQ4_1VNNI(dst *float32, rows int, w *byte, x *column, blocks int)
TEXT ·dotQ4_1VNNI(SB), NOSPLIT, $0-40
	BODYMIN(MASKS4, BLOCK4_1, 20)

// func dotQ5_0VNNI(dst *float32, rows int, w *byte, x *column, blocks int)
TEXT ·dotQ5_0VNNI(SB), NOSPLIT, $0-40
	BODYHALF(MASKS5, BLOCK5_0, 22, sixteenf)

// func dotQ5_1VNNI(dst *float32, rows int, w *byte, x *column, blocks int)
TEXT ·dotQ5_1VNNI(SB), NOSPLIT, $0-40
	BODYMIN(MASKS5, BLOCK5_1, 24)

// func dotQ8_0VNNI(dst *float32, rows int, w *byte, x *column, blocks int)
TEXT ·dotQ8_0VNNI(SB), NOSPLIT, $0-40
	BODY8_0

// func dotQ4_KVNNI(dst *float32, rows int, w *byte, x *column, blocks int)
TEXT ·dotQ4_KVNNI(SB), NOSPLIT, $32-40
	BODY4_K

// func dotQ5_KVNNI(dst *float32, rows int, w *byte, x *column, blocks int)
TEXT ·dotQ5_KVNNI(SB), NOSPLIT, $32-40
	BODY5_K

// func dotQ6_KVNNI(dst *float32, rows int, w *byte, x *column, blocks int)
TEXT ·dotQ6_KVNNI(SB), NOSPLIT, $64-40
	BODY6_K

// func dot4UnsignedVNNI(out *[4]float32, p *panel, x *[4]*column, blocks int)
TEXT ·dot4UnsignedVNNI(SB), NOSPLIT, $0-32
	BODYDOT4(ABSNONE, DOTUNSIGNED)

// func dot4SignedVNNI(out *[4]float32, p *panel, x *[4]*column, blocks int)
TEXT ·dot4SignedVNNI(SB), NOSPLIT, $0-32
	BODYDOT4(ABSBYTES, DOTSIGNED)
