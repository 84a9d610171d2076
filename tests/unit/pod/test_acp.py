"""Access control resources, case by case: what is added, what is taken back, what is left alone."""

from __future__ import annotations

import pytest

from solidgate.identity.access_token import VerifiedAccessToken
from solidgate.pod import acp
from solidgate.pod.access_control import (
    AccessControl,
    AccessDocument,
    access_document,
    kind_of_content,
    kind_of_links,
    to_turtle,
)
from solidgate.pod.door import READ_AND_WRITE, READ_ONLY, Mode
from solidgate.pod.policy import modes_of, policies, reach_of
from solidgate.pod.rdf import control_document
from solidgate.testing.pod_acp import AcpOfPod

POD = "https://alice.example/"
DOCUMENT, RESULTS = f"{POD}energy/a.ttl", f"{POD}results/"
ALICE, SPACE, BOB = (
    "https://alice.example/card#me",
    "https://gate.example/spaces/s/agent#it",
    "https://bob.example/#me",
)
PREFIX = "@prefix acl: <http://www.w3.org/ns/auth/acl#>. @prefix acp: <http://www.w3.org/ns/solid/acp#>.\n"
EMPTY = AccessDocument(f"{DOCUMENT}.acr", ())
OWNER_ABOVE = policies(
    access_document(
        control_document(AcpOfPod().document(POD, ALICE, public=False).encode(), "text/turtle", f"{POD}.acr"),
        f"{POD}.acr",
    ),
    POD,
    members=True,
)


def acr(policy: str, matchers: str = "", url: str = f"{DOCUMENT}.acr") -> AccessDocument:
    """A resource with one policy, and the matchers it names."""
    turtle = f"""{PREFIX} <#root> a acp:AccessControlResource; acp:resource <{DOCUMENT}>;
    acp:accessControl <#c>. <#c> a acp:AccessControl; acp:apply <#p>.
    <#p> a acp:Policy; {policy}. {matchers}"""
    return access_document(control_document(turtle.encode(), "text/turtle", url), url)


def allowed(document: AccessDocument, who: str | None, client: str = "https://c.example/") -> set[str]:
    """By the double's own decision."""
    held = {document.url: to_turtle(document)}
    caller = VerifiedAccessToken(who, "https://i.example/", client) if who else None
    return set(AcpOfPod().modes(held.get, document.url.removesuffix(".acr"), caller))


def test_a_document_is_opened_to_read_and_nothing_else() -> None:
    given = acp.opened(EMPTY, DOCUMENT, SPACE, READ_ONLY)
    assert allowed(given, SPACE) == {"read"}
    assert allowed(given, BOB) == allowed(given, None) == set()
    assert policies(given, DOCUMENT, members=True) == ()
    assert set(acp.opened(given, DOCUMENT, SPACE, READ_ONLY).triples) == set(given.triples)


def test_a_container_is_opened_with_what_is_below_it() -> None:
    given = acp.opened(AccessDocument(f"{RESULTS}.acr", ()), RESULTS, SPACE, READ_AND_WRITE, below=True)
    assert modes_of(policies(given, RESULTS), SPACE) == READ_AND_WRITE
    assert modes_of(policies(given, RESULTS, members=True), SPACE) == READ_AND_WRITE


def test_every_node_is_recognised_as_ours() -> None:
    given = acp.opened(EMPTY, DOCUMENT, SPACE, READ_ONLY)
    assert all(given.is_ours(triple.subject) for triple in given.triples)


def test_the_resource_that_is_there_is_used() -> None:
    before = acr("acp:allow acl:Read; acp:anyOf <#m>", f"<#m> a acp:Matcher; acp:agent <{BOB}>.")
    given = acp.opened(before, DOCUMENT, SPACE, READ_ONLY)
    assert set(before.triples) < set(given.triples)
    assert len([t for t in given.triples if t.predicate.value.endswith("#resource")]) == 1
    assert set(acp.closed(given, SPACE).triples) == set(before.triples)


def test_closing_what_was_made_leaves_nothing() -> None:
    given = acp.opened(EMPTY, DOCUMENT, SPACE, READ_ONLY)
    left = acp.closed(given, SPACE)
    assert left.triples == ()
    assert acp.may_be_removed(left, DOCUMENT, ALICE, OWNER_ABOVE)


