"""Alembic's door: runs the versions on the connection, and in the transaction, of ``engine.migrate``."""

from __future__ import annotations

from alembic import context

from solidgate.adapters.sql.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, compare_server_default=True
)
with context.begin_transaction():
    context.run_migrations()
