"""The window, the breaker and the turns of the way out, on a clock of the test's own."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from solidgate.adapters.http_breaker import Breaker
from solidgate.adapters.http_retry_after import seconds_asked
from solidgate.adapters.http_schedule import Heard, Pace, Schedule
from solidgate.adapters.http_window import REMEMBERED, Window

A, B = "https://a.example", "https://b.example"
FINE = Heard(latency=0.02)
GONE = Heard(overloaded=True, failed=True)


def test_a_window_opens_while_answers_come_as_quickly() -> None:
    window = Window(2, 16)
    for step in range(40):
        window.answered(0.02, window.size, step)
    assert window.size == 16


def test_a_window_stays_where_a_few_requests_wait() -> None:
    """A server that works on one request at a time: each further one only waits."""
    window = Window(2, 64)
    for step in range(400):
        window.answered(0.01 * window.size, window.size, step * 0.05)
    assert 6 <= window.size <= 24


def test_a_window_that_nobody_fills_does_not_open() -> None:
    window = Window(4, 16)
    for step in range(40):
        window.answered(0.02, 1, step / 10)
    assert window.size == 4


def test_overload_halves_once_for_all_that_was_out() -> None:
    window = Window(16, 16)
    for _ in range(8):
        window.overloaded(began=1.0, now=2.0)
    assert window.size == 8
    window.overloaded(began=3.0, now=4.0)
    assert window.size == 4
    for now in range(5, 20):
        window.overloaded(began=now, now=now + 0.5)
    assert window.size == 1


def test_the_quickest_answer_is_measured_anew() -> None:
    window = Window(16, 16)
    window.answered(0.001, 1, 0.0)
    for step in range(20):
        window.answered(0.1, window.size, REMEMBERED / 2 + step / 100)
    small = window.size
    assert small < 16
    for step in range(200):
        window.answered(0.1, window.size, REMEMBERED + 1 + step / 100)
    assert window.size > small, "the server became slower for good: that is no queue"


def test_the_breaker_opens_rests_and_asks_once() -> None:
    breaker = Breaker(5, 60, 60)
    for now in range(4):
        breaker.failed(now)
    assert breaker.admits(4)
    breaker.failed(4)
    assert not breaker.admits(5)
    assert not breaker.admits(63)
    assert breaker.admits(64)
    assert breaker.begins()
    assert not breaker.admits(65), "one probe"
    breaker.failed(70)
    assert not breaker.admits(129)
    assert breaker.admits(130)
    assert breaker.begins()
    breaker.given_up()
    assert breaker.admits(131)
    assert breaker.begins()
    breaker.answered()
    assert breaker.admits(132)
    assert not breaker.begins()


def test_failures_far_apart_or_with_an_answer_between_open_nothing() -> None:
    breaker = Breaker(5, 60, 60)
    for now in range(0, 200, 20):
        breaker.failed(now)
    assert breaker.admits(200)
    for now in range(300, 320):
        breaker.failed(now)
        breaker.answered()
    assert breaker.admits(320)


def test_those_who_wait_for_a_resting_origin_are_refused_at_once() -> None:
    schedule = Schedule(Pace(start=5, most=5, failures=5))
    tickets = [schedule.ask(A, ("s", 0), 0.0) for _ in range(7)]
    out = schedule.granted(0.0)
    assert out == tickets[:5]
    for ticket in out:
        schedule.done(ticket, GONE, 1.0)
    assert schedule.refused(1.0) == tickets[5:]
    assert schedule.granted(1.0) == []
    later = schedule.ask(A, ("s", 0), 30.0)
    assert schedule.refused(30.0) == [later]
    probe, other = schedule.ask(A, ("s", 0), 61.0), schedule.ask(A, ("s", 0), 61.0)
    assert schedule.refused(61.0) == []
    assert schedule.granted(61.0) == [probe]
    assert schedule.refused(61.0) == [other]
    schedule.done(probe, FINE, 62.0)
    again = schedule.ask(A, ("s", 0), 62.0)
    assert schedule.granted(62.0) == [again]


def test_a_pause_holds_for_everybody_and_up_to_its_bound() -> None:
    schedule = Schedule(Pace(start=4, most=4, patience=15, longest_pause=100))
    told = schedule.ask(A, ("s", 0), 0.0)
    schedule.granted(0.0)
    schedule.done(told, Heard(0.02, overloaded=True, pause=10), 1.0)
    other = schedule.ask(A, ("t", 0), 2.0)
    assert schedule.granted(2.0) == []
    assert schedule.refused(2.0) == []
    assert schedule.wakes(2.0) == 11.0
    assert schedule.granted(11.0) == [other]
    schedule.done(other, Heard(0.02, overloaded=True, pause=1e9), 12.0)
    late = schedule.ask(A, ("t", 0), 20.0)
    assert schedule.refused(20.0) == [late]
    assert schedule.refused(111.0) == []
    assert schedule.granted(112.0) == []  # nobody waits
    assert schedule.ask(A, ("t", 0), 112.0) in schedule.granted(112.0)


def test_spaces_take_turns_and_so_do_the_parts_of_one() -> None:
    schedule = Schedule(Pace(start=1, most=1))
    for _ in range(3):
        for whom in (("big", 1), ("big", 1), ("big", 2)):
            schedule.ask(A, whom, 0.0)
    schedule.ask(A, ("small", 1), 0.0)
    order = []
    for now in range(10):
        (ticket,) = schedule.granted(now)
        order.append(ticket.whom)
        schedule.done(ticket, Heard(latency=1.0), now)
    assert order[:5] == [("big", 1), ("small", 1), ("big", 2), ("big", 1), ("big", 2)]


def test_whoever_finds_a_place_free_begins_at_once() -> None:
    schedule = Schedule(Pace(start=2, most=2))
    one, two = (schedule.at_once(A, ("s", 0), 0.0) for _ in range(2))
    assert one is not None
    assert two is not None
    assert (one.began, one.probe) == (0.0, False)
    assert schedule.at_once(A, ("s", 0), 0.0) is None, "the window is full"
    schedule.done(one, FINE, 1.0)
    assert schedule.at_once(A, ("s", 0), 1.0) is not None


def test_nobody_overtakes_whoever_waits_for_the_same_origin() -> None:
    schedule = Schedule(Pace(start=1, most=1))
    first = schedule.at_once(A, ("s", 0), 0.0)
    assert first is not None
    waiting = schedule.ask(A, ("s", 0), 0.0)
    schedule.done(first, FINE, 1.0)
    assert schedule.at_once(A, ("t", 0), 1.0) is None
    assert schedule.at_once(B, ("t", 0), 1.0) is not None, "another origin has places of its own"
    assert schedule.granted(1.0) == [waiting]


def test_at_once_keeps_every_bound() -> None:
    schedule = Schedule(Pace(start=64, most=64, total=16))
    assert sum(schedule.at_once(A, ("s", 0), 0.0) is not None for _ in range(40)) == 14
    assert sum(schedule.at_once(B, ("s", 0), 0.0) is not None for _ in range(40)) == 1
    assert schedule.at_once("https://c.example", ("s", 0), 0.0) is not None
    assert schedule.at_once("https://d.example", ("s", 0), 0.0) is None, "all places are taken"


def test_at_once_is_not_at_an_origin_that_rests_pauses_or_has_a_limit_a_second() -> None:
    schedule = Schedule(Pace(start=4, most=4, failures=1, rest_seconds=60))
    failing = schedule.at_once(A, ("s", 0), 0.0)
    assert failing is not None
    schedule.done(failing, GONE, 1.0)
    assert schedule.at_once(A, ("s", 0), 30.0) is None
    probe = schedule.at_once(A, ("s", 0), 61.0)
    assert probe is not None
    assert probe.probe
    assert schedule.at_once(A, ("s", 0), 61.0) is None, "one probe"
    schedule.done(probe, Heard(0.02, overloaded=True, pause=10), 62.0)
    assert schedule.at_once(A, ("s", 0), 71.0) is None
    assert schedule.at_once(A, ("s", 0), 72.0) is not None
    paced = Schedule(Pace(start=4, most=4, per_second=2))
    assert [paced.at_once(A, ("s", 0), now) is not None for now in (0.0, 0.4, 0.5)] == [True, False, True]


def test_no_origin_holds_every_place() -> None:
    schedule = Schedule(Pace(start=64, most=64, total=16))
    for _ in range(40):
        schedule.ask(A, ("s", 0), 0.0)
    assert len(schedule.granted(0.0)) == 14
    late = schedule.ask(B, ("s", 0), 1.0)
    assert schedule.granted(1.0) == [late]


def test_whoever_leaves_holds_no_place() -> None:
    schedule = Schedule(Pace(start=1, most=1))
    first, second = schedule.ask(A, ("s", 0), 0.0), schedule.ask(A, ("s", 1), 0.0)
    schedule.leave(first)
    assert schedule.granted(0.0) == [second]
    schedule.done(second, None, 1.0)
    assert schedule.wakes(1.0) is None


def test_a_limit_a_second_spreads_the_beginnings() -> None:
    schedule = Schedule(Pace(start=8, most=8, per_second=2))
    for _ in range(3):
        schedule.ask(A, ("s", 0), 0.0)
    assert len(schedule.granted(0.0)) == 1
    assert schedule.granted(0.4) == []
    assert schedule.wakes(0.4) == 0.5
    assert len(schedule.granted(0.5)) == 1


NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        (" 3 ", 3),
        ("0", 0),
        ("Fri, 27 Nov 2026 12:00:30 GMT", 30),
        ("Fri, 27 Nov 2026 11:00:00 GMT", 0),
        ("soon", 0),
        ("-5", 0),
        ("", 0),
        ("Mon, 1 Jan 2038 00:00:00 +99999999999", 0),
        ("9" * 400, 999_999_999),
    ],
)
def test_retry_after(text: str, seconds: float) -> None:
    assert seconds_asked(text, NOW) == seconds
