// SPDX-License-Identifier: Apache-2.0

// Package jobs is the pools of threads that call what may block: pool.h has the contract. It is C, as no thread of a
// pool ever enters Go. Packages whose C calls it import it for that alone.
package jobs

// #cgo CFLAGS: -std=gnu11 -O2 -g -Wall -Wextra -fvisibility=hidden -I${SRCDIR}/..
import "C"

import _ "cothread/system" // whose C the pools call
