"""A gate at which Anna has a pod, and Anna's browser. A file that needs another gate has one of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from solidgate.testing.gate import Browser, TestGate, open_gate
from tests.unit.web.asked import ANNA, POD, READINGS


@pytest.fixture
async def gate(database_url: str, tmp_path: Path) -> AsyncIterator[TestGate]:
    async with open_gate(database_url, tmp_path) as opened:
        opened.pods.give(ANNA, POD, READINGS)
        yield opened


@pytest.fixture
async def anna(gate: TestGate) -> AsyncIterator[Browser]:
    async with gate.browser(ANNA) as browser:
        yield browser
