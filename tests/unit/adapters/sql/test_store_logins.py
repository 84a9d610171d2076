"""What login keeps: used once, bound to a browser, sealed, and ended by two clocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from solidgate.adapters.sql.logins import SqlLogins
from solidgate.adapters.sql.store import SqlStore
from solidgate.errors import SessionExpired, TooManyRequests
from solidgate.testing.sample_login import NOW, REQUEST, WEBID, SetClock, sample_session


async def test_a_session_comes_back_and_its_token_is_nowhere_in_clear(
    logins: SqlLogins, store: SqlStore
) -> None:
    kept = sample_session()
    await logins.put_session(kept)
    found = await logins.session("cookie-secret", NOW)
    assert replace(found, access=kept.access) == kept
    assert found.access.webid == WEBID
    async with store.transaction() as tx:
        row = (await tx.connection.exec_driver_sql("SELECT s::text FROM sessions s")).scalar_one()
    for secret in ("canary-token", "cookie-secret", WEBID):
        assert secret not in row
        assert secret.encode().hex() not in row


async def test_a_flood_of_logins_is_refused_and_pushes_nobody_out(store: SqlStore, clock: SetClock) -> None:
    few = SqlLogins(store, clock, timedelta(minutes=10), timedelta(minutes=30), most_pending=2)
    for number in (1, 2):
        await few.put_login(replace(REQUEST, state=f"state-{number}"), "browser-1")
    with pytest.raises(TooManyRequests):
        await few.put_login(replace(REQUEST, state="state-3"), "browser-1")
    assert (await few.take_login("state-1", "browser-1")).state == "state-1"


async def test_purge_removes_only_what_has_ended(logins: SqlLogins, clock: SetClock) -> None:
    await logins.put_login(REQUEST, "browser-1")
    await logins.put_session(sample_session())
    await logins.purge()
    assert await logins.session("cookie-secret", NOW)
    clock.at = NOW + timedelta(hours=13)
    await logins.purge()
    clock.at = NOW
    with pytest.raises(SessionExpired):
        await logins.session("cookie-secret", NOW)
