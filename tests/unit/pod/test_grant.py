"""Grants in every spelling, and each check of an answer: it fails alone, and names itself."""

from __future__ import annotations

import base64
import copy
import gzip
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from solidgate.errors import AccessGrantEnded, AccessGrantInvalid
from solidgate.pod.credential import AccessMode, CredentialKind, read_credential
from solidgate.pod.grant import (
    LARGEST_LIST,
    AskedAccess,
    check_answer,
    check_request,
    is_revoked,
    request_document,
)
from solidgate.pod.origin import belongs_to, same_origin

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
VC = "https://vc.ess.example"
STORAGE = "https://storage.ess.example/7f/"
AGENT = "https://gate.example/spaces/s/agent#it"
OWNER = "https://id.ess.example/anna"
REQUEST = f"{VC}/vc/request-1"
DOCUMENTS = (STORAGE + "a.ttl", STORAGE + "b.ttl")
PURPOSE = "https://w3id.org/dpv#ServicePersonalisation"
ADVERTISING = "https://w3id.org/dpv#Advertising"
ASKED = AskedAccess(
    AGENT, OWNER, frozenset({AccessMode.READ}), DOCUMENTS, (PURPOSE,), False, NOW + timedelta(days=30)
)
GC = "https://w3id.org/GConsent#"


def answer(**changes: Any) -> dict[str, Any]:
    """A grant as the service stores it; ``changes`` are of the consent in it."""
    consent = {
        "mode": ["Read"],
        "hasStatus": GC + "ConsentStatusExplicitlyGiven",
        "forPersonalData": list(DOCUMENTS),
        "forPurpose": [PURPOSE],
        "isProvidedTo": AGENT,
        "inherit": False,
        "verifiedRequest": REQUEST,
    }
    consent.update(changes)
    return {
        "@context": [
            "https://www.w3.org/2018/credentials/v1",
            "https://w3id.org/security/suites/ed25519-2020/v1",
            "https://w3id.org/vc-revocation-list-2020/v1",
            "https://schema.inrupt.com/credentials/v1.jsonld",
        ],
        "id": f"{VC}/vc/grant-1",
        "type": ["VerifiableCredential", "SolidAccessGrant"],
        "issuer": VC,
        "issuanceDate": "2026-11-27T11:59:00Z",
        "expirationDate": "2026-12-20T00:00:00.123Z",
        "credentialStatus": {
            "id": f"{VC}/status/umZS#801",
            "type": "RevocationList2020Status",
            "revocationListCredential": f"{VC}/status/umZS",
            "revocationListIndex": "801",
        },
        "credentialSubject": {
            "id": OWNER,
            "providedConsent": {key: value for key, value in consent.items() if value is not None},
        },
        "proof": {"type": "Ed25519Signature2020", "proofValue": "z"},
    }


def check(document: dict[str, Any], asked: AskedAccess = ASKED) -> Any:
    return check_answer(document, asked, REQUEST, VC, NOW)


# --- spellings ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mode": "Read"},
        {"mode": "http://www.w3.org/ns/auth/acl#Read"},
        {"mode": ["acl:Read"]},
        {"mode": {"@id": "http://www.w3.org/ns/auth/acl#Read"}},
        {"inherit": "false"},
        {"inherit": {"@value": False}},
        {"inherit": None},
        {"hasStatus": "gc:ConsentStatusExplicitlyGiven"},
        {"hasStatus": "ConsentStatusExplicitlyGiven"},
        {"isProvidedTo": None, "isProvidedToPerson": AGENT},
        {"isProvidedTo": None, "isProvidedToController": {"id": AGENT}},
        {"isProvidedTo": None, "gc:isProvidedTo": [AGENT]},
        {"isProvidedTo": None, GC + "isProvidedTo": {"@id": AGENT}},
        {"verifiedRequest": None, "request": REQUEST},
        {"request": REQUEST},
    ],
)
def test_every_spelling_is_one_grant(changes: dict[str, Any]) -> None:
    grant = check(answer(**changes))
    assert (grant.id, grant.modes, grant.resources) == (f"{VC}/vc/grant-1", {AccessMode.READ}, DOCUMENTS)
    assert grant.document["proof"]


def test_scalars_stand_for_lists_of_one() -> None:
    document = answer(forPersonalData=DOCUMENTS[0], forPurpose=PURPOSE)
    document["type"] = "SolidAccessGrant"
    document["credentialSubject"] = [document["credentialSubject"]]
    document["issuer"] = {"id": VC + "/"}
    assert check(document).resources == DOCUMENTS[:1]


@pytest.mark.parametrize(
    "kind", ["SolidAccessDenial", "vc:SolidAccessDenial", "http://www.w3.org/ns/solid/vc#SolidAccessDenial"]
)
@pytest.mark.parametrize(
    "status", ["ConsentStatusDenied", "ConsentStatusRefused", GC + "ConsentStatusExplicitlyGiven"]
)
def test_a_denial_is_told_by_its_type(kind: str, status: str) -> None:
    document = answer(hasStatus=status)
    document["type"] = ["VerifiableCredential", kind]
    assert check(document) is None


