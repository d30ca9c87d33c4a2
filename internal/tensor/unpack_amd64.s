#include "textflag.h"
#include "go_asm.h"

#define DOTU(u, x, out)
#define PREPARE

#include "blocks_amd64.h"

// Blocks into panels, with AVX2. AX quants, BX scales, DX offsets, R12 blocks left.

#define BEGIN \
	MOVQ p+0(FP), R8; \
	MOVQ src+8(FP), SI; \
	MOVQ blocks+16(FP), R12; \
	MOVQ panel_q(R8), AX; \
	MOVQ panel_scale(R8), BX; \
	MOVQ panel_offset(R8), DX

#define STORE32(bytes) \
	VMOVDQU Y5, (AX); \
	VMOVQ X8, (BX); \
	VMOVQ X9, (DX); \
	ADDQ $bytes, SI; \
	ADDQ $32, AX; \
	ADDQ $8, BX; \
	ADDQ $8, DX; \
	DECQ R12; \
	JNZ block; \
	VZEROUPPER; \
	RET

#define OFFSETHALF VMULPS X7, X8, X9

#define OFFSETMIN \
	VPBROADCASTW 2(SI), X9; \
	VCVTPH2PS X9, X9; \
	VXORPS X7, X9, X9

#define SIGNBIT \
	VPCMPEQD Y7, Y7, Y7; \
	VPSLLD $31, Y7, Y7

// func unpackQ4_0AVX2(p *panel, src *byte, blocks int)
TEXT ·unpackQ4_0AVX2(SB), NOSPLIT, $0-24
	BEGIN
	MASKS4
	VBROADCASTSS eight<>(SB), Y7
block:
	NIBBLES(2)
	WEIGHTSCALE(0)
	OFFSETHALF
	STORE32(18)

// func unpackQ5_0AVX2(p *panel, src *byte, blocks int)
TEXT ·unpackQ5_0AVX2(SB), NOSPLIT, $0-24
	BEGIN
	MASKS5
	VBROADCASTSS sixteenf<>(SB), Y7
block:
	NIBBLES(6)
	FIFTHBITS(2)
	WEIGHTSCALE(0)
	OFFSETHALF
	STORE32(22)

// func unpackQ4_1AVX2(p *panel, src *byte, blocks int)
TEXT ·unpackQ4_1AVX2(SB), NOSPLIT, $0-24
	BEGIN
	MASKS4
	SIGNBIT
block:
	NIBBLES(4)
	WEIGHTSCALE(0)
	OFFSETMIN
	STORE32(20)

// func unpackQ5_1AVX2(p *panel, src *byte, blocks int)
TEXT ·unpackQ5_1AVX2(SB), NOSPLIT, $0-24
	BEGIN
	MASKS5
	SIGNBIT
block:
	NIBBLES(8)
	FIFTHBITS(4)
	WEIGHTSCALE(0)
	OFFSETMIN
	STORE32(24)

// func unpackQ8_0AVX2(p *panel, src *byte, blocks int)
TEXT ·unpackQ8_0AVX2(SB), NOSPLIT, $0-24
	BEGIN
	VXORPS X9, X9, X9
block:
	VMOVDQU 2(SI), Y5
	WEIGHTSCALE(0)
	STORE32(34)

// Eight floats, each twice.
#define STORETWICE(y, to) \
	VUNPCKLPS y, y, Y8; \
	VUNPCKHPS y, y, Y9; \
	VPERM2F128 $0x20, Y9, Y8, Y7; \
	VPERM2F128 $0x31, Y9, Y8, Y8; \
	VMOVUPS Y7, (to); \
	VMOVUPS Y8, 32(to)

#define STORELEVELS(levels, q, scale, acc) VMOVDQU levels, q(AX)

#define STOREPAIR(q) \
	VMOVDQU Y5, q(AX); \
	VMOVDQU Y6, 32+q(AX)

#define STORESUPER(bytes) \
	ADDQ $bytes, SI; \
	ADDQ $256, AX; \
	ADDQ $64, BX; \
	ADDQ $64, DX; \
	DECQ R12; \
	JNZ block; \
	VZEROUPPER; \
	RET

