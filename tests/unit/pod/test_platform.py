"""What services say of themselves, and what is not believed of it; and how a door stands by its answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from solidgate.errors import FetchUnexpected
from solidgate.pod.access_request import RequestedAccess, requested
from solidgate.pod.credential import AccessMode
from solidgate.pod.door import Door, DoorState
from solidgate.pod.grant import Grant
from solidgate.pod.platform import (
    EXCHANGE_GRANT,
    access_page_link,
    read_exchange,
    read_grant_service,
    read_uma_server,
)

UMA, VC, PLATFORM = "https://uma.ess.example", "https://vc.ess.example", "https://platform.ess.example"
SERVICES = {
    "@context": ["https://www.w3.org/2018/credentials/v1", "https://schema.inrupt.com/credentials/v1.jsonld"],
    "issuerService": VC + "/issue",
    "verifierService": VC + "/verify",
    "statusService": VC + "/status",
}


def test_the_newest_context_that_is_listed_is_used() -> None:
    v1, v2 = (f"https://schema.inrupt.com/credentials/v{n}.jsonld" for n in (1, 2))
    assert read_grant_service(SERVICES, VC).context == v1
    assert read_grant_service({**SERVICES, "@context": [v1, v2]}, VC).context == v2
    assert read_grant_service({**SERVICES, "@context": [VC + "/credentials/v1"]}, VC).context.startswith(VC)
    assert read_grant_service({**SERVICES, "@context": [{"a": "b"}]}, VC).context == v1


@pytest.mark.parametrize("name", ["issuerService", "verifierService", "statusService"])
@pytest.mark.parametrize("value", [None, 1, "https://evil.example/x", "http://vc.ess.example/x"])
def test_an_endpoint_elsewhere_is_none(name: str, value: object) -> None:
    with pytest.raises(FetchUnexpected):
        read_grant_service({**SERVICES, name: value}, VC)


@pytest.mark.parametrize(
    "changes",
    [
        {"token_endpoint": "https://evil.example/token"},
        {"token_endpoint": None},
        {"issuer": "https://uma.other.example"},
        {"issuer": None},
    ],
)
def test_an_authorization_server_that_is_another_is_none(changes: dict[str, Any]) -> None:
    document = {"issuer": UMA + "/", "token_endpoint": UMA + "/token"}
    assert read_uma_server(document, UMA).credential_issuer == ""
    with pytest.raises(FetchUnexpected):
        read_uma_server({**document, **changes}, UMA)


def test_only_a_server_that_exchanges_tokens_is_one() -> None:
    document = {
        "issuer": PLATFORM,
        "token_endpoint": PLATFORM + "/access/token",
        "grant_types_supported": [EXCHANGE_GRANT],
    }
    assert read_exchange(document, PLATFORM) == PLATFORM + "/access/token"
    assert read_exchange({**document, "grant_types_supported": ["authorization_code"]}, PLATFORM) == ""
    for changes in ({"issuer": UMA}, {"token_endpoint": UMA + "/token"}, {"token_endpoint": None}):
        with pytest.raises(FetchUnexpected):
            read_exchange({**document, **changes}, PLATFORM)


# --- second answers -----------------------------------------------------------------------------------


def _asked() -> tuple[RequestedAccess, Grant]:
    door = Door("https://g.example/agent", "https://p.example/#me", ("https://p.example/a.ttl",), None)
    access = requested(door, "https://p.example/", {}, "p", None)
    access = access.changed(replace(access.parts[0], request_id="r1"))
    return access, Grant("g1", VC, frozenset({AccessMode.READ}), door.read, False, None, {})


def test_a_grant_that_a_second_answer_replaces_still_ends_with_the_consent() -> None:
    access, first = _asked()
    second = replace(first, id="g2")
    part = access.parts[0]
    once = access.with_answer(part, first)
    assert (once.grants, once.former) == ((first,), ())
    assert once.with_answer(part, first) == once, "the same answer again"
    twice = once.with_answer(part, second)
    assert (twice.grants, twice.former) == ((second,), (first,))
    back = twice.with_answer(part, first).with_answer(part, second)
    assert (back.grants, {one.id for one in back.former}) == ((second,), {"g1", "g2"}), "kept once each"
    denied = once.with_answer(part, None)
    assert (denied.grants, denied.former, denied.denied) == ((), (first,), True)


def test_a_grant_for_a_request_that_was_asked_anew_still_ends_with_the_consent() -> None:
    access, late = _asked()
    anew = access.changed(replace(access.parts[0], request_id="r2"))
    found = anew.with_answer(access.parts[0], late)
    assert (found.grants, found.former) == ((), (late,))
    assert found.next is not None
    assert anew.with_answer(access.parts[0], None) == anew


def test_the_link_to_the_access_page_keeps_what_the_page_had() -> None:
    callback = "https://gate.example/consents/c1/access"
    link = access_page_link("https://access.ess.example/r/?theme=a#top", VC + "/vc/1?x=1&y=2", callback)
    query = parse_qs(urlsplit(link).query)
    assert query == {"theme": ["a"], "requestVcUrl": [VC + "/vc/1?x=1&y=2"], "redirectUrl": [callback]}
    assert urlsplit(link).fragment == ""


# --- how a door stands --------------------------------------------------------------------------------

POD = "https://storage.ess.example/7f/"
DOOR = Door("https://gate.example/a#it", "https://id.ess.example/anna", (POD + "a", POD + "b"), POD + "r/")
NOW = datetime(2026, 11, 27, tzinfo=UTC)


def answered(access: RequestedAccess, index: int, grant: Grant | None) -> RequestedAccess:
    return access.changed(replace(access.parts[index], request_id="r", grant=grant, denied=grant is None))


def grant(*resources: str, modes: str = "Read", inherit: bool = False) -> Grant:
    wanted = frozenset(AccessMode(one) for one in modes.split())
    return Grant(VC + "/vc/1", VC, wanted, resources, inherit, None, {})


ASKED = requested(DOOR, POD, {}, "https://w3id.org/dpv#Purpose", NOW)
READ = grant(POD + "a", POD + "b")
WRITE = grant(POD + "r/", modes="Read Append", inherit=True)


def test_least_is_asked_in_two_parts() -> None:
    documents, results = (one.asked for one in ASKED.parts)
    assert (documents.modes, documents.resources, documents.inherit) == ({"Read"}, DOOR.read, False)
    assert (results.resources, results.inherit) == ((POD + "r/",), True)
    assert results.modes == {"Read", "Write", "Append"}


@pytest.mark.parametrize(
    ("first", "second", "state"),
    [
        (READ, WRITE, DoorState.OPEN),
        (READ, None, DoorState.DENIED),
        (None, WRITE, DoorState.DENIED),
        (grant(POD + "a"), WRITE, DoorState.OPEN),
        (grant(POD + "b"), WRITE, DoorState.PARTIAL),
        (READ, grant(POD + "r/"), DoorState.PARTIAL),
        (READ, grant(POD + "r/", modes="Write", inherit=True), DoorState.PARTIAL),
    ],
)
def test_the_answers_decide(first: Grant | None, second: Grant | None, state: DoorState) -> None:
    assert ASKED.state(DOOR, [POD + "a"]) is DoorState.REQUESTED
    half = answered(ASKED, 0, first)
    assert half.state(DOOR, [POD + "a"]) is (DoorState.DENIED if first is None else DoorState.REQUESTED)
    assert answered(half, 1, second).state(DOOR, [POD + "a"]) is state


def test_asking_again_keeps_what_holds_and_remembers_what_it_replaces() -> None:
    denied = answered(answered(ASKED, 0, READ), 1, None)
    again = ASKED.asked_again(denied, ended=False)
    assert (again.parts[0].grant, again.parts[1].denied, again.former) == (READ, False, ())
    narrowed = answered(answered(ASKED, 0, grant(POD + "a")), 1, WRITE)
    again = ASKED.asked_again(narrowed, ended=False)
    assert (again.parts[0].grant, again.parts[1].grant) == (None, WRITE)
    assert again.former == (grant(POD + "a"),)
    ended = ASKED.asked_again(narrowed, ended=True)
    assert (ended.grants, len(ended.former)) == ((), 2)
    waiting = ASKED.changed(replace(ASKED.parts[0], request_id="r1"))
    assert ASKED.asked_again(waiting, ended=False).parts[0].request_id == "r1"
