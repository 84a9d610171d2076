"""The outside world, on one page: what the flow asks of it, and nothing else.

Adapters implement these Protocols; ``solidgate.testing`` ships doubles that pass the same contract suites.
Every method raises from ``solidgate.errors`` only; none returns ``None`` for a failure.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from solidgate.algorithm.manifest import Program
from solidgate.derived.conform import Verdict
from solidgate.identity.login import (
    AuthorizationRequest,
    IssuerMetadata,
    Registration,
    Session,
    TokenReply,
)
from solidgate.identity.webid import Profile
from solidgate.pod.by_hand import Paste
from solidgate.pod.door import Door, DoorState
from solidgate.pod.grant import AskedAccess, Grant
from solidgate.pod.listing import Listing
from solidgate.pod.notification import Channel, Offer
from solidgate.pod.platform import ServerKind
from solidgate.pod.resource import Document, ResourceState
from solidgate.pod.type_index import Catalogue
from solidgate.query.results import Answer, ResultFormat
from solidgate.sandbox.limits import IsolationLevel, Limits, RunContext
from solidgate.sandbox.table import Asked, Bounds, Table


class Clock(Protocol):
    """Time, as an argument: ``now`` is aware and in UTC; ``monotonic`` is for leases and deadlines."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


class Access(Protocol):
    """Credentials that sign one request; a person's own session, or a space's self-minted token."""

    @property
    def webid(self) -> str: ...

    def headers(self, method: str, url: str, now: datetime, nonce: str | None = None) -> Mapping[str, str]:
        """``Authorization`` and ``DPoP`` for exactly this method and final wire URL (RFC 9449 section 4)."""
        ...


@runtime_checkable
class GrantedAccess(Access, Protocol):
    """An access that carries what the owner granted, for servers that want to see it."""

    @property
    def grants(self) -> Sequence[Grant]: ...


@runtime_checkable
class IdentifiedAccess(Access, Protocol):
    """An access that can also say who it is to a token exchange (RFC 8693)."""

    def id_token(self, audience: str, now: datetime) -> str:
        """An ID token of its own issuer. Raises ``AuthorizationRefused`` when it has none."""
        ...


class Reply(Protocol):
    """One answer from outside, whole and within its caps."""

    @property
    def status(self) -> int: ...

    @property
    def url(self) -> str: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    def header_values(self, name: str) -> Sequence[str]:
        """All values of a header that may occur several times (``Link``, ``WWW-Authenticate``)."""
        ...

    @property
    def content(self) -> bytes: ...


class Fetcher(Protocol):
    """The one guarded way out: address check on the dialled address, caps, no credentials on redirects."""

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        access: Access | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109 - bounds one hop on the wire, not the caller
        redirects: int = 0,
    ) -> Reply:
        """The whole answer, whatever its status.

        Raises ``AddressRefused FetchTooLarge FetchTimedOut FetchUnreachable``, and ``PodUnavailable`` for an
        origin that is left alone now. Retries once on
        ``use_dpop_nonce`` (RFC 9449 section 8); never retries anything else that is not idempotent.
        """
        ...


class IssuerClient(Protocol):
    """An OpenID provider, as a relying party sees it (Solid-OIDC, OIDC Discovery, RFC 7591)."""

    async def metadata(self, issuer: str) -> IssuerMetadata: ...

    async def issuers_of(self, webid: str) -> tuple[str, ...]:
        """The ``solid:oidcIssuer`` values of the profile, byte for byte; empty is an answer."""
        ...

    async def profile(self, person: str) -> Profile:
        """What the profile says of this WebID. Raises ``WebIdInvalid FetchUnexpected`` and fetch faults."""
        ...

    async def client_id(self, metadata: IssuerMetadata) -> str:
        """Our client id there: the Client ID Document, or a stored dynamic registration."""
        ...

    async def exchange(
        self, metadata: IssuerMetadata, request: AuthorizationRequest, code: str
    ) -> TokenReply:
        """The code for tokens, exactly once, DPoP-bound (RFC 6749 section 4.1.3, RFC 9449 section 5)."""
        ...

    async def signing_keys(self, issuer: str, kid: str | None = None) -> Sequence[Mapping[str, object]]:
        """The issuer's public JWKs; an unknown ``kid`` refetches at most once a minute."""
        ...


