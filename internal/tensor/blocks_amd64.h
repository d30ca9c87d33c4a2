// The bodies of the integer dots, shared by two instruction sets. A file that
// includes this defines
//   DOTU(u, x, out)  the 8 int32 lanes of Σ u·x over 4 neighbours each, u unsigned
//   PREPARE          what DOTU needs in registers (may use Y14)
// Registers: DI dst, CX rows left, SI weights, R8 column, R11 blocks per row;
// within a row AX quants, BX scales, DX sums of the column, R12 blocks left.
// Y0 and Y1 sum the products of even and odd blocks, Y2 and Y3 the shifts.

#define ARGUMENTS \
	MOVQ dst+0(FP), DI; \
	MOVQ rows+8(FP), CX; \
	MOVQ w+16(FP), SI; \
	MOVQ x+24(FP), R8; \
	MOVQ blocks+32(FP), R11

#define STARTROW(sums) \
	MOVQ column_q(R8), AX; \
	MOVQ column_d(R8), BX; \
	MOVQ sums(R8), DX; \
	MOVQ R11, R12; \
	VXORPS Y0, Y0, Y0; \
	VXORPS Y1, Y1, Y1; \
	VXORPS Y2, Y2, Y2; \
	VXORPS Y3, Y3, Y3

// X0 = sum of the lanes of Y0.
#define HSUM \
	VEXTRACTF128 $1, Y0, X4; \
	VADDPS X4, X0, X0; \
	VMOVHLPS X0, X0, X4; \
	VADDPS X4, X0, X0; \
	VMOVSHDUP X0, X4; \
	VADDSS X4, X0, X0

// Two blocks a turn so that two chains of sums are in flight.
#define ROW32(BLOCK, bytes) \
pair: \
	SUBQ $2, R12; \
	JLT single; \
	BLOCK(0, 0, 0, Y0, X2); \
	BLOCK(bytes, 32, 4, Y1, X3); \
	ADDQ $(2*bytes), SI; \
	ADDQ $64, AX; \
	ADDQ $8, BX; \
	ADDQ $8, DX; \
	JMP pair; \
single: \
	ADDQ $2, R12; \
	JEQ end; \
	BLOCK(0, 0, 0, Y0, X2); \
	ADDQ $bytes, SI; \
end: \
	VADDPS Y1, Y0, Y0; \
	VADDSS X3, X2, X2

#define NEXTROW \
	VMOVSS X0, (DI); \
	ADDQ $4, DI; \
	DECQ CX; \
	JNZ row; \
	VZEROUPPER; \
	RET

// acc += products·(weight scale in Y8)·(column scale).
#define ACCUMULATE(d, acc) \
	VCVTDQ2PS Y7, Y7; \
	VBROADCASTSS d(BX), Y9; \
	VMULPS Y9, Y8, Y9; \
	VFMADD231PS Y7, Y9, acc

#define WEIGHTSCALE(w) \
	VPBROADCASTW w(SI), X8; \
	VCVTPH2PS X8, Y8

// Y5 = 32 nibbles as bytes.
#define NIBBLES(w) \
	VMOVDQU w(SI), X5; \
	VPSRLW $4, X5, X6; \
	VINSERTI128 $1, X6, Y5, Y5; \
	VPAND Y15, Y5, Y5

// Y5 |= 16 where the bit of the 32-bit word is set.
#define FIFTHBITS(w) \
	VPBROADCASTD w(SI), Y6; \
	VPSHUFB Y11, Y6, Y6; \
	VPAND Y12, Y6, Y6; \
	VPCMPEQB Y12, Y6, Y6; \
	VPAND Y13, Y6, Y6; \
	VPOR Y6, Y5, Y5

// Weights of both signs: |w|·(x with the sign of w).
#define BLOCK8_0(w, q, d, acc, shift) \
	VMOVDQU 2+w(SI), Y5; \
	VPABSB Y5, Y6; \
	VMOVDQU q(AX), Y10; \
	VPSIGNB Y5, Y10, Y10; \
	DOTU(Y6, Y10, Y7); \
	WEIGHTSCALE(w); \
	ACCUMULATE(d, acc)

#define BLOCK4_0(w, q, d, acc, shift) \
	NIBBLES(2+w); \
	DOTU(Y5, q(AX), Y7); \
	WEIGHTSCALE(w); \
	VFMADD231SS d(DX), X8, shift; \
	ACCUMULATE(d, acc)

