"""Discovery and notifications as pods write them, and bodies that are none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solidgate.errors import NotificationInvalid
from solidgate.pod.notification import (
    ChannelKind,
    Hint,
    Offer,
    activity,
    descriptions,
    event,
    hint_key,
    meant,
    offers,
)
from solidgate.pod.rdf import control_document
from solidgate.run.watch import topics_of

BASE = "https://pod.example/"
COMMUNITY = b"""
@prefix notify: <http://www.w3.org/ns/solid/notifications#>.
<../> a <http://www.w3.org/ns/pim/space#Storage>;
  notify:subscription <../.notifications/WebSocketChannel2023/>, <../.notifications/WebhookChannel2023/>,
    <../.notifications/Other/>.
<../.notifications/WebSocketChannel2023/> notify:channelType notify:WebSocketChannel2023.
<../.notifications/WebhookChannel2023/> notify:channelType notify:WebhookChannel2023;
  notify:feature notify:rate.
<../.notifications/Other/> notify:channelType <urn:other>.
<https://evil.example/> notify:channelType notify:WebhookChannel2023.
"""
ENTERPRISE = b"""
@prefix solid: <http://www.w3.org/ns/solid/terms#>.
[ a solid:DiscoveryDocument; solid:notificationGateway <https://notification.ess.example/> ].
"""
# Verbatim of a Community Solid Server 7.2.0.
UPDATE = {
    "@context": [
        "https://www.w3.org/ns/activitystreams",
        "https://www.w3.org/ns/solid/notification/v1",
    ],
    "id": "urn:1795811315792:https://pod.example/a.ttl",
    "type": "Update",
    "object": "https://pod.example/a.ttl",
    "state": '"1795811315000-text/turtle"',
    "published": "2026-11-22T20:28:35.792Z",
}
EVENT = {
    "id": "urn:uuid:1",
    "type": "ResourceUpdated",
    "audience": "https://gate.example/",
    "resource": "https://pod.example/a.ttl",
    "controller": "https://pod.example/profile",
    "subscription": "https://notification.example/subscriptions/1",
    "published": "2026-11-22T20:28:35.792Z",
}


def described(content: bytes, base: str = BASE) -> tuple[Offer, ...]:
    return offers(control_document(content, "text/turtle", base + ".well-known/solid"), base + "a.ttl")


def test_a_community_server_offers_two_ways_that_we_know() -> None:
    assert set(described(COMMUNITY)) == {
        Offer(ChannelKind.WEBHOOK, BASE + ".notifications/WebhookChannel2023/"),
        Offer(ChannelKind.WEBSOCKET, BASE + ".notifications/WebSocketChannel2023/"),
    }


def test_an_enterprise_server_offers_its_delivery_service() -> None:
    beside = "https://storage.ess.example/"
    assert described(ENTERPRISE, beside) == (
        Offer(ChannelKind.DELIVERY, "https://notification.ess.example/"),
    )
    assert described(ENTERPRISE) == (), "a delivery service of another organisation"


NOTIFY = "http://www.w3.org/ns/solid/notifications#"
ABOVE = "https://pods.example/"
TRAPS = (
    "https://victim.example/results/",
    "https://ann.pods.example/results/",
    "https://pods.example/victim/results/",
    "https://pods.example/.notifications/../victim/results/",
    "https://pods.example/.notifications/Webhook?to=/victim/",
    "https://pods.example/.notifications/a/b/",
    "https://pods.example:8443/.notifications/Webhook/",
    "http://eve.pods.example/.notifications/Webhook/",
    "https://example/.notifications/Webhook/",
)


@pytest.mark.parametrize("kind", ["WebhookChannel2023", "WebSocketChannel2023"])
def test_a_service_is_the_topics_own_or_nobodys(kind: str) -> None:
    """Else a hostile pod makes the space write where it may write, in somebody else's pod."""
    topic = "https://eve.pods.example/"
    own = (topic + "anything/", ABOVE + ".notifications/" + kind + "/")
    named = [
        f"<{topic}> <{NOTIFY}subscription> <{one}>. <{one}> <{NOTIFY}channelType> <{NOTIFY}{kind}>."
        for one in (*TRAPS * 4, *own)
    ]
    assert {one.service for one in described("\n".join(named).encode(), topic)} == set(own)


def test_the_description_is_found_by_its_link() -> None:
    link = '<../.well-known/solid>; rel="http://www.w3.org/ns/solid/terms#storageDescription"'
    assert descriptions([link], BASE + "a/b.ttl") == (BASE + ".well-known/solid",)
    assert descriptions(['<x>; rel="acl"'], BASE) == ()
    elsewhere = link.replace("../", "https://victim.example/")
    assert descriptions([elsewhere, link], BASE + "a/b.ttl") == (BASE + ".well-known/solid",)


def test_an_update_is_read() -> None:
    assert activity(json.dumps(UPDATE).encode(), 10_000) == Hint(
        "Update", BASE + "a.ttl", "", '"1795811315000-text/turtle"', UPDATE["id"]
    )


@pytest.mark.parametrize(
    "change",
    [
        {"type": ["Update"]},
        {"type": "https://www.w3.org/ns/activitystreams#Update"},
        {"object": {"id": BASE + "a.ttl", "type": "Document"}},
        {"object": {"@id": BASE + "a.ttl"}},
        {"@context": None, "new": {"deep": [1]}},
    ],
)
def test_other_spellings_mean_the_same(change: dict[str, Any]) -> None:
    found = activity(json.dumps(UPDATE | change).encode(), 10_000)
    assert (found.kind, found.object) == ("Update", BASE + "a.ttl")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"<html>",
        b"\xff",
        b"null",
        b'{"type": "Update"}',
        b'{"object": 5}',
        b'{"object": "' + b"a" * 5000 + b'"}',
        b'{"object": "a\\u0000"}',
        b"[" * 9000,
        b'{"object": "' + b"a" * 20_000 + b'"}',
    ],
)
def test_what_is_no_notification_is_refused(content: bytes) -> None:
    for reads in (activity, event):
        with pytest.raises(NotificationInvalid):
            reads(content, 10_000)


