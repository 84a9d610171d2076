"""The space's access to a pod whose owner opens by grants: with the grants, or with the reason why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from solidgate.consent.record import ConsentRecord
from solidgate.errors import (
    AccessDenied,
    AccessGrantEnded,
    AccessGrantNarrowed,
    AccessNotApproved,
    AuthorizationRefused,
    SolidgateError,
)
from solidgate.flow.world import World
from solidgate.pod.door import DoorState
from solidgate.pod.door_event import DoorEvent
from solidgate.pod.grant import Grant
from solidgate.ports import Access, IdentifiedAccess
from solidgate.space.agreement import Agreement


@dataclass(frozen=True, slots=True)
class Granted:
    """Implements ``ports.GrantedAccess`` around the access of a space."""

    access: Access
    grants: Sequence[Grant]

    @property
    def webid(self) -> str:
        """The space's WebID."""
        return self.access.webid

    def headers(self, method: str, url: str, now: datetime, nonce: str | None = None) -> Mapping[str, str]:
        """As the access signs."""
        return self.access.headers(method, url, now, nonce)

    def id_token(self, audience: str, now: datetime) -> str:
        """Who the space is. Raises ``AuthorizationRefused`` when the access cannot say."""
        if not isinstance(self.access, IdentifiedAccess):
            raise AuthorizationRefused("this access has no ID token")
        return self.access.id_token(audience, now)

    def __repr__(self) -> str:
        return f"Granted({len(self.grants)} grants)"


async def granted(world: World, access: Access, consent_id: str) -> Access:
    """The access with what its owner granted for this consent; as it is where the pod's lists decide.

    Raises ``AccessNotApproved AccessDenied AccessGrantEnded AccessGrantNarrowed``.
    """
    async with world.store.transaction() as tx:
        door = await tx.doors.one(consent_id)
        if door is None:
            return access
        stored = await tx.consents.one(consent_id)
        known = await tx.access_requests.of(stored.person_id, consent_id)
    if known is None:
        return access
    if door.state is DoorState.DENIED:
        raise AccessDenied()
    if door.state is DoorState.REQUESTED:
        raise AccessNotApproved()
    if door.problem == AccessGrantNarrowed.code:
        raise AccessGrantNarrowed()
    if door.state is DoorState.CLOSED:
        raise AccessGrantEnded()
    return Granted(access, known.grants)


async def noticed(world: World, consent_id: str, fault: SolidgateError) -> None:
    """Remember that a grant was found to be over, so that its person sees it and can be asked again."""
    if isinstance(fault, AccessGrantEnded):
        async with world.store.transaction() as tx:
            now = world.clock.now()
            await tx.doors.put(consent_id, DoorState.CLOSED, fault.code, now, DoorEvent.FOUND_CLOSED)


def required_of(agreement: Agreement, record: ConsentRecord) -> tuple[str, ...]:
    """The agreed resources without which the program cannot run."""
    storage = record.result_container.removesuffix(agreement.result_container)
    needs = agreement.purpose(record.purpose).needs
    required = {storage + need.path for need in needs if need.required}
    return tuple(url for url in record.resources if url in required)
