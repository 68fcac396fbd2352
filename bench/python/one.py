# SPDX-License-Identifier: Apache-2.0
"""one.py PEER TEST [NUMBER...]: runs one test of one peer; its figures are the last line of output."""

import importlib
import sys

if __name__ == "__main__":
    peer, test, *numbers = sys.argv[1:]
    getattr(importlib.import_module("p_" + peer), test)(*map(int, numbers))
