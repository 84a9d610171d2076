"""Notified: a pod says that something changed. It is verified, counted, and at most leads to a look.

Nothing of a notification is believed: the space looks itself, and only what it sees can lead to a run. What
is about anything but the agreed documents, our own results among it, leads to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING

from solidgate.consent.record import status_at
from solidgate.errors import (
    BodyTooLarge,
    ChannelUnknown,
    MessageUnsigned,
    PodFault,
    ProofInvalid,
    SignatureInvalid,
    TokenInvalid,
    TooManyRequests,
)
from solidgate.flow.look import ask
from solidgate.flow.watching import send_to
from solidgate.flow.world import World
from solidgate.identity import jose, strict_json, webhook
from solidgate.identity.http_signature import Message, VerifiedMessage, key_id, verify_message
from solidgate.pod.notification import ChannelKind, Hint, activity, event, hint_key, meant
from solidgate.run.watch import ChannelRow

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction
    from solidgate.identity.dpop import VerifiedProof

_REPEATED = timedelta(days=2)
_KEY_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Arrived:
    """One POST. ``headers`` gives all values of each header, by its name in lower case."""

    headers: Mapping[str, Sequence[str]]
    content: bytes

    def __repr__(self) -> str:
        return f"Arrived({len(self.content)} bytes)"


async def notified(world: World, secret: str, arrived: Arrived) -> bool:
    """Whether a look was asked for; false for what is old news or about something else.

    Raises ``ChannelUnknown TooManyRequests BodyTooLarge``, by kind of channel ``TokenInvalid ProofInvalid
    SenderForeign`` or ``MessageUnsigned``, and ``NotificationInvalid``.
    """
    most = world.settings.notifications.max_body_bytes
    # 1. the address is that of a channel, of a consent that holds
    # 2. it has not used up what it may send; forged ones count too, and the sweep makes up for them
    row = await _admitted(world, secret)
    if len(arrived.content) > most:
        raise BodyTooLarge(f"at most {most} bytes (notifications.max_body_bytes)")
    # 3. the sender is the recorded one
    proved = await _verified(world, row, secret, arrived)
    # 4. the body is a hint
    reads = event if row.channel.kind is ChannelKind.DELIVERY else activity
    hint = reads(arrived.content, most)
    # 5. the proof was not seen before; 6. nor this news; 7. ask for the look: together or not at all
    async with world.store.transaction() as tx:
        if not await tx.watches.first_proof(*proved):
            raise ProofInvalid("it was used before")
        return await _ask(world, tx, row, secret, hint)


async def heard(world: World, row: ChannelRow, frame: bytes) -> bool:
    """The same for a frame of a WebSocket that we opened ourselves: who is at its other end is known."""
    settings = world.settings.notifications
    async with world.store.transaction() as tx:
        await _take(world, tx, row)
    hint = activity(frame, settings.max_body_bytes)
    async with world.store.transaction() as tx:
        return await _ask(world, tx, row, row.channel.id, hint)


async def _admitted(world: World, secret: str) -> ChannelRow:
    async with world.store.transaction() as tx:
        row = await tx.watches.by_secret(secret)
        if row.channel.kind is ChannelKind.WEBSOCKET:
            raise ChannelUnknown()
        stored = await tx.consents.one(row.consent_id)
        if not status_at(stored.record, world.clock.now()).valid_for_processing:
            raise ChannelUnknown()
        wait = await _wait(world, tx, row)
    if wait:
        raise _too_many(world, wait)
    return row


async def _take(world: World, tx: Transaction, row: ChannelRow) -> None:
    if wait := await _wait(world, tx, row):
        raise _too_many(world, wait)


async def _wait(world: World, tx: Transaction, row: ChannelRow) -> float:
    settings = world.settings.notifications
    return await tx.watches.take(row.channel_id, world.clock.now(), settings.per_minute, settings.burst)


def _too_many(world: World, wait: float) -> TooManyRequests:
    error = TooManyRequests(
        f"notifications: {world.settings.notifications.per_minute} a minute of one channel"
    )
    error.retry_after = ceil(wait)
    return error


async def _verified(world: World, row: ChannelRow, secret: str, arrived: Arrived) -> tuple[str, datetime]:
    """What a replay store keeps of the message, and until when."""
    if row.channel.kind is ChannelKind.DELIVERY:
        message = Message("POST", send_to(world, secret), arrived.headers, arrived.content)
        signed = await _signed(world, row, message)
        return signed.signature_id, signed.replay_until
    proof = await _sent(world, row, secret, arrived)
    return proof.proof_id, proof.replay_until


async def _sent(world: World, row: ChannelRow, secret: str, arrived: Arrived) -> VerifiedProof:
    login, sender = world.settings.login, row.channel.sender
    sent = webhook.present(
        arrived.headers.get("authorization", ()),
        arrived.headers.get("dpop", ()),
        sender=sender,
        send_to=send_to(world, secret),
        now=world.clock.now(),
        window=timedelta(seconds=login.proof_window_seconds),
        skew=timedelta(seconds=login.clock_skew_seconds),
        max_lifetime=timedelta(seconds=login.max_token_seconds),
        plain_http=bool(world.settings.http.allow_private_addresses),
        milliseconds=world.settings.notifications.accept_millisecond_times,
    )
    try:
        issuers = await world.issuers.issuers_of(sender)
        webhook.check_issuer(sent, issuers, slash_tolerance=login.trailing_slash_tolerance)
        keys = await world.issuers.signing_keys(sent.issuer, sent.kid)
    except PodFault as fault:
        raise TokenInvalid("the sender or its issuer cannot be asked") from fault
    return webhook.verify(sent, keys, issuers, slash_tolerance=login.trailing_slash_tolerance)


async def _signed(world: World, row: ChannelRow, message: Message) -> VerifiedMessage:
    key_id(message)  # so that a message that is not signed at all costs no request
    age = timedelta(seconds=world.settings.notifications.message_age_seconds)
    keys = await _key_set(world, row.channel.key_set)
    return verify_message(message, keys, now=world.clock.now(), max_age=age)


async def _key_set(world: World, url: str) -> Sequence[Mapping[str, object]]:
    """The keys at the recorded address, without private or shared-secret material."""
    http = world.settings.http
    try:
        reply = await world.fetcher.fetch("GET", url, max_bytes=http.max_jwks_bytes, timeout=_KEY_SECONDS)
        keys = strict_json.read(reply.content).get("keys") if reply.status == 200 else None
    except (PodFault, SignatureInvalid) as fault:
        raise MessageUnsigned("the recorded key set cannot be read") from fault
    if not isinstance(keys, list):
        raise MessageUnsigned("the recorded key set has no keys")
    found = [key for key in keys[: http.max_jwks_keys] if isinstance(key, dict)]
    return [key for key in found if key.get("kty") != "oct" and key.keys().isdisjoint(jose.PRIVATE_MEMBERS)]


async def _ask(world: World, tx: Transaction, row: ChannelRow, secret: str, hint: Hint) -> bool:
    now = world.clock.now()
    # The consent before the rest, as everybody: a row about it would take it last.
    stored = await tx.consents.one(row.consent_id, lock="share")
    numbers = meant(hint, stored.record.resources)
    if not numbers or not await tx.watches.first_hint(
        row.channel_id, hint_key(secret, hint), now + _REPEATED
    ):
        return False
    due = now + timedelta(seconds=world.settings.notifications.settle_seconds)
    await ask(tx, row.consent_id, numbers, due)
    return True
