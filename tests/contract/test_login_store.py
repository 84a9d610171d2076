"""What every ``LoginStore`` promises: used once, bound to a browser, ended by two clocks.

Run against PostgreSQL and against the double that ships for tests.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from solidgate.adapters.sealing import StoreKeys, new_key
from solidgate.adapters.sql.engine import make_engine
from solidgate.adapters.sql.logins import SqlLogins
from solidgate.adapters.sql.store import SqlStore
from solidgate.adapters.tombstones import Tombstones
from solidgate.errors import LoginExpired, LoginStateUnknown, SessionExpired
from solidgate.identity.login import Registration
from solidgate.ports import LoginStore
from solidgate.testing.logins import MemoryLogins
from solidgate.testing.sample_login import NOW, REQUEST, WEBID, SetClock, began


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture(params=["postgresql", "memory"])
async def logins(
    request: pytest.FixtureRequest, clock: SetClock, make_database: Callable[[], str], data_folder: Path
) -> AsyncIterator[LoginStore]:
    if request.param == "memory":
        yield MemoryLogins(clock)
        return
    engine = make_engine(make_database())
    keys = StoreKeys.from_root(new_key())
    store = SqlStore(engine, keys, Tombstones(data_folder / "tombstones", keys.tombstone))
    yield SqlLogins(store, clock, pending=timedelta(minutes=10), idle=timedelta(minutes=30))
    await engine.dispose()


async def test_a_login_is_taken_once_however_many_ask(logins: LoginStore) -> None:
    await logins.put_login(REQUEST, "browser-1")
    taken = await asyncio.gather(
        *(logins.take_login("state-1", "browser-1") for _ in range(8)), return_exceptions=True
    )
    assert [one for one in taken if one == REQUEST] == [REQUEST]
    assert sum(isinstance(one, LoginStateUnknown) for one in taken) == 7


@pytest.mark.parametrize(("state", "browser"), [("state-2", "browser-1"), ("state-1", "browser-2")])
async def test_an_unknown_or_foreign_login_is_refused(logins: LoginStore, state: str, browser: str) -> None:
    await logins.put_login(REQUEST, "browser-1")
    with pytest.raises(LoginStateUnknown):
        await logins.take_login(state, browser)


async def test_a_late_login_is_refused_and_tells_where_it_was_to_lead(
    logins: LoginStore, clock: SetClock
) -> None:
    await logins.put_login(REQUEST, "browser-1")
    clock.at = NOW + timedelta(minutes=10)
    with pytest.raises(LoginExpired) as late:
        await logins.take_login("state-1", "browser-1")
    assert late.value.return_to == REQUEST.return_to
    with pytest.raises(LoginStateUnknown):
        await logins.take_login("state-1", "browser-1")


async def test_only_the_browser_that_began_a_login_is_told_where_it_leads(logins: LoginStore) -> None:
    await logins.put_login(REQUEST, "browser-1")
    assert await logins.return_to_of("browser-1") == REQUEST.return_to
    assert await logins.return_to_of("browser-2") is None
    await logins.take_login("state-1", "browser-1")
    assert await logins.return_to_of("browser-1") is None


@pytest.mark.parametrize("after", [timedelta(minutes=30), timedelta(hours=13)])
async def test_a_session_ends_idle_or_old(logins: LoginStore, after: timedelta) -> None:
    await began(logins)
    with pytest.raises(SessionExpired):
        await logins.session("cookie-secret", NOW + after)


async def test_use_keeps_a_session_alive_until_its_absolute_end(logins: LoginStore) -> None:
    await began(logins)
    for minutes in range(0, 12 * 60, 20):
        await logins.session("cookie-secret", NOW + timedelta(minutes=minutes))
    with pytest.raises(SessionExpired):
        await logins.session("cookie-secret", NOW + timedelta(hours=12))


async def test_an_ended_session_is_gone(logins: LoginStore) -> None:
    await began(logins)
    await logins.end_session("cookie-secret")
    with pytest.raises(SessionExpired):
        await logins.session("cookie-secret", NOW)


async def test_somebody_who_logs_out_may_do_so_twice(logins: LoginStore) -> None:
    session = await began(logins)
    for _ in range(2):
        await logins.log_out(session)
    with pytest.raises(SessionExpired):
        await logins.session("cookie-secret", NOW)


async def test_a_proof_is_new_exactly_once(logins: LoginStore) -> None:
    until = NOW + timedelta(minutes=2)
    seen = await asyncio.gather(*(logins.first_use("proof-1", until) for _ in range(8)))
    assert sorted(seen) == [False] * 7 + [True]


async def test_another_account_at_the_same_issuer_is_another_person(logins: LoginStore) -> None:
    first = await logins.person_for(WEBID, "https://idp.example/", "alice", NOW)
    again = await logins.person_for(WEBID, "https://idp.example/", "alice", NOW)
    other = await logins.person_for(WEBID, "https://idp.example/", "mallory", NOW)
    assert first == again != other


async def test_a_registration_is_kept_replaced_and_forgotten(logins: LoginStore) -> None:
    issuer = "https://idp.example/"
    assert await logins.registration(issuer) is None
    await logins.put_registration(Registration(issuer, "client-1"))
    await logins.put_registration(Registration(issuer, "client-2", "secret"))
    assert await logins.registration(issuer) == Registration(issuer, "client-2", "secret")
    await logins.forget_registration(issuer)
    assert await logins.registration(issuer) is None
