"""When the next run of a space is due, by the schedule of its agreement."""

from __future__ import annotations

from datetime import datetime

from solidgate.consent.duration import after
from solidgate.space.rerun import cron_after, is_cron


def due(rerun: str, since: datetime) -> datetime:
    """The first time after ``since`` that a schedule names: a cron expression or an xsd:duration.

    Raises ``SpaceInvalid`` for anything else: ask ``is_schedule`` first.
    """
    return cron_after(rerun, since) if is_cron(rerun) else after(since, rerun)
