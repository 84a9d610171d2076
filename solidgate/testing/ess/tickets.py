"""UMA permission tickets and requesting party tokens: what was asked, and what each token opens.

A ticket is good once. A token opens the resources of the grant it was given for, in the grant's modes, until
the grant or the token ends. As in ESS 2.x a revocation does not shorten it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from aiohttp import web

from solidgate.errors import NotAuthenticated, ProofInvalid
from solidgate.identity.dpop import verify_proof
from solidgate.testing.ess import acp
from solidgate.testing.ess.behaviours import Odd
from solidgate.testing.ess.ground import Caller, Ground
from solidgate.testing.ess.host import CALLER

LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a client that was refused wanted, and how often it was asked for more since."""

    url: str
    mode: str
    until: datetime
    rounds: int = 0


@dataclass(frozen=True, slots=True)
class Opened:
    """What a token opens: for a grant its resources, otherwise whatever the policies say of the caller."""

    caller: Caller
    until: datetime
    modes: frozenset[str] = acp.MODES
    resources: tuple[str, ...] | None = None
    inherit: bool = False
    grant: str = ""
    checked: bool = False
    jkt: str = ""

    def covers(self, url: str) -> bool:
        """Whether the token is for this address."""
        return self.resources is None or covers(self.resources, url, inherit=self.inherit)


def covers(resources: Sequence[str], url: str, *, inherit: bool) -> bool:
    """Whether a list of resources has this one: named, or in a container where grants are inherited."""
    below = any(url.startswith(one) for one in resources if one.endswith("/"))
    return url in resources or (inherit and below)


@dataclass(slots=True)
class Tickets:
    """``revoked`` tells whether a grant is; it is asked only for tokens that are ``checked``."""

    ground: Ground
    revoked: Callable[[str], bool]
    _open: dict[str, Ticket] = field(default_factory=dict)
    _tokens: dict[str, Opened] = field(default_factory=dict)

    def challenge(self, url: str, mode: str, path: str) -> list[tuple[str, str]]:
        """``WWW-Authenticate`` with a new ticket."""
        odd = self.ground.odd
        foreign = odd.strikes(Odd.FOREIGN_AS_URI, path)
        as_uri = (foreign.text or "https://uma.elsewhere.example") if foreign else self.ground.origins.uma
        uma = f'UMA ticket="{self.open(Ticket(url, mode, self.ground.now() + LIFETIME))}", as_uri="{as_uri}"'
        parts = ["Bearer", 'DPoP algs="ES256"', uma]
        if odd.strikes(Odd.UMA_FIRST, path):
            parts = [uma, "Bearer", 'DPoP algs="ES256"']
        if odd.strikes(Odd.SPLIT_CHALLENGE, path):
            return [("WWW-Authenticate", part) for part in parts]
        return [("WWW-Authenticate", ", ".join(parts))]

    def open(self, ticket: Ticket) -> str:
        """A new name for it."""
        name = secrets.token_urlsafe(24)
        self._open[name] = ticket
        return name

    def look(self, name: str) -> Ticket | None:
        """The ticket, when it is still good."""
        found = self._open.get(name)
        return found if found is not None and found.until > self.ground.now() else None

    def take(self, name: str) -> None:
        """It is used."""
        self._open.pop(name, None)

    def again(self, name: str, ticket: Ticket) -> str:
        """A new ticket in place of this one, for one more round of claims."""
        self.take(name)
        return self.open(replace(ticket, rounds=ticket.rounds + 1))

    def mint(self, opened: Opened) -> str:
        """A token; opaque, because only the storage reads it."""
        token = secrets.token_urlsafe(32)
        self._tokens[token] = opened
        return token

    def holder(self, token: str) -> Caller | None:
        """For whom a token of the first step was given."""
        found = self._tokens.get(token)
        return found.caller if found is not None and found.until > self.ground.now() else None

    def granted(self, request: web.Request, url: str) -> tuple[acp.Shown, frozenset[str]] | None:
        """What a token of ours opens; none when there is no such token. Raises ``NotAuthenticated``."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        opened = self._tokens.get(token.strip())
        if scheme.lower() != "bearer" and opened is None:
            return None
        if opened is None or opened.until <= self.ground.now() or not opened.covers(url):
            raise NotAuthenticated("not a token for this resource")
        if self.ground.odd.strikes(Odd.TOKEN_REFUSED, request.rel_url.raw_path):
            raise NotAuthenticated("refused on purpose")
        if opened.checked and self.revoked(opened.grant):
            raise NotAuthenticated("the grant was revoked")
        self._check_binding(request, url, scheme, token.strip(), opened)
        request[CALLER] = opened.caller.webid
        kind = acp.GRANT_TYPE if opened.grant else ""
        return acp.Shown(opened.caller.webid, opened.caller.client_id, credential=kind), opened.modes

    def _check_binding(self, request: web.Request, url: str, scheme: str, token: str, opened: Opened) -> None:
        """A bound token needs its key's proof (RFC 9449 section 7.1), an unbound one takes none."""
        if (scheme.lower() == "dpop") != bool(opened.jkt):
            raise NotAuthenticated("the scheme is not that of the token")
        if not opened.jkt:
            return
        try:
            proof = verify_proof(
                request.headers.get("DPoP", ""),
                method=request.method,
                url=url,
                now=datetime.now(UTC),
                access_token=token,
            )
        except ProofInvalid as broken:
            raise NotAuthenticated("the proof is not good") from broken
        if proof.jkt != opened.jkt:
            raise NotAuthenticated("the proof is of another key")
