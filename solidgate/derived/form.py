"""Our own documents and the statements in them: a pod may keep the statements and write them its own way.

Only what we wrote ourselves is parsed here, and N-Triples that the sandbox made of a stranger's document.
"""

from __future__ import annotations

from pyoxigraph import RdfFormat, parse

from solidgate.derived import ntriples
from solidgate.errors import ShapeViolated
from solidgate.space.rdf import turtle


def statements(document: bytes) -> bytes:
    """A Turtle document of ours as sorted N-Triples, each statement once."""
    return ntriples.write({quad.triple for quad in parse(document, format=RdfFormat.TURTLE)})


def as_we_write(lines: bytes) -> bytes:
    """The Turtle that we write for these N-Triples; empty for what is not of ours, whatever it is."""
    try:
        return turtle(ntriples.read(lines, max_triples=lines.count(b"\n")))
    except ShapeViolated:
        return b""
