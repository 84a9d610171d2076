"""A text that was rendered once, with places left open for what differs each time."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OpenText:
    """What stands between the open places, and which value goes into each."""

    between: tuple[bytes, ...]
    places: tuple[int, ...]

    @classmethod
    def of(cls, text: bytes, mark: bytes, blanks: Sequence[bytes]) -> OpenText:
        """``text`` with place ``n + 1`` for each of ``blanks``, and place 0 for what is left of ``mark``."""
        parts = _places(mark).split(_opened(text, mark, blanks))
        return cls(tuple(parts[0::2]), tuple(int(place or 0) for place in parts[1::2]))

    def filled(self, values: Sequence[bytes]) -> bytes:
        """The text with the values in their places."""
        parts = [b""] * (2 * len(self.places) + 1)
        parts[0::2] = self.between
        parts[1::2] = [values[place] for place in self.places]
        return b"".join(parts)


def in_fixed_order(lines: Sequence[bytes], mark: bytes, blanks: Sequence[bytes]) -> bool:
    """Whether the lines, in this order, are sorted and different whatever is filled in.

    So it is when any two neighbours are told apart, in this order, before a place that they do not share.
    """
    opened = [_opened(line, mark, blanks) for line in lines]
    return all(_told_apart(*pair, mark) for pair in itertools.pairwise(opened))


def _told_apart(one: bytes, other: bytes, mark: bytes) -> bool:
    pairs = zip(_places(mark).split(one), _places(mark).split(other), strict=False)
    for number, (left, right) in enumerate(pairs):
        if left == right:
            continue
        # Odd parts are places: another place could hold anything.
        return number % 2 == 0 and left < right and not right.startswith(left)
    return False


def _opened(text: bytes, mark: bytes, blanks: Sequence[bytes]) -> bytes:
    for place, blank in enumerate(blanks, 1):
        text = text.replace(blank, b"%b:%d:" % (mark, place))
    return text


def _places(mark: bytes) -> re.Pattern[bytes]:
    return re.compile(mark + rb"(?::(\d+):)?")
