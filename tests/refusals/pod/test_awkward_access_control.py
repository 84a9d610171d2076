"""What can go wrong with Access Control Policy, and with pods whose access control cannot be changed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from solidgate.errors import AccessControlUnsupported, DoorNotOpen, PodUnreadable, SolidgateError
from solidgate.flow.pull import pull
from solidgate.pod.access_control import MOST_STATEMENTS
from solidgate.pod.door import DoorState
from solidgate.testing.pod import Awkward

if TYPE_CHECKING:
    from conftest import Visit

PREFIX = "@prefix acl: <http://www.w3.org/ns/auth/acl#>. @prefix acp: <http://www.w3.org/ns/solid/acp#>.\n"

OPENING = [
    (".acr", Awkward.FORGETS_ACL, {}, "pod.door-not-open"),
    (".acr", Awkward.STORES_OTHER, {}, "pod.door-not-open"),
    (".acr", Awkward.MALFORMED, {}, "pod.unreadable"),
    (".acr", Awkward.LOGIN_PAGE, {}, "pod.unreadable"),
    (".acr", Awkward.ENDLESS, {}, "fetch.too-large"),
    (".acr", Awkward.BROKEN, {"amount": 403}, "pod.access-control-refused"),
    (".acr", Awkward.REFUSES_ACCESS, {}, "pod.access-control-refused"),
    (".acr", Awkward.REFUSES_ACCESS, {"amount": 403}, "pod.access-control-refused"),
    (".acr", Awkward.REFUSES_ACCESS, {"amount": 501}, "pod.access-control-refused"),
    (".acr", Awkward.BROKEN, {"amount": 503}, "pod.unavailable"),
    ("", Awkward.FOREIGN_ACL, {}, "pod.access-control-unsupported"),
    ("", Awkward.NO_ACL, {}, "pod.access-control-unsupported"),
]


def policy_of(visit: Visit, policy: str) -> str:
    """The document's own resource with one more policy."""
    return f"""{PREFIX}<#r> a acp:AccessControlResource; acp:resource <{visit.document}>;
    acp:accessControl <#c>. <#c> a acp:AccessControl; acp:apply <#p>. <#p> a acp:Policy; {policy}."""


@pytest.mark.parametrize(("where", "kind", "how", "code"), OPENING)
async def test_opening_a_door_at_an_awkward_pod(
    acp_visit: Visit, where: str, kind: Awkward, how: dict[str, Any], code: str
) -> None:
    visit = acp_visit
    visit.server.put_acl(
        visit.document, policy_of(visit, "acp:allow acl:Read; acp:anyOf [ acp:agent <x:b> ]")
    )
    visit.server.misbehave(visit.path + where, kind, **how)
    with pytest.raises(SolidgateError) as refusal:
        await asyncio.wait_for(visit.pods.open_door(visit.owner, visit.door), 6)
    assert refusal.value.code == code
    visit.server.behave()
    assert (await visit.pods.state(visit.owner, visit.document)).exists


@pytest.mark.parametrize("etag", ["", 'W/"1"', "unquoted"])
async def test_a_door_opens_and_closes_without_usable_tags(either_visit: Visit, etag: str) -> None:
    either_visit.server.misbehave("*", Awkward.ODD_ETAG, text=etag)
    assert await either_visit.pods.open_door(either_visit.owner, either_visit.door) is DoorState.OPEN
    assert await either_visit.pods.close_door(either_visit.owner, either_visit.door) is DoorState.CLOSED


async def test_a_pod_that_deletes_no_resource_of_access_control_is_closed_by_writing(
    acp_visit: Visit,
) -> None:
    """Where every resource has one, as at Enterprise Solid Server, it is emptied of what is ours."""
    visit = acp_visit
    assert await visit.pods.open_door(visit.owner, visit.door) is DoorState.OPEN
    visit.server.misbehave(visit.path + ".acr", Awkward.REFUSES_DELETE)
    assert await visit.pods.close_door(visit.owner, visit.door) is DoorState.CLOSED
    left = visit.server.content(visit.document + ".acr")
    assert left is not None
    assert visit.agent.webid.encode() not in left


