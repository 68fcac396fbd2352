// SPDX-License-Identifier: Apache-2.0
// The stack switch, System V amd64. See go_on in tasks.c for why it is called and returns like any function.
	.text

// void native_switch(void **save, void *load)
// Stores the present stack pointer in *save and goes on where `load` was stored. A parked stack holds, from its
// pointer up: r15 r14 r13 r12 rbx rbp and the address to go on at.
	.globl	native_switch
	.hidden	native_switch
	.type	native_switch, @function
	.p2align 4
native_switch:
	.cfi_startproc
	endbr64
	push	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	push	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	push	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r12, 0
	push	%r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r13, 0
	push	%r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r14, 0
	push	%r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r15, 0
	mov	%rsp, (%rdi)
	mov	%rsi, %rsp
	pop	%r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r15
	pop	%r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r14
	pop	%r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r13
	pop	%r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r12
	pop	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	pop	%rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
	ret
	.cfi_endproc
	.size	native_switch, .-native_switch

// The first frame of every task: calls native_task_main(rbx, r12, r13), which does not return. No caller: unwinders stop.
	.globl	native_entry
	.hidden	native_entry
	.type	native_entry, @function
	.p2align 4
native_entry:
	.cfi_startproc
	.cfi_undefined %rip
	endbr64
	xor	%ebp, %ebp
	mov	%rbx, %rdi
	mov	%r12, %rsi
	mov	%r13, %rdx
	push	%rbp			// no return address, and none on the processor's return stack
	jmp	native_task_main
	.cfi_endproc
	.size	native_entry, .-native_entry

	.section .note.GNU-stack, "", @progbits
