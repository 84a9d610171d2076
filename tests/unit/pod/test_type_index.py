"""What type indexes say, as real ones are written and as nobody should write them."""

from __future__ import annotations

from pyoxigraph import Quad

from solidgate.pod.rdf import control_document
from solidgate.pod.type_index import (
    MOST_REGISTRATIONS,
    Registered,
    Registration,
    extended,
    indexes,
    preferences,
    registrations,
)

PREFIXES = b"""@prefix solid: <http://www.w3.org/ns/solid/terms#>. @prefix pim: <http://www.w3.org/ns/pim/space#>.
@prefix foaf: <http://xmlns.com/foaf/0.1/>. @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#>.
"""
ME = "https://a.example/card#me"


def parsed(turtle: bytes, base: str = "https://a.example/card") -> list[Quad]:
    return control_document(PREFIXES + turtle, "text/turtle", base)


def test_a_profile_names_indexes_preferences_and_more_of_itself() -> None:
    profile = parsed(
        b"""<#me> solid:privateTypeIndex </settings/private.ttl>, </settings/private.ttl#it> ;
        solid:publicTypeIndex </settings/public.ttl> ; pim:preferencesFile </settings/prefs.ttl> ;
        rdfs:seeAlso </extended> ; foaf:isPrimaryTopicOf </more> .
        <#you> solid:publicTypeIndex </not-mine.ttl> ; pim:preferencesFile </not-mine> ."""
    )
    root = "https://a.example/"
    assert indexes(profile, ME) == (f"{root}settings/public.ttl", f"{root}settings/private.ttl")
    assert preferences(profile, ME) == (f"{root}settings/prefs.ttl",)
    assert extended(profile, ME) == (f"{root}extended", f"{root}more")


def test_registrations_as_they_are_found_in_real_indexes() -> None:
    index = parsed(
        b"""<> a solid:TypeIndex, solid:UnlistedDocument .
        <#1> a solid:TypeRegistration ; solid:forClass <urn:A> ; solid:instance </a.ttl#it>, </b.ttl> .
        <#2> solid:forClass <urn:A>, <urn:B> ; solid:instanceContainer </c/>, </d> .
        [] solid:forClass <urn:C> ; solid:instance </e.ttl> .""",
        "https://a.example/settings/index.ttl",
    )
    root = "https://a.example/"
    found = registrations(index, {"urn:A", "urn:B", "urn:C"})
    assert not found.cut
    assert set(found.found) == {
        Registration("urn:A", f"{root}a.ttl", False),
        Registration("urn:A", f"{root}b.ttl", False),
        Registration("urn:A", f"{root}c/", True),
        Registration("urn:A", f"{root}d/", True),
        Registration("urn:B", f"{root}c/", True),
        Registration("urn:B", f"{root}d/", True),
        Registration("urn:C", f"{root}e.ttl", False),
    }


def test_what_says_nothing_is_no_registration() -> None:
    index = parsed(
        b"""<#1> a solid:TypeRegistration ; solid:forClass <urn:A> .
        <#2> a solid:TypeRegistration ; solid:instance </a.ttl> .
        <#3> solid:forClass "urn:A" ; solid:instance </a.ttl> .
        <#4> solid:forClass <urn:A> ; solid:instance "https://a.example/a.ttl", [] ."""
    )
    assert registrations(index, {"urn:A"}).found == ()


def test_a_small_index_cannot_mean_more_than_a_bounded_number_of_places() -> None:
    """Each class with each document: 4,000,000 pairs in 60 kB."""
    classes = ", ".join(f"<urn:c{number}>" for number in range(2000))
    places = ", ".join(f"</{number}.ttl>" for number in range(2000))
    index = parsed(f"<#1> solid:forClass {classes} ; solid:instance {places} .".encode())
    found = registrations(index, {f"urn:c{number}" for number in range(2000)})
    assert (len(found.found), found.cut) == (MOST_REGISTRATIONS, True)


def test_what_nobody_looks_for_hides_nothing() -> None:
    foreign = "".join(
        f"<#{n}> solid:forClass <urn:o{n}> ; solid:instance </{n}.ttl> .\n" for n in range(1500)
    )
    wanted = "<#w> solid:forClass <urn:W> ; solid:instance </w.ttl> ."
    found = registrations(parsed((foreign + wanted).encode()), {"urn:W"})
    assert found == Registered((Registration("urn:W", "https://a.example/w.ttl", False),))


def test_exactly_as_many_as_fit_are_not_cut() -> None:
    places = ", ".join(f"</{number}.ttl>, </{number}.ttl#it>" for number in range(MOST_REGISTRATIONS))
    found = registrations(
        parsed(f"<#1> solid:forClass <urn:W> ; solid:instance {places} .".encode()), ["urn:W"]
    )
    assert (len(found.found), found.cut) == (MOST_REGISTRATIONS, False)
