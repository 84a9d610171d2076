"""When a channel ends is the pod's word: no word of it may break who reckons with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from solidgate.adapters.notifications import _instant
from solidgate.pod.notification import Channel, ChannelKind
from solidgate.run.watch import ChannelRow, to_renew

NOW = datetime(2026, 11, 28, tzinfo=UTC)


def renewed(said: object) -> bool:
    channel = Channel(ChannelKind.WEBHOOK, "i", "t", ends=_instant(said))
    return bool(to_renew([ChannelRow("a", "b", "c", 0, channel)], NOW, timedelta(days=30)))


@pytest.mark.parametrize(
    ("said", "soon"),
    [
        ("0001-01-01T00:00:00Z", True),
        ("0001-01-01T00:00:00+14:00", True),
        ("9999-12-31T23:59:59-14:00", False),
        ("9999-12-31T23:59:59Z", False),
        ("2026-11-29T00:00:00Z", True),
        ("2027-11-29T00:00:00Z", False),
        ("2026-11-29", True),
    ],
)
def test_a_channel_is_renewed_before_whatever_end_it_has(said: str, soon: bool) -> None:
    ends = _instant(said)
    assert ends is not None
    assert ends.astimezone(UTC)
    assert ends - timedelta(days=3650)
    assert renewed(said) is soon


@pytest.mark.parametrize("said", ["soon", "", None, 0, "10000-01-01T00:00:00Z"])
def test_an_end_that_cannot_be_read_is_none(said: object) -> None:
    assert _instant(said) is None
    assert not renewed(said)


def test_an_end_within_the_calendar_is_taken_as_it_is() -> None:
    assert _instant("2026-11-28T12:00:00.5+02:00") == datetime(2026, 11, 28, 10, 0, 0, 500_000, UTC)
