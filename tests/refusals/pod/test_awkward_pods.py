"""What a pod can do wrong, what solidgate calls it, and that it never takes longer than its bound."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest

from solidgate.errors import SolidgateError
from solidgate.pod.door import DoorState
from solidgate.testing.awkward import BEYOND_CALENDARS
from solidgate.testing.pod import Awkward, AwkwardPod

if TYPE_CHECKING:
    from conftest import Visit

BOUND = 6.0
SECONDS = 1.0
REST = 1.2
MOST = 50_000

# what happens, how, the code it is refused with
READING = [
    (Awkward.SLOW, {"amount": 60}, "fetch.timed-out"),
    (Awkward.ENDLESS, {}, "fetch.too-large"),
    (Awkward.DRIP, {}, "fetch.timed-out"),
    (Awkward.LOGIN_PAGE, {}, "pod.unreadable"),
    (Awkward.LYING_TYPE, {}, "pod.unreadable"),
    (Awkward.LYING_TYPE, {"text": "text/turtle; charset=utf-16"}, "pod.unreadable"),
    (Awkward.LYING_TYPE, {"text": "application/rdf+xml"}, "pod.unreadable"),
    (Awkward.LYING_TYPE, {"text": "text/turtle-star"}, "pod.unreadable"),
    (Awkward.STORM, {"amount": 1}, "pod.unavailable"),
    (Awkward.STORM, {"amount": 86_400}, "pod.unavailable"),
    (Awkward.STORM, {"text": "Fri, 31 Dec 2038 23:59:59 GMT"}, "pod.unavailable"),
    (Awkward.STORM, {"text": "soon"}, "pod.unavailable"),
    (Awkward.STORM, {"text": BEYOND_CALENDARS}, "pod.unavailable"),
    (Awkward.STORM, {"text": "Mon, 1 Jan 2038 00:00:00 +99999999999"}, "pod.unavailable"),
    (Awkward.RESET, {}, "fetch.unexpected-answer"),
    (Awkward.REDIRECT_INSIDE, {}, "fetch.unexpected-answer"),
    (Awkward.BOMB, {}, "fetch.too-large"),
    (Awkward.VANISHED, {}, "pod.not-found"),
    (Awkward.ACCESS_ENDS, {}, "pod.forbidden"),
    (Awkward.BROKEN, {"amount": 500}, "pod.unavailable"),
    (Awkward.BROKEN, {"amount": 503}, "pod.unavailable"),
    (Awkward.BROKEN, {"amount": 501}, "pod.unreadable"),
    (Awkward.BROKEN, {"amount": 406}, "pod.unreadable"),
    (Awkward.BROKEN, {"amount": 410}, "pod.not-found"),
    (Awkward.BROKEN, {"amount": 206}, "fetch.unexpected-answer"),
    (Awkward.BROKEN, {"amount": 418}, "fetch.unexpected-answer"),
]

OPENING = [
    (".acl", Awkward.FORGETS_ACL, {}, "pod.door-not-open"),
    (".acl", Awkward.STORES_OTHER, {}, "pod.door-not-open"),
    (".acl", Awkward.MALFORMED, {}, "pod.unreadable"),
    (".acl", Awkward.NESTED, {}, "pod.unreadable"),
    (".acl", Awkward.LOGIN_PAGE, {}, "pod.unreadable"),
    (".acl", Awkward.ENDLESS, {}, "fetch.too-large"),
    (".acl", Awkward.BROKEN, {"amount": 403}, "pod.access-control-refused"),
    (".acl", Awkward.REFUSES_ACCESS, {}, "pod.access-control-refused"),
    (".acl", Awkward.REFUSES_ACCESS, {"amount": 403}, "pod.access-control-refused"),
    (".acl", Awkward.BROKEN, {"amount": 503}, "pod.unavailable"),
    ("", Awkward.FOREIGN_ACL, {}, "pod.access-control-unsupported"),
    ("", Awkward.NO_ACL, {}, "pod.access-control-unsupported"),
    ("", Awkward.BROKEN, {"amount": 401}, "pod.forbidden"),
]


LISTING = [
    (Awkward.MALFORMED, {}, "pod.unreadable"),
    (Awkward.NESTED, {}, "pod.unreadable"),
    (Awkward.LOGIN_PAGE, {}, "pod.unreadable"),
    (Awkward.LYING_TYPE, {}, "pod.unreadable"),
    (Awkward.HUGE_CONTAINER, {"amount": 1_000_000}, "fetch.too-large"),
    (Awkward.ENDLESS, {}, "fetch.too-large"),
    (Awkward.DRIP, {}, "fetch.timed-out"),
    (Awkward.BROKEN, {"amount": 503}, "pod.unavailable"),
    (Awkward.ACCESS_ENDS, {}, "pod.forbidden"),
    (Awkward.REDIRECT_AWAY, {"text": "https://elsewhere.example/"}, "fetch.unexpected-answer"),
]


async def code_of(refused: Awaitable[Any]) -> str:
    """The code of the refusal, which must come within the bound."""
    begun = time.monotonic()
    with pytest.raises(SolidgateError) as refusal:
        await asyncio.wait_for(refused, BOUND)
    assert time.monotonic() - begun < BOUND
    return refusal.value.code


@pytest.mark.parametrize(("kind", "how", "code"), READING)
async def test_reading_from_an_awkward_pod(
    visit: Visit, kind: Awkward, how: dict[str, Any], code: str
) -> None:
    visit.server.misbehave(visit.path, kind, **how)
    # What is not about time is waited for as long as the bound allows: a busy machine is not an awkward pod.
    async with visit.anew(SECONDS if code == "fetch.timed-out" else BOUND) as pods:
        assert await code_of(pods.read(visit.owner, visit.document, max_bytes=MOST)) == code
    visit.server.behave()
    async with visit.anew(BOUND) as pods:  # that way out may still keep the pause that the server asked for
        assert (await pods.read(visit.owner, visit.document, max_bytes=MOST)).content


@pytest.mark.parametrize(("where", "kind", "how", "code"), OPENING)
async def test_opening_a_door_at_an_awkward_pod(
    visit: Visit, where: str, kind: Awkward, how: dict[str, Any], code: str
) -> None:
    if where:
        visit.server.put_acl(visit.document, owner_list(visit))
    visit.server.misbehave(visit.path + where, kind, **how)
    assert await code_of(visit.pods.open_door(visit.owner, visit.door)) == code
    visit.server.behave()
    assert await visit.pods.state(visit.owner, visit.alice.pod + "energy/")


def owner_list(visit: Visit) -> str:
    return (
        "@prefix acl: <http://www.w3.org/ns/auth/acl#>. <#o> a acl:Authorization; "
        f"acl:agent <{visit.owner.webid}>;"
        f"acl:accessTo <{visit.document}>; acl:mode acl:Read, acl:Write, acl:Control."
    )


@pytest.mark.parametrize("kind", [Awkward.STORM, Awkward.RESET, Awkward.BROKEN])
async def test_a_passing_fault_of_a_read_passes(visit: Visit, kind: Awkward) -> None:
    visit.server.misbehave(visit.path, kind, times=1)
    assert (await visit.pods.read(visit.owner, visit.document, max_bytes=MOST)).content


async def test_retry_after_is_waited_for(visit: Visit) -> None:
    visit.server.misbehave(visit.path, Awkward.STORM, amount=1, times=1)
    begun = time.monotonic()
    await visit.pods.read(visit.owner, visit.document, max_bytes=MOST)
    assert 1.0 <= time.monotonic() - begun < 3.0


async def test_retry_after_as_a_date_is_waited_for(visit: Visit) -> None:
    until = datetime.now(UTC) + timedelta(seconds=3)
    visit.server.misbehave(visit.path, Awkward.STORM, text=format_datetime(until, usegmt=True), times=1)
    begun = time.monotonic()
    await visit.pods.read(visit.owner, visit.document, max_bytes=MOST)
    assert time.monotonic() - begun > 0.5


async def test_a_long_retry_after_is_not_waited_for(visit: Visit) -> None:
    visit.server.misbehave(visit.path, Awkward.STORM, amount=3600)
    begun = time.monotonic()
    assert await code_of(visit.pods.read(visit.owner, visit.document, max_bytes=MOST)) == "pod.unavailable"
    assert time.monotonic() - begun < 5


async def test_everybody_keeps_the_pause_that_a_server_asks_for(visit: Visit) -> None:
    """Not only the request that was told: another document, as somebody else, is not even asked for."""
    visit.server.misbehave(visit.path, Awkward.STORM, amount=1, times=1)
    other = f"{visit.alice.pod}energy/b.ttl"
    visit.server.put(other, b"<> <x:p> 2 .")
    begun = time.monotonic()
    reading = asyncio.create_task(visit.pods.read(visit.owner, visit.document, max_bytes=MOST))
    await asyncio.sleep(0.3)
    assert await code_of(visit.pods.read(visit.agent, other, max_bytes=MOST)) == "pod.forbidden"
    assert time.monotonic() - begun >= 1.0
    await reading
    visit.server.misbehave(visit.path, Awkward.STORM, amount=3600)
    assert await reading_ends(visit) == "pod.unavailable"
    asked = len(visit.server.requests)
    assert await code_of(visit.pods.read(visit.agent, other, max_bytes=MOST)) == "pod.unavailable"
    assert len(visit.server.requests) == asked


async def reading_ends(visit: Visit) -> str:
    return await code_of(visit.pods.read(visit.owner, visit.document, max_bytes=MOST))


async def test_a_server_that_is_not_there_is_left_alone(visit: Visit) -> None:
    visit.server.misbehave(visit.path, Awkward.BROKEN, amount=503)
    codes = [await reading_ends(visit) for _ in range(3)]  # two attempts each, were it not for the breaker
    assert codes == ["pod.unavailable"] * 3
    asked = [one for one in visit.server.requests if one.path == visit.path]
    assert len(asked) == 5
    assert await reading_ends(visit) == "pod.unavailable"
    assert [one for one in visit.server.requests if one.path == visit.path] == asked
    visit.server.behave()
    await asyncio.sleep(REST)
    assert (await visit.pods.read(visit.owner, visit.document, max_bytes=MOST)).content


async def test_one_broken_document_does_not_close_a_server_to_everybody(visit: Visit) -> None:
    visit.server.misbehave(visit.path, Awkward.BROKEN, amount=503)
    other = f"{visit.alice.pod}energy/b.ttl"
    visit.server.put(other, b"<> <x:p> 2 .")
    for _ in range(4):
        assert await reading_ends(visit) == "pod.unavailable"
        assert (await visit.pods.read(visit.owner, other, max_bytes=MOST)).content


async def test_a_nonce_is_answered(visit: Visit) -> None:
    visit.server.misbehave("*", Awkward.NONCE)
    assert (await visit.pods.read(visit.owner, visit.document, max_bytes=MOST)).content


async def test_a_redirect_takes_no_token_to_another_server(visit: Visit) -> None:
    async with AwkwardPod() as elsewhere:
        visit.server.misbehave(visit.path, Awkward.REDIRECT_AWAY, text=f"{elsewhere.base_url}a.ttl")
        read = visit.pods.read(visit.owner, visit.document, max_bytes=MOST)
        assert await code_of(read) == "fetch.unexpected-answer"
        visit.server.behave()
        visit.server.misbehave(visit.path, Awkward.FOREIGN_ACL, text=f"{elsewhere.base_url}list.acl")
        opened = visit.pods.open_door(visit.owner, visit.door)
        assert await code_of(opened) == "pod.access-control-unsupported"
        assert elsewhere.requests == []


async def test_a_malformed_document_is_the_sandbox_s_to_find(visit: Visit) -> None:
    visit.server.misbehave(visit.path, Awkward.MALFORMED)
    document = await visit.pods.read(visit.owner, visit.document, max_bytes=MOST)
    assert document.content.startswith(b"<a> <b ;")


async def test_a_pod_that_stores_something_else_is_seen_by_reading_back(visit: Visit) -> None:
    visit.server.misbehave("/alice/r.ttl", Awkward.STORES_OTHER)
    url = visit.alice.pod + "r.ttl"
    await visit.pods.create(visit.owner, url, b"<> a <x:Result> .", "text/turtle")
    assert (await visit.pods.read(visit.owner, url, max_bytes=MOST)).content != b"<> a <x:Result> ."


async def test_a_date_beyond_every_calendar_is_no_date(visit: Visit) -> None:
    visit.server.misbehave(visit.path, Awkward.ODD_DATE)
    document = await visit.pods.read(visit.owner, visit.document, max_bytes=MOST)
    assert (bool(document.content), document.modified) == (True, None)
    assert (await visit.pods.state(visit.owner, visit.document)).modified is None


async def test_a_pod_that_stores_and_answers_500_holds_what_it_was_sent(visit: Visit) -> None:
    visit.server.misbehave("/alice/r.ttl", Awkward.STORES_AND_FAILS)
    url = visit.alice.pod + "r.ttl"
    created = visit.pods.create(visit.owner, url, b"<> a <x:Result> .", "text/turtle")
    assert await code_of(created) == "pod.unavailable"
    assert (await visit.pods.read(visit.owner, url, max_bytes=MOST)).content == b"<> a <x:Result> ."


@pytest.mark.parametrize("etag", ["", 'W/"1"', "unquoted"])
async def test_a_door_opens_and_closes_without_usable_tags(visit: Visit, etag: str) -> None:
    visit.server.misbehave("*", Awkward.ODD_ETAG, text=etag)
    assert await visit.pods.open_door(visit.owner, visit.door) is DoorState.OPEN
    assert await visit.pods.close_door(visit.owner, visit.door) is DoorState.CLOSED


async def test_a_tag_that_never_holds_ends_in_a_conflict(visit: Visit) -> None:
    visit.server.put_acl(visit.document, owner_list(visit))
    visit.server.misbehave(visit.path + ".acl", Awkward.ODD_ETAG, text='"not-this-one"')
    assert await code_of(visit.pods.open_door(visit.owner, visit.door)) == "pod.conflict"


async def test_closing_what_the_pod_forgets_to_close_is_told(visit: Visit) -> None:
    visit.server.put_acl(visit.document, owner_list(visit))
    await visit.pods.open_door(visit.owner, visit.door)
    visit.server.misbehave(visit.path + ".acl", Awkward.FORGETS_ACL)
    assert await visit.pods.close_door(visit.owner, visit.door) is DoorState.PARTIAL


async def test_a_huge_container_is_not_read_to_its_end(visit: Visit) -> None:
    visit.server.misbehave("/alice/", Awkward.HUGE_CONTAINER, amount=2_000_000)
    assert await code_of(visit.pods.read(visit.owner, visit.alice.pod, max_bytes=MOST)) == "fetch.too-large"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (Awkward.MALFORMED, "pod.unreadable"),
        (Awkward.LOGIN_PAGE, "pod.unreadable"),
        (Awkward.NESTED, "pod.unreadable"),
        (Awkward.ENDLESS, "fetch.too-large"),
        (Awkward.VANISHED, "pod.no-storage"),
        (Awkward.BROKEN, "pod.no-storage"),
        (Awkward.SLOW, "fetch.timed-out"),
    ],
)
async def test_an_awkward_profile(visit: Visit, kind: Awkward, code: str) -> None:
    visit.server.misbehave("/alice/profile/card", kind)
    assert await code_of(visit.pods.storages(visit.alice.webid)) == code


async def test_a_profile_without_storage_is_climbed_from(visit: Visit) -> None:
    bob = visit.server.add_person("bob", link_storage=False)
    assert await visit.pods.storages(bob.webid, visit.server.access(bob.webid)) == (bob.pod,)
    assert await code_of(visit.pods.storages(visit.agent.webid, visit.agent)) == "pod.no-storage"


async def test_a_storage_of_somebody_else_is_nobodys_storage(visit: Visit) -> None:
    """Not even a pod that everybody may write to passes for one's own."""
    mallory = visit.server.add_person("mallory", link_storage=False)
    access = visit.server.access(mallory.webid)
    issuer = f"<http://www.w3.org/ns/solid/terms#oidcIssuer> <{visit.server.base_url}>"
    stated = f"<{mallory.webid}> {issuer}; <http://www.w3.org/ns/pim/space#storage> <{visit.alice.pod}>"
    visit.server.put(mallory.webid.partition("#")[0], f"{stated} .".encode())
    assert await code_of(visit.pods.storages(mallory.webid, access)) == "pod.no-storage"
    modes = "acl:Read, acl:Write, acl:Append"
    everybody = f"<#all> a acl:Authorization; acl:agentClass foaf:Agent; acl:mode {modes};"
    places = f"acl:accessTo <{visit.alice.pod}>; acl:default <{visit.alice.pod}>."
    names = "@prefix acl: <http://www.w3.org/ns/auth/acl#>. @prefix foaf: <http://xmlns.com/foaf/0.1/>."
    alice = f"acl:agent <{visit.alice.webid}>; acl:mode {modes}, acl:Control; {places}"
    visit.server.put_acl(visit.alice.pod, f"{names} {everybody} {places} <#me> a acl:Authorization; {alice}")
    assert await code_of(visit.pods.storages(mallory.webid, access)) == "pod.no-storage"
    assert await visit.pods.storages(visit.alice.webid, visit.owner) == (visit.alice.pod,)
    visit.server.put(mallory.webid.partition("#")[0], f"{stated}, <{mallory.pod}> .".encode())
    assert await visit.pods.storages(mallory.webid, access) == (mallory.pod,)


