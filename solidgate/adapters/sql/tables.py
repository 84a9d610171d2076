"""The tables: what decides, and nothing that could be derived. Columns ending in ``_sealed`` are AES-256-GCM.

Raw pod data has no column here. Personal values are sealed under the person's own key, so that destroying
one key erases them in every copy and backup.
"""

from __future__ import annotations

import sqlalchemy as sa

from solidgate.run.state import FINAL

metadata = sa.MetaData()

# Written out, so that PostgreSQL finds the index by the words of its condition; parameters it does not see.
PART_IS_OPEN = f"state NOT IN ({', '.join(repr(state.value) for state in FINAL)})"


def _at(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.TIMESTAMP(timezone=True), nullable=null)


people = sa.Table(
    "people",
    metadata,
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("identity_digest", sa.LargeBinary, nullable=False, unique=True),
    # The same for every account of one WebID: a group counts people, not accounts.
    sa.Column("webid_digest", sa.LargeBinary, nullable=False),
    sa.Column("key_sealed", sa.LargeBinary, nullable=False),
    sa.Column("webid_sealed", sa.LargeBinary, nullable=False),
    _at("created"),
)

logins = sa.Table(
    "logins",
    metadata,
    sa.Column("state_hash", sa.LargeBinary, primary_key=True),
    sa.Column("browser_hash", sa.LargeBinary, nullable=False, index=True),
    sa.Column("request_sealed", sa.LargeBinary, nullable=False),
    _at("expires"),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("session_hash", sa.LargeBinary, primary_key=True),
    sa.Column("person_id", sa.Text, nullable=False, index=True),
    sa.Column("session_sealed", sa.LargeBinary, nullable=False),
    _at("created"),
    _at("seen"),
    _at("expires"),
)

registrations = sa.Table(
    "registrations",
    metadata,
    sa.Column("issuer", sa.Text, primary_key=True),
    sa.Column("registration_sealed", sa.LargeBinary, nullable=False),
)

proofs = sa.Table(
    "proofs",
    metadata,
    sa.Column("proof_hash", sa.LargeBinary, primary_key=True),
    _at("until"),
)

