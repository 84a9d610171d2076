"""Who signs a request to a pod: the access as it is, or a token that its server gave for exactly this."""

from __future__ import annotations

from solidgate.adapters.ess_calls import EssCalls
from solidgate.adapters.pod_discovery import PodDiscovery
from solidgate.adapters.token_exchange import ExchangedTokens
from solidgate.adapters.uma import UmaTokens
from solidgate.errors import AccessControlUnsupported, PodForbidden
from solidgate.pod.credential import AccessMode
from solidgate.pod.platform import Platform, ServerKind
from solidgate.ports import Access, Clock, GrantedAccess

Modes = tuple[AccessMode, ...]


class PodSigning:
    """Tokens of ESS 2.x by grant and resource, of ESS 3.x by WebID; on any other server, none."""

    def __init__(self, calls: EssCalls, clock: Clock, seconds: float) -> None:
        self._uma = UmaTokens(calls, clock, seconds)
        self._exchange = ExchangedTokens(calls, clock)
        self.discovery = PodDiscovery(calls, self._uma, clock, seconds)

    async def signed(
        self, access: Access, platform: Platform, url: str, modes: Modes, *, renew: bool = False
    ) -> Access:
        """What may ask for ``url``, which is covered; ``renew`` after a refusal."""
        if platform.kind is ServerKind.ESS_2 and isinstance(access, GrantedAccess):
            grant = next(one for one in access.grants if one.covers(url, *modes))
            return await self._uma.access(access, grant, url, renew=renew) or access
        if platform.kind is ServerKind.ESS_3:
            return await self._exchange.access(access, platform.authorization, url, renew=renew)
        return access

    async def service(self, access: Access, storage: str) -> tuple[Platform, Access]:
        """The deployment behind a storage, and what may call its grant service."""
        platform = await self.discovery.platform(storage)
        if not platform.kind.by_grant:
            raise AccessControlUnsupported("the pod's server knows no access grants")
        if platform.kind is ServerKind.ESS_3:
            by = await self._exchange.access(access, platform.authorization, platform.credentials)
            return platform, by
        return platform, access


def check_covered(access: Access, platform: Platform, url: str, modes: Modes) -> None:
    """Raises ``PodForbidden`` where ``access`` carries grants and none of them allows this."""
    # In this order: to ask a value about its protocol takes longer than everything else here.
    if not platform.kind.by_grant or not isinstance(access, GrantedAccess):
        return
    if not any(one.covers(url, *modes) for one in access.grants):
        raise PodForbidden("no grant covers it")


def takes_tokens(access: Access, platform: Platform) -> bool:
    """Whether this access goes by a token that may have become stale."""
    if platform.kind is ServerKind.ESS_2:
        return isinstance(access, GrantedAccess)
    return platform.kind is ServerKind.ESS_3
