"""Access control lists, case by case: what is kept, what is added, what is taken back."""

from __future__ import annotations

import pytest

from solidgate.errors import PodUnreadable
from solidgate.pod import wac
from solidgate.pod.access_control import access_document, to_turtle
from solidgate.pod.door import Mode
from solidgate.pod.rdf import control_document
from solidgate.vocab import ACL, FOAF

POD = "https://alice.example/"
DOCUMENT = f"{POD}energy/a.ttl"
ALICE, SPACE, BOB = (
    "https://alice.example/card#me",
    "https://gate.example/spaces/s/agent#it",
    "https://bob.example/#me",
)
PREFIX = "@prefix acl: <http://www.w3.org/ns/auth/acl#>. @prefix foaf: <http://xmlns.com/foaf/0.1/>.\n"
ROOT = (
    PREFIX
    + f"""
<#public> a acl:Authorization; acl:agentClass foaf:Agent; acl:accessTo <./>; acl:mode acl:Read.
<#owner> a acl:Authorization; acl:agent <{ALICE}>; acl:accessTo <./>; acl:default <./>;
  acl:mode acl:Read, acl:Write, acl:Control.
"""
)


def acl(turtle: str, url: str = f"{DOCUMENT}.acl") -> wac.Acl:
    return access_document(control_document(turtle.encode(), "text/turtle", url), url)


def own(*rules: str) -> wac.Acl:
    return acl(PREFIX + "".join(f"<#{n}> a acl:Authorization; {rule}.\n" for n, rule in enumerate(rules)))


def test_only_defaults_are_inherited() -> None:
    root = acl(ROOT, f"{POD}.acl")
    assert {grant.via for grant in wac.grants(root, POD)} == {ACL.agent, ACL.agentClass}
    assert {grant.via for grant in wac.grants(root, POD, inherited=True)} == {ACL.agent}


def test_the_first_list_copies_what_was_inherited() -> None:
    root = acl(ROOT, f"{POD}.acl")
    copy = wac.copied(root, POD, DOCUMENT, f"{DOCUMENT}.acl")
    assert wac.grants(copy, DOCUMENT) == wac.grants(root, POD, inherited=True)
    assert wac.grants(copy, DOCUMENT, inherited=True) == frozenset()
    assert wac.may_be_removed(copy, DOCUMENT, root, POD)


def test_a_copy_for_a_container_covers_what_is_below_it() -> None:
    root = acl(ROOT, f"{POD}.acl")
    copy = wac.copied(root, POD, f"{POD}energy/", f"{POD}energy/.acl")
    assert wac.grants(copy, f"{POD}energy/", inherited=True) == wac.grants(root, POD, inherited=True)


def test_conditions_of_an_inherited_rule_are_kept_word_for_word() -> None:
    turtle = (
        PREFIX
        + f"""
    <#c> a acl:Authorization; acl:agent <{BOB}>; acl:default <./>; acl:mode acl:Read;
      acl:origin <https://app.example>;
      acl:condition [ a acl:ClientCondition; acl:client <https://app.example/id> ].
    """
    )
    copy = wac.copied(acl(turtle, f"{POD}.acl"), POD, DOCUMENT, f"{DOCUMENT}.acl")
    written = to_turtle(copy).decode()
    assert "ClientCondition" in written
    assert "https://app.example/id" in written
    assert (
        wac.modes_of(wac.grants(copy, DOCUMENT), BOB) == frozenset()
    )  # from anywhere: no, from one origin only


def test_opening_a_list_without_the_owner_adds_the_owner() -> None:
    found = wac.opened(
        own(f"acl:agentGroup <{POD}g#us>; acl:accessTo <{DOCUMENT}>; acl:mode acl:Control"),
        DOCUMENT, SPACE, ALICE, [Mode.READ],
    )  # fmt: skip
    assert wac.owner_safe(found, DOCUMENT, ALICE)
    assert wac.modes_of(wac.grants(found, DOCUMENT), SPACE) == {Mode.READ}


def test_control_of_the_owner_must_reach_below_a_container() -> None:
    container = f"{POD}r/"
    here = f"acl:agent <{ALICE}>; acl:accessTo <{container}>; acl:mode acl:Control"
    assert not wac.owner_safe(own(here), container, ALICE)
    assert wac.owner_safe(wac.with_owner(own(here), container, ALICE), container, ALICE)


