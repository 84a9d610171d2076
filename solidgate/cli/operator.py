"""What the operator's own commands share: this installation's database, and what it lets spaces ask for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

from solidgate.adapters.postgres import shared_postgres
from solidgate.adapters.sql.engine import migrate_now
from solidgate.assets import asset
from solidgate.compose import open_world
from solidgate.flow.world import World
from solidgate.settings import Settings
from solidgate.space.policy import SpacePolicy
from solidgate.space.vocabulary import below
from solidgate.vocab import DPV

T = TypeVar("T")


def operate(settings: Settings, act: Callable[[World], Awaitable[T]]) -> T:
    """Do one thing in this installation, beside a running ``serve`` or without one."""
    settings.server.data_folder.mkdir(parents=True, exist_ok=True)
    with shared_postgres(settings.database.url.get_secret_value(), settings.server.data_folder) as url:
        migrate_now(url)
        return asyncio.run(_act(settings, url, act))


async def _act(settings: Settings, url: str, act: Callable[[World], Awaitable[T]]) -> T:
    async with open_world(settings, url) as world:
        return await act(world)


def space_policy(settings: Settings) -> SpacePolicy:
    """The limits for spaces of this installation, with the purposes and data categories that it knows."""
    terms = (asset("ontologies", "external-terms.ttl").read_bytes(),)
    return SpacePolicy(
        purposes=below(terms, DPV.Purpose.value) - {DPV.Purpose.value},
        special=below(terms, DPV.SpecialCategoryPersonalData.value),
        longest_validity=_in_days(settings.consent.max_validity),
        smallest_group=settings.spaces.min_group_size,
        plain_http=settings.http.allow_private_addresses,
        shortest_rerun_minutes=settings.notifications.shortest_rerun_minutes,
    )


def _in_days(duration: str) -> str:
    """A setting's duration without weeks, which xsd:duration does not have."""
    found = re.search(r"(\d+)W(?:(\d+)D)?", duration)
    return (
        duration
        if found is None
        else duration.replace(found[0], f"{int(found[1]) * 7 + int(found[2] or 0)}D")
    )
