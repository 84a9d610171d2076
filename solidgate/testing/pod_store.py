"""The memory of the awkward pod: resources, containers and access control lists, with WAC decided by query.

The decision is a SPARQL query over the list, apart from ``solidgate.pod.wac``, so that one checks the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from pyoxigraph import RdfFormat, Store, Variable, parse

from solidgate.pod.container import ancestors, parent

ACL_SUFFIX = ".acl"
CONTAINER_TYPE = "text/turtle"

_MODES = """
PREFIX acl: <http://www.w3.org/ns/auth/acl#> PREFIX foaf: <http://xmlns.com/foaf/0.1/>
SELECT DISTINCT ?mode WHERE {
  ?rule a acl:Authorization ; %(about)s <%(target)s> ; acl:mode ?mode .
  { ?rule acl:agentClass foaf:Agent } %(named)s
}"""
_NAMED = "UNION { ?rule acl:agent <%s> } UNION { ?rule acl:agentClass acl:AuthenticatedAgent }"


@dataclass(slots=True)
class Stored:
    """What stands at one address; ``content`` of a container is not used."""

    content: bytes
    media_type: str
    version: int

    @property
    def etag(self) -> str:
        """As the Community Solid Server makes it: a time and the media type."""
        return f'"{self.version}-{self.media_type}"'


@dataclass(slots=True)
class Shelves:
    """All resources of one server by their full address."""

    base_url: str
    roots: set[str] = field(default_factory=set)
    _stored: dict[str, Stored] = field(default_factory=dict)
    _versions: count[int] = field(default_factory=lambda: count(1_700_000_000_000))

    def get(self, url: str) -> Stored | None:
        """What stands there, if anything."""
        return self._stored.get(url)

    def put(self, url: str, content: bytes, media_type: str) -> Stored:
        """Store it, and make the containers above it."""
        for above in ancestors(url, 64):
            if above == self.base_url or above in self._stored:
                break
            self._stored[above] = Stored(b"", CONTAINER_TYPE, next(self._versions))
        stored = Stored(content, media_type, next(self._versions))
        self._stored[url] = stored
        return stored

    def delete(self, url: str) -> None:
        """Take it away, and its access control list with it."""
        self._stored.pop(url, None)
        self._stored.pop(url + ACL_SUFFIX, None)

    def members(self, container: str) -> list[str]:
        """What the container holds, lists left out."""
        return [url for url in self._stored if parent(url) == container and not url.endswith(ACL_SUFFIX)]

    def listing(self, container: str) -> bytes:
        """The container as Turtle."""
        kinds = "ldp:Container, ldp:BasicContainer, ldp:Resource"
        storage = ", <http://www.w3.org/ns/pim/space#Storage>" if container in self.roots else ""
        lines = ["@prefix ldp: <http://www.w3.org/ns/ldp#>.", f"<> a {kinds}{storage}."]
        lines += [f"<> ldp:contains <{member}>." for member in self.members(container)]
        return "\n".join(lines).encode()

    def modes(self, url: str, agent: str | None) -> frozenset[str]:
        """The modes in force for ``agent`` (none: the public) by the own list or the inherited one."""
        own = self._stored.get(url + ACL_SUFFIX)
        if own is not None:
            return _modes(own.content, url + ACL_SUFFIX, "acl:accessTo", url, agent)
        for above in ancestors(url, 64):
            inherited = self._stored.get(above + ACL_SUFFIX)
            if inherited is not None:
                return _modes(inherited.content, above + ACL_SUFFIX, "acl:default", above, agent)
        return frozenset()


def is_rdf(content: bytes, base: str) -> bool:
    """Whether it parses as Turtle: asked of access control lists, and of nothing else."""
    try:
        list(parse(content, format=RdfFormat.TURTLE, base_iri=base))
    except (SyntaxError, ValueError):
        return False
    return True


def _modes(content: bytes, url: str, about: str, target: str, agent: str | None) -> frozenset[str]:
    store = Store()
    store.extend(parse(content, format=RdfFormat.TURTLE, base_iri=url))
    named = _NAMED % agent if agent else ""
    rows = store.query(_MODES % {"about": about, "target": target, "named": named})
    found = {row[Variable("mode")].value.rpartition("#")[2].lower() for row in rows}  # type: ignore[union-attr]
    return frozenset(found | {"append"} if "write" in found else found)
