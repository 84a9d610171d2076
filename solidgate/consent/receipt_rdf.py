"""The receipt as RDF: ``dpv:ConsentReceipt`` around the record, made from the signed token and nothing else.

These forms are to be read; only the token is signed. Whoever has both can check that they say the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyoxigraph as ox

from solidgate.consent.receipt_nodes import read_record
from solidgate.errors import ReceiptInvalid, SignatureInvalid
from solidgate.identity.jose import parse
from solidgate.space.rdf import in_order, turtle
from solidgate.vocab import CRED, DCT, DPV, DPV_27560, RDF, SG, XSD

MAX_BYTES = 1024 * 1024
FORMATS: Mapping[str, ox.RdfFormat] = {".ttl": ox.RdfFormat.TURTLE, ".jsonld": ox.RdfFormat.JSON_LD}


def receipt_triples(token: str) -> tuple[ox.Triple, ...]:
    """What a token says, as triples without blank nodes; its signature is not looked at.

    Raises ``ReceiptInvalid`` for a token that is not of our form.
    """
    try:
        claims = parse(token, max_bytes=MAX_BYTES).claims
        record = claims["dpv:hasRecordOfActivity"]
        inner = [quad.triple for quad in read_record(record)]
        return in_order([*inner, *_wrapper(claims, ox.NamedNode(record["@id"]))])
    except SignatureInvalid as error:
        raise ReceiptInvalid(f"1: {error.detail}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ReceiptInvalid("5: there is no embedded record") from error


def _wrapper(claims: Mapping[str, Any], record: ox.NamedNode) -> Iterator[ox.Triple]:
    node, issuer = ox.NamedNode(claims["id"]), ox.NamedNode(claims["issuer"])
    said: list[tuple[ox.NamedNode, ox.NamedNode | ox.Literal]] = [
        (RDF.type, DPV.ConsentReceipt),
        (RDF.type, CRED.VerifiableCredential),
        (DCT.identifier, ox.Literal(claims["dct:identifier"])),
        (DPV.hasIdentifier, ox.Literal(claims["id"], datatype=XSD.anyURI)),
        (DCT.conformsTo, DPV_27560["receipt-eu-gdpr"]),
        (DCT.created, ox.Literal(claims["validFrom"], datatype=XSD.dateTime)),
        (DCT.creator, issuer),
        (DCT.audience, ox.NamedNode(claims["dct:audience"])),
        (SG.recordDigest, ox.Literal(claims["sg:recordDigest"])),
        (DPV.hasRecordOfActivity, record),
    ]
    said += [(DCT.publisher, ox.NamedNode(webid)) for webid in claims["dct:publisher"]]
    return (ox.Triple(node, predicate, value) for predicate, value in said)


def as_turtle(triples: tuple[ox.Triple, ...]) -> bytes:
    """As Turtle; the same triples always give the same bytes."""
    return turtle(triples)


def as_jsonld(triples: tuple[ox.Triple, ...]) -> bytes:
    """As expanded JSON-LD, so that nobody has to fetch a context."""
    return ox.serialize(triples, format=ox.RdfFormat.JSON_LD) or b"[]"


def check_same(content: bytes, suffix: str, token: str) -> None:
    """Whether a Turtle or JSON-LD receipt says exactly what the token says. Raises ``ReceiptInvalid``."""
    try:
        quads = list(ox.parse(content, format=FORMATS[suffix]))
    except (SyntaxError, ValueError) as error:
        raise ReceiptInvalid("8: the file cannot be read") from error
    if any(not isinstance(quad.graph_name, ox.DefaultGraph) for quad in quads):
        raise ReceiptInvalid("8: the file has named graphs")
    if {quad.triple for quad in quads} != set(receipt_triples(token)):
        raise ReceiptInvalid("8: the file does not say what the signed receipt says")
