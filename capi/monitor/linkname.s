// SPDX-License-Identifier: Apache-2.0

// With this file here, the compiler lets a function be declared whose body is elsewhere.
