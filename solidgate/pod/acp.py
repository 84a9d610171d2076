"""Access Control Policy: open an access control resource for one agent, close it, lose nobody's access.

By the ACP specification (version 0.9.0 of 2022-05-18); what policies mean is in ``policy.py``.

What is written only ever adds a policy that allows: nobody loses anything by it, and what is inherited holds
beside it. Taking away is the delicate half. An empty condition is a wider one, so a matcher or a policy is
touched only where exactly one agent can lose by it; what cannot be taken back so stays, and is seen to stay.
Every node that solidgate writes has a fragment that begins with ``solidgate-``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from pyoxigraph import BlankNode, NamedNode, Triple

from solidgate.pod.access_control import OURS, AccessDocument, Subject
from solidgate.pod.container import is_container
from solidgate.pod.door import Mode
from solidgate.pod.policy import Policy, matcher_at, modes_of, nodes, policies, policy_at, roots_of
from solidgate.vocab import ACP, RDF

Acr = AccessDocument
RESOURCE = f"{OURS}resource"
OWNER = f"{OURS}owner"
AGENT = f"{OURS}agent-"

_CONTROLS = (ACP.accessControl, ACP.memberAccessControl)
_POSITIVE = (ACP.allOf, ACP.anyOf)


# --- what is written ----------------------------------------------------------------------------------


def opened(acr: Acr, target: str, agent: str, modes: Iterable[Mode], *, below: bool = False) -> Acr:
    """The resource with a policy that gives ``agent`` exactly ``modes`` on ``target`` (and all ``below``)."""
    return _with_policy(closed(acr, agent), target, f"{AGENT}{_short(agent)}", agent, modes, below)


def with_owner(acr: Acr, target: str, owner: str, above: Iterable[Policy]) -> Acr:
    """The resource, with Read, Write and Control for the owner if nothing that is in force gives Control."""
    if owner_safe(acr, target, owner, above):
        return acr
    modes = (Mode.READ, Mode.WRITE, Mode.CONTROL)
    return _with_policy(acr, target, OWNER, owner, modes, is_container(target))


def owner_safe(acr: Acr, target: str, owner: str, above: Iterable[Policy]) -> bool:
    """Whether the owner keeps Control, by this resource or by what is in force from ``above``."""
    inherited = tuple(above)
    given = [policies(acr, target)] + ([policies(acr, target, members=True)] if is_container(target) else [])
    return all(Mode.CONTROL in modes_of((*one, *inherited), owner, anyhow=True) for one in given)


def closed(acr: Acr, agent: str) -> Acr:
    """The resource without what lets ``agent`` in by name, wherever nobody else can gain or lose by that."""
    own = f"{acr.url}#{AGENT}{_short(agent)}"
    mine = {NamedNode(own), NamedNode(f"{own}-policy"), NamedNode(f"{own}-matcher")}
    left = _without(acr, (t for t in acr.triples if t.subject in mine or t.object in mine))
    for policy in dict.fromkeys(nodes(t.object for t in left.triples if t.predicate == ACP.apply)):
        left = _without(left, _only_of(left, policy, agent))
    left = _without(left, _among_others(left, agent))
    return _without_empty_root(left)


def may_be_removed(acr: Acr, target: str, owner: str, above: Iterable[Policy]) -> bool:
    """Whether nothing is left of it but what solidgate added for the owner, and that is not needed."""
    if not all(acr.is_ours(t.subject) for t in acr.triples):
        return False
    mine = {NamedNode(f"{acr.url}#{OWNER}{part}") for part in ("", "-policy", "-matcher")}
    rest = _without_empty_root(
        _without(acr, (t for t in acr.triples if t.subject in mine or t.object in mine))
    )
    return not rest.triples and (not acr.triples or owner_safe(rest, target, owner, above))


# --- inside -------------------------------------------------------------------------------------------


def _with_policy(acr: Acr, target: str, name: str, agent: str, modes: Iterable[Mode], below: bool) -> Acr:
    control, policy, matcher = (NamedNode(f"{acr.url}#{name}{part}") for part in ("", "-policy", "-matcher"))
    roots = roots_of(acr, target)
    root = roots[0] if roots else NamedNode(f"{acr.url}#{RESOURCE}")
    triples = [] if roots else [Triple(root, RDF.type, ACP.AccessControlResource)]
    triples += [] if roots else [Triple(root, ACP.resource, NamedNode(target))]
    triples += [Triple(root, predicate, control) for predicate in (_CONTROLS if below else _CONTROLS[:1])]
    triples += [Triple(control, RDF.type, ACP.AccessControl), Triple(control, ACP.apply, policy)]
    triples += [Triple(policy, RDF.type, ACP.Policy), Triple(policy, ACP.anyOf, matcher)]
    triples += [Triple(policy, ACP.allow, mode.value) for mode in sorted(modes, key=lambda m: m.name)]
    triples += [Triple(matcher, RDF.type, ACP.Matcher), Triple(matcher, ACP.agent, NamedNode(agent))]
    return Acr(acr.url, tuple(dict.fromkeys([*acr.triples, *triples])))


def _only_of(acr: Acr, policy: Subject, agent: str) -> list[Triple]:
    """What to take away of one policy, where everything it takes away is this agent's alone."""
    read = policy_at(acr, policy)
    if read.deny or not read.allow:
        return []
    only = frozenset({agent})
    if any(m.agents == only for m in read.all_of) or (
        read.any_of and all(m.agents == only for m in read.any_of)
    ):
        return [t for t in acr.triples if t.predicate == ACP.apply and t.object == policy] + _blank(
            acr, policy
        )
    alone = [n for n in nodes(acr.objects(policy, ACP.anyOf)) if matcher_at(acr, n).agents == only]
    return [Triple(policy, ACP.anyOf, node) for node in alone]


def _blank(acr: Acr, node: Subject) -> list[Triple]:
    """The description of a blank node that nothing else leads into; a shared matcher stays as it is."""
    if not isinstance(node, BlankNode):
        return []
    described = acr.described(node)
    inside = {t.subject for t in described} - {node}
    shared = any(t.object in inside for t in acr.triples if t not in described)
    return [] if shared else described


def _among_others(acr: Acr, agent: str) -> list[Triple]:
    """The agent's name in matchers that name others too, and that serve nothing but allowing."""
    naming = [t for t in acr.triples if t.predicate == ACP.agent and t.object == NamedNode(agent)]
    return [t for t in naming if len(matcher_at(acr, t.subject).agents) > 1 and _only_allows(acr, t.subject)]


def _only_allows(acr: Acr, matcher: Subject) -> bool:
    """Whether the matcher is used, and nowhere to deny or to leave somebody out."""
    uses = [t for t in acr.triples if t.object == matcher]
    good = (u.predicate in _POSITIVE and not acr.objects(u.subject, ACP.deny) for u in uses)
    return bool(uses) and all(good)


def _without_empty_root(acr: Acr) -> Acr:
    root = NamedNode(f"{acr.url}#{RESOURCE}")
    if any(acr.objects(root, predicate) for predicate in _CONTROLS):
        return acr
    return _without(acr, (t for t in acr.triples if t.subject == root))


def _without(acr: Acr, taken: Iterable[Triple]) -> Acr:
    gone = set(taken)
    return Acr(acr.url, tuple(t for t in acr.triples if t not in gone))


def _short(agent: str) -> str:
    return hashlib.sha256(agent.encode()).hexdigest()[:16]
