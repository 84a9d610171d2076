"""When a program runs again: the words that an agreement may use, and the times that follow from them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from solidgate.run.schedule import due
from solidgate.run.watch import next_pause, to_renew
from solidgate.space.rerun import is_cron, is_schedule, rerun_fault

MONDAY = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["by-hand", "on-change", "P7D", "PT1H", "0 3 * * 1", "0 */2 * * *", "5 4 1,15 * *"]
)
def test_words_that_may_be_used(text: str) -> None:
    assert rerun_fault(text, 60) == ""
    assert is_schedule(text) == (text not in ("by-hand", "on-change"))


MAY_NOT = (
    *("", "daily", "@daily", "P0D", "PT59M", "-P1D", "* * * * *", "*/30 * * * *", "0,10 3 * * *"),
    *("0 3 * *", "0 3 * * 1 *", "61 3 * * *", "0 0 31 2 *", "0 3 * * mon", "H H * * *", "0 0 l * *"),
    "0  3 * * 1",
)


@pytest.mark.parametrize("text", MAY_NOT)
def test_words_that_may_not(text: str) -> None:
    assert rerun_fault(text, 60)


def test_a_cron_expression_names_the_next_time_in_utc() -> None:
    assert is_cron("0 3 * * 1")
    assert due("0 3 * * 1", MONDAY) == MONDAY + timedelta(days=7)
    assert due("0 3 * * 1", MONDAY - timedelta(seconds=1)) == MONDAY
    assert due("0 3 * * *", MONDAY) == MONDAY + timedelta(days=1)


def test_a_duration_counts_from_the_last_run() -> None:
    assert due("P7D", MONDAY) == MONDAY + timedelta(days=7)
    assert due("P1M", datetime(2026, 1, 31, tzinfo=UTC)) == datetime(2026, 2, 28, tzinfo=UTC)


def test_pauses_double_up_to_a_day() -> None:
    assert [next_pause(300, tries) for tries in (0, 1, 2, 100)] == [300, 600, 1200, 86_400]


def test_nothing_is_renewed_that_has_no_end() -> None:
    assert to_renew((), MONDAY, timedelta(days=2)) == ()
