"""Typed settings: one entry for each, with its default, its bounds and its line of the reference.

``Settings()`` reads nothing from outside; ``cli.sources`` does. Secrets never show.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from solidgate.errors import UnsafeInProduction

PREFIX = "SOLIDGATE_"
TIME_ZONE = "Europe/Brussels"
KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


def _public_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be a full address that begins with https:// (http:// in development)")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("must have no query, fragment or user name")
    return text if text.endswith("/") else text + "/"


def _link(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None):
        raise ValueError("must be empty or a full address that begins with https:// or http://")
    return text


def _container(text: str) -> str:
    if not re.fullmatch(r"([A-Za-z0-9._~-]+/)+", text) or ".." in text.split("/"):
        raise ValueError("must be a relative container such as solidgate/receipts/")
    return text


def _duration(text: str) -> str:
    if not re.fullmatch(r"P(?=\d)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?", text):
        raise ValueError("must be an ISO 8601 duration in years, months, weeks or days, such as P12M")
    return text


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise ValueError("must be a time zone of the IANA database, such as Europe/Brussels") from None
    return name


def _folder(path: Path) -> Path:
    return path.expanduser().absolute()


PublicUrl = Annotated[str, AfterValidator(_public_url)]
Link = Annotated[str, AfterValidator(_link)]
Container = Annotated[str, AfterValidator(_container)]
Duration = Annotated[str, AfterValidator(_duration)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Folder = Annotated[Path, AfterValidator(_folder)]
Port = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=1)]
Bytes = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """A group of settings: frozen, no unknown key, each field with a description for the reference."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Server(Section):
    """The gate: where it listens, what it is called from outside, how large a request may be."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: Port = Field(default=8080, description="Port to listen on; 0 takes a free one.")
    public_url: PublicUrl = Field(
        default="http://localhost:8080/",
        description="Address under which people and pods reach solidgate; https in production.",
    )
    data_folder: Folder = Field(
        default=Path("data"), description="Folder for the embedded database and keys."
    )
    time_zone: TimeZone = Field(
        default=TIME_ZONE,
        description="Time zone in which pages tell times and in which chosen days end; data are in UTC.",
    )
    processes: Annotated[int, Field(ge=1, le=64)] = Field(
        default=1, description="Gate processes sharing the port."
    )
    with_worker: bool = Field(default=True, description="Whether serve also starts a worker as its child.")
    shutdown_seconds: Seconds = Field(
        default=25, description="Seconds that a stop waits for requests under way."
    )
    max_body_bytes: Bytes = Field(default=64 * KIB, description="Largest JSON or form body of a request.")
    max_package_bytes: Bytes = Field(
        default=16 * MIB, description="Largest algorithm package that can be submitted."
    )
    max_header_bytes: Bytes = Field(
        default=16 * KIB, description="Largest request line, and largest header field."
    )
    max_connections: Count = Field(
        default=1000, description="Open connections of one gate process; then 503."
    )
    request_timeout: Seconds = Field(
        default=30,
        description="Seconds for one request; a withdrawal has its own waits besides.",
    )
    header_timeout: Seconds = Field(
        default=10, description="Seconds in which a new connection must send a whole request head."
    )
    keepalive_timeout: Seconds = Field(default=15, description="Seconds that an idle connection stays open.")
    trusted_proxies: tuple[str, ...] = Field(
        default=(), description="Addresses or networks of proxies whose X-Forwarded-For header is believed."
    )


class Database(Section):
    """PostgreSQL: the embedded one in the data folder, or any other by its URL."""

    url: SecretStr = Field(
        default=SecretStr(""),
        description="postgresql:// URL; empty starts the embedded server in the data folder.",
    )
    pool_size: Count = Field(
        default=8, description="Connections that one process keeps; a worker keeps as many again."
    )
    statement_timeout: Seconds = Field(
        default=15, description="Seconds after which the database ends a statement."
    )


class Http(Section):
    """The one guarded way out: which addresses may be called, how long, how much."""

    allow_private_addresses: bool = Field(
        default=False, description="Whether addresses of private networks may be called. Development only."
    )
    allowed_ports: tuple[Port, ...] = Field(
        default=(443,), description="Ports that may be called; any while private addresses are allowed."
    )
    connect_timeout: Seconds = Field(default=5, description="Seconds for a connection, TLS included.")
    total_timeout: Seconds = Field(default=30, description="Seconds for a whole answer.")
    document_timeout: Seconds = Field(
        default=10, description="Seconds for a security document (profile, keys)."
    )
    keepalive_timeout: Seconds = Field(
        default=4, description="Seconds an idle connection is kept; below the pod's 5."
    )
    max_redirects: Annotated[int, Field(ge=0, le=10)] = Field(
        default=3, description="Redirects followed; none with credentials or for security documents."
    )
    first_window: Count = Field(
        default=2,
        description="Requests at once to an origin that was not met yet; its answers open the window.",
    )
    per_origin: Count = Field(
        default=16, description="Most requests at once to one origin, however quickly it answers."
    )
    total_connections: Count = Field(default=64, description="Requests at once to all origins.")
    patience_seconds: Seconds = Field(
        default=15, description="Longest pause asked for by an origin (Retry-After) that is waited for."
    )
    longest_pause: Seconds = Field(
        default=3600, description="Seconds up to which an origin that asks for a pause is left alone."
    )
    breaker_failures: Count = Field(
        default=5, description="Failures in a row after which an origin is left alone for a while."
    )
    breaker_window: Seconds = Field(default=60, description="Seconds within which these failures come.")
    breaker_rest: Seconds = Field(
        default=60, description="Seconds that such an origin is left alone; then one request asks again."
    )
    ca_file: str = Field(
        default="", description="PEM file of certificate authorities; empty uses the system's."
    )
    max_profile_bytes: Bytes = Field(default=256 * KIB, description="Largest WebID profile.")
    max_jwks_bytes: Bytes = Field(default=64 * KIB, description="Largest key set of an issuer.")
    max_jwks_keys: Count = Field(default=20, description="Keys considered of an issuer's key set.")
    max_discovery_bytes: Bytes = Field(
        default=64 * KIB, description="Largest discovery document of an issuer."
    )
    max_acl_bytes: Bytes = Field(default=256 * KIB, description="Largest access control document.")
    max_decoded_ratio: Count = Field(default=20, description="How many times a compressed answer may grow.")


class Login(Section):
    """Solid-OIDC: how long a login and a session last, what an access token must prove."""

    pending_minutes: Count = Field(default=10, description="Minutes that a login may take at the issuer.")
    max_pending: Count = Field(
        default=100_000, description="Logins under way at once; then new ones are refused."
    )
    idle_minutes: Count = Field(
        default=30, description="Minutes without a request after which a session ends."
    )
    absolute_hours: Count = Field(default=12, description="Hours after which a session ends in any case.")
    attempts_per_minute: Count = Field(
        default=10, description="Logins that one browser may begin in a minute."
    )
    attempts_per_address: Count = Field(
        default=600,
        description="Logins that all browsers behind one network address may begin in a minute.",
    )
    token_calls_per_minute: Count = Field(
        default=600, description="Calls with an access token that one address may make in a minute."
    )
    client_name: str = Field(default="solidgate", description="Name that issuers show to people.")
    clock_skew_seconds: Annotated[int, Field(ge=0, le=300)] = Field(
        default=60, description="Seconds by which another clock may be wrong."
    )
    proof_window_seconds: Annotated[int, Field(ge=1, le=300)] = Field(
        default=60, description="Age in seconds at which a DPoP proof is refused."
    )
    max_token_seconds: Count = Field(
        default=3600, description="Longest life of an access token that is accepted."
    )
    id_token_age_seconds: Count = Field(default=300, description="Oldest ID token accepted at login.")
    issuer_cache_seconds: Count = Field(default=600, description="Seconds that an issuer's keys are kept.")
    profile_cache_seconds: Count = Field(
        default=120, description="Seconds that a profile's issuers are kept."
    )
    max_photo_bytes: Annotated[int, Field(ge=0)] = Field(
        default=MIB,
        description="Largest photo of a profile that its person is shown; 0 shows none.",
    )
    photo_seconds: Seconds = Field(default=3, description="Seconds for such a photo; then none is shown.")
    trailing_slash_tolerance: bool = Field(
        default=True, description="Whether issuer addresses that differ only in a final slash are the same."
    )
    require_proof_nonce: bool = Field(default=False, description="Whether API proofs must carry our nonce.")
    accept_proof_without_ath: tuple[str, ...] = Field(
        default=(), description="Client ids whose DPoP proofs may lack the hash of the access token."
    )
    suggested_issuers: tuple[str, ...] = Field(default=(), description="Issuers that the login page offers.")


class Consent(Section):
    """What may be asked of people, and where their receipt goes."""

    max_validity: Duration = Field(default="P12M", description="Longest validity that a request may offer.")
    answer_days: Count = Field(default=30, description="Days that a request waits for an answer.")
    reminder_days: Count = Field(
        default=30, description="Days after “decide later” before the one reminder; a deferral adds as many."
    )
    reask_days: Annotated[int, Field(ge=0)] = Field(
        default=30,
        description="Days after a no in which an invitation asks nothing anew, not even under changed terms.",
    )
    posts_per_minute: Count = Field(default=30, description="Answers that one session may send in a minute.")
    settle_seconds: Seconds = Field(
        default=5, description="Longest time that a login spends on closing doors that were left open."
    )
    door_wait_seconds: Annotated[float, Field(ge=0)] = Field(
        default=20,
        description="Seconds that a yes waits for the person's pod; what is left goes on after it.",
    )
    receipt_container: Container = Field(
        default="solidgate/receipts/", description="Container below the pod's root for receipts."
    )
    log_container: Container = Field(
        default="solidgate/log/", description="Container below the pod's root that is offered for the log."
    )
    doubt_hours: Count = Field(
        default=24, description="Hours after which a write in doubt is shown as unresolved."
    )
    withdraw_wait_seconds: Annotated[float, Field(ge=0)] = Field(
        default=10, description="Seconds that a withdrawal waits for work under way before it answers 202."
    )
    store_seconds: Seconds = Field(
        default=5,
        description="Seconds after which a withdrawal that is not stored yet stops the service until it is.",
    )
    pod_wait_seconds: Annotated[float, Field(ge=0)] = Field(
        default=5,
        description="Seconds that its answer waits for the person's pod; what is left goes on after it.",
    )
    export_bytes: Bytes = Field(default=100 * MIB, description="Largest export of one person's data.")
    sweep_seconds: Seconds = Field(
        default=20, description="Seconds that an erasure waits for one table's files to be written anew."
    )
    authority_name: str = Field(
        default="",
        description="Data protection authority that people are sent to; empty is that of their country.",
    )
    authority_url: Link = Field(
        default="", description="Page of that authority for complaints; needs consent.authority_name."
    )

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.authority_url and not self.authority_name.strip():
            raise ValueError("consent.authority_url needs consent.authority_name")
        return self


class Preview(Section):
    """What people are shown of their own documents before they answer; nothing of it is kept."""

    resources: Count = Field(default=24, description="Documents on one page of the preview.")
    rows: Count = Field(
        default=20, description="Values shown of a document that has more than preview.whole_rows."
    )
    whole_rows: Count = Field(default=50, description="Most values of a document that are all shown.")
    value_characters: Annotated[int, Field(ge=256)] = Field(
        default=2000, description="Longest value or address shown; the rest of it is cut off, visibly."
    )
    raw_bytes: Bytes = Field(default=64 * KIB, description="Largest document whose own text is on the page.")
    seconds: Seconds = Field(default=20, description="Longest time for one page of the preview.")
    cpu_seconds: Seconds = Field(default=5, description="CPU seconds to parse one document.")
    wall_seconds: Seconds = Field(default=10, description="Seconds to parse one document.")
    memory_bytes: Bytes = Field(default=512 * MIB, description="Address space to parse one document.")
    views_per_minute: Count = Field(
        default=20, description="Previews and examples that one session may open in a minute."
    )


class Finding(Section):
    """How far documents are looked for that the terms name by their kind, before a person is asked."""

    depth: Annotated[int, Field(ge=0, le=32)] = Field(
        default=8, description="Levels of containers below one that is named."
    )
    containers: Count = Field(default=100, description="Containers listed for one request.")
    members: Count = Field(default=2000, description="Entries of one container that are looked at.")
    listing_bytes: Bytes = Field(default=1 * MIB, description="Largest listing of a container.")
    documents: Count = Field(
        default=200, description="Documents opened for one request, to see whether they hold the kind."
    )
    asked: Count = Field(default=100, description="Most documents that one need can ask for.")
    seconds: Seconds = Field(default=15, description="Longest time of one search.")


class Progress(Section):
    """The live progress of a consent or a run, as server-sent events."""

    poll_seconds: Seconds = Field(default=1, description="Seconds between two looks at the database.")
    heartbeat_seconds: Seconds = Field(default=15, description="Silence after which a sign of life is sent.")
    stream_seconds: Seconds = Field(
        default=60, description="Life of one stream; the browser then goes on where it ended."
    )
    streams: Count = Field(default=4, description="Streams at once of one session or caller.")
    window_seconds: Seconds = Field(
        default=60, description="Seconds over which the rate of a run, and so its remaining time, is taken."
    )


class Pull(Section):
    """How much is read from one pod, and how politely."""

    max_resource_bytes: Bytes = Field(default=5 * MIB, description="Largest single resource.")
    max_pod_bytes: Bytes = Field(default=50 * MIB, description="Most bytes of one person in one run.")
    max_resources: Count = Field(default=2000, description="Most resources of one person in one run.")
    pod_seconds: Seconds = Field(default=300, description="Longest time for one person's pod.")
    requests_per_second: Annotated[float, Field(ge=0)] = Field(
        default=0, description="Requests a second to one origin; 0 is unlimited."
    )
    retries: Annotated[int, Field(ge=0, le=20)] = Field(
        default=3, description="Attempts after a passing failure."
    )
    server_seconds: Seconds = Field(
        default=600, description="Seconds that is kept which access protocol a pod's server speaks."
    )
    exchange_servers: tuple[str, ...] = Field(
        default=(),
        description="Token endpoints that a login's ID token may be shown to, besides its issuer's own.",
    )


class Worker(Section):
    """The enclave worker: how much at once, when a job counts as stalled."""

    concurrency: Count = Field(default=8, description="Jobs that one worker does at once.")
    batch_people: Count = Field(default=50, description="People in one job of a run.")
    jobs_of_space: Count = Field(
        default=4, description="Jobs of one space that are done at once, by all workers together."
    )
    lease_seconds: Count = Field(default=60, description="Life of a lease on a consent.")
    heartbeat_seconds: Count = Field(default=15, description="Seconds between two signs of life of a worker.")
    look_seconds: Seconds = Field(
        default=1.0,
        description="Seconds between two looks at whether the parts under way may go on, if no notice came.",
    )
    stalled_seconds: Count = Field(
        default=60, description="Silence after which a worker's jobs are taken over."
    )
    attempts: Count = Field(default=5, description="Attempts of one job before it is given up.")
    signposts: bool = Field(
        default=True,
        description="Whether an index of results, and a pointer to the newest, stand beside them.",
    )
    reconcile_hours: Count = Field(
        default=24, description="Hours until a written result is looked at again in its pod."
    )
    reconcile_batch: Count = Field(
        default=50, description="Written results looked at in one turn of housekeeping, each minute."
    )


class Sandbox(Section):
    """The cell in which an approved program sees one person's documents."""

    cpu_seconds: Seconds = Field(default=10, description="CPU seconds for one person.")
    wall_seconds: Seconds = Field(default=20, description="Seconds for one person.")
    memory_bytes: Bytes = Field(default=512 * MIB, description="Address space of one person's process.")
    output_bytes: Bytes = Field(default=1 * MIB, description="Largest result of one person.")
    zygotes: Count = Field(default=2, description="People served at once by one program.")
    total_zygotes: Count = Field(default=8, description="Warm processes kept at once, of all programs.")
    idle_seconds: Count = Field(default=300, description="Seconds after which an idle warm program ends.")
    minimum_level: Annotated[int, Field(ge=0, le=3)] = Field(
        default=2, description="Isolation level below which nothing runs. Less than 2 in development only."
    )


