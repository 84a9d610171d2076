"""What one person's part costs the database and the pod: counted, so that it does not creep up again."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from solidgate.adapters.sql import exchange
from solidgate.flow import run
from solidgate.testing.ground import Ground, open_ground
from solidgate.testing.space import CONSUMER, SPACE, is_signpost
from solidgate.worker.parts import run_batch

STATEMENTS = 7
"""Enter, pulled, to validate, what is there already, plan, publish, led."""
FEW, MORE = 2, 5


@pytest.fixture
async def ground(database_url: str, tmp_path: Path) -> AsyncIterator[Ground]:
    async with open_ground(database_url, tmp_path) as opened:
        yield opened


async def somebody(ground: Ground, name: str) -> str:
    """The consent of somebody new."""
    return (await ground.say_yes(await ground.arrive(name)))["advice"]


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Every statement that is sent while the block lasts, and every end of a longer transaction."""
    found: Counter[str] = Counter()
    execute, commit, once = psycopg.AsyncCursor.execute, psycopg.AsyncConnection.commit, exchange._once

    async def executed(self: Any, *values: Any, **more: Any) -> Any:
        found["statements"] += 1
        return await execute(self, *values, **more)

    async def committed(self: Any) -> None:
        found["transactions"] += 1
        await commit(self)

    async def sent(driver: Any, sent: Any, begins: bool, ends: bool) -> Any:
        found["statements"] += len(sent)
        found["transactions"] += begins != ends or len(sent) > 1
        return await once(driver, sent, begins, ends)

    with monkeypatch.context() as patched:
        patched.setattr(exchange, "_once", sent)
        patched.setattr(psycopg.AsyncCursor, "execute", executed)
        patched.setattr(psycopg.AsyncConnection, "commit", committed)
        yield found


async def one_run(ground: Ground, consents: list[str], monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """A run over these people in one batch; what it cost."""
    run_id = await run.start(ground.world, CONSUMER, SPACE)
    ground.pods.log.clear()
    with counted(monkeypatch) as cost:
        await run_batch(ground.parts, run_id, consents)
    async with ground.world.store.transaction() as tx:
        states, _ = await tx.runs.counts(run_id)
    assert states["written"] == len(consents)
    return cost


@pytest.mark.parametrize("earlier", [0, 1, 2], ids=["first result", "second", "third"])
async def test_a_part_is_seven_statements_and_no_longer_transaction(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, earlier: int
) -> None:
    """The difference between a batch of few and one of more: what a person costs, not what a batch does."""
    people = [await somebody(ground, f"p{number}") for number in range(FEW)]
    await one_run(ground, people, monkeypatch)  # the space's key is made
    few = await one_run(ground, people, monkeypatch)
    people += [await somebody(ground, f"p{number}") for number in range(FEW, MORE)]
    for _ in range(earlier):
        await one_run(ground, people, monkeypatch)
    more = await one_run(ground, people, monkeypatch)
    assert more["statements"] - few["statements"] == STATEMENTS * (MORE - FEW)
    assert more["transactions"] == few["transactions"]


async def test_a_result_and_what_leads_to_it_are_four_requests(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result is read back. What leads to it is believed, and replaced by its tag without a look."""
    consents = [await somebody(ground, "anna")]
    asked = []
    for _ in range(3):
        await one_run(ground, consents, monkeypatch)
        asked.append([(one.what, is_signpost(one.url)) for one in ground.pods.log if one.what != "landed"])
    result = [("create", False), ("read", False)]
    documents = [("read", False)] * ground.documents
    first, *later = [[one for one in asks if one[0] != "door"] for asks in asked]
    assert first == [*documents, *result, ("create", True), ("create", True)]
    assert later == [[*documents, *result, ("replace", True), ("replace", True)]] * 2