async def test_a_policy_that_denies_is_seen_and_stays(acp_visit: Visit) -> None:
    """A door that a denial shuts is not called open, and the denial is the person's own word."""
    visit = acp_visit
    denial = f"acp:deny acl:Read; acp:anyOf [ a acp:Matcher; acp:agent <{visit.agent.webid}> ]"
    visit.server.put_acl(visit.document, policy_of(visit, denial))
    with pytest.raises(DoorNotOpen):
        await visit.pods.open_door(visit.owner, visit.door)
    assert await visit.pods.door_state(visit.owner, visit.door) is not DoorState.OPEN
    assert await visit.pods.door_state(visit.agent, visit.door) is not DoorState.OPEN
    assert b"deny" in (visit.server.content(visit.document + ".acr") or b"")


async def test_nothing_is_pulled_through_a_door_that_was_closed_behind_us(either_visit: Visit) -> None:
    visit = either_visit
    await visit.pods.open_door(visit.owner, visit.door)
    found = await pull(visit.world(), visit.active(visit.document), visit.agent, [visit.document], visit.door)
    assert len(found.documents) == 1
    await visit.pods.close_door(visit.owner, visit.door)
    mark = visit.server.mark()
    with pytest.raises(SolidgateError) as refusal:
        await pull(visit.world(), visit.active(visit.document), visit.agent, [visit.document], visit.door)
    assert refusal.value.code == "pod.door-not-open"
    assert 200 not in {seen.status for seen in visit.server.requests_since(mark)}


async def test_an_agent_that_is_let_in_by_a_client_only_is_no_open_and_no_closed_door(
    acp_visit: Visit,
) -> None:
    visit = acp_visit
    matcher = f"a acp:Matcher; acp:agent <{visit.agent.webid}>; acp:client <https://other.example/>"
    visit.server.put_acl(visit.document, policy_of(visit, f"acp:allow acl:Read; acp:anyOf [ {matcher} ]"))
    door = type(visit.door)(visit.agent.webid, visit.owner.webid, (visit.document,), None)
    assert await visit.pods.door_state(visit.owner, door) is DoorState.PARTIAL
    assert await visit.pods.open_door(visit.owner, door) is DoorState.OPEN
    assert await visit.pods.close_door(visit.owner, door) is DoorState.CLOSED


async def test_what_the_pod_has_under_another_name_is_recognised(visit: Visit) -> None:
    """An access control resource at an address that ends with .acl, known by its content."""
    visit.server.put_acl(visit.document, policy_of(visit, "acp:allow acl:Read") + owner_list(visit))
    await visit.pods.open_door(
        visit.owner, type(visit.door)(visit.agent.webid, visit.owner.webid, (visit.document,), None)
    )
    written = visit.server.content(visit.document + ".acl") or b""
    assert b"solidgate-agent-" in written
    assert b"acp:Matcher" in written


def owner_list(visit: Visit) -> str:
    """What keeps the owner in at this double, which decides by WAC."""
    return (
        f"<#o> a acl:Authorization; acl:agent <{visit.owner.webid}>; acl:accessTo <{visit.document}>;"
        "acl:mode acl:Read, acl:Write, acl:Control."
    )


async def test_an_access_document_that_says_too_much_is_not_read(acp_visit: Visit) -> None:
    """Each of its policies is looked at: a long list would hold up everybody else's requests."""
    applied = ", ".join(f"<#p{number}>" for number in range(MOST_STATEMENTS))
    acp_visit.server.put_acl(
        acp_visit.document,
        f"{PREFIX}<#r> acp:resource <{acp_visit.document}>; acp:accessControl <#c>."
        f" <#c> acp:apply {applied}.",
    )
    with pytest.raises(PodUnreadable):
        await acp_visit.pods.open_door(acp_visit.owner, acp_visit.door)


async def test_a_list_whose_address_is_no_iri_is_not_followed(acp_visit: Visit) -> None:
    server = acp_visit.server
    place = acp_visit.document.rpartition("/")[0] + "/a{b.acr"
    server.misbehave(acp_visit.path, Awkward.FOREIGN_ACL, text=place)
    with pytest.raises(AccessControlUnsupported):
        await acp_visit.pods.open_door(acp_visit.owner, acp_visit.door)
