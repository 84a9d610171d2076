"""The nonces that servers ask a proof to carry (RFC 9449 sections 8 and 9), one for each origin."""

from __future__ import annotations

from solidgate.ports import Reply

_MOST = 1024
_LONGEST = 1024


class Nonces:
    """The last nonce of each origin; when there are too many, all are forgotten and asked for anew."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    def of(self, origin: str) -> str | None:
        """What the next proof for this origin carries."""
        return self._kept.get(origin)

    def keep(self, origin: str, reply: Reply) -> None:
        """What the answer tells, if it tells one that can be sent."""
        nonce = reply.headers.get("DPoP-Nonce")
        if nonce is None or len(nonce) > _LONGEST or not nonce.isascii():
            return
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[origin] = nonce


def asks_for_nonce(reply: Reply) -> bool:
    """RFC 9449 section 8 (token endpoint: 400 and JSON) and section 9 (resource server: 401)."""
    if "DPoP-Nonce" not in reply.headers:
        return False
    challenges = " ".join(reply.header_values("WWW-Authenticate"))
    return (reply.status == 401 and "use_dpop_nonce" in challenges) or (
        reply.status in (400, 401) and b'"use_dpop_nonce"' in reply.content
    )
