"""The double's storage host: the challenge in three parts, resources, SPARQL Update, ACP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyoxigraph

from solidgate.adapters.clock import SystemClock
from solidgate.adapters.http import GuardedFetcher
from solidgate.adapters.http_policy import FetchPolicy
from solidgate.adapters.solid_pod import SolidPod
from solidgate.testing.ess import EssDouble
from solidgate.testing.ess.visitor import Visitor

if TYPE_CHECKING:
    from conftest import Scene

SOLID = "http://www.w3.org/ns/solid/terms#"
ACL = "http://www.w3.org/ns/auth/acl#"


async def test_the_challenge_names_three_ways(scene: Scene) -> None:
    refused = await scene.nobody.call("GET", scene.url)
    ticket = await scene.nobody.ticket("GET", scene.url)
    assert refused.status == 401
    assert ticket and ticket not in refused.headers["WWW-Authenticate"]
    head, _, rest = refused.headers["WWW-Authenticate"].partition('UMA ticket="')
    assert head == 'Bearer, DPoP algs="ES256", '
    assert rest.endswith(f'", as_uri="{scene.ess.uma_url}"')
    assert refused.headers["Content-Type"].startswith("application/problem+json")
    assert refused.json()["status"] == 401 and refused.headers["x-request-id"]


async def test_the_owner_comes_with_a_plain_token_and_nobody_else_does(scene: Scene) -> None:
    assert (await scene.owner.call("GET", scene.url)).body == b"<> a <x:Y> ."
    assert (await scene.asker.call("GET", scene.url)).status == 403
    assert (await scene.nobody.call("GET", scene.url, token="made-up")).status == 401
    replay = scene.owner.access.headers("GET", scene.url, datetime.now(UTC))
    assert (await scene.nobody.call("GET", scene.url, headers=replay)).status == 200
    assert (await scene.nobody.call("GET", scene.url, headers=replay)).status == 401


async def test_what_is_not_there_is_told_only_to_who_may_know(scene: Scene) -> None:
    missing = f"{scene.alice.pod}none.ttl"
    statuses = [(await one.call("GET", missing)).status for one in (scene.owner, scene.asker, scene.nobody)]
    assert statuses == [404, 403, 401]
    assert (await scene.nobody.call("GET", f"{scene.ess.storage_url}.well-known/unknown")).status == 401


async def test_the_storage_describes_itself(scene: Scene) -> None:
    answer = await scene.nobody.call("GET", f"{scene.ess.storage_url}.well-known/solid")
    triples = list(pyoxigraph.parse(answer.body, format=pyoxigraph.RdfFormat.TURTLE))
    assert all(isinstance(triple.subject, pyoxigraph.BlankNode) for triple in triples)
    said = {triple.predicate.value: triple.object.value for triple in triples}
    assert said["http://inrupt.com/ns/ess#ConsentManagementUI"] == scene.ess.access_ui_url
    assert f"{SOLID}provision" in said and f"{SOLID}notificationGateway" not in said
    async with EssDouble(notification_url="https://notification.example/") as other, Visitor(other) as one:
        body = (await one.call("GET", f"{other.storage_url}.well-known/solid")).body
        assert b"notificationGateway <https://notification.example/>" in body


async def test_resources_are_made_changed_and_removed(scene: Scene) -> None:
    one, folder = scene.owner, f"{scene.alice.pod}made/"
    turtle = {"Content-Type": "text/turtle"}
    made = await one.call("PUT", f"{folder}b.ttl", data=b"<> a <x:B> .", headers=turtle)
    assert (made.status, made.headers["Location"]) == (201, f"{folder}b.ttl")
    again = await one.call("PUT", f"{folder}b.ttl", data=b"<> a <x:C> .", headers=turtle)
    assert again.status == 204 and again.headers["ETag"] != made.headers["ETag"]
    stale = turtle | {"If-Match": made.headers["ETag"]}
    assert (await one.call("PUT", f"{folder}b.ttl", data=b"", headers=stale)).status == 412
    first = turtle | {"If-None-Match": "*"}
    assert (await one.call("PUT", f"{folder}b.ttl", data=b"", headers=first)).status == 412
    seen = {"If-None-Match": again.headers["ETag"]}
    assert (await one.call("GET", f"{folder}b.ttl", headers=seen)).status == 304
    posted = await one.call("POST", folder, data=b"<> a <x:D> .", headers=turtle | {"Slug": "d.ttl"})
    assert (posted.status, posted.headers["Location"]) == (201, f"{folder}d.ttl")
    twice = await one.call("POST", folder, data=b"<> a <x:D> .", headers=turtle | {"Slug": "d.ttl"})
    assert twice.headers["Location"] != f"{folder}d.ttl"
    assert (await one.call("DELETE", folder)).status == 409
    assert (await one.call("DELETE", f"{folder}b.ttl")).status == 204
    assert scene.ess.get(f"{folder}b.ttl") is None
    assert (await one.call("DELETE", f"{folder}b.ttl")).status == 404
    assert (await one.call("DELETE", scene.alice.pod)).status == 409


async def test_a_patch_is_sparql_update(scene: Scene) -> None:
    n3 = await scene.owner.call("PATCH", scene.url, data=b"", headers={"Content-Type": "text/n3"})
    assert (n3.status, n3.headers["Accept-Patch"]) == (415, "application/sparql-update")
    update = {"Content-Type": "application/sparql-update"}
    text = b"DELETE DATA { <> a <x:Y> }; INSERT DATA { <> a <x:Z> }"
    assert (await scene.owner.call("PATCH", scene.url, data=text, headers=update)).status == 204
    assert b"x:Z" in (scene.ess.get(scene.url) or b"") and b"x:Y" not in (scene.ess.get(scene.url) or b"")
    assert (await scene.owner.call("PATCH", scene.url, data=b"nonsense", headers=update)).status == 400
    made = f"{scene.alice.pod}new.ttl"
    assert (
        await scene.owner.call("PATCH", made, data=b"INSERT DATA {<> a <x:N>}", headers=update)
    ).status == 201


async def test_representations(scene: Scene) -> None:
    as_json = await scene.owner.call("GET", scene.url, headers={"Accept": "application/ld+json"})
    assert as_json.headers["Content-Type"] == "application/ld+json" and as_json.json()
    assert (await scene.owner.call("GET", scene.url, headers={"Accept": "image/png"})).status == 406
    listing = await scene.owner.call("GET", f"{scene.alice.pod}energy/", headers={"Accept": "text/turtle"})
    assert f"contains <{scene.url}>" in listing.body.decode()
    assert b"iana/media-types/text/turtle#Resource" in listing.body
    root = await scene.owner.call("HEAD", scene.alice.pod)
    assert '<http://www.w3.org/ns/pim/space#Storage>; rel="type"' in root.all("Link")
    assert "WAC-Allow" not in root.headers


async def test_an_access_control_resource_decides(scene: Scene) -> None:
    head = await scene.owner.call("HEAD", scene.url)
    acr = next(link for link in head.all("Link") if 'rel="acl"' in link).partition(">")[0][1:]
    assert b"AccessControlResource" in (await scene.owner.call("GET", acr)).body
    assert (await scene.asker.call("GET", acr)).status == 403
    rule = f"""@prefix acp: <http://www.w3.org/ns/solid/acp#>. @prefix acl: <{ACL}>.
      <{acr}> a acp:AccessControlResource; acp:resource <{scene.url}>; acp:accessControl <{acr}#1>.
      <{acr}#1> acp:apply [ acp:allow acl:Read; acp:anyOf [ acp:agent <{scene.hub.webid}> ] ]."""
    turtle = {"Content-Type": "text/turtle"}
    assert (await scene.owner.call("PUT", acr, data=rule.encode(), headers=turtle)).status == 204
    assert (await scene.asker.call("GET", scene.url)).status == 200
    assert (await scene.asker.call("PUT", scene.url, data=b"", headers=turtle)).status == 403
    assert (await scene.owner.call("GET", scene.url)).status == 200
    assert (await scene.owner.call("PUT", acr, data=b"<broken", headers=turtle)).status == 400
    assert (await scene.owner.call("DELETE", acr)).status == 204
    assert (await scene.asker.call("GET", scene.url)).status == 403


async def test_the_own_pod_adapter_reads_as_the_owner(scene: Scene) -> None:
    fetcher = GuardedFetcher(FetchPolicy(allow_private_addresses=True), SystemClock())
    try:
        pods = SolidPod(fetcher, SystemClock())
        read = await pods.read(scene.ess.access(scene.alice.webid), scene.url, max_bytes=1000)
        assert read.content == b"<> a <x:Y> ."
    finally:
        await fetcher.aclose()
