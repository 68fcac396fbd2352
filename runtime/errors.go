// SPDX-License-Identifier: Apache-2.0

package runtime

import (
	"errors"
	"syscall"

	"cothread/poll"
)

// CodeOf translates a poller's error into a code of cothread.h and, where that is COTHREAD_ESYSTEM, the system's own number.
func CodeOf(err error) (code int32, errno int) {
	switch {
	case err == nil:
		return 0, 0
	case errors.Is(err, poll.ErrBadDescriptor):
		return errBadDescriptor, 0
	case errors.Is(err, poll.ErrAlwaysReady):
		return errInvalid, 0
	case errors.Is(err, poll.ErrExists):
		return errExists, 0
	case errors.Is(err, poll.ErrLimit):
		return errLimit, 0
	}
	var number syscall.Errno
	_ = errors.As(err, &number)
	return errSystem, int(number)
}

func reasonOf(err error) int32 {
	code, _ := CodeOf(err)
	return code
}
