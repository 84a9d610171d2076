"""The version of a database's schema and job queue, looked up without what it takes to change them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import sqlalchemy as sa

MIGRATIONS = Path(__file__).parent / "migrations"
_SEEN = sa.text(
    "SELECT to_regclass('alembic_version') IS NOT NULL,"
    " obj_description(to_regclass('procrastinate_jobs'), 'pg_class')"
)


def is_here(connection: sa.Connection) -> str:
    """The revision, if schema and queue are those of this version; else nothing, and somebody has to look."""
    wanted = sorted(path.stem.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))[-1]
    made, queue = connection.execute(_SEEN).one()
    if not made or queue != f"schema {queue_steps()[-1].stem}":
        return ""
    found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars().all()
    return wanted if found == [wanted] else ""


def queue_steps() -> list[Path]:
    """The steps of the job queue's own schema, in their order."""
    spec = find_spec("procrastinate")
    assert spec is not None
    assert spec.origin is not None
    return sorted((Path(spec.origin).parent / "sql" / "migrations").glob("*.sql"))
