"""What an owner decides: a grant, less than was asked, or a denial; and what else approving does in 2.x."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from solidgate.testing.ess.consents import listed
from solidgate.testing.ess.credentials import Held, Vault
from solidgate.testing.ess.host import Problem
from solidgate.testing.ess.statements import Statement
from solidgate.testing.ess.storage_access import StorageAccess


@dataclass(slots=True)
class Answers:
    """See the module. Both raise ``KeyError`` for what is no request of this issuer."""

    vault: Vault
    access: StorageAccess

    def approve(
        self,
        request_id: str,
        modes: Sequence[str] | None,
        resources: Sequence[str] | None,
        expires: datetime | None,
    ) -> Held:
        """A grant; what is not given is as it was asked for."""
        asked = self._request(request_id)
        given = replace(
            asked.asked,
            modes=asked.asked.modes if modes is None else tuple(modes),
            resources=asked.asked.resources if resources is None else tuple(listed(resources)),
            templates=(),
            party=asked.creator,
            request=asked.id,
        )
        if not given.modes or not given.resources:
            raise Problem(400, "A grant needs a mode and a resource.")
        ground, end = self.vault.ground, expires or asked.statement.expires
        if ground.uma:
            for resource in given.resources:
                inherit = given.inherit is not False
                self.access.open_to_grants(resource, frozenset(given.modes), inherit=inherit)
        return self.vault.issue(Statement("grant", asked.owner, given, ground.now(), end))

    def deny(self, request_id: str) -> Held:
        """A denial, of all that was asked for."""
        asked = self._request(request_id)
        refused = replace(asked.asked, party=asked.creator, request=asked.id)
        now, end = self.vault.ground.now(), asked.statement.expires
        return self.vault.issue(Statement("denial", asked.owner, refused, now, end))

    def _request(self, identifier: str) -> Held:
        held = self.vault.get(identifier)
        if held is None or held.kind != "request":
            raise KeyError(identifier)
        return held
