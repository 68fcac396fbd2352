// SPDX-License-Identifier: Apache-2.0
// The stack switch, AAPCS64. See go_on in tasks.c for why it is called and returns like any function.
	.text

// void native_switch(void **save, void *load)
// A parked stack holds, from its pointer up: x19..x28, x29, x30, d8..d15 (160 bytes); x30 is where it goes on.
	.globl	native_switch
	.hidden	native_switch
	.type	native_switch, %function
	.p2align 4
native_switch:
	.cfi_startproc
	hint	#34			// bti c
	sub	sp, sp, #160
	.cfi_adjust_cfa_offset 160
	stp	x19, x20, [sp, #0]
	.cfi_rel_offset x19, 0
	.cfi_rel_offset x20, 8
	stp	x21, x22, [sp, #16]
	.cfi_rel_offset x21, 16
	.cfi_rel_offset x22, 24
	stp	x23, x24, [sp, #32]
	.cfi_rel_offset x23, 32
	.cfi_rel_offset x24, 40
	stp	x25, x26, [sp, #48]
	.cfi_rel_offset x25, 48
	.cfi_rel_offset x26, 56
	stp	x27, x28, [sp, #64]
	.cfi_rel_offset x27, 64
	.cfi_rel_offset x28, 72
	stp	x29, x30, [sp, #80]
	.cfi_rel_offset x29, 80
	.cfi_rel_offset x30, 88
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	mov	x9, sp
	str	x9, [x0]
	mov	sp, x1
	ldp	x19, x20, [sp, #0]
	ldp	x21, x22, [sp, #16]
	ldp	x23, x24, [sp, #32]
	ldp	x25, x26, [sp, #48]
	ldp	x27, x28, [sp, #64]
	ldp	x29, x30, [sp, #80]
	ldp	d8, d9, [sp, #96]
	ldp	d10, d11, [sp, #112]
	ldp	d12, d13, [sp, #128]
	ldp	d14, d15, [sp, #144]
	add	sp, sp, #160
	.cfi_adjust_cfa_offset -160
	.cfi_restore x19
	.cfi_restore x20
	.cfi_restore x21
	.cfi_restore x22
	.cfi_restore x23
	.cfi_restore x24
	.cfi_restore x25
	.cfi_restore x26
	.cfi_restore x27
	.cfi_restore x28
	.cfi_restore x29
	.cfi_restore x30
	ret
	.cfi_endproc
	.size	native_switch, .-native_switch

// The first frame of every task: calls native_task_main(x19, x20, x21), which does not return. No caller: unwinders stop.
	.globl	native_entry
	.hidden	native_entry
	.type	native_entry, %function
	.p2align 4
native_entry:
	.cfi_startproc
	.cfi_undefined x30
	hint	#34
	mov	x29, xzr
	mov	x30, xzr
	mov	x0, x19
	mov	x1, x20
	mov	x2, x21
	b	native_task_main
	.cfi_endproc
	.size	native_entry, .-native_entry

	.section .note.GNU-stack, "", %progbits
