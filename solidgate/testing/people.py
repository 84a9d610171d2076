"""People for tests and demonstrations: accounts, pods and logins at a Community Solid Server, by HTTP alone.

What a person does in a browser is done here over the server's JSON account API: no page is scraped.
"""

from __future__ import annotations

import secrets
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin

import aiohttp

from solidgate.errors import FetchUnexpected, LoginCancelled, LoginRefused
from solidgate.identity import jose
from solidgate.identity.dpop import DpopAccess, DpopKey

Trust = ssl.SSLContext | bool

STEP_SECONDS = 30.0
MOST_REDIRECTS = 20


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """A client id and secret that stand for one WebID at the account's issuer."""

    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account and a pod. ``pod`` ends with a slash; ``issuer`` is as in the profile."""

    name: str
    email: str
    password: str = field(repr=False)
    webid: str
    pod: str
    credentials: ClientCredentials
    issuer: str


async def create_person(
    base_url: str, name: str, password: str = "correct horse battery", *, trust: Trust = True
) -> Person:
    """An account with an e-mail login, a pod called ``name`` and client credentials.

    ``trust`` is the server's own, for one over https with an authority that nobody else knows.
    Raises ``FetchUnexpected`` when the server refuses a step, for instance because the pod exists.
    """
    email = f"{name}@example.test"
    async with _browser(cookies=False, trust=trust) as http:
        account = f"{base_url}.account/"
        controls = await _json(http, "GET", account)
        made = await _json(http, "POST", _control(controls, "account", "create"), {})
        token = {"Authorization": f"CSS-Account-Token {made['authorization']}"}
        controls = await _json(http, "GET", account, headers=token)
        login = {"email": email, "password": password}
        await _json(http, "POST", _control(controls, "password", "create"), login, headers=token)
        wish: dict[str, object] = {"name": name, "settings": {"linkStorage": True}}
        pod = await _json(http, "POST", _control(controls, "account", "pod"), wish, headers=token)
        wish = {"name": name, "webId": pod["webId"]}
        secret = await _json(
            http, "POST", _control(controls, "account", "clientCredentials"), wish, headers=token
        )
    credentials = ClientCredentials(str(secret["id"]), str(secret["secret"]))
    return Person(name, email, password, str(pod["webId"]), str(pod["pod"]), credentials, base_url)


async def client_credentials_access(person: Person, *, trust: Trust = True) -> DpopAccess:
    """A DPoP-bound access token for the person's own WebID, without a login, for as long as the issuer says.

    Raises ``LoginRefused`` when the issuer refuses, or gives a token that is not bound to the key.
    """
    key = jose.generate_key()
    now = datetime.now(UTC)
    url = f"{person.issuer}.oidc/token"
    basic = aiohttp.encode_basic_auth(person.credentials.client_id, person.credentials.secret)
    head = {"Authorization": basic, **DpopKey(key, _fresh).headers("POST", url, now)}
    form = {"grant_type": "client_credentials", "scope": "webid"}
    async with _browser(cookies=False, trust=trust) as http, http.post(url, data=form, headers=head) as reply:
        found = await reply.json(content_type=None)
        if reply.status != 200 or found.get("token_type") != "DPoP":
            raise LoginRefused(f"the token endpoint answered {reply.status}")
    expires = now + timedelta(seconds=int(found["expires_in"]))
    return DpopAccess(person.webid, str(found["access_token"]), key, expires, _fresh)


async def walk_login(
    authorization_url: str, person: Person, redirect_uri: str, *, remember: bool = False
) -> str:
    """Log in and consent at the issuer as ``person``; the final address at ``redirect_uri``, not fetched.

    Raises ``LoginRefused`` when the issuer shows an error instead of a step of the walk.
    """
    async with _browser() as http:
        controls = await _until_logged_in(http, authorization_url, person, redirect_uri)
        if isinstance(controls, str):
            return controls
        chosen = await _json(http, "POST", _control(controls, "oidc", "webId"), {"webId": person.webid})
        step = await _follow(http, str(chosen["location"]), redirect_uri)
        if isinstance(step, str):
            return step
        agreed = await _json(http, "POST", _control(step, "oidc", "consent"), {"remember": remember})
        return _arrived(await _follow(http, str(agreed["location"]), redirect_uri))


async def walk_cancel(authorization_url: str, person: Person, redirect_uri: str) -> str:
    """Log in as ``person`` and refuse the application; the final address carries ``error=access_denied``."""
    async with _browser() as http:
        controls = await _until_logged_in(http, authorization_url, person, redirect_uri)
        if isinstance(controls, str):
            raise LoginCancelled("the issuer did not ask")
        refused = await _json(http, "POST", _control(controls, "oidc", "cancel"), {})
        return _arrived(await _follow(http, str(refused["location"]), redirect_uri))


def _fresh() -> str:
    return secrets.token_urlsafe(16)


async def _until_logged_in(
    http: aiohttp.ClientSession, authorization_url: str, person: Person, redirect_uri: str
) -> Mapping[str, object] | str:
    step = await _follow(http, authorization_url, redirect_uri)
    if isinstance(step, str):
        return step
    wish = {"email": person.email, "password": person.password}
    login = await _json(http, "POST", _control(step, "password", "login"), wish)
    return await _follow(http, str(login["location"]), redirect_uri)


@asynccontextmanager
async def _browser(*, cookies: bool = True, trust: Trust = True) -> AsyncIterator[aiohttp.ClientSession]:
    # The account API refuses its cookie and its token together, so account creation keeps no cookies.
    jar = aiohttp.CookieJar() if cookies else aiohttp.DummyCookieJar()
    limit = aiohttp.ClientTimeout(total=STEP_SECONDS)
    connector = aiohttp.TCPConnector(ssl=trust)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar, timeout=limit) as http:
        yield http


async def _follow(http: aiohttp.ClientSession, url: str, redirect_uri: str) -> Mapping[str, object] | str:
    """Walk the redirects to the next step's controls, or to an address at ``redirect_uri``."""
    for _ in range(MOST_REDIRECTS):
        if url == redirect_uri or url.startswith((f"{redirect_uri}?", f"{redirect_uri}&")):
            return url
        async with http.get(url, headers={"Accept": "application/json"}, allow_redirects=False) as reply:
            if reply.status in (302, 303):
                url = urljoin(url, reply.headers["Location"])
                continue
            if reply.status != 200:
                raise LoginRefused(f"the issuer answered {reply.status}")
            found: Mapping[str, object] = await reply.json(content_type=None)
            return found
    raise LoginRefused("the issuer redirected without end")


def _arrived(step: Mapping[str, object] | str) -> str:
    if not isinstance(step, str):
        raise LoginRefused("the issuer asked for one more step than its account API names")
    return step


def _control(document: Mapping[str, object], group: str, name: str) -> str:
    controls = document.get("controls")
    named = controls.get(group) if isinstance(controls, Mapping) else None
    address = named.get(name) if isinstance(named, Mapping) else None
    if not isinstance(address, str):
        raise FetchUnexpected(f"the account API offers no {group}.{name} at this step")
    return address


async def _json(
    http: aiohttp.ClientSession,
    method: str,
    url: str,
    body: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Mapping[str, object]:
    head: dict[str, str] = {"Accept": "application/json", **(headers or {})}
    async with http.request(method, url, json=body, headers=head) as reply:
        if reply.status >= 300:
            raise FetchUnexpected(f"the account API answered {reply.status} to {method}")
        found: Mapping[str, object] = await reply.json(content_type=None)
        return found
