"""What a pod says of changes: which channels it offers, and what one notification hints at.

Solid Notifications Protocol, WebhookChannel2023 and WebSocketChannel2023; beside them the delivery service of
the Enterprise Solid Server. A notification is never believed: it only says where to look.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from pyoxigraph import BlankNode, NamedNode, Quad

from solidgate.errors import NotificationInvalid
from solidgate.pod.link import targets
from solidgate.pod.origin import belongs_to, origin, same_origin
from solidgate.vocab import NOTIFY, SOLID

MAX_TEXT = 4096
_MOST_OFFERS = 32
# Where a Community Solid Server has its services; without dots, which a client would resolve elsewhere.
_ROUTE = re.compile(r"/\.notifications/[A-Za-z0-9]+/?")


class ChannelKind(StrEnum):
    """How a pod reaches us, in our own words; stored, so add and never change."""

    WEBHOOK = "webhook"
    WEBSOCKET = "websocket"
    DELIVERY = "delivery"


@dataclass(frozen=True, slots=True)
class Offer:
    """One way that a pod offers; ``service`` is where to subscribe."""

    kind: ChannelKind
    service: str


@dataclass(frozen=True, slots=True)
class Channel:
    """One subscription, as the pod agreed to it. ``id`` and both addresses are secrets.

    ``topic`` is the resource (of the delivery service: the storage). ``sender`` is the WebID that signs
    webhooks, ``key_set`` the address of the keys that sign messages, ``receive_from`` a WebSocket.
    """

    kind: ChannelKind
    id: str
    topic: str
    send_to: str = ""
    sender: str = ""
    key_set: str = ""
    receive_from: str = ""
    ends: datetime | None = None

    def __repr__(self) -> str:
        return f"Channel({self.kind.value})"


@dataclass(frozen=True, slots=True)
class Hint:
    """What one notification says, none of it believed. ``object`` is empty where it names no resource."""

    kind: str
    object: str
    target: str = ""
    state: str = ""
    id: str = ""

    def __repr__(self) -> str:
        return f"Hint({self.kind})"


_KINDS = {
    NOTIFY.WebhookChannel2023: ChannelKind.WEBHOOK,
    NOTIFY.WebSocketChannel2023: ChannelKind.WEBSOCKET,
}
CHANNEL_TYPES: Mapping[ChannelKind, str] = {kind: term.value for term, kind in _KINDS.items()}


def descriptions(links: Iterable[str], topic: str) -> tuple[str, ...]:
    """Where the description resource stands, by the ``Link`` headers of the topic: on its own server only."""
    found = targets(links, topic, SOLID.storageDescription.value)
    return tuple(one for one in found if same_origin(one, topic))


def offers(quads: Sequence[Quad], topic: str) -> tuple[Offer, ...]:
    """The ways that a description names and that we know, in the order of the document, each once.

    The subject is not looked at: servers describe the storage, the server's root, or a blank node. A service
    that is not the topic's own is left out: else the pod decides where the space writes by its own rights.
    """
    named = {quad.object for quad in quads if quad.predicate == NOTIFY.subscription}
    found = [
        Offer(_KINDS[quad.object], quad.subject.value)
        for quad in quads
        if quad.predicate == NOTIFY.channelType
        and isinstance(quad.subject, NamedNode)
        and quad.subject in named
        and isinstance(quad.object, NamedNode)
        and quad.object in _KINDS
    ]
    found += [
        Offer(ChannelKind.DELIVERY, quad.object.value)
        for quad in quads
        if quad.predicate == SOLID.notificationGateway
        and isinstance(quad.object, NamedNode)
        and isinstance(quad.subject, (NamedNode, BlankNode))
    ]
    return tuple(dict.fromkeys(one for one in found if _of_topic(one, topic)))[:_MOST_OFFERS]


def _of_topic(offer: Offer, topic: str) -> bool:
    """Whether the space may send a subscription there, with its token, because of what this pod says."""
    if offer.kind is ChannelKind.DELIVERY:
        return belongs_to(offer.service, topic)
    return same_origin(offer.service, topic) or _above(offer.service, topic)


def _above(service: str, topic: str) -> bool:
    """Whether it is a service of the server whose pods have a host each, one label below its own.

    Safe although the host above may be somebody else's: no container of a person is at that one path, and a
    server that has its services there subscribes nobody to a topic that it does not hold.
    """
    scheme, host, port = origin(service)
    other_scheme, other_host, other_port = origin(topic)
    if not host or (scheme, port) != (other_scheme, other_port) or other_host.partition(".")[2] != host:
        return False
    parts = urlsplit(service)
    return not parts.query and not parts.fragment and _ROUTE.fullmatch(parts.path) is not None


def activity(content: bytes, max_bytes: int) -> Hint:
    """An ActivityStreams notification: Create, Update, Delete, Add or Remove, in any of the usual spellings.

    Raises ``NotificationInvalid``.
    """
    fields = _object(content, max_bytes)
    thing = _address(fields, "object")
    if not thing:
        raise NotificationInvalid("object is missing")
    return Hint(
        kind=_local(_text(fields, "type") or _text(fields, "@type")),
        object=thing,
        target=_address(fields, "target"),
        state=_text(fields, "state"),
        id=_text(fields, "id") or _text(fields, "@id"),
    )


def event(content: bytes, max_bytes: int) -> Hint:
    """An event of the delivery service; one about access names no resource.

    Raises ``NotificationInvalid``.
    """
    fields = _object(content, max_bytes)
    kind, named = _local(_text(fields, "type")), _text(fields, "id")
    if not kind or not named:
        raise NotificationInvalid("id or type is missing")
    return Hint(kind=kind, object=_address(fields, "resource"), id=named)


def meant(hint: Hint, topics: Sequence[str]) -> tuple[int, ...]:
    """The places of the topics that the hint is about; none when it is about something else.

    An event that names no resource (access was taken back) is about all of them.
    """
    if not hint.object:
        return tuple(range(len(topics)))
    return tuple(place for place, topic in enumerate(topics) if topic in (hint.object, hint.target))


def hint_key(secret: str, hint: Hint) -> bytes:
    """One name for (channel, object, state): the same news twice has one. ``secret`` keeps it unguessable.

    Where there is no state (a deletion, an event) the notification's own id stands for it.
    """
    said = (secret, hint.kind, hint.object, hint.target, hint.state or hint.id)
    return hashlib.sha256("\n".join(said).encode()).digest()


def _object(content: bytes, max_bytes: int) -> Mapping[str, Any]:
    if len(content) > max_bytes:
        raise NotificationInvalid(f"longer than {max_bytes} bytes")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as broken:
        raise NotificationInvalid("not JSON") from broken
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    if not isinstance(found, dict):
        raise NotificationInvalid("not one JSON object")
    return found


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name, "")
    if isinstance(value, list):
        value = next((one for one in value if isinstance(one, str)), "")
    if not isinstance(value, str):
        return ""
    if len(value) > MAX_TEXT or not value.isprintable():
        raise NotificationInvalid(f"{name} is not a text of at most {MAX_TEXT} characters")
    return value


def _address(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if isinstance(value, dict):
        return _text(value, "id") or _text(value, "@id")
    return _text(fields, name)


def _local(name: str) -> str:
    return name.rpartition("#")[2].rpartition("/")[2]
