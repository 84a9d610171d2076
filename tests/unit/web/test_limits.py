"""Turns: a caller holds so many at once, and one more is refused with a time to wait."""

from __future__ import annotations

import pytest

from solidgate.errors import TooManyRequests
from solidgate.web.limits import Turns


def test_one_turn_more_than_allowed_is_refused_and_others_are_not() -> None:
    turns = Turns(2)
    with turns.turn("a"), turns.turn("a"):
        with pytest.raises(TooManyRequests) as refused, turns.turn("a"):
            pytest.fail("a third turn was given")
        assert refused.value.retry_after == 1
        with turns.turn("b"):
            pass
    with turns.turn("a"):
        pass


def test_a_turn_is_given_back_when_the_work_fails() -> None:
    turns = Turns(1)
    with pytest.raises(ZeroDivisionError), turns.turn("a"):
        raise ZeroDivisionError
    with turns.turn("a"):
        pass
