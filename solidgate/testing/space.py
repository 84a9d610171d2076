"""The example space as tests set it up: its terms, its approved program, an invitation, and who says yes."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

from solidgate.adapters.enclave_keys import SealedEnclaveKeys
from solidgate.algorithm.digest import digest
from solidgate.algorithm.manifest import MANIFEST, Program
from solidgate.algorithm.pack import pack
from solidgate.assets import asset
from solidgate.flow import ask, consent, invite
from solidgate.flow import space as spaces
from solidgate.flow.journey import Enclave
from solidgate.flow.record import ConsentView
from solidgate.flow.world import World
from solidgate.identity.login import Caller, Session
from solidgate.run.signpost import Kind
from solidgate.sdk.folder import read_algorithm
from solidgate.space.agreement import Agreement
from solidgate.space.canonical import sha256_digest
from solidgate.space.participant import Party, Role
from solidgate.space.purpose import Purpose, ResourceNeed
from solidgate.testing import terms
from solidgate.testing.energy import energy_documents
from solidgate.testing.terms import OWNER, sample_agreement

CONSUMER = Caller(terms.CONSUMER)
SPACE = "home-energy"
ALL_DOCUMENTS = len(energy_documents(1))


def program_of(*, uses_now: bool = True) -> Program:
    """The example's program; one that says ``uses_now = false`` is another program."""
    program = read_algorithm(asset("examples", "home-energy", "algorithm"))
    if uses_now:
        return program
    manifest = dataclasses.replace(program.manifest, uses_now=False)
    files = {**program.files, MANIFEST: b"uses_now = false\n" + program.files[MANIFEST]}
    return Program(digest(manifest, files), manifest, files, program.executables)


def is_signpost(url: str) -> bool:
    """Whether this is one of the documents that lead to the results of the example space."""
    return any(url.endswith(f"/{kind.value}-{SPACE}.ttl") for kind in Kind)


def agreement_of(
    *purposes: str,
    documents: int = ALL_DOCUMENTS,
    program: Program | None = None,
    needs: tuple[ResourceNeed, ...] = (),
) -> Agreement:
    """Terms of the example space with these purposes, all with these needs, or on the same documents."""
    program = program or program_of()
    manifest = program.manifest
    needs = needs or tuple(
        ResourceNeed(path, {"en": path}, ("https://w3id.org/dpv/pd#Household",))
        for path in list(energy_documents(1))[:documents]
    )
    kind = "https://w3id.org/dpv#ServicePersonalisation"
    return dataclasses.replace(
        sample_agreement(SPACE),
        purposes=tuple(Purpose(one, {"en": one}, {"en": "to compare"}, kind, needs) for one in purposes),
        languages=("en",),
        algorithm=program.digest,
        output_shape=sha256_digest(program.files[manifest.output_shapes]),
        aggregate_shape=sha256_digest(program.files[manifest.aggregate_shapes]),
        parameters=dict(manifest.parameters),
        min_group_size=2,
        parties=(
            Party(OWNER, "Owner", frozenset({Role.OWNER, Role.CODE_PROVIDER, Role.CONTROLLER})),
            Party(CONSUMER.webid, "Consumer", frozenset({Role.DATA_CONSUMER})),
        ),
    )


async def open_space(world: World, agreement: Agreement, program: Program | None = None) -> str:
    """The space stands and its program is approved: the token of an invitation that is not used up."""
    program = program or program_of()
    await spaces.create(world, agreement)
    package = pack(program.files, program.executables)
    submitted = await spaces.submit_algorithm(world, Caller(OWNER), agreement.space, package)
    await approve(world, submitted, agreement.space)
    return await invite.invite(world, None, agreement.space, uses=0, days=1)


async def approve(world: World, program: str, space: str = SPACE) -> None:
    """Both parties approve the program under the terms that hold now."""
    view = await spaces.show(world, space)
    for caller in (Caller(OWNER), CONSUMER):
        await spaces.approve(world, caller, space, view.agreement_digest, program, "approve")


async def new_terms(world: World, **changes: Any) -> None:
    """A second version of the terms, approved by both; other words unless ``changes`` say what is new."""
    agreement = (await spaces.show(world, SPACE)).agreement
    changes = {"version": agreement.version + 1, **(changes or {"terms": {"en": "Other terms."}})}
    await spaces.publish(world, SPACE, dataclasses.replace(agreement, **changes))
    await approve(world, agreement.algorithm)


async def join(
    world: World, session: Session, token: str, yes: Collection[str] | None = None
) -> tuple[ConsentView, ...]:
    """Somebody opens the invitation, is asked, and answers as in ``answer``."""
    return await answer(world, session, await ask.ask(world, session, token), yes)


async def answer(
    world: World, session: Session, request_id: str, yes: Collection[str] | None = None, **more: Any
) -> tuple[ConsentView, ...]:
    """Yes to these purposes of what is asked now, or to all; no to the others. ``more`` is of the form."""
    shown = await consent.review(world, session, request_id, "en")
    return await consent.answer(
        world,
        session,
        request_id,
        shown=shown.notice.digest,
        language="en",
        answers={one.id: yes is None or one.id in yes for one in shown.purposes},
        **more,
    )


def enclave_of(world: World) -> Enclave:
    """What a worker holds, with keys sealed under a key of the test."""
    return Enclave(world, SealedEnclaveKeys(world.store, b"k" * 32, world.clock, world.public_url))
