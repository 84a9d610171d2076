"""One door at a pod: opened, closed and looked at, each time by reading back.

Each resource says by itself which access control it is under; what the door means there is the ``Kind``'s.
"""

from __future__ import annotations

from contextlib import suppress

from solidgate.adapters.access_documents import AccessDocuments, Control, SeenDocument
from solidgate.adapters.acp_door import AcpDoor
from solidgate.adapters.door_kind import Kind
from solidgate.adapters.door_spelling import check_form, check_names, same_as
from solidgate.adapters.holds_control import told_modes
from solidgate.adapters.refused_credentials import NOT_AUTHENTICATED
from solidgate.adapters.solid_requests import GONE, SolidRequests, fault
from solidgate.adapters.wac_door import WacDoor
from solidgate.errors import (
    AccessControlRefused,
    AccessControlUnsupported,
    AddressSpelledOtherwise,
    DoorNotOpen,
    PodConflict,
    PodForbidden,
)
from solidgate.pod.access_control import AccessControl, AccessDocument
from solidgate.pod.alias import named_too, other_addresses
from solidgate.pod.by_hand import Paste, paste
from solidgate.pod.door import READ_AND_WRITE, READ_ONLY, Door, DoorState, Mode
from solidgate.pod.etag import ABSENT, unchanged
from solidgate.ports import Access

Seen = tuple[frozenset[Mode], frozenset[Mode]]
_NOTHING: Seen = (frozenset(), frozenset())


