"""What a yes would send, shown before the answer: the documents as they are now, read as the person.

Nothing is stored. The documents pass through this process as bytes and are parsed in the sandbox only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from solidgate.algorithm.manifest import Manifest
from solidgate.algorithm.pack import unpack
from solidgate.consent.request import AskedResource, ConsentRequest
from solidgate.errors import (
    AlgorithmNotFound,
    FetchTimedOut,
    PodNotFound,
    PodUnreadable,
    ResourceNotAsked,
    SolidgateError,
    StorageNotChosen,
)
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.pod.resource import Document, ResourceState
from solidgate.sandbox.limits import Limits
from solidgate.sandbox.table import Asked, Bounds, Table, Value
from solidgate.space.agreement import Agreement

State = Literal["read", "missing", "empty", "unreadable"]
Names = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class PreviewedResource:
    """One document as it is now. ``total`` counts what is asked in it, ``others`` what is not.

    ``rows`` are all of ``total`` or the first of them; ``problem`` is an error code when it was not read.
    ``raw`` is the document's own text unless it is too long for a page. ``names`` is what the program's
    shapes call what stands in ``rows``, by language.
    """

    number: int
    url: str
    title: Mapping[str, str]
    required: bool
    state: State
    media_type: str | None = None
    size: int | None = None
    etag: str | None = None
    modified: datetime | None = None
    rows: tuple[Value, ...] = field(default=(), repr=False)
    total: int = 0
    others: int = 0
    raw: str | None = field(default=None, repr=False)
    problem: str | None = None
    names: Names = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preview:
    """Some of the documents of a request, from number ``first`` on, of ``count`` in all.

    ``declared`` says whether the program states what it looks for in a document.
    """

    request_id: str
    resources: tuple[PreviewedResource, ...]
    first: int
    count: int
    declared: bool


@dataclass(frozen=True, slots=True)
class _Listed:
    number: int
    asked: AskedResource
    title: Mapping[str, str]


async def preview(world: World, session: Session, request_id: str, *, first: int = 1) -> Preview:
    """The documents of this person's request, each with the exact values that are asked in it.

    A document that cannot be read has a state and a code; it never hides the others. Raises
    ``RequestNotFound``.
    """
    request, agreement, asked = await _question(world, session, request_id)
    listed = _listed(request, agreement)
    shown = listed[first - 1 : first - 1 + world.settings.preview.resources]
    deadline = asyncio.get_running_loop().time() + world.settings.preview.seconds
    turns = asyncio.Semaphore(world.settings.http.per_origin)

    async def one(listed: _Listed) -> PreviewedResource:
        async with turns:
            return await _previewed(world, session, listed, asked, deadline)

    found = await asyncio.gather(*(one(listed) for listed in shown))
    declared = bool(asked.shapes or asked.classes)
    return Preview(request_id, tuple(found), first, len(listed), declared)


async def document(world: World, session: Session, request_id: str, number: int) -> Document:
    """One document of the request whole, byte for byte. Raises ``ResourceNotAsked`` and faults of the pod."""
    request, agreement, _ = await _question(world, session, request_id)
    for listed in _listed(request, agreement):
        if listed.number == number:
            limit = world.settings.pull.max_resource_bytes
            return await world.pods.read(session.access, listed.asked.url, max_bytes=limit)
    raise ResourceNotAsked


async def _question(
    world: World, session: Session, request_id: str
) -> tuple[ConsentRequest, Agreement, Asked]:
    """The request, its terms, and what the program says it looks for."""
    async with world.store.transaction() as tx:
        request, _ = await tx.requests.one(request_id, session.person_id)
        if not request.storage:
            raise StorageNotChosen()
        agreement = await tx.spaces.agreement(request.agreement_digest)
        try:
            package = await tx.spaces.package(request.space_id, agreement.algorithm)
        except AlgorithmNotFound:
            return request, agreement, Asked()
    program = unpack(package, expected=agreement.algorithm)
    return request, agreement, declaration(program.manifest, program.files)


def declaration(manifest: Manifest, files: Mapping[str, bytes]) -> Asked:
    """What the manifest's ``inputs`` name: shapes files of the package, and classes."""
    shapes = tuple(files[name] for name in manifest.inputs if name in files)
    return Asked(shapes, tuple(name for name in manifest.inputs if name not in files))


