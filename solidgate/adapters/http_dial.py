"""Connections of the way out: the address that is dialled is the one that is checked, under TLS only.

The check sits in the socket factory: neither DNS rebinding nor an IP literal nor a redirect passes it.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator, Sequence

import aiohttp
from aiohttp.abc import AbstractResolver

from solidgate.adapters.http_addresses import Reach, reach_of
from solidgate.adapters.http_policy import FetchPolicy
from solidgate.errors import AddressRefused, BadSetting, FetchTimedOut, FetchUnexpected, FetchUnreachable

OpenSocket = Callable[[aiohttp.AddrInfoType], socket.socket]


class _DialRefused(OSError):
    """Raised inside the connector, which only understands OSError."""


class Dial:
    """Opens sessions whose every connection passed the check.

    ``open_socket`` is called for addresses that passed, and for no other.
    """

    def __init__(
        self, policy: FetchPolicy, resolver: AbstractResolver | None, open_socket: OpenSocket | None
    ) -> None:
        self._policy = policy
        self._resolver = resolver
        self._open_socket = open_socket or _plain_socket
        self._tls = _tls_context(policy.ca_file)

    def session(self, middlewares: Sequence[aiohttp.ClientMiddlewareType]) -> aiohttp.ClientSession:
        """A session that keeps no cookies, believes no proxy of the environment and decodes nothing."""
        policy = self._policy
        connector = aiohttp.TCPConnector(
            ssl=self._tls,
            limit=policy.total_connections,
            limit_per_host=policy.per_origin,
            keepalive_timeout=policy.keepalive_timeout,
            resolver=self._resolver,
            socket_factory=self._dial,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=policy.connect_timeout),
            middlewares=middlewares,
        )

    def _dial(self, address: aiohttp.AddrInfoType) -> socket.socket:
        """The check itself: called by the connector with each address that it is about to dial."""
        reach = reach_of(str(address[4][0]))
        if reach is Reach.PUBLIC or (reach is Reach.PRIVATE and self._policy.allow_private_addresses):
            return self._open_socket(address)
        raise _DialRefused("address refused")


def _plain_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, proto, _, _ = address
    return socket.socket(family=family, type=kind, proto=proto)


def _tls_context(ca_file: str) -> ssl.SSLContext:
    """The system's authorities, or only those of a file; TLS 1.2 and up; there is no way to turn it off."""
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as broken:
        raise BadSetting(f"http.ca_file: {ca_file} cannot be read as PEM certificates") from broken
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def translated(fault: Exception) -> Exception:
    """Foreign errors end here. Nothing of their text is kept: it may hold the address of a pod."""
    if any(isinstance(link, _DialRefused) for link in _links(fault)):
        return AddressRefused()
    if isinstance(fault, TimeoutError):
        return FetchTimedOut("no connection within http.connect_timeout")
    if isinstance(fault, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return FetchUnreachable("its TLS certificate was not accepted")
    if isinstance(fault, aiohttp.ClientPayloadError | aiohttp.ClientResponseError | ValueError):
        return FetchUnexpected("the answer is not well-formed HTTP, or was cut off")
    return FetchUnreachable()


def _links(fault: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while fault is not None and id(fault) not in seen:
        seen.add(id(fault))
        yield fault
        fault = fault.__cause__ or fault.__context__
