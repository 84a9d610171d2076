"""Login with a Solid identity: begin, finish, resume, end. The only place that builds a ``Session``."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta

from solidgate.errors import (
    FetchUnexpected,
    LoginRefused,
    NoIssuer,
    ProfileClosed,
    ProfileNotFound,
    ProfileUnreadable,
    SessionExpired,
    StoreUnavailable,
)
from solidgate.flow.in_time import in_time
from solidgate.flow.issuers_for import issuers_for
from solidgate.flow.world import World
from solidgate.identity import client_document, code_flow, dpop, id_token, jose
from solidgate.identity.login import (
    AuthorizationRequest,
    Began,
    IssuerChoice,
    IssuerMetadata,
    Session,
    TokenReply,
)
from solidgate.identity.webid import check_web_address, names_issuer

__all__ = [
    "Began",
    "IssuerChoice",
    "begin",
    "begun",
    "check",
    "complete",
    "end",
    "place_before",
    "resume",
    "resume_to_withdraw",
]


async def begin(
    world: World, identifier: str, *, return_to: str, issuer: str | None = None, browser: str
) -> Began | IssuerChoice:
    """Start a login from a WebID or an issuer's address; ``issuer`` is the person's choice among several.

    ``browser`` is the pre-session secret that the callback must come back with. Raises
    ``WebIdInvalid NoIssuer ProfileNotFound ProfileClosed ProfileUnreadable IssuerFault IssuerNotFound
    IssuerDown`` and the faults of fetching.
    """
    return_to = code_flow.check_return_to(return_to)
    check(world, identifier, browser=browser)
    # 1. whose issuer: the profile names it, or the person gave it
    webid, issuers = await issuers_for(world, identifier)
    if issuer is not None and issuer not in issuers:
        raise NoIssuer("the chosen provider is not in the profile")
    if issuer is None and len(issuers) > 1:
        return IssuerChoice(identifier, issuers)
    # 2. discovery, checked; 3. who we are there
    metadata = await world.issuers.metadata(issuer or issuers[0])
    request = await _request(world, metadata, return_to, webid)
    # 4. kept under its state, for one use in this browser; 5. the address to go to
    await world.logins.put_login(request, browser)
    return Began(code_flow.authorization_url(metadata, request))


def check(world: World, identifier: str, *, browser: str) -> None:
    """What can be refused before anybody is asked. Raises ``WebIdInvalid LoginRefused``."""
    if not browser:
        raise LoginRefused("the browser keeps no cookies, so its login could not be told from another's")
    check_web_address(identifier, plain_http=_plain_http(world))


async def begun(world: World, query: Mapping[str, Sequence[str]], browser: str) -> AuthorizationRequest:
    """The login that a callback answers, taken out once, for the browser that began it.

    Raises ``LoginStateUnknown LoginExpired LoginRefused``.
    """
    return await world.logins.take_login(code_flow.callback_state(query), browser)


async def place_before(world: World, browser: str) -> str:
    """Where the latest open login of this browser was to lead, for a callback that answers none of them."""
    return (await world.logins.return_to_of(browser) if browser else None) or "/me"


async def complete(
    world: World, query: Mapping[str, Sequence[str]], request: AuthorizationRequest
) -> Session:
    """The session of a login that was taken out; it is finished once, or never.

    Raises ``LoginCancelled LoginRefused ClockOff NoIssuer`` and the faults of fetching.
    """
    # 1. iss, error, code
    code = code_flow.callback_code(query, request)
    metadata = await world.issuers.metadata(request.issuer)
    if metadata.issuer != request.issuer:
        raise LoginRefused("the issuer changed its name during the login")
    # 2. the code for tokens, exactly once
    reply = await world.issuers.exchange(metadata, request, code)
    # 3. the ID token
    token = await _verified(world, request, reply)
    # 4. it is the person who was asked for
    if request.expected_webid not in (None, token.webid):
        raise LoginRefused("another WebID logged in than the one that was entered")
    # 5. the profile names this issuer
    await _check_profile(world, token.webid, token.issuer)
    # 6. a session with a new id
    session = await _session(world, request, reply, token)
    await world.logins.put_session(session)
    return session


async def resume(world: World, cookie: str) -> Session:
    """The session of a cookie. Raises ``SessionExpired``."""
    now = world.clock.now()
    session = await world.logins.session(cookie, now)
    if now >= session.expires:
        await world.logins.end_session(cookie)
        raise SessionExpired
    return session


async def resume_to_withdraw(world: World, cookie: str) -> Session:
    """The same, also while the store is away: then a session that this process saw in use is enough.

    Only for withdrawing: without a session nobody would pull the brake. Raises ``SessionExpired``, and
    ``StoreUnavailable`` where this process does not know the session.
    """
    try:
        return await in_time(resume(world, cookie), world.settings.consent.store_seconds)
    except (StoreUnavailable, TimeoutError) as away:
        try:
            return world.logins.recent_session(cookie, world.clock.now())
        except SessionExpired:
            raise StoreUnavailable from away


async def end(world: World, session: Session) -> None:
    """Log out here: the session and the token in it are gone. The issuer's own session is not ours."""
    await world.logins.log_out(session)


