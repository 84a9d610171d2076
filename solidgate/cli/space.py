"""``solidgate space …`` and ``solidgate invite``: the operator's commands on this installation's database."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from solidgate.cli.common import DEFAULTS, Common
from solidgate.cli.operator import operate, space_policy
from solidgate.cli.organisation import NOBODY, Organisation
from solidgate.errors import BadFile
from solidgate.flow import invite as invite_flow
from solidgate.flow import space as space_flow
from solidgate.flow.space import SpaceView
from solidgate.flow.world import World
from solidgate.sdk.client import GateClient
from solidgate.sdk.folder import load_space
from solidgate.settings import Settings
from solidgate.space import lint
from solidgate.space.agreement import Agreement

Values = Annotated[list[str] | None, Parameter(name="--set", negative="")]


def create(
    file: Path,
    *,
    set_: Values = None,
    id_: Annotated[str, Parameter(name="--id")] = "",
    common: Common = DEFAULTS,
) -> None:
    """Make a space from its file.

    Parameters
    ----------
    file
        The space's description, .toml or .ttl.
    set_
        NAME=VALUE for a placeholder of the file; repeat it for each.
    id_
        Another id than the file's.
    """
    settings = common.settings()
    agreement = _agreement(settings, file, set_, id_)

    async def act(world: World) -> SpaceView:
        return await space_flow.show(world, await space_flow.create(world, agreement))

    _print(common, operate(settings, act))


def show(space: str, *, common: Common = DEFAULTS) -> None:
    """Print a space: its digests, its parties' approvals, what is missing.

    Parameters
    ----------
    space
        The space's id.
    """

    async def act(world: World) -> SpaceView:
        return await space_flow.show(world, space)

    _print(common, operate(common.settings(), act))


def publish(space: str, file: Path, *, set_: Values = None, common: Common = DEFAULTS) -> None:
    """Publish a new version of a space's agreement; earlier consents do not cover it.

    Parameters
    ----------
    space
        The space's id.
    file
        The space's description, .toml or .ttl; its version is counted up by itself.
    set_
        NAME=VALUE for a placeholder of the file; repeat it for each.
    """
    settings = common.settings()
    agreement = _agreement(settings, file, set_, space)

    async def act(world: World) -> SpaceView:
        before = (await space_flow.show(world, space)).agreement
        await space_flow.publish(world, space, replace(agreement, version=before.version + 1))
        return await space_flow.show(world, space)

    _print(common, operate(settings, act))


def close(space: str, *, common: Common = DEFAULTS) -> None:
    """Close a space: nothing new is asked, decided or run in it.

    Parameters
    ----------
    space
        The space's id.
    """

    async def act(world: World) -> SpaceView:
        await space_flow.close(world, space)
        return await space_flow.show(world, space)

    _print(common, operate(common.settings(), act))


def invite(
    space: str,
    *,
    uses: int = 1,
    days: int = 14,
    organisation: Organisation = NOBODY,
    common: Common = DEFAULTS,
) -> None:
    """Make an invitation; its link is printed once and cannot be looked up later.

    With --gate it is made over HTTP by the organisation, else by the operator on this installation.

    Parameters
    ----------
    space
        The space's id.
    uses
        How often it opens; 0 is any number until its end.
    days
        Days until its end.
    """
    if organisation.gate:

        async def ask(client: GateClient) -> str:
            return await client.invite(space, uses=uses, days=days)

        link = organisation.call(ask)
    else:
        settings = common.settings()

        async def act(world: World) -> str:
            return await invite_flow.invite(world, None, space, uses=uses, days=days)

        link = f"{settings.server.public_url}join/{operate(settings, act)}"
    common.show({"space": space, "link": link, "uses": uses, "days": days}, link)


def _agreement(settings: Settings, file: Path, given: list[str] | None, space_id: str) -> Agreement:
    policy = space_policy(settings)
    agreement = load_space(file, policy, _values(given or [])).agreement
    if not space_id:
        return agreement
    renamed = replace(agreement, space=space_id)
    lint.check(renamed, policy)
    return renamed


def _values(given: list[str]) -> dict[str, str]:
    if broken := [pair for pair in given if "=" not in pair]:
        raise BadFile(f"--set takes NAME=VALUE, not {broken[0]!r}")
    return dict(pair.split("=", 1) for pair in given)


def _print(common: Common, space: SpaceView) -> None:
    agreement = space.agreement
    facts: dict[str, Any] = {
        "space": space.space_id,
        "url": space.iri,
        "agent": space.agent,
        "state": space.state,
        "version": agreement.version,
        "agreement_digest": space.agreement_digest,
        "algorithm_digest": agreement.algorithm,
        "parties": [{"name": one.name, "roles": sorted(one.roles)} for one in agreement.parties],
        "missing": list(space.missing),
    }
    waits = f"waits for the approval of: {', '.join(space.missing)}" if space.missing else "approved by all"
    common.show(
        facts,
        f"{space.space_id}: {space.state}, version {agreement.version}, {waits}\n"
        f"  at        {space.iri}\n"
        f"  agreement {space.agreement_digest}\n"
        f"  algorithm {agreement.algorithm}",
    )