class PodServer(Protocol):
    """A person's vault over the Solid Protocol. ``access`` says as whom."""

    async def storages(self, webid: str, access: Access | None = None) -> tuple[str, ...]:
        """The roots of the person's pods, each with a trailing slash. Raises ``NoStorage``."""
        ...

    async def catalogue(self, access: Access, wanted: Collection[str]) -> Catalogue:
        """What the type indexes of the WebID behind ``access`` say of these classes, and what was not read.

        Raises ``NoStorage PodUnreadable``.
        """
        ...

    async def listing(self, access: Access, container: str) -> Listing | None:
        """What lies directly in a container; none when it is not there. Raises pod faults."""
        ...

    async def state(self, access: Access, url: str) -> ResourceState:
        """Whether it exists, with etag and media type, without reading its content (HEAD)."""
        ...

    async def read(self, access: Access, url: str, *, max_bytes: int) -> Document:
        """The bytes of one RDF document. Raises pod faults and fetch errors."""
        ...

    async def read_as(self, access: Access, url: str, media_type: str, *, max_bytes: int) -> Document:
        """The bytes of one document that is stored as just this type. Raises as ``read``."""
        ...

    async def read_changed(
        self, access: Access, url: str, etag: str | None, *, max_bytes: int
    ) -> Document | None:
        """As ``read``; none when the pod says that the document is still the one with ``etag``.

        Raises ``CredentialsRefused`` when the pod does not believe who asks; ``PodForbidden`` when it does,
        and says no.
        """
        ...

    async def create(self, access: Access, url: str, content: bytes, media_type: str) -> ResourceState:
        """Create, never overwrite (``If-None-Match: *``). Raises ``PodConflict`` when something is there."""
        ...

    async def replace(
        self, access: Access, url: str, content: bytes, media_type: str, etag: str | None
    ) -> ResourceState:
        """Replace exactly the version that ``etag`` names (``If-Match``).

        Raises ``PodConflict`` when it is another one by now, or when the tag can stand in no condition.
        """
        ...

    async def ensure_container(self, access: Access, url: str) -> None: ...

    async def remove(self, access: Access, url: str, etag: str | None = None) -> None: ...

    async def open_door(self, access: Access, door: Door) -> DoorState:
        """Give ``door.agent`` exactly what the door lists, keep everybody else's access, read back."""
        ...

    async def close_door(self, access: Access, door: Door) -> DoorState:
        """Take back every entry for ``door.agent`` on what the door lists, read back."""
        ...

    async def door_state(self, access: Access, door: Door) -> DoorState: ...

    async def kind_of(self, storage: str) -> ServerKind:
        """Which access protocol the storage's server speaks, by what it answers; kept for a while."""
        ...

    async def canonical(self, access: Access, url: str) -> str:
        """The address that a grant has to name for this resource; mostly the address itself."""
        ...

    async def request_access(self, access: Access, storage: str, asked: AskedAccess) -> str:
        """Ask the owner by way of the storage's grant service; the id of the request."""
        ...

    async def cancel_request(self, access: Access, storage: str, request_id: str) -> None:
        """Cancel an access request, as who asked; one that is gone is done. Raises pod faults."""
        ...

    async def access_page(self, webid: str, storage: str) -> str | None:
        """Where this owner approves requests: their profile names it, or the storage; none is an answer."""
        ...

    async def answer_of(
        self, access: Access, storage: str, url: str, asked: AskedAccess, request_id: str
    ) -> Grant | None:
        """The owner's answer at ``url``, fetched, checked and verified; none for a denial.

        Raises ``AccessGrantInvalid AccessGrantEnded`` and pod faults.
        """
        ...

    async def revoke_grant(self, access: Access, storage: str, grant: Grant) -> None:
        """End a grant, as its owner; one that has ended already is done."""
        ...

    async def door_by_hand(self, access: Access, door: Door) -> tuple[Paste, ...]:
        """The texts with which the owner opens the door themselves; none for what is open already."""
        ...


class PodChannels(Protocol):
    """How a pod tells of changes: subscribing, ending a subscription, and listening."""

    async def offers(self, access: Access, topic: str) -> tuple[Offer, ...]:
        """The ways that the topic's server offers and that we know; none is an answer."""
        ...

    async def subscribe(self, access: Access, offer: Offer, topic: str, send_to: str) -> Channel:
        """A channel about ``topic``. Raises ``NoChannel``, pod faults and fetch errors."""
        ...

    async def unsubscribe(self, access: Access | None, channel: Channel) -> None:
        """End it; one that is gone is ended already. Raises pod faults and fetch errors."""
        ...

    def frames(self, channel: Channel) -> AsyncIterator[bytes | None]:
        """None once the WebSocket is open, then what the pod sends; ends when it is closed.

        Raises ``AddressRefused FetchTimedOut FetchUnreachable FetchUnexpected``.
        """
        ...


