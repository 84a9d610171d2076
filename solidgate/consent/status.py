"""The states of a consent and the moves between them: facts, not flags.

::

    REQUESTED --> DEFERRED, REFUSED, GIVEN, RENEWED, REVOKED, EXPIRED
    DEFERRED  --> REFUSED, GIVEN, RENEWED, REVOKED, EXPIRED
    GIVEN     --> WITHDRAWN, EXPIRED, REVOKED, INVALIDATED
    RENEWED   --> WITHDRAWN, EXPIRED, REVOKED, INVALIDATED
    REFUSED, WITHDRAWN, EXPIRED, REVOKED, INVALIDATED: final for their record

``UNKNOWN`` is computed when a record cannot be verified; it is never stored as an event.
"""

from __future__ import annotations

from enum import StrEnum


class ConsentStatus(StrEnum):
    """DPV's consent statuses; ``valid_for_processing`` only for two."""

    REQUESTED = "requested"
    DEFERRED = "deferred"
    GIVEN = "given"
    RENEWED = "renewed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    EXPIRED = "expired"
    INVALIDATED = "invalidated"
    UNKNOWN = "unknown"

    @property
    def valid_for_processing(self) -> bool:
        """dpv:ConsentStatusValidForProcessing."""
        return self in (ConsentStatus.GIVEN, ConsentStatus.RENEWED)
