"""What a container lists, and which of it can be believed (Solid Protocol section 4.2, LDP section 5.2).

A listing is the pod's own word, and a pod may be wrong or worse. Only direct children by their address are
taken: then no listing leads upwards, in circles, to another pod, or to a document that steers access.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pyoxigraph import NamedNode, Quad

from solidgate.vocab import LDP

# Without a semicolon: some readers take what follows one for parameters of the path, and drop an empty one.
_NAME = re.compile(r"[A-Za-z0-9._~!$'()*+,=:@%-]+")
_HIDDEN = re.compile(r"%(?![0-9A-Fa-f]{2})|%(?:2[eEfF]|5[cC]|00)")
_CONTROL = (".acl", ".acr", ".meta", ".acp", ".shex", ".shacl")


@dataclass(frozen=True, slots=True)
class Listing:
    """The children of one container, sorted; ``refused`` counts what is none. ``cut``: there are more."""

    documents: tuple[str, ...]
    containers: tuple[str, ...]
    refused: int = 0
    cut: bool = False


def listing(quads: Iterable[Quad], container: str, most: int) -> Listing:
    """The first ``most`` children that the container names, by address."""
    about = NamedNode(container)
    named = {
        quad.object.value
        for quad in quads
        if quad.subject == about and quad.predicate == LDP.contains and isinstance(quad.object, NamedNode)
    }
    children = sorted(url for url in named if is_child(url, container))
    kept = children[:most]
    return Listing(
        documents=tuple(url for url in kept if not url.endswith("/")),
        containers=tuple(url for url in kept if url.endswith("/")),
        refused=len(named) - len(children),
        cut=len(children) > most,
    )


def is_child(url: str, container: str) -> bool:
    """Whether ``url`` is a document or container directly in ``container``, and none that steers access."""
    return url.startswith(container) and _is_plain(url[len(container) :].removesuffix("/"))


def is_below(url: str, container: str) -> bool:
    """Whether ``url`` lies anywhere below ``container``, spelled so that it can lie nowhere else."""
    if not url.startswith(container):
        return False
    path = url[len(container) :].removesuffix("/")
    return all(_is_plain(name) for name in path.split("/"))


def _is_plain(name: str) -> bool:
    if name in ("", ".", "..") or not _NAME.fullmatch(name) or _HIDDEN.search(name):
        return False
    return not name.lower().endswith(_CONTROL)
