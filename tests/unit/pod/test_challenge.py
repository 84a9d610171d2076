"""Every challenge of every header, whatever the servers pack together."""

from __future__ import annotations

import pytest

from solidgate.pod.challenge import MOST_CHALLENGES, Challenge, UmaTicket, challenges, uma_ticket

ESS = 'Bearer, DPoP algs="ES256", UMA ticket="t-1", as_uri="https://uma.ess.example"'


def test_several_in_one_header() -> None:
    assert challenges([ESS]) == (
        Challenge("bearer"),
        Challenge("dpop", {"algs": "ES256"}),
        Challenge("uma", {"ticket": "t-1", "as_uri": "https://uma.ess.example"}),
    )


@pytest.mark.parametrize(
    "values",
    [
        [ESS],
        ["Bearer", 'DPoP algs="ES256 RS256"', 'UMA as_uri="https://uma.ess.example", ticket="t-1"'],
        ['uma TICKET=t-1,as_uri = "https://uma.ess.example" , Basic realm="a, b"'],
        ["UMA ticket=t-1, as_uri=https://uma.ess.example, Bearer"],
        ["UMA as_uri=https://uma.ess.example,ticket=t-1"],
        [', UMA ticket="t-\\1",as_uri="https://uma.ess.example",, Bearer scope="openid webid"'],
    ],
)
def test_the_ticket_is_found(values: list[str]) -> None:
    assert uma_ticket(values) == UmaTicket("t-1", "https://uma.ess.example")


@pytest.mark.parametrize(
    "values",
    [
        [],
        ['Bearer scope="openid webid"'],
        ['UMA ticket="t-1"'],
        ['UMA as_uri="https://uma.ess.example"'],
        ['Bearer realm="UMA ticket=x, as_uri=y"'],
        ['Basic ticket="t", as_uri="https://uma.ess.example"'],
        ['UMA ticket="", as_uri=""'],
        ["\x00\x01"],
    ],
)
def test_nothing_else_is_a_ticket(values: list[str]) -> None:
    assert uma_ticket(values) is None


def test_a_token68_is_no_parameter() -> None:
    assert challenges(["Negotiate YWJj=, Basic realm=x"]) == (
        Challenge("negotiate", {}, "YWJj="),
        Challenge("basic", {"realm": "x"}),
    )


def test_a_flood_is_cut() -> None:
    assert len(challenges([", ".join(["Bearer"] * 1000)] * 3)) == MOST_CHALLENGES
    assert len(challenges(["Bearer a=" + '"' * 100_000])) <= 2
