"""The result about a group: who is in it, who leaves while it is made, and when there is none."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa

from solidgate.errors import (
    GroupChanged,
    GroupTooSmall,
)
from solidgate.flow import aggregate, run, withdraw
from solidgate.flow.aggregate import ATTEMPTS
from solidgate.flow.record import ConsentView
from solidgate.identity.login import Session
from solidgate.testing.play import Play
from solidgate.testing.space import CONSUMER, SPACE


async def test_a_small_group_has_no_result(play: Play) -> None:
    await play.person("anna")
    run_id = await play.run()
    shown = await run.show(play.world, CONSUMER, SPACE, run_id)
    assert (shown.aggregate, shown.counts["written"]) == (False, "<2")
    with pytest.raises(GroupTooSmall):
        await run.aggregate(play.world, CONSUMER, SPACE)


@dataclass
class Leavers:
    """A sandbox in whose way people leave: each attempt ends by the withdrawal of the next of ``leavers``."""

    play: Play
    leavers: list[tuple[Session, ConsentView]]
    sizes: list[int] = field(default_factory=list)
    killed: int = 0
    leaving: list[asyncio.Task[withdraw.Withdrawal]] = field(default_factory=list)

    def stand_in_the_way(self) -> None:
        sandbox = self.play.world.sandbox
        made = sandbox.aggregate

        async def aggregate(program, graphs, context, limits):  # type: ignore[no-untyped-def]
            self.sizes.append(len(graphs))
            if len(self.sizes) <= len(self.leavers):
                session, view = self.leavers[len(self.sizes) - 1]
                ending = withdraw.withdraw(self.play.world, session, view.record.consent_id)
                self.leaving.append(asyncio.create_task(ending))
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    self.killed += 1
                    raise
            return await made(program, graphs, context, limits)

        sandbox.aggregate = aggregate


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize(
    ("people", "leaving", "sizes", "released"),
    [(3, 1, [3, 2], True), (2, 1, [2], False), (5, 3, [5, 4, 3], False)],
)
async def test_who_leaves_while_the_group_s_result_is_made_is_not_in_it(
    play: Play, people: int, leaving: int, sizes: list[int], released: bool
) -> None:
    """The computation is killed, the withdrawal waits for that, and what is released is made anew."""
    names = ("anna", "ben", "cara", "dirk", "eva")[:people]
    views = [await play.person(name) for name in names]
    leavers = Leavers(play, [(await play.arrive(names[one]), views[one]) for one in range(leaving)])
    leavers.stand_in_the_way()
    run_id = await play.run()
    ended = await asyncio.gather(*leavers.leaving)
    assert (leavers.sizes, leavers.killed) == (sizes, leaving)
    assert all(one.quiescent for one in ended)
    assert (await run.show(play.world, CONSUMER, SPACE, run_id)).aggregate is released
    async with play.world.store.transaction() as tx:
        assert await tx.leases.open([view.record.consent_id for view in views]) == 0
        refused = await tx.connection.execute(
            sa.text("SELECT count(*) FROM audit WHERE entry LIKE '%' || :code || '%'"),
            {"code": GroupChanged.code},
        )
    assert refused.scalar_one() == (1 if leaving == ATTEMPTS else 0)


async def test_two_workers_never_make_one_group_s_result(play: Play) -> None:
    """The second waits for the leases of the first, and then finds it released."""
    for name in ("anna", "ben", "cara"):
        await play.person(name)
    run_id = await run.start(play.world, CONSUMER, SPACE)
    await play.work(run_id)
    sandbox, made = play.world.sandbox, []
    real = sandbox.aggregate

    async def counted(*arguments):  # type: ignore[no-untyped-def]
        made.append(1)
        return await real(*arguments)

    sandbox.aggregate = counted
    await asyncio.gather(*(aggregate.aggregate(play.enclave, run_id) for _ in range(2)))
    assert made == [1]
    assert (await run.show(play.world, CONSUMER, SPACE, run_id)).aggregate is True
