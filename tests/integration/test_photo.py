"""The photo of a profile, from its host through the gate to the person, and to nobody else."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from solidgate.settings import Http, Login
from solidgate.testing.gate import TestGate, open_gate
from solidgate.testing.issuer import AwkwardIssuer

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
IMG = 'src="/me/photo"'


@pytest.fixture
async def issuer() -> AsyncIterator[AwkwardIssuer]:
    async with AwkwardIssuer() as made:
        yield made


@pytest.fixture
async def gate(database_url: str, tmp_path: Path) -> AsyncIterator[TestGate]:
    login = Login(max_photo_bytes=4096)
    near = Http(allow_private_addresses=True)
    async with open_gate(database_url, tmp_path, http=near, login=login) as opened:
        yield opened


async def test_the_page_shows_it_and_the_browser_asks_only_us(gate: TestGate, issuer: AwkwardIssuer) -> None:
    issuer.photo = PNG
    async with gate.browser(issuer.webid()) as anna:
        page = await anna.get("/me/confirm")
        assert page.text.count(IMG) == 1
        assert issuer.issuer + "photo" not in page.text
        assert "img-src" not in page.headers["Content-Security-Policy"], "nothing was opened for it"
        shown = await anna.get("/me/photo", "image/avif,image/webp,*/*;q=0.8")
    assert (shown.status, shown.content) == (200, PNG)
    assert shown.headers["Content-Type"] == "image/png", "by its bytes; its host says text/html"
    assert shown.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert shown.headers["Cache-Control"] == "no-store"
    assert issuer.photo_requests, "it was asked for"
    for sent in issuer.photo_requests:
        assert not sent & {"authorization", "dpop", "cookie", "referer", "x-forwarded-for"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>',
        b"<html><script>1</script></html>",
        PNG + b"x" * 4096,
        b"/people/alice",
    ],
    ids=["none", "svg", "html", "too large", "redirected"],
)
async def test_without_one_that_is_safe_there_is_none(
    gate: TestGate, issuer: AwkwardIssuer, content: bytes
) -> None:
    issuer.photo = content
    async with gate.browser(issuer.webid()) as anna:
        page = await anna.get("/me/confirm")
        assert page.status == 200
        assert IMG not in page.text
        assert (await anna.get("/me/photo", "image/*")).status == 404


async def test_another_host_is_never_asked(gate: TestGate, issuer: AwkwardIssuer) -> None:
    """Whatever the profile names: not a tracker, not a neighbour of ours."""
    async with AwkwardIssuer() as tracker:
        tracker.photo = PNG
        issuer.photo_at = f"{tracker.issuer}photo"
        async with gate.browser(issuer.webid()) as anna:
            assert IMG not in (await anna.get("/me/confirm")).text
            assert (await anna.get("/me/photo", "image/*")).status == 404
        assert tracker.photo_requests == []


async def test_it_is_only_ones_own_and_can_be_turned_off(
    make_database: object, tmp_path: Path, issuer: AwkwardIssuer
) -> None:
    issuer.photo = PNG
    near, off = Http(allow_private_addresses=True), Login(max_photo_bytes=0)
    async with open_gate(make_database(), tmp_path, http=near, login=off) as gate:  # type: ignore[operator]
        async with gate.browser(issuer.webid()) as anna:
            assert IMG not in (await anna.get("/me/confirm")).text
        async with gate.browser() as nobody:
            assert (await nobody.get("/me/photo", "image/*")).status == 401
    assert issuer.photo_requests == []
