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

	suspending cothread_join
	suspending cothread_yield
	suspending cothread_sleep_until
	suspending cothread_sleep
	suspending cothread_wait_until
	suspending cothread_event_wait
	suspending cothread_channel_send
	suspending cothread_channel_receive
	suspending cothread_mutex_lock
	suspending cothread_semaphore_acquire
	suspending cothread_group_wait
	suspending cothread_wait_fd
	suspending cothread_wait_ready
	suspending cothread_read
	suspending cothread_write
	suspending cothread_accept

	.section .note.GNU-stack, "", @progbits