def test_two_spaces_close_one_by_one() -> None:
    both = acp.opened(acp.opened(EMPTY, DOCUMENT, SPACE, READ_ONLY), DOCUMENT, BOB, READ_ONLY)
    left = acp.closed(both, SPACE)
    assert (allowed(left, SPACE), allowed(left, BOB)) == (set(), {"read"})
    assert not acp.may_be_removed(left, DOCUMENT, ALICE, OWNER_ABOVE)


def test_the_owner_is_added_only_where_nothing_gives_control() -> None:
    given = acp.opened(EMPTY, DOCUMENT, SPACE, READ_ONLY)
    assert acp.with_owner(given, DOCUMENT, ALICE, OWNER_ABOVE) == given
    safe = acp.with_owner(given, DOCUMENT, ALICE, ())
    assert allowed(safe, ALICE) == {"read", "write", "append", "control"}
    left = acp.closed(safe, SPACE)
    assert not acp.may_be_removed(left, DOCUMENT, ALICE, ()), "the owner's only entry is kept"
    assert acp.may_be_removed(left, DOCUMENT, ALICE, OWNER_ABOVE)


def test_an_owner_who_is_denied_control_is_not_safe() -> None:
    denied = acr("acp:deny acl:Control; acp:anyOf <#m>", f"<#m> a acp:Matcher; acp:agent <{ALICE}>.")
    assert not acp.owner_safe(denied, DOCUMENT, ALICE, OWNER_ABOVE)


# policy, matchers, and who must have the same before and after the space is closed out
SHARED = [
    (
        "acp:allow acl:Read; acp:anyOf <#m>",
        "<#m> a acp:Matcher; acp:agent <{SPACE}>, <{BOB}>.",
    ),
    (
        "acp:allow acl:Read; acp:anyOf <#m>, <#n>",
        "<#m> a acp:Matcher; acp:agent <{SPACE}>. <#n> a acp:Matcher; acp:agent <{BOB}>.",
    ),
    (
        "acp:allow acl:Read; acp:allOf <#n>; acp:anyOf <#m>",
        "<#m> a acp:Matcher; acp:agent <{SPACE}>. <#n> a acp:Matcher; acp:client <https://c.example/>.",
    ),
    (
        "acp:allow acl:Read; acp:anyOf <#m>",
        "<#m> a acp:Matcher; acp:agent <{SPACE}>; acp:client <https://c.example/>.",
    ),
    (
        "acp:allow acl:Read; acp:allOf [ a acp:Matcher; acp:agent <{SPACE}> ], <#n>",
        "<#n> a acp:Matcher; acp:agent acp:AuthenticatedAgent.",
    ),
]


@pytest.mark.parametrize(("policy", "matchers"), SHARED)
def test_what_others_wrote_for_the_space_is_taken_back_from_it_alone(policy: str, matchers: str) -> None:
    names = {"SPACE": SPACE, "BOB": BOB}
    before = acr(policy.format(**names), matchers.format(**names))
    assert allowed(before, SPACE) == {"read"}
    after = acp.closed(before, SPACE)
    assert allowed(after, SPACE) == set()
    assert reach_of(policies(after, DOCUMENT), SPACE) == frozenset()
    for who in (BOB, ALICE, None):
        assert allowed(after, who) == allowed(before, who)


LEFT_ALONE = [
    # A matcher that also keeps the space out of another policy: without the name the space would gain.
    (
        "acp:allow acl:Read; acp:anyOf <#m>. <#c> acp:apply <#q>. <#q> a acp:Policy; acp:allow acl:Write;"
        "acp:anyOf <#all>; acp:noneOf <#m>",
        "<#m> a acp:Matcher; acp:agent <{SPACE}>, <{BOB}>. <#all> a acp:Matcher; acp:agent acp:PublicAgent.",
    ),
    # A policy that denies: without it the space, or Bob, would gain.
    (
        "acp:allow acl:Read; acp:deny acl:Write; acp:anyOf <#m>",
        "<#m> a acp:Matcher; acp:agent <{SPACE}>, <{BOB}>.",
    ),
    # A policy that denies the space alone: without it the space would gain what everybody has.
    (
        "acp:allow acl:Read; acp:deny acl:Write; acp:anyOf <#m>. <#c> acp:apply <#q>. <#q> a acp:Policy;"
        "acp:allow acl:Write; acp:anyOf <#all>",
        "<#m> a acp:Matcher; acp:agent <{SPACE}>. <#all> a acp:Matcher; acp:agent acp:PublicAgent.",
    ),
    # Named only to be kept out.
    (
        "acp:allow acl:Read; acp:anyOf <#all>; acp:noneOf <#m>",
        "<#m> a acp:Matcher; acp:agent <{SPACE}>. <#all> a acp:Matcher; acp:agent acp:PublicAgent.",
    ),
]


