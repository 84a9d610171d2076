"""The first schema: every table, and consent events that cannot be edited.

Revision ID: 0001
"""

from __future__ import annotations

from alembic import op

from solidgate.adapters.sql.tables import metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_APPEND_ONLY = """
CREATE FUNCTION solidgate_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('solidgate.erasing', true) = 'on' AND TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'consent events are append-only';
END $$;
CREATE TRIGGER consent_events_append_only BEFORE UPDATE OR DELETE ON consent_events
    FOR EACH ROW EXECUTE FUNCTION solidgate_append_only();
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION solidgate_append_only();
"""


def upgrade() -> None:
    """Make the tables. A later version that changes one brings its own copy of the old definition."""
    metadata.create_all(op.get_bind())
    op.execute(_APPEND_ONLY)


def downgrade() -> None:
    """Remove everything that ``upgrade`` made."""
    op.execute("DROP TRIGGER consent_events_append_only ON consent_events")
    op.execute("DROP TRIGGER audit_append_only ON audit")
    op.execute("DROP FUNCTION solidgate_append_only()")
    metadata.drop_all(op.get_bind())