@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_comes_is_a_hint_or_a_refusal(value: Any) -> None:
    content = json.dumps({"object": value, "type": value, "state": value, "id": value}).encode()
    for reads in (activity, event):
        try:
            assert isinstance(reads(content, 10_000), Hint)
        except NotificationInvalid:
            continue


def test_an_event_is_read_and_one_about_access_is_about_everything() -> None:
    topics = [BASE + "a.ttl", BASE + "b.ttl"]
    assert meant(event(json.dumps(EVENT).encode(), 10_000), topics) == (0,)
    revoked = {"id": "urn:uuid:2", "type": "AccessGrantRevoked"}
    assert meant(event(json.dumps(revoked).encode(), 10_000), topics) == (0, 1)


def test_what_is_about_something_else_means_nothing() -> None:
    topics = [BASE + "a.ttl"]
    for other in ("https://pod.example/results/1.ttl", "https://pod.example/a.ttl/", "https://pod.example/"):
        assert meant(Hint("Update", other), topics) == ()
    assert meant(Hint("Add", BASE + "x", target=BASE + "a.ttl"), topics) == (0,)


def test_the_same_news_has_one_key_and_other_news_another() -> None:
    hint = Hint("Update", BASE + "a.ttl", state='"1"', id="urn:1")
    assert hint_key("s", hint) == hint_key("s", Hint("Update", BASE + "a.ttl", state='"1"', id="urn:2"))
    others = [
        Hint("Update", BASE + "a.ttl", state='"2"', id="urn:1"),
        Hint("Delete", BASE + "a.ttl", id="urn:1"),
        Hint("Delete", BASE + "a.ttl", id="urn:2"),
        Hint("Update", BASE + "b.ttl", state='"1"', id="urn:1"),
    ]
    assert len({hint_key("s", one) for one in (hint, *others)}) == 5
    assert hint_key("s", hint) != hint_key("t", hint)


def test_what_we_write_ourselves_is_never_a_topic() -> None:
    resources = [BASE + "a.ttl", BASE + "solidgate/results/x.ttl", BASE + "b.ttl"]
    assert topics_of(resources, BASE + "solidgate/results/") == {0: BASE + "a.ttl", 2: BASE + "b.ttl"}
