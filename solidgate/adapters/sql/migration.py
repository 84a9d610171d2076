"""Migrations: what brings the schema and the job queue of a database to this version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from procrastinate.schema import SchemaManager

from solidgate.adapters.sql.version import MIGRATIONS, queue_steps
from solidgate.errors import StoreUnavailable

_ADVISORY_LOCK = 0x50_11_D6_A7_E0_00_00_01


def bring(connection: sa.Connection) -> str:
    """Do what is left, in the caller's transaction, one caller at a time; the revision it is at then.

    Raises ``StoreUnavailable`` when the database belongs to a newer solidgate, or its queue to somebody else.
    """
    # Held to the end of the transaction: a second start waits here and then finds nothing to do.
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    _upgrade(connection)
    _apply_queue(connection)
    return current(connection)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def head() -> str:
    """The revision that this version wants."""
    return str(ScriptDirectory.from_config(_config()).get_current_head() or "")


def current(connection: sa.Connection) -> str:
    """The revision that the database is at; empty for a new one."""
    return str(MigrationContext.configure(connection).get_current_revision() or "")


def _upgrade(connection: sa.Connection) -> None:
    config, found = _config(), current(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found and found not in known:
        raise StoreUnavailable(f"the database is at revision {found}, of a newer solidgate")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _apply_queue(connection: sa.Connection) -> None:
    """The job queue's own schema: whole on a new database, else the steps after the recorded one."""
    steps = queue_steps()
    found = connection.execute(sa.text("SELECT to_regclass('procrastinate_jobs')")).scalar()
    if found is None:
        connection.exec_driver_sql(_literal(SchemaManager.get_schema()))
    else:
        recorded = _recorded_step(connection)
        for step in steps:
            if step.stem > recorded:
                connection.exec_driver_sql(_literal(step.read_text(encoding="utf-8")))
    comment = steps[-1].stem.replace("'", "")
    connection.exec_driver_sql(f"COMMENT ON TABLE procrastinate_jobs IS 'schema {comment}'")


def _recorded_step(connection: sa.Connection) -> str:
    comment = connection.execute(sa.text("SELECT obj_description('procrastinate_jobs'::regclass)")).scalar()
    if not str(comment or "").startswith("schema "):
        raise StoreUnavailable("the job queue in this database was not made by solidgate")
    return str(comment).removeprefix("schema ")


def _literal(script: str) -> str:
    return script.replace("%", "%%")
