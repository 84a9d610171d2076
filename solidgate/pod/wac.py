"""Web Access Control: read an access control list, open it for one agent, close it, lose nobody's access.

Clauses are those of the WAC specification (version 1.0): effective list 3.2 and 4.2, authorization 4.3.

Two rules make opening and closing safe. A list of the resource's own replaces the inherited one entirely, so
the first list of its own begins as a copy of what was inherited. And the owner keeps Control in every list
that is written: without it the person would be locked out of their own pod for good.
Every authorization that solidgate writes has a fragment that begins with ``solidgate-``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from pyoxigraph import BlankNode, NamedNode, Triple

from solidgate.pod.access_control import OURS, AccessDocument, Subject
from solidgate.pod.container import is_container
from solidgate.pod.door import Mode
from solidgate.vocab import ACL, RDF

Acl = AccessDocument
KEPT = f"{OURS}kept-"
OWNER = f"{OURS}owner"
AGENT = f"{OURS}agent-"


@dataclass(frozen=True, slots=True)
class Grant:
    """One mode for one agent, class or group (``via`` says which), from the listed origins only, if any."""

    via: NamedNode
    who: str
    mode: str
    origins: frozenset[str]

    def __repr__(self) -> str:
        return f"Grant({self.mode.rpartition('#')[2]})"


# --- what a list means --------------------------------------------------------------------------------


def grants(acl: Acl, target: str, *, inherited: bool = False) -> frozenset[Grant]:
    """What the list gives on ``target``; with ``inherited``, on everything below that container."""
    about = ACL.default if inherited else ACL.accessTo
    found: set[Grant] = set()
    for subject in _authorizations(acl):
        if NamedNode(target) in acl.objects(subject, about):
            found |= _grants_of(acl, subject)
    return frozenset(found)


def modes_of(given: Iterable[Grant], agent: str) -> frozenset[Mode]:
    """The modes given to this agent by name and from anywhere."""
    named = (grant for grant in given if grant.via == ACL.agent and grant.who == agent and not grant.origins)
    return frozenset(mode for grant in named for mode in Mode if mode.value.value == grant.mode)


def names(acl: Acl, agent: str) -> bool:
    """Whether the list speaks of this agent at all."""
    return any(t.predicate == ACL.agent and t.object == NamedNode(agent) for t in acl.triples)


# --- what is written ----------------------------------------------------------------------------------


def copied(inherited: Acl, container: str, target: str, acl_url: str) -> Acl:
    """A first list for ``target``: what it inherits from ``container``, word for word, as its own.

    Everything an authorization says is kept (conditions too); only what it is about changes.
    """
    triples: list[Triple] = []
    about = [ACL.accessTo, ACL.default] if is_container(target) else [ACL.accessTo]
    for number, subject in enumerate(_authorizations(inherited), start=1):
        if NamedNode(container) not in inherited.objects(subject, ACL.default):
            continue
        name = NamedNode(f"{acl_url}#{KEPT}{number}")
        for triple in inherited.described(subject):
            if triple.subject != subject:
                triples.append(triple)
            elif triple.predicate not in (ACL.accessTo, ACL.default):
                triples.append(Triple(name, triple.predicate, triple.object))
        triples += [Triple(name, predicate, NamedNode(target)) for predicate in about]
    return Acl(acl_url, tuple(dict.fromkeys(triples)))


def opened(
    acl: Acl, target: str, agent: str, owner: str, modes: Iterable[Mode], *, below: bool = False
) -> Acl:
    """The list with exactly ``modes`` for ``agent`` on ``target`` (and all ``below``), and the owner safe."""
    wanted = list(closed(acl, agent).triples)
    wanted += _authorization(f"{acl.url}#{AGENT}{_short(agent)}", agent, target, modes, below)
    return with_owner(Acl(acl.url, tuple(dict.fromkeys(wanted))), target, owner)


def closed(acl: Acl, agent: str) -> Acl:
    """The list without any entry for ``agent``; an authorization that names others too keeps the others."""
    dropped: set[Triple] = set()
    for subject in dict.fromkeys(t.subject for t in acl.triples):
        mine = Triple(subject, ACL.agent, NamedNode(agent))
        if mine not in acl.triples:
            continue
        others = [t for t in _receivers(acl, subject) if t != mine]
        dropped |= {mine} if others else {t for t in acl.triples if t.subject == subject}
    return Acl(acl.url, tuple(t for t in acl.triples if t not in dropped))


def with_owner(acl: Acl, target: str, owner: str) -> Acl:
    """The list, with Read, Write and Control for the owner if it did not give them Control by name."""
    if owner_safe(acl, target, owner):
        return acl
    modes = (Mode.READ, Mode.WRITE, Mode.CONTROL)
    added = _authorization(f"{acl.url}#{OWNER}", owner, target, modes, is_container(target))
    return Acl(acl.url, tuple(dict.fromkeys([*acl.triples, *added])))


def owner_safe(acl: Acl, target: str, owner: str) -> bool:
    """Whether the list keeps Control with the owner, and for a container also below it."""
    here = Mode.CONTROL in modes_of(grants(acl, target), owner)
    below = not is_container(target) or Mode.CONTROL in modes_of(grants(acl, target, inherited=True), owner)
    return here and below


def may_be_removed(acl: Acl, target: str, inherited: Acl, container: str) -> bool:
    """Whether the list is only a copy that solidgate made, and says just what would be inherited without it.

    The entry that solidgate added for the owner does not count: without the list, all is as it was before.
    """
    if not all(acl.is_ours(t.subject) or isinstance(t.subject, BlankNode) for t in acl.triples):
        return False
    if not all(acl.is_ours(subject) for subject in _authorizations(acl)):
        return False
    copy = Acl(acl.url, tuple(t for t in acl.triples if t.subject != NamedNode(f"{acl.url}#{OWNER}")))
    if not copy.triples:
        return False
    expected = grants(inherited, container, inherited=True)
    here = grants(copy, target) == expected
    return here and (not is_container(target) or grants(copy, target, inherited=True) == expected)


# --- inside -------------------------------------------------------------------------------------------


def _authorizations(acl: Acl) -> list[Subject]:
    return [t.subject for t in acl.triples if t.predicate == RDF.type and t.object == ACL.Authorization]


def _receivers(acl: Acl, subject: Subject) -> list[Triple]:
    kinds = (ACL.agent, ACL.agentClass, ACL.agentGroup)
    return [t for t in acl.triples if t.subject == subject and t.predicate in kinds]


def _grants_of(acl: Acl, subject: Subject) -> set[Grant]:
    modes = [term.value for term in acl.objects(subject, ACL.mode) if isinstance(term, NamedNode)]
    origins = frozenset(str(term) for term in acl.objects(subject, ACL.origin))
    who = [(t.predicate, t.object.value) for t in _receivers(acl, subject) if isinstance(t.object, NamedNode)]
    return {Grant(via, name, mode, origins) for via, name in who for mode in modes}


def _authorization(iri: str, agent: str, target: str, modes: Iterable[Mode], below: bool) -> list[Triple]:
    name = NamedNode(iri)
    triples = [Triple(name, RDF.type, ACL.Authorization), Triple(name, ACL.agent, NamedNode(agent))]
    triples += [Triple(name, ACL.accessTo, NamedNode(target))]
    triples += [Triple(name, ACL.default, NamedNode(target))] if below else []
    return triples + [Triple(name, ACL.mode, mode.value) for mode in sorted(modes, key=lambda m: m.name)]


def _short(agent: str) -> str:
    return hashlib.sha256(agent.encode()).hexdigest()[:16]
