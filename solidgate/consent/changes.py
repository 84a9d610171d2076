"""What differs between what somebody was shown and what is asked now, line by line; nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from solidgate.consent.listing import is_listed
from solidgate.consent.notice import RowChange
from solidgate.consent.request import ConsentRequest
from solidgate.space.agreement import Agreement

Marked = tuple[tuple[str, bool], ...]
"""Lines, each with whether the other side lacks it."""


def marked(change: RowChange) -> tuple[Marked, Marked]:
    """The lines before and after. Documents of a list that stand in both are left out: they may be many."""
    before, after = list[tuple[str, bool]](), list[tuple[str, bool]]()
    for alike, old, new in _pieces(change.before, change.after):
        before += [(line, not alike) for line in old if not (alike and is_listed(line))]
        after += [(line, not alike) for line in new if not (alike and is_listed(line))]
    return tuple(before), tuple(after)


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
