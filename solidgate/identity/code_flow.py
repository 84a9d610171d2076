"""The authorization code flow, seen from the client: what is asked, and how each answer is checked.

RFC 6749, RFC 7636 (PKCE), RFC 9207 (iss), RFC 9449 (DPoP), OpenID Connect Discovery, Solid-OIDC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from solidgate.errors import (
    BodyInvalid,
    IssuerFault,
    LoginCancelled,
    LoginRefused,
    SignatureInvalid,
    WebIdInvalid,
)
from solidgate.identity import jose, strict_json
from solidgate.identity.login import AuthorizationRequest, IssuerMetadata, TokenReply
from solidgate.identity.webid import check_web_address, same_but_slash

DEFAULT_TOKEN_SECONDS = 300
MAX_RETURN_CHARACTERS = 2048
_PLAIN_ERRORS = frozenset(
    (
        "invalid_request",
        "unauthorized_client",
        "unsupported_response_type",
        "invalid_scope",
        "server_error",
        "temporarily_unavailable",
        "login_required",
        "consent_required",
        "interaction_required",
        "invalid_client",
        "invalid_grant",
        "unsupported_grant_type",
        "invalid_dpop_proof",
        "use_dpop_nonce",
    )
)


def read_issuer_metadata(
    document: Mapping[str, Any], issuer: str, *, slash_tolerance: bool = False, plain_http: bool = False
) -> IssuerMetadata:
    """What login needs of a discovery document, checked; ``issuer`` is the address that was asked.

    The metadata's ``issuer`` is the document's own spelling, which tokens and the callback must repeat.
    Raises ``IssuerFault`` (OIDC Discovery 4.3, RFC 7636, RFC 9449 section 5.1).
    """
    _demand(isinstance(document.get("code_challenge_methods_supported"), list), "no PKCE S256")
    _demand("S256" in document["code_challenge_methods_supported"], "no PKCE S256")
    _demand("code" in _listed(document, "response_types_supported", ["code"]), "no code flow")
    proofs = _listed(document, "dpop_signing_alg_values_supported", ["ES256"])
    _demand("ES256" in proofs, "no DPoP proofs with ES256")

    def address(name: str) -> str:
        return _endpoint(document, name, plain_http)

    def optional(name: str) -> str | None:
        return address(name) if document.get(name) else None

    return IssuerMetadata(
        issuer=read_issuer(document, issuer, slash_tolerance=slash_tolerance),
        authorization_endpoint=address("authorization_endpoint"),
        token_endpoint=address("token_endpoint"),
        jwks_uri=address("jwks_uri"),
        registration_endpoint=optional("registration_endpoint"),
        end_session_endpoint=optional("end_session_endpoint"),
        iss_parameter_supported=document.get("authorization_response_iss_parameter_supported") is True,
        webid_scope="webid" in _listed(document, "scopes_supported", []),
    )


def read_issuer(document: Mapping[str, Any], issuer: str, *, slash_tolerance: bool = False) -> str:
    """The document's ``issuer``, which must be the address that was asked (OIDC Discovery 4.3)."""
    named = document.get("issuer")
    _demand(isinstance(named, str), "issuer is missing")
    fits = named == issuer or (slash_tolerance and same_but_slash(str(named), issuer))
    _demand(fits, "issuer is not the address that was asked")
    return str(named)


def read_jwks_uri(document: Mapping[str, Any], *, plain_http: bool = False) -> str:
    """Where the issuer's keys are."""
    return _endpoint(document, "jwks_uri", plain_http)


def scope_for(metadata: IssuerMetadata) -> str:
    """``webid`` where the issuer lists it. No refresh token is asked for, because none is ever kept."""
    return "openid webid" if metadata.webid_scope else "openid"


def authorization_url(metadata: IssuerMetadata, request: AuthorizationRequest) -> str:
    """Where the browser goes: code flow with PKCE S256, state, nonce, and the code bound to our key.

    RFC 6749 section 4.1.1, RFC 7636 section 4.3, RFC 9449 section 10.
    """
    return str(
        prepare_grant_uri(
            metadata.authorization_endpoint,
            client_id=request.client_id,
            response_type="code",
            redirect_uri=request.redirect_uri,
            scope=scope_for(metadata),
            state=request.state,
            nonce=request.nonce,
            code_challenge=create_s256_code_challenge(request.code_verifier),
            code_challenge_method="S256",
            dpop_jkt=jose.thumbprint(request.dpop_key),
        )
    )


def token_request_body(request: AuthorizationRequest, code: str) -> bytes:
    """The form that exchanges the code (RFC 6749 section 4.1.3, RFC 7636 section 4.5)."""
    fields = {"code": code, "code_verifier": request.code_verifier}
    if request.client_secret is None:
        fields["client_id"] = request.client_id
    return str(
        prepare_token_request("authorization_code", redirect_uri=request.redirect_uri, **fields)
    ).encode("ascii")