// func unpackQ4_KAVX2(p *panel, src *byte, blocks int)
TEXT ·unpackQ4_KAVX2(SB), NOSPLIT, $0-24
	BEGIN
	MASKS4
block:
	AFFINE
	STORETWICE(Y5, BX)
	STORETWICE(Y6, DX)
	LEVELS4K(16)
	STOREPAIR(0)
	LEVELS4K(48)
	STOREPAIR(64)
	LEVELS4K(80)
	STOREPAIR(128)
	LEVELS4K(112)
	STOREPAIR(192)
	STORESUPER(144)

// func unpackQ5_KAVX2(p *panel, src *byte, blocks int)
TEXT ·unpackQ5_KAVX2(SB), NOSPLIT, $0-24
	BEGIN
	MASKS5
block:
	AFFINE
	STORETWICE(Y5, BX)
	STORETWICE(Y6, DX)
	VMOVDQU 16(SI), Y10
	LEVELS5K(48, VPSLLW, 4, VPSLLW, 3)
	STOREPAIR(0)
	LEVELS5K(80, VPSLLW, 2, VPSLLW, 1)
	STOREPAIR(64)
	LEVELS5K(112, VPSRLW, 0, VPSRLW, 1)
	STOREPAIR(128)
	LEVELS5K(144, VPSRLW, 2, VPSRLW, 3)
	STOREPAIR(192)
	STORESUPER(176)

// func unpackQ6_KAVX2(p *panel, src *byte, blocks int)
TEXT ·unpackQ6_KAVX2(SB), NOSPLIT, $0-24
	BEGIN
	MASKS4
	VMOVDQU fortyeight<>(SB), Y13
	VBROADCASTSS thirtytwo<>(SB), Y14
block:
	VPMOVSXBD 192(SI), Y5
	VPMOVSXBD 200(SI), Y6
	VCVTDQ2PS Y5, Y5
	VCVTDQ2PS Y6, Y6
	VPBROADCASTW 208(SI), X8
	VCVTPH2PS X8, Y8
	VMULPS Y5, Y8, Y5
	VMULPS Y6, Y8, Y6
	VMOVUPS Y5, (BX)
	VMOVUPS Y6, 32(BX)
	VMULPS Y5, Y14, Y5
	VMULPS Y6, Y14, Y6
	VMOVUPS Y5, (DX)
	VMOVUPS Y6, 32(DX)
	HALF6K(STORELEVELS, 0, 128, 0, 0)
	HALF6K(STORELEVELS, 64, 160, 128, 32)
	STORESUPER(210)

// func panelToF32AVX2(dst *float32, p *panel, sixteens int)
// The fused product and difference is exact for every format: see dequantizer.
TEXT ·panelToF32AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ p+8(FP), R8
	MOVQ sixteens+16(FP), CX
	MOVQ panel_q(R8), AX
	MOVQ panel_scale(R8), BX
	MOVQ panel_offset(R8), DX
sixteen:
	VPMOVSXBD (AX), Y0
	VPMOVSXBD 8(AX), Y1
	VBROADCASTSS (BX), Y2
	VBROADCASTSS (DX), Y3
	VCVTDQ2PS Y0, Y0
	VCVTDQ2PS Y1, Y1
	VFMSUB213PS Y3, Y2, Y0
	VFMSUB213PS Y3, Y2, Y1
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	ADDQ $16, AX
	ADDQ $4, BX
	ADDQ $4, DX
	ADDQ $64, DI
	DECQ CX
	JNZ sixteen
	VZEROUPPER
	RET

// func f16ToF32AVX2(dst *float32, src *byte, n int), n a multiple of 8
TEXT ·f16ToF32AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
eight:
	VCVTPH2PS (SI), Y0
	VMOVUPS Y0, (DI)
	ADDQ $16, SI
	ADDQ $32, DI
	SUBQ $8, CX
	JNE eight
	VZEROUPPER
	RET

// func bf16ToF32AVX2(dst *float32, src *byte, n int), n a multiple of 8
TEXT ·bf16ToF32AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
eight:
	VPMOVZXWD (SI), Y0
	VPSLLD $16, Y0, Y0
	VMOVDQU Y0, (DI)
	ADDQ $16, SI
	ADDQ $32, DI
	SUBQ $8, CX
	JNE eight
	VZEROUPPER
	RET
