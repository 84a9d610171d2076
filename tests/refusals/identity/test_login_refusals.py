"""Login against an awkward issuer: each quirk alone is refused, named, and costs no second use of a code."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest

from solidgate.errors import (
    ClockOff,
    FetchTimedOut,
    FetchTooLarge,
    FetchUnexpected,
    FetchUnreachable,
    IssuerDown,
    IssuerFault,
    IssuerNotFound,
    LoginCancelled,
    LoginRefused,
    LoginStateUnknown,
    NoIssuer,
    ProfileClosed,
    ProfileNotFound,
    ProfileUnreadable,
    SolidgateError,
)
from solidgate.flow import login
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.testing.issuer import AwkwardIssuer
from solidgate.testing.quirks import TOLERATED, Quirk
from solidgate.testing.relying import finish, relying_party

Q = Quirk

# quirk -> the error, a word of its detail, and how many codes were sent to the token endpoint.
REFUSED: dict[Quirk, tuple[type[SolidgateError], str, int]] = {
    Q.SLOW_METADATA: (FetchTimedOut, "", 0),
    Q.METADATA_HUGE: (FetchTooLarge, "", 0),
    Q.METADATA_REDIRECTED: (IssuerFault, "302", 0),
    Q.METADATA_DOWN: (IssuerDown, "503", 0),
    Q.METADATA_NOT_JSON: (IssuerFault, "JSON", 0),
    Q.METADATA_OTHER_ISSUER: (IssuerFault, "issuer", 0),
    Q.METADATA_WITHOUT_S256: (IssuerFault, "S256", 0),
    Q.METADATA_WITHOUT_TOKEN_ENDPOINT: (IssuerFault, "token_endpoint", 0),
    Q.METADATA_FILE_ENDPOINT: (IssuerFault, "token_endpoint", 0),
    Q.KEYS_MANY: (LoginRefused, "no key", 1),
    Q.CALLBACK_WITHOUT_ISS: (LoginRefused, "iss", 0),
    Q.CALLBACK_OTHER_ISS: (LoginRefused, "iss", 0),
    Q.CALLBACK_REPEATED_ISS: (LoginRefused, "repeated", 0),
    Q.CALLBACK_OTHER_STATE: (LoginStateUnknown, "", 0),
    Q.CALLBACK_WITHOUT_CODE: (LoginRefused, "code", 0),
    Q.CALLBACK_CANCELLED: (LoginCancelled, "", 0),
    Q.CALLBACK_ERROR: (LoginRefused, "server_error", 0),
    Q.CODE_IS_REFUSED: (LoginRefused, "invalid_grant", 1),
    Q.CLIENT_IS_REFUSED: (LoginRefused, "invalid_client", 1),
    Q.BEARER_TOKENS: (LoginRefused, "token_type", 1),
    Q.WITHOUT_ID_TOKEN: (LoginRefused, "id_token", 1),
    Q.TOKENS_NOT_JSON: (LoginRefused, "JSON", 1),
    Q.ALG_NONE: (LoginRefused, "not signed", 1),
    Q.ALG_HS256: (LoginRefused, "key", 1),
    Q.UNKNOWN_KID: (LoginRefused, "no key", 1),
    Q.KEY_IN_HEADER: (LoginRefused, "signature", 1),
    Q.SIGNED_BY_STRANGER: (LoginRefused, "signature", 1),
    Q.ID_TOKEN_OF_ANOTHER_KIND: (LoginRefused, "typ", 1),
    Q.ID_TOKEN_OTHER_ISS: (LoginRefused, "iss", 1),
    Q.OTHER_AUDIENCE: (LoginRefused, "aud", 1),
    Q.FOREIGN_AUDIENCE_TOO: (LoginRefused, "aud", 1),
    Q.OTHER_AZP: (LoginRefused, "azp", 1),
    Q.OTHER_NONCE: (LoginRefused, "nonce", 1),
    Q.WITHOUT_NONCE: (LoginRefused, "nonce", 1),
    Q.EXPIRED: (ClockOff, "expired", 1),
    Q.WITHOUT_EXP: (LoginRefused, "exp", 1),
    Q.IAT_IN_FUTURE: (ClockOff, "future", 1),
    Q.IAT_IN_MILLISECONDS: (LoginRefused, "not a time", 1),
    Q.IAT_LONG_AGO: (ClockOff, "too long ago", 1),
    Q.OTHER_AT_HASH: (LoginRefused, "at_hash", 1),
    Q.WITHOUT_SUB: (LoginRefused, "sub", 1),
    Q.WITHOUT_WEBID: (LoginRefused, "webid", 1),
    Q.WEBID_IS_NO_ADDRESS: (LoginRefused, "webid", 1),
    Q.FOREIGN_WEBID: (LoginRefused, "another WebID", 1),
    Q.PROFILE_WITHOUT_ISSUER: (NoIssuer, "no solid:oidcIssuer", 0),
    Q.PROFILE_NAMES_ANOTHER: (FetchUnreachable, "", 0),
    Q.PROFILE_NAMES_OTHER_CASE: (IssuerFault, "issuer", 0),
    Q.PROFILE_ISSUER_AS_TEXT: (NoIssuer, "", 0),
    Q.PROFILE_OF_ANOTHER_SUBJECT: (NoIssuer, "", 0),
    Q.PROFILE_AS_HTML: (ProfileUnreadable, "Turtle", 0),
    Q.PROFILE_MALFORMED: (ProfileUnreadable, "well-formed", 0),
    Q.PROFILE_HUGE: (FetchTooLarge, "", 0),
    Q.PROFILE_DOWN: (FetchUnexpected, "500", 0),
    Q.PROFILE_NESTED: (ProfileUnreadable, "nested", 0),
    Q.PROFILE_MISSING: (ProfileNotFound, "404", 0),
    Q.PROFILE_GONE: (ProfileNotFound, "410", 0),
    Q.PROFILE_NEEDS_LOGIN: (ProfileClosed, "401", 0),
    Q.PROFILE_CLOSED: (ProfileClosed, "403", 0),
}
# Begun from the issuer's address, the profile is seen only after the ID token: the check that no issuer
# can vouch for a WebID that does not name it.
PROFILE_AFTER_TOKEN: dict[Quirk, type[SolidgateError]] = {
    Q.PROFILE_WITHOUT_ISSUER: NoIssuer,
    Q.PROFILE_NAMES_ANOTHER: NoIssuer,
    Q.PROFILE_NAMES_OTHER_CASE: NoIssuer,
    Q.PROFILE_ISSUER_AS_TEXT: NoIssuer,
    Q.PROFILE_OF_ANOTHER_SUBJECT: NoIssuer,
    Q.PROFILE_AS_HTML: NoIssuer,
    Q.PROFILE_MALFORMED: NoIssuer,
    Q.PROFILE_HUGE: FetchTooLarge,
    Q.PROFILE_DOWN: NoIssuer,
    Q.PROFILE_NESTED: NoIssuer,
    Q.PROFILE_MISSING: NoIssuer,
    Q.PROFILE_GONE: NoIssuer,
    Q.PROFILE_NEEDS_LOGIN: NoIssuer,
    Q.PROFILE_CLOSED: NoIssuer,
    Q.FOREIGN_WEBID: FetchUnreachable,
}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with relying_party() as made:
        yield made


@pytest.fixture
async def issuer() -> AsyncIterator[AwkwardIssuer]:
    async with AwkwardIssuer(slow_seconds=2) as made:
        yield made


async def log_in(world: World, issuer: AwkwardIssuer, identifier: str = "") -> tuple[Session, str]:
    browser = secrets.token_urlsafe(32)
    begun = await login.begin(world, identifier or issuer.webid(), return_to="/requests/7", browser=browser)
    assert isinstance(begun, login.Began)
    return await finish(world, await issuer.agree(begun.redirect_to), browser)


def test_every_quirk_has_its_row() -> None:
    assert set(REFUSED) | TOLERATED == set(Quirk)
    assert not set(REFUSED) & TOLERATED


async def test_a_plain_login(world: World, issuer: AwkwardIssuer) -> None:
    session, return_to = await log_in(world, issuer)
    assert (session.webid, session.issuer, return_to) == (issuer.webid(), issuer.issuer, "/requests/7")
    assert session.access.webid == issuer.webid()
    assert await login.resume(world, session.session_id) == session
    await login.end(world, session)
    with pytest.raises(SolidgateError):
        await login.resume(world, session.session_id)


@pytest.mark.parametrize("quirk", sorted(TOLERATED), ids=lambda quirk: quirk.name)
async def test_copes_with(world: World, issuer: AwkwardIssuer, quirk: Quirk) -> None:
    issuer.quirks.add(quirk)
    if quirk in (Quirk.FORGETS_CLIENTS, Quirk.REGISTERS_WITH_SECRET):
        issuer.quirks.add(Quirk.WITHOUT_WEBID_SCOPE)
    session, _ = await log_in(world, issuer)
    assert session.webid == issuer.webid()


@pytest.mark.parametrize("quirk", sorted(REFUSED), ids=lambda quirk: quirk.name)
async def test_refuses(world: World, issuer: AwkwardIssuer, quirk: Quirk) -> None:
    error, word, exchanges = REFUSED[quirk]
    issuer.quirks.add(quirk)
    with pytest.raises(error, match=word or None) as caught:
        await log_in(world, issuer)
    assert issuer.token_requests == exchanges
    assert issuer.webid() not in str(caught.value)


@pytest.mark.parametrize("quirk", sorted(PROFILE_AFTER_TOKEN), ids=lambda quirk: quirk.name)
async def test_no_issuer_vouches_for_a_profile_that_does_not_name_it(
    world: World, issuer: AwkwardIssuer, quirk: Quirk
) -> None:
    issuer.quirks.add(quirk)
    with pytest.raises(PROFILE_AFTER_TOKEN[quirk]):
        await log_in(world, issuer, issuer.issuer)


async def test_a_lost_registration_is_made_anew_before_the_person_leaves(
    world: World, issuer: AwkwardIssuer
) -> None:
    issuer.quirks.add(Quirk.WITHOUT_WEBID_SCOPE)
    await log_in(world, issuer)
    await log_in(world, issuer)
    assert len(issuer.clients) == 1
    issuer.clients.clear()
    world.issuers._probed.clear()  # type: ignore[attr-defined]  # as ten minutes later
    session, _ = await log_in(world, issuer)
    assert session.webid == issuer.webid()
    assert len(issuer.clients) == 1


async def test_a_client_refused_at_the_token_endpoint_registers_anew(
    world: World, issuer: AwkwardIssuer
) -> None:
    issuer.quirks |= {Quirk.WITHOUT_WEBID_SCOPE, Quirk.CLIENT_IS_REFUSED}
    with pytest.raises(LoginRefused, match="invalid_client"):
        await log_in(world, issuer)
    issuer.quirks.discard(Quirk.CLIENT_IS_REFUSED)
    await log_in(world, issuer)
    assert len(issuer.clients) == 2


async def test_a_foreign_webid_with_a_good_profile_elsewhere(world: World, issuer: AwkwardIssuer) -> None:
    """An issuer asserts a WebID whose own profile names only another issuer."""
    async with AwkwardIssuer() as honest:
        issuer.claimed["webid"] = honest.webid("victim")
        with pytest.raises(NoIssuer):
            await log_in(world, issuer, issuer.issuer)


async def test_mix_up_sends_no_code_to_the_wrong_issuer(world: World, issuer: AwkwardIssuer) -> None:
    """RFC 9700 section 4.4: the honest issuer's code comes back in a login begun at the attacker's."""
    async with AwkwardIssuer() as attacker:
        browser = secrets.token_urlsafe(32)
        begun = await login.begin(world, attacker.webid(), return_to="/me", browser=browser)
        other = await login.begin(world, issuer.webid(), return_to="/me", browser=browser)
        assert isinstance(begun, login.Began)
        assert isinstance(other, login.Began)
        honest = await issuer.agree(other.redirect_to)
        state = (await attacker.agree(begun.redirect_to))["state"]
        with pytest.raises(LoginRefused, match="iss"):
            await finish(world, {**honest, "state": state}, browser)
        assert (attacker.token_requests, issuer.token_requests) == (0, 0)


async def test_a_callback_works_once_and_in_its_own_browser(world: World, issuer: AwkwardIssuer) -> None:
    browser = secrets.token_urlsafe(32)
    begun = await login.begin(world, issuer.webid(), return_to="/me", browser=browser)
    assert isinstance(begun, login.Began)
    callback = await issuer.agree(begun.redirect_to)
    for stranger in ("", "another-browser"):
        with pytest.raises(LoginStateUnknown):
            await finish(world, callback, stranger)
    await finish(world, callback, browser)
    with pytest.raises(LoginStateUnknown):
        await finish(world, callback, browser)
    assert issuer.token_requests == 1


async def test_several_issuers_are_the_persons_choice(world: World, issuer: AwkwardIssuer) -> None:
    issuer.also_named.append("https://second.example/")
    choice = await login.begin(world, issuer.webid(), return_to="/me", browser="b")
    assert isinstance(choice, login.IssuerChoice)
    assert choice.issuers == (issuer.issuer, "https://second.example/")
    with pytest.raises(NoIssuer):
        await login.begin(world, issuer.webid(), return_to="/me", browser="b", issuer="https://x.example/")
    chosen = await login.begin(world, issuer.webid(), return_to="/me", browser="b", issuer=issuer.issuer)
    assert isinstance(chosen, login.Began)


@pytest.mark.parametrize(
    ("quirk", "error"),
    [
        (Q.PROFILE_MISSING, ProfileNotFound),
        (Q.PROFILE_CLOSED, ProfileClosed),
        (Q.PROFILE_AS_HTML, ProfileUnreadable),
    ],
)
async def test_an_address_that_is_neither_is_told_of_as_a_profile(
    world: World, issuer: AwkwardIssuer, quirk: Quirk, error: type[SolidgateError]
) -> None:
    """Without a fragment it may be either; where no provider is, what is wrong with the profile is told."""
    issuer.quirks.add(quirk)
    with pytest.raises(error):
        await log_in(world, issuer, issuer.webid().removesuffix("#me"))


async def test_a_profile_may_name_a_provider_that_is_not_there(world: World, issuer: AwkwardIssuer) -> None:
    issuer.also_named.append(issuer.webid("nobody-logs-in-here").removesuffix("#me") + "/")
    with pytest.raises(IssuerNotFound, match="404"):
        await login.begin(world, issuer.webid(), return_to="/me", browser="b", issuer=issuer.also_named[0])


async def test_each_session_is_new(world: World, issuer: AwkwardIssuer) -> None:
    first, _ = await log_in(world, issuer)
    second, _ = await log_in(world, issuer)
    assert first.session_id != second.session_id
    assert first.person_id == second.person_id


RETURNS = ["", "me", "//evil.example", "https://evil.example/", "/\\evil.example", "/a b", "/\t/evil", "/\n"]


@pytest.mark.parametrize("return_to", RETURNS)
async def test_returns_only_to_our_own_pages(world: World, return_to: str) -> None:
    with pytest.raises(SolidgateError):
        await login.begin(world, "https://x.example/#me", return_to=return_to, browser="b")
