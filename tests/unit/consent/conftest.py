"""One agreement, one request and one record, built only from the rooms' own functions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from solidgate.algorithm.approval import Approval
from solidgate.consent.notice import Notice, make_notice
from solidgate.consent.record import ConsentEvent, ConsentRecord, with_event
from solidgate.consent.request import AskedResource, ConsentRequest, resources_digest
from solidgate.consent.status import ConsentStatus
from solidgate.space.agreement import Agreement, digest
from solidgate.space.participant import Party, Role
from solidgate.space.purpose import Purpose, ResourceNeed

ALICE = "https://alice.pod.example/profile/card#me"
ACME = "https://acme.example/#it"
GRID = "https://grid.example/#it"
NOON = datetime(2026, 11, 20, 10, tzinfo=UTC)
CONSENT = "6a8b2f0e-1c1f-4b6e-9b7e-5a3f0f3c2b11"


def three(en: str, fr: str, nl: str) -> dict[str, str]:
    return {"en": en, "fr": fr, "nl": nl}


def build_agreement() -> Agreement:
    needs = tuple(
        ResourceNeed(
            f"energy/2025-{month:02}.ttl",
            three(f"Meter {month}", f"Compteur {month}", f"Meter {month}"),
            ("https://w3id.org/dpv/pd#Household",),
            required=month == 1,
        )
        for month in (1, 2)
    )
    purpose = Purpose(
        "advice",
        three("Energy advice", "Conseil énergie", "Energieadvies"),
        three("to compare your use", "pour comparer votre usage", "om uw verbruik te vergelijken"),
        "https://w3id.org/dpv#ServicePersonalisation",
        needs,
        required=True,
    )
    parties = (
        Party(
            ACME,
            "Acme Energy",
            frozenset({Role.OWNER, Role.CODE_PROVIDER, Role.CONTROLLER}),
            "mailto:dpo@acme.example",
        ),
        Party(GRID, "Grid Lab", frozenset({Role.DATA_CONSUMER})),
    )
    return Agreement(
        space="home-energy",
        version=1,
        title=three("Home energy", "Énergie à la maison", "Energie thuis"),
        terms=three("The terms.", "Les conditions.", "De voorwaarden."),
        parties=parties,
        purposes=(purpose,),
        algorithm="sha256:" + "a" * 64,
        output_shape="sha256:" + "b" * 64,
        output_text=three("A yearly figure.", "Un chiffre par an.", "Een jaarcijfer."),
        validity="P6M",
        retention="P1Y6M",
        jurisdiction="BE",
        storage_location="EU",
        result_container="solidgate/results/",
        languages=("en", "fr", "nl"),
        algorithm_text=three("It adds up.", "Il additionne.", "Het telt op."),
        algorithm_source="https://acme.example/source",
        aggregate_shape="sha256:" + "c" * 64,
    )


def build_request(agreement: Agreement) -> ConsentRequest:
    storage = "https://alice.pod.example/"
    asked = tuple(
        AskedResource(storage + need.path, need.path, need.required, found=True)
        for need in agreement.purposes[0].needs
    )
    return ConsentRequest(
        request_id="req-1",
        space_id="home-energy",
        data_subject=ALICE,
        agreement_digest=digest(agreement),
        storage=storage,
        resources=(("advice", asked),),
        result_container=storage + "solidgate/results/",
        created=NOON,
        answers_by=NOON + timedelta(days=30),
    )


def build_record(agreement: Agreement, request: ConsentRequest, notice: Notice) -> ConsentRecord:
    """A record that was asked and not answered."""
    urls = tuple(one.url for one in request.resources_for("advice"))
    blank = ConsentRecord(
        consent_id=CONSENT,
        iri=f"https://gate.example/consents/{CONSENT}",
        request_id=request.request_id,
        data_subject=ALICE,
        space="https://gate.example/spaces/home-energy",
        purpose="advice",
        agreement_digest=notice.agreement_digest,
        notice_digest=notice.digest,
        notice_language=notice.language,
        notice_date=NOON,
        algorithm_digest=agreement.algorithm,
        shape_digest=agreement.output_shape,
        resources_digest=resources_digest(urls),
        resources=urls,
        recipients=(GRID,),
        result_container=request.result_container,
        epoch=0,
    )
    return with_event(blank, ConsentEvent(1, ConsentStatus.REQUESTED, NOON, ACME))


def give(record: ConsentRecord) -> ConsentRecord:
    at = NOON + timedelta(minutes=5)
    until = NOON + timedelta(days=180)
    return with_event(record, ConsentEvent(2, ConsentStatus.GIVEN, at, ALICE, "Pressed Yes", until))


def refuse(record: ConsentRecord) -> ConsentRecord:
    at = NOON + timedelta(minutes=5)
    return with_event(record, ConsentEvent(2, ConsentStatus.REFUSED, at, ALICE, "Pressed No"))


def withdraw(record: ConsentRecord) -> ConsentRecord:
    at = NOON + timedelta(days=2)
    return with_event(record, ConsentEvent(3, ConsentStatus.WITHDRAWN, at, ALICE, "Pressed Withdraw"))


@pytest.fixture(scope="session")
def agreement() -> Agreement:
    return build_agreement()


def build_approvals(agreement: Agreement) -> tuple[Approval, ...]:
    """Acme has approved in both of its roles; the Grid Lab has not."""
    about = (agreement.space, digest(agreement), agreement.algorithm)
    return tuple(Approval(*about, role, ACME, "approve", NOON) for role in (Role.OWNER, Role.CODE_PROVIDER))


@pytest.fixture(scope="session")
def request_(agreement: Agreement) -> ConsentRequest:
    return build_request(agreement)


@pytest.fixture(scope="session")
def notice(agreement: Agreement, request_: ConsentRequest) -> Notice:
    return make_notice(agreement, request_, "en", approvals=(), public_url="https://gate.example/")


@pytest.fixture(scope="session")
def asked(agreement: Agreement, request_: ConsentRequest, notice: Notice) -> ConsentRecord:
    return build_record(agreement, request_, notice)


@pytest.fixture(scope="session")
def given(asked: ConsentRecord) -> ConsentRecord:
    return give(asked)


@pytest.fixture(scope="session")
def special(agreement: Agreement) -> Agreement:
    purpose = replace(agreement.purposes[0], special_category=True)
    return replace(agreement, purposes=(purpose,))
