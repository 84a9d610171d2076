"""Sealing with AES-256-GCM: one root key file, keys derived from it, and a key for each person.

A sealed value is ``nonce(12) || ciphertext || tag``. ``context`` is authenticated, so that a value moved to
another row or table does not open.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from solidgate.errors import BadFile, SealBroken

KEY_BYTES = 32
_NONCE_BYTES = 12


def new_key() -> bytes:
    """256 fresh random bits."""
    return secrets.token_bytes(KEY_BYTES)


def derive(key: bytes, purpose: str) -> bytes:
    """A key for one purpose (RFC 5869), independent of the keys for all others."""
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=b"solidgate/v1/" + purpose.encode()).derive(key)


def seal(key: bytes, value: bytes, context: str) -> bytes:
    """``value`` under ``key``, bound to ``context``."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, value, context.encode())


def unseal(key: bytes, sealed: bytes, context: str) -> bytes:
    """The value back. Raises ``SealBroken`` for another key, another context or changed bytes."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
    except (InvalidTag, ValueError) as fault:
        raise SealBroken(context.split(":", 1)[0]) from fault


def digest(key: bytes, *values: str) -> bytes:
    """A keyed digest for look-ups; each value's length is part of it, so no two lists collide."""
    mac = hmac.new(key, digestmod=hashlib.sha256)
    for value in values:
        encoded = value.encode()
        mac.update(len(encoded).to_bytes(8, "big") + encoded)
    return mac.digest()


def key_file(path: Path) -> bytes:
    """The key in ``path``, made on first use with mode 0600; processes agree on one. Raises ``BadFile``."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return _read_key(path)
    except FileNotFoundError:
        _publish_key(path, new_key())
        return _read_key(path)


def _publish_key(path: Path, key: bytes) -> None:
    # link() is atomic and never overwrites: the loser of a race reads the winner's key.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, key)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _read_key(path: Path) -> bytes:
    key, state = path.read_bytes(), path.stat()
    if len(key) != KEY_BYTES:
        raise BadFile(f"{path} must hold exactly {KEY_BYTES} bytes")
    if state.st_uid != os.getuid() or stat.S_IMODE(state.st_mode) & 0o077:
        raise BadFile(f"{path} must belong to the user that runs solidgate, with mode 0600")
    return key


@dataclass(frozen=True, slots=True)
class StoreKeys:
    """The keys of the store, all derived from one root key file."""

    lookup: bytes
    wrap: bytes
    login: bytes
    pseudonym: bytes
    tombstone: bytes

    @classmethod
    def from_root(cls, root: bytes) -> StoreKeys:
        """Derive them; the root itself is not kept."""
        purposes = ("lookup", "wrap", "login", "pseudonym", "tombstone")
        return cls(*(derive(root, purpose) for purpose in purposes))

    def person_key(self, person_id: str, sealed: bytes) -> bytes:
        """A person's own key, opened. Raises ``SealBroken``."""
        return unseal(self.wrap, sealed, f"person:{person_id}")

    def pseudonym_of(self, person_id: str, space_id: str) -> str:
        """The pairwise pseudonym of a person in a space: 32 hex digits, useless in any other space."""
        return digest(self.pseudonym, space_id, person_id)[:16].hex()

    def __repr__(self) -> str:
        return "StoreKeys()"
