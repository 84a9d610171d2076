"""The clients of the OpenID host: those of people's accounts, registered ones, and Client ID Documents."""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import BasicAuth

from solidgate.testing.ess.ground import Ground

FETCH_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Client:
    """``acts_for``: the WebID whose static client it is; ``secret`` is empty for a public client."""

    client_id: str
    redirects: tuple[str, ...] = ()
    secret: str = field(default="", repr=False)
    acts_for: str = ""


@dataclass(slots=True)
class Clients:
    """``trusted`` is for fetching Client ID Documents."""

    ground: Ground
    trusted: ssl.SSLContext | None = None
    _known: dict[str, Client] = field(default_factory=dict)

    def register(self, wanted: Mapping[str, Any], *, secret: bool) -> Client:
        """Dynamic registration (RFC 7591)."""
        given = secrets.token_urlsafe(24) if secret else ""
        redirects = tuple(str(one) for one in wanted.get("redirect_uris", ()))
        return self.add(Client(secrets.token_hex(16), redirects, given))

    def add(self, client: Client) -> Client:
        """Know this one."""
        self._known[client.client_id] = client
        return client

    async def find(self, client_id: str) -> Client | None:
        """The client of that id; an address is fetched as its Client ID Document."""
        if client_id.startswith(("http://", "https://")):
            return await self._of_document(client_id)
        return self._known.get(client_id.removeprefix("urn:uuid:"))

    async def authenticated(self, form: Mapping[str, str], authorization: str) -> Client | None:
        """The client of a token request, by Basic, by its form, or public by its name alone."""
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        if authorization.lower().startswith("basic "):
            basic = BasicAuth.decode(authorization)
            client_id, secret = basic.login, basic.password
        client = await self.find(client_id)
        if client is None or not secrets.compare_digest(client.secret.encode(), secret.encode()):
            return None
        return client

    async def document(self, client_id: str) -> Mapping[str, Any] | None:
        """The Client ID Document of that address; none where it is not about itself."""
        found = await self.fetched(client_id)
        return found if found is not None and found.get("client_id") == client_id else None

    async def fetched(self, url: str) -> Mapping[str, Any] | None:
        """A JSON object of the web; none for anything else."""
        limit = aiohttp.ClientTimeout(total=FETCH_SECONDS)
        way = aiohttp.TCPConnector(ssl=self.trusted or True)
        try:
            async with (
                aiohttp.ClientSession(timeout=limit, connector=way) as http,
                http.get(url, allow_redirects=False) as answer,
            ):
                found = await answer.json(content_type=None)
        except (aiohttp.ClientError, ValueError, TimeoutError):
            return None
        return found if isinstance(found, Mapping) else None

    async def _of_document(self, client_id: str) -> Client | None:
        document = await self.document(client_id)
        if document is None:
            return None
        redirects = document.get("redirect_uris")
        listed = redirects if isinstance(redirects, list) else [redirects]
        return Client(client_id, tuple(str(one) for one in listed if one))