#define BLOCK5_0(w, q, d, acc, shift) \
	NIBBLES(6+w); \
	FIFTHBITS(2+w); \
	DOTU(Y5, q(AX), Y7); \
	WEIGHTSCALE(w); \
	VFMADD231SS d(DX), X8, shift; \
	ACCUMULATE(d, acc)

#define MINIMUM(w, d, shift) \
	VPBROADCASTW w(SI), X10; \
	VCVTPH2PS X10, X10; \
	VFMADD231SS d(DX), X10, shift

#define BLOCK4_1(w, q, d, acc, shift) \
	NIBBLES(4+w); \
	DOTU(Y5, q(AX), Y7); \
	WEIGHTSCALE(w); \
	MINIMUM(2+w, d, shift); \
	ACCUMULATE(d, acc)

#define BLOCK5_1(w, q, d, acc, shift) \
	NIBBLES(8+w); \
	FIFTHBITS(4+w); \
	DOTU(Y5, q(AX), Y7); \
	WEIGHTSCALE(w); \
	MINIMUM(2+w, d, shift); \
	ACCUMULATE(d, acc)

#define MASKS4 VMOVDQU nibble<>(SB), Y15

#define MASKS5 \
	VMOVDQU nibble<>(SB), Y15; \
	VMOVDQU spread<>(SB), Y11; \
	VMOVDQU bits<>(SB), Y12; \
	VMOVDQU sixteen<>(SB), Y13

#define BODY8_0 \
	ARGUMENTS; \
	PREPARE; \
row: \
	STARTROW(column_s32); \
	ROW32(BLOCK8_0, 34); \
	HSUM; \
	NEXTROW

// levels − half: the shift is half·Σ scale·x.
#define BODYHALF(MASKS, BLOCK, bytes, half) \
	ARGUMENTS; \
	PREPARE; \
	MASKS; \
row: \
	STARTROW(column_s32); \
	ROW32(BLOCK, bytes); \
	HSUM; \
	VFNMADD231SS half<>(SB), X2, X0; \
	NEXTROW

#define BODYMIN(MASKS, BLOCK, bytes) \
	ARGUMENTS; \
	PREPARE; \
	MASKS; \
row: \
	STARTROW(column_s32); \
	ROW32(BLOCK, bytes); \
	HSUM; \
	VADDSS X2, X0, X0; \
	NEXTROW

// The 6-bit scales and minimums of Q4_K and Q5_K: Y5 = scale·d, Y6 = minimum·dmin.
#define AFFINE \
	MOVL 4(SI), R9; \
	MOVL 8(SI), R10; \
	MOVL 12(SI), R13; \
	MOVL R9, R14; \
	SHRL $2, R14; \
	XORL R13, R14; \
	ANDL $0x30303030, R14; \
	XORL R13, R14; \
	ANDL $0x3f3f3f3f, R14; \
	ANDL $0x3f3f3f3f, R9; \
	SHLQ $32, R14; \
	ORQ R14, R9; \
	VMOVQ R9, X5; \
	SHRL $4, R13; \
	MOVL R10, R14; \
	SHRL $2, R14; \
	XORL R13, R14; \
	ANDL $0x30303030, R14; \
	XORL R13, R14; \
	ANDL $0x3f3f3f3f, R14; \
	ANDL $0x3f3f3f3f, R10; \
	SHLQ $32, R14; \
	ORQ R14, R10; \
	VMOVQ R10, X6; \
	VPMOVZXBD X5, Y5; \
	VPMOVZXBD X6, Y6; \
	VCVTDQ2PS Y5, Y5; \
	VCVTDQ2PS Y6, Y6; \
	VPBROADCASTW (SI), X8; \
	VCVTPH2PS X8, Y8; \
	VPBROADCASTW 2(SI), X9; \
	VCVTPH2PS X9, Y9; \
	VMULPS Y5, Y8, Y5; \
	VMULPS Y6, Y9, Y6

// 0(SP) gets the 8 products with the column scales, Y2 gains minimums·(column sums).
#define AFFINESCALES \
	AFFINE; \
	VMULPS (BX), Y5, Y5; \
	VMOVUPS Y5, 0(SP); \
	VFMADD231PS (DX), Y6, Y2

#define SUBBLOCK(levels, q, scale, acc) \
	DOTU(levels, q(AX), Y7); \
	VCVTDQ2PS Y7, Y7; \
	VBROADCASTSS scale(SP), Y9; \
	VFMADD231PS Y7, Y9, acc

