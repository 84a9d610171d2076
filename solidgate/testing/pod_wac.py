"""Web Access Control at the awkward pod, decided by a SPARQL query over the list in force.

Apart from ``solidgate.pod.wac`` on purpose, so that one checks the other.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyoxigraph import RdfFormat, Store, Variable, parse

from solidgate.identity.access_token import VerifiedAccessToken
from solidgate.pod.container import ancestors, is_container
from solidgate.testing.pod_control import Lookup

_MODES = """
PREFIX acl: <http://www.w3.org/ns/auth/acl#> PREFIX foaf: <http://xmlns.com/foaf/0.1/>
SELECT DISTINCT ?mode WHERE {
  ?rule a acl:Authorization ; %(about)s <%(target)s> ; acl:mode ?mode .
  { ?rule acl:agentClass foaf:Agent } %(named)s
}"""
_NAMED = "UNION { ?rule acl:agent <%s> } UNION { ?rule acl:agentClass acl:AuthenticatedAgent }"
_PREFIX = "@prefix acl: <http://www.w3.org/ns/auth/acl#>. @prefix foaf: <http://xmlns.com/foaf/0.1/>.\n"
_OWNER = """<#owner> a acl:Authorization; acl:agent <{webid}>; acl:accessTo <{target}>; {below}
  acl:mode acl:Read, acl:Write, acl:Control.
"""
_PUBLIC = (
    "<#public> a acl:Authorization; acl:agentClass foaf:Agent; acl:accessTo <{target}>; acl:mode acl:Read.\n"
)


class WacOfPod:
    """A list of the resource's own, else the nearest one above (WAC sections 3.2 and 4.2)."""

    suffix = ".acl"
    links: tuple[str, ...] = ()
    tells_modes = True

    def modes(self, lookup: Lookup, url: str, caller: VerifiedAccessToken | None) -> frozenset[str]:
        """The modes in force."""
        own = lookup(url + self.suffix)
        if own is not None:
            return _modes(own, url + self.suffix, "acl:accessTo", url, caller)
        for above in ancestors(url, 64):
            inherited = lookup(above + self.suffix)
            if inherited is not None:
                return _modes(inherited, above + self.suffix, "acl:default", above, caller)
        return frozenset()

    def document(self, target: str, owner: str, *, public: bool) -> str:
        """The owner's list, with Read for everybody when ``public``."""
        below = f"acl:default <{target}>;" if is_container(target) else ""
        more = _PUBLIC.format(target=target) if public else ""
        return _PREFIX + _OWNER.format(webid=owner, target=target, below=below) + more


def _modes(
    content: bytes, url: str, about: str, target: str, caller: VerifiedAccessToken | None
) -> frozenset[str]:
    store = Store()
    store.extend(parse(content, format=RdfFormat.TURTLE, base_iri=url))
    named = _NAMED % caller.webid if caller else ""
    rows = store.query(_MODES % {"about": about, "target": target, "named": named})
    return with_append(row[Variable("mode")].value for row in rows)  # type: ignore[union-attr]


def with_append(modes: Iterable[str]) -> frozenset[str]:
    """Modes by their addresses as short names; who may write may append."""
    found = {mode.rpartition("#")[2].lower() for mode in modes}
    return frozenset(found | {"append"} if "write" in found else found)
