"""What login keeps: used once, bound to a browser, sealed, and ended by two clocks."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from solidgate.adapters.sql.logins import SqlLogins
from solidgate.adapters.sql.store import SqlStore
from solidgate.errors import LoginStateUnknown, SessionExpired, TooManyRequests
from solidgate.identity import jose
from solidgate.identity.dpop import DpopAccess
from solidgate.identity.login import AuthorizationRequest, Registration, Session

from .conftest import NOW, WEBID, SetClock

REQUEST = AuthorizationRequest(
    issuer="https://idp.example/",
    client_id="https://gate.example/client",
    redirect_uri="https://gate.example/callback",
    state="state-1",
    nonce="nonce-1",
    code_verifier="verifier-1",
    dpop_key=dict(jose.generate_key().private_jwk),
    return_to="/me",
    expected_webid=WEBID,
    created=NOW,
)


async def test_a_login_is_taken_once_however_many_ask(logins: SqlLogins) -> None:
    await logins.put_login(REQUEST, "browser-1")
    taken = await asyncio.gather(
        *(logins.take_login("state-1", "browser-1") for _ in range(8)), return_exceptions=True
    )
    assert [one for one in taken if one == REQUEST] == [REQUEST]
    assert sum(isinstance(one, LoginStateUnknown) for one in taken) == 7


@pytest.mark.parametrize(
    ("state", "browser", "minutes"),
    [("state-2", "browser-1", 0), ("state-1", "browser-2", 0), ("state-1", "browser-1", 10)],
)
async def test_an_unknown_foreign_or_late_login_is_refused(
    logins: SqlLogins, clock: SetClock, state: str, browser: str, minutes: int
) -> None:
    await logins.put_login(REQUEST, "browser-1")
    clock.at = NOW + timedelta(minutes=minutes)
    with pytest.raises(LoginStateUnknown):
        await logins.take_login(state, browser)


def _session() -> Session:
    access = DpopAccess(WEBID, "canary-token", jose.generate_key(), NOW + timedelta(hours=1), lambda: "jti")
    return Session(
        "cookie-secret", "person-1", WEBID, "https://idp.example/", access, NOW, NOW + timedelta(hours=12)
    )


async def test_a_session_comes_back_and_its_token_is_nowhere_in_clear(
    logins: SqlLogins, store: SqlStore
) -> None:
    kept = _session()
    await logins.put_session(kept)
    found = await logins.session("cookie-secret", NOW)
    assert replace(found, access=kept.access) == kept
    assert found.access.webid == WEBID
    async with store.transaction() as tx:
        row = (await tx.connection.exec_driver_sql("SELECT s::text FROM sessions s")).scalar_one()
    for secret in ("canary-token", "cookie-secret", WEBID):
        assert secret not in row
        assert secret.encode().hex() not in row


@pytest.mark.parametrize("after", [timedelta(minutes=30), timedelta(hours=13)])
async def test_a_session_ends_idle_or_old(logins: SqlLogins, after: timedelta) -> None:
    await logins.put_session(_session())
    with pytest.raises(SessionExpired):
        await logins.session("cookie-secret", NOW + after)


async def test_use_keeps_a_session_alive_until_its_absolute_end(logins: SqlLogins) -> None:
    await logins.put_session(_session())
    for minutes in range(0, 12 * 60, 20):
        await logins.session("cookie-secret", NOW + timedelta(minutes=minutes))
    with pytest.raises(SessionExpired):
        await logins.session("cookie-secret", NOW + timedelta(hours=12))


async def test_an_ended_session_is_gone(logins: SqlLogins) -> None:
    await logins.put_session(_session())
    await logins.end_session("cookie-secret")
    with pytest.raises(SessionExpired):
        await logins.session("cookie-secret", NOW)


async def test_a_proof_is_new_exactly_once(logins: SqlLogins) -> None:
    until = NOW + timedelta(minutes=2)
    seen = await asyncio.gather(*(logins.first_use("proof-1", until) for _ in range(8)))
    assert sorted(seen) == [False] * 7 + [True]


async def test_another_account_at_the_same_issuer_is_another_person(logins: SqlLogins) -> None:
    first = await logins.person_for(WEBID, "https://idp.example/", "alice", NOW)
    again = await logins.person_for(WEBID, "https://idp.example/", "alice", NOW)
    other = await logins.person_for(WEBID, "https://idp.example/", "mallory", NOW)
    assert first == again != other


async def test_a_registration_is_kept_replaced_and_forgotten(logins: SqlLogins) -> None:
    issuer = "https://idp.example/"
    assert await logins.registration(issuer) is None
    await logins.put_registration(Registration(issuer, "client-1"))
    await logins.put_registration(Registration(issuer, "client-2", "secret"))
    assert await logins.registration(issuer) == Registration(issuer, "client-2", "secret")
    await logins.forget_registration(issuer)
    assert await logins.registration(issuer) is None


async def test_a_flood_of_logins_is_refused_and_pushes_nobody_out(store: SqlStore, clock: SetClock) -> None:
    few = SqlLogins(store, clock, timedelta(minutes=10), timedelta(minutes=30), most_pending=2)
    for number in (1, 2):
        await few.put_login(replace(REQUEST, state=f"state-{number}"), "browser-1")
    with pytest.raises(TooManyRequests):
        await few.put_login(replace(REQUEST, state="state-3"), "browser-1")
    assert (await few.take_login("state-1", "browser-1")).state == "state-1"


async def test_purge_removes_only_what_has_ended(logins: SqlLogins, clock: SetClock) -> None:
    await logins.put_login(REQUEST, "browser-1")
    await logins.put_session(_session())
    await logins.purge()
    assert await logins.session("cookie-secret", NOW)
    clock.at = NOW + timedelta(hours=13)
    await logins.purge()
    clock.at = NOW
    with pytest.raises(SessionExpired):
        await logins.session("cookie-secret", NOW)
