"""Policies of Access Control Policy: whom one lets in, for certain or perhaps, as far as can be read.

By the ACP specification (version 0.9.0 of 2022-05-18): effective policies, matching, access modes. A pod
knows which client and issuer a request comes with; whoever only reads the policies does not, so there are
two answers: what surely holds for an agent, and what could.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pyoxigraph import BlankNode, NamedNode

from solidgate.pod.access_control import AccessDocument, Subject
from solidgate.pod.door import Mode
from solidgate.vocab import ACP, RDF

_ANYBODY = frozenset({ACP.PublicAgent.value, ACP.AuthenticatedAgent.value})
_SOMEBODY = _ANYBODY | {ACP.CreatorAgent.value, ACP.OwnerAgent.value}


@dataclass(frozen=True, slots=True)
class Matcher:
    """Whom it lets in: the agents, unless none is named; ``narrowed`` by a client, an issuer or more."""

    agents: frozenset[str]
    narrowed: bool

    def surely(self, agent: str) -> bool:
        """Whether it matches this agent, whatever client and issuer it comes with."""
        return not self.narrowed and bool(self.agents & (_ANYBODY | {agent}))

    def possibly(self, agent: str) -> bool:
        """Whether some request of this agent could match."""
        return bool(self.agents & (_SOMEBODY | {agent})) or (self.narrowed and not self.agents)


@dataclass(frozen=True, slots=True)
class Policy:
    """What it allows and denies, to whom (modes as addresses)."""

    allow: frozenset[str]
    deny: frozenset[str]
    all_of: tuple[Matcher, ...]
    any_of: tuple[Matcher, ...]
    none_of: tuple[Matcher, ...]

    def __repr__(self) -> str:
        return f"Policy({len(self.all_of)}, {len(self.any_of)}, {len(self.none_of)} matchers)"

    def names(self, agent: str) -> bool:
        """Whether it is about this agent by name, and not only as one of everybody."""
        return any(agent in matcher.agents for matcher in (*self.all_of, *self.any_of))

    def surely(self, agent: str) -> bool:
        """Whether it applies to every request of this agent."""
        return self._applies(
            [m.surely(agent) for m in self.all_of], [m.surely(agent) for m in self.any_of]
        ) and (not any(matcher.possibly(agent) for matcher in self.none_of))

    def possibly(self, agent: str) -> bool:
        """Whether it could apply to some request of this agent."""
        return self._applies(
            [m.possibly(agent) for m in self.all_of], [m.possibly(agent) for m in self.any_of]
        ) and (not any(matcher.surely(agent) for matcher in self.none_of))

    @staticmethod
    def _applies(all_of: list[bool], any_of: list[bool]) -> bool:
        return bool(all_of or any_of) and all(all_of) and (not any_of or any(any_of))


def policies(acr: AccessDocument, target: str, *, members: bool = False) -> tuple[Policy, ...]:
    """The policies for ``target`` itself; with ``members``, for everything below that container."""
    wanted = ACP.memberAccessControl if members else ACP.accessControl
    controls = [c for root in roots_of(acr, target) for c in acr.objects(root, wanted)]
    applied = [p for control in nodes(controls) for p in acr.objects(control, ACP.apply)]
    return tuple(policy_at(acr, node) for node in dict.fromkeys(nodes(applied)))


def modes_of(given: Iterable[Policy], agent: str, *, anyhow: bool = False) -> frozenset[Mode]:
    """The modes that this agent surely has by name (``anyhow``: also as one of everybody)."""
    found = tuple(given)
    allowed = {m for p in found if (anyhow or p.names(agent)) and p.surely(agent) for m in p.allow}
    denied = {m for p in found if p.possibly(agent) for m in p.deny}
    return frozenset(mode for mode in Mode if mode.value.value in allowed - denied)


def reach_of(given: Iterable[Policy], agent: str) -> frozenset[Mode]:
    """The modes that some policy by name could still give to this agent, with the right client, say."""
    allowed = {m for p in given if p.names(agent) and p.possibly(agent) for m in p.allow}
    return frozenset(mode for mode in Mode if mode.value.value in allowed)


def roots_of(acr: AccessDocument, target: str) -> list[Subject]:
    """The nodes that stand for the access control of ``target``."""
    about = NamedNode(target)
    return list(
        dict.fromkeys(t.subject for t in acr.triples if t.predicate == ACP.resource and t.object == about)
    )


def nodes(terms: Iterable[object]) -> list[Subject]:
    """Those of the terms that can be described."""
    return [term for term in terms if isinstance(term, NamedNode | BlankNode)]


def policy_at(acr: AccessDocument, node: Subject) -> Policy:
    """One policy, with its matchers."""

    def values(predicate: NamedNode) -> frozenset[str]:
        return frozenset(o.value for o in acr.objects(node, predicate) if isinstance(o, NamedNode))

    def matchers(predicate: NamedNode) -> tuple[Matcher, ...]:
        return tuple(matcher_at(acr, one) for one in nodes(acr.objects(node, predicate)))

    return Policy(
        values(ACP.allow), values(ACP.deny), matchers(ACP.allOf), matchers(ACP.anyOf), matchers(ACP.noneOf)
    )


def matcher_at(acr: AccessDocument, node: Subject) -> Matcher:
    """One matcher; an attribute that is not known narrows."""
    said = [(t.predicate, t.object) for t in acr.about(node) if t.predicate != RDF.type]
    agents = frozenset(o.value for p, o in said if p == ACP.agent and isinstance(o, NamedNode))
    clients = [o for p, o in said if p == ACP.client]
    narrowed = any(p not in (ACP.agent, ACP.client) for p, _ in said)
    narrowed |= bool(clients) and ACP.PublicClient not in clients
    if clients and not agents and not narrowed:
        agents = frozenset({ACP.PublicAgent.value})
    return Matcher(agents, narrowed)