class Validation(Section):
    """The check of each result against the agreed shapes."""

    cpu_seconds: Seconds = Field(default=10, description="CPU seconds for one check.")
    wall_seconds: Seconds = Field(default=20, description="Seconds for one check.")
    memory_bytes: Bytes = Field(default=512 * MIB, description="Address space of the checking process.")
    max_triples: Count = Field(default=10_000, description="Most statements of one result.")
    recheck_every: Annotated[int, Field(ge=0)] = Field(
        default=100,
        description="Every so many conforming verdicts, the reference engine checks one too; 0 never.",
    )
    in_a_row: Annotated[int, Field(ge=0)] = Field(
        default=100,
        description="Most small results of the same shapes that one process judges; 0: each has its own.",
    )


class Query(Section):
    """SPARQL over derived data."""

    cpu_seconds: Seconds = Field(default=10, description="CPU seconds for one query.")
    wall_seconds: Seconds = Field(default=30, description="Seconds for one query.")
    memory_bytes: Bytes = Field(default=1 * GIB, description="Address space of one query process.")
    max_rows: Count = Field(default=10_000, description="Most rows of one answer.")
    answer_bytes: Bytes = Field(default=10 * MIB, description="Largest answer.")
    max_query_bytes: Bytes = Field(default=32 * KIB, description="Longest query text.")
    max_depth: Count = Field(default=64, description="Deepest nesting of a query.")
    per_caller: Count = Field(default=2, description="Queries at once of one caller.")


