"""Tickets for tokens, on the bytes of the wire: both ways of showing a grant, and where a token may go."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest

from solidgate.adapters.bearer import BearerAccess, read_token
from solidgate.adapters.ess_calls import EssCalls
from solidgate.adapters.solid_requests import PodLimits, SolidRequests
from solidgate.adapters.uma import MOST_ROUNDS, UmaTokens
from solidgate.errors import AuthorizationRefused, AuthorizationServerUntrusted
from solidgate.identity import strict_json
from solidgate.pod.credential import AccessMode
from solidgate.pod.grant import Grant
from solidgate.pod.platform import IDENTITY_PROFILE, VC_PROFILE

STORAGE = "https://storage.ess.example/7f/"
URL = STORAGE + "a.ttl"
UMA = "https://uma.ess.example"
VC = {"id": "https://vc.ess.example/vc/1", "type": ["SolidAccessGrant"], "ü": "é"}
GRANT = Grant(
    "https://vc.ess.example/vc/1",
    "https://vc.ess.example",
    frozenset({AccessMode.READ}),
    (URL,),
    False,
    None,
    VC,
)
CONFIGURATION = {
    "issuer": UMA,
    "token_endpoint": UMA + "/token",
    "uma_profiles_supported": [IDENTITY_PROFILE, VC_PROFILE],
    "verifiable_credential_issuer": "https://vc.ess.example",
}
CHALLENGE = f'Bearer, DPoP algs="ES256", UMA ticket="t0", as_uri="{UMA}"'
TOKEN = {"access_token": "rpt", "token_type": "Bearer", "expires_in": "300"}


@dataclass
class Reply:
    status: int
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str = ""

    def header_values(self, name: str) -> Sequence[str]:
        return [value for key, value in self.headers.items() if key.lower() == name.lower()]


@dataclass
class Script:
    """A way out with answers laid ready; what was sent is kept."""

    tokens: list[tuple[int, dict[str, Any]]]
    challenge: str = CHALLENGE
    public: bool = False
    sent: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    async def fetch(self, method: str, url: str, **more: Any) -> Reply:
        form = dict(parse_qsl((more.get("content") or b"").decode()))
        signed = more["access"].headers(method, url, datetime.now(UTC)) if more.get("access") else {}
        self.sent.append((f"{method} {url}", {**form, **signed}))
        if url == URL:
            return Reply(200) if self.public else Reply(401, b"", {"WWW-Authenticate": self.challenge})
        if url.endswith("/.well-known/uma2-configuration"):
            return Reply(200, json.dumps(CONFIGURATION).encode())
        assert url == UMA + "/token", url
        status, document = self.tokens.pop(0)
        return Reply(status, json.dumps(document).encode())

    @property
    def forms(self) -> list[dict[str, str]]:
        return [form for call, form in self.sent if call.startswith("POST")]


class Clock:
    ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def monotonic(self) -> float:
        return self.now().timestamp()


class Space:
    webid = "https://gate.example/spaces/s/agent#it"
    ended = False

    def headers(self, method: str, url: str, now: datetime, nonce: str | None = None) -> dict[str, str]:
        if self.ended:
            raise AuthorizationRefused("ended")
        return {"Authorization": f"DPoP of {url}"}

    def id_token(self, audience: str, now: datetime) -> str:
        return f"id-token-for-{audience}"


def tokens_of(script: Script, clock: Clock | None = None) -> UmaTokens:
    clock = clock or Clock()
    calls = EssCalls(SolidRequests(script, clock, PodLimits(attempts=1)))  # type: ignore[arg-type]
    return UmaTokens(calls, clock, 60)


def need(ticket: str, *formats: str) -> tuple[int, dict[str, Any]]:
    claims = [{"claim_token_format": list(formats)}] if formats else []
    return 403, {"error": "need_info", "ticket": ticket, "required_claims": claims}


async def test_the_grant_is_shown_in_a_presentation_in_one_shot() -> None:
    script = Script([(200, TOKEN)])
    access = await tokens_of(script).access(Space(), GRANT, URL)
    (form,) = script.forms
    shown = json.loads(base64.b64decode(form["claim_token"], validate=True))
    assert shown["verifiableCredential"] == [VC]
    assert shown["type"] == ["VerifiablePresentation"]
    assert (form["ticket"], form["claim_token_format"]) == ("t0", VC_PROFILE)
    assert form["Authorization"] == f"DPoP of {UMA}/token"
    assert "Authorization" not in script.sent[0][1], "the ticket is asked for without credentials"
    assert access is not None
    assert access.headers("GET", URL, datetime.now(UTC)) == {"Authorization": "Bearer rpt"}


async def test_a_server_that_wants_to_know_us_first_gets_the_bare_grant_second() -> None:
    script = Script([need("t1", IDENTITY_PROFILE), (200, {**TOKEN, "scope": ""}), (200, TOKEN)])
    await tokens_of(script).access(Space(), GRANT, URL)
    _, identity, second = script.forms
    assert identity["claim_token"] == f"id-token-for-{UMA}/token"
    assert (identity["ticket"], identity["claim_token_format"]) == ("t1", IDENTITY_PROFILE)
    assert json.loads(strict_json.decode_base64url(second["claim_token"])) == VC
    assert (second["rpt"], second["ticket"], second["claim_token_format"]) == ("rpt", "t1", VC_PROFILE)


async def test_each_round_takes_the_new_ticket_and_there_is_an_end() -> None:
    script = Script([need("t1", VC_PROFILE), need("t2"), (200, TOKEN)])
    await tokens_of(script).access(Space(), GRANT, URL)
    assert [form["ticket"] for form in script.forms] == ["t0", "t1", "t2"]
    script = Script([need(f"t{n}") for n in range(20)])
    with pytest.raises(AuthorizationRefused, match="more than"):
        await tokens_of(script).access(Space(), GRANT, URL)
    assert len(script.forms) == MOST_ROUNDS


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((403, {"error": "request_denied"}), "request_denied"),
        ((400, {"error": "invalid_grant", "error_description": "of anna"}), "invalid_grant"),
        ((400, {"error": "<script>"}), "it refuses"),
        ((403, {"error": "need_info"}), "it refuses"),
        ((200, {"token_type": "Bearer"}), "no access token"),
        ((200, {"access_token": "a\r\nb"}), "no access token"),
    ],
)
async def test_a_refusal_is_named_and_nothing_of_its_text_is_kept(
    reply: tuple[int, dict[str, Any]], words: str
) -> None:
    with pytest.raises(AuthorizationRefused, match=words) as refused:
        await tokens_of(Script([reply])).access(Space(), GRANT, URL)
    assert "anna" not in refused.value.detail


async def test_a_token_is_kept_until_shortly_before_its_end() -> None:
    script, clock = Script([(200, TOKEN), (200, TOKEN), (200, TOKEN)]), Clock()
    tokens = tokens_of(script, clock)
    for _ in range(3):
        await tokens.access(Space(), GRANT, URL)
    assert len(script.forms) == 1
    clock.ahead = timedelta(seconds=295)
    await tokens.access(Space(), GRANT, URL)
    await tokens.access(Space(), GRANT, URL, renew=True)
    assert len(script.forms) == 3


async def test_what_everybody_may_read_needs_no_token() -> None:
    assert await tokens_of(Script([], public=True)).access(Space(), GRANT, URL) is None


@pytest.mark.parametrize("as_uri", ["https://uma.evil.example", "http://uma.ess.example", "https://evil"])
async def test_a_foreign_authorization_server_is_shown_nothing(as_uri: str) -> None:
    script = Script([], challenge=f'UMA ticket="t0", as_uri="{as_uri}"')
    with pytest.raises(AuthorizationServerUntrusted):
        await tokens_of(script).access(Space(), GRANT, URL)
    assert len(script.sent) == 1


def test_a_bearer_token_goes_to_its_storage_alone_and_not_after_the_end() -> None:
    space = Space()
    access = BearerAccess(space, "rpt", STORAGE)
    now = datetime.now(UTC)
    for url in ("https://uma.ess.example/x", "http://storage.ess.example/7f/a.ttl", "https://x.example/"):
        with pytest.raises(AuthorizationRefused):
            access.headers("GET", url, now)
    assert access.headers("GET", URL, now)
    space.ended = True
    with pytest.raises(AuthorizationRefused, match="ended"):
        access.headers("GET", URL, now)
    assert "rpt" not in repr(access)


@pytest.mark.parametrize(
    ("said", "seconds"), [(300, 290), ("300", 290), (None, 290), ("soon", 290), (10**8, 3590), (-5, 290)]
)
def test_how_long_a_token_is_kept(said: object, seconds: int) -> None:
    now = datetime.now(UTC)
    document = {"access_token": "t", **({} if said is None else {"expires_in": said})}
    assert read_token(document, now).until == now + timedelta(seconds=seconds)
