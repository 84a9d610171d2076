"""Signed objects (JWS) and keys (JWK): the only package that touches joserfc and jwcrypto.

Stricter than the libraries where they differ from each other: algorithms are a fixed list, base64url must
be canonical, JSON members may not repeat, ``crit``, ``b64``, and keys inside a header are never obeyed.
"""

from solidgate.identity.jose.algorithms import SIGNATURE_ALGORITHMS
from solidgate.identity.jose.keys import (
    PRIVATE_MEMBERS,
    bare_public,
    choose_key,
    public_key,
    thumbprint,
)
from solidgate.identity.jose.signing import SigningKey, ed25519_key, fixed_width, generate_key, signing_key
from solidgate.identity.jose.verifying import Unverified, Verified, parse, verify, verify_with_keys

__all__ = [
    "PRIVATE_MEMBERS",
    "SIGNATURE_ALGORITHMS",
    "SigningKey",
    "Unverified",
    "Verified",
    "bare_public",
    "choose_key",
    "ed25519_key",
    "fixed_width",
    "generate_key",
    "parse",
    "public_key",
    "signing_key",
    "thumbprint",
    "verify",
    "verify_with_keys",
]