#define NEXTSUPER(bytes, sums) \
	ADDQ $bytes, SI; \
	ADDQ $256, AX; \
	ADDQ $32, BX; \
	ADDQ $sums, DX; \
	DECQ R12; \
	JNZ super

// Y5, Y6 = the low and the high nibbles of 32 bytes.
#define LEVELS4K(w) \
	VMOVDQU w(SI), Y5; \
	VPSRLW $4, Y5, Y6; \
	VPAND Y15, Y5, Y5; \
	VPAND Y15, Y6, Y6

#define PAIR4K(w, q, scale) \
	LEVELS4K(w); \
	SUBBLOCK(Y5, q, scale, Y0); \
	SUBBLOCK(Y6, q+32, scale+4, Y1)

#define BODY4_K \
	ARGUMENTS; \
	PREPARE; \
	MASKS4; \
row: \
	STARTROW(column_s32); \
super: \
	AFFINESCALES; \
	PAIR4K(16, 0, 0); \
	PAIR4K(48, 64, 8); \
	PAIR4K(80, 128, 16); \
	PAIR4K(112, 192, 24); \
	NEXTSUPER(144, 32); \
	VADDPS Y1, Y0, Y0; \
	VSUBPS Y2, Y0, Y0; \
	HSUM; \
	NEXTROW

// SHIFTLO and SHIFTHI move the fifth bits of the two sub-blocks to bit 4.
#define LEVELS5K(w, SHIFTLO, lo, SHIFTHI, hi) \
	LEVELS4K(w); \
	SHIFTLO $lo, Y10, Y11; \
	SHIFTHI $hi, Y10, Y12; \
	VPAND Y13, Y11, Y11; \
	VPAND Y13, Y12, Y12; \
	VPOR Y11, Y5, Y5; \
	VPOR Y12, Y6, Y6

#define PAIR5K(w, q, scale, SHIFTLO, lo, SHIFTHI, hi) \
	LEVELS5K(w, SHIFTLO, lo, SHIFTHI, hi); \
	SUBBLOCK(Y5, q, scale, Y0); \
	SUBBLOCK(Y6, q+32, scale+4, Y1)

#define BODY5_K \
	ARGUMENTS; \
	PREPARE; \
	MASKS5; \
row: \
	STARTROW(column_s32); \
super: \
	AFFINESCALES; \
	VMOVDQU 16(SI), Y10; \
	PAIR5K(48, 0, 0, VPSLLW, 4, VPSLLW, 3); \
	PAIR5K(80, 64, 8, VPSLLW, 2, VPSLLW, 1); \
	PAIR5K(112, 128, 16, VPSRLW, 0, VPSRLW, 1); \
	PAIR5K(144, 192, 24, VPSRLW, 2, VPSRLW, 3); \
	NEXTSUPER(176, 32); \
	VADDPS Y1, Y0, Y0; \
	VSUBPS Y2, Y0, Y0; \
	HSUM; \
	NEXTROW

// Sixteen scales: Y2 and Y3 gain scale·d·(column sums), 0(SP) gets scale·d·(column
// scale), the column scales doubled up because one covers two sub-blocks.
#define SCALES6K \
	VPMOVSXBD 192(SI), Y5; \
	VPMOVSXBD 200(SI), Y6; \
	VCVTDQ2PS Y5, Y5; \
	VCVTDQ2PS Y6, Y6; \
	VPBROADCASTW 208(SI), X8; \
	VCVTPH2PS X8, Y8; \
	VMULPS Y5, Y8, Y5; \
	VMULPS Y6, Y8, Y6; \
	VFMADD231PS (DX), Y5, Y2; \
	VFMADD231PS 32(DX), Y6, Y3; \
	VPMOVZXDQ (BX), Y8; \
	VPMOVZXDQ 16(BX), Y9; \
	VMOVSLDUP Y8, Y8; \
	VMOVSLDUP Y9, Y9; \
	VMULPS Y8, Y5, Y5; \
	VMULPS Y9, Y6, Y6; \
	VMOVUPS Y5, 0(SP); \
	VMOVUPS Y6, 32(SP)

