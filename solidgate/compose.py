"""The one place where adapters are chosen and put together: for the gate, the worker and the command line."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from solidgate.adapters import sealing
from solidgate.adapters.brake_lock import BrakeLock
from solidgate.adapters.clock import SystemClock
from solidgate.adapters.enclave_keys import SealedEnclaveKeys
from solidgate.adapters.http import GuardedFetcher
from solidgate.adapters.http_policy import FetchPolicy
from solidgate.adapters.http_socket import GuardedSockets
from solidgate.adapters.notifications import SolidChannels
from solidgate.adapters.oidc_issuer import IssuerPolicy, OidcIssuers
from solidgate.adapters.pods import Pods
from solidgate.adapters.sandbox_bwrap import BwrapSandbox
from solidgate.adapters.solid_pod import PodLimits
from solidgate.adapters.sql.engine import make_engine
from solidgate.adapters.sql.logins import SqlLogins
from solidgate.adapters.sql.store import SqlStore
from solidgate.adapters.tombstones import NAME, Tombstones
from solidgate.flow.afterwards import Afterwards
from solidgate.flow.brake import Brake
from solidgate.flow.journey import Enclave
from solidgate.flow.world import World
from solidgate.identity import jose
from solidgate.sandbox.limits import IsolationLevel
from solidgate.settings import Settings


def fresh() -> str:
    """128 unguessable bits, URL-safe."""
    return secrets.token_urlsafe(16)


@asynccontextmanager
async def open_world(settings: Settings, url: str, *, pace: float = 0) -> AsyncIterator[World]:
    """Everything that the gate and the operator's commands may reach; ``url`` is of a migrated database.

    ``pace`` is in requests a second to one origin; 0 is unlimited, as a person who waits expects.
    """
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        store = await _store(settings, url, stack)
        brake, after = await _brake(settings, stack), Afterwards()
        fetcher = GuardedFetcher(_fetch_policy(settings, pace), clock)
        stack.push_async_callback(fetcher.aclose)
        sandbox = _sandbox(settings)
        stack.push_async_callback(sandbox.aclose)
        logins = SqlLogins(
            store,
            clock,
            pending=timedelta(minutes=settings.login.pending_minutes),
            idle=timedelta(minutes=settings.login.idle_minutes),
            most_pending=settings.login.max_pending,
        )
        stack.push_async_callback(after.aclose)
        yield World(
            settings=settings,
            clock=clock,
            fetcher=fetcher,
            issuers=OidcIssuers(fetcher, logins, clock, _issuer_policy(settings), fresh),
            pods=Pods(fetcher, clock, _pod_limits(settings), seconds=settings.pull.server_seconds),
            sandbox=sandbox,
            store=store,
            logins=logins,
            receipt_key=receipt_key(settings.server.data_folder),
            brake=brake,
            after=after,
        )


@asynccontextmanager
async def open_enclave(settings: Settings, url: str) -> AsyncIterator[Enclave]:
    """The world with the keys of the spaces: for the worker alone."""
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(
            open_world(settings, url, pace=settings.pull.requests_per_second)
        )
        sockets = GuardedSockets(_socket_policy(settings), world.clock)
        stack.push_async_callback(sockets.aclose)
        seal_key = sealing.key_file(settings.server.data_folder / "enclave" / "seal.key")
        keys = SealedEnclaveKeys(world.store, seal_key, world.clock, settings.server.public_url)
        yield Enclave(world, keys, _channels(settings, world, sockets))


async def _brake(settings: Settings, stack: AsyncExitStack) -> Brake:
    lock = BrakeLock(settings.server.data_folder)
    stack.callback(lock.close)
    brake = Brake(lock, settings.consent.store_seconds)
    stack.push_async_callback(brake.aclose)
    return brake


async def _store(settings: Settings, url: str, stack: AsyncExitStack) -> SqlStore:
    engine = make_engine(
        url,
        pool_size=settings.database.pool_size,
        statement_timeout=settings.database.statement_timeout,
    )
    stack.push_async_callback(engine.dispose)
    root = sealing.key_file(settings.server.data_folder / "keys" / "store.key")
    keys = sealing.StoreKeys.from_root(root)
    return SqlStore(engine, keys, Tombstones(settings.server.data_folder / NAME, keys.tombstone))


def receipt_key(data_folder: Path) -> dict[str, str]:
    """The gate's own Ed25519 key for receipts, as a private JWK: kept as a seed in a key file."""
    seed = sealing.key_file(data_folder / "keys" / "receipt.key")
    return jose.ed25519_key(seed)


