"""What is left out of a profile that names more than is looked at: told by its address, never in silence."""

from __future__ import annotations

import pytest

from solidgate.errors import NoStorage
from tests.refusals.pod.conftest import Visit

SOLID, PIM = "http://www.w3.org/ns/solid/terms#", "http://www.w3.org/ns/pim/space#"
SEE_ALSO = "http://www.w3.org/2000/01/rdf-schema#seeAlso"
KIND = "urn:W"


def names(visit: Visit, predicate: str, number: int) -> list[str]:
    """So many documents of alice, which are there and say nothing, by this predicate of her profile."""
    urls = [f"{visit.alice.pod}more/{predicate[-4:]}{place}.ttl" for place in range(number)]
    for url in urls:
        visit.server.put(url, b"<#a> <urn:b> <urn:c> .")
    card = visit.alice.webid.partition("#")[0]
    said = " ".join(f"<{visit.alice.webid}> <{predicate}> <{url}> ." for url in urls)
    visit.server.put(card, (visit.server.content(card) or b"") + b"\n" + said.encode())
    return urls


@pytest.mark.parametrize(
    ("predicate", "most"),
    [
        (f"{SOLID}publicTypeIndex", 8),
        (f"{SOLID}privateTypeIndex", 8),
        (f"{PIM}preferencesFile", 4),
        (SEE_ALSO, 4),
    ],
)
async def test_the_first_document_that_is_not_opened_is_told(visit: Visit, predicate: str, most: int) -> None:
    named = names(visit, predicate, most)
    assert (await visit.pods.catalogue(visit.owner, {KIND})).cut == ()
    named = names(visit, predicate, most + 3)
    mark = visit.server.mark()
    found = await visit.pods.catalogue(visit.owner, {KIND})
    opened = {f"{visit.server.base_url}{one.path[1:]}" for one in visit.server.requests_since(mark)}
    assert len(found.cut) == 1
    assert set(found.cut) <= set(named) - opened


async def test_an_index_with_more_than_is_kept_is_told(visit: Visit) -> None:
    index, *_ = names(visit, f"{SOLID}publicTypeIndex", 1)
    places = ", ".join(f"</p{number}>" for number in range(1001))
    content = f"<#1> <{SOLID}forClass> <{KIND}>, <urn:other> ; <{SOLID}instance> {places} ."
    visit.server.put(index, content.encode())
    found = await visit.pods.catalogue(visit.owner, {KIND})
    assert (len(found.registrations), found.read, found.cut) == (1000, (), (index,))
    found = await visit.pods.catalogue(visit.owner, {"urn:nobody"})
    assert (found.registrations, found.read, found.cut) == ((), (index,), ())


async def test_more_storages_than_are_asked_are_told(visit: Visit) -> None:
    card = visit.alice.webid.partition("#")[0]
    names(visit, f"{PIM}storage", 9)
    assert (await visit.pods.catalogue(visit.owner, {KIND})).cut == ()
    names(visit, f"{PIM}storage", 12)
    assert (await visit.pods.catalogue(visit.owner, {KIND})).cut == (card,)
    foreign = " ".join(
        f"<{visit.alice.webid}> <{PIM}storage> <{visit.server.base_url}x{n}/> ." for n in range(11)
    )
    visit.server.put(card, foreign.encode())
    with pytest.raises(NoStorage, match="first 10"):
        await visit.pods.storages(visit.alice.webid, visit.owner)
