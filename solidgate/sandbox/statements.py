"""What one document of a pod says, in whatever form: sorted N-Triples, canonical without blank nodes.

Our own documents have no blank nodes and no named graphs, so a document that has any is another one, and
nobody has to canonicalise a graph of a stranger (RDFC-1.0), which can be made to take for ever.
"""

from __future__ import annotations

from pyoxigraph import DefaultGraph, Literal, NamedNode

from solidgate.sandbox.documents import BROKEN, Unreadable, walk


def canonical(url: str, media_type: str, content: bytes) -> bytes:
    """Each statement once, sorted by its bytes.

    Raises ``Unreadable`` for what cannot be read, and for blank nodes, named graphs and quoted triples.
    """
    lines, default = set(), DefaultGraph()
    try:
        for quad in walk(url, media_type, content):
            if (
                type(quad.subject) is not NamedNode
                or type(quad.object) not in (NamedNode, Literal)
                or quad.graph_name != default
            ):
                raise Unreadable
            lines.add(f"{quad.triple} .\n")
    except BROKEN as problem:
        raise Unreadable from problem
    return "".join(sorted(lines)).encode()
