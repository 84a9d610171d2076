"""Whatever the policies of a pod say: opening gives the agent what was asked, closing takes it back, and
nobody else gains or loses anything.

The judge is the double's own decision (all attributes of a request), not the code under test. Everybody comes
with every client and from every issuer that a matcher might name.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from hypothesis import event, given, settings
from hypothesis import strategies as st

from solidgate.identity.access_token import VerifiedAccessToken
from solidgate.pod import acp
from solidgate.pod.access_control import AccessDocument, access_document, to_turtle
from solidgate.pod.container import ancestors, is_container
from solidgate.pod.door import READ_AND_WRITE, READ_ONLY, Mode
from solidgate.pod.policy import Policy, modes_of, policies, reach_of
from solidgate.pod.rdf import control_document
from solidgate.testing.pod_acp import AcpOfPod
from solidgate.testing.pod_store import Shelves

BASE = "https://pod.example/"
ROOT = f"{BASE}alice/"
MIDDLE = f"{ROOT}energy/"
TARGETS = (f"{MIDDLE}a.ttl", f"{MIDDLE}results/")
OWNER, AGENT, BOB = "https://a.example/#me", "https://it.example/#it", "https://b.example/#me"
CLIENTS = ("https://c.example/app", "https://c.example/other")
ISSUERS = ("https://i.example/", "https://j.example/")
PREFIX = "@prefix acl: <http://www.w3.org/ns/auth/acl#>. @prefix acp: <http://www.w3.org/ns/solid/acp#>.\n"
NOBODY = None
OTHERS = (OWNER, BOB, "https://n.example/")


@dataclass(frozen=True)
class Who:
    """One matcher, as somebody might have written it."""

    agents: frozenset[str]
    clients: frozenset[str]
    issuers: frozenset[str]

    def turtle(self) -> str:
        parts = ["a acp:Matcher"]
        parts += [f"acp:agent {agent}" for agent in sorted(self.agents)]
        parts += [f"acp:client {client}" for client in sorted(self.clients)]
        parts += [f"acp:issuer <{issuer}>" for issuer in sorted(self.issuers)]
        return "; ".join(parts) + ".\n"


@dataclass(frozen=True)
class Rule:
    """One policy over the document's matchers (by their place), and where it applies."""

    allow: frozenset[str]
    deny: frozenset[str]
    every: frozenset[int]
    some: frozenset[int]
    none: frozenset[int]
    here: bool
    below: bool

    def turtle(self, number: int, name: str, matcher: str, count: int) -> str:
        parts = ["a acp:Policy"]
        parts += [f"acp:allow {mode}" for mode in sorted(self.allow)]
        parts += [f"acp:deny {mode}" for mode in sorted(self.deny)]
        for condition, places in (("allOf", self.every), ("anyOf", self.some), ("noneOf", self.none)):
            parts += [
                f"acp:{condition} {matcher}{place % count}" + matcher_end(matcher) for place in sorted(places)
            ]
        text = f"{name}{number}{matcher_end(name)} {'; '.join(parts)}.\n"
        text += f"<#control{number}> a acp:AccessControl; acp:apply {name}{number}{matcher_end(name)}.\n"
        text += f"<#root> acp:accessControl <#control{number}>.\n" if self.here else ""
        return text + (f"<#root> acp:memberAccessControl <#control{number}>.\n" if self.below else "")


def matcher_end(name: str) -> str:
    return ">" if name.startswith("<") else ""


@dataclass(frozen=True)
class Written:
    """One access control resource: rules over matchers that several of them may share."""

    rules: tuple[Rule, ...]
    matchers: tuple[Who, ...]
    blank: bool

    def turtle(self, target: str) -> str:
        policy, matcher = ("_:p", "_:m") if self.blank else ("<#p", "<#m")
        text = PREFIX + f"<#root> a acp:AccessControlResource; acp:resource <{target}>.\n"
        for number, one in enumerate(self.matchers):
            text += f"{matcher}{number}{matcher_end(matcher)} {one.turtle()}"
        return text + "".join(
            rule.turtle(number, policy, matcher, len(self.matchers)) for number, rule in enumerate(self.rules)
        )


agents = st.frozensets(
    st.sampled_from([f"<{OWNER}>", f"<{AGENT}>", f"<{BOB}>", "acp:PublicAgent", "acp:AuthenticatedAgent"])
)
clients = st.frozensets(st.sampled_from([f"<{CLIENTS[0]}>", "acp:PublicClient"]), max_size=1)
matchers = st.builds(Who, agents=agents, clients=clients, issuers=st.frozensets(st.just(ISSUERS[0])))
modes = st.frozensets(st.sampled_from(["acl:Read", "acl:Write", "acl:Append", "acl:Control"]))
places = st.frozensets(st.integers(0, 3), max_size=2)
rules = st.builds(
    Rule,
    allow=modes,
    deny=st.just(frozenset()) | modes,
    every=places,
    some=places,
    none=st.just(frozenset()) | places,
    here=st.booleans(),
    below=st.booleans(),
)
resources = st.builds(
    Written,
    rules=st.lists(rules, max_size=4).map(tuple),
    matchers=st.lists(matchers, min_size=1, max_size=4).map(tuple),
    blank=st.booleans(),
)


def callers(*who: str | None) -> list[VerifiedAccessToken | None]:
    return [
        VerifiedAccessToken(one, issuer, client) if one else None
        for one in who
        for client, issuer in (product(CLIENTS, ISSUERS) if one else [("", "")])
    ]


