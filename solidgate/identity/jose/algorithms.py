"""Which algorithms there are, and the library's registry narrowed to some of them."""

from __future__ import annotations

from joserfc import jws
from joserfc.jwa import JWSAlgModel

from solidgate.errors import SignatureInvalid

SIGNATURE_ALGORITHMS = ("ES256", "ES384", "PS256", "RS256", "EdDSA", "Ed25519")
"""What may be verified; each use narrows it further. Never ``none``, never a shared secret (RFC 8725 3.1)."""


class FixedRegistry(jws.JWSRegistry):
    """joserfc's registry narrowed to an explicit list; larger headers, because a DPoP header holds a key."""

    max_header_length = 4096

    def get_alg(self, name: str) -> JWSAlgModel:
        if name not in SIGNATURE_ALGORITHMS or name not in (self.allowed or ()):
            raise SignatureInvalid("the algorithm is not one that is accepted here")
        return self.algorithms[name]
