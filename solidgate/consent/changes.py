"""What differs between what somebody was shown and what is asked now, line by line; nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from solidgate.consent.listing import is_listed
from solidgate.consent.notice import RowChange
from solidgate.consent.request import ConsentRequest
from solidgate.space.agreement import Agreement

Marked = tuple[tuple[str, bool], ...]
"""Lines, each with whether the other side lacks it."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a change: ``listed`` are the documents of a list, which stand behind the ``first`` lines.

    ``open`` where those first lines are the same on both sides, so that only the list tells what changed.
    """

    first: Marked
    listed: Marked
    open: bool


def sides(change: RowChange) -> tuple[Side, Side]:
    """The lines before and after."""
    before: list[tuple[str, bool]] = []
    after: list[tuple[str, bool]] = []
    for alike, old, new in _pieces(change.before, change.after):
        before += [(line, not alike) for line in old]
        after += [(line, not alike) for line in new]
    firsts = [[line for line, _ in lines if not is_listed(line)] for lines in (before, after)]
    return _side(before, firsts[0] == firsts[1]), _side(after, firsts[0] == firsts[1])


def _side(lines: Sequence[tuple[str, bool]], same: bool) -> Side:
    listed = tuple(one for one in lines if is_listed(one[0]))
    return Side(tuple(one for one in lines if not is_listed(one[0])), listed, same)


def _pieces(
    before: Sequence[str], after: Sequence[str]
) -> Iterator[tuple[bool, Sequence[str], Sequence[str]]]:
    steps = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    for kind, start, end, begin, stop in steps:
        yield kind == "equal", before[start:end], after[begin:stop]


def full_terms(old: Agreement, new: Agreement, language: str) -> tuple[RowChange, ...]:
    """The change of the full terms by paragraphs; nothing when they say the same in this language."""
    before, after = (one.terms.get(language, "") for one in (old, new))
    if before == after:
        return ()
    return (RowChange("terms", "", tuple(_paragraphs(before)), tuple(_paragraphs(after))),)


def _paragraphs(text: str) -> Iterator[str]:
    yield from (part.strip() for part in text.split("\n") if part.strip())


def of_the_same(earlier: ConsentRequest, now: ConsentRequest, agreement: Agreement) -> ConsentRequest:
    """The earlier request without what is not asked now because a yes to it holds.

    A purpose that the terms do not have any more stays: that it is gone is a change.
    """
    asked, known = {one for one, _ in now.resources}, {one.id for one in agreement.purposes}
    kept = tuple((one, found) for one, found in earlier.resources if one in asked or one not in known)
    return replace(earlier, resources=kept)