class Spaces(Section):
    """Who may open a space, and what no space may undercut."""

    min_group_size: Count = Field(
        default=10, description="Fewest people in a result about a group; a space may ask for more, not less."
    )


class Notifications(Section):
    """How pods tell of changes, and what is done where they do not or are not believed."""

    channel: Literal["webhook", "websocket"] = Field(
        default="webhook",
        description="Channel that is asked for first; webhooks only where the pod can reach us.",
    )
    max_topics: Count = Field(
        default=50, description="Documents of one consent with a channel; more are only swept."
    )
    per_minute: Count = Field(
        default=60, description="Notifications of one channel that are read in a minute."
    )
    burst: Count = Field(default=120, description="Notifications of one channel that may come at once.")
    max_body_bytes: Bytes = Field(default=16 * KIB, description="Largest notification.")
    message_age_seconds: Seconds = Field(
        default=120, description="Oldest signed message (RFC 9421) that is accepted."
    )
    accept_millisecond_times: bool = Field(
        default=False,
        description="Whether the millisecond times of a Community Solid Server before 7.2.0 pass.",
    )
    settle_seconds: Seconds = Field(
        default=5, description="Seconds in which several changes of one person's documents become one run."
    )
    look_seconds: Seconds = Field(
        default=10, description="Longest time for one look at what changed in one person's pod."
    )
    sweep_seconds: Count = Field(
        default=900, description="About how often documents are looked at although no notification came."
    )
    sweep_consents: Count = Field(
        default=200, description="Most consents looked at in one turn of housekeeping."
    )
    read_seconds: Count = Field(
        default=21_600,
        description="Least time between two readings of one document only to see whether it changed.",
    )
    read_documents: Annotated[int, Field(ge=0)] = Field(
        default=20,
        description="Most documents of one consent read in one look to see whether they changed; 0 is none.",
    )
    renew_days: Annotated[float, Field(gt=0)] = Field(
        default=2, description="Days before its end at which a channel is asked for anew."
    )
    retry_seconds: Count = Field(
        default=300,
        description="Pause before a subscription that failed is tried again; it doubles each time.",
    )
    sockets: Annotated[int, Field(ge=0)] = Field(
        default=200, description="WebSocket channels that one worker listens on; 0 is none."
    )
    shortest_rerun_minutes: Annotated[float, Field(ge=1)] = Field(
        default=60, description="Least time between two scheduled runs that a space may ask for."
    )


