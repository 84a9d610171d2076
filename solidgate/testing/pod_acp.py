"""Access Control Policy at the awkward pod, decided as the Community Solid Server decides it.

Apart from ``solidgate.pod.policy`` on purpose, so that one checks the other. Here the whole request is known:
agent, client and issuer.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from pyoxigraph import BlankNode, NamedNode, RdfFormat, Store, parse

from solidgate.identity.access_token import VerifiedAccessToken
from solidgate.pod.container import ancestors, is_container
from solidgate.testing.pod_control import Lookup
from solidgate.testing.pod_wac import with_append

ACP = "http://www.w3.org/ns/solid/acp#"
ACL = "http://www.w3.org/ns/auth/acl#"
_MODES = ("Read", "Append", "Write", "Control")
_ATTRIBUTES = ("agent", "client", "issuer", "vc")
_DOCUMENT = """@prefix acl: <http://www.w3.org/ns/auth/acl#>. @prefix acp: <http://www.w3.org/ns/solid/acp#>.
<#root> a acp:AccessControlResource; acp:resource <{target}>; acp:accessControl <#owner>{more}.
<#owner> a acp:AccessControl; acp:apply [ a acp:Policy; acp:allow acl:Read, acl:Write, acl:Control;
  acp:anyOf [ a acp:Matcher; acp:agent <{webid}> ] ].
<#public> a acp:AccessControl; acp:apply [ a acp:Policy; acp:allow acl:Read;
  acp:anyOf [ a acp:Matcher; acp:agent acp:PublicAgent ] ].
"""

Node = NamedNode | BlankNode


class AcpOfPod:
    """The resource's own policies and the member policies of every container above, taken together."""

    suffix = ".acr"
    links = (
        f'<{ACP}AccessControlResource>; rel="type"',
        *(f'<{ACL}{mode}>; rel="{ACP}grant"' for mode in _MODES),
        *(f'<{ACP}{name}>; rel="{ACP}attribute"' for name in _ATTRIBUTES[:3]),
    )
    tells_modes = False

    def modes(self, lookup: Lookup, url: str, caller: VerifiedAccessToken | None) -> frozenset[str]:
        """What an applying policy allows and no applying policy denies."""
        allowed: set[str] = set()
        denied: set[str] = set()
        for place in (url, *ancestors(url, 64)):
            content = lookup(place + self.suffix)
            if content is None:
                continue
            found = _read(content, place + self.suffix)
            for policy in found.policies(place, "accessControl" if place == url else "memberAccessControl"):
                if found.applies(policy, caller):
                    allowed |= found.values(policy, "allow")
                    denied |= found.values(policy, "deny")
        return with_append(allowed - denied)

    def document(self, target: str, owner: str, *, public: bool) -> str:
        """The owner's access control resource, with Read for everybody on ``target`` when ``public``."""
        more = ", <#public>" if public else ""
        more += "; acp:memberAccessControl <#owner>" if is_container(target) else ""
        return _DOCUMENT.format(target=target, webid=owner, more=more)


@lru_cache(maxsize=256)
def _read(content: bytes, url: str) -> _Resource:
    return _Resource(content, url)


class _Resource:
    """One access control resource, read by its graph."""

    def __init__(self, content: bytes, url: str) -> None:
        self._store = Store()
        self._store.extend(parse(content, format=RdfFormat.TURTLE, base_iri=url))

    def policies(self, target: str, control: str) -> Iterator[Node]:
        for quad in self._store.quads_for_pattern(None, NamedNode(f"{ACP}resource"), NamedNode(target)):
            for one in self._nodes(quad.subject, control):
                yield from self._nodes(one, "apply")

    def values(self, node: Node, name: str) -> set[str]:
        return {one.value for one in self._nodes(node, name)}

    def applies(self, policy: Node, caller: VerifiedAccessToken | None) -> bool:
        every, some, none = (
            [self._matches(one, caller) for one in self._nodes(policy, name)]
            for name in ("allOf", "anyOf", "noneOf")
        )
        if not (every or some):
            return False
        return all(every) and (not some or any(some)) and not any(none)

    def _matches(self, matcher: Node, caller: VerifiedAccessToken | None) -> bool:
        """Every attribute that is there matches, and there is one."""
        agents, clients, issuers, credentials = (self.values(matcher, name) for name in _ATTRIBUTES)
        if credentials or not (agents or clients or issuers):
            return False
        known = {f"{ACP}PublicAgent"} | ({caller.webid, f"{ACP}AuthenticatedAgent"} if caller else set())
        client = {f"{ACP}PublicClient"} | ({caller.client_id} if caller else set())
        issuer = {caller.issuer} if caller else set()
        asked = ((agents, known), (clients, client), (issuers, issuer))
        return all(not wanted or wanted & has for wanted, has in asked)

    def _nodes(self, subject: object, name: str) -> list[Node]:
        assert isinstance(subject, NamedNode | BlankNode)
        quads = self._store.quads_for_pattern(subject, NamedNode(ACP + name), None)
        return [quad.object for quad in quads if isinstance(quad.object, NamedNode | BlankNode)]
