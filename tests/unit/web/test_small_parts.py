"""Negotiation, languages, limits and form tokens, as values."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from solidgate import errors
from solidgate.errors import AnswerMissing, TooManyRequests, every_error
from solidgate.web.accept import best
from solidgate.web.answer_form import ends, until_of
from solidgate.web.forms import check_token, form_token, same_site_path
from solidgate.web.language import Language, choose
from solidgate.web.limits import Pace, Paces
from solidgate.web.problems import family_of
from solidgate.web.words import saved
from solidgate.web.words_of_faults import title

OFFERS = ["text/html", "application/json", "text/turtle"]


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (["*/*"], "text/html"),
        (["application/json"], "application/json"),
        (["text/turtle;q=0.9, text/html;q=0.1"], "text/turtle"),
        (["text/*;q=0.5", "text/html;q=0"], "text/turtle"),
        (["application/json;q=0, */*"], "text/html"),
        (["image/png"], ""),
        (["text/html;q=nonsense"], ""),
        ([""], ""),
        (["TEXT/HTML"], "text/html"),
    ],
)
def test_the_best_form_is_chosen(accept: list[str], wanted: str) -> None:
    assert best(accept, OFFERS) == wanted


@pytest.mark.parametrize(
    ("asked", "remembered", "accepted", "wanted"),
    [
        ("nl", "fr", "en", "nl"),
        ("xx", "fr", "en", "fr"),
        (None, None, "de, fr;q=0.4, nl;q=0.8", "nl"),
        (None, None, "fr-BE", "fr"),
        (None, None, "nl;q=0", "en"),
        (None, None, "", "en"),
    ],
)
def test_the_language_is_the_first_that_there_is(
    asked: str | None, remembered: str | None, accepted: str, wanted: str
) -> None:
    assert choose(asked, remembered, accepted).tag == wanted


def test_a_text_without_a_translation_is_shown_in_english() -> None:
    assert Language("fr").pick({"en": "one", "nl": "een"}) == "one"
    assert Language("fr").pick({"de": "eins"}) == "eins"
    assert Language("fr").pick({}) == ""


def test_a_window_slides() -> None:
    paces = Paces({"login": Pace(2, 60.0)})
    paces.take("login", "a", 0.0)
    paces.take("login", "a", 30.0)
    with pytest.raises(TooManyRequests) as refused:
        paces.take("login", "a", 59.0)
    assert refused.value.retry_after == 1
    paces.take("login", "b", 59.0)
    paces.take("login", "a", 60.0)


def test_the_counts_are_bounded() -> None:
    paces = Paces({"login": Pace(1, 60.0)}, capacity=2)
    for who in ("a", "b", "c"):
        paces.take("login", who, 0.0)
    assert len(paces._seen) == 2


def test_a_token_is_for_one_secret() -> None:
    token = form_token("secret")
    check_token("secret", token)
    for secret, sent in (
        ("other", token),
        ("secret", token[:-1]),
        ("secret", ""),
        ("", form_token("")),
        ("secret", "é"),
    ):
        with pytest.raises(Exception, match="form"):
            check_token(secret, sent)


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "/\\evil",
        "https://evil.example",
        "evil",
        "",
        "/a b",
        "/a\n",
        "/a\tb",
        "\\\\evil",
        "/" + "a" * 9000,
    ],
)
def test_a_path_that_leaves_becomes_my_page(path: str) -> None:
    assert same_site_path(path) == "/me"


def test_a_path_of_ours_stays() -> None:
    assert same_site_path("/requests/1?lang=fr") == "/requests/1?lang=fr"


def test_the_shortest_end_is_offered_first_and_none_beyond_the_latest() -> None:
    now, latest = datetime(2026, 11, 30, tzinfo=UTC), datetime(2027, 5, 30, tzinfo=UTC)
    offered = [
        ("2026-12-30", "30 December 2026"),
        ("2027-02-28", "28 February 2027"),
        ("2027-05-30", "30 May 2027"),
    ]
    assert ends(now, latest, Language("en")) == offered
    assert ends(now, datetime(2026, 12, 5, tzinfo=UTC), Language("en")) == [("2026-12-05", "5 December 2026")]
    for impossible in ("2027-05-31", "2026-11-29", "soon"):
        assert ends(now, latest, Language("en"), impossible) == offered


def test_an_end_that_was_chosen_yesterday_is_still_one() -> None:
    now, latest = datetime(2026, 11, 30, tzinfo=UTC), datetime(2027, 5, 30, tzinfo=UTC)
    kept = ends(now, latest, Language("en"), "2026-12-29")
    assert [day for day, _ in kept] == ["2026-12-29", "2026-12-30", "2027-02-28", "2027-05-30"]


def test_an_end_is_a_date_or_nothing() -> None:
    assert until_of("") is None
    assert until_of("2027-01-31") == date(2027, 1, 31)
    with pytest.raises(AnswerMissing):
        until_of("tomorrow")


@pytest.mark.parametrize("tag", ["en", "fr", "nl"])
def test_a_page_that_is_not_there_says_nothing_of_records(tag: str) -> None:
    """Anybody may read it, logged in or not; every other error says what became of what was recorded."""
    assert saved("request.page-not-found", Language(tag)) == ""
    assert all(saved(code, Language(tag)) for code in every_error() if code != "request.page-not-found")


def test_a_form_that_is_not_ours_has_a_title_of_its_own() -> None:
    family = family_of(errors.FormTokenInvalid)[1]
    assert title("form.token-invalid", family, Language("en")) == "This form is too old or was not ours"
    assert title("space.forbidden", family, Language("en")) == family
