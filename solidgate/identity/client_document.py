"""Our Client ID Document (Solid-OIDC section 5): who solidgate is to every issuer, in one static page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CLIENT_CONTEXT = "https://www.w3.org/ns/solid/oidc-context.jsonld"


def client_id_of(public_url: str) -> str:
    """The address of our Client ID Document, which is our client id; ``public_url`` ends with a slash."""
    return f"{public_url}client"


def redirect_uri_of(public_url: str) -> str:
    """The one address to which issuers send people back."""
    return f"{public_url}callback"


def registration_request(public_url: str, client_name: str) -> dict[str, Any]:
    """Our metadata (RFC 7591 section 2): a public client, code flow only, one exact redirect address."""
    return {
        "client_name": client_name,
        "client_uri": public_url,
        "redirect_uris": [redirect_uri_of(public_url)],
        "post_logout_redirect_uris": [public_url],
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "scope": "openid webid",
        "token_endpoint_auth_method": "none",
        "dpop_bound_access_tokens": True,
    }


def client_id_document(public_url: str, client_name: str) -> Mapping[str, Any]:
    """The document; its ``client_id`` is the address that it is served at (Solid-OIDC section 5.1)."""
    registration = registration_request(public_url, client_name)
    # Not a term of the Solid-OIDC context, and issuers validate what they read.
    del registration["dpop_bound_access_tokens"]
    return {"@context": [CLIENT_CONTEXT], "client_id": client_id_of(public_url), **registration}
