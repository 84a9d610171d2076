"""The way out under load that hypothesis thinks of, on a virtual clock: bounded, fair, and never stuck."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from solidgate.adapters.http_schedule import Heard, Pace, Schedule, Ticket


@dataclass
class Origin:
    """A server: ``seconds`` of work for each request, ``hands`` at once; beyond that they queue."""

    seconds: float
    hands: int = 4
    free: list[float] = field(default_factory=list)
    overload: set[int] = field(default_factory=set)
    asked: int = 0

    def answers(self, now: float) -> tuple[float, bool]:
        """When the answer comes, and whether it says that it is too much."""
        self.asked += 1
        self.free = self.free or [0.0] * self.hands
        end = max(now, heapq.heappop(self.free)) + self.seconds
        heapq.heappush(self.free, end)
        return end, self.asked in self.overload


@dataclass
class Simulation:
    """All requests are asked for at the beginning; the clock jumps from answer to answer."""

    pace: Pace
    origins: dict[str, Origin]
    now: float = 0.0
    ended: dict[str, list[float]] = field(default_factory=dict)
    most: Counter[str] = field(default_factory=Counter)
    order: list[Ticket] = field(default_factory=list)

    def run(self, wanted: list[tuple[str, int, int]]) -> None:
        schedule, coming, under_way = Schedule(self.pace), [], Counter[str]()
        for origin, space, part in wanted:
            schedule.ask(origin, (space, part), 0.0)
        while True:
            for ticket in schedule.granted(self.now):
                end, much = self.origins[ticket.origin].answers(self.now)
                under_way[ticket.origin] += 1
                self.order.append(ticket)
                assert under_way[ticket.origin] <= schedule.window(ticket.origin) <= self.pace.most
                assert schedule.window(ticket.origin) >= 1
                assert under_way.total() <= self.pace.total
                heapq.heappush(coming, (end, len(self.order), ticket, self.now, much))
            if not coming:
                break
            self.now, _, ticket, began, much = heapq.heappop(coming)
            under_way[ticket.origin] -= 1
            pause = 0.5 if much else 0
            schedule.done(ticket, Heard(self.now - began, overloaded=much, pause=pause), self.now)
            self.ended.setdefault(ticket.origin, []).append(self.now)
            if not coming and (at := schedule.wakes(self.now)) is not None:
                self.now = at
        assert schedule.granted(self.now + 1e6) == [], "somebody was forgotten"


names = st.sampled_from(["a", "b", "c", "d"])
requests = st.lists(st.tuples(names, st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=200)
servers = st.builds(
    Origin,
    seconds=st.floats(0.001, 5),
    hands=st.integers(1, 8),
    overload=st.sets(st.integers(1, 200), max_size=40),
)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 8),
    st.integers(1, 32),
    st.integers(1, 64),
    st.fixed_dictionaries(dict.fromkeys("abcd", servers)),
    requests,
)
def test_everybody_is_served_within_every_bound(
    start: int, most: int, total: int, origins: dict[str, Origin], wanted: list[tuple[str, int, int]]
) -> None:
    simulation = Simulation(Pace(start=start, most=most, total=total), origins)
    simulation.run(wanted)
    assert sum(len(times) for times in simulation.ended.values()) == len(wanted)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.floats(2, 60), st.integers(8, 64))
def test_slow_origins_do_not_starve_a_quick_one(slow: int, seconds: float, total: int) -> None:
    """However many requests slow origins hold, a quick one is done before they have answered twice."""
    origins = {f"slow-{number}": Origin(seconds, hands=1000) for number in range(slow)}
    quick = Origin(0.01, hands=8)
    simulation = Simulation(Pace(start=16, most=16, total=total), {**origins, "quick": quick})
    simulation.run([(name, 0, 0) for name in origins for _ in range(100)] + [("quick", 0, 0)] * 50)
    assert simulation.ended["quick"][-1] <= 2 * seconds + 1


@settings(max_examples=60, deadline=None)
@given(st.integers(20, 200), st.integers(1, 5))
def test_a_large_space_does_not_hold_up_a_small_one(large: int, small: int) -> None:
    simulation = Simulation(Pace(start=2, most=2), {"a": Origin(0.1)})
    simulation.run([("a", 1, 0)] * large + [("a", 2, 0)] * small)
    last = max(place for place, ticket in enumerate(simulation.order) if ticket.whom[0] == 2)
    assert last <= 2 * small + 1
