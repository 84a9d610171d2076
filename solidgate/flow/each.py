"""Each: the same work for many, where nobody's fault holds up anybody else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import structlog

from solidgate.errors import InternalFault, SolidgateError

_log = structlog.get_logger()


async def each(items: Iterable[str], work: Callable[[str], Awaitable[object]], event: str) -> int:
    """Do the work for every item and log what fails, under ``event``; for how many it was done."""
    done = 0
    for item in items:
        try:
            await work(item)
        except SolidgateError as fault:
            _log.warning(event, task=item, code=fault.code)
        except Exception as fault:  # noqa: BLE001 - whatever broke here is this item's alone
            _log.error(event, task=item, code=InternalFault.code, exc_info=fault)
        else:
            done += 1
    return done
