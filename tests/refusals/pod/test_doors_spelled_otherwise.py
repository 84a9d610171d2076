"""No list that its owner would lose by: it names a resource as the pod does, or is taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from solidgate.adapters.access_documents import AccessDocuments
from solidgate.adapters.wac_door import WacDoor
from solidgate.errors import AddressSpelledOtherwise, DoorNotOpen
from solidgate.pod.access_control import AccessDocument, access_document
from solidgate.pod.door import Door, DoorState
from solidgate.pod.rdf import control_document
from solidgate.testing.pod import Awkward

if TYPE_CHECKING:
    from conftest import Visit

LIST = "@prefix acl: <http://www.w3.org/ns/auth/acl#>. <#o> a acl:Authorization; {what} <{where}>."
ACL = "https://pod.example/energy/.acl"


def only(visit: Visit, url: str) -> Door:
    return Door(visit.agent.webid, visit.owner.webid, (url,), None)


def said(what: str, where: str) -> AccessDocument:
    text = LIST.format(what=what, where=where).encode()
    return access_document(control_document(text, "text/turtle", ACL), ACL)


class Above(AccessDocuments):
    """What stands above is this list, whatever is asked."""

    def __init__(self, found: AccessDocument) -> None:
        self._found = found

    async def nearest(self, target: str) -> tuple[AccessDocument, str]:
        return self._found, "https://pod.example/energy/"


@pytest.mark.parametrize(
    ("what", "where", "known"),
    [
        ("acl:default", "https://pod.example/energy/", "https://pod.example/energy/"),
        ("acl:default", "https://pod.example/Energy/", None),
        ("acl:accessTo", "https://pod.example/Energy/", "https://pod.example/energy/"),
    ],
)
async def test_what_is_inherited_tells_how_the_pod_spells(what: str, where: str, known: str | None) -> None:
    door = WacDoor(Above(said(what, where)), cast(Any, None))
    assert await door.known(None, "https://pod.example/energy/a.ttl") == known


@pytest.mark.parametrize("where", ["https://pod.example/energy/a.ttl", "https://pod.example/energy/A.ttl"])
async def test_a_list_of_its_own_tells_how_the_pod_spells(where: str) -> None:
    door = WacDoor(cast(Any, None), cast(Any, None))
    target = "https://pod.example/energy/a.ttl"
    assert await door.known(said("acl:accessTo", where), target) == (target if where == target else None)


async def test_a_resource_of_access_control_for_another_spelling_is_not_written_to(visit: Visit) -> None:
    """This double decides by the list, and has a resource of Access Control Policy at the same address."""
    acl = "@prefix acl: <http://www.w3.org/ns/auth/acl#>. @prefix acp: <http://www.w3.org/ns/solid/acp#>."
    own = f"""{acl} <#r> a acp:AccessControlResource; acp:resource <{visit.document.upper()}>.
    <#o> a acl:Authorization; acl:agent <{visit.owner.webid}>; acl:accessTo <{visit.document}>;
    acl:mode acl:Read, acl:Write, acl:Control."""
    visit.server.put_acl(visit.document, own)
    with pytest.raises(AddressSpelledOtherwise):
        await visit.pods.open_door(visit.owner, only(visit, visit.document))
    assert visit.server.content(visit.document + ".acl") == own.encode()


async def test_a_name_that_its_container_lists_otherwise_is_not_written_about(either_visit: Visit) -> None:
    visit = either_visit
    url = f"{visit.alice.pod}energy/my%20a.ttl"
    visit.server.put(url, b"<> a <x:Y> .")
    visit.server.misbehave("/alice/energy/", Awkward.WILD_LISTING, text="my+a.ttl")
    for attempt in (visit.pods.open_door, visit.pods.door_by_hand):
        with pytest.raises(AddressSpelledOtherwise):
            await attempt(visit.owner, only(visit, url))
    visit.server.behave()
    assert await visit.pods.open_door(visit.owner, only(visit, url)) is DoorState.OPEN


@pytest.mark.parametrize("tag", ["", '"one"', "403"])
async def test_what_may_be_one_document_at_two_addresses_is_not_written_about(
    either_visit: Visit, tag: str
) -> None:
    """Without a tag, or where the owner is not let in at the other one, nothing shows that it is another."""
    visit, folder = either_visit, f"{either_visit.alice.pod}energy/"
    url, other = f"{folder}a%253Ab.ttl", f"{folder}a%3Ab.ttl"
    for one in (url, other):
        visit.server.put(one, b"<> a <x:Y> .")
    path = "/" + other.removeprefix(visit.server.base_url)
    if tag == "403":
        visit.server.misbehave(path, Awkward.ACCESS_ENDS)
    elif not tag:
        visit.server.misbehave("*", Awkward.ODD_ETAG, text="")
    if tag == '"one"':  # each has its own: two documents, one of which is meant
        assert await visit.pods.open_door(visit.owner, only(visit, url)) is DoorState.OPEN
        assert other.encode() not in (visit.server.content(url + visit.server._control.suffix) or b"")
        return
    with pytest.raises(AddressSpelledOtherwise):
        await visit.pods.open_door(visit.owner, only(visit, url))


async def test_a_first_list_that_shuts_its_owner_out_is_taken_away_again(visit: Visit) -> None:
    visit.server.misbehave(visit.path, Awkward.ACCESS_ENDS, after=1)
    with pytest.raises(DoorNotOpen, match="the earlier one is back"):
        await visit.pods.open_door(visit.owner, only(visit, visit.document))
    assert visit.server.content(visit.document + ".acl") is None
    visit.server.behave()
    assert await visit.pods.open_door(visit.owner, only(visit, visit.document)) is DoorState.OPEN


async def test_a_changed_list_that_shuts_its_owner_out_is_put_back(visit: Visit) -> None:
    assert await visit.pods.open_door(visit.owner, only(visit, visit.document)) is DoorState.OPEN
    before = visit.server.content(visit.document + ".acl")
    other = Door(f"{visit.alice.pod}other#it", visit.owner.webid, (visit.document,), None)
    visit.server.misbehave(visit.path, Awkward.ACCESS_ENDS, after=1)
    with pytest.raises(DoorNotOpen, match="the earlier one is back"):
        await visit.pods.open_door(visit.owner, other)
    assert visit.server.content(visit.document + ".acl") == before


async def test_a_list_that_nobody_is_shown_any_more_is_taken_away_again(visit: Visit) -> None:
    """The owner could not even see what shuts them out."""
    visit.server.misbehave(visit.path + ".acl", Awkward.HIDES_ACCESS, after=2, times=1)
    with pytest.raises(DoorNotOpen, match="the earlier one is back"):
        await visit.pods.open_door(visit.owner, only(visit, visit.document))
    assert visit.server.content(visit.document + ".acl") is None
