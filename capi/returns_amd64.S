// SPDX-License-Identifier: Apache-2.0
// The public calls that wait, System V amd64: each returns by a jump if it was another task that left.
//
// The processor guesses a `ret` from the calls it saw, and the last of them was that of the task that left. All returns in
// the library agree, as both tasks came the same way; the one to the user's code does not if they wait in different places
// of it, and costs 12 ns. So a call notes where it is to return to, and on its way out compares: the same place, a `ret`
// is guessed right, and the guesses for the callers behind it stay right too; another, a jump is guessed by its history.
	.text

	.macro	suspending name
	.globl	\name
	.type	\name, @function
	.p2align 4
\name:
	.cfi_startproc
	endbr64
	mov	(%rsp), %rax
	mov	returns_to@gottpoff(%rip), %r11
	mov	%rax, %fs:(%r11)
	sub	$8, %rsp
	.cfi_adjust_cfa_offset 8
	call	suspending_\name
	add	$8, %rsp
	.cfi_adjust_cfa_offset -8
	mov	returns_to@gottpoff(%rip), %r11
	mov	(%rsp), %rdx
	cmp	%rdx, %fs:(%r11)
	jne	1f
	ret
1:	add	$8, %rsp
	.cfi_adjust_cfa_offset -8
	.cfi_register %rip, %rdx
	notrack jmp *%rdx
	.cfi_endproc
	.size	\name, .-\name
	.endm

#define WAITS(name) suspending name
#include "waits.h"

	.section .note.GNU-stack, "", @progbits
