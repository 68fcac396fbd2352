// SPDX-License-Identifier: Apache-2.0
// The stack switch, AAPCS64. See switch_amd64.S for why it returns with `ret` and tasks begin and end with a jump.
//
// A parked stack holds, from its pointer up: x19..x28, x29, x30, d8..d15 (160 bytes); x30 is where it goes on. A
// fresh one has bit 0 of its pointer set and holds the three arguments of task_main and 8 bytes more.
	.text

	.macro	restore
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
	.endm

// void switch_stacks(void **save, void *load): parks this stack at *save and goes on where `load` was parked.
	.globl	switch_stacks
	.hidden	switch_stacks
	.type	switch_stacks, %function
	.p2align 4
switch_stacks:
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
	tbnz	x1, #0, fresh
	mov	sp, x1
	restore
	ret
	.cfi_endproc
	.size	switch_stacks, .-switch_stacks

// void switch_leave(void *load): the same without parking; the stack it is called on may be reused.
	.globl	switch_leave
	.hidden	switch_leave
	.type	switch_leave, %function
	.p2align 4
switch_leave:
	.cfi_startproc
	.cfi_undefined x30
	hint	#34
	mov	x1, x0
	tbnz	x1, #0, fresh
	mov	sp, x1
	restore
	ret
fresh:				// no caller: unwinders stop at return address 0
	sub	x1, x1, #1
	mov	sp, x1
	ldp	x0, x1, [sp, #0]
	ldr	x2, [sp, #16]
	add	sp, sp, #32
	mov	x29, xzr
	mov	x30, xzr
	b	task_main
	.cfi_endproc
	.size	switch_leave, .-switch_leave

	.section .note.GNU-stack, "", %progbits