// Two scales, one for each half of the lanes.
#define SUBBLOCK2(levels, q, scale, acc) \
	DOTU(levels, q(AX), Y7); \
	VCVTDQ2PS Y7, Y7; \
	VBROADCASTSD scale(SP), Y9; \
	VPERMILPS Y12, Y9, Y9; \
	VFMADD231PS Y7, Y9, acc

// USE gets the levels of each 32 weights, where they start and the offset of
// their two scales.
#define HALF6K(USE, low, high, q, scale) \
	VMOVDQU high(SI), Y10; \
	VMOVDQU low(SI), Y5; \
	VMOVDQU 32+low(SI), Y6; \
	VPSLLW $4, Y10, Y8; \
	VPAND Y13, Y8, Y8; \
	VPAND Y15, Y5, Y11; \
	VPOR Y8, Y11, Y11; \
	USE(Y11, q, scale, Y0); \
	VPSLLW $2, Y10, Y8; \
	VPAND Y13, Y8, Y8; \
	VPAND Y15, Y6, Y11; \
	VPOR Y8, Y11, Y11; \
	USE(Y11, q+32, scale+8, Y1); \
	VPAND Y13, Y10, Y8; \
	VPSRLW $4, Y5, Y5; \
	VPAND Y15, Y5, Y5; \
	VPOR Y8, Y5, Y5; \
	USE(Y5, q+64, scale+16, Y0); \
	VPSRLW $2, Y10, Y8; \
	VPAND Y13, Y8, Y8; \
	VPSRLW $4, Y6, Y6; \
	VPAND Y15, Y6, Y6; \
	VPOR Y8, Y6, Y6; \
	USE(Y6, q+96, scale+24, Y1)

#define BODY6_K \
	ARGUMENTS; \
	PREPARE; \
	MASKS4; \
	VMOVDQU fortyeight<>(SB), Y13; \
	VMOVDQU halves<>(SB), Y12; \
row: \
	STARTROW(column_s16); \
super: \
	SCALES6K; \
	HALF6K(SUBBLOCK2, 0, 128, 0, 0); \
	HALF6K(SUBBLOCK2, 64, 160, 128, 32); \
	NEXTSUPER(210, 64); \
	VADDPS Y1, Y0, Y0; \
	VADDPS Y3, Y2, Y2; \
	VBROADCASTSS thirtytwo<>(SB), Y4; \
	VFNMADD231PS Y4, Y2, Y0; \
	HSUM; \
	NEXTROW

// One column of dot4: DOT is DOTU of Y5 (and for signed weights, of Y6).
#define COLUMN4(DOT, quants, scales, acc) \
	DOT(quants); \
	VCVTDQ2PS Y7, Y7; \
	VBROADCASTSS (scales)(R12*4), Y9; \
	VMULPS Y9, Y8, Y9; \
	VFMADD231PS Y7, Y9, acc

#define DOTUNSIGNED(quants) DOTU(Y5, (quants)(R13*1), Y7)

#define DOTSIGNED(quants) \
	VMOVDQU (quants)(R13*1), Y10; \
	VPSIGNB Y5, Y10, Y10; \
	DOTU(Y6, Y10, Y7)

#define ABSNONE
#define ABSBYTES VPABSB Y5, Y6

// R8-R11 quants and AX, BX, CX, DX scales of four columns; R12 block, R13 weight.
#define BODYDOT4(ABS, DOT) \
	PREPARE; \
	VMOVDQU halves<>(SB), Y12; \
	MOVQ x+16(FP), DI; \
	MOVQ 0(DI), R8; \
	MOVQ column_d(R8), AX; \
	MOVQ column_q(R8), R8; \
	MOVQ 8(DI), R9; \
	MOVQ column_d(R9), BX; \
	MOVQ column_q(R9), R9; \
	MOVQ 16(DI), R10; \
	MOVQ column_d(R10), CX; \
	MOVQ column_q(R10), R10; \
	MOVQ 24(DI), R11; \
	MOVQ column_d(R11), DX; \
	MOVQ column_q(R11), R11; \
	MOVQ p+8(FP), SI; \
	MOVQ panel_scale(SI), R14; \
	MOVQ panel_q(SI), SI; \
	XORQ R12, R12; \
	XORQ R13, R13; \
	VXORPS Y0, Y0, Y0; \
	VXORPS Y1, Y1, Y1; \
	VXORPS Y2, Y2, Y2; \
	VXORPS Y3, Y3, Y3; \
