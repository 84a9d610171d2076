"""Access Control Policies, decided over the triples of the control resources; apart from ``solidgate.pod``.

What ESS adds to ACP is the attribute ``acp:vc``: a matcher that is met when the caller shows a credential of
that type.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pyoxigraph import BlankNode, DefaultGraph, NamedNode, RdfFormat, Store, parse

ACP = "http://www.w3.org/ns/solid/acp#"
ACL = "http://www.w3.org/ns/auth/acl#"
GRANT_TYPE = "http://www.w3.org/ns/solid/vc#SolidAccessGrant"
MODES = frozenset({"Read", "Write", "Append", "Control"})
Node = NamedNode | BlankNode

_EMPTY = f"@prefix acp: <{ACP}>.\n<{{acr}}> a acp:AccessControlResource; acp:resource <{{resource}}>.\n"
_OWNED = f"""@prefix acp: <{ACP}>. @prefix acl: <{ACL}>.
<{{acr}}> a acp:AccessControlResource; acp:resource <{{resource}}>;
  acp:accessControl <{{acr}}#owner>; acp:memberAccessControl <{{acr}}#owner>.
<{{acr}}#owner> a acp:AccessControl; acp:apply <{{acr}}#owner-policy>.
<{{acr}}#owner-policy> a acp:Policy; acp:allow acl:Read, acl:Write, acl:Append, acl:Control;
  acp:anyOf <{{acr}}#owner-matcher>.
<{{acr}}#owner-matcher> a acp:Matcher; acp:agent <{{owner}}>.
"""
_GRANTED = """PREFIX acp: <{acp}> PREFIX acl: <{acl}>
INSERT DATA {{ <{acr}> {controls} <{acr}#{name}>.
<{acr}#{name}> a acp:AccessControl; acp:apply <{acr}#{name}-policy>.
<{acr}#{name}-policy> a acp:Policy; acp:allow {modes}; acp:anyOf <{acr}#{name}-matcher>.
<{acr}#{name}-matcher> a acp:Matcher; acp:vc <{type}>. }}
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request brings along: who, by which client, of which issuer, with which kind of credential."""

    agent: str | None = None
    client: str = ""
    issuer: str = ""
    credential: str = ""
    owner: bool = False


def empty_acr(acr: str, resource: str) -> bytes:
    """The control resource of something that has no policy of its own."""
    return _EMPTY.format(acr=acr, resource=resource).encode()


def owner_acr(acr: str, resource: str, owner: str) -> bytes:
    """The control resource of a pod's root: everything for the owner, here and below."""
    return _OWNED.format(acr=acr, resource=resource, owner=owner).encode()


def with_grants(content: bytes, acr: str, modes: Iterable[str], *, inherit: bool) -> bytes:
    """The same control resource, with these modes for whoever shows an access grant."""
    store = _store(content, acr)
    named = ", ".join(f"acl:{mode}" for mode in sorted(modes))
    ways = ["acp:accessControl", *(["acp:memberAccessControl"] if inherit else [])]
    for controls in ways:
        name = f"grants-{'-'.join(sorted(modes)).lower()}"
        text = _GRANTED.format(
            acp=ACP, acl=ACL, acr=acr, controls=controls, name=name, modes=named, type=GRANT_TYPE
        )
        store.update(text)
    dumped: bytes = store.dump(format=RdfFormat.N_TRIPLES, from_graph=DefaultGraph()) or b""
    return dumped


def parses(content: bytes, acr: str) -> bool:
    """Whether a control resource is Turtle."""
    try:
        _store(content, acr)
    except SyntaxError:
        return False
    return True


def modes(own: tuple[str, bytes] | None, above: Sequence[tuple[str, bytes]], shown: Shown) -> frozenset[str]:
    """The modes in force: the resource's own control resource, and what containers say of their members."""
    allowed: set[str] = set()
    denied: set[str] = set()
    pages = [(own, "accessControl")] if own else []
    pages += [(page, "memberAccessControl") for page in above]
    for (acr, content), controls in pages:
        store = _store(content, acr)
        for policy in _applied(store, controls):
            if _holds(store, policy, shown):
                allowed |= _modes(store, policy, "allow")
                denied |= _modes(store, policy, "deny")
    return frozenset(allowed - denied)


def _store(content: bytes, acr: str) -> Store:
    store = Store()
    store.extend(parse(content, format=RdfFormat.TURTLE, base_iri=acr))
    return store


def _applied(store: Store, controls: str) -> set[Node]:
    found = [
        policy
        for quad in store.quads_for_pattern(None, NamedNode(ACP + controls), None)
        for policy in _objects(store, quad.object, "apply")
    ]
    return set(found)


def _holds(store: Store, policy: Node, shown: Shown) -> bool:
    """A policy holds with every allOf, one anyOf and no noneOf met, and at least one of the first two."""
    all_of, any_of, none_of = (_objects(store, policy, name) for name in ("allOf", "anyOf", "noneOf"))
    if not all_of and not any_of:
        return False
    met = (not any_of or any(_met(store, one, shown) for one in any_of)) and all(
        _met(store, one, shown) for one in all_of
    )
    return met and not any(_met(store, one, shown) for one in none_of)


def _met(store: Store, matcher: Node, shown: Shown) -> bool:
    """A matcher is met when each attribute that it has is; without attributes never."""
    known = {
        "agent": _agents(shown),
        "client": {f"{ACP}PublicClient", shown.client},
        "issuer": {f"{ACP}PublicIssuer", shown.issuer},
        "vc": {shown.credential} - {""},
    }
    wanted = {name: {term.value for term in _objects(store, matcher, name)} for name in known}
    asked = {name: values for name, values in wanted.items() if values}
    return bool(asked) and all(values & known[name] for name, values in asked.items())


def _agents(shown: Shown) -> set[str]:
    found = {f"{ACP}PublicAgent"}
    if shown.agent is not None:
        found |= {f"{ACP}AuthenticatedAgent", shown.agent}
    return found | ({f"{ACP}OwnerAgent"} if shown.owner else set())


def _modes(store: Store, policy: Node, way: str) -> set[str]:
    found = {term.value.removeprefix(ACL) for term in _objects(store, policy, way)}
    return found & MODES | ({"Append"} if "Write" in found else set())


def _objects(store: Store, subject: object, name: str) -> list[Node]:
    if not isinstance(subject, NamedNode | BlankNode):
        return []
    quads = store.quads_for_pattern(subject, NamedNode(ACP + name), None)
    return [quad.object for quad in quads if isinstance(quad.object, NamedNode | BlankNode)]
