"""What happens around every request: number, limits, the translation of errors, headers, one log line."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware
from aiohttp.web_protocol import RequestPayloadError

from solidgate.errors import BodyInvalid, InternalFault, NotReady, RequestTimedOut, SolidgateError
from solidgate.logs import logger
from solidgate.settings import Settings
from solidgate.web import problems
from solidgate.web.forms import require_plain
from solidgate.web.keys import REQUEST_ID, WORLD
from solidgate.web.lifecycle import LIFECYCLE
from solidgate.web.operations import REFUSALS, REQUESTS

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Networks = Sequence[IPv4Network | IPv6Network]

WITHDRAWALS = ("withdraw", "withdraw_all")
"""The names of the routes that end consents."""
_ALWAYS_ANSWERED = frozenset({"healthz", "readyz", "metrics", "version"})
_log = logger("web")


def edge(settings: Settings, open_ended: frozenset[str]) -> Middleware:
    """The one middleware; ``open_ended`` are the names of routes without a time limit."""
    server = settings.server
    longer = dict.fromkeys(WITHDRAWALS, _waits(settings))
    proxies = tuple(ip_network(text, strict=False) for text in server.trusted_proxies)

    @web.middleware
    async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
        request = behind_proxy(request, proxies)
        request[REQUEST_ID] = secrets.token_hex(8)
        name, life, started = route_name(request), request.app[LIFECYCLE], time.perf_counter()
        life.under_way += 1
        life.silent.discard(request.protocol)
        try:
            with structlog.contextvars.bound_contextvars(request_id=request[REQUEST_ID]):
                if life.draining and name not in _ALWAYS_ANSWERED:
                    response = _refused(request, NotReady())
                else:
                    seconds = None if name in open_ended else server.request_timeout + longer.get(name, 0)
                    response = await _answered(request, handler, seconds)
                _record(request, name, response.status, time.perf_counter() - started)
        finally:
            life.under_way -= 1
        return response

    return around


def _waits(settings: Settings) -> float:
    """How long a withdrawal may wait by settings of its own: for the store to end it, to tell of it and to
    name its space, for work to end, and for the pod. It was stored then, so it is never cut off before."""
    consent = settings.consent
    return 3 * consent.store_seconds + consent.withdraw_wait_seconds + consent.pod_wait_seconds


async def _answered(request: web.Request, handler: Handler, seconds: float | None) -> web.StreamResponse:
    """The handler's answer, or the answer that its error translates to."""
    try:
        async with asyncio.timeout(seconds):
            require_plain(part for one in request.query.items() for part in one)
            require_plain(request.match_info.values())
            return await handler(request)
    except SolidgateError as error:
        return _refused(request, error)
    except TimeoutError:
        return _refused(request, RequestTimedOut(f"at most {seconds:g} s (server.request_timeout)"))
    except web.HTTPException as fault:
        if fault.status < 400:
            return fault
        settings = request.app[WORLD].settings
        return _refused(request, problems.of_aiohttp(fault, settings.server.max_body_bytes))
    except RequestPayloadError:
        return _unreadable(request)
    except ConnectionResetError:
        raise
    except Exception:  # noqa: BLE001 - the edge: an unknown fault becomes "internal" and says nothing more
        _log.exception("request.failed", route=route_name(request))
        return _refused(request, InternalFault())


def _unreadable(request: web.Request) -> web.StreamResponse:
    """The answer to a body that breaks its own encoding; nothing after it can be told from it."""
    request.content.feed_eof()
    response = _refused(request, BodyInvalid("the body does not keep to its Content-Encoding"))
    response.force_close()
    return response


def _refused(request: web.Request, error: SolidgateError) -> web.StreamResponse:
    REFUSALS.labels(error.code).inc()
    level = "error" if problems.status_of(type(error)) >= 500 else "info"
    getattr(_log, level)("request.refused", code=error.code, detail=error.detail, route=route_name(request))
    try:
        return problems.answer(request, error)
    except Exception:  # noqa: BLE001 - a page that cannot be made must not hide what happened
        _log.exception("page.failed", route=route_name(request))
        return problems.problem_document(request, error)


def _record(request: web.Request, name: str, status: int, seconds: float) -> None:
    REQUESTS.labels(request.method if request.method in _METHODS else "other", name, status).observe(seconds)
    milliseconds = round(seconds * 1000, 1)
    _log.info("request", method=request.method, route=name, status=status, milliseconds=milliseconds)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})


def route_name(request: web.Request) -> str:
    """The name of the route, never its path: paths hold tokens and ids."""
    resource = request.match_info.route.resource
    return (resource.name if resource is not None else None) or "none"


def behind_proxy(request: web.Request, proxies: Networks) -> web.Request:
    """The request with the client's address that trusted proxies reported; unchanged without such a proxy."""
    if not proxies or not _is_trusted(request.remote, proxies):
        return request
    hops = [
        hop.strip() for value in request.headers.getall("X-Forwarded-For", []) for hop in value.split(",")
    ]
    for hop in reversed(hops):
        if not _is_trusted(hop, proxies):
            return request.clone(remote=hop) if _is_address(hop) else request
    return request


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_trusted(text: str | None, proxies: Networks) -> bool:
    if not text or not _is_address(text):
        return False
    address = ip_address(text)
    return any(address in network for network in proxies)


def header_setter(settings: Settings) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Sets the security headers on every answer, streams included; a handler may set its own beforehand."""
    headers = security_headers(settings)

    async def set_headers(request: web.Request, response: web.StreamResponse) -> None:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        response.headers["Server"] = "solidgate"
        response.headers["X-Request-Id"] = request.get(REQUEST_ID, "")

    return set_headers


def security_headers(settings: Settings) -> dict[str, str]:
    """What every answer carries. ``form-action`` allows the redirect to a person's own issuer."""
    production = settings.environment == "production"
    forms = "'self' https:" if production else "'self' https: http://localhost:*"
    headers = {
        "Content-Security-Policy": f"default-src 'self'; base-uri 'none'; object-src 'none'; "
        f"frame-ancestors 'none'; form-action {forms}",
        # Not "no-referrer": browsers would then send "Origin: null" with our own forms.
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    if production:
        headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
    return headers
