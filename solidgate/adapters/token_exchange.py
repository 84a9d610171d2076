"""Tokens by exchange (RFC 8693): Enterprise Solid Server 3.x. From its documentation; not met in the wild.

An ID token of the caller's own issuer, which the deployment must trust, becomes a token of five minutes.
There is no refresh: shortly before the end, and once after a refusal, it is exchanged anew.
"""

from __future__ import annotations

from collections import OrderedDict

from solidgate.adapters.bearer import BearerAccess, BearerToken, read_token
from solidgate.adapters.ess_calls import EssCalls, json_object
from solidgate.adapters.solid_requests import fault
from solidgate.errors import AuthorizationRefused, AuthorizationServerUntrusted
from solidgate.pod.origin import belongs_to
from solidgate.pod.platform import EXCHANGE_GRANT
from solidgate.ports import Access, Clock, IdentifiedAccess

MOST_TOKENS = 1000
_SUBJECT_TYPE = "urn:ietf:params:oauth:token-type:id_token"


class _Unsigned:
    """Nothing but the form: the ID token in it is the credential."""

    webid = ""

    def headers(self, *_: object) -> dict[str, str]:
        return {}


class ExchangedTokens:
    """One token for each (endpoint, WebID); the eldest make room."""

    def __init__(self, calls: EssCalls, clock: Clock) -> None:
        self._calls = calls
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str], BearerToken] = OrderedDict()

    async def access(
        self, access: Access, endpoint: str, service: str, *, renew: bool = False
    ) -> BearerAccess:
        """What calls ``service`` as the WebID of ``access``.

        Raises ``AuthorizationRefused``, ``AuthorizationServerUntrusted`` when the endpoint does not belong
        to the service, and pod faults.
        """
        if not belongs_to(endpoint, service):
            raise AuthorizationServerUntrusted("the token endpoint is not beside the storage")
        key = (endpoint, access.webid)
        token = None if renew else self._kept.get(key)
        if token is None or self._clock.now() >= token.until:
            token = self._kept[key] = await self._exchanged(access, endpoint)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_TOKENS:
                self._kept.popitem(last=False)
        return BearerAccess(access, token.text, service)

    async def _exchanged(self, access: Access, endpoint: str) -> BearerToken:
        if not isinstance(access, IdentifiedAccess):
            raise AuthorizationRefused("there is no ID token to exchange")
        form = {
            "grant_type": EXCHANGE_GRANT,
            "subject_token": access.id_token(endpoint, self._clock.now()),
            "subject_token_type": _SUBJECT_TYPE,
        }
        reply = await self._calls.post_form(endpoint, _Unsigned(), form)
        if reply.status in (400, 401, 403):
            raise AuthorizationRefused("the deployment does not take this issuer's ID token")
        if reply.status != 200:
            raise fault(reply)
        return read_token(json_object(reply), self._clock.now())
