"""One run at a time, approvals of known terms only, and nothing more from a closed space."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from solidgate.errors import RunOpen, SolidgateError, SpaceClosed, TermsUnknown
from solidgate.flow import run
from solidgate.flow import space as spaces
from solidgate.testing.play import Play
from solidgate.testing.space import CONSUMER, SPACE
from solidgate.testing.terms import sample_agreement


async def test_a_space_has_one_open_run(play: Play) -> None:
    await play.person("anna")
    first = await run.start(play.world, CONSUMER, SPACE)
    with pytest.raises(RunOpen) as refused:
        await run.start(play.world, CONSUMER, SPACE)
    assert refused.value.detail == first
    assert [one.run_id for one in await run.listing(play.world, CONSUMER, SPACE)] == [first]
    await run.cancel(play.world, CONSUMER, SPACE, first)
    second = await run.start(play.world, CONSUMER, SPACE)
    await play.work(second)
    await run.start(play.world, CONSUMER, SPACE)


async def test_of_many_starts_at_once_one_succeeds(play: Play) -> None:
    await play.person("anna")
    starts = [run.start(play.world, CONSUMER, SPACE) for _ in range(4)]
    found = await asyncio.gather(*starts, return_exceptions=True)
    begun = [one for one in found if isinstance(one, str)]
    assert len(begun) == 1
    assert {one.detail for one in found if isinstance(one, RunOpen)} == set(begun)


async def test_a_run_in_another_space_does_not_wait(play: Play) -> None:
    await play.person("anna")
    await run.start(play.world, CONSUMER, SPACE)
    other = dataclasses.replace(sample_agreement("other"), algorithm="sha256:" + "0" * 64)
    await spaces.create(play.world, other)
    with pytest.raises(SolidgateError) as refused:
        await run.start(play.world, CONSUMER, "other")
    assert refused.value.code != "run.open"


async def test_only_terms_of_this_space_are_approved(play: Play) -> None:
    view = await spaces.show(play.world, SPACE)
    foreign = await spaces.create(play.world, sample_agreement("other"))
    other = (await spaces.show(play.world, foreign)).agreement_digest
    program = view.agreement.algorithm
    for terms, algorithm in (("whatever", program), (other, program), (view.agreement_digest, "sha256:0")):
        with pytest.raises(TermsUnknown):
            await spaces.approve(play.world, CONSUMER, SPACE, terms, algorithm, "approve")
    assert (await spaces.show(play.world, SPACE)).approvals == view.approvals


async def test_a_closed_space_answers_no_query(play: Play) -> None:
    await play.rows()
    await spaces.close(play.world, SPACE)
    with pytest.raises(SpaceClosed):
        await play.rows()
