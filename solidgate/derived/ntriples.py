"""N-Triples of a stranger, read strictly: one statement a line, no blank nodes, no triple terms, no comments.

The grammar below is regular and each line is held against it before the parser sees it, so that nothing
nested or unknown reaches the parser. Lengths are capped here because a number may have a million digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pyoxigraph
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple

from solidgate.errors import ShapeViolated
from solidgate.vocab import RDF, XSD

MAX_IRI = 2048
MAX_TEXT = 4096
MAX_VALUE = 64

_IRI = rb"<[^\x00-\x20<>\"{}|^`\\]+>"
_STRING = rb"\"(?:[^\"\\\n\r]|\\[tbnrf\"'\\]|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8})*\""
_LINE = re.compile(
    rb"%(iri)s[ \t]+%(iri)s[ \t]+"
    rb"(?:%(iri)s|%(string)s(?:\^\^%(iri)s|@[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)?)[ \t]*\."
    % {b"iri": _IRI, b"string": _STRING}
)
_TEXTS = frozenset({XSD.string.value, RDF.langString.value, XSD.anyURI.value})


def is_plain(content: bytes) -> bool:
    """Whether every line is a statement by the grammar above; lengths are not looked at."""
    return all(_LINE.fullmatch(line) for line in map(bytes.strip, content.splitlines()) if line)


def read(content: bytes, *, max_triples: int) -> list[Triple]:
    """The statements, each once, in canonical order. Raises ``ShapeViolated``, naming the rule only."""
    lines = {line.strip() for line in content.splitlines()} - {b""}
    if len(lines) > max_triples:
        raise ShapeViolated(f"more than {max_triples} statements")
    if not all(_LINE.fullmatch(line) for line in lines):
        raise ShapeViolated("a line that is no statement about IRIs")
    try:
        quads = list(pyoxigraph.parse(b"\n".join(lines), RdfFormat.N_TRIPLES))
    except (SyntaxError, ValueError) as problem:
        raise ShapeViolated("a line that is no statement about IRIs") from problem
    triples = sorted({quad.triple for quad in quads}, key=str)
    for triple in triples:
        _measure(triple)
    return triples


def write(triples: Iterable[Triple]) -> bytes:
    """Sorted N-Triples: without blank nodes that is the canonical form."""
    return "".join(sorted(f"{triple} .\n" for triple in triples)).encode()


def _measure(triple: Triple) -> None:
    for term in (triple.subject, triple.predicate, triple.object):
        if isinstance(term, NamedNode) and len(term.value) > MAX_IRI:
            raise ShapeViolated(f"an IRI of more than {MAX_IRI} characters")
    if isinstance(triple.object, Literal):
        limit = MAX_TEXT if triple.object.datatype.value in _TEXTS else MAX_VALUE
        if len(triple.object.value) > limit:
            raise ShapeViolated(f"a value of more than {limit} characters")
