"""The record inside a receipt: JSON-LD with short names, by a context that is part of the receipt.

Our terms are written by their prefix, and the parts of a record by their fragment alone. So the text that is
signed is less than half as long, and still nobody has to fetch a context to read it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pyoxigraph as ox

from solidgate.space.statements import Statement
from solidgate.vocab import (
    ACL,
    DCT,
    DPV,
    DPV_27560,
    EU_GDPR,
    INTEROP,
    LEGAL_EU,
    LOC,
    PD,
    PROV,
    RDF,
    SCHEMA,
    SG,
    SKOS,
    XSD,
)

_SHORT = (
    ACL, DCT, DPV, DPV_27560, EU_GDPR, INTEROP, LEGAL_EU, LOC, PD, PROV, RDF, SCHEMA, SG, SKOS, XSD,
)  # fmt: skip
PREFIXES: Mapping[str, str] = {namespace.prefix: namespace.iri for namespace in _SHORT}
"""The prefixes of the record, as a context of JSON-LD."""

_NAMES = {
    term.value: f"{namespace.prefix}:{term.value.removeprefix(namespace.iri)}"
    for namespace in _SHORT
    for term in namespace
}
_CONTEXT = "@context"


def record_node(iri: str, nodes: list[dict[str, Any]]) -> dict[str, Any]:
    """The embedded record: its address, which fragments are relative to, and its nodes."""
    return {"@id": iri, _CONTEXT: {"@base": iri}, "@included": nodes}


def nodes_of(statements: Iterable[Statement], iri: str) -> list[dict[str, Any]]:
    """One node for each subject, in their order; ``iri`` is the record's address."""
    nodes: dict[str, dict[str, Any]] = {}
    for subject, predicate, value in statements:
        node = nodes.setdefault(subject.value, {"@id": short(subject.value, iri)})
        if predicate == RDF.type:
            _add(node, "@type", short(value.value, iri))
        else:
            _add(node, short(predicate.value, iri), value_of(value, iri))
    return list(nodes.values())


def _add(node: dict[str, Any], name: str, value: Any) -> None:
    """Alone, or in a list with those before it."""
    if name not in node:
        node[name] = value
    elif isinstance(node[name], list):
        node[name].append(value)
    else:
        node[name] = [node[name], value]


def value_of(value: ox.NamedNode | ox.Literal, iri: str) -> dict[str, str] | str:
    """A term as a value of JSON-LD under the context of a receipt."""
    if isinstance(value, ox.NamedNode):
        return {"@id": short(value.value, iri)}
    if value.language is not None:
        return {"@language": value.language, "@value": value.value}
    if value.datatype == XSD.string:
        return value.value
    return {"@type": short(value.datatype.value, iri), "@value": value.value}


def short(name: str, iri: str) -> str:
    """A term of ours by its prefix, a part of the record by its fragment; any other address as it is.

    Raises ``ValueError`` for an address whose scheme is one of the prefixes: it would be read as another.
    """
    if name.startswith(iri) and name[len(iri) : len(iri) + 1] == "#":
        return name[len(iri) :]
    known = _NAMES.get(name)
    if known is None and name.partition(":")[0] in PREFIXES:
        raise ValueError("an address begins with a prefix of the receipt")
    return known or name


def read_record(activity: object) -> list[ox.Quad]:
    """The statements of an embedded record, under our own context and its address; none is ever fetched.

    Raises ``ValueError`` for what is not of this form, and for any other context within.
    """
    if not isinstance(activity, dict) or not isinstance(activity.get("@id"), str):
        raise ValueError("there is no embedded record")
    iri, nodes = activity["@id"], activity.get("@included")
    if not isinstance(nodes, list) or not all(isinstance(node, dict) and "@id" in node for node in nodes):
        raise ValueError("there is no embedded record")
    if activity.get(_CONTEXT) != {"@base": iri} or _names_context(nodes):
        raise ValueError("the embedded record names a context")
    if set(activity) != {"@id", _CONTEXT, "@included"}:
        raise ValueError("something beside the record's nodes is not in its digest")
    document = {_CONTEXT: [dict(PREFIXES), {"@base": iri}], "@graph": nodes}
    try:
        return list(ox.parse(json.dumps(document).encode(), format=ox.RdfFormat.JSON_LD))
    except SyntaxError as error:
        raise ValueError("the embedded record cannot be read") from error


def _names_context(value: object) -> bool:
    """Whether a context stands anywhere within; the depth of what was signed is limited."""
    if isinstance(value, dict):
        return _CONTEXT in value or any(map(_names_context, value.values()))
    return isinstance(value, list) and any(map(_names_context, value))