async def _request(
    world: World, metadata: IssuerMetadata, return_to: str, webid: str | None
) -> AuthorizationRequest:
    client_id = await world.issuers.client_id(metadata)
    registration = None
    if client_id != client_document.client_id_of(world.public_url):
        registration = await world.logins.registration(metadata.issuer)
    return AuthorizationRequest(
        issuer=metadata.issuer,
        client_id=client_id,
        redirect_uri=client_document.redirect_uri_of(world.public_url),
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        code_verifier=secrets.token_urlsafe(48),
        dpop_key=jose.generate_key("ES256").private_jwk,
        return_to=return_to,
        expected_webid=webid,
        created=world.clock.now(),
        client_secret=registration.client_secret if registration else None,
    )


async def _verified(world: World, request: AuthorizationRequest, reply: TokenReply) -> id_token.IdToken:
    login = world.settings.login
    rules = id_token.IdTokenRules(
        issuer=request.issuer,
        client_id=request.client_id,
        nonce=request.nonce,
        skew=timedelta(seconds=login.clock_skew_seconds),
        max_age=timedelta(seconds=login.id_token_age_seconds),
        plain_http=_plain_http(world),
    )
    kid = id_token.key_id(reply.id_token)
    keys = await world.issuers.signing_keys(request.issuer, kid)
    return id_token.verify_id_token(reply.id_token, reply.access_token, keys, rules, world.clock.now())


async def _check_profile(world: World, webid: str, issuer: str) -> None:
    """Without this, any issuer could assert anybody's WebID (Solid-OIDC, security considerations)."""
    try:
        named = await world.issuers.issuers_of(webid)
    except (FetchUnexpected, ProfileClosed, ProfileNotFound, ProfileUnreadable) as fault:
        raise NoIssuer("the profile cannot be read") from fault
    tolerant = world.settings.login.trailing_slash_tolerance
    if not names_issuer(named, issuer, slash_tolerance=tolerant):
        raise NoIssuer("the profile does not name the provider that answered")


async def _session(
    world: World, request: AuthorizationRequest, reply: TokenReply, token: id_token.IdToken
) -> Session:
    now = world.clock.now()
    key = jose.signing_key(request.dpop_key)
    access = dpop.DpopAccess(
        webid=token.webid,
        token=reply.access_token,
        key=key,
        expires=now + timedelta(seconds=reply.expires_in),
        fresh=fresh_id,
        identity=reply.id_token,
        issuer=token.issuer,
        exchanges=world.settings.pull.exchange_servers,
    )
    return Session(
        session_id=secrets.token_urlsafe(32),
        person_id=await world.logins.person_for(token.webid, token.issuer, token.subject, now),
        webid=token.webid,
        issuer=token.issuer,
        access=access,
        created=now,
        # No refresh token is kept, so a session ends with its token: one that outlived it could decide, but
        # not open or close a door.
        expires=min(access.expires, now + timedelta(hours=world.settings.login.absolute_hours)),
    )


def fresh_id() -> str:
    """A new unguessable id for a DPoP proof; also for rebuilding a stored ``DpopAccess``."""
    return secrets.token_urlsafe(16)


def _plain_http(world: World) -> bool:
    return bool(world.settings.http.allow_private_addresses)
