// SPDX-License-Identifier: Apache-2.0

// Package system is what the C of the library asks of the operating system: system.h and
// descriptors.h are its contract. Packages whose C calls it import it for that alone.
package system

// #cgo CFLAGS: -std=gnu11 -O2 -g -Wall -Wextra -fvisibility=hidden -I${SRCDIR}/..
import "C"
