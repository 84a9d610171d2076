"""A consent whose documents are watched: what stood there, and by which channels its pod tells of changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from solidgate.pod.notification import Channel

WHOLE_STORAGE = -1
"""The number of a channel that is about all documents of a consent, not about one."""


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """A channel as stored. ``number`` is the place of its document among the consent's resources."""

    channel_id: str
    consent_id: str
    person_id: str
    number: int
    channel: Channel


@dataclass(frozen=True, slots=True)
class WatchRow:
    """A watched consent; ``tries`` counts subscriptions that failed one after another."""

    consent_id: str
    space_id: str
    tries: int


@dataclass(frozen=True, slots=True)
class LookRow:
    """A look that is asked for: at which documents, and how often it was asked."""

    consent_id: str
    numbers: tuple[int, ...]
    asked: int


def topics_of(resources: Sequence[str], result_container: str) -> dict[int, str]:
    """The documents to watch, by their place: the agreed ones, and never what we write ourselves."""
    return {
        number: url for number, url in enumerate(resources) if not url.startswith(result_container or "\0")
    }


def to_renew(rows: Sequence[ChannelRow], now: datetime, before: timedelta) -> tuple[ChannelRow, ...]:
    """The channels that end soon, or ended."""
    return tuple(row for row in rows if row.channel.ends is not None and row.channel.ends - before <= now)


def next_pause(first: float, tries: int, longest: float = 86_400) -> float:
    """The pause after so many failures, in seconds: it doubles each time, up to a day."""
    return min(longest, first * 2.0 ** min(tries, 32))
