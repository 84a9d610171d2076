"""One person's consent as a step found it."""

from __future__ import annotations

from dataclasses import dataclass, field

from solidgate.consent.stored import StoredConsent


@dataclass(frozen=True, slots=True)
class Held:
    """A consent with its person's own key, still sealed.

    Nothing in a consent changes but by an event, and every event raises the epoch: so what was found once
    is what is there for as long as the epoch is the same, and that is asked again with every move.
    """

    stored: StoredConsent
    key_sealed: bytes = field(repr=False)
