"""Receipts: signed in the transaction that decides, then copied to the person's pod."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from solidgate.consent.notice import Notice
from solidgate.consent.receipt import make_receipt
from solidgate.consent.receipt_rdf import as_jsonld, as_turtle, receipt_triples
from solidgate.consent.record import ConsentRecord, status_at
from solidgate.consent.request import ConsentRequest
from solidgate.consent.status import ConsentStatus
from solidgate.consent.stored import StoredConsent, StoredReceipt
from solidgate.errors import ConsentNotGiven, EpochPassed, PodConflict, PodFault, SolidgateError
from solidgate.flow.check import is_place
from solidgate.flow.owner import Owner, Sender
from solidgate.flow.record import ConsentView
from solidgate.flow.same import is_same
from solidgate.flow.tenure import tenure
from solidgate.flow.world import World
from solidgate.identity.jose import SigningKey, signing_key
from solidgate.identity.login import Session
from solidgate.space.agreement import Agreement

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

RECEIPT_TYPE = "application/vc+jwt"


@dataclass(frozen=True, slots=True)
class Copy:
    """One form of a receipt on its way to the pod; ``turtle`` says the same, for comparing."""

    url: str
    content: bytes
    media_type: str
    turtle: bytes

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.content)


async def issue(
    world: World, tx: Transaction, person_id: str, agreement: Agreement, *records: ConsentRecord
) -> None:
    """Sign the receipt of each record's latest event and keep it, in the transaction of those events."""
    await tx.receipts.put(person_id, signed(world, agreement, *records))


def signed(
    world: World, agreement: Agreement, *records: ConsentRecord, notice: Notice | None = None
) -> list[tuple[str, int, str]]:
    """The receipt of each record's latest event: (consent, sequence, token)."""
    now, key = world.clock.now(), _signer(tuple(sorted(world.receipt_key.items())))
    tokens = []
    for record in records:
        token = make_receipt(record, agreement, issuer=world.public_url, key=key, now=now, notice=notice)
        tokens.append((record.consent_id, record.latest.sequence, token))
    return tokens


@cache
def _signer(private_jwk: tuple[tuple[str, str], ...]) -> SigningKey:
    """The gate's key, imported once: that takes longer than signing."""
    return signing_key(dict(private_jwk))


async def push_all(world: World, session: Session, request_id: str) -> None:
    """Copy the newest receipts of a request's records to the pod; faults are remembered, not raised."""
    async with world.store.transaction() as tx:
        stored = await tx.consents.of_request(request_id)
        request, _ = await tx.requests.one(request_id, session.person_id)
    for one in stored:
        if goes_by_itself(one.record, request):
            await copy(world, session, one)


def goes_by_itself(record: ConsentRecord, request: ConsentRequest) -> bool:
    """Whether the copy is made without being asked for.

    That of a no is not, unless its person named the folder: who says no lets nothing be written.
    """
    return record.latest.status is not ConsentStatus.REFUSED or bool(request.receipt_container)


def is_owed(record: ConsentRecord, newest: StoredReceipt) -> bool:
    """Whether the newest copy is still to be made: that of a no, only if it was asked for and failed."""
    asked_for = record.latest.status is not ConsentStatus.REFUSED or newest.problem is not None
    return newest.pod_url is None and asked_for


async def copy(world: World, session: Session, stored: StoredConsent) -> None:
    """Push the newest receipt; that of a consent which holds under a lease that its withdrawal waits for.

    A consent that ends meanwhile has a newer receipt, which goes its own way.
    """
    if not status_at(stored.record, world.clock.now()).valid_for_processing:
        await push(world, session, stored, Owner())
        return
    with suppress(ConsentNotGiven, EpochPassed, TimeoutError):
        async with tenure(world, stored.record.consent_id, person_id=session.person_id) as held:
            await push(world, replace(session, access=held.fenced(session.access)), stored, held)


