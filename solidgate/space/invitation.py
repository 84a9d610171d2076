"""An invitation: a secret link that lets a person be asked; only its hash is kept."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from solidgate.errors import BodyInvalid, InvitationInvalid

TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Invitation:
    """``token_hash`` is sha256 hex of the token; ``uses`` how often it opens (0: until its end)."""

    invitation_id: str
    space_id: str
    token_hash: str
    uses: int
    used: int
    created: datetime
    ends: datetime

    def __repr__(self) -> str:
        return f"Invitation({self.invitation_id}, {self.used} of {self.uses or 'many'})"


def token_of(randomness: bytes) -> str:
    """The token: 256 random bits, URL-safe, 43 characters. Raises ``ValueError`` for fewer bits."""
    if len(randomness) != TOKEN_BYTES:
        raise ValueError(f"a token needs exactly {TOKEN_BYTES} random bytes")
    return urlsafe_b64encode(randomness).rstrip(b"=").decode()


def token_hash(token: str) -> str:
    """What is stored and looked up. A fast hash is enough: the token carries 256 bits."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def invite(
    invitation_id: str,
    space_id: str,
    token: str,
    *,
    now: datetime,
    uses: int = 1,
    days: int = 14,
    most_days: int = 366,
    most_uses: int = 100_000,
) -> Invitation:
    """A new invitation. Raises ``BodyInvalid`` for uses or days outside their limits."""
    if not 0 <= uses <= most_uses:
        raise BodyInvalid(f"uses must be 0 (until the end date) to {most_uses}")
    if not 1 <= days <= most_days:
        raise BodyInvalid(f"days must be 1 to {most_days}")
    ends = now + timedelta(days=days)
    return Invitation(invitation_id, space_id, token_hash(token), uses, 0, now, ends)


def admit(invitation: Invitation, token: str, now: datetime) -> Invitation:
    """The invitation with one use more. Raises ``InvitationInvalid``, without saying which check failed.

    1. the token is the one; 2. the end is not reached; 3. a use is left.
    """
    # Hashes of 256-bit secrets: comparing them byte by byte tells an attacker nothing about the token.
    if token_hash(token) != invitation.token_hash:
        raise InvitationInvalid()
    if now >= invitation.ends:
        raise InvitationInvalid()
    if invitation.uses and invitation.used >= invitation.uses:
        raise InvitationInvalid()
    return replace(invitation, used=invitation.used + 1)
