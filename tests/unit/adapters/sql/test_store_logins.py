"""What login keeps: used once, bound to a browser, sealed, and ended by two clocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from solidgate.adapters.sql.logins import SqlLogins
from solidgate.adapters.sql.store import SqlStore
from solidgate.errors import LoginRefused, SessionExpired, TooManyRequests
from solidgate.testing.sample_login import NOW, REQUEST, WEBID, SetClock, began, sample_session


async def test_a_session_comes_back_and_its_token_is_nowhere_in_clear(
    logins: SqlLogins, store: SqlStore
) -> None:
    kept = await began(logins)
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
    await began(logins)
    await logins.purge()
    assert await logins.session("cookie-secret", NOW)
    clock.at = NOW + timedelta(hours=13)
    await logins.purge()
    clock.at = NOW
    with pytest.raises(SessionExpired):
        await logins.session("cookie-secret", NOW)


async def test_who_was_erased_while_they_logged_in_has_no_session(logins: SqlLogins, store: SqlStore) -> None:
    person_id = await logins.person_for(WEBID, "https://idp.example/", "alice", NOW)
    async with store.transaction() as tx:
        await tx.persons.remove(person_id)
    with pytest.raises(LoginRefused):
        await logins.put_session(replace(sample_session(), person_id=person_id))
    async with store.transaction() as tx:
        rows = await tx.connection.exec_driver_sql(
            "SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM login_events)"
        )
        assert rows.scalar_one() == 0
