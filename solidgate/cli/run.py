"""``solidgate run start`` and ``solidgate run show``: over HTTP, as the organisation."""

from __future__ import annotations

from typing import Any

from solidgate.cli.common import DEFAULTS, Common
from solidgate.cli.organisation import NOBODY, Organisation
from solidgate.sdk.client import GateClient


def start(space: str, *, organisation: Organisation = NOBODY, common: Common = DEFAULTS) -> None:
    """Begin a run over everybody whose consent holds now.

    Parameters
    ----------
    space
        The space's id.
    """

    async def act(client: GateClient) -> str:
        return await client.start_run(space)

    run = organisation.call(act)
    common.show({"space": space, "run": run}, run)


def show(space: str, run: str, *, organisation: Organisation = NOBODY, common: Common = DEFAULTS) -> None:
    """Print how far a run is, in counts; small counts are withheld.

    Parameters
    ----------
    space
        The space's id.
    run
        The run's id.
    """

    async def act(client: GateClient) -> dict[str, Any]:
        return await client.run(space, run)

    found = organisation.call(act)
    counts = {**found.get("counts", {}), **found.get("outcomes", {})}
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    common.show(found, f"{run}: {found.get('state', '')}{': ' if told else ''}{told}")
