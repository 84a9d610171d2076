"""The spaces' signing keys: implements ``ports.EnclaveKeys``. Only the worker builds one.

Private parts are stored sealed (AES-256-GCM) under a key that lives in one file of the worker's, mode 0600;
the database and the gate never see them open. DPoP keys live in memory only, one a space and process.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from solidgate.adapters import sealing
from solidgate.errors import InternalFault
from solidgate.identity import access_token, client_document, dpop, jose, strict_json
from solidgate.ports import Clock

RENEW_BEFORE = timedelta(seconds=60)


class SpaceKeyStore(Protocol):
    """Where sealed keys are kept; each method is one transaction."""

    async def space_key(self, space_id: str) -> tuple[Mapping[str, object], bytes] | None:
        """The public JWK and the sealed private one; none is an answer."""
        ...

    async def put_space_key(
        self, space_id: str, public_jwk: Mapping[str, object], private_sealed: bytes
    ) -> None:
        """Keep the first that comes for a space; a later one changes nothing and is no error."""
        ...


class SpaceAccess:
    """A space's own access (implements ``ports.Access``): mints a new token a minute before the old one ends.

    Minting is local and takes no network, so one value serves a batch of any length.
    """

    def __init__(
        self, key: jose.SigningKey, public_url: str, space_id: str, fresh: Callable[[], str]
    ) -> None:
        self._key = key
        self._public_url = public_url
        self._webid = f"{public_url}spaces/{space_id}/agent#it"
        self._fresh = fresh
        self._dpop_key = jose.generate_key()
        self._current: dpop.DpopAccess | None = None

    @property
    def webid(self) -> str:
        """The space's WebID."""
        return self._webid

    def headers(self, method: str, url: str, now: datetime, nonce: str | None = None) -> Mapping[str, str]:
        """``Authorization`` and ``DPoP`` for exactly this method and final wire URL."""
        current = self._current
        if current is None or now >= current.expires - RENEW_BEFORE:
            current = self._current = self._minted(now)
        return current.headers(method, url, now, nonce)

    def id_token(self, audience: str, now: datetime) -> str:
        """Who the space is, for a token endpoint that wants to know."""
        return access_token.mint_id_token(
            self._key,
            issuer=self._public_url,
            webid=self._webid,
            client_id=client_document.client_id_of(self._public_url),
            audience=audience,
            cnf_jkt=self._dpop_key.kid,
            now=now,
            jti=self._fresh(),
        )

    def _minted(self, now: datetime) -> dpop.DpopAccess:
        token = access_token.mint(
            self._key,
            issuer=self._public_url,
            webid=self._webid,
            client_id=client_document.client_id_of(self._public_url),
            cnf_jkt=self._dpop_key.kid,
            now=now,
            jti=self._fresh(),
        )
        expires = now + access_token.LIFETIME
        return dpop.DpopAccess(self._webid, token, self._dpop_key, expires, self._fresh)

    def __repr__(self) -> str:
        return "SpaceAccess()"


class SealedEnclaveKeys:
    """Implements ``ports.EnclaveKeys`` over a store of sealed keys.

    ``seal`` is the worker's 32-byte seal key; ``public_url`` ends with a slash.
    """

    def __init__(self, store: SpaceKeyStore, seal: bytes, clock: Clock, public_url: str) -> None:
        self._store = store
        self._seal = seal
        self._clock = clock
        self._public_url = public_url
        self._keys: dict[str, jose.SigningKey] = {}
        self._access: dict[str, SpaceAccess] = {}

    async def ensure(self, space_id: str) -> Mapping[str, object]:
        """The space's public JWK, made on first use; the first of several makers wins."""
        return (await self._key(space_id)).public_jwk

    async def access_for(self, space_id: str) -> SpaceAccess:
        """The space's access, which renews itself."""
        if space_id not in self._access:
            key = await self._key(space_id)
            made = SpaceAccess(key, self._public_url, space_id, lambda: secrets.token_urlsafe(16))
            self._access.setdefault(space_id, made)
        return self._access[space_id]

    async def _key(self, space_id: str) -> jose.SigningKey:
        if space_id not in self._keys:
            kept = await self._store.space_key(space_id)
            if kept is None:
                made = jose.generate_key("ES256")
                await self._store.put_space_key(space_id, made.public_jwk, self._sealed(space_id, made))
                kept = await self._store.space_key(space_id)
            if kept is None:
                raise InternalFault("the store of space keys kept nothing")
            self._keys[space_id] = self._opened(space_id, kept[1])
        return self._keys[space_id]

    def _sealed(self, space_id: str, key: jose.SigningKey) -> bytes:
        return sealing.seal(self._seal, strict_json.compact_json(key.private_jwk), _bound_to(space_id))

    def _opened(self, space_id: str, sealed: bytes) -> jose.SigningKey:
        """Raises ``SealBroken`` when another seal closed it, or when it was moved or changed."""
        content = sealing.unseal(self._seal, sealed, _bound_to(space_id))
        return jose.signing_key(strict_json.read(content), "ES256")


def _bound_to(space_id: str) -> str:
    """A sealed key opens for its own space only."""
    return f"space key:{space_id}"
