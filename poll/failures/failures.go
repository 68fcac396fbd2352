// SPDX-License-Identifier: Apache-2.0

// Package failures makes system calls of the tick half fail on demand, in builds with the tag
// failures: each call that can fail asks Next before it is made. What only gives something back does
// not ask. system_fail (system/system.h) is its counterpart in C.
package failures
