"""Invitations: a link that lets a person see what is asked, and nothing else."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass

from solidgate.errors import InvitationInvalid
from solidgate.flow import space
from solidgate.flow.space import SpaceView
from solidgate.flow.world import World
from solidgate.identity.login import Caller
from solidgate.space import invitation
from solidgate.space.participant import Role


@dataclass(frozen=True, slots=True)
class Landing:
    """What the holder of an invitation sees before any login."""

    space: SpaceView
    token: str

    def __repr__(self) -> str:
        return f"Landing({self.space.space_id})"


async def invite(world: World, caller: Caller | None, space_id: str, *, uses: int, days: int) -> str:
    """A new invitation's token; ``uses`` 0 means any number until its end.

    ``caller`` is None only for the operator's own command line.
    """
    token = invitation.token_of(secrets.token_bytes(invitation.TOKEN_BYTES))
    made = invitation.invite(uuid.uuid4().hex, space_id, token, now=world.clock.now(), uses=uses, days=days)
    async with world.store.transaction() as tx:
        view = await space.view(world, tx, space_id)
        space.require_open(view)
        if caller is not None:
            space.require_role(view, caller, Role.OWNER, Role.DATA_CONSUMER)
        await tx.spaces.invite(made)
    return token


async def landing(world: World, token: str) -> Landing:
    """What the invitation leads to. Raises ``InvitationInvalid``, also when its space is closed."""
    async with world.store.transaction() as tx:
        # Until its date also without uses left: the page says nothing about who followed the invitation.
        space_id = await tx.spaces.invited_to(token, world.clock.now(), used_up=True)
        view = await space.view(world, tx, space_id)
    if view.state != "open":
        raise InvitationInvalid()
    return Landing(view, token)
