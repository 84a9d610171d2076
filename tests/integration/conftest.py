"""One real stage for the session: PostgreSQL, a Community Solid Server, the gate and the worker."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from solidgate.testing.demo.stage import Stage, set_up
from solidgate.testing.demo.story import Story, tell


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """The servers, as the demonstration starts them; stopped at the end of the session."""
    loop = asyncio.new_event_loop()
    with tempfile.TemporaryDirectory(prefix="solidgate-stage-") as folder:
        standing = set_up(Path(folder), lambda line: None)
        stage = loop.run_until_complete(standing.__aenter__())
        try:
            yield stage
        finally:
            loop.run_until_complete(standing.__aexit__(None, None, None))
            loop.close()


@pytest.fixture(scope="session")
def story(stage: Stage) -> Story:
    """The story, told once on that stage; each of its statements was verified from outside."""
    return asyncio.run(tell(stage, lambda line: None))
