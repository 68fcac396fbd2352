# SPDX-License-Identifier: Apache-2.0
"""Cooperative tasks that read like blocking code.

    import cothread

    def greet(name):
        cothread.Sleep(1)
        print("hello,", name)

    cothread.Spawn(greet, "world").Wait()

The thread that imports the package first is the one all tasks run on.
"""

from . import _library as _library  # first: it says what cannot work here
from . import coselect as coselect
from . import cosocket as cosocket
from . import cothread as cothread
from . import input_hook as input_hook
from ._hooks import *  # noqa: F403
from .coselect import *  # noqa: F403
from .cosocket import *  # noqa: F403
from .cothread import *  # noqa: F403
from .input_hook import load_ipython_extension as load_ipython_extension
from .input_hook import unload_ipython_extension as unload_ipython_extension

__version__ = "3.0.0"  # goes on from the original's 2.20: programs ask for 2.16 or later

__all__ = list(cothread.__all__)