async def test_a_door_for_its_own_owner_is_refused(visit: Visit) -> None:
    door = type(visit.door)(visit.owner.webid, visit.owner.webid, (visit.document,), None)
    assert await code_of(visit.pods.open_door(visit.owner, door)) == "pod.access-control-unsupported"


@pytest.mark.parametrize(("kind", "how", "code"), LISTING)
async def test_listing_a_container_of_an_awkward_pod(
    visit: Visit, kind: Awkward, how: dict[str, Any], code: str
) -> None:
    container = f"{visit.alice.pod}energy/"
    visit.server.misbehave("/alice/energy/", kind, **how)
    assert await code_of(visit.pods.listing(visit.owner, container)) == code
    visit.server.behave()
    seen = await visit.pods.listing(visit.owner, container)
    assert seen is not None
    assert seen.documents == (visit.document,)


async def test_of_a_wild_listing_only_children_are_believed(visit: Visit) -> None:
    container = f"{visit.alice.pod}energy/"
    visit.server.misbehave("/alice/energy/", Awkward.WILD_LISTING, text="a.ttl below/")
    seen = await visit.pods.listing(visit.owner, container)
    assert seen is not None
    assert (seen.documents, seen.containers) == ((visit.document,), (f"{container}below/",))
    assert seen.refused == 9


@pytest.mark.parametrize(
    "kind", [Awkward.MALFORMED, Awkward.LOGIN_PAGE, Awkward.ENDLESS, Awkward.VANISHED, Awkward.NESTED]
)
async def test_an_index_that_misbehaves_is_told_as_closed(visit: Visit, kind: Awkward) -> None:
    me, index = visit.alice.webid, f"{visit.alice.pod}index.ttl"
    named = f"<{me}> <http://www.w3.org/ns/solid/terms#publicTypeIndex> <{index}> ."
    visit.server.put(me.partition("#")[0], named.encode())
    visit.server.put(index, b"<a> <b> <c> .")
    visit.server.misbehave("/alice/index.ttl", kind)
    async with asyncio.timeout(BOUND):
        found = await visit.pods.catalogue(visit.owner, ())
    assert (found.read, found.closed) == ((), (index,))
