# SPDX-License-Identifier: Apache-2.0
"""Each test is run with the program in C and with its twin in Python."""

from __future__ import annotations

import pytest
from programs import Program


@pytest.fixture(autouse=True, params=["c", "python"])
def language(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name = str(request.param)
    monkeypatch.setattr(Program, "language", name, raising=False)
    return name