class Sandbox(Protocol):
    """Killable, network-less processes for everything untrusted. Cancelling the await kills the process."""

    @property
    def level(self) -> IsolationLevel: ...

    async def derive(
        self, program: Program, documents: Sequence[Document], context: RunContext, limits: Limits
    ) -> bytes:
        """The program's result for one person, as N-Triples. Raises ``SandboxFailed SandboxLimit``."""
        ...

    async def aggregate(
        self, program: Program, graphs: Sequence[bytes], context: RunContext, limits: Limits
    ) -> bytes:
        """The program's result over conformant N-Triples graphs. Same errors."""
        ...

    async def validate(self, shapes: bytes, data: bytes, limits: Limits) -> Verdict:
        """Turtle shapes against N-Triples data. Raises ``ValidationFailed`` when no verdict was reached."""
        ...

    async def preview(self, document: Document, asked: Asked, bounds: Bounds, limits: Limits) -> Table:
        """One document as a table of what is asked, and nothing else of it.

        Raises ``PodUnreadable SandboxLimit SandboxUnavailable``.
        """
        ...

    async def statements(self, document: Document, limits: Limits) -> bytes:
        """One document as sorted N-Triples, at most ``limits.output_bytes`` of them.

        Raises ``PodUnreadable`` also for more than that, blank nodes and named graphs; ``SandboxLimit
        SandboxUnavailable``.
        """
        ...

    async def query(
        self,
        dataset: bytes,
        text: str,
        accept: ResultFormat | Sequence[ResultFormat],
        limits: Limits,
        *,
        view: str = "",
    ) -> Answer:
        """A guarded SPARQL query over N-Quads; a ``view`` names a dataset whose store may be kept ready.

        Raises ``QueryInvalid QueryRefused QueryLimit``.
        """
        ...

    async def aclose(self) -> None: ...


class EnclaveKeys(Protocol):
    """The spaces' signing keys; only the worker holds an implementation."""

    async def ensure(self, space_id: str) -> Mapping[str, object]:
        """The space's public JWK, made on first use."""
        ...

    async def access_for(self, space_id: str) -> Access:
        """A DPoP-bound token of the space's WebID, five minutes, renewed before its end."""
        ...


class LoginStore(Protocol):
    """What login keeps between two requests. Each method is one transaction."""

    async def put_login(self, request: AuthorizationRequest, browser: str) -> None:
        """Keep a login under its ``state``, bound to the browser's pre-session secret, for ten minutes."""
        ...

    async def take_login(self, state: str, browser: str) -> AuthorizationRequest:
        """Take it out, once. Raises ``LoginStateUnknown`` when unknown, used, or another browser's.

        One that is late is taken out too: ``LoginExpired``, with the place where it was to lead.
        """
        ...

    async def return_to_of(self, browser: str) -> str | None:
        """Where the latest login of this browser was to lead, if one is still kept; nothing is taken out."""
        ...

    async def registration(self, issuer: str) -> Registration | None:
        """Our registration there; none is an answer."""
        ...

    async def put_registration(self, registration: Registration) -> None: ...

    async def forget_registration(self, issuer: str) -> None: ...

    async def first_use(self, proof_id: str, until: datetime) -> bool:
        """True exactly once for each ``proof_id`` (RFC 9449 section 11.1); fails closed."""
        ...

    async def person_for(self, webid: str, issuer: str, subject: str, now: datetime) -> str:
        """The person's id, made on first sight of (webid, issuer, subject)."""
        ...

    async def put_session(self, session: Session) -> None:
        """Keep a new session, and that its person logged in. Raises ``LoginRefused``."""
        ...

    async def session(self, session_id: str, now: datetime) -> Session:
        """Raises ``SessionExpired``. Slides the idle limit."""
        ...

    def recent_session(self, session_id: str, now: datetime) -> Session:
        """The same from the memory of this process alone, if it saw the session in use. Asks no store."""
        ...

    def forget_person(self, person_id: str) -> None:
        """Nothing of this person's sessions stays in the memory of this process."""
        ...

    async def end_session(self, session_id: str) -> None:
        """One that is over by the clock."""
        ...

    async def log_out(self, session: Session) -> None:
        """End it as its person wishes, and keep that they did."""
        ...
