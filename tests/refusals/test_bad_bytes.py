"""Every route × bytes that are no text: always an answer of ours, never a 500.

What is sent goes over a plain socket, since no client library would send it.
"""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from solidgate.flow import ask, invite, space
from solidgate.testing.gate import TestGate, open_gate
from solidgate.testing.terms import CONSUMER, sample_agreement
from solidgate.web.forms import TOKEN_FIELD, form_token
from solidgate.web.routes import ROUTES, Route

ANNA = "https://anna.example/profile/card#me"
FORM = b"application/x-www-form-urlencoded"
FIELDS = [
    "shown",
    "language",
    "until",
    "answer-advice",
    "statement-advice",
    "receipt_container",
    "provider",
    "identifier",
    "return_to",
    "issuer",
    "agreement_digest",
    "algorithm_digest",
    "decision",
    "query",
    "format",
    "uses",
    "days",
    "choice",
    "container",
    "confirm",
    "remove_results",
]
TEXTS = {"NUL": b"a%00b", "half a character": b"%ED%A0%80", "no UTF-8": b"%FF%FE", "bare": b"\xff\xfe"}
BODIES = {
    **{name: (FORM, b"", text) for name, text in TEXTS.items()},
    "unknown charset": (FORM + b"; charset=foo", b"", b"x"),
    "a charset that is a codec": (FORM + b"; charset=zlib_codec", b"", b"x"),
    "another charset": (FORM + b"; charset=utf-16", b"", b"x"),
    "broken gzip": (FORM, b"Content-Encoding: gzip\r\n", b"x"),
    "JSON with NUL": (b"application/json", b"", b"a\\u0000b"),
    "JSON with half a character": (b"application/json", b"", b"\\ud800"),
    "JSON of no UTF-8": (b"application/json", b"", b"\xff"),
    "a query with NUL": (b"application/sparql-query", b"", b"ASK { ?s ?p 'a\0b' }"),
}
COOKIES = {
    "a byte": b"solidgate-session=\xff; solidgate-browser=\xff; solidgate-providers=\xff.\xff; language=\xff",
    "a long one": b"solidgate-session=" + b"a" * 6000,
}
HEADERS = {
    "a token": b"Authorization: DPoP \xff\r\nDPoP: \xff\r\n",
    "a form token": b"X-Form-Token: \xff\r\n",
    "an origin": b"Origin: http://[\xff\r\n",
    "a language": b"Accept-Language: \xff, \xed\xa0\x80\r\n",
    "a media type": b"Content-Type: \xff; charset=\xff\r\n",
    "an accept": b"Accept: \xff/\xff;q=\xff\r\n",
    "too long": b"X-Long: " + b"a" * 60_000 + b"\r\n",
}


@dataclass(frozen=True, slots=True)
class Caller:
    """A gate, who is logged in there, and names that are known to it."""

    gate: TestGate
    session: str
    names: dict[str, str]

    async def send(self, method: str, target: bytes, headers: bytes, body: bytes = b"") -> int:
        """The status of the answer to these bytes."""
        place = urlsplit(self.gate.url)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        head = f"{method} ".encode() + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        writer.write(head + headers + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        try:
            async with asyncio.timeout(20):
                answer = await reader.readline()
        finally:
            writer.close()
        return int(answer.split()[1]) if answer else 0

    def cookie(self) -> bytes:
        """The header of the person's session."""
        return b"Cookie: solidgate-session=" + self.session.encode() + b"\r\n"

    def path(self, route: Route) -> bytes:
        """An address of the route, with the names of this gate in it."""
        return re.sub(
            r"\{(\w+)(?::(?:[^{}]|\{[^{}]*\})+)?\}", lambda m: self.names.get(m[1], ""), route.path
        ).encode()


@pytest.fixture(params=[ANNA, CONSUMER])
async def caller(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> AsyncIterator[Caller]:
    async with AsyncExitStack() as stack:
        gate = await stack.enter_async_context(open_gate(database_url, tmp_path))
        gate.pods.give(ANNA, "https://anna.example/", {"energy/2025.ttl": b""})
        gate.pods.give(CONSUMER, "https://grid.example/", {})
        await space.create(gate.world, sample_agreement())
        token = await invite.invite(gate.world, None, "home-energy", uses=0, days=1)
        asked = await ask.ask(gate.world, await gate.log_in(ANNA), token)
        session = await gate.log_in(request.param)
        names = {"space_id": "home-energy", "token": token, "request_id": asked, "consent_id": "f" * 32}
        more = {"run_id": "e" * 32, "number": "1", "name": "style.css"}
        yield Caller(gate, session.session_id, names | more)


def _endless(route: Route) -> bool:
    return route.path.endswith("/events")


async def _faults(caller: Caller, cases: dict[str, tuple[str, bytes, bytes, bytes]]) -> list[tuple[str, int]]:
    found = [(name, await caller.send(*case)) for name, case in cases.items()]
    return [(name, status) for name, status in found if not 200 <= status < 500]


async def test_no_body_makes_a_fault(caller: Caller) -> None:
    cases = {}
    token = form_token(caller.session).encode()
    for route in (one for one in ROUTES if one.method == "POST" and one.name not in ("logout", "erase")):
        for name, (kind, more, text) in BODIES.items():
            body = _body(kind, text, token)
            if name == "broken gzip":
                body = gzip.compress(body)[:10] + b"\xff" * 40
            token_header = b"X-Form-Token: " + token + b"\r\n"
            headers = caller.cookie() + token_header + more + b"Content-Type: " + kind + b"\r\n"
            cases[f"{route.name}, {name}"] = ("POST", caller.path(route), headers, body)
    assert not await _faults(caller, cases)


def _body(kind: bytes, text: bytes, token: bytes) -> bytes:
    if kind.startswith(FORM):
        fields = [TOKEN_FIELD.encode() + b"=" + token, *(name.encode() + b"=" + text for name in FIELDS)]
        return b"&".join([*fields, b"more-" + text + b"=1"])
    if kind == b"application/json":
        wanted = ("agreement_digest", "algorithm_digest", "decision")
        return b"{" + b",".join(b'"' + name.encode() + b'":"' + text + b'"' for name in wanted) + b"}"
    return text


async def test_no_address_makes_a_fault(caller: Caller) -> None:
    cases = {}
    for route in (one for one in ROUTES if one.method == "GET" and not _endless(one)):
        for name, text in TEXTS.items():
            fields = [*FIELDS, "state", "code", "iss", "from"]
            query = b"&".join(field.encode() + b"=" + text for field in fields)
            path = caller.path(route)
            cases[f"{route.name}, query of {name}"] = ("GET", path + b"?" + query, caller.cookie(), b"")
            cases[f"{route.name}, path of {name}"] = ("GET", path + b"/" + text, caller.cookie(), b"")
            cases[f"{route.name}, end of {name}"] = ("GET", path + b"." + text, caller.cookie(), b"")
    assert not await _faults(caller, cases)


async def test_no_header_makes_a_fault(caller: Caller) -> None:
    cases = {}
    for route in (one for one in ROUTES if not _endless(one) and one.name not in ("logout", "erase")):
        for name, text in COOKIES.items():
            row = (route.method, caller.path(route), b"Cookie: " + text + b"\r\n", b"")
            cases[f"{route.method} {route.name}, cookie of {name}"] = row
        for name, text in HEADERS.items():
            cases[f"{route.method} {route.name}, {name}"] = (
                route.method, caller.path(route), caller.cookie() + text, b"",
            )  # fmt: skip
    assert not await _faults(caller, cases)