def _fetch_policy(settings: Settings, pace: float) -> FetchPolicy:
    http = settings.http
    return FetchPolicy(
        allow_private_addresses=http.allow_private_addresses,
        allowed_ports=http.allowed_ports,
        connect_timeout=http.connect_timeout,
        total_timeout=http.total_timeout,
        keepalive_timeout=http.keepalive_timeout,
        first_window=http.first_window,
        per_origin=http.per_origin,
        total_connections=http.total_connections,
        requests_per_second=pace,
        patience=http.patience_seconds,
        longest_pause=http.longest_pause,
        breaker_failures=http.breaker_failures,
        breaker_window=http.breaker_window,
        breaker_rest=http.breaker_rest,
        ca_file=http.ca_file,
        max_decoded_ratio=http.max_decoded_ratio,
    )


def _socket_policy(settings: Settings) -> FetchPolicy:
    """Sockets last: as many to one origin as to all."""
    most = max(1, settings.notifications.sockets)
    return replace(_fetch_policy(settings, 0), per_origin=most, total_connections=most)


def _channels(settings: Settings, world: World, sockets: GuardedSockets) -> SolidChannels:
    return SolidChannels(
        world.fetcher,
        sockets,
        world.clock,
        _pod_limits(settings),
        max_frame_bytes=settings.notifications.max_body_bytes,
        plain_http=settings.http.allow_private_addresses,
    )


def _issuer_policy(settings: Settings) -> IssuerPolicy:
    http, login = settings.http, settings.login
    return IssuerPolicy(
        public_url=settings.server.public_url,
        client_name=login.client_name,
        plain_http=http.allow_private_addresses,
        document_timeout=http.document_timeout,
        max_redirects=http.max_redirects,
        max_profile_bytes=http.max_profile_bytes,
        max_jwks_bytes=http.max_jwks_bytes,
        max_jwks_keys=http.max_jwks_keys,
        max_discovery_bytes=http.max_discovery_bytes,
        issuer_cache_seconds=login.issuer_cache_seconds,
        profile_cache_seconds=login.profile_cache_seconds,
        trailing_slash_tolerance=login.trailing_slash_tolerance,
        clock_skew_seconds=login.clock_skew_seconds,
    )


def _pod_limits(settings: Settings) -> PodLimits:
    return PodLimits(
        control_bytes=settings.http.max_acl_bytes,
        control_seconds=settings.http.document_timeout,
        listing_bytes=settings.finding.listing_bytes,
        listing_members=settings.finding.members,
        document_seconds=settings.http.total_timeout,
        attempts=settings.pull.retries + 1,
        longest_pause=settings.http.patience_seconds,
        at_once=settings.http.per_origin,
        profile_redirects=settings.http.max_redirects,
    )


def _sandbox(settings: Settings) -> BwrapSandbox:
    sandbox = settings.sandbox
    return BwrapSandbox(
        zygotes=sandbox.zygotes,
        minimum_level=IsolationLevel(sandbox.minimum_level),
        idle_seconds=sandbox.idle_seconds,
        total=sandbox.total_zygotes,
        recheck_every=settings.validation.recheck_every,
        in_a_row=settings.validation.in_a_row,
        max_rows=settings.query.max_rows,
    )
