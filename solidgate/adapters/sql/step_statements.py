"""The statements of the moves of a part, in the driver's own words: constants, so that each is prepared once.

Each clause takes its rows from the one before, so that locks are taken in everybody's order: consent, lease,
part. Whoever waited for one of them sees what the other left: each condition is looked at again on the newest
row.
"""

# ruff: noqa: S608 - only constants of this file are put together; every value is bound

from __future__ import annotations

from solidgate.run.state import FINAL

_FINAL = ", ".join(f"'{state.value}'" for state in FINAL)

# By name: a statement that is prepared already outlives a column that a newer version adds.
_DELIVERY = (
    *("run_id", "consent_id", "epoch", "delivery_sealed", "sha256", "state"),
    *("planned", "resolved", "invalidated", "noted", "seen"),
)


def _columns(of: str) -> str:
    return ", ".join(f"{of}.{name}" for name in _DELIVERY)


_PLANNED = f"""
    SELECT {_columns("deliveries")} FROM deliveries
    WHERE deliveries.run_id = %(run)s AND deliveries.consent_id = %(consent)s"""

FOUND = """
    SELECT c.consent_id, c.person_id, c.space_id, c.epoch, c.record_sealed, p.key_sealed,
        ARRAY(SELECT e.event_sealed FROM consent_events e
              WHERE e.consent_id = c.consent_id ORDER BY e.sequence) AS events,
        ARRAY(SELECT e.sequence FROM consent_events e
              WHERE e.consent_id = c.consent_id ORDER BY e.sequence) AS sequences
    FROM consents c JOIN people p ON p.person_id = c.person_id
    WHERE c.consent_id = ANY(%(consents)s)
    """

_HELD = """
    held AS (
        SELECT consent_id FROM consents
        WHERE consent_id = %(consent)s AND epoch = %(epoch)s AND status IN ('given', 'renewed')
        FOR SHARE
    )"""
_RENEWED = f"""
    {_HELD}, fenced AS (
        UPDATE leases SET deadline = clock_timestamp() + make_interval(secs => %(seconds)s)
        FROM held
        WHERE leases.consent_id = held.consent_id AND fence = %(fence)s AND deadline > clock_timestamp()
        RETURNING leases.consent_id
    )"""
_GIVEN_BACK = f"""
    {_HELD}, fenced AS (
        DELETE FROM leases USING held
        WHERE leases.consent_id = held.consent_id AND fence = %(fence)s AND deadline > clock_timestamp()
        RETURNING leases.consent_id
    )"""
_MOVED = f"""
    moved AS (
        UPDATE parts SET state = %(state)s, outcome = NULL, updated = %(now)s
        FROM fenced
        WHERE parts.run_id = %(run)s AND parts.consent_id = fenced.consent_id
            AND parts.state NOT IN ({_FINAL})
        RETURNING parts.run_id, parts.consent_id, parts.person_id, parts.state, parts.updated
    ), noted AS (
        INSERT INTO steps (run_id, consent_id, state, at)
        SELECT run_id, consent_id, state, updated FROM moved
    )"""
_AUDITED = """
    audited AS (
        INSERT INTO audit (entry, salt, leaf, at) SELECT %(entry)s, %(salt)s, %(leaf)s, %(now)s FROM moved
    )"""

ENTER = f"""
    WITH {_HELD}, taken AS (
        INSERT INTO leases (run_id, consent_id, epoch, deadline)
        SELECT p.run_id, p.consent_id, %(epoch)s, clock_timestamp() + make_interval(secs => %(seconds)s)
        FROM parts p, held
        WHERE p.run_id = %(run)s AND p.consent_id = held.consent_id AND p.state NOT IN ({_FINAL})
        ON CONFLICT (run_id, consent_id) DO UPDATE
        SET epoch = excluded.epoch, deadline = excluded.deadline, fence = nextval('lease_fence')
        WHERE leases.deadline <= clock_timestamp()
        RETURNING consent_id, fence
    ), planned AS (
        {_PLANNED}
    ), moved AS (
        UPDATE parts SET outcome = NULL, updated = %(now)s,
            state = CASE WHEN EXISTS (SELECT 1 FROM planned) THEN 'writing' ELSE 'pulling' END
        FROM taken
        WHERE parts.run_id = %(run)s AND parts.consent_id = taken.consent_id AND parts.state NOT IN ({_FINAL})
        RETURNING parts.run_id, parts.consent_id, parts.state, parts.updated
    ), noted AS (
        INSERT INTO steps (run_id, consent_id, state, at)
        SELECT run_id, consent_id, state, updated FROM moved
    )
    SELECT (SELECT count(*) FROM held) AS held, (SELECT fence FROM taken) AS fence,
        (SELECT count(*) FROM moved) AS moved,
        (SELECT count(*) FROM parts WHERE run_id = %(run)s AND consent_id = %(consent)s
            AND state NOT IN ({_FINAL})) AS still_open,
        door.problem AS door_problem, door.access_sealed IS NOT NULL AS asks,
        {_columns("planned")}
    FROM (SELECT 1) AS one LEFT JOIN planned ON true LEFT JOIN doors door ON door.consent_id = %(consent)s
    """
MOVE = f"WITH {_RENEWED}, {_MOVED} SELECT count(*) AS moved FROM moved"
MOVE_AUDITED = f"WITH {_RENEWED}, {_MOVED}, {_AUDITED} SELECT count(*) AS moved FROM moved"


