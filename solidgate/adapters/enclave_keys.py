"""The spaces' signing keys: implements ``ports.EnclaveKeys``. Only the worker builds one.

Private parts are stored sealed (AES-256-GCM) under a key that lives in one file of the worker's, mode 0600;
the database and the gate never see them open. DPoP keys live in memory only, one a space and process.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from solidgate.errors import BadSetting
from solidgate.identity import access_token, client_document, dpop, jose
from solidgate.ports import Clock

SEAL_BYTES = 32
RENEW_BEFORE = timedelta(seconds=60)
_VERSION = b"\x01"
_NONCE_BYTES = 12


class SpaceKeyStore(Protocol):
    """Where sealed keys are kept; each method is one transaction."""

    async def space_key(self, space_id: str) -> tuple[Mapping[str, object], bytes] | None:
        """The public JWK and the sealed private one; none is an answer."""
        ...

    async def put_space_key(
        self, space_id: str, public_jwk: Mapping[str, object], sealed_private: bytes
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
    """Implements ``ports.EnclaveKeys`` over a store of sealed keys; ``public_url`` ends with a slash."""

    def __init__(self, store: SpaceKeyStore, seal: bytes, clock: Clock, public_url: str) -> None:
        self._store = store
        self._seal = AESGCM(seal)
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
                raise BadSetting("the store of space keys kept nothing")
            self._keys[space_id] = self._opened(space_id, kept[1])
        return self._keys[space_id]

    def _sealed(self, space_id: str, key: jose.SigningKey) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        content = jose.compact_json(key.private_jwk)
        return _VERSION + nonce + self._seal.encrypt(nonce, content, _bound_to(space_id))

    def _opened(self, space_id: str, sealed: bytes) -> jose.SigningKey:
        nonce, content = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            if sealed[:1] != _VERSION:
                raise InvalidTag
            private_jwk = json.loads(self._seal.decrypt(nonce, content, _bound_to(space_id)))
        except (InvalidTag, ValueError) as broken:
            raise BadSetting("the enclave's seal file does not open the key of this space") from broken
        return jose.signing_key(private_jwk, "ES256")


def load_seal(path: Path) -> bytes:
    """The enclave's seal key, made on first use: 32 bytes, a file of this user alone.

    Raises ``BadSetting`` when others may read it or it has another size; it is never replaced.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read_seal(path)
    except OSError as fault:
        raise BadSetting(f"the enclave's seal file {path} cannot be made: {fault.strerror}") from fault
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(SEAL_BYTES))
        file.flush()
        os.fsync(file.fileno())
    return _read_seal(path)


def _read_seal(path: Path) -> bytes:
    try:
        state, content = path.stat(), path.read_bytes()
    except OSError as fault:
        raise BadSetting(f"the enclave's seal file {path} cannot be read: {fault.strerror}") from fault
    if state.st_uid != os.getuid() or stat.S_IMODE(state.st_mode) & 0o077:
        raise BadSetting(f"the enclave's seal file {path} must belong to the worker's user, mode 0600")
    if len(content) != SEAL_BYTES:
        raise BadSetting(f"the enclave's seal file {path} must hold {SEAL_BYTES} bytes")
    return content


def _bound_to(space_id: str) -> bytes:
    """A sealed key opens for its own space only."""
    return b"solidgate space key\x00" + space_id.encode()