class Log(Section):
    """The structured log on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level written."
    )
    format: Literal["json", "console"] = Field(
        default="json", description="One JSON object a line, or for people."
    )


class Settings(BaseSettings):
    """Every setting of one installation, checked. Raises ``UnsafeInProduction`` whoever builds it."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__", validate_default=True
    )

    environment: Literal["development", "production"] = Field(
        default="development", description="production refuses every setting that is only for development."
    )
    server: Server = Field(default_factory=Server, description=str(Server.__doc__))
    database: Database = Field(default_factory=Database, description=str(Database.__doc__))
    http: Http = Field(default_factory=Http, description=str(Http.__doc__))
    login: Login = Field(default_factory=Login, description=str(Login.__doc__))
    consent: Consent = Field(default_factory=Consent, description=str(Consent.__doc__))
    preview: Preview = Field(default_factory=Preview, description=str(Preview.__doc__))
    finding: Finding = Field(default_factory=Finding, description=str(Finding.__doc__))
    progress: Progress = Field(default_factory=Progress, description=str(Progress.__doc__))
    pull: Pull = Field(default_factory=Pull, description=str(Pull.__doc__))
    worker: Worker = Field(default_factory=Worker, description=str(Worker.__doc__))
    sandbox: Sandbox = Field(default_factory=Sandbox, description=str(Sandbox.__doc__))
    validation: Validation = Field(default_factory=Validation, description=str(Validation.__doc__))
    query: Query = Field(default_factory=Query, description=str(Query.__doc__))
    spaces: Spaces = Field(default_factory=Spaces, description=str(Spaces.__doc__))
    notifications: Notifications = Field(
        default_factory=Notifications, description=str(Notifications.__doc__)
    )
    log: Log = Field(default_factory=Log, description=str(Log.__doc__))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments only: ``cli.sources`` merges the others, so that a key is named with its file."""
        return (init_settings,)

    @model_validator(mode="after")
    def _safe_in_production(self) -> Self:
        unsafe = [reason for reason, is_unsafe in self._unsafe().items() if is_unsafe]
        if self.environment == "production" and unsafe:
            raise UnsafeInProduction("; ".join(unsafe))
        return self

    def _unsafe(self) -> dict[str, bool]:
        return {
            "server.public_url must begin with https://": not self.server.public_url.startswith("https://"),
            "http.allow_private_addresses must be false": self.http.allow_private_addresses,
            "sandbox.minimum_level must be 2 or 3": self.sandbox.minimum_level < 2,
            "spaces.min_group_size must be 5 or more": self.spaces.min_group_size < 5,
        }


def keys() -> Iterator[tuple[str, Any, str]]:
    """Every setting as (dotted key, default, description), in the order of the reference."""
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if not isinstance(default, Section):
            yield name, default, str(field.description)
            continue
        for key, inner in type(default).model_fields.items():
            yield f"{name}.{key}", getattr(default, key), str(inner.description)


def shown(settings: Settings) -> dict[str, Any]:
    """The settings as plain values for a screen; a secret that is set shows as stars."""
    plain: dict[str, Any] = settings.model_dump(mode="json")
    return plain