def _plan(pulls: str) -> str:
    return f"""
    WITH {_RENEWED}, {_MOVED}, intended AS (
        INSERT INTO deliveries (run_id, consent_id, epoch, delivery_sealed, sha256, state, planned)
        SELECT run_id, consent_id, %(epoch)s, %(sealed)s, %(sha256)s, 'planned', %(now)s FROM moved
        ON CONFLICT (run_id, consent_id) DO NOTHING
        RETURNING run_id
    ), {pulls}
    SELECT (SELECT count(*) FROM moved) AS moved, (SELECT count(*) FROM intended) AS intended,
        EXISTS (SELECT 1 FROM doors WHERE consent_id = %(consent)s AND access_sealed IS NOT NULL) AS asks
    """


PLAN = _plan("""forgotten AS (
        DELETE FROM pulls USING moved WHERE pulls.consent_id = moved.consent_id
    )""")
PLAN_REMEMBERED = _plan("""remembered AS (
        INSERT INTO pulls (consent_id, run_id, carried, fingerprint, tags_sealed, at)
        SELECT consent_id, run_id, run_id, %(fingerprint)s, %(tags)s, %(now)s FROM moved
        ON CONFLICT (consent_id) DO UPDATE
        SET run_id = excluded.run_id, carried = excluded.carried, fingerprint = excluded.fingerprint,
            tags_sealed = excluded.tags_sealed, at = excluded.at
    )""")

_PUBLISHED = """
    resolved AS (
        UPDATE deliveries SET state = 'written', resolved = %(now)s FROM moved
        WHERE deliveries.run_id = moved.run_id AND deliveries.consent_id = moved.consent_id
    ), published AS (
        INSERT INTO derived (consent_id, run_id, person_id, space_id, graph, content_sealed, published)
        SELECT consent_id, run_id, person_id, %(space)s, %(graph)s, %(sealed)s, %(now)s FROM moved
        ON CONFLICT (consent_id) DO UPDATE
        SET run_id = excluded.run_id, person_id = excluded.person_id, space_id = excluded.space_id,
            graph = excluded.graph, content_sealed = excluded.content_sealed, published = excluded.published
    )"""
PUBLISH = f"WITH {_GIVEN_BACK}, {_MOVED}, {_AUDITED}, {_PUBLISHED} SELECT count(*) AS moved FROM moved"
PUBLISH_HELD = f"WITH {_RENEWED}, {_MOVED}, {_AUDITED}, {_PUBLISHED} SELECT count(*) AS moved FROM moved"
# Each intent stands in place of exactly the one that it was made from, or not at all. Who plans the long way
# holds the same lock, and whoever has it now is not waited for.
PUBLISH_LED = f"""
    WITH {_RENEWED}, {_MOVED}, {_AUDITED}, {_PUBLISHED}, intents AS (
        SELECT * FROM unnest(%(kinds)s::text[], %(signs)s::bytea[], %(befores)s::bytea[], %(said)s::text[])
            AS intents (kind, sign, before, said)
    ), alone AS (
        SELECT pg_try_advisory_xact_lock(hashtextextended(%(alone)s, 0)) AS got FROM moved
    ), signed AS (
        INSERT INTO signposts (person_id, space_id, place, kind, signpost_sealed, state, consent_id, run_id,
            planned, next_look)
        SELECT moved.person_id, %(space)s, %(place)s, intents.kind, intents.sign, 'planned', moved.consent_id,
            moved.run_id, %(now)s, %(look)s
        FROM moved, alone, intents WHERE alone.got ORDER BY intents.kind
        ON CONFLICT (person_id, space_id, place, kind) DO UPDATE
        SET signpost_sealed = excluded.signpost_sealed, state = excluded.state,
            consent_id = excluded.consent_id, run_id = excluded.run_id, planned = excluded.planned,
            next_look = excluded.next_look
        WHERE (signposts.signpost_sealed, signposts.state)
            = (SELECT before, said FROM intents WHERE intents.kind = signposts.kind)
        RETURNING kind
    )
    SELECT (SELECT count(*) FROM moved) AS moved, (SELECT count(*) FROM signed) AS signed
    """
AROUND = """
    SELECT kind AS name, signpost_sealed AS sealed, state AS said,
        NULL AS run_id, NULL::timestamptz AS planned, NULL::timestamptz AS invalidated
    FROM signposts WHERE person_id = %(person)s AND space_id = %(space)s AND place = %(place)s
    UNION ALL
    SELECT c.consent_id, CASE WHEN c.consent_id = %(consent)s THEN NULL ELSE c.record_sealed END, NULL,
        d.run_id, d.planned, d.invalidated
    FROM consents c JOIN deliveries d ON d.consent_id = c.consent_id
    WHERE c.person_id = %(person)s AND c.space_id = %(space)s AND d.state = 'written'
    """
# What was seen counts for the intent that was sent, and for none that came after it. The lease comes first,
# then both rows in their order: the clauses take their rows from one another.
LED = """
    WITH given AS (
        DELETE FROM leases WHERE fence = %(fence)s RETURNING fence
    ), taken AS (
        SELECT signposts.kind FROM signposts, (SELECT count(*) FROM given) AS first
        WHERE person_id = %(person)s AND space_id = %(space)s AND place = %(place)s
        ORDER BY consent_id, kind FOR UPDATE OF signposts
    )
    UPDATE signposts
    SET signpost_sealed = found.after, state = 'written', seen = %(now)s, next_look = found.look
    FROM taken, unnest(%(kinds)s::text[], %(befores)s::bytea[], %(signs)s::bytea[], %(looks)s::timestamptz[])
        AS found (kind, before, after, look)
    WHERE person_id = %(person)s AND space_id = %(space)s AND place = %(place)s
        AND signposts.kind = taken.kind AND found.kind = taken.kind AND signpost_sealed = found.before
    """
PLANNED = _PLANNED

GIVE_BACK = "DELETE FROM leases WHERE fence = %(fence)s"