async def push(world: World, session: Session, stored: StoredConsent, sender: Sender) -> None:
    """Copy the newest receipt in its three forms; a fault is remembered and can be tried again.

    ``sender`` hears whether a form may land later than this ends.
    """
    record = stored.record
    async with world.store.transaction() as tx:
        receipt = await tx.receipts.newest(stored.person_id, record.consent_id)
        request, _ = await tx.requests.one(record.request_id, stored.person_id)
    forms = copies(world, request, record.consent_id, receipt)
    # The last one's address is remembered: where it stands, the others do.
    url, problem = forms[-1].url, None
    try:
        await sender.whole(world.pods.ensure_container(session.access, _container(world, request)))
        for one in forms:
            await _created(world, session, sender, one)
    except PodFault as fault:
        url, problem = "", fault.code
    async with world.store.transaction() as tx:
        await tx.receipts.pushed(stored.person_id, record.consent_id, receipt.sequence, url or None, problem)


def copies(
    world: World, request: ConsentRequest, consent_id: str, receipt: StoredReceipt
) -> tuple[Copy, ...]:
    """A receipt in its three forms, the signed one last."""
    turtle, jsonld, url = places(world, request, consent_id, receipt.sequence)
    triples = receipt_triples(receipt.token)
    said = as_turtle(triples)
    return (
        Copy(turtle, said, "text/turtle", said),
        Copy(jsonld, as_jsonld(triples), "application/ld+json", said),
        Copy(url, receipt.token.encode(), RECEIPT_TYPE, said),
    )


async def left_out(world: World, session: Session, made: ConsentView, named: str) -> bool:
    """Whether the place that was named with an answer is none, so that its receipts went to the default."""
    if not named:
        return False
    async with world.store.transaction() as tx:
        request, _ = await tx.requests.one(made.record.request_id, session.person_id)
    return not is_place(request, named)


def places(world: World, request: ConsentRequest, consent_id: str, sequence: int) -> tuple[str, str, str]:
    """Where the copy of a receipt goes: its Turtle, its JSON-LD, and the token itself."""
    return forms_of(f"{_container(world, request)}{consent_id}-{sequence}.jwt")


def forms_of(token: str) -> tuple[str, str, str]:
    """The addresses of a copy by that of its token: Turtle, JSON-LD and the token; where it is, all are."""
    base = token.removesuffix(".jwt")
    return f"{base}.ttl", f"{base}.jsonld", token


def _container(world: World, request: ConsentRequest) -> str:
    return request.receipt_container or request.storage + world.settings.consent.receipt_container


async def _created(world: World, session: Session, sender: Sender, one: Copy) -> None:
    """Create one form; what stands there already is left, and is a success if it is our earlier copy."""
    try:
        await sender.answered(world.pods.create(session.access, one.url, one.content, one.media_type))
    except PodConflict:
        if not await is_ours(world, session, one):
            raise


async def is_ours(world: World, session: Session, one: Copy) -> bool:
    """Whether the pod holds this form: a signed receipt byte for byte, another form by what it says.

    What cannot be looked at is taken for somebody else's, so that the person hears of it.
    """
    try:
        if one.media_type == RECEIPT_TYPE:
            signed = await world.pods.read_as(session.access, one.url, RECEIPT_TYPE, max_bytes=2 * one.size)
            return signed.content == one.content
        limit = max(2 * one.size, world.settings.pull.max_resource_bytes)
        found = await world.pods.read(session.access, one.url, max_bytes=limit)
        return found.content == one.content or await is_same(world, found, one.turtle)
    except SolidgateError:
        return False


async def documents(world: World, session: Session, consent_id: str) -> tuple[bytes, bytes]:
    """The newest receipt as Turtle and as JSON-LD. Raises ``ConsentNotFound``."""
    async with world.store.transaction() as tx:
        await tx.consents.one(consent_id, person_id=session.person_id)
        token = (await tx.receipts.newest(session.person_id, consent_id)).token
    triples = receipt_triples(token)
    return as_turtle(triples), as_jsonld(triples)
