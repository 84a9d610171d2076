"""The end that a person chooses: a whole day where the installation is, never beyond what the terms allow."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solidgate.consent.duration import after
from solidgate.errors import ValidityTooLong
from solidgate.flow.check import end_of
from solidgate.testing.terms import sample_agreement

BRUSSELS = ZoneInfo("Europe/Brussels")
TERMS = replace(sample_agreement(), validity="P6M")
NOON = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
ZONES = (
    "UTC",
    "Europe/Brussels",
    "America/St_Johns",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Africa/Cairo",
)


@pytest.mark.parametrize(
    ("day", "end"),
    [
        (date(2026, 12, 28), "2026-12-28T22:59:59.999999+00:00"),
        (date(2027, 3, 28), "2027-03-28T21:59:59.999999+00:00"),  # the clocks were put forward on that day
        (date(2026, 11, 28), "2026-11-28T22:59:59.999999+00:00"),
        (date(2027, 5, 28), "2027-05-28T12:00:00+00:00"),  # no longer than the terms allow
        (None, "2027-05-28T12:00:00+00:00"),
    ],
)
def test_the_day_counts_whole_here_and_is_kept_in_utc(day: date | None, end: str) -> None:
    assert end_of(TERMS, NOON, day, BRUSSELS).isoformat() == end


@pytest.mark.parametrize("day", [date(2026, 11, 27), date(2027, 5, 29), date.min, date.max])
def test_a_day_that_is_over_or_beyond_the_terms_is_refused(day: date) -> None:
    with pytest.raises(ValidityTooLong, match="between 2026-11-28 and 2027-05-28"):
        end_of(TERMS, NOON, day, BRUSSELS)


def test_a_day_that_is_over_in_utc_alone_is_still_one_here() -> None:
    """And one that has begun in UTC alone is the next day here."""
    late = datetime(2026, 11, 28, 23, 30, tzinfo=UTC)  # half past midnight in Brussels
    with pytest.raises(ValidityTooLong):
        end_of(TERMS, late, date(2026, 11, 28), BRUSSELS)
    assert end_of(TERMS, late, date(2027, 5, 29), BRUSSELS) == after(late, "P6M")
    west = ZoneInfo("America/St_Johns")
    assert end_of(TERMS, late + timedelta(hours=1), date(2026, 11, 28), west) > late


@given(
    now=st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    days=st.integers(-3, 200),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
)
def test_whatever_is_chosen_ends_after_now_and_within_the_terms(
    now: datetime, days: int, zone: ZoneInfo
) -> None:
    day, latest = now.astimezone(zone).date() + timedelta(days=days), after(now, TERMS.validity)
    try:
        end = end_of(TERMS, now, day, zone)
    except ValidityTooLong:
        assert days < 0 or day > latest.astimezone(zone).date()
        return
    assert now < end <= latest
    assert end.astimezone(zone).date() == day
