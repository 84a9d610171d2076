"""One host of the double: an origin of its own, with a log, request ids and RFC 9457 problem documents."""

from __future__ import annotations

import secrets
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from aiohttp import web

LARGEST_BODY = 16 * 1024 * 1024
CALLER: web.RequestKey[str] = web.RequestKey("caller", str)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    409: "Conflict",
    412: "Precondition Failed",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One request as the server saw it; ``agent`` is the verified WebID, none if refused or anonymous."""

    order: int
    method: str
    host: str
    path: str
    agent: str | None
    status: int


class Problem(Exception):
    """A refusal: becomes ``application/problem+json``."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Sequence[tuple[str, str]] = (),
        violations: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.headers, self.violations = headers, violations

    def response(self) -> web.Response:
        """The document; ``instance`` is an opaque name of this one refusal."""
        body: dict[str, object] = {
            "type": "about:blank",
            "title": TITLES.get(self.status, "Error"),
            "status": self.status,
            "detail": self.detail,
            "instance": f"urn:uuid:{secrets.token_hex(4)}",
        }
        if self.violations:
            body["violations"] = list(self.violations)
        answer = web.json_response(body, status=self.status, content_type="application/problem+json")
        for name, value in self.headers:
            answer.headers.add(name, value)
        return answer


class Host:
    """A free port of this machine, taken at once so that every host can know every address."""

    def __init__(self, name: str, log: list[SeenRequest], orders: count[int], *, tls: bool) -> None:
        self.name = name
        self._log, self._orders = log, orders
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self._application = web.Application(client_max_size=LARGEST_BODY, middlewares=[self._watched])
        self._runner: web.AppRunner | None = None
        self.origin = f"{'https' if tls else 'http'}://localhost:{self._socket.getsockname()[1]}"

    def add(self, method: str, path: str, handler: Handler) -> None:
        """Answer this method (``*``: every one) and path."""
        self._application.router.add_route(method, path, handler)

    async def start(self, certificate: ssl.SSLContext | None) -> None:
        """Answer from now on."""
        # The default waits a minute for handlers that never end on purpose.
        self._runner = web.AppRunner(self._application, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket, ssl_context=certificate).start()

    async def stop(self) -> None:
        """Answer no more."""
        if self._runner is not None:
            await self._runner.cleanup()
        self._socket.close()

    @web.middleware
    async def _watched(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        order, status = next(self._orders), 0
        try:
            response = await self._answered(request, handler)
            status = response.status
            response.headers.setdefault("x-request-id", secrets.token_hex(8))
            return response
        finally:
            path, agent = request.rel_url.raw_path_qs, request.get(CALLER)
            self._log.append(SeenRequest(order, request.method, self.name, path, agent, status))
            self._log.sort(key=lambda seen: seen.order)

    async def _answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Problem as refused:
            return refused.response()
        except web.HTTPException as refused:
            return Problem(refused.status, refused.reason).response()


def wire_url(origin: str, request: web.Request) -> str:
    """The address of a request as the client sent it, whatever its Host header says."""
    return origin + request.rel_url.raw_path_qs
