"""Each: the same work for many, where nobody's fault holds up anybody else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import structlog
from prometheus_client import Counter

from solidgate.errors import InternalFault, SolidgateError

FAILED = Counter("solidgate_work_failed", "Work for one of many that failed, by its event.", ["event"])
_log = structlog.get_logger()


async def each(items: Iterable[str], work: Callable[[str], Awaitable[object]], event: str) -> int:
    """Do the work for every item; what fails is logged and counted under ``event``. For how many it was done.

    An item is an id: it stands in the log as it is.
    """
    done = 0
    for item in items:
        try:
            await work(item)
        except SolidgateError as fault:
            FAILED.labels(event).inc()
            _log.warning(event, task=item, code=fault.code)
        except Exception as fault:  # noqa: BLE001 - whatever broke here is this item's alone
            FAILED.labels(event).inc()
            _log.error(event, task=item, code=InternalFault.code, exc_info=fault)
        else:
            done += 1
    return done
