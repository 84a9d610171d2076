"""solidgate as relying party, resource server and issuer, and nothing else: for tests of identity.

The real flow, adapters and documents over real sockets; only the database is in memory.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from aiohttp import web

from solidgate.adapters.clock import SystemClock
from solidgate.adapters.http import GuardedFetcher
from solidgate.adapters.http_policy import FetchPolicy
from solidgate.adapters.oidc_issuer import IssuerPolicy, OidcIssuers
from solidgate.flow import login
from solidgate.flow.world import World
from solidgate.identity import jose
from solidgate.identity.login import Session
from solidgate.ports import Clock
from solidgate.settings import Settings
from solidgate.testing.logins import MemoryLogins
from solidgate.web import identity
from solidgate.web.keys import WORLD


class MemorySpaces:
    """The keys of spaces in memory: what the identity documents and ``SealedEnclaveKeys`` need of a store."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[Mapping[str, object], bytes]] = {}

    async def public_keys(self) -> Sequence[Mapping[str, object]]:
        """The public keys of all spaces."""
        return [public for public, _ in self.kept.values()]

    async def space_exists(self, space_id: str) -> bool:
        """Whether the space has a key."""
        return space_id in self.kept

    async def space_key(self, space_id: str) -> tuple[Mapping[str, object], bytes] | None:
        """A space's keys; none is an answer."""
        return self.kept.get(space_id)

    async def put_space_key(
        self, space_id: str, public_jwk: Mapping[str, object], private_sealed: bytes
    ) -> None:
        """Keep the first that comes."""
        self.kept.setdefault(space_id, (public_jwk, private_sealed))


@asynccontextmanager
async def relying_party(
    *, clock: Clock | None = None, fetching: Mapping[str, Any] | None = None, **login: Any
) -> AsyncIterator[World]:
    """A ``World`` whose identity parts work, its documents served at ``world.public_url``.

    ``login`` are settings of the ``login`` section, ``fetching`` fields of ``FetchPolicy``.
    """
    clock = clock or SystemClock()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        # Community Solid Server takes a Client ID Document over plain http from "localhost" only.
        public_url = f"http://localhost:{listening.getsockname()[1]}/"
        settings = Settings.model_validate(
            {"server": {"public_url": public_url}, "http": {"allow_private_addresses": True}, "login": login}
        )
        fetcher = GuardedFetcher(FetchPolicy(allow_private_addresses=True, **(fetching or {})), clock)
        world = _world(settings, clock, fetcher)
        runner = web.AppRunner(_documents(world), shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, listening).start()
        try:
            yield world
        finally:
            await fetcher.aclose()
            await runner.cleanup()


async def finish(world: World, callback: Mapping[str, Sequence[str]], browser: str) -> tuple[Session, str]:
    """The whole callback, as the gate carries it: the session, and where the person came from."""
    request = await login.begun(world, callback, browser)
    return await login.complete(world, callback, request), request.return_to


def _world(settings: Settings, clock: Clock, fetcher: GuardedFetcher) -> World:
    logins = MemoryLogins(clock)
    policy = IssuerPolicy(
        public_url=settings.server.public_url,
        plain_http=True,
        document_timeout=1,
        trailing_slash_tolerance=settings.login.trailing_slash_tolerance,
    )
    return World(
        settings=settings,
        clock=clock,
        fetcher=fetcher,
        issuers=OidcIssuers(fetcher, logins, clock, policy, lambda: secrets.token_urlsafe(16)),
        pods=cast(Any, None),
        sandbox=cast(Any, None),
        store=cast(Any, MemorySpaces()),
        logins=logins,
        receipt_key=jose.generate_key("EdDSA").private_jwk,
    )


def _documents(world: World) -> web.Application:
    app = web.Application()
    app[WORLD] = world
    app.add_routes(
        [
            web.get("/.well-known/openid-configuration", identity.openid_configuration),
            web.get("/jwks", identity.jwks),
            web.get("/client", identity.client),
            web.get("/spaces/{space_id}/agent", identity.agent),
        ]
    )
    return app
