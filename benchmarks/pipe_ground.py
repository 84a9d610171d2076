"""The space of the pipeline's benchmark: an approved program with a closed shape, and people who said yes.

The people's records are written by the store itself and pass every check of a real one; what a browser and an
issuer would add to them costs time that is not measured here.
"""

from __future__ import annotations

import dataclasses
import uuid
from datetime import datetime, timedelta

from benchmarks.pipe_pods import DOCUMENTS, path_of
from solidgate.algorithm.manifest import Program
from solidgate.algorithm.pack import pack, program_of
from solidgate.consent.record import ConsentEvent, ConsentRecord, with_event
from solidgate.consent.request import resources_digest
from solidgate.consent.status import ConsentStatus
from solidgate.flow import run
from solidgate.flow import space as spaces
from solidgate.flow.world import World
from solidgate.identity.login import Caller
from solidgate.space.agreement import Agreement
from solidgate.space.canonical import sha256_digest
from solidgate.space.purpose import Purpose, ResourceNeed
from solidgate.testing.terms import CONSUMER, OWNER, sample_agreement

SUM = "https://w3id.org/solidgate/examples/energy-sum#"
AT_ONCE = 500
"""People in one transaction of the preparation."""

SOURCE = f'''"""The sum of a year's readings, and how many there were."""

from decimal import Decimal

from pyoxigraph import Literal, NamedNode, Triple

VALUE = NamedNode("http://www.w3.org/ns/sosa/hasSimpleResult")
INTEGER = NamedNode("http://www.w3.org/2001/XMLSchema#integer")


def derive(person):
    """The sum, about ``person.subject``."""
    found = [Decimal(one.object.value) for one in person.statements if one.predicate == VALUE]
    subject = NamedNode(person.subject)
    kind = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
    yield Triple(subject, kind, NamedNode("{SUM}YearSum"))
    for name, value in (("wattHours", sum(found) * 1000), ("readings", len(found))):
        yield Triple(subject, NamedNode("{SUM}" + name), Literal(str(int(value)), datatype=INTEGER))
'''
SHAPES = f"""
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix s: <{SUM}> .
s:Shape a sh:NodeShape ; sh:targetClass s:YearSum ; sh:targetSubjectsOf s:wattHours, s:readings ;
    sh:nodeKind sh:IRI ; sh:closed true ; sh:property s:type, s:sum, s:count .
s:type sh:path rdf:type ; sh:minCount 1 ; sh:maxCount 1 ; sh:in ( s:YearSum ) .
s:sum sh:path s:wattHours ; sh:minCount 1 ; sh:maxCount 1 ; sh:datatype xsd:integer ;
    sh:minInclusive 0 ; sh:maxInclusive 100000000 .
s:count sh:path s:readings ; sh:minCount 1 ; sh:maxCount 1 ; sh:datatype xsd:integer ; sh:minInclusive 1 .
"""
MANIFEST = f"""
name = "energy-sum"
version = "1.0.0"
entry_point = "energy_sum:derive"
python = "3.11"
licence = "Apache-2.0"
egress = "none"
inputs = ["http://www.w3.org/ns/sosa/Observation"]

[title]
en = "Energy sum"

[description]
en = "Adds up a year of readings."

[outputs]
shapes = "output.ttl"
vocabulary = ["{SUM}"]
"""


def program() -> Program:
    """The program, as its maker would pack it."""
    files = {
        "algorithm.toml": MANIFEST.encode(),
        "requirements.lock": b"",
        "energy_sum.py": SOURCE.encode(),
        "output.ttl": SHAPES.encode(),
    }
    return program_of(files)


def agreement(space_id: str) -> Agreement:
    """Terms on ``DOCUMENTS`` documents of each person."""
    packed = program()
    needs = tuple(
        ResourceNeed(path_of(number), {"en": path_of(number)}, ("https://w3id.org/dpv/pd#Household",))
        for number in range(DOCUMENTS)
    )
    kind = "https://w3id.org/dpv#ServicePersonalisation"
    return dataclasses.replace(
        sample_agreement(space_id),
        purposes=(Purpose("sum", {"en": "A sum"}, {"en": "to add up"}, kind, needs),),
        languages=("en",),
        algorithm=packed.digest,
        output_shape=sha256_digest(packed.files[packed.manifest.output_shapes]),
        result_container="results/",
    )


async def open_space(world: World, space_id: str) -> None:
    """A space whose program all parties approved."""
    await spaces.create(world, agreement(space_id))
    packed = program()
    digest = await spaces.submit_algorithm(world, Caller(OWNER), space_id, pack(packed.files))
    view = await spaces.show(world, space_id)
    for webid in (OWNER, CONSUMER):
        await spaces.approve(world, Caller(webid), space_id, view.agreement_digest, digest, "approve")


async def say_yes(world: World, space_id: str, pods: str, people: int) -> None:
    """``people`` who said yes; their pods lie below ``pods``, one after the other."""
    view = await spaces.show(world, space_id)
    for begin in range(0, people, AT_ONCE):
        now = world.clock.now()
        async with world.store.transaction() as tx:
            for number in range(begin, min(begin + AT_ONCE, people)):
                storage = f"{pods}p{number}/"
                record = _record(world, view.agreement, view.agreement_digest, storage, now)
                webid = record.data_subject
                person = await tx.people.ensure(webid, "https://issuer.example/", webid, now)
                await tx.consents.put(person, space_id, record)


def _record(world: World, terms: Agreement, digest: str, storage: str, now: datetime) -> ConsentRecord:
    """A consent as an answer leaves it."""
    consent_id, webid = uuid.uuid4().hex, f"{storage}me"
    resources = tuple(storage + need.path for need in terms.purposes[0].needs)
    bare = ConsentRecord(
        consent_id=consent_id,
        iri=world.consent_iri(consent_id),
        request_id=uuid.uuid4().hex,
        data_subject=webid,
        space=world.space_iri(terms.space),
        purpose=terms.purposes[0].id,
        agreement_digest=digest,
        notice_digest="sha256:" + "0" * 64,
        notice_language="en",
        notice_date=now,
        algorithm_digest=terms.algorithm,
        shape_digest=terms.output_shape,
        resources_digest=resources_digest(resources),
        resources=resources,
        recipients=(CONSUMER,),
        result_container=f"{storage}{terms.result_container}",
        epoch=0,
    )
    asked = ConsentEvent(1, ConsentStatus.REQUESTED, now, world.space_iri(terms.space))
    given = ConsentEvent(2, ConsentStatus.GIVEN, now, webid, "button", now + timedelta(days=90))
    return with_event(with_event(bare, asked), given)


async def begin(world: World, space_id: str) -> str:
    """A run over everybody; its id."""
    return await run.start(world, Caller(OWNER), space_id)
