"""The dataset that one query sees: built from what its caller may see, so there is nothing else to ask."""

from __future__ import annotations

import re
from collections.abc import Iterable

from solidgate.errors import InternalFault

_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|^`\\]*")


def dataset(graphs: Iterable[tuple[str, bytes]]) -> bytes:
    """N-Quads with each N-Triples graph in the graph that its IRI names.

    The N-Triples are conformant graphs: one statement a line, no comments. Raises ``InternalFault`` when a
    line or an IRI is of another form, because a dataset with a wrong graph name would show what it must not.
    """
    return b"".join(line for graph, content in graphs for line in _placed(graph, content))


def _placed(graph: str, content: bytes) -> Iterable[bytes]:
    if not _IRI.fullmatch(graph):
        raise InternalFault("a graph's name is not an IRI")
    name = b" <" + graph.encode() + b"> .\n"
    for line in content.splitlines():
        if not line.strip():
            continue
        if not line.endswith(b" ."):
            raise InternalFault("a line of a derived graph is not a statement")
        yield line[:-2] + name
