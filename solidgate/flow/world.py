"""Everything a verb of the flow may reach, in one value that the entry points compose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from solidgate.flow.afterwards import Afterwards
from solidgate.flow.brake import Brake
from solidgate.ports import Clock, Fetcher, IssuerClient, LoginStore, PodServer, Sandbox

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import SqlStore
    from solidgate.settings import Settings


@dataclass(frozen=True, slots=True)
class World:
    """The ports, composed. ``receipt_key`` is the gate's own private JWK; the enclave's keys are not here."""

    settings: Settings
    clock: Clock
    fetcher: Fetcher
    issuers: IssuerClient
    pods: PodServer
    sandbox: Sandbox
    store: SqlStore
    logins: LoginStore
    receipt_key: Mapping[str, str] = field(repr=False)
    brake: Brake = field(default_factory=Brake)
    after: Afterwards = field(default_factory=Afterwards)

    @property
    def public_url(self) -> str:
        """The address under which people, pods and organisations reach us, with a trailing slash."""
        return str(self.settings.server.public_url)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of this installation: of the times on pages, and of the days that people choose."""
        return ZoneInfo(self.settings.server.time_zone)

    def space_iri(self, space_id: str) -> str:
        """The public address of a space."""
        return f"{self.public_url}spaces/{space_id}"

    def agent(self, space_id: str) -> str:
        """The WebID of a space: what pods grant access to."""
        return f"{self.space_iri(space_id)}/agent#it"

    def consent_iri(self, consent_id: str) -> str:
        """The public address of a consent."""
        return f"{self.public_url}consents/{consent_id}"
