"""One real stage for the session: PostgreSQL, a Community Solid Server, the gate and the worker."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from solidgate.testing.demo.stage import Stage, set_up


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """One stage for the session; each test makes the people and the space that it needs."""
    loop = asyncio.new_event_loop()
    with tempfile.TemporaryDirectory(prefix="solidgate-stage-") as folder:
        stack = set_up(Path(folder), lambda line: None)
        stage = loop.run_until_complete(stack.__aenter__())
        yield stage
        loop.run_until_complete(stack.__aexit__(None, None, None))
        loop.close()
