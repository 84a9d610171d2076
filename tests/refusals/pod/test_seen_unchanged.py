"""A look and a pull of one document that nobody changed see the same, whatever HEAD and GET leave out."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from solidgate.adapters.solid_pod import SolidPod
from solidgate.run.sighting import Meaning, Observed, meaning, pulled
from tests.refusals.pod.conftest import Visit

DATE = {"Last-Modified": "Sat, 28 Nov 2026 05:00:00 GMT"}


def served(head: Mapping[str, str], get: Mapping[str, str], *, chunked: bool) -> TestServer:
    """One document; ``chunked``: HEAD tells no size."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.method != "HEAD":
            response = web.Response(body=b"<> <urn:p> 1 ." * 100, headers=get, content_type="text/turtle")
            response.enable_compression()
            return response
        headers = {**head, "Content-Type": "text/turtle", **({} if chunked else {"Content-Length": "77"})}
        response = web.StreamResponse(headers=headers)  # type: ignore[assignment]
        if chunked:
            response.enable_chunked_encoding()
        await response.prepare(request)
        return response

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    return TestServer(application)


@pytest.mark.parametrize(
    ("head", "get", "chunked"),
    [
        (DATE, DATE, True),
        (DATE, DATE, False),
        ({"ETag": '"1"'}, {"ETag": 'W/"1"'}, True),
        ({"ETag": 'W/"1"', **DATE}, {"ETag": '"1"', **DATE}, False),
    ],
)
async def test_what_nobody_changed_looks_the_same(
    visit: Visit, head: Mapping[str, str], get: Mapping[str, str], chunked: bool
) -> None:
    async with served(head, get, chunked=chunked) as server, visit.anew() as pods:
        assert isinstance(pods, SolidPod)
        url = str(server.make_url("/a.ttl"))
        state = await pods.state(visit.owner, url)
        read = await pods.read(visit.owner, url, max_bytes=10_000)
    assert meaning(pulled(None, read), Observed(state))[0] is Meaning.SAME