spaces = sa.Table(
    "spaces",
    metadata,
    sa.Column("space_id", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("agreement_digest", sa.Text, nullable=False),
    _at("created"),
)

space_keys = sa.Table(
    "space_keys",
    metadata,
    sa.Column("space_id", sa.Text, sa.ForeignKey("spaces.space_id"), primary_key=True),
    sa.Column("public_jwk", sa.JSON, nullable=False),
    sa.Column("private_sealed", sa.LargeBinary, nullable=False),
)

agreements = sa.Table(
    "agreements",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("space_id", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    _at("created"),
    sa.UniqueConstraint("space_id", "version"),
)

algorithms = sa.Table(
    "algorithms",
    metadata,
    sa.Column("space_id", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("package", sa.LargeBinary, nullable=False),
    sa.Column("submitted_by", sa.Text, nullable=False),
    _at("created"),
)

approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("approval_id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("space_id", sa.Text, nullable=False, index=True),
    sa.Column("agreement_digest", sa.Text, nullable=False),
    sa.Column("algorithm_digest", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("webid", sa.Text, nullable=False),
    sa.Column("decision", sa.Text, nullable=False),
    _at("at"),
)

invitations = sa.Table(
    "invitations",
    metadata,
    sa.Column("token_hash", sa.LargeBinary, primary_key=True),
    sa.Column("space_id", sa.Text, nullable=False),
    sa.Column("uses_left", sa.Integer),
    _at("expires"),
)

requests = sa.Table(
    "requests",
    metadata,
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("space_id", sa.Text, nullable=False),
    sa.Column("person_id", sa.Text, nullable=False),
    sa.Column("agreement_digest", sa.Text, nullable=False),
    sa.Column("request_sealed", sa.LargeBinary, nullable=False),
    _at("created"),
    _at("answers_by"),
    _at("deferred", null=True),
    _at("reminded", null=True),
    _at("answered", null=True),
)
sa.Index("requests_of_person", requests.c.person_id, requests.c.space_id)

notices = sa.Table(
    "notices",
    metadata,
    sa.Column("request_id", sa.Text, sa.ForeignKey("requests.request_id"), primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("notice_sealed", sa.LargeBinary, nullable=False),
    _at("displayed"),
)

consents = sa.Table(
    "consents",
    metadata,
    sa.Column("consent_id", sa.Text, primary_key=True),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("person_id", sa.Text, nullable=False, index=True),
    sa.Column("space_id", sa.Text, nullable=False, index=True),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("agreement_digest", sa.Text, nullable=False),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    _at("until", null=True),
    sa.Column("record_sealed", sa.LargeBinary, nullable=False),
    _at("created"),
    sa.UniqueConstraint("request_id", "purpose"),
)
sa.Index(
    "consents_holding",
    consents.c.person_id,
    consents.c.space_id,
    consents.c.purpose,
    unique=True,
    postgresql_where=consents.c.status.in_(["given", "renewed"]),
)

consent_events = sa.Table(
    "consent_events",
    metadata,
    sa.Column("consent_id", sa.Text, sa.ForeignKey("consents.consent_id"), primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("event_sealed", sa.LargeBinary, nullable=False),
    _at("at"),
)

receipts = sa.Table(
    "receipts",
    metadata,
    sa.Column("consent_id", sa.Text, sa.ForeignKey("consents.consent_id"), primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("receipt_sealed", sa.LargeBinary, nullable=False),
    sa.Column("pod_url_sealed", sa.LargeBinary),
    sa.Column("problem", sa.Text),
)

doors = sa.Table(
    "doors",
    metadata,
    sa.Column("consent_id", sa.Text, sa.ForeignKey("consents.consent_id"), primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("problem", sa.Text),
    _at("checked"),
    # Where the owner opens by grants: what was asked at the pod, and what was granted.
    sa.Column("access_sealed", sa.LargeBinary),
)

_fences = sa.Sequence("lease_fence", metadata=metadata)

leases = sa.Table(
    "leases",
    metadata,
    # One row for each part: who takes a lapsed lease over gets a higher fence than everybody before.
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("consent_id", sa.Text, primary_key=True),
    sa.Column(
        "fence", sa.BigInteger, _fences, server_default=_fences.next_value(), nullable=False, unique=True
    ),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    _at("deadline"),
)
sa.Index("leases_of_consent", leases.c.consent_id)

withdrawals = sa.Table(
    "withdrawals",
    metadata,
    sa.Column("consent_id", sa.Text, sa.ForeignKey("consents.consent_id"), primary_key=True),
    sa.Column("person_id", sa.Text, nullable=False, index=True),
    sa.Column("remove_results", sa.Boolean, nullable=False),
    sa.Column("audited", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("receipted", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    _at("at"),
    _at("next_try", null=True),
    _at("settled", null=True),
    sa.Column("results_removed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("stopped", sa.Integer, nullable=False, server_default="0"),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("space_id", sa.Text, nullable=False, index=True),
    sa.Column("agreement_digest", sa.Text, nullable=False),
    sa.Column("algorithm_digest", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    _at("created"),
    _at("started", null=True),
    _at("ended", null=True),
)
sa.Index(
    "open_run_of_space",
    runs.c.space_id,
    unique=True,
    postgresql_where=runs.c.state.in_(["queued", "running"]),
)

parts = sa.Table(
    "parts",
    metadata,
    sa.Column("run_id", sa.Text, sa.ForeignKey("runs.run_id"), primary_key=True),
    sa.Column("consent_id", sa.Text, primary_key=True),
    sa.Column("person_id", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text),
    _at("updated"),
)
sa.Index("parts_of_consent", parts.c.consent_id)
sa.Index(
    "open_parts_of_run",
    parts.c.run_id,
    parts.c.consent_id,
    postgresql_where=sa.text(PART_IS_OPEN),
)

steps = sa.Table(
    "steps",
    metadata,
    sa.Column("sequence", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("consent_id", sa.Text, nullable=False, index=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text),
    _at("at"),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("consent_id", sa.Text, primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("delivery_sealed", sa.LargeBinary, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    _at("planned"),
    _at("resolved", null=True),
    _at("invalidated", null=True),
    _at("noted", null=True),
    sa.Column("looks", sa.Integer, nullable=False, server_default="0"),
    _at("next_look", null=True),
    _at("emptied", null=True),
    _at("seen", null=True),
)
sa.Index("deliveries_of_consent", deliveries.c.consent_id)

derived = sa.Table(
    "derived",
    metadata,
    sa.Column("consent_id", sa.Text, sa.ForeignKey("consents.consent_id"), primary_key=True),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("person_id", sa.Text, nullable=False),
    sa.Column("space_id", sa.Text, nullable=False, index=True),
    sa.Column("graph", sa.Text, nullable=False),
    sa.Column("content_sealed", sa.LargeBinary, nullable=False),
    _at("published"),
)

aggregates = sa.Table(
    "aggregates",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("space_id", sa.Text, nullable=False, index=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("contributors", sa.Integer, nullable=False),
    _at("released"),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("sequence", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("entry", sa.Text),
    sa.Column("salt", sa.LargeBinary),
    sa.Column("leaf", sa.LargeBinary, nullable=False),
    _at("at"),
    # To find the entries about one person, for their copy and their erasure.
    sa.Index("audit_objects", sa.text("((entry)::jsonb -> 'objects'::text)"), postgresql_using="gin"),
)

workers = sa.Table(
    "workers",
    metadata,
    sa.Column("worker_id", sa.Text, primary_key=True),
    sa.Column("level", sa.Integer, nullable=False),
    _at("heartbeat"),
)

erasures = sa.Table(
    "erasures",
    metadata,
    sa.Column("tombstone", sa.LargeBinary, primary_key=True),
    _at("at"),
    _at("swept", null=True),
)

signposts = sa.Table(
    "signposts",
    metadata,
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("space_id", sa.Text, primary_key=True),
    # Which container, as a digest under the person's own key: the address itself is sealed.
    sa.Column("place", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("signpost_sealed", sa.LargeBinary, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    # For whom the last intent was made: housekeeping goes on only while this consent holds.
    sa.Column("consent_id", sa.Text, nullable=False, index=True),
    sa.Column("run_id", sa.Text, nullable=False),
    _at("planned"),
    _at("next_look", null=True),
    _at("seen", null=True),
)

# What the pod said of the documents behind a consent's newest result: addresses and ETags, never content.
pulls = sa.Table(
    "pulls",
    metadata,
    sa.Column("consent_id", sa.Text, sa.ForeignKey("consents.consent_id"), primary_key=True),
    # The run that made the result, and the newest one to which it belongs.
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("carried", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("tags_sealed", sa.LargeBinary, nullable=False),
    _at("at"),
)

watches = sa.Table(
    "watches",
    metadata,
    sa.Column("consent_id", sa.Text, sa.ForeignKey("consents.consent_id"), primary_key=True),
    sa.Column("space_id", sa.Text, nullable=False),
    sa.Column("problem", sa.Text),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    _at("next_look"),
    _at("next_try"),
)
sa.Index("watches_to_look", watches.c.next_look)

topics = sa.Table(
    "topics",
    metadata,
    # The place in the list of the record's resources; what stood there when it was last seen is sealed.
    sa.Column("consent_id", sa.Text, sa.ForeignKey("consents.consent_id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("seen_sealed", sa.LargeBinary, nullable=False),
)

channels = sa.Table(
    "channels",
    metadata,
    sa.Column("channel_id", sa.Text, primary_key=True),
    sa.Column("consent_id", sa.Text, sa.ForeignKey("consents.consent_id"), nullable=False, index=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("secret_hash", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("channel_sealed", sa.LargeBinary, nullable=False),
    # A token bucket: how many notifications may still come, as of when.
    sa.Column("tokens", sa.Float, nullable=False),
    _at("filled"),
    _at("ends", null=True),
    _at("held_until", null=True),
)

hints = sa.Table(
    "hints",
    metadata,
    sa.Column("channel_id", sa.Text, sa.ForeignKey("channels.channel_id"), primary_key=True),
    sa.Column("hint_hash", sa.LargeBinary, primary_key=True),
    _at("until"),
)

looks = sa.Table(
    "looks",
    metadata,
    # One row for each consent: several hints within the time to settle become one look.
    sa.Column("consent_id", sa.Text, sa.ForeignKey("consents.consent_id"), primary_key=True),
    sa.Column("numbers", sa.ARRAY(sa.Integer), nullable=False),
    sa.Column("asked", sa.BigInteger, nullable=False),
    _at("due"),
)

reruns = sa.Table(
    "reruns",
    metadata,
    sa.Column("consent_id", sa.Text, sa.ForeignKey("consents.consent_id"), primary_key=True),
    sa.Column("space_id", sa.Text, nullable=False, index=True),
    _at("asked"),
)

# What became of a door, one row for each thing that changed; ``doors`` holds how it stands now.
door_events = sa.Table(
    "door_events",
    metadata,
    sa.Column("sequence", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("consent_id", sa.Text, sa.ForeignKey("consents.consent_id"), nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("problem", sa.Text),
    _at("at"),
)
sa.Index("door_events_of_consent", door_events.c.consent_id, door_events.c.sequence)

# That a person logged in or out: no device, no network address, not at which provider.
login_events = sa.Table(
    "login_events",
    metadata,
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("person_id", sa.Text, nullable=False, index=True),
    sa.Column("event_sealed", sa.LargeBinary, nullable=False),
    _at("at"),
)
