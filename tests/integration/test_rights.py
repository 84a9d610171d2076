"""The person's rights on a real PostgreSQL with real runs: the copy, the log, and what each table is."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pyoxigraph as ox
import pyshacl
import pytest
import rdflib
import sqlalchemy as sa

from solidgate.adapters.sql.persons import OF_NOBODY, OF_PERSON, SEALED, WITHHELD
from solidgate.adapters.sql.tables import metadata
from solidgate.assets import asset
from solidgate.audit.activity import Kind, Wanted
from solidgate.cli.main import main
from solidgate.errors import ContainerNotYours, ExportTooLarge
from solidgate.flow import rights
from solidgate.web.language import Language
from solidgate.web.rights import page_of
from tests.integration.installation import Installation, open_installation

ANNA, BEN = "canary-anna", "canary-ben"


@pytest.fixture
async def scene(data_folder: Path) -> AsyncIterator[Installation]:
    async with open_installation(data_folder) as standing:
        yield standing


def page(held, files):  # type: ignore[no-untyped-def]
    return page_of(held, files, Language("en"))


def test_every_table_and_column_has_its_rule() -> None:
    """A new table is a person's or nobody's; a new column is plain, sealed in a known way, or withheld."""
    assert {*OF_PERSON, *OF_NOBODY} == set(metadata.tables.values())
    assert not {*OF_PERSON} & {*OF_NOBODY}
    for table in OF_PERSON:
        for column in table.columns:
            if isinstance(column.type, sa.LargeBinary) and column.name != "leaf":
                assert (column in SEALED) != (column in WITHHELD), f"{column} has no rule"
    for table in OF_NOBODY:
        assert "person_id" not in table.columns, f"{table.name} is about people"


async def test_the_copy_holds_every_row_and_nobody_elses(scene: Installation) -> None:
    session, view = await scene.joined(ANNA)
    other, its = await scene.joined(BEN)
    await scene.run()
    archive = zipfile.ZipFile(io.BytesIO(await rights.export(scene.world, session, page)))
    tables = json.loads(archive.read("tables.json"))
    async with scene.world.store.transaction() as tx:
        whose = await tx.persons.whose(session.person_id)
        for table, rule in OF_PERSON.items():
            rows = (await tx.connection.execute(sa.select(table).where(rule(whose)))).all()
            assert len(tables[table.name]) == len(rows), table.name
            expected = {c.name.removesuffix("_sealed") for c in table.columns if c not in WITHHELD}
            assert all(set(told) == expected for told in tables[table.name])
            assert len(list(csv.reader(io.StringIO(archive.read(f"tables/{table.name}.csv").decode())))) == (
                len(rows) + 1
            )
    ids = (session.person_id, view.record.consent_id, view.record.request_id)
    with psycopg.connect(scene.url) as connection:
        for table in metadata.sorted_tables:
            rows = connection.execute(f"SELECT * FROM {table.name}").fetchall()  # type: ignore[call-overload]
            about = [row for row in rows if any(one in str(row) for one in ids)]
            assert len(about) <= len(tables.get(table.name, ())), f"{table.name} holds more than the copy"
    whole = b"\n".join(archive.read(name) for name in archive.namelist())
    for foreign in (BEN, other.person_id, its.record.consent_id, its.record.request_id):
        assert foreign.encode() not in whole
    assert f"receipts/{view.record.consent_id}-2.jwt" in archive.namelist()
    assert f"results/{view.record.consent_id}.nt" in archive.namelist()
    text = archive.read("index.html").decode()
    links = re.findall(r'(?:href|src)="([^"]+)"', text)
    assert links
    assert set(links) <= set(archive.namelist()), "links stay inside the copy"


async def test_a_receipt_of_the_copy_is_checked_with_nothing_else(
    scene: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session, view = await scene.joined(ANNA)
    content = await rights.export(scene.world, session, page)
    zipfile.ZipFile(io.BytesIO(content)).extractall(tmp_path)
    receipt = str(tmp_path / "receipts" / f"{view.record.consent_id}-2.jwt")
    assert await asyncio.to_thread(main, ["receipt", "verify", receipt, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["status"], told["keys"]) == ("given", str(tmp_path / "jwks.json"))


async def test_the_records_of_the_copy_conform_to_the_shapes(scene: Installation) -> None:
    session, _ = await scene.joined(ANNA)
    archive = zipfile.ZipFile(io.BytesIO(await rights.export(scene.world, session, page)))
    shapes = rdflib.Graph().parse(asset("shapes", "consent-record.ttl"))
    names = [name for name in archive.namelist() if name.startswith("consents/")]
    assert len(names) == 2
    for name in names:
        graph = graph_of(archive.read(name), name)
        conforms, _, told = pyshacl.validate(graph, shacl_graph=shapes, advanced=True, inference="none")
        assert conforms, told
    assert len(graph_of(archive.read("everything.jsonld"), ".jsonld")) > 50


def graph_of(content: bytes, name: str) -> rdflib.Graph:
    syntax = ox.RdfFormat.TURTLE if name.endswith(".ttl") else ox.RdfFormat.JSON_LD
    triples = [quad.triple for quad in ox.parse(content, format=syntax)]
    return rdflib.Graph().parse(data=ox.serialize(triples, format=ox.RdfFormat.N_TRIPLES), format="nt")


async def test_a_copy_larger_than_the_setting_is_refused(scene: Installation) -> None:
    session, _ = await scene.joined(ANNA)
    object.__setattr__(scene.world.settings.consent, "export_bytes", 100)
    with pytest.raises(ExportTooLarge):
        await rights.export(scene.world, session, page)


async def test_the_log_tells_what_happened_and_goes_to_the_pod(scene: Installation) -> None:
    session, view = await scene.joined(ANNA)
    await scene.joined(BEN)
    await scene.run()
    found = await rights.activity(scene.world, session)
    kinds = {one.kind for one in found}
    happened = {
        Kind.READ_POD_DATA, Kind.WRITE_POD_DATA, Kind.WRITE_APP_RESULT, Kind.INIT_POD, Kind.ISSUE_TOKEN,
        Kind.ADD_CONSENT, Kind.DATA_IMPORT, Kind.DATA_PROCESSING, Kind.DATASOURCE_GRANT,
    }  # fmt: skip
    assert kinds == happened
    only = await rights.activity(scene.world, session, Wanted(kind=Kind.READ_POD_DATA))
    assert [one.consent for one in only] == [view.record.consent_id]
    url = await rights.push_activity(scene.world, session, f"https://{ANNA}.example/mine/log/")
    graph = rdflib.Graph().parse(data=scene.gate.pods.held[url].content, format="turtle")
    stream = rdflib.Namespace("https://www.w3.org/ns/activitystreams#")
    assert len(set(graph.subjects(rdflib.RDF.type, stream.Activity))) == len(found)
    for wrong in (
        f"https://{BEN}.example/log/",
        f"https://{ANNA}.example/../x/",
        f"https://{ANNA}.example/",
        "../x/",
        "log/.acl/",
        "/log/",
        "",
    ):
        with pytest.raises(ContainerNotYours):
            await rights.push_activity(scene.world, session, wrong)


async def test_the_log_and_the_events_can_only_be_erased(scene: Installation) -> None:
    """With ``solidgate.erasing`` an entry and its salt may go, and nothing else; without it, nothing."""
    await scene.joined(ANNA)
    refused = [
        "UPDATE audit SET entry = 'x'",
        "UPDATE audit SET entry = NULL",
        "UPDATE audit SET entry = NULL, salt = NULL, leaf = '\\x00'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "TRUNCATE consent_events",
        "UPDATE door_events SET event = 'x'",
        "TRUNCATE door_events",
        "UPDATE login_events SET at = now()",
        "TRUNCATE login_events",
        "UPDATE consent_events SET sequence = sequence + 1",
    ]
    bare = [
        "UPDATE audit SET entry = NULL, salt = NULL",
        "DELETE FROM consent_events",
        "DELETE FROM door_events",
        "DELETE FROM login_events",
    ]
    for setting, statements in (("on", refused), ("off", refused + bare)):
        for statement in statements:
            with psycopg.connect(scene.url) as connection:
                connection.execute(f"SET LOCAL solidgate.erasing = '{setting}'")  # type: ignore[call-overload]
                with pytest.raises(psycopg.errors.RaiseException):
                    connection.execute(statement)  # type: ignore[call-overload]
    with psycopg.connect(scene.url) as connection:
        connection.execute("SET LOCAL solidgate.erasing = 'on'")
        assert connection.execute("UPDATE audit SET entry = NULL, salt = NULL").rowcount
        connection.rollback()
