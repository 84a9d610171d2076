"""A gate for tests of its pages: the real store, sessions and handlers, with pods in memory."""

from __future__ import annotations

import secrets
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from solidgate.adapters import sealing
from solidgate.adapters.http import GuardedFetcher
from solidgate.adapters.http_policy import FetchPolicy
from solidgate.adapters.oidc_issuer import IssuerPolicy, OidcIssuers
from solidgate.adapters.sandbox_bwrap import BwrapSandbox
from solidgate.adapters.sql.engine import make_engine
from solidgate.adapters.sql.logins import SqlLogins
from solidgate.adapters.sql.store import SqlStore
from solidgate.adapters.tombstones import NAME, Tombstones
from solidgate.flow.afterwards import Afterwards
from solidgate.flow.world import World
from solidgate.identity import dpop, jose
from solidgate.identity.login import Session
from solidgate.ports import PodServer
from solidgate.sandbox.limits import IsolationLevel
from solidgate.settings import TIME_ZONE, Login, Sandbox, Server, Settings
from solidgate.testing.memory_pods import MemoryPods
from solidgate.web.app import make_app, make_runner
from solidgate.web.forms import TOKEN_FIELD, form_token

ISSUER = "https://issuer.example/"


@dataclass(slots=True)
class MovableClock:
    """The real time plus ``ahead``, so that tests can wait without waiting."""

    ahead: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        """The real time and what was added."""
        return datetime.now(UTC) + self.ahead

    def monotonic(self) -> float:
        """Seconds, moving with ``ahead``."""
        return self.now().timestamp()


@dataclass(frozen=True, slots=True)
class Browser:
    """A person at the gate: cookies, the headers a browser sends, no redirect followed unasked."""

    gate: TestGate
    client: aiohttp.ClientSession
    session: Session | None = None

    async def get(self, path: str, accept: str = "text/html", **headers: str) -> Answer:
        """GET one of the gate's addresses."""
        return await self._send("GET", path, {"Accept": accept, **headers}, None)

    async def post(
        self, path: str, fields: Mapping[str, str], accept: str = "text/html", **headers: str
    ) -> Answer:
        """POST a form of this session; the token is added unless ``fields`` has one."""
        token = {TOKEN_FIELD: form_token(self.session.session_id)} if self.session else {}
        origin = self.gate.url.rstrip("/")
        return await self._send(
            "POST", path, {"Accept": accept, "Origin": origin, **headers}, {**token, **fields}
        )

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str], fields: Mapping[str, str] | None
    ) -> Answer:
        url = self.gate.url.rstrip("/") + path
        async with self.client.request(
            method, url, headers=headers, data=fields, allow_redirects=False
        ) as response:
            return Answer(response.status, response.headers, await response.read())


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode()

    @property
    def place(self) -> str:
        """Where a redirect leads."""
        return self.headers.get("Location", "")


@dataclass(frozen=True, slots=True)
class TestGate:
    """A running gate. ``url`` has a trailing slash."""

    __test__ = False

    world: World
    pods: MemoryPods
    clock: MovableClock
    url: str
    app: web.Application = field(repr=False)

    @asynccontextmanager
    async def browser(
        self, webid: str | None = None, access: dpop.DpopAccess | None = None
    ) -> AsyncIterator[Browser]:
        """A browser, of a person who is logged in when a WebID is given."""
        session = await self.log_in(webid, access) if webid else None
        cookies = {"solidgate-session": session.session_id} if session else None
        jar = aiohttp.CookieJar(unsafe=True)
        if cookies:
            jar.update_cookies(cookies)
        async with aiohttp.ClientSession(cookie_jar=jar) as client:
            yield Browser(self, client, session)

    async def log_in(self, webid: str, access: dpop.DpopAccess | None = None) -> Session:
        """A session as a login leaves it, without an issuer; ``access`` is what a pod would ask for."""
        now = self.clock.now()
        person = await self.world.logins.person_for(webid, ISSUER, webid, now)
        key = jose.signing_key(jose.generate_key("ES256").private_jwk)
        ends = now + timedelta(hours=12)
        access = access or dpop.DpopAccess(webid, "a-token", key, ends, lambda: secrets.token_urlsafe(16))
        session = Session(secrets.token_urlsafe(32), person, webid, ISSUER, access, now, ends)
        await self.world.logins.put_session(session)
        return session


@asynccontextmanager
async def open_gate(
    database_url: str,
    folder: Path,
    served: PodServer | None = None,
    *,
    store_keys: sealing.StoreKeys | None = None,
    time_zone: str = TIME_ZONE,
    **changes: Any,
) -> AsyncIterator[TestGate]:
    """A gate on a free port of this machine; ``changes`` are settings by section.

    ``served`` takes the place of the pods in memory, ``store_keys`` that of keys made for this gate.
    """
    async with AsyncExitStack() as stack:
        port = _free_port()
        settings = Settings(
            server=Server(
                public_url=f"http://localhost:{port}/", data_folder=folder, port=port, time_zone=time_zone
            ),
            **{"login": Login(), "sandbox": Sandbox(minimum_level=0), **changes},
        )
        clock, pods = MovableClock(), MemoryPods()
        keys = store_keys or sealing.StoreKeys.from_root(secrets.token_bytes(32))
        world = await _world(settings, database_url, keys, clock, served or pods, stack)
        runner = make_runner(app := make_app(world))
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "localhost", port).start()
        yield TestGate(world, pods, clock, settings.server.public_url, app)


async def _world(
    settings: Settings,
    url: str,
    keys: sealing.StoreKeys,
    clock: MovableClock,
    pods: PodServer,
    stack: AsyncExitStack,
) -> World:
    engine = make_engine(url, pool_size=4, statement_timeout=15)
    stack.push_async_callback(engine.dispose)
    store = SqlStore(engine, keys, Tombstones(settings.server.data_folder / NAME, keys.tombstone))
    logins = SqlLogins(store, clock, pending=timedelta(minutes=10), idle=timedelta(minutes=30))
    near = settings.http.allow_private_addresses
    fetcher = GuardedFetcher(FetchPolicy(allow_private_addresses=near), clock)
    stack.push_async_callback(fetcher.aclose)
    sandbox = BwrapSandbox(minimum_level=IsolationLevel.L0)
    stack.push_async_callback(sandbox.aclose)
    after = Afterwards()
    stack.push_async_callback(after.aclose)
    policy = IssuerPolicy(
        public_url=settings.server.public_url,
        plain_http=near,
        document_timeout=settings.http.document_timeout,
        trailing_slash_tolerance=settings.login.trailing_slash_tolerance,
    )
    return World(
        settings=settings,
        clock=clock,
        fetcher=fetcher,
        issuers=OidcIssuers(fetcher, logins, clock, policy, lambda: secrets.token_urlsafe(16)),
        pods=pods,
        sandbox=sandbox,
        store=store,
        logins=logins,
        receipt_key=jose.ed25519_key(secrets.token_bytes(32)),
        after=after,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])
