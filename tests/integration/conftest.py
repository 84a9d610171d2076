"""A play for each test; and one real stage for the session, with a Solid server, a gate and a worker."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from solidgate.adapters.sql.engine import plain_url
from solidgate.testing.demo.stage import Stage, set_up
from solidgate.testing.demo.story import Story, tell
from solidgate.testing.play import Play, open_play
from solidgate.worker.parts import listen


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


@pytest.fixture
async def play(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    """A play on a database of its own."""
    async with open_play(database_url, tmp_path) as play:
        yield play


@pytest.fixture
async def heard(play: Play, database_url: str) -> AsyncIterator[None]:
    """The worker of the play hears of withdrawals."""
    listening = asyncio.create_task(listen(plain_url(database_url), play.parts))
    yield
    listening.cancel()
