"""Walks to pages of templates that others walk to as well, in states that are seldom: in one language only.

What differs from the pages that every language has is a sentence or two, so that another round would tell
nothing: the words are told by ``tests/integration/test_error_states.py`` in each language.
"""

from __future__ import annotations

from typing import Any

import pytest

from solidgate.adapters.sql.store import SqlStore
from solidgate.errors import StoreUnavailable
from solidgate.flow import access_request
from solidgate.pod.platform import ServerKind
from solidgate.testing.space import enclave_of
from solidgate.web.keys import PACES
from solidgate.web.limits import CONSENT, Pace
from tests.browser.answers import AGAIN, YES, Matrix

ONLY = "en"  # the language whose golden files are kept


async def seldom(matrix: Matrix) -> None:
    """All of them, where it is this language's turn."""
    if matrix.tag == ONLY:
        await asked_at_the_pod(matrix)
        await nothing_new(matrix)
        await turned_away(matrix)


async def asked_at_the_pod(matrix: Matrix) -> None:
    """A pod whose owner grants access on a page there: while the space asks, and once it has asked."""
    gate = matrix.stage.gate
    world = gate.world

    async def kind_of(storage: str) -> ServerKind:
        return ServerKind.ESS_2

    async def request_access(*asked: Any) -> str:
        return "https://vc.example/request"

    async def access_page(webid: str, storage: str) -> str:
        return "https://access.example/page"

    with pytest.MonkeyPatch.context() as patch:
        for one in (kind_of, request_access, access_page):
            patch.setattr(gate.pods, one.__name__, one)
        async with matrix.arrive("quinn") as walk:
            await walk.page.goto(matrix.asking("one"))
            await walk.press(YES)
            consent = walk.page.url
            access = await enclave_of(world).keys.access_for("space-one")
            await access_request.issue(world, access, consent.rpartition("/")[2])
            await walk.open(consent)


async def nothing_new(matrix: Matrix) -> None:
    """Documents of a kind: a second look finds those that were agreed to, and no others."""
    async with matrix.arrive("rosa") as walk:
        diary = b"<#a> a <https://example.org/Diary> ."
        matrix.stage.gate.pods._put("https://rosa.example/diary/1.ttl", diary, "text/turtle")
        await walk.page.goto(matrix.asking("lost"))
        await walk.page.click(YES)
        await walk.press(AGAIN)


async def turned_away(matrix: Matrix) -> None:
    """Too often; by a pod; and by a gate without its database."""
    gate = matrix.stage.gate

    def away(store: SqlStore) -> None:
        raise StoreUnavailable

    async with matrix.arrive("sam") as walk:
        gate.pods.refuses.add("state")
        await walk.open(matrix.asking("one"), 502)
        gate.pods.refuses.clear()
        await walk.page.goto(matrix.asking("one"))
        await walk.page.click(YES)
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(gate.app[PACES].allowed, CONSENT, Pace(1, 3600))  # type: ignore[arg-type]
            await walk.press("form[action$='/receipt'] button", 429)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(SqlStore, "transaction", away)
            await walk.open(matrix.url("/me"), 503)