class PodDoor:
    """The access that ``door`` lists, handled as the agent of ``access``."""

    def __init__(self, requests: SolidRequests, access: Access, door: Door) -> None:
        self._requests, self._access, self._door = requests, access, door
        self._documents = AccessDocuments(requests, access)
        self._kinds: dict[AccessControl, Kind] = {
            AccessControl.WAC: WacDoor(self._documents, door),
            AccessControl.ACP: AcpDoor(self._documents, door),
        }
        # What was read after the last write of this door: the state of these is known already.
        self._read_back: dict[str, SeenDocument] = {}
        self._read = tuple(url for url in dict.fromkeys(door.read) if url != door.write)
        self._wanted = [(url, READ_ONLY) for url in self._read]
        self._wanted += [(door.write, READ_AND_WRITE)] if door.write is not None else []

    def check(self) -> None:
        """Before anything is made or written. Raises ``AddressSpelledOtherwise``."""
        check_form(target for target, _ in self._wanted)

    async def open(self) -> None:
        """Documents first: should one lie below the container, its own list copies what was before."""
        await self._requests.each(self._read, self._open_document)
        if self._door.write is not None:
            await self._open(self._door.write, READ_AND_WRITE)

    async def close(self) -> None:
        """The container first, so that documents below it inherit again what they inherited before."""
        if self._door.write is not None:
            await self._close(self._door.write)
            self._documents.forget(self._door.write)
        await self._requests.each(self._read, self._close)

    async def state(self) -> DoorState:
        """For the owner by the documents themselves; for the agent, who cannot read them, by HEAD."""
        wanted = self._wanted
        as_agent = self._access.webid == self._door.agent
        found = await self._requests.each(wanted, self._seen_by_agent if as_agent else self._seen_by_owner)
        counted = [(need, seen) for (_, need), seen in zip(wanted, found, strict=True) if seen is not None]
        if counted and all(need <= surely for need, (surely, _) in counted):
            return DoorState.OPEN
        return DoorState.PARTIAL if any(maybe for _, (_, maybe) in counted) else DoorState.CLOSED

    async def by_hand(self) -> tuple[Paste, ...]:
        """What the owner would have to put there, for every resource that the agent cannot use yet."""
        found = await self._requests.each(self._wanted, self._pastes)
        return tuple(one for pastes in found for one in pastes)

    # --- opening ----------------------------------------------------------------------------------------

    async def _open_document(self, target: str) -> None:
        await self._open(target, READ_ONLY)

    async def _open(self, target: str, modes: frozenset[Mode]) -> None:
        for _ in range(self._requests.limits.write_rounds):
            control = await self._documents.control(target)
            if not control.exists:
                return
            if control.url is None:
                raise AccessControlUnsupported("the resource names no access control list")
            seen = await self._documents.read(control.url)
            kind = self._kinds[seen.kind]
            wanted = await self._whole(kind, seen, control.url, target, modes)
            if seen.document is not None and set(seen.document.triples) == set(wanted.triples):
                self._read_back[target] = seen
                return
            condition = ABSENT if seen.document is None else unchanged(seen.etag)
            if await self._documents.put(wanted, condition):
                self._read_back[target] = await self._kept(kind, seen, wanted, target, modes)
                return
        raise PodConflict("the access control list changed at every attempt")

    async def _whole(
        self, kind: Kind, seen: SeenDocument, url: str, target: str, modes: frozenset[Mode]
    ) -> AccessDocument:
        """What must stand at ``url``, once it is sure that the pod calls ``target`` as we do."""
        known = await kind.known(seen.document, target)
        if known is None:
            raise AddressSpelledOtherwise("its access control list names it otherwise")
        same = await same_as(self._requests, self._access, target)
        await check_names(self._requests, self._access, target, known, same)
        wanted = await kind.opened(seen.document, url, target, modes)
        return named_too(wanted, target, same) if same else wanted

    async def _kept(
        self,
        kind: Kind,
        before: SeenDocument,
        wanted: AccessDocument,
        target: str,
        modes: frozenset[Mode],
    ) -> SeenDocument:
        """What is there now. Should the owner have lost by it, what was there ``before`` is put back."""
        try:
            seen = await self._documents.read(wanted.url)
        except AccessControlRefused as refusal:
            back = await self._documents.put_back(before.document, wanted.url, None)
            raise DoorNotOpen(f"the pod took the access control list and shows it no more{back}") from refusal
        kept = seen.document
        if kept is not None and not await self._owner_keeps(kind, kept, target):
            back = await self._documents.put_back(before.document, wanted.url, seen.etag)
            raise DoorNotOpen(f"the pod's access control list no longer serves its owner{back}")
        if kept is None or not await kind.keeps(kept, target, modes):
            raise DoorNotOpen("the pod took the access control list and gives back another")
        return seen

    async def _owner_keeps(self, kind: Kind, kept: AccessDocument, target: str) -> bool:
        """By what is written, and by what the pod makes of it: it still lets the owner in."""
        if not await kind.keeps_owner(kept, target):
            return False
        for address in (target, *other_addresses(target)):
            reply = await self._requests.head(self._access, address)
            if reply.status in GONE and address != target:
                continue
            told = told_modes(reply)
            if reply.status in (401, 403) or (told is not None and Mode.CONTROL not in told):
                return False
        return True

    # --- closing ----------------------------------------------------------------------------------------

    async def _close(self, target: str) -> None:
        """Each round reads the document again; the one that finds nothing to take back is the proof."""
        control = await self._documents.control(target)
        if control.url is None:
            return
        for _ in range(self._requests.limits.write_rounds):
            self._read_back[target] = seen = await self._documents.read(control.url)
            if seen.document is None:
                return
            kind = self._kinds[seen.kind]
            left = kind.closed(seen.document)
            if set(left.triples) == set(seen.document.triples):
                return
            del self._read_back[target]
            await self._leave(left, seen.etag, removed=await kind.may_be_removed(left, target))

    async def _leave(self, left: AccessDocument, etag: str | None, *, removed: bool) -> None:
        if removed:
            # A pod that keeps a document for each resource does not let it be deleted: then what is left is
            # written, which means the same.
            with suppress(AccessControlRefused):
                await self._documents.delete(left.url, unchanged(etag))
                return
        await self._documents.put(left, unchanged(etag))

    # --- looking ----------------------------------------------------------------------------------------

    async def _seen_by_owner(self, wanted: tuple[str, frozenset[Mode]]) -> Seen | None:
        """What the documents say of the agent; ``None`` for a resource that is not there."""
        target, need = wanted
        seen = self._read_back.get(target)
        if seen is None:
            control = await self._documents.control(target)
            if not control.exists:
                return None
            if control.url is None:
                raise AccessControlUnsupported("the resource names no access control list")
            seen = await self._documents.read(control.url)
        return await self._kinds[seen.kind].given(seen.document, target, need)

    async def _seen_by_agent(self, wanted: tuple[str, frozenset[Mode]]) -> Seen | None:
        target, need = wanted
        reply = await self._requests.head(self._access, target)
        if reply.status == NOT_AUTHENTICATED:  # it tells nothing about the door
            raise self._requests.not_believed(reply)
        if reply.status == 403:
            return _NOTHING
        if reply.status in GONE:
            return READ_ONLY, READ_ONLY
        if reply.status != 200:
            raise fault(reply)
        have = told_modes(reply)
        if have is None:
            # The header is optional (WAC section 5.1), and ACP has none: being let in tells of Read only.
            shut = Mode.WRITE in need and not await self._may_write(target)
            have = READ_ONLY if shut else need
        return have, have

    async def _may_write(self, container: str) -> bool:
        """Asked with a write that can do nothing: to make the container that is there already.

        Whoever may write hears that it is there (409 or 412), whoever may not is refused first. A server
        that says neither leaves it open.
        """
        headers = {"Content-Type": "text/turtle", **ABSENT}
        reply = await self._requests.write("PUT", self._access, container, headers, b"")
        if reply.status == NOT_AUTHENTICATED:
            raise self._requests.not_believed(reply)
        if reply.status in (429, *range(500, 600)) and reply.status != 501:
            raise fault(reply)
        return reply.status != 403

    # --- by hand ----------------------------------------------------------------------------------------

    async def _pastes(self, wanted: tuple[str, frozenset[Mode]]) -> list[Paste]:
        target, modes = wanted
        check_form((target,))
        try:
            control = await self._documents.control(target)
        except AccessControlUnsupported:
            control = Control(exists=True, url=None, is_storage=False, tells_modes=False)
        if not control.exists:
            return []
        if control.url is None:
            return self._unseen(wanted, None, AccessControl.WAC if control.tells_modes else None)
        try:
            seen = await self._documents.read(control.url)
            kind = self._kinds[seen.kind]
            surely, _ = await kind.given(seen.document, target, modes)
            if modes <= surely:
                return []
            whole = await self._whole(kind, seen, control.url, target, modes)
        except (AccessControlRefused, PodForbidden):
            said = await self._documents.kind(control.url)
            return self._unseen(
                wanted, control.url, said or (AccessControl.WAC if control.tells_modes else None)
            )
        return [paste(self._door, target, modes, seen.kind, control.url, whole)]

    def _unseen(
        self, wanted: tuple[str, frozenset[Mode]], address: str | None, kind: AccessControl | None
    ) -> list[Paste]:
        """Only what is new, in every form that this pod may have."""
        target, modes = wanted
        return [paste(self._door, target, modes, one, address) for one in ([kind] if kind else AccessControl)]
