"""What a receipt is called, by how its consent stands: a refusal is no consent."""

from __future__ import annotations

from collections.abc import Mapping

from solidgate.consent.status import ConsentStatus
from solidgate.web.language import mark

_GIVEN = mark("Consent receipt")
_ENDED = mark("Receipt of a consent that has ended")
_OTHERWISE: Mapping[ConsentStatus, str] = {
    ConsentStatus.REFUSED: mark("Receipt of your refusal"),
    ConsentStatus.WITHDRAWN: mark("Receipt of your withdrawal"),
    ConsentStatus.REVOKED: _ENDED,
    ConsentStatus.EXPIRED: _ENDED,
    ConsentStatus.INVALIDATED: _ENDED,
}


def called(status: ConsentStatus) -> str:
    """The heading of a receipt, as it is in the catalogues."""
    return _OTHERWISE.get(status, _GIVEN)