def seen(shelves: Shelves, target: str, *who: str | None) -> list[frozenset[str]]:
    """The modes of everybody on the target, and on something below it."""
    found = [target, f"{target}x.ttl"] if is_container(target) else [target]
    return [shelves.modes(url, caller) for caller in callers(*who) for url in found]


def read(shelves: Shelves, target: str) -> AccessDocument | None:
    stored = shelves.get(target + ".acr")
    if stored is None:
        return None
    quads = control_document(stored.content, stored.media_type, target + ".acr")
    return access_document(quads, target + ".acr")


def above(shelves: Shelves, target: str) -> list[Policy]:
    found = ((place, read(shelves, place)) for place in ancestors(target, 9))
    return [one for place, acr in found if acr for one in policies(acr, place, members=True)]


def wanted(target: str) -> frozenset[Mode]:
    return READ_AND_WRITE if is_container(target) else READ_ONLY


def open_for(shelves: Shelves, target: str) -> AccessDocument:
    base = read(shelves, target) or AccessDocument(target + ".acr", ())
    given = acp.opened(base, target, AGENT, wanted(target), below=is_container(target))
    return store(shelves, acp.with_owner(given, target, OWNER, above(shelves, target)))


def close_for(shelves: Shelves, target: str) -> bool:
    own = read(shelves, target)
    assert own is not None
    left = acp.closed(own, AGENT)
    removed = acp.may_be_removed(left, target, OWNER, above(shelves, target))
    if removed:
        shelves.delete(target + ".acr")
    else:
        store(shelves, left)
    return removed


def store(shelves: Shelves, acr: AccessDocument) -> AccessDocument:
    shelves.put(acr.url, to_turtle(acr), "text/turtle")
    return acr


def scene(root: Written, middle: Written | None, own: Written | None, target: str) -> Shelves:
    shelves = Shelves(BASE, AcpOfPod())
    shelves.put(target, b"", "text/turtle")
    for place, written in ((ROOT, root), (MIDDLE, middle), (target, own)):
        if written is not None:
            shelves.put(place + ".acr", written.turtle(place).encode(), "text/turtle")
    return shelves


@settings(deadline=None)
@given(resources, st.none() | resources, st.none() | resources, st.sampled_from(TARGETS))
def test_opening_and_closing_change_nothing_for_others(
    root: Written, middle: Written | None, own: Written | None, target: str
) -> None:
    shelves = scene(root, middle, own, target)
    strangers = (BOB, OTHERS[2], NOBODY)
    others, owner = seen(shelves, target, *strangers), seen(shelves, target, OWNER)
    agent = seen(shelves, target, AGENT)
    for _ in range(2):
        open_for(shelves, target)
        assert seen(shelves, target, *strangers) == others
        assert all(now >= was for now, was in zip(seen(shelves, target, OWNER), owner, strict=True))
    removed = close_for(shelves, target)
    event(f"resource removed: {removed}")
    assert seen(shelves, target, *strangers) == others
    assert all(now >= was for now, was in zip(seen(shelves, target, OWNER), owner, strict=True))
    assert all(now <= was for now, was in zip(seen(shelves, target, AGENT), agent, strict=True))
    if removed:
        assert own is None, "a resource that the person wrote is never taken away"
        assert seen(shelves, target, OWNER) == owner


@settings(deadline=None)
@given(resources, st.none() | resources, st.sampled_from(TARGETS))
def test_an_open_door_lets_the_agent_in_unless_a_policy_denies(
    root: Written, own: Written | None, target: str
) -> None:
    """What the reading promises holds for every client and issuer; what opening gives is what was asked."""
    shelves = scene(root, None, own, target)
    acr = open_for(shelves, target)
    # A policy that denies something is left alone, whomever it names: without it somebody could gain.
    mixed = any(rule.deny for rule in own.rules) if own else False
    assert mixed or modes_of(policies(acr, target), AGENT) <= wanted(target)
    promised = modes_of([*policies(acr, target), *above(shelves, target)], AGENT)
    names = {mode.name.lower() for mode in promised}
    for caller in callers(AGENT):
        assert names <= shelves.modes(target, caller)
    denied = any(rule.deny for one in (root, own) if one for rule in one.rules)
    assert denied or wanted(target) <= promised


@settings(deadline=None)
@given(resources)
def test_what_reading_says_the_agent_could_not_have_it_has_not(own: Written) -> None:
    """A door is called closed only when no request of the agent gets more than a stranger's would."""
    target = TARGETS[0]
    shelves = Shelves(BASE, AcpOfPod())
    shelves.put(target + ".acr", own.turtle(target).encode(), "text/turtle")
    acr = read(shelves, target)
    assert acr is not None
    could = {mode.name.lower() for mode in reach_of(policies(acr, target), AGENT)}
    could |= {"append"} if "write" in could else set()
    agent, stranger = seen(shelves, target, AGENT), seen(shelves, target, OTHERS[2])
    assert all(has - like <= could for has, like in zip(agent, stranger, strict=True))


@settings(deadline=None)
@given(resources, st.sampled_from(TARGETS))
def test_closing_without_an_entry_changes_nothing(own: Written, target: str) -> None:
    shelves = scene(own, None, own, target)
    once = read(shelves, target)
    assert once is not None
    left = acp.closed(once, AGENT)
    assert set(acp.closed(left, AGENT).triples) == set(left.triples)
    assert set(acp.closed(acp.opened(left, target, AGENT, READ_ONLY), AGENT).triples) == set(left.triples)
