"""The guarded way out over real sockets: caps, time, redirects, credentials, nonce."""

from __future__ import annotations

import asyncio
import gzip
import secrets
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from aiohttp import web

from solidgate.adapters.http import GuardedFetcher
from solidgate.errors import (
    AddressRefused,
    FetchTimedOut,
    FetchTooLarge,
    FetchUnexpected,
    FetchUnreachable,
)
from solidgate.identity import dpop, jose

KIB = 1024
MIB = 1024 * KIB


@pytest.fixture(scope="module")
def access() -> dpop.DpopAccess:
    return dpop.DpopAccess(
        webid="https://person.example/#me",
        token="token-of-the-person",
        key=jose.generate_key(),
        expires=datetime(2100, 1, 1, tzinfo=UTC),
        fresh=lambda: secrets.token_urlsafe(16),
    )


def proof_claims(headers: Mapping[str, str]) -> Mapping[str, object]:
    return jose.parse(headers["DPoP"]).claims


async def test_escapes_arrive_as_they_are_listed_also_after_a_redirect(serve, make_fetcher, access) -> None:
    """A server tells ``%40`` from ``@``, and compares the proof's address with the one that it was sent."""
    seen = []

    async def handler(request: web.Request) -> web.Response:
        path = request.rel_url.raw_path
        seen.append((path, str(proof_claims(request.headers)["htu"]).partition(str(request.url.origin()))[2]))
        location = {} if path == "/c%3Ad@e" else {"Location": "c%3ad@e"}
        return web.Response(status=307 if location else 200, headers=location)

    root = await serve(handler)
    await make_fetcher().fetch("get", f"{root}/a%40b%24,.ttl", access=access, max_bytes=KIB, redirects=1)
    assert seen == [(path, path) for path in ("/a%40b%24,.ttl", "/c%3Ad@e")]


async def test_gives_the_whole_answer_and_signs_the_wire_url(serve, make_fetcher, access) -> None:
    seen = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((str(request.url), dict(request.headers)))
        reply = web.Response(body=b"<a> <b> <c> .", content_type="text/turtle")
        reply.headers.add("Link", "<x>; rel=acl")
        reply.headers.add("Link", "<y>; rel=type")
        return reply

    root = await serve(handler)
    reply = await make_fetcher().fetch("get", f"{root}/A%7Eb/../c d".replace(" ", "%20") + "?q#f",
                                       access=access, max_bytes=KIB)  # fmt: skip
    assert (reply.status, reply.content) == (200, b"<a> <b> <c> .")
    assert reply.header_values("link") == ("<x>; rel=acl", "<y>; rel=type")
    url, headers = seen[0]
    assert url == reply.url
    dpop.verify_proof(headers["DPoP"], method="GET", url=url, now=datetime.now(UTC),
                      access_token="token-of-the-person")  # fmt: skip
    assert headers["Authorization"] == "DPoP token-of-the-person"
    assert headers["Accept"] == "*/*"
    assert "Cookie" not in headers


async def test_keeps_no_cookie(serve, make_fetcher) -> None:
    cookies = []

    async def handler(request: web.Request) -> web.Response:
        cookies.append(request.headers.get("Cookie"))
        reply = web.Response()
        reply.set_cookie("session", "theirs")
        return reply

    root, fetcher = await serve(handler), make_fetcher()
    await fetcher.fetch("GET", root, max_bytes=KIB)
    await fetcher.fetch("GET", root, max_bytes=KIB)
    assert cookies == [None, None]


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"hello" * 100)),
        ("deflate", zlib.compress(b"hello" * 100)),
        ("deflate", zlib.compress(b"hello" * 100, wbits=-15)),
        ("identity", b"hello" * 100),
    ],
    ids=["gzip", "zlib", "raw-deflate", "identity"],
)
async def test_decodes(serve, make_fetcher, encoding: str, body: bytes) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=body, headers={"Content-Encoding": encoding})

    reply = await make_fetcher().fetch("GET", await serve(handler), max_bytes=500)
    assert reply.content == b"hello" * 100


BOMB = gzip.compress(bytes(30 * MIB))