def test_opening_narrows_what_the_agent_had() -> None:
    wide = own(
        f"acl:agent <{SPACE}>, <{BOB}>; acl:accessTo <{DOCUMENT}>; acl:mode acl:Read, acl:Write, acl:Control"
    )
    found = wac.opened(wide, DOCUMENT, SPACE, ALICE, [Mode.READ])
    assert wac.modes_of(wac.grants(found, DOCUMENT), SPACE) == {Mode.READ}
    assert wac.modes_of(wac.grants(found, DOCUMENT), BOB) == {Mode.READ, Mode.WRITE, Mode.CONTROL}


def test_opening_twice_is_opening_once() -> None:
    once = wac.opened(acl(ROOT, f"{POD}.acl"), POD, SPACE, ALICE, [Mode.READ])
    assert set(wac.opened(once, POD, SPACE, ALICE, [Mode.READ]).triples) == set(once.triples)


def test_closing_takes_the_agent_out_of_shared_rules_and_away_from_its_own() -> None:
    shared = f"acl:agent <{SPACE}>, <{BOB}>; acl:accessTo <{DOCUMENT}>; acl:mode acl:Read"
    alone = f"acl:agent <{SPACE}>; acl:accessTo <{DOCUMENT}>; acl:mode acl:Read"
    public = f"acl:agent <{SPACE}>; acl:agentClass foaf:Agent; acl:accessTo <{DOCUMENT}>; acl:mode acl:Read"
    left = wac.closed(own(shared, alone, public), SPACE)
    assert not wac.names(left, SPACE)
    assert {(grant.via, grant.who) for grant in wac.grants(left, DOCUMENT)} == {
        (ACL.agent, BOB),
        (ACL.agentClass, FOAF.Agent.value),
    }


def test_a_rule_without_its_type_or_target_gives_nothing() -> None:
    untyped = acl(PREFIX + f"<#a> acl:agent <{BOB}>; acl:accessTo <{DOCUMENT}>; acl:mode acl:Read.")
    assert wac.grants(untyped, DOCUMENT) == frozenset()
    assert wac.grants(own(f"acl:agent <{BOB}>; acl:mode acl:Read"), DOCUMENT) == frozenset()


@pytest.mark.parametrize(
    "rule",
    [
        f"<#mine> a acl:Authorization; acl:agent <{BOB}>; acl:accessTo <{DOCUMENT}>; acl:mode acl:Read.",
        f"[] a acl:Authorization; acl:agent <{BOB}>; acl:accessTo <{DOCUMENT}>; acl:mode acl:Read.",
        "<> <http://purl.org/dc/terms/description> 'mine'.",
    ],
)
def test_a_list_that_holds_more_than_our_copy_is_never_removed(rule: str) -> None:
    root = acl(ROOT, f"{POD}.acl")
    copy = wac.copied(root, POD, DOCUMENT, f"{DOCUMENT}.acl")
    more = wac.Acl(copy.url, (*copy.triples, *acl(PREFIX + rule).triples))
    assert not wac.may_be_removed(more, DOCUMENT, root, POD)


def test_a_copy_of_something_that_changed_since_is_kept() -> None:
    copy = wac.copied(acl(ROOT, f"{POD}.acl"), POD, DOCUMENT, f"{DOCUMENT}.acl")
    changed = ROOT + f"<#bob> a acl:Authorization; acl:agent <{BOB}>; acl:default <./>; acl:mode acl:Read."
    assert not wac.may_be_removed(copy, DOCUMENT, acl(changed, f"{POD}.acl"), POD)


def test_what_is_written_reads_back_the_same() -> None:
    found = wac.opened(acl(ROOT, f"{POD}.acl"), POD, SPACE, ALICE, [Mode.READ, Mode.WRITE], below=True)
    again = acl(to_turtle(found).decode(), f"{POD}.acl")
    assert set(again.triples) == set(found.triples)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<a> <b", "text/turtle"),
        (b"<html>", "text/html"),
        (b"", None),
        (b"\xff\xfe", "text/turtle"),
        (b'{"@context": "https://elsewhere.example/c"}', "application/ld+json"),
    ],
)
def test_a_control_document_that_is_no_rdf_is_refused(content: bytes, kind: str | None) -> None:
    with pytest.raises(PodUnreadable):
        control_document(content, kind, DOCUMENT)


def test_a_control_document_has_a_most_of_triples() -> None:
    lines = b"".join(b"<a> <b> %d .\n" % number for number in range(11))
    assert len(control_document(lines, "text/turtle; charset=utf-8", DOCUMENT, most=11)) == 11
    with pytest.raises(PodUnreadable):
        control_document(lines, "text/turtle", DOCUMENT, most=10)