@pytest.mark.parametrize(("policy", "matchers"), LEFT_ALONE)
def test_what_would_widen_somebodys_access_is_left_alone(policy: str, matchers: str) -> None:
    names = {"SPACE": SPACE, "BOB": BOB}
    before = acr(policy.format(**names), matchers.format(**names))
    after = acp.closed(before, SPACE)
    for who in (SPACE, BOB, ALICE, None):
        assert allowed(after, who) == allowed(before, who)


def test_a_blank_matcher_that_two_policies_share_stays_whole() -> None:
    before = acr(
        f"acp:allow acl:Read; acp:anyOf _:m. <#c> acp:apply _:p. _:p a acp:Policy; acp:allow acl:Append;"
        f"acp:anyOf _:m. _:m a acp:Matcher; acp:agent <{SPACE}>. <#c> acp:apply <#q>. <#q> a acp:Policy;"
        "acp:allow acl:Write; acp:anyOf <#all>; acp:noneOf _:m",
        "<#all> a acp:Matcher; acp:agent acp:PublicAgent.",
    )
    after = acp.closed(before, SPACE)
    assert allowed(after, SPACE) == set(), "and not Write, which only the matcher kept from it"
    assert allowed(after, BOB) == {"write", "append"}


def test_a_policy_that_only_other_documents_apply_stays_as_it_is() -> None:
    narrowed = f"acp:agent <{SPACE}>; acp:client <https://c.example/>"
    before = acr(
        "acp:allow acl:Read; acp:anyOf [ a acp:Matcher; acp:agent acp:PublicAgent ]",
        f"<#elsewhere> a acp:Policy; acp:allow acl:Read; acp:anyOf <#m>. <#m> a acp:Matcher; {narrowed}.",
    )
    assert acp.closed(before, SPACE) == before


def test_a_narrowed_matcher_promises_nothing_and_is_not_called_closed() -> None:
    found = policies(
        acr(
            "acp:allow acl:Read; acp:anyOf <#m>",
            f"<#m> a acp:Matcher; acp:agent <{SPACE}>; acp:client <https://c.example/>.",
        ),
        DOCUMENT,
    )
    assert (modes_of(found, SPACE), reach_of(found, SPACE)) == (frozenset(), {Mode.READ})


def test_everybody_s_access_is_nobody_s_door() -> None:
    found = policies(
        acr("acp:allow acl:Read; acp:anyOf <#m>", "<#m> a acp:Matcher; acp:agent acp:PublicAgent."), DOCUMENT
    )
    assert modes_of(found, SPACE) == reach_of(found, SPACE) == frozenset()
    assert modes_of(found, SPACE, anyhow=True) == {Mode.READ}


def test_which_access_control_it_is_says_the_pod_and_not_the_address() -> None:
    base = f"{DOCUMENT}.acl"
    assert (
        kind_of_links(['<http://www.w3.org/ns/solid/acp#AccessControlResource>; rel="type"'], base) == "acp"
    )
    assert (
        kind_of_links(
            ['<http://www.w3.org/ns/auth/acl#Read>; rel="http://www.w3.org/ns/solid/acp#grant"'], base
        )
        == AccessControl.ACP
    )
    assert kind_of_links([f'<{DOCUMENT}.acr>; rel="acl"', "<x>; rel=type"], f"{DOCUMENT}.acr") is None
    assert kind_of_content(acp.opened(EMPTY, DOCUMENT, SPACE, READ_ONLY)) is AccessControl.ACP
    assert kind_of_content(EMPTY) is AccessControl.WAC
