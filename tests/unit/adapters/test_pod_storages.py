"""A person's storages when one of them may not be shown who they are."""

from __future__ import annotations

from typing import Any, cast

import pytest

from solidgate.adapters.clock import SystemClock
from solidgate.adapters.pod_storages import PodStorages
from solidgate.adapters.solid_requests import PodLimits, SolidRequests
from solidgate.errors import AuthorizationServerUntrusted, FetchTimedOut, NoStorage
from solidgate.pod.platform import Platform, ServerKind

GOOD, FOREIGN, PLAIN, LATE = (f"https://{name}.example/" for name in ("good", "foreign", "plain", "late"))


class Storages(PodStorages):
    """The rule alone: what the servers answer is laid ready."""

    def __init__(self, *found: str, controlled: tuple[str, ...]) -> None:
        self._found = found
        self._ours = controlled
        self._solid = self  # type: ignore[assignment]
        self._requests = SolidRequests(cast(Any, None), SystemClock(), PodLimits())

    async def storages(self, webid: str, access: Any = None, failed: Any = None) -> tuple[str, ...]:
        if access is not None and not set(self._ours) & {PLAIN}:
            raise NoStorage()
        return self._found if access is None else (PLAIN,)

    async def _granting(self, url: str) -> Platform | None:
        return None if url == PLAIN else Platform(ServerKind.ESS_3, url, url)

    async def _controls(self, access: Any, platform: Platform, url: str) -> bool:
        if url == FOREIGN:
            raise AuthorizationServerUntrusted("foreign")
        if url == LATE:
            raise FetchTimedOut()
        return url in self._ours


@pytest.mark.parametrize(
    ("found", "controlled"),
    [
        ((FOREIGN, GOOD), (GOOD,)),
        ((GOOD, FOREIGN), (GOOD,)),
        ((PLAIN, FOREIGN), (PLAIN,)),
        ((LATE, GOOD), (GOOD,)),
        ((LATE, PLAIN), (PLAIN,)),
    ],
)
async def test_a_foreign_storage_is_left_out_and_the_others_count(
    found: tuple[str, ...], controlled: tuple[str, ...]
) -> None:
    assert await Storages(*found, controlled=controlled).of("w", object()) == controlled  # type: ignore[arg-type]


async def test_where_no_other_is_left_the_person_is_told_why() -> None:
    with pytest.raises(AuthorizationServerUntrusted):
        await Storages(FOREIGN, GOOD, controlled=()).of("w", object())  # type: ignore[arg-type]
    with pytest.raises(FetchTimedOut):
        await Storages(GOOD, LATE, PLAIN, controlled=()).of("w", object())  # type: ignore[arg-type]
    with pytest.raises(NoStorage):
        await Storages(GOOD, controlled=()).of("w", object())  # type: ignore[arg-type]