def callback_state(query: Mapping[str, Sequence[str]]) -> str:
    """The one ``state`` of a callback; ``query`` holds all values by name. Raises ``LoginRefused``.

    No parameter that matters may repeat (RFC 6749 section 3.1).
    """
    for name in ("state", "iss", "code", "error"):
        if len(query.get(name, ())) > 1:
            raise LoginRefused(f"callback: {name} is repeated")
    state = _first(query, "state")
    if not state:
        raise LoginRefused("callback: state is missing")
    return state


def callback_code(query: Mapping[str, Sequence[str]], request: AuthorizationRequest) -> str:
    """The code of a callback that answers ``request``; call it after ``callback_state``.

    ``iss`` is required and exact even in an error (RFC 9207 section 2.4, Solid-OIDC), so that no code ever
    goes to another issuer's token endpoint. Raises ``LoginRefused`` and, for a cancelled login,
    ``LoginCancelled``.
    """
    if _first(query, "iss") != request.issuer:
        raise LoginRefused("callback: iss is missing or another issuer")
    error = _first(query, "error")
    if error == "access_denied":
        raise LoginCancelled()
    if error:
        raise LoginRefused(f"callback: {_plain_error(error)}")
    code = _first(query, "code")
    if not code:
        raise LoginRefused("callback: code is missing")
    return code


def read_token_reply(status: int, content: bytes) -> TokenReply:
    """The token endpoint's answer, which must be bound to our key. Raises ``LoginRefused``.

    A Bearer token is refused: whoever copies it could use it (RFC 9449 section 5).
    """
    reply = _json_reply(content)
    if status != 200:
        raise LoginRefused(f"token endpoint: {_plain_error(reply.get('error'))}")
    if str(reply.get("token_type", "")).lower() != "dpop":
        raise LoginRefused("token endpoint: token_type is not DPoP")
    tokens = [reply.get("access_token"), reply.get("id_token")]
    if not all(isinstance(token, str) and token for token in tokens):
        raise LoginRefused("token endpoint: access_token or id_token is missing")
    return TokenReply(str(tokens[0]), str(tokens[1]), _expires_in(reply))


def is_unknown_client(status: int, content: bytes) -> bool:
    """Has the issuer forgotten our registration (RFC 6749 section 5.2)?"""
    try:
        return status in (400, 401) and _json_reply(content).get("error") == "invalid_client"
    except LoginRefused:
        return False


def is_refused_proof(status: int, content: bytes) -> bool:
    """Did the issuer refuse our DPoP proof (RFC 9449 section 5)? Ours is well made, but by our clock."""
    try:
        return status == 400 and _json_reply(content).get("error") == "invalid_dpop_proof"
    except LoginRefused:
        return False


def check_return_to(path: str) -> str:
    """The path itself when it is one of ours: relative to our root, nothing a browser reads as a host."""
    plain = path.startswith("/") and not path.startswith("//") and "\\" not in path
    if not plain or len(path) > MAX_RETURN_CHARACTERS or not path.isprintable() or " " in path:
        raise BodyInvalid("return_to is not a path of this server")
    return path


def _first(query: Mapping[str, Sequence[str]], name: str) -> str:
    values = query.get(name, ())
    return values[0] if values else ""


def _json_reply(content: bytes) -> Mapping[str, Any]:
    try:
        return strict_json.read(content)
    except SignatureInvalid as broken:
        raise LoginRefused("token endpoint: the answer is not JSON") from broken


def _expires_in(reply: Mapping[str, Any]) -> int:
    seconds = reply.get("expires_in", DEFAULT_TOKEN_SECONDS)
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds <= 0:
        raise LoginRefused("token endpoint: expires_in is not a number of seconds")
    return seconds


def _plain_error(code: object) -> str:
    """A registered error code, or a plain word: what an issuer writes is not repeated unseen."""
    return code if isinstance(code, str) and code in _PLAIN_ERRORS else "an error without a known code"


def _endpoint(document: Mapping[str, Any], name: str, plain_http: bool) -> str:
    try:
        return check_web_address(str(document.get(name, "")), plain_http=plain_http)
    except WebIdInvalid as broken:
        raise IssuerFault(f"{name} is missing or not an https address") from broken


def _listed(document: Mapping[str, Any], name: str, default: list[str]) -> list[Any]:
    value = document.get(name, default)
    _demand(isinstance(value, list), f"{name} is not a list")
    return list(value)


def _demand(holds: bool, failed: str) -> None:
    if not holds:
        raise IssuerFault(failed)
