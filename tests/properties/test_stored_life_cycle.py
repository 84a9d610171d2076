"""The life cycle as stored: any order of any acts on a real PostgreSQL leaves records that are records."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from solidgate.consent.record import Reason, check_record, status_of
from solidgate.consent.status import TRANSITIONS, ConsentStatus
from solidgate.errors import BadInput, Conflict, NotFound, Refused
from solidgate.flow import ask, consent, defer, expire, invalidate, invite, record, withdraw
from solidgate.flow import space as spaces
from solidgate.identity.login import Session
from solidgate.testing.gate import TestGate, open_gate
from solidgate.testing.terms import sample_agreement

SPACE = "home-energy"
STEPS = 40
Refusals = (BadInput, Conflict, NotFound, Refused)
"""A rule that said no; any other fault fails the test."""
S = ConsentStatus


class Play:
    """One person, one space; every act may be tried at any time, and a refusal must change nothing."""

    def __init__(self, gate: TestGate, session: Session, token: str, chance: random.Random) -> None:
        self.gate, self.session, self.token, self.chance = gate, session, token, chance
        self.seen: dict[str, tuple[object, ...]] = {}

    async def answer(self) -> None:
        await self._answer(await ask.ask(self.gate.world, self.session, self.token))

    async def again(self) -> None:
        await self._answer(await ask.ask_again(self.gate.world, self.session, SPACE))

    async def _answer(self, request_id: str) -> None:
        world, yes = self.gate.world, self.chance.random() < 0.8
        shown = (await consent.review(world, self.session, request_id, "en")).notice.digest
        if self.chance.random() < 0.3:
            await defer.defer(world, self.session, request_id, shown=shown, language="en")
        await consent.answer(
            world, self.session, request_id, shown=shown, language="en", answers={"advice": yes}
        )

    async def withdraw(self) -> None:
        await withdraw.withdraw(self.gate.world, self.session, await self._any())

    async def invalidate(self) -> None:
        reason = self.chance.choice([Reason.UNDER_AGE, Reason.TERMS_CHANGED])
        await invalidate.invalidate(self.gate.world, await self._any(), reason)

    async def publish(self) -> None:
        version = (await spaces.show(self.gate.world, SPACE)).agreement.version + 1
        await spaces.publish(self.gate.world, SPACE, replace(sample_agreement(SPACE), version=version))

    async def wait(self) -> None:
        self.gate.clock.ahead += timedelta(days=self.chance.choice([1, 40, 200]))
        self.session = await self.gate.log_in(self.session.webid)
        self.token = await invite.invite(self.gate.world, None, SPACE, uses=0, days=1)
        await expire.expire(self.gate.world)

    async def _any(self) -> str:
        found = await record.mine(self.gate.world, self.session)
        return self.chance.choice(found).record.consent_id if found else "none"

    async def check(self) -> None:
        """Every record is sound, its history only grew, and at most one of a purpose holds."""
        found = await record.mine(self.gate.world, self.session)
        for view in found:
            events = view.record.events
            check_record(view.record)
            assert status_of(view.record) is not S.UNKNOWN
            assert all(b.status in TRANSITIONS[a.status] for a, b in pairwise(events))
            before = self.seen.get(view.record.consent_id, ())
            assert events[: len(before)] == before
            assert view.record.epoch == len(events)
            self.seen[view.record.consent_id] = events
        assert {view.record.consent_id for view in found} == set(self.seen)
        assert sum(view.status.valid_for_processing for view in found) <= 1
        known = {view.record.iri for view in found}
        assert {view.record.replaces for view in found if view.record.replaces} <= known


@pytest.mark.parametrize("seed", range(4))
async def test_any_order_of_acts_leaves_sound_records(seed: int, database_url: str, tmp_path: Path) -> None:
    async with open_gate(database_url, tmp_path) as gate:
        await spaces.create(gate.world, sample_agreement(SPACE))
        token = await invite.invite(gate.world, None, SPACE, uses=0, days=1)
        storage = "https://anna.example/"
        gate.pods.give(f"{storage}me", storage, {"energy/2025.ttl": b"<a:a> <b:b> <c:c> ."})
        play = Play(gate, await gate.log_in(f"{storage}me"), token, random.Random(seed))
        acts: list[Callable[[], Awaitable[None]]] = [
            play.answer,
            play.again,
            play.again,
            play.withdraw,
            play.invalidate,
            play.publish,
            play.wait,
        ]
        done = 0
        for _ in range(STEPS):
            try:
                await play.chance.choice(acts)()
                done += 1
            except Refusals:
                pass
            await play.check()
        assert done > STEPS // 4
        assert play.seen
