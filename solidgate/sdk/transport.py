"""Signed requests to a gate, and its problem documents as the same errors that the gate raised."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp

from solidgate.errors import FetchUnexpected, SolidgateError, every_error
from solidgate.sdk.credentials import Credentials, exchange, require_safe

JSON = "application/json"
MAX_BYTES = 64 * 1024 * 1024
SECONDS = 60.0


class Transport:
    """One gate, as one organisation. Use it with ``async with``.

    ``max_bytes`` bounds an answer, ``seconds`` a request.
    """

    def __init__(
        self,
        gate: str,
        credentials: Credentials,
        *,
        max_bytes: int = MAX_BYTES,
        seconds: float = SECONDS,
    ) -> None:
        require_safe(gate)
        self._gate = gate if gate.endswith("/") else gate + "/"
        self._credentials = credentials
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._nonce: str | None = None
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None

    def space(self, space_id: str, *parts: str) -> str:
        """The address of a space, or of something in it; ids are never able to leave their place."""
        return self._gate + "/".join(("spaces", *(quote(part, safe="") for part in (space_id, *parts))))

    async def send(
        self,
        method: str,
        url: str,
        *,
        accept: str = JSON,
        content: bytes | None = None,
        media_type: str = "",
    ) -> tuple[Mapping[str, str], bytes]:
        """Headers and body of a success. Raises what the gate answered, and fetch errors.

        Repeated once when the gate asks for its nonce (RFC 9449 section 9), and never otherwise.
        """
        for _ in range(2):
            status, headers, body = await self._once(method, url, accept, content, media_type)
            given, self._nonce = self._nonce, headers.get("DPoP-Nonce", self._nonce)
            if status != 401 or self._nonce == given:
                break
        if 200 <= status < 300:
            return headers, body
        raise refusal(status, body)

    async def json(self, method: str, url: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The JSON object of a success."""
        content = None if body is None else json.dumps(body).encode()
        _, answer = await self.send(method, url, content=content, media_type=JSON if content else "")
        found = _object(answer)
        if found is None:
            raise FetchUnexpected("the gate's answer is not a JSON object")
        return found

    async def _once(
        self, method: str, url: str, accept: str, content: bytes | None, media_type: str
    ) -> tuple[int, Mapping[str, str], bytes]:
        if self._http is None:
            raise RuntimeError("use the client with: async with GateClient(…) as client")
        signed = await self._credentials.headers(self._http, method, url, self._nonce)
        headers = {**signed, "Accept": accept}
        if media_type:
            headers["Content-Type"] = media_type
        return await exchange(
            self._http, method, url, headers, content, max_bytes=self._max_bytes, seconds=self._seconds
        )


def refusal(status: int, body: bytes) -> SolidgateError:
    """The error of a problem document (RFC 9457) by its ``code``; ``FetchUnexpected`` for anything else."""
    problem = _object(body) or {}
    kind = every_error().get(str(problem.get("code", "")))
    if kind is None:
        return FetchUnexpected(f"the gate answered {status}")
    return kind(str(problem.get("detail") or ""))


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(content)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
