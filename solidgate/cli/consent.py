"""``solidgate consent …``: what only the operator can do to a consent."""

from __future__ import annotations

from typing import Literal

from solidgate.cli.common import DEFAULTS, Common
from solidgate.cli.operator import operate
from solidgate.consent.record import Reason
from solidgate.flow import invalidate as invalidate_flow
from solidgate.flow.world import World

_REASONS = {
    "wrong-person": Reason.WRONG_PERSON,
    "under-age": Reason.UNDER_AGE,
    "defective-notice": Reason.DEFECTIVE_NOTICE,
    "authority-decision": Reason.AUTHORITY_DECISION,
}


def invalidate(
    consent: str,
    *,
    reason: Literal["wrong-person", "under-age", "defective-notice", "authority-decision"],
    common: Common = DEFAULTS,
) -> None:
    """Declare a consent void: its work stops, its derived data leaves all queries, a receipt says why.

    Parameters
    ----------
    consent
        The consent's number, as it stands on its receipt.
    reason
        Why it is void.
    """

    async def act(world: World) -> None:
        await invalidate_flow.invalidate(world, consent, _REASONS[reason])

    operate(common.settings(), act)
    common.show({"consent": consent, "status": "invalidated", "reason": reason}, f"{consent}: invalidated")
