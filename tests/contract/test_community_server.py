"""The real server and its people: logins by HTTP alone, an end without traces."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest

from solidgate.errors import FetchUnexpected, PartnerUnavailable
from solidgate.testing.css import CommunityServer
from solidgate.testing.people import create_person, walk_cancel, walk_login

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Community


REDIRECT = "http://localhost:9/callback"


async def authorization_url(base_url: str) -> str:
    """An authorization request of a client that was just registered."""
    wish = {"redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none", "client_name": "test"}
    async with aiohttp.ClientSession() as http, http.post(f"{base_url}.oidc/reg", json=wish) as reply:
        client_id = (await reply.json())["client_id"]
    challenge = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 64).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": REDIRECT,
        "scope": "openid webid",
        "state": "the-state",
        "nonce": "n",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "prompt": "consent",
    }
    return f"{base_url}.oidc/auth?{urlencode(query)}"


async def test_a_person_logs_in_without_a_browser(community: Community) -> None:
    base_url, person = community.server.base_url, community.people[0]
    final = await walk_login(await authorization_url(base_url), person, REDIRECT)
    query = parse_qs(urlsplit(final).query)
    assert final.startswith(REDIRECT)
    assert (query["state"], query["iss"]) == (["the-state"], [base_url])
    assert query["code"][0]


async def test_a_person_says_no_at_the_issuer(community: Community) -> None:
    base_url, person = community.server.base_url, community.people[0]
    final = await walk_cancel(await authorization_url(base_url), person, REDIRECT)
    assert parse_qs(urlsplit(final).query)["error"] == ["access_denied"]


async def test_a_pod_is_made_once(community: Community) -> None:
    with pytest.raises(FetchUnexpected):
        await create_person(community.server.base_url, community.people[0].name)


async def test_a_server_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSS_NOT_AN_OPTION", "would end the server")
    async with CommunityServer() as server:
        process, folder = server.pid, server.root.parent
        assert await asyncio.to_thread(folder.exists)
    with pytest.raises(ProcessLookupError):
        os.killpg(process, 0)
    assert not await asyncio.to_thread(folder.exists)


async def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    nothing = CommunityServer(tmp_path / "pods", config=str(tmp_path / "none.json"))
    with pytest.raises(PartnerUnavailable, match=r"none\.json"):
        await nothing.start()