block: \
	VMOVDQU (SI)(R13*1), Y5; \
	ABS; \
	VBROADCASTSD (R14)(R12*8), Y8; \
	VPERMILPS Y12, Y8, Y8; \
	COLUMN4(DOT, R8, AX, Y0); \
	COLUMN4(DOT, R9, BX, Y1); \
	COLUMN4(DOT, R10, CX, Y2); \
	COLUMN4(DOT, R11, DX, Y3); \
	INCQ R12; \
	ADDQ $32, R13; \
	CMPQ R12, blocks+24(FP); \
	JLT block; \
	MOVQ p+8(FP), SI; \
	MOVQ panel_offset(SI), SI; \
	MOVQ 0(DI), R8; \
	MOVQ column_s16(R8), R8; \
	MOVQ 8(DI), R9; \
	MOVQ column_s16(R9), R9; \
	MOVQ 16(DI), R10; \
	MOVQ column_s16(R10), R10; \
	MOVQ 24(DI), R11; \
	MOVQ column_s16(R11), R11; \
	SHLQ $1, R12; \
	XORQ R13, R13; \
shift: \
	VMOVUPS (SI)(R13*4), Y5; \
	VFNMADD231PS (R8)(R13*4), Y5, Y0; \
	VFNMADD231PS (R9)(R13*4), Y5, Y1; \
	VFNMADD231PS (R10)(R13*4), Y5, Y2; \
	VFNMADD231PS (R11)(R13*4), Y5, Y3; \
	ADDQ $8, R13; \
	CMPQ R13, R12; \
	JLT shift; \
	VHADDPS Y1, Y0, Y0; \
	VHADDPS Y3, Y2, Y2; \
	VHADDPS Y2, Y0, Y0; \
	VEXTRACTF128 $1, Y0, X1; \
	VADDPS X1, X0, X0; \
	MOVQ out+0(FP), DI; \
	VMOVUPS X0, (DI); \
	VZEROUPPER; \
	RET

DATA nibble<>+0(SB)/8, $0x0f0f0f0f0f0f0f0f
DATA nibble<>+8(SB)/8, $0x0f0f0f0f0f0f0f0f
DATA nibble<>+16(SB)/8, $0x0f0f0f0f0f0f0f0f
DATA nibble<>+24(SB)/8, $0x0f0f0f0f0f0f0f0f
GLOBL nibble<>(SB), RODATA|NOPTR, $32

DATA sixteen<>+0(SB)/8, $0x1010101010101010
DATA sixteen<>+8(SB)/8, $0x1010101010101010
DATA sixteen<>+16(SB)/8, $0x1010101010101010
DATA sixteen<>+24(SB)/8, $0x1010101010101010
GLOBL sixteen<>(SB), RODATA|NOPTR, $32

DATA fortyeight<>+0(SB)/8, $0x3030303030303030
DATA fortyeight<>+8(SB)/8, $0x3030303030303030
DATA fortyeight<>+16(SB)/8, $0x3030303030303030
DATA fortyeight<>+24(SB)/8, $0x3030303030303030
GLOBL fortyeight<>(SB), RODATA|NOPTR, $32

DATA spread<>+0(SB)/8, $0x0000000000000000
DATA spread<>+8(SB)/8, $0x0101010101010101
DATA spread<>+16(SB)/8, $0x0202020202020202
DATA spread<>+24(SB)/8, $0x0303030303030303
GLOBL spread<>(SB), RODATA|NOPTR, $32

DATA bits<>+0(SB)/8, $0x8040201008040201
DATA bits<>+8(SB)/8, $0x8040201008040201
DATA bits<>+16(SB)/8, $0x8040201008040201
DATA bits<>+24(SB)/8, $0x8040201008040201
GLOBL bits<>(SB), RODATA|NOPTR, $32

DATA halves<>+0(SB)/8, $0x0000000000000000
DATA halves<>+8(SB)/8, $0x0000000000000000
DATA halves<>+16(SB)/8, $0x0000000100000001
DATA halves<>+24(SB)/8, $0x0000000100000001
GLOBL halves<>(SB), RODATA|NOPTR, $32

DATA eight<>+0(SB)/4, $8.0
GLOBL eight<>(SB), RODATA|NOPTR, $4
DATA sixteenf<>+0(SB)/4, $16.0
GLOBL sixteenf<>(SB), RODATA|NOPTR, $4
DATA thirtytwo<>+0(SB)/4, $32.0
GLOBL thirtytwo<>(SB), RODATA|NOPTR, $4
