"""``solidgate erase`` and ``solidgate consent …``: a person's rights, answered by the operator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from cyclopts import Parameter

from solidgate.cli.common import DEFAULTS, Common
from solidgate.cli.operator import operate
from solidgate.consent.archive import Held
from solidgate.consent.erasure import ErasureReport
from solidgate.consent.rdf import to_turtle
from solidgate.errors import BadFile
from solidgate.flow import rights
from solidgate.flow.world import World
from solidgate.web.language import Language
from solidgate.web.rights import page_of


def erase(
    person: str,
    *,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    common: Common = DEFAULTS,
) -> None:
    """Erase everything that is held about a person, and print the signed report: no copy of it is kept.

    Parameters
    ----------
    person
        The WebID, or the person's id. Every account with this WebID is erased.
    dry_run
        Only say what would be removed, and what could not be recalled.
    """

    async def act(world: World) -> list[ErasureReport]:
        step = rights.rehearse if dry_run else rights.erase
        return [await step(world, person_id) for person_id in await rights.people(world, person)]

    reports = operate(common.settings(), act)
    common.show([asdict(report) for report in reports], "\n\n".join(_told(report) for report in reports))


def _told(report: ErasureReport) -> str:
    lines = [f"{count:6} {name}" for name, count in report.removed.items() if count]
    lines.append(f"{report.leaves_kept:6} audit entries; their unlinkable leaves stay")
    for name, places in asdict(report.reach).items():
        lines += [f"not recalled, {name}: {place}" for place in places]
    lines += [f"left to the operator: {part}" for part in report.left]
    return "\n".join([*lines, report.token] if report.token else ["Nothing was changed.", *lines])


def show(consent: str, *, common: Common = DEFAULTS) -> None:
    """Print a consent record as Turtle.

    Parameters
    ----------
    consent
        The consent's id, as in its address and on its receipt.
    """

    async def act(world: World) -> tuple[dict[str, Any], str]:
        async with world.store.transaction() as tx:
            stored = await tx.consents.one(consent)
            agreement = await tx.spaces.agreement(stored.record.agreement_digest)
        told = {"id": consent, "status": stored.record.latest.status.value, "space": stored.space_id}
        return told, to_turtle(stored.record, agreement).decode()

    told, turtle = operate(common.settings(), act)
    common.show({**told, "turtle": turtle}, turtle)


def export(
    person: str,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    language: Literal["en", "fr", "nl"] = "en",
    common: Common = DEFAULTS,
) -> None:
    """Write everything that is held about a person into a ZIP, for that person alone.

    Parameters
    ----------
    person
        The WebID, or the person's id; of several accounts, give the id.
    output
        The file to write; it must not exist.
    language
        The language of its page.
    """

    async def act(world: World) -> list[tuple[str, bytes]]:
        found = await rights.people(world, person)
        return [(one, await rights.export(world, one, page)) for one in found]

    def page(held: Held, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
        return page_of(held, files, Language(language, ZoneInfo(zone)))

    settings = common.settings()
    zone = settings.server.time_zone
    made = operate(settings, act)
    if len(made) > 1:
        raise BadFile(
            "several accounts have this WebID; give one of the ids: " + ", ".join(i for i, _ in made)
        )
    _write(output, made[0][1])
    common.show({"file": str(output), "bytes": len(made[0][1])}, f"{output}: {len(made[0][1])} bytes")


def _write(path: Path, content: bytes) -> None:
    try:
        path.touch(0o600, exist_ok=False)
        path.write_bytes(content)
    except OSError as fault:
        raise BadFile(f"{path}: {fault.strerror}") from fault
