"""Channels over the Solid Notifications Protocol, and the delivery service of ESS (``ports.PodChannels``).

What a pod answers is checked before it is used. The space writes for many people: a description or a service
on somebody else's server would make it read and write there, by its own rights, what this pod wants. And a
channel's own address must be its server's, because the credentials are sent there when the channel is ended.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

from yarl import URL

from solidgate.adapters.http_socket import GuardedSockets
from solidgate.adapters.http_urls import origin_of
from solidgate.adapters.issuer_cache import TimedCache
from solidgate.adapters.solid_requests import GONE, WRITTEN, PodLimits, SolidRequests, fault
from solidgate.errors import FetchUnexpected, WebIdInvalid
from solidgate.identity.webid import check_web_address
from solidgate.pod.notification import CHANNEL_TYPES, Channel, ChannelKind, Offer, descriptions, offers
from solidgate.pod.rdf import CONTROL_ACCEPT, control_document
from solidgate.ports import Access, Clock, Fetcher, Reply

CONTEXT = "https://www.w3.org/ns/solid/notification/v1"
JSON_LD = "application/ld+json"
EVENTS = (
    "ResourceCreated",
    "ResourceUpdated",
    "ResourceDeleted",
    "AccessGrantRevoked",
    "AccessGrantExpired",
)
DESCRIPTION_SECONDS = 600.0
_FAULT_SECONDS = 30.0
_MOST_ADDRESS = 2048
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(9000, 1, 1, tzinfo=UTC)


class SolidChannels:
    """Implements ``ports.PodChannels``. ``plain_http`` is for development only."""

    def __init__(
        self,
        fetcher: Fetcher,
        sockets: GuardedSockets,
        clock: Clock,
        limits: PodLimits | None = None,
        *,
        max_frame_bytes: int = 16 * 1024,
        plain_http: bool = False,
    ) -> None:
        self._requests = SolidRequests(fetcher, clock, limits or PodLimits())
        self._sockets = sockets
        self._max_frame_bytes = max_frame_bytes
        self._plain_http = plain_http
        self._descriptions: TimedCache[tuple[Offer, ...]] = TimedCache(
            clock.monotonic, seconds=DESCRIPTION_SECONDS, fault_seconds=_FAULT_SECONDS
        )

    async def offers(self, access: Access, topic: str) -> tuple[Offer, ...]:
        """By the topic's ``Link`` to a description on its own server; none when there is no such link."""
        reply = await self._requests.head(access, topic)
        if reply.status != 200 and reply.status not in GONE:
            raise fault(reply)
        found = descriptions(reply.header_values("Link"), reply.url)
        if not found:
            return ()
        url = found[0]
        return await self._descriptions.get(url, lambda: self._described(access, url))

    async def _described(self, access: Access, url: str) -> tuple[Offer, ...]:
        limits = self._requests.limits
        reply = await self._requests.get(
            access, url, CONTROL_ACCEPT, limits.control_bytes, seconds=limits.control_seconds
        )
        if reply.status != 200:
            raise fault(reply)
        # Its address has the topic's origin, so it stands for every topic that names it.
        return offers(control_document(reply.content, reply.headers.get("Content-Type"), reply.url), url)

    async def subscribe(self, access: Access, offer: Offer, topic: str, send_to: str) -> Channel:
        """A channel about ``topic``. Raises pod faults, ``FetchUnexpected`` and fetch errors."""
        if offer.kind is ChannelKind.DELIVERY:
            return await self._delivery(access, offer, topic, send_to)
        wish = {"@context": [CONTEXT], "type": CHANNEL_TYPES[offer.kind], "topic": topic}
        if offer.kind is ChannelKind.WEBHOOK:
            wish["sendTo"] = send_to
        reply = await self._post(access, offer.service, JSON_LD, wish)
        made = _fields(reply)
        channel = Channel(
            kind=offer.kind,
            id=self._of_server(made, "id", offer.service),
            topic=topic,
            send_to=send_to if offer.kind is ChannelKind.WEBHOOK else "",
            sender=self._address(made, "sender") if offer.kind is ChannelKind.WEBHOOK else "",
            receive_from=_socket(made) if offer.kind is ChannelKind.WEBSOCKET else "",
            ends=_instant(made.get("endAt")),
        )
        if made.get("topic") not in (None, topic):
            await self.unsubscribe(access, channel)
            raise FetchUnexpected("the channel is about another resource")
        return channel

    async def _delivery(self, access: Access, offer: Offer, storage: str, send_to: str) -> Channel:
        service = urljoin(offer.service.rstrip("/") + "/", "subscriptions")
        wish = {
            "type": list(EVENTS),
            "storage": storage,
            "dispatch": {"type": "webhook", "uri": send_to},
        }
        reply = await self._post(access, service, "application/json", wish)
        made = _fields(reply)
        place = reply.headers.get("Location") or f"{service}/{_text(made, 'id')}"
        key_set = self._of_server(made, "jku", service)
        address = urljoin(service, place)
        if origin_of(URL(address)) != origin_of(URL(service)):
            raise FetchUnexpected("the subscription stands on another server")
        return Channel(
            kind=ChannelKind.DELIVERY,
            id=address,
            topic=storage,
            send_to=send_to,
            key_set=key_set,
            ends=_instant(made.get("expiration")),
        )

    async def unsubscribe(self, access: Access | None, channel: Channel) -> None:
        """DELETE it; 404 and 410 mean that it has ended already."""
        limits = self._requests.limits
        reply = await self._requests.get(
            access, channel.id, "*/*", limits.control_bytes, method="DELETE", seconds=limits.control_seconds
        )
        # 400: a channel that a Community Solid Server no longer knows.
        if reply.status not in (*WRITTEN, *GONE, 400):
            raise fault(reply)

    async def frames(self, channel: Channel) -> AsyncIterator[bytes | None]:
        """None once open, then each text frame as bytes."""
        async for frame in self._sockets.frames(channel.receive_from, self._max_frame_bytes):
            yield frame

    async def _post(self, access: Access, url: str, kind: str, wish: Mapping[str, Any]) -> Reply:
        content = json.dumps(wish).encode()
        headers = {"Content-Type": kind, "Accept": kind}
        reply = await self._requests.write("POST", access, url, headers, content)
        if reply.status not in (200, 201):
            raise fault(reply)
        return reply

    def _address(self, made: Mapping[str, Any], name: str) -> str:
        try:
            return check_web_address(_text(made, name), plain_http=self._plain_http)
        except WebIdInvalid as broken:
            raise FetchUnexpected(f"{name} of the channel is no address") from broken

    def _of_server(self, made: Mapping[str, Any], name: str, service: str) -> str:
        address = self._address({name: urljoin(service, _text(made, name))}, name)
        if origin_of(URL(address)) != origin_of(URL(service)):
            raise FetchUnexpected(f"{name} of the channel is on another server")
        return address


def _fields(reply: Reply) -> Mapping[str, Any]:
    try:
        found = json.loads(reply.content)
    except (ValueError, RecursionError) as broken:
        raise FetchUnexpected("the subscription does not answer JSON") from broken
    if not isinstance(found, dict):
        raise FetchUnexpected("the subscription does not answer a JSON object")
    return found


def _text(made: Mapping[str, Any], name: str) -> str:
    value = made.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _MOST_ADDRESS:
        raise FetchUnexpected(f"the subscription does not answer {name}")
    return value


def _socket(made: Mapping[str, Any]) -> str:
    value = _text(made, "receiveFrom")
    if not value.startswith(("ws://", "wss://")):
        raise FetchUnexpected("receiveFrom of the channel is no WebSocket")
    return value


def _instant(value: object) -> datetime | None:
    """The end as the server says it; one that cannot be read is none, and the sweep notices.

    Between ``_FIRST`` and ``_LAST``: whoever counts days back from it meets no end of the calendar.
    """
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return max(_FIRST, min(found, _LAST))
