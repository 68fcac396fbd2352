# SPDX-License-Identifier: Apache-2.0
"""uvloop: asyncio's tests on its loop."""

from __future__ import annotations

import uvloop

import p_asyncio
from p_asyncio import busy, echo, echo_proto, flood, inject, latency, pingpong, pollers, sleepers, spawn, yield_

__all__ = [
    "busy",
    "echo",
    "echo_proto",
    "flood",
    "inject",
    "latency",
    "pingpong",
    "pollers",
    "sleepers",
    "spawn",
    "yield_",
]

p_asyncio.run = uvloop.run
