"""The one guarded way out: every outbound request of solidgate passes here (implements ``ports.Fetcher``).

No address is dialled that was not checked (``http_dial``). Credentials never follow a redirect to another
origin.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple
from urllib.parse import urljoin

import aiohttp
from aiohttp.abc import AbstractResolver
from multidict import CIMultiDictProxy

from solidgate.adapters.http_body import ACCEPTED_ENCODINGS, BodyLimits, arrived, read_body
from solidgate.adapters.http_dial import Dial, OpenSocket, translated
from solidgate.adapters.http_nonces import Nonces, asks_for_nonce
from solidgate.adapters.http_policy import FetchPolicy
from solidgate.adapters.http_retry_after import seconds_asked
from solidgate.adapters.http_schedule import Ticket
from solidgate.adapters.http_turns import Turns, answered, silent
from solidgate.adapters.http_urls import Address, Addresses
from solidgate.errors import (
    AddressRefused,
    FetchTimedOut,
    FetchTooLarge,
    FetchUnexpected,
    FetchUnreachable,
)
from solidgate.ports import Access, Clock

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BODILESS = frozenset({204, 205, 304})
_CREDENTIALS = frozenset({"authorization", "dpop", "cookie", "proxy-authorization"})


class FetchedReply(NamedTuple):
    """Implements ``ports.Reply``: one answer, whole and within its caps."""

    status: int
    url: str
    headers: CIMultiDictProxy[str]
    content: bytes

    def header_values(self, name: str) -> Sequence[str]:
        """All values of a header that may occur several times."""
        return tuple(self.headers.getall(name, ()))

    def __repr__(self) -> str:
        return f"FetchedReply({self.status}, {len(self.content)} bytes)"


class _Call(NamedTuple):
    """One request as asked: what stays the same over the nonce retry."""

    method: str
    address: Address
    access: Access | None
    headers: Mapping[str, str]
    content: bytes | None
    max_bytes: int


class GuardedFetcher:
    """Implements ``ports.Fetcher`` on one aiohttp session; close it with ``aclose``.

    ``open_socket`` is called for addresses that passed the check, and for no other.
    """

    # Of every request that brings none of its own.
    _middlewares: ClassVar[tuple[aiohttp.ClientMiddlewareType, ...]] = ()

    def __init__(
        self,
        policy: FetchPolicy,
        clock: Clock,
        *,
        resolver: AbstractResolver | None = None,
        open_socket: OpenSocket | None = None,
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._dial = Dial(policy, resolver, open_socket)
        development = policy.allow_private_addresses
        ports = () if development else policy.allowed_ports
        self._usual_headers = {"Accept": "*/*", "User-Agent": policy.user_agent}
        self._addresses = Addresses(plain_http=development, ports=ports)
        self._session: aiohttp.ClientSession | None = None
        self._nonces = Nonces()
        self._turns = Turns(policy.pace())

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        access: Access | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the port says so; it bounds one hop
        redirects: int = 0,
    ) -> FetchedReply:
        """The whole answer, whatever its status; ``url`` of the reply is where it came from.

        With ``redirects`` > 0, GET and HEAD follow that many by hand, each with all checks and a fresh
        proof; another origin gets no credentials. Raises ``AddressRefused FetchTooLarge FetchTimedOut
        FetchUnreachable FetchUnexpected``, and ``PodUnavailable`` for an origin that is left alone now.
        """
        address = self._addresses.checked(url)
        call = _Call(method.upper(), address, access, headers or {}, content, max_bytes)
        seconds = min(timeout or self._policy.total_timeout, self._policy.total_timeout)
        for _ in range(redirects + 1):
            reply = await self._once(call, seconds)
            if not redirects or not _is_redirect(call, reply):
                return reply
            call = self._next_call(call, reply)
        raise FetchUnexpected(f"more than {redirects} redirects")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = self._dial.session(self._middlewares)
        return self._session

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _next_call(self, call: _Call, reply: FetchedReply) -> _Call:
        """The redirect's target under the same checks; credentials only back to the same origin."""
        try:
            target = urljoin(call.address.text, reply.headers["Location"])
        except (KeyError, ValueError) as broken:
            raise FetchUnexpected("a redirect without a readable target") from broken
        address = self._addresses.checked(target)
        if call.address.url.scheme == "https" and address.url.scheme != "https":
            raise AddressRefused("a redirect from https to plain http")
        if address.origin == call.address.origin:
            return call._replace(address=address, content=None)
        harmless = {k: v for k, v in call.headers.items() if k.lower() not in _CREDENTIALS}
        return call._replace(address=address, access=None, headers=harmless, content=None)

    async def _once(self, call: _Call, seconds: float) -> FetchedReply:
        """One hop: its turn, its deadline, and one repetition when the server asks for its nonce."""
        turn = await self._turns.begin(call.address.origin, _whom(call.access))
        try:
            async with asyncio.timeout(seconds):
                reply = await self._send(call, turn)
                if call.access is not None and asks_for_nonce(reply):
                    reply = await self._send(call, turn)
                return reply
        except TimeoutError as late:
            turn.heard = silent(turn.heard)
            raise FetchTimedOut(f"no whole answer within {seconds:g} s") from late
        except (FetchTimedOut, FetchUnreachable):
            turn.heard = silent(turn.heard)
            raise
        finally:
            self._turns.done(turn)

    async def _send(self, call: _Call, turn: Ticket) -> FetchedReply:
        clock = asyncio.get_running_loop().time
        begun = clock()
        try:
            response = await self._opened().request(
                call.method,
                call.address.url,
                data=call.content,
                allow_redirects=False,
                middlewares=(self._signer(call),),
            )
            try:
                turn.heard = answered(response.status, clock() - begun, self._pause_asked(response))
                content = await self._content(call, response)
            finally:
                if not response.closed:  # its end has not come, so its connection serves nobody else
                    response.close()
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            raise translated(fault) from fault
        reply = FetchedReply(response.status, call.address.text, response.headers, content)
        if call.access is not None:
            self._nonces.keep(call.address.origin, reply)
        return reply

    def _pause_asked(self, response: aiohttp.ClientResponse) -> float:
        asked = response.headers.get("Retry-After")
        return seconds_asked(asked, self._clock.now()) if asked else 0.0

    async def _content(self, call: _Call, response: aiohttp.ClientResponse) -> bytes:
        if call.method == "HEAD" or response.status in _BODILESS:
            return b""
        encoding = ",".join(response.headers.getall("Content-Encoding", ()))
        whole = arrived(response.content, encoding, call.max_bytes)
        if whole is not None:
            return whole
        if (response.content_length or 0) > call.max_bytes:
            raise FetchTooLarge(f"more than {call.max_bytes} bytes")
        return await read_body(response.content, encoding, self._body_limits(call.max_bytes))

    def _body_limits(self, max_bytes: int) -> BodyLimits:
        policy = self._policy
        return BodyLimits(
            max_bytes=max_bytes,
            max_ratio=policy.max_decoded_ratio,
            ratio_from=policy.ratio_from_bytes,
            min_rate=policy.min_rate_bytes,
            rate_grace=policy.rate_grace,
        )

    def _signer(self, call: _Call) -> aiohttp.ClientMiddlewareType:
        """Signs each attempt anew: aiohttp repeats an idempotent request whose kept connection was reset,
        and a proof that is sent twice is a replay (RFC 9449 section 11.1).

        All headers are set here, in the form that is sent, as aiohttp copies those of a call several times.
        """

        async def sign(
            request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            headers = request.headers
            headers.update(self._usual_headers)
            headers.update(call.headers)
            headers["Accept-Encoding"] = ACCEPTED_ENCODINGS  # no other is read
            if call.access is not None:
                address, now = call.address, self._clock.now()
                nonce = self._nonces.of(address.origin)
                headers.update(call.access.headers(call.method, address.text, now, nonce))
            return await handler(request)

        return sign


def _whom(access: Access | None) -> tuple[str, int]:
    """Whose turn a request takes: the space's or person's, and within it that of one part of its work, which
    has one access of its own."""
    return ("", 0) if access is None else (access.webid, id(access))


def _is_redirect(call: _Call, reply: FetchedReply) -> bool:
    return reply.status in REDIRECTS and call.method in ("GET", "HEAD")
