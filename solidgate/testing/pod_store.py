"""The memory of the awkward pod: resources, containers and access documents, with who may do what."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import count

from pyoxigraph import RdfFormat, parse

from solidgate.identity.access_token import VerifiedAccessToken
from solidgate.pod.container import ancestors, parent
from solidgate.testing.pod_control import ControlOfPod
from solidgate.testing.pod_wac import WacOfPod

CONTAINER_TYPE = "text/turtle"


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
    control: ControlOfPod = field(default_factory=WacOfPod)
    roots: set[str] = field(default_factory=set)
    two_addresses: bool = False
    _stored: dict[str, Stored] = field(default_factory=dict)
    _versions: count[int] = field(default_factory=lambda: count(1_700_000_000_000))

    def get(self, url: str) -> Stored | None:
        """What stands there, if anything."""
        return self._stored.get(self._place(url))

    def _place(self, url: str) -> str:
        """Where it is kept, and listed: a colon is none in the name of a file."""
        return re.sub("%(3A|7C)", r"%25\1", url) if self.two_addresses else url

    def put(self, url: str, content: bytes, media_type: str) -> Stored:
        """Store it, and make the containers above it."""
        url = self._place(url)
        for above in ancestors(url, 64):
            if above == self.base_url or above in self._stored:
                break
            self._stored[above] = Stored(b"", CONTAINER_TYPE, next(self._versions))
        stored = Stored(content, media_type, next(self._versions))
        self._stored[url] = stored
        return stored

    def delete(self, url: str) -> None:
        """Take it away, and its access document with it."""
        self._stored.pop(self._place(url), None)
        self._stored.pop(self._place(url) + self.control.suffix, None)

    def members(self, container: str) -> list[str]:
        """What the container holds, access documents left out."""
        suffix = self.control.suffix
        place = self._place(container)
        return [url for url in self._stored if parent(url) == place and not url.endswith(suffix)]

    def listing(self, container: str) -> bytes:
        """The container as Turtle."""
        kinds = "ldp:Container, ldp:BasicContainer, ldp:Resource"
        storage = ", <http://www.w3.org/ns/pim/space#Storage>" if container in self.roots else ""
        lines = ["@prefix ldp: <http://www.w3.org/ns/ldp#>.", f"<> a {kinds}{storage}."]
        lines += [f"<> ldp:contains <{member}>." for member in self.members(container)]
        return "\n".join(lines).encode()

    def modes(self, url: str, caller: VerifiedAccessToken | None) -> frozenset[str]:
        """The modes in force for whoever asks (none: the public)."""
        return self.control.modes(self._content, url, caller)

    def _content(self, url: str) -> bytes | None:
        stored = self.get(url)
        return stored.content if stored else None


def is_rdf(content: bytes, base: str) -> bool:
    """Whether it parses as Turtle: asked of access documents, and of nothing else."""
    try:
        list(parse(content, format=RdfFormat.TURTLE, base_iri=base))
    except (SyntaxError, ValueError):
        return False
    return True


def in_another_form(content: bytes, base: str) -> bytes:
    """The same statements of a Turtle document, in another order and without its prefixes."""
    lines = {str(quad.triple) for quad in parse(content, format=RdfFormat.TURTLE, base_iri=base)}
    return "".join(f"{line} .\n" for line in sorted(lines, reverse=True)).encode()