@pytest.mark.parametrize(
    ("name", "encoding", "body", "error"),
    [
        ("bomb", "gzip", BOMB, FetchTooLarge),
        ("bomb under the cap, over the ratio", "gzip", gzip.compress(bytes(3 * MIB)), FetchTooLarge),
        ("one byte too many when decoded", "gzip", gzip.compress(b"x" * (4 * MIB + 1)), FetchTooLarge),
        ("one byte too many on the wire", "identity", b"x" * (4 * MIB + 1), FetchTooLarge),
        ("twice encoded", "gzip, gzip", gzip.compress(BOMB), FetchUnexpected),
        ("brotli, not asked for", "br", b"\x0b\x02\x80hello\x03", FetchUnexpected),
        ("unknown", "x-own", b"hello", FetchUnexpected),
        ("not gzip at all", "gzip", b"hello", FetchUnexpected),
        ("cut off", "gzip", gzip.compress(secrets.token_bytes(999))[:-9], FetchUnexpected),
        ("trailing bytes", "gzip", gzip.compress(b"hello") + b"more", FetchUnexpected),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_refuses_a_body(serve, make_fetcher, name: str, encoding: str, body: bytes, error) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse(headers={"Content-Encoding": encoding})
        await reply.prepare(request)
        await reply.write(body)
        return reply

    with pytest.raises(error):
        await make_fetcher().fetch("GET", await serve(handler), max_bytes=4 * MIB)


async def test_ends_an_endless_body_at_its_cap(serve, make_fetcher) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse()
        await reply.prepare(request)
        while True:
            await reply.write(bytes(16 * KIB))

    root = await serve(handler)
    with pytest.raises(FetchTooLarge):
        await make_fetcher().fetch("GET", root, max_bytes=256 * KIB)


@pytest.mark.parametrize(
    "policy", [{"total_timeout": 0.4}, {"rate_grace": 0.3}], ids=["total deadline", "least rate"]
)
async def test_ends_a_drip(serve, make_fetcher, policy) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse()
        await reply.prepare(request)
        for _ in range(100):
            await reply.write(b"x")
            await asyncio.sleep(0.05)
        return reply

    root = await serve(handler)
    started = asyncio.get_running_loop().time()
    with pytest.raises(FetchTimedOut):
        await make_fetcher(**policy).fetch("GET", root, max_bytes=KIB)
    assert asyncio.get_running_loop().time() - started < 2


async def test_silence_ends_at_the_callers_time(serve, make_fetcher) -> None:
    async def handler(request: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    with pytest.raises(FetchTimedOut):
        await make_fetcher().fetch("GET", await serve(handler), max_bytes=KIB, timeout=0.2)


async def test_head_has_no_body_whatever_its_length_says(serve, make_fetcher) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(headers={"Content-Length": str(10 * MIB), "ETag": '"e"'})

    reply = await make_fetcher().fetch("HEAD", await serve(handler), max_bytes=KIB)
    assert (reply.status, reply.content, reply.headers["etag"]) == (200, b"", '"e"')


async def test_nobody_listens(make_fetcher) -> None:
    with pytest.raises(FetchUnreachable):
        await make_fetcher().fetch("GET", "http://127.0.0.1:1/", max_bytes=KIB)


async def test_no_http_at_all(make_fetcher) -> None:
    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp here\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(garbage, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(FetchUnexpected):
            await make_fetcher().fetch("POST", f"http://127.0.0.1:{port}/", max_bytes=KIB)


# --- redirects ----------------------------------------------------------------------------------------


class Hops:
    """Two origins: the first redirects to wherever it is told, both record what they were sent."""

    def __init__(self) -> None:
        self.target = ""
        self.status = 302
        self.first: list[web.Request] = []
        self.second: list[web.Request] = []

    async def one(self, request: web.Request) -> web.Response:
        self.first.append(request)
        if request.path == "/end":
            return web.Response(text="end")
        return web.Response(status=self.status, headers={"Location": self.target})

    async def other(self, request: web.Request) -> web.Response:
        self.second.append(request)
        return web.Response(text="other")


CREDENTIALS = ("Authorization", "DPoP", "Cookie", "Proxy-Authorization")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_credentials_never_cross_origins(serve, make_fetcher, access, status: int) -> None:
    hops = Hops()
    root, other = await serve(hops.one), await serve(hops.other)
    hops.status, hops.target = status, f"{other}/x"
    await make_fetcher().fetch(
        "GET", f"{root}/a", access=access, headers={"Cookie": "a=b"}, max_bytes=KIB, redirects=3
    )
    assert all(hops.first[0].headers.get(name) for name in CREDENTIALS[:3])
    assert [hops.second[0].headers.get(name) for name in CREDENTIALS] == [None] * 4


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_within_the_origin_gets_a_fresh_proof(serve, make_fetcher, access, status) -> None:
    hops = Hops()
    root = await serve(hops.one)
    hops.status, hops.target = status, "/end"
    reply = await make_fetcher().fetch("GET", f"{root}/a", access=access, max_bytes=KIB, redirects=1)
    first, second = (proof_claims(request.headers) for request in hops.first)
    assert reply.url == f"{root}/end"
    assert (first["htu"], second["htu"]) == (f"{root}/a", f"{root}/end")
    assert first["jti"] != second["jti"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_write_is_never_redirected(serve, make_fetcher, access, status: int, method: str) -> None:
    hops = Hops()
    root, other = await serve(hops.one), await serve(hops.other)
    hops.status, hops.target = status, f"{other}/x"
    reply = await make_fetcher().fetch(
        method, f"{root}/a", access=access, content=b"x", max_bytes=KIB, redirects=3
    )
    assert (reply.status, hops.second) == (status, [])


async def test_no_redirect_is_followed_unasked(serve, make_fetcher, access) -> None:
    hops = Hops()
    root = await serve(hops.one)
    hops.target = "/end"
    reply = await make_fetcher().fetch("GET", f"{root}/a", access=access, max_bytes=KIB)
    assert (reply.status, len(hops.first)) == (302, 1)


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("/a", FetchUnexpected),
        ("file:///etc/passwd", AddressRefused),
        ("gopher://127.0.0.1/", AddressRefused),
        ("http://user@127.0.0.1/", AddressRefused),
        ("http://169.254.169.254/latest/meta-data/", AddressRefused),
        ("http://2130706433/", AddressRefused),
        ("//0x7f.1/", AddressRefused),
        ("http://[::ffff:169.254.169.254]/", AddressRefused),
    ],
)
async def test_a_redirect_passes_all_checks(serve, make_fetcher, sockets, target: str, error) -> None:
    hops = Hops()
    root = await serve(hops.one)
    hops.target = target
    with pytest.raises(error):
        await make_fetcher().fetch("GET", f"{root}/a", max_bytes=KIB, redirects=3)
    assert set(sockets.dialled) == {"127.0.0.1"}


# --- the nonce, repetition, turns ---------------------------------------------------------------------


NONCE_NEEDED = 'DPoP error="use_dpop_nonce"'


async def test_answers_the_demand_for_a_nonce_once(serve, make_fetcher, access) -> None:
    nonces = []

    async def handler(request: web.Request) -> web.Response:
        nonces.append(proof_claims(request.headers).get("nonce"))
        fits = nonces[-1] == "n-1"
        headers = {"DPoP-Nonce": "n-1"} | ({} if fits else {"WWW-Authenticate": NONCE_NEEDED})
        return web.Response(status=200 if fits else 401, headers=headers)

    root, fetcher = await serve(handler), make_fetcher()
    assert (await fetcher.fetch("GET", root, access=access, max_bytes=KIB)).status == 200
    assert (await fetcher.fetch("GET", root, access=access, max_bytes=KIB)).status == 200
    assert nonces == [None, "n-1", "n-1"]


async def test_gives_up_on_an_endless_demand(serve, make_fetcher, access) -> None:
    count = 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal count
        count += 1
        return web.json_response(
            {"error": "use_dpop_nonce"}, status=400, headers={"DPoP-Nonce": f"n-{count}"}
        )

    reply = await make_fetcher().fetch("POST", await serve(handler), access=access, max_bytes=KIB)
    assert (reply.status, count) == (400, 2)


async def test_a_nonce_that_no_header_can_carry_is_not_kept(serve, make_fetcher, access) -> None:
    nonces = []

    async def handler(request: web.Request) -> web.Response:
        nonces.append(proof_claims(request.headers).get("nonce"))
        return web.Response(status=401, headers={"DPoP-Nonce": "\u00e9", "WWW-Authenticate": NONCE_NEEDED})

    reply = await make_fetcher().fetch("GET", await serve(handler), access=access, max_bytes=KIB)
    assert (reply.status, nonces) == (401, [None, None])


async def test_the_callers_headers_are_sent_and_the_encodings_are_ours(serve, make_fetcher, access) -> None:
    seen = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers)
        return web.Response()

    root = await serve(handler)
    asked = {"accept": "text/turtle", "If-None-Match": '"e"', "accept-encoding": "br", "DPoP": "theirs"}
    await make_fetcher(user_agent="us").fetch("GET", root, access=access, headers=asked, max_bytes=KIB)
    (headers,) = seen
    assert headers.getall("Accept") == ["text/turtle"]
    assert headers["If-None-Match"] == '"e"'
    assert headers.getall("Accept-Encoding") == ["gzip, deflate"]
    assert headers.getall("User-Agent") == ["us"]
    assert len(headers.getall("DPoP")) == 1
    assert proof_claims(headers)["htm"] == "GET"


@pytest.mark.parametrize("size", [KIB, KIB + 1])
async def test_a_body_that_comes_with_its_head_is_measured(serve, make_fetcher, size: int) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * size)

    fetching = make_fetcher().fetch("GET", await serve(handler), max_bytes=KIB)
    if size > KIB:
        with pytest.raises(FetchTooLarge):
            await fetching
    else:
        assert (await fetching).content == b"x" * size


async def test_a_connection_serves_again_unless_its_answer_was_left_unread(
    serve, make_fetcher, sockets
) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/large":
            reply = web.StreamResponse(headers={"Content-Length": str(10 * MIB)})
            await reply.prepare(request)
            await reply.write(bytes(KIB))
            await asyncio.sleep(5)
            return reply
        # Without a length aiohttp closes the connection of an answer to HEAD, as it does not know its end.
        length = {"Content-Length": "9"} if request.method == "HEAD" else {}
        return web.Response(status=204 if request.path == "/none" else 200, headers=length)

    root, fetcher = await serve(handler), make_fetcher()
    for method, path in (("GET", "/"), ("HEAD", "/"), ("GET", "/none"), ("PUT", "/")):
        await fetcher.fetch(method, f"{root}{path}", content=b"x" if method == "PUT" else None, max_bytes=KIB)
    assert len(sockets.dialled) == 1
    with pytest.raises(FetchTooLarge):
        await fetcher.fetch("GET", f"{root}/large", max_bytes=KIB)
    await fetcher.fetch("GET", root, max_bytes=KIB)
    assert len(sockets.dialled) == 2


async def _resetting(requests: list[bytes]) -> asyncio.Server:
    """Answers the first request of a connection, then resets the connection at the second."""

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.transport.abort()

    async def serve_quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve_one(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    return await asyncio.start_server(serve_quietly, "127.0.0.1", 0)


async def test_repeats_an_idempotent_request_after_a_reset_with_a_new_proof(make_fetcher, access) -> None:
    requests: list[bytes] = []
    server, fetcher = await _resetting(requests), make_fetcher()
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        await fetcher.fetch("GET", url, access=access, max_bytes=KIB)
        assert (await fetcher.fetch("GET", url, access=access, max_bytes=KIB)).content == b"ok"
        proofs = {line for raw in requests for line in raw.split(b"\r\n") if line.startswith(b"DPoP:")}
        assert (len(requests), len(proofs)) == (3, 3)
        await fetcher.aclose()


async def test_never_repeats_a_post_after_a_reset(make_fetcher, access) -> None:
    requests: list[bytes] = []
    server, fetcher = await _resetting(requests), make_fetcher()
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        await fetcher.fetch("GET", url, access=access, max_bytes=KIB)
        with pytest.raises(FetchUnreachable):
            await fetcher.fetch("POST", url, access=access, max_bytes=KIB)
        assert len(requests) == 2
        await fetcher.aclose()


async def test_no_more_than_its_turns_at_one_origin(serve, make_fetcher) -> None:
    now = most = 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1
        return web.Response()

    root, fetcher = await serve(handler), make_fetcher(per_origin=3)
    await asyncio.gather(*(fetcher.fetch("GET", root, max_bytes=KIB) for _ in range(12)))
    assert most == 3


async def test_no_faster_than_the_limit_a_second(serve, make_fetcher) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response()

    root, fetcher = await serve(handler), make_fetcher(requests_per_second=20)
    started = asyncio.get_running_loop().time()
    await asyncio.gather(*(fetcher.fetch("GET", root, max_bytes=KIB) for _ in range(6)))
    assert asyncio.get_running_loop().time() - started >= 0.24


async def test_an_error_says_nothing_of_where(make_fetcher: GuardedFetcher) -> None:
    with pytest.raises(FetchUnreachable) as caught:
        await make_fetcher().fetch("GET", "http://127.0.0.1:1/secret-path", max_bytes=KIB)
    assert "secret" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)