def test_a_self_hosted_context_is_the_issuers_own() -> None:
    document = answer()
    document["@context"][-1] = f"{VC}/credentials/v1"
    assert check(document)
    document["@context"][-1] = "https://vc.other.example/credentials/v1"
    with pytest.raises(AccessGrantInvalid, match="context"):
        check(document)


@pytest.mark.parametrize("context", [{"mode": "http://x/y"}, "https://evil.example/c", None, 1])
def test_no_context_may_give_the_names_another_meaning(context: object) -> None:
    document = answer()
    document["@context"].append(context)
    with pytest.raises(AccessGrantInvalid, match="context"):
        check(document)


# --- each check of an answer --------------------------------------------------------------------------


def changed(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        *above, last = path.split("/")
        for name in above:
            document = document[name]
        document[last] = value

    return change


CONSENT = "credentialSubject/providedConsent/"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (changed("issuer", "https://vc.other.example"), "another service"),
        (changed("id", "https://vc.other.example/vc/1"), "another service"),
        (changed("credentialStatus/revocationListCredential", "https://x.example/s"), "elsewhere"),
        (changed(CONSENT + "isProvidedTo", "https://gate.example/spaces/t/agent#it"), "for somebody else"),
        (changed("credentialSubject/id", "https://id.ess.example/eve"), "of somebody else"),
        (changed(CONSENT + "verifiedRequest", f"{VC}/vc/request-2"), "another request"),
        (changed(CONSENT + "request", f"{VC}/vc/request-2"), "two requests"),
        (changed("issuanceDate", "2027-01-01T00:00:00Z"), "in the future"),
        (changed(CONSENT + "mode", ["Read", "Write"]), "modes"),
        (changed(CONSENT + "mode", ["Control"]), "not known"),
        (changed(CONSENT + "mode", []), "gives nothing"),
        (changed(CONSENT + "forPersonalData", [STORAGE]), "resources"),
        (changed(CONSENT + "forPersonalData", []), "gives nothing"),
        (changed(CONSENT + "forPersonalData", ["a.ttl"]), "web address"),
        (changed(CONSENT + "forPurpose", [ADVERTISING]), "purposes"),
        (changed(CONSENT + "forPurpose", [PURPOSE, ADVERTISING]), "purposes"),
        (changed(CONSENT + "forPurpose", []), "purposes"),
        (changed(CONSENT + "inherit", "perhaps"), "inherit"),
        (changed(CONSENT + "isProvidedToPerson", OWNER), "not exactly one"),
        (changed("type", ["VerifiableCredential"]), "type"),
        (changed("type", ["SolidAccessGrant", "SolidAccessDenial"]), "type"),
        (changed("type", ["SolidAccessRequest"]), "hasConsent"),
        (changed("expirationDate", "soon"), "not a time"),
        (changed("credentialSubject", "anna"), "object"),
        (changed("credentialStatus/type", "StatusList2021Entry"), "not known"),
        (changed("credentialStatus/revocationListIndex", "-1"), "number"),
    ],
)
def test_a_wrong_answer_names_its_check(change: Callable[[dict[str, Any]], None], reason: str) -> None:
    document = copy.deepcopy(answer())
    change(document)
    with pytest.raises(AccessGrantInvalid, match=reason):
        check(document)


def test_a_grant_past_its_end_has_ended() -> None:
    document = answer()
    document["expirationDate"] = "2026-11-27T12:00:00Z"
    with pytest.raises(AccessGrantEnded):
        check(document)


def test_a_narrowed_grant_is_honoured() -> None:
    grant = check(answer(forPersonalData=[DOCUMENTS[1]]))
    assert grant.covers(DOCUMENTS[1], AccessMode.READ)
    assert not grant.covers(DOCUMENTS[0], AccessMode.READ)
    assert not grant.covers(DOCUMENTS[1], AccessMode.WRITE, AccessMode.APPEND)


def test_inherit_reaches_members_of_a_container_only_where_asked() -> None:
    results = STORAGE + "results/"
    modes = frozenset({AccessMode.READ, AccessMode.WRITE, AccessMode.APPEND})
    asked = AskedAccess(AGENT, OWNER, modes, (results,), (PURPOSE,), True, None)
    wide = answer(forPersonalData=results, mode=["Read", "Append"], inherit="true")
    grant = check(wide, asked)
    assert grant.covers(results + "x.ttl", AccessMode.APPEND, AccessMode.WRITE)
    assert not grant.covers(results + "../a.ttl", AccessMode.READ)
    assert not grant.covers(STORAGE + "results-of-others/x.ttl", AccessMode.READ)
    narrow = AskedAccess(AGENT, OWNER, modes, (results,), (PURPOSE,), False, None)
    with pytest.raises(AccessGrantInvalid, match="further down"):
        check(wide, narrow)


# --- requests -----------------------------------------------------------------------------------------


