"""Whatever the lists of a pod say: opening gives exactly what was asked, closing gives back exactly what was.

The judge is the double's own decision (a SPARQL query over the stored list), not the code under test.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import event, given
from hypothesis import strategies as st

from solidgate.identity.access_token import VerifiedAccessToken
from solidgate.pod import wac
from solidgate.pod.access_control import access_document, to_turtle
from solidgate.pod.container import ancestors, is_container
from solidgate.pod.door import Mode
from solidgate.pod.rdf import control_document
from solidgate.testing.pod_store import Shelves

BASE = "https://pod.example/"
ROOT = f"{BASE}alice/"
MIDDLE = f"{ROOT}energy/"
TARGETS = (f"{MIDDLE}a.ttl", f"{MIDDLE}results/")
OWNER, AGENT, BOB, NOBODY = (
    "https://a.example/#me",
    "https://it.example/#it",
    "https://b.example/#me",
    "https://n.example/",
)
OTHERS = (BOB, NOBODY, None)
PREFIX = "@prefix acl: <http://www.w3.org/ns/auth/acl#>. @prefix foaf: <http://xmlns.com/foaf/0.1/>.\n"
ALL = "acl:Read, acl:Write, acl:Control"


@dataclass(frozen=True)
class Rule:
    """One authorization, as somebody might have written it."""

    agents: frozenset[str]
    classes: frozenset[str]
    modes: frozenset[str]
    here: bool
    below: bool
    blank: bool

    def turtle(self, number: int, target: str) -> str:
        name = f"_:rule{number}" if self.blank else f"<#rule{number}>"
        parts = [f"acl:agent <{agent}>" for agent in sorted(self.agents)]
        parts += [f"acl:agentClass {kind}" for kind in sorted(self.classes)]
        parts += [f"acl:mode {mode}" for mode in sorted(self.modes)]
        parts += [f"acl:accessTo <{target}>"] if self.here else []
        parts += [f"acl:default <{target}>"] if self.below else []
        return f"{name} a acl:Authorization; " + "; ".join(parts) + ".\n"


rules = st.builds(
    Rule,
    agents=st.frozensets(st.sampled_from([OWNER, AGENT, BOB])),
    classes=st.frozensets(st.sampled_from(["foaf:Agent", "acl:AuthenticatedAgent"]), max_size=1),
    modes=st.frozensets(st.sampled_from(["acl:Read", "acl:Write", "acl:Append", "acl:Control"]), min_size=1),
    here=st.booleans(),
    below=st.booleans(),
    blank=st.booleans(),
)
lists = st.lists(rules, max_size=4)


def place(shelves: Shelves, target: str, written: list[Rule], *, owner: bool) -> None:
    text = PREFIX + "".join(rule.turtle(number, target) for number, rule in enumerate(written))
    if owner:
        text += f"<#o> a acl:Authorization; acl:agent <{OWNER}>; acl:accessTo <{target}>; "
        text += f"acl:default <{target}>; acl:mode {ALL}."
    shelves.put(target + ".acl", text.encode(), "text/turtle")


def seen(shelves: Shelves, target: str, agents: tuple[str | None, ...]) -> list[frozenset[str]]:
    """The modes of each agent on the target, and on something below it."""
    places = [target, f"{target}x.ttl"] if is_container(target) else [target]
    callers = [VerifiedAccessToken(one, BASE, BASE) if one else None for one in agents]
    return [shelves.modes(url, caller) for caller in callers for url in places]


def read(shelves: Shelves, target: str) -> wac.Acl | None:
    stored = shelves.get(target + ".acl")
    if stored is None:
        return None
    url = target + ".acl"
    return access_document(control_document(stored.content, stored.media_type, url), url)


def inherited(shelves: Shelves, target: str) -> tuple[wac.Acl, str]:
    found = ((read(shelves, above), above) for above in ancestors(target, 9))
    return next((acl, above) for acl, above in found if acl is not None)


def open_for(shelves: Shelves, target: str, modes: frozenset[Mode]) -> None:
    base = read(shelves, target) or wac.copied(*inherited(shelves, target), target, target + ".acl")
    wanted = wac.opened(base, target, AGENT, OWNER, modes, below=is_container(target))
    shelves.put(target + ".acl", to_turtle(wanted), "text/turtle")


def close_for(shelves: Shelves, target: str) -> bool:
    own = read(shelves, target)
    assert own is not None
    left = wac.closed(own, AGENT)
    removed = wac.may_be_removed(left, target, *inherited(shelves, target))
    if removed:
        shelves.delete(target + ".acl")
    else:
        shelves.put(target + ".acl", to_turtle(left), "text/turtle")
    return removed


@given(lists, st.none() | lists, st.none() | lists, st.sampled_from(TARGETS))
def test_opening_and_closing_change_nothing_for_others(
    root: list[Rule], middle: list[Rule] | None, own: list[Rule] | None, target: str
) -> None:
    shelves = Shelves(BASE)
    shelves.put(target, b"", "text/turtle")
    place(shelves, ROOT, root, owner=True)
    if middle is not None:
        place(shelves, MIDDLE, middle, owner=False)
    if own is not None:
        place(shelves, target, own, owner=False)
    others, owner = seen(shelves, target, OTHERS), seen(shelves, target, (OWNER,))
    everybody = seen(shelves, target, (NOBODY,))
    modes = frozenset({Mode.READ, Mode.WRITE} if is_container(target) else {Mode.READ})
    given_by_name = frozenset({"read", "write", "append"} if is_container(target) else {"read"})

    for _ in range(2):
        open_for(shelves, target, modes)
        assert seen(shelves, target, OTHERS) == others
        assert all("control" in has for has in seen(shelves, target, (OWNER,)))
        assert all(now >= was for now, was in zip(seen(shelves, target, (OWNER,)), owner, strict=True))
        assert seen(shelves, target, (AGENT,)) == [given_by_name | public for public in everybody]

    removed = close_for(shelves, target)
    event(f"list removed: {removed}")
    assert seen(shelves, target, OTHERS) == others
    assert seen(shelves, target, (AGENT,)) == everybody
    now = seen(shelves, target, (OWNER,))
    assert now == owner if removed else all(has >= was for has, was in zip(now, owner, strict=True))
    assert not (removed and own is not None), "a list that the person wrote is never taken away"
