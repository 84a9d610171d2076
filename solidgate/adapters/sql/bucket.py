"""The bucket of a channel: how many notifications may pass, as one statement that is made once.

A flood is answered by this; to make the statement anew took three times as long as to execute it.
"""

from __future__ import annotations

import sqlalchemy as sa

from solidgate.adapters.sql.tables import channels


def _take() -> sa.Executable:
    """One notification, counted in; what was in the bucket before it."""
    now, per_minute = (
        sa.bindparam("now", type_=channels.c.filled.type),
        sa.bindparam("per_minute", type_=sa.Float),
    )
    passed = sa.func.greatest(0.0, sa.func.extract("epoch", now - channels.c.filled))
    burst = sa.bindparam("burst", type_=sa.Float)
    full = sa.func.least(burst, channels.c.tokens + passed * (per_minute / 60.0))
    # The row is locked first: what stood there decides, whatever others ask at the same time.
    one = channels.c.channel_id == sa.bindparam("channel")
    before = sa.select(channels.c.channel_id, full.label("had")).where(one).with_for_update().cte("before")
    left = sa.case((before.c.had >= 1.0, before.c.had - 1.0), else_=before.c.had)
    return (
        sa.update(channels)
        .where(channels.c.channel_id == before.c.channel_id)
        .values(tokens=left, filled=sa.func.greatest(channels.c.filled, now))
        .returning(before.c.had)
    )


TAKE = _take()
"""Takes ``channel now per_minute burst``."""