def issued(asked: AskedAccess) -> dict[str, Any]:
    """What the service makes of our request."""
    credential = copy.deepcopy(
        request_document(asked, "https://schema.inrupt.com/credentials/v1.jsonld", NOW)
    )
    document: dict[str, Any] = credential["credential"]
    document |= {"id": REQUEST, "issuer": VC, "issuanceDate": "2026-11-27T12:00:00Z"}
    document["type"] = ["VerifiableCredential", *document["type"]]
    document["credentialSubject"]["id"] = asked.requestor
    return document


def test_a_request_asks_for_least() -> None:
    credential = request_document(ASKED, "https://schema.inrupt.com/credentials/v2.jsonld", NOW)["credential"]
    consent = credential["credentialSubject"]["hasConsent"]
    assert consent["mode"] == ["http://www.w3.org/ns/auth/acl#Read"]
    assert (consent["inherit"], credential["expirationDate"]) == (False, "2026-12-27T12:00:00Z")
    assert check_request(issued(ASKED), ASKED, VC) == REQUEST
    assert read_credential(issued(ASKED)).kind is CredentialKind.REQUEST


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (changed("credentialSubject/id", OWNER), "somebody else"),
        (changed("credentialSubject/hasConsent/isConsentForDataSubject", AGENT), "somebody else"),
        (changed("credentialSubject/hasConsent/mode", ["Write"]), "something else"),
        (changed("credentialSubject/hasConsent/inherit", True), "something else"),
        (changed("credentialSubject/hasConsent/forPersonalData", [STORAGE]), "something else"),
        (changed("credentialSubject/hasConsent/forPurpose", [ADVERTISING]), "purposes"),
        (changed("credentialSubject/hasConsent/forPurpose", []), "purposes"),
        (changed("issuer", "https://vc.other.example"), "another service"),
    ],
)
def test_a_request_that_says_something_else_is_not_ours(
    change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    document = issued(ASKED)
    change(document)
    with pytest.raises(AccessGrantInvalid, match=reason):
        check_request(document, ASKED, VC)


def test_an_answer_is_no_request() -> None:
    with pytest.raises(AccessGrantInvalid, match="something else"):
        check_request(answer(), ASKED, VC)
    with pytest.raises(AccessGrantInvalid, match="a request"):
        check(issued(ASKED))


# --- revocation ---------------------------------------------------------------------------------------


def test_the_bit_of_a_revocation_list() -> None:
    bits = bytearray(16 * 1024)
    bits[801 // 8] |= 0x80 >> (801 % 8)
    encoded = base64.b64encode(gzip.compress(bytes(bits))).decode()
    assert is_revoked(encoded, 801)
    assert not is_revoked(encoded, 800)
    assert is_revoked(base64.urlsafe_b64encode(gzip.compress(bytes(bits))).decode().rstrip("="), 801)


@pytest.mark.parametrize(
    "encoded",
    [
        "",
        "no base64!",
        base64.b64encode(b"not gzip").decode(),
        base64.b64encode(gzip.compress(b"\0" * (LARGEST_LIST + 1))).decode(),
        base64.b64encode(gzip.compress(b"\0" * 4096)[:-12]).decode(),
        base64.b64encode(gzip.compress(b"\0")).decode(),
    ],
    ids=["empty", "no base64", "no gzip", "too long", "cut off", "too short"],
)
def test_what_is_no_list_reveals_nothing(encoded: str) -> None:
    with pytest.raises(AccessGrantInvalid, match="revocation list"):
        is_revoked(encoded, 801)


# --- whose servers these are --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "storage", "belongs"),
    [
        ("https://uma.ess.example", "https://storage.ess.example/7f/", True),
        ("https://storage.ess.example:8443/uma", "https://storage.ess.example/", True),
        ("https://uma.pods.bank.example", "https://storage.pods.bank.example/", True),
        ("http://uma.ess.example", "https://storage.ess.example/", False),
        ("https://uma.other.example", "https://storage.ess.example/", False),
        ("https://ess.example", "https://storage.ess.example/", False),
        ("https://uma.evil.ess.example", "https://storage.ess.example/", False),
        ("https://attacker.co.uk", "https://storage.co.uk/", False),
        ("https://attacker.github.io", "https://storage.github.io/", False),
        ("https://attacker.s3.amazonaws.com", "https://storage.s3.amazonaws.com/", False),
        ("https://attacker.xn--55qx5d.cn", "https://storage.xn--55qx5d.cn/", False),
        ("https://attacker.any.ck", "https://storage.any.ck/", False),
        ("https://uma.www.ck", "https://storage.www.ck/", True),
        ("https://uma.bank.co.uk", "https://storage.bank.co.uk/", True),
        ("https://uma.example", "https://storage.example/", False),
        ("http://10.0.0.2/", "http://10.0.0.1/", False),
        ("http://localhost:2/", "http://localhost:1/", True),
        ("https://[::2]/", "https://[::1]/", False),
        ("no address", "https://storage.ess.example/", False),
    ],
)
def test_a_service_stands_beside_its_storage(service: str, storage: str, belongs: bool) -> None:
    assert belongs_to(service, storage) is belongs


def test_one_origin() -> None:
    assert same_origin("https://a.example/x", "https://A.example:443/y")
    assert not same_origin("https://a.example/", "http://a.example/")
    assert not same_origin("x", "x")
