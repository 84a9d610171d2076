"""ESS 3.x at the storage: a grant is a receipt, looked up at each request by canonical identifiers.

A resource stands below ``/<storage>/sp/`` by its path and below ``/<storage>/sc/`` by its canonical name. How
a client learns one from the other is not in the documentation that we read; here: ``Link rel=canonical``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from solidgate.pod.container import ancestors
from solidgate.testing.ess.credentials import Held, Vault


@dataclass(slots=True)
class Receipts:
    """See the module."""

    vault: Vault
    _paths: dict[str, str] = field(default_factory=dict)

    def canonical(self, url: str) -> str:
        """The canonical identifier of a resource that is named by its path; others stay as they are."""
        root, found, path = url.partition("/sp/")
        if not found:
            return url
        name = hashlib.sha256(path.encode()).hexdigest()[:32]
        made = f"{root}/sc/{name}{'/' if url.endswith('/') else ''}"
        self._paths[made] = url
        return made

    def path(self, url: str) -> str:
        """The path of a resource that is named by its canonical identifier; others stay as they are."""
        return self._paths.get(url, url)

    def modes(self, webid: str, url: str) -> frozenset[str]:
        """What the caller's grants in force say of this resource, now."""
        grants = [held for held in self.vault.all() if held.kind == "grant" and held.requestor == webid]
        found = {mode for held in grants if self._covers(held, url) for mode in held.asked.modes}
        return frozenset(found | ({"Append"} if "Write" in found else set()))

    def _covers(self, held: Held, url: str) -> bool:
        in_force = not self.vault.errors(held.document) and held.owner == self.vault.ground.owner_of(url)
        above = ancestors(url, 64) if held.asked.inherit is not False else ()
        return in_force and any(self.canonical(one) in held.asked.resources for one in (url, *above))