def _listed(request: ConsentRequest, agreement: Agreement) -> Sequence[_Listed]:
    """The documents in the order of the request, each once, numbered from 1."""
    titles = {need.key: need.title for purpose in agreement.purposes for need in purpose.needs}
    merged: dict[str, AskedResource] = {}
    for _, resources in request.resources:
        for one in resources:
            if one.url and (one.url not in merged or one.required):
                merged[one.url] = one
    return [
        _Listed(number, one, titles.get(one.key, {})) for number, one in enumerate(merged.values(), start=1)
    ]


async def _previewed(
    world: World, session: Session, listed: _Listed, asked: Asked, deadline: float
) -> PreviewedResource:
    try:
        async with asyncio.timeout_at(deadline):
            return await _read(world, session, listed, asked)
    except PodNotFound:
        return _absent(listed, "missing")
    except TimeoutError:
        return _absent(listed, "unreadable", FetchTimedOut.code)
    except SolidgateError as fault:
        return _absent(listed, "unreadable", fault.code)


def _absent(listed: _Listed, state: State, problem: str | None = None) -> PreviewedResource:
    return PreviewedResource(
        listed.number, listed.asked.url, listed.title, listed.asked.required, state, problem=problem
    )


async def _read(world: World, session: Session, listed: _Listed, asked: Asked) -> PreviewedResource:
    """Exactly what a run would read: the same request to the pod, the same bound, the same parser."""
    url, limit = listed.asked.url, world.settings.pull.max_resource_bytes
    try:
        document = await world.pods.read(session.access, url, max_bytes=limit)
    except PodUnreadable as fault:
        return _unread(listed, await _state(world, session, url), fault.code)
    try:
        table = await world.sandbox.preview(document, asked, bounds(world), parse_limits(world))
    except SolidgateError as fault:
        return _shown(world, listed, document, Table((), 0, 0), "unreadable", fault.code)
    state: State = "read" if table.total or table.others else "empty"
    return _shown(world, listed, document, table, state)


async def _state(world: World, session: Session, url: str) -> ResourceState:
    with suppress(SolidgateError):
        return await world.pods.state(session.access, url)
    return ResourceState(url, exists=True)


def _unread(listed: _Listed, state: ResourceState, problem: str) -> PreviewedResource:
    return PreviewedResource(
        listed.number,
        state.url,
        listed.title,
        listed.asked.required,
        "unreadable",
        state.media_type,
        state.size,
        state.etag,
        state.modified,
        problem=problem,
    )


def _shown(
    world: World,
    listed: _Listed,
    document: Document,
    table: Table,
    state: State,
    problem: str | None = None,
) -> PreviewedResource:
    limits = world.settings.preview
    rows = table.rows if table.total <= limits.whole_rows else table.rows[: limits.rows]
    return PreviewedResource(
        listed.number,
        document.url,
        listed.title,
        listed.asked.required,
        state,
        document.media_type,
        len(document.content),
        document.etag,
        document.modified,
        rows,
        table.total,
        table.others,
        _text(document.content, limits.raw_bytes),
        problem,
        names_of(table),
    )


def names_of(table: Table) -> Names:
    """The names in a table by term, then by language."""
    found: dict[str, dict[str, str]] = {}
    for one in table.names:
        found.setdefault(one.term, {})[one.language] = one.text
    return found


def _text(content: bytes, most: int) -> str | None:
    if len(content) > most:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def bounds(world: World) -> Bounds:
    """How much of one document is shown."""
    limits = world.settings.preview
    return Bounds(max(limits.rows, limits.whole_rows), limits.value_characters)


def parse_limits(world: World) -> Limits:
    """What parsing one document may use."""
    limits = world.settings.preview
    return Limits(limits.cpu_seconds, limits.wall_seconds, limits.memory_bytes)
