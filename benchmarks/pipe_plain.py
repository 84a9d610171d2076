"""The straightforward stack beside the pipeline: requests one after another, rdflib, pyshacl.

It does the same for a person (read twenty documents, derive, check against the shapes, write, read back) and
leaves out what it would not think of: consent, leases, an intent, isolation, signatures, an audit trail.
"""

from __future__ import annotations

import sys
from decimal import Decimal

import pyshacl
import rdflib
import requests
from rdflib.namespace import RDF, SH, SOSA, XSD

from benchmarks.pipe_beside import told
from benchmarks.pipe_ground import SHAPES, SUM
from benchmarks.pipe_pods import DOCUMENTS, path_of

_SAREF = rdflib.Namespace("https://saref.etsi.org/core/")
_SUM = rdflib.Namespace(SUM)


def person(session: requests.Session, storage: str, shapes: rdflib.Graph) -> bytes:
    """One person, from the first document to the result read back; the result."""
    data = rdflib.Graph()
    for number in range(DOCUMENTS):
        url = storage + path_of(number)
        reply = session.get(url, timeout=30)
        reply.raise_for_status()
        data.parse(data=reply.content, format="turtle", publicID=url)
    result = derived(data, rdflib.URIRef(f"{storage}plain#it"))
    conforms, _, _ = pyshacl.validate(result, shacl_graph=shapes)
    if not conforms:
        raise ValueError("the result does not conform")
    content = result.serialize(format="turtle", encoding="utf-8")
    put = {"Content-Type": "text/turtle", "If-None-Match": "*"}
    session.put(f"{storage}plain.ttl", data=content, headers=put, timeout=30).raise_for_status()
    if session.get(f"{storage}plain.ttl", timeout=30).content != content:
        raise ValueError("the pod holds something else")
    return content


def derived(data: rdflib.Graph, subject: rdflib.URIRef) -> rdflib.Graph:
    """The sum and the count, as the program of the pipeline makes them."""
    found = [
        Decimal(str(value))
        for reading in data.subjects(RDF.type, SOSA.Observation)
        if (reading, SOSA.observedProperty, _SAREF.Energy) in data
        for value in data.objects(reading, SOSA.hasSimpleResult)
    ]
    result = rdflib.Graph()
    result.add((subject, RDF.type, _SUM.YearSum))
    for name, value in (("wattHours", sum(found) * 1000), ("readings", len(found))):
        result.add((subject, _SUM[name], rdflib.Literal(str(int(value)), datatype=XSD.integer)))
    return result


def people(pods: str, numbers: range) -> None:
    """One person after the other."""
    shapes = rdflib.Graph().parse(data=SHAPES, format="turtle")
    if not shapes.value(None, RDF.type, SH.NodeShape):
        raise ValueError("the shapes are not there")
    with requests.Session() as session:
        for number in numbers:
            person(session, f"{pods}p{number}/", shapes)


if __name__ == "__main__":
    sys.exit(told(people))
