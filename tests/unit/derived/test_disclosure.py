"""What is said about a group, and what is left out."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solidgate.derived.disclosure import require_distance, require_group, suppress_small_cells
from solidgate.errors import GroupTooSmall, ShapeViolated
from solidgate.vocab import SG

INTEGER = "^^<http://www.w3.org/2001/XMLSchema#integer>"


def table(total: int, cells: Mapping[str, int]) -> bytes:
    lines = [f'<urn:t> {SG.contributors} "{total}"{INTEGER} .']
    for name, count in cells.items():
        lines += [
            f"<urn:t> <urn:cell> <urn:t#{name}> .",
            f'<urn:t#{name}> {SG.contributors} "{count}"{INTEGER} .',
            f'<urn:t#{name}> <urn:mean> "{count * 2}" .',
        ]
    return "\n".join(lines).encode()


def shown(content: bytes) -> set[str]:
    return set(re.findall(r"^<urn:t#(\w+)>", content.decode(), re.MULTILINE))


def test_require_group_is_exact_and_tells_no_number_but_its_own() -> None:
    require_group(10, 10)
    with pytest.raises(GroupTooSmall) as problem:
        require_group(7, 10)
    assert "7" not in problem.value.detail


def test_disclosure_keeps_large_cells_whole() -> None:
    content = table(30, {"a": 12, "b": 18})
    assert set(suppress_small_cells(content, 10, 400).splitlines()) == set(content.splitlines())


def test_disclosure_hides_a_small_cell_and_one_more() -> None:
    thinned = suppress_small_cells(table(45, {"a": 3, "b": 12, "c": 30}), 10, 400)
    assert shown(thinned) == {"c"}
    assert b"urn:t#a" not in thinned
    assert b"urn:t#b" not in thinned


def test_disclosure_empty_cells_stay() -> None:
    assert shown(suppress_small_cells(table(30, {"a": 0, "b": 12, "c": 18}), 10, 400)) == {"a", "b", "c"}


def test_disclosure_refuses_a_whole_that_is_small() -> None:
    with pytest.raises(GroupTooSmall):
        suppress_small_cells(table(5, {"a": 5}), 10, 400)


@pytest.mark.parametrize("count", ["-1", "many", "1.5", "²"])
def test_disclosure_wants_numbers(count: str) -> None:
    with pytest.raises(ShapeViolated):
        suppress_small_cells(f'<urn:t> {SG.contributors} "{count}" .'.encode(), 10, 400)


def test_disclosure_wants_one_number_a_cell() -> None:
    with pytest.raises(ShapeViolated):
        suppress_small_cells(
            f'<urn:t> {SG.contributors} "30" .\n<urn:t> {SG.contributors} "3" .'.encode(), 10, 400
        )


@pytest.mark.parametrize("cells", [{"a": 31}, {"a": 12, "b": 31}, {}])
def test_disclosure_believes_no_count_above_the_real_one(cells: Mapping[str, int]) -> None:
    content = table(30 if cells else 31, cells)
    with pytest.raises(ShapeViolated):
        suppress_small_cells(content, 10, 30)
    suppress_small_cells(content, 10, 31)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8), st.integers(2, 15))
def test_disclosure_nothing_small_can_be_computed(counts: list[int], minimum: int) -> None:
    cells = {f"c{place}": count for place, count in enumerate(counts)}
    total = sum(counts)
    if 0 < total < minimum:
        return
    visible = shown(suppress_small_cells(table(total, cells), minimum, 400))
    assert all(cells[name] == 0 or cells[name] >= minimum for name in visible)
    hidden = [count for name, count in cells.items() if name not in visible]
    # What the total minus the visible cells gives is the hidden cells together.
    assert not hidden or sum(hidden) >= minimum or len(hidden) == sum(1 for count in counts if count)
    assert len(hidden) != 1 or sum(1 for count in counts if count) == 1


PEOPLE = st.frozensets(st.integers(0, 12).map(lambda number: bytes([number])))


@given(PEOPLE, PEOPLE, PEOPLE, st.integers(1, 10))
def test_groups_that_differ_by_too_few_are_refused(
    now: frozenset[bytes], before: frozenset[bytes], erased: frozenset[bytes], minimum: int
) -> None:
    """However many of the earlier ones are not known any more: they are gone, and were counted."""
    before |= erased
    apart = len(now ^ before)
    known = before - (erased - now)
    earlier = [(len(before), len(now & known))]
    if 0 < apart < minimum:
        with pytest.raises(GroupTooSmall) as problem:
            require_distance(len(now), earlier, minimum)
        assert str(apart) not in problem.value.detail.replace(str(minimum), "")
    else:
        require_distance(len(now), earlier, minimum)


def test_who_was_not_counted_before_is_never_one_more_who_left() -> None:
    """Their part was written, and they had withdrawn before the result was made."""
    with pytest.raises(GroupTooSmall):
        require_distance(2, [(3, 2)], 2)
    require_distance(2, [], 2)
