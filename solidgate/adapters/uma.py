"""Tokens by User-Managed Access 2.0 with a grant as the claim: Enterprise Solid Server 2.x."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from solidgate.adapters.bearer import BearerAccess, BearerToken, read_token
from solidgate.adapters.ess_calls import EssCalls, bare, json_object, presentation
from solidgate.adapters.issuer_cache import TimedCache
from solidgate.adapters.solid_requests import DOCUMENT_ACCEPT, fault
from solidgate.errors import AuthorizationRefused, AuthorizationServerUntrusted, FetchTooLarge
from solidgate.pod.challenge import UmaTicket, uma_ticket
from solidgate.pod.grant import Grant
from solidgate.pod.origin import belongs_to
from solidgate.pod.platform import IDENTITY_PROFILE, VC_PROFILE, UmaServer, read_uma_server
from solidgate.ports import Access, Clock, IdentifiedAccess, Reply

MOST_ROUNDS = 5
MOST_TOKENS = 10_000
_UMA_GRANT = "urn:ietf:params:oauth:grant-type:uma-ticket"


class UmaTokens:
    """Tokens for one resource each, kept until shortly before their end; the eldest make room."""

    def __init__(self, calls: EssCalls, clock: Clock, seconds: float) -> None:
        self._calls = calls
        self._clock = clock
        self._servers: TimedCache[UmaServer] = TimedCache(clock.monotonic, seconds=seconds, fault_seconds=10)
        self._kept: OrderedDict[tuple[str, str], BearerToken] = OrderedDict()

    async def server(self, as_uri: str, storage: str) -> UmaServer:
        """The configuration of a storage's authorization server.

        Raises ``AuthorizationServerUntrusted`` when it does not belong to the storage (``pod.origin``).
        """
        if not belongs_to(as_uri, storage):
            raise AuthorizationServerUntrusted("the authorization server is not beside the storage")
        return await self._servers.get(as_uri, lambda: self._configuration(as_uri))

    async def access(
        self, access: Access, grant: Grant, url: str, *, renew: bool = False
    ) -> BearerAccess | None:
        """What reads or writes ``url`` by this grant; none where the storage asks nobody for anything.

        Raises ``AuthorizationRefused AuthorizationServerUntrusted`` and pod faults.
        """
        key = (grant.id, url)
        token = None if renew else self._kept.get(key)
        if token is None or self._clock.now() >= token.until:
            ticket = await self._ticket(url)
            if ticket is None:
                return None
            token = await self._exchanged(access, grant, url, ticket)
            self._keep(key, token)
        return BearerAccess(access, token.text, url)

    def _keep(self, key: tuple[str, str], token: BearerToken) -> None:
        self._kept[key] = token
        self._kept.move_to_end(key)
        while len(self._kept) > MOST_TOKENS:
            self._kept.popitem(last=False)

    async def _configuration(self, as_uri: str) -> UmaServer:
        url = as_uri.rstrip("/") + "/.well-known/uma2-configuration"
        return read_uma_server(await self._calls.document(url), as_uri)

    async def _ticket(self, url: str) -> UmaTicket | None:
        """A permission ticket: what the storage answers to a request without credentials."""
        try:
            reply = await self._calls.get(url, accepted=DOCUMENT_ACCEPT)
        except FetchTooLarge:
            return None  # everybody may read it, so it asks nobody for anything
        found = uma_ticket(reply.header_values("WWW-Authenticate"))
        if reply.status == 401 and found is not None:
            return found
        if reply.status in (401, 403):
            raise AuthorizationRefused("the storage names no authorization server for this resource")
        if reply.status >= 400 and reply.status not in (404, 410):
            raise fault(reply)
        return None

    async def _exchanged(self, access: Access, grant: Grant, url: str, ticket: UmaTicket) -> BearerToken:
        server = await self.server(ticket.as_uri, url)
        claims = {"claim_token": presentation(grant.document), "claim_token_format": VC_PROFILE}
        text, two_steps = ticket.ticket, False
        for _ in range(MOST_ROUNDS):
            form = {"grant_type": _UMA_GRANT, "ticket": text, **claims}
            reply = await self._calls.post_form(server.token_endpoint, access, form)
            if reply.status == 200:
                return read_token(json_object(reply), self._clock.now())
            refused = _refusal(reply)
            if refused.get("error") != "need_info" or not isinstance(refused.get("ticket"), str):
                raise AuthorizationRefused(_error(refused))
            text = str(refused["ticket"])
            if not two_steps and _wants_identity(refused):
                two_steps = True
                claims, text = await self._identified(access, grant, server, text)
        raise AuthorizationRefused(f"it asked for more than {MOST_ROUNDS} times")

    async def _identified(
        self, access: Access, grant: Grant, server: UmaServer, ticket: str
    ) -> tuple[dict[str, str], str]:
        """The other way: who we are first, then the bare grant on top of the token that this gives."""
        if not isinstance(access, IdentifiedAccess):
            raise AuthorizationRefused("it asks for an ID token, and there is none")
        claim = access.id_token(server.token_endpoint, self._clock.now())
        first = {"claim_token": claim, "claim_token_format": IDENTITY_PROFILE}
        form = {"grant_type": _UMA_GRANT, "ticket": ticket, **first}
        reply = await self._calls.post_form(server.token_endpoint, access, form)
        claims = {"claim_token": bare(grant.document), "claim_token_format": VC_PROFILE}
        if reply.status == 200:
            return {**claims, "rpt": read_token(json_object(reply), self._clock.now()).text}, ticket
        refused = _refusal(reply)
        if refused.get("error") != "need_info" or not isinstance(refused.get("ticket"), str):
            raise AuthorizationRefused(_error(refused))
        return claims, str(refused["ticket"])


def _refusal(reply: Reply) -> Mapping[str, Any]:
    """The error document of a refusal. Raises the fault that a failing server's status stands for."""
    if reply.status not in (400, 401, 403):
        raise fault(reply)
    return json_object(reply)


def _error(refused: Mapping[str, Any]) -> str:
    """Its word for it, if it is one of the specification's; never a text of its own."""
    known = ("invalid_grant", "invalid_scope", "invalid_request", "invalid_client", "request_denied")
    found = refused.get("error")
    return f"it says {found}" if found in known else "it refuses"


def _wants_identity(refused: Mapping[str, Any]) -> bool:
    """Whether it wants to know who we are, and would not be helped by the grant."""
    wanted = refused.get("required_claims")
    listed = [one for one in wanted if isinstance(one, dict)] if isinstance(wanted, list) else []
    formats: set[str] = set()
    for one in listed:
        named = one.get("claim_token_format")
        formats.update(str(name) for name in (named if isinstance(named, list) else [named]))
    return IDENTITY_PROFILE in formats and VC_PROFILE not in formats
