"""The first schema: every table, and events that cannot be edited.

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
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
CREATE FUNCTION solidgate_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('solidgate.erasing', true) = 'on'
        AND NEW.entry IS NULL AND NEW.salt IS NULL
        AND (NEW.sequence, NEW.leaf, NEW.at) IS NOT DISTINCT FROM (OLD.sequence, OLD.leaf, OLD.at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only';
END $$;
CREATE TRIGGER consent_events_append_only BEFORE UPDATE OR DELETE ON consent_events
    FOR EACH ROW EXECUTE FUNCTION solidgate_append_only();
CREATE TRIGGER door_events_append_only BEFORE UPDATE OR DELETE ON door_events
    FOR EACH ROW EXECUTE FUNCTION solidgate_append_only();
CREATE TRIGGER login_events_append_only BEFORE UPDATE OR DELETE ON login_events
    FOR EACH ROW EXECUTE FUNCTION solidgate_append_only();
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION solidgate_audit_append_only();
CREATE TRIGGER consent_events_never_truncated BEFORE TRUNCATE ON consent_events
    FOR EACH STATEMENT EXECUTE FUNCTION solidgate_append_only();
CREATE TRIGGER door_events_never_truncated BEFORE TRUNCATE ON door_events
    FOR EACH STATEMENT EXECUTE FUNCTION solidgate_append_only();
CREATE TRIGGER login_events_never_truncated BEFORE TRUNCATE ON login_events
    FOR EACH STATEMENT EXECUTE FUNCTION solidgate_append_only();
CREATE TRIGGER audit_never_truncated BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION solidgate_audit_append_only();
"""


def upgrade() -> None:
    """Make the tables. A later version that changes one brings its own copy of the old definition."""
    metadata.create_all(op.get_bind())
    op.execute(_APPEND_ONLY)


def downgrade() -> None:
    """Remove everything that ``upgrade`` made."""
    metadata.drop_all(op.get_bind())  # and with the tables their triggers
    op.execute("DROP FUNCTION solidgate_append_only(), solidgate_audit_append_only()")
