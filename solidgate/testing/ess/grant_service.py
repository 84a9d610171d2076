"""The access grant service: issue, read, verify, status, derive and query, all for callers it knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web
from yarl import URL

from solidgate.testing.ess import jsonld
from solidgate.testing.ess.behaviours import Odd
from solidgate.testing.ess.consents import MODES, Asked, read_consent
from solidgate.testing.ess.credentials import Held, Vault
from solidgate.testing.ess.ground import Ground
from solidgate.testing.ess.host import Host, Problem
from solidgate.testing.ess.queries import asked_for, like
from solidgate.testing.ess.statements import Statement, contexts, kind_of

CHECKS = ["issuanceDate", "proof", "expirationDate", "credentialStatus"]
PAGE_SIZE, LARGEST_PAGE = 20, 100
SIGNATURES = ["https://w3id.org/security#Ed25519Signature2020"]
EVEN_EXPIRED = "ExpiredVerifiableCredential"


@dataclass(slots=True)
class GrantService:
    """See the module."""

    host: Host
    ground: Ground
    vault: Vault

    def __post_init__(self) -> None:
        add = self.host.add
        add("GET", "/.well-known/vc-configuration", self._configuration)
        add("GET", "/credentials/v1", self._self_hosted)
        add("POST", "/issue", self._issue)
        add("GET", "/vc/{name}", self._read)
        add("GET", "/key/{name}", self._key)
        add("POST", "/verify", self._verify)
        add("POST", "/status", self._change_status)
        add("GET", "/status/{name}", self._list)
        add("POST", "/derive", self._derive)
        add("GET", "/query", self._query)

    # --- documents ---------------------------------------------------------------------------------------

    async def _configuration(self, request: web.Request) -> web.Response:
        origin = self.host.origin
        names = ("issuer", "status", "verifier", "derivation", "query")
        paths = ("issue", "status", "verify", "derive", "query")
        named = contexts(origin, self.ground.odd)
        document = {
            "@context": [named[0], named[-1]],
            **{f"{name}Service": f"{origin}/{path}" for name, path in zip(names, paths, strict=True)},
            "proofService": None,
            "supportedSignatureTypes": SIGNATURES,
        }
        return web.json_response(document, content_type="application/ld+json")

    async def _self_hosted(self, request: web.Request) -> web.Response:
        document = {"@context": jsonld.context(jsonld.INRUPT_V1)}
        return web.json_response(document, content_type="application/ld+json")

    async def _key(self, request: web.Request) -> web.Response:
        self._expect(request.path == URL(self.vault.method).path)
        return web.json_response(self.vault.verification_key(), content_type="application/ld+json")

    async def _list(self, request: web.Request) -> web.Response:
        self._expect(request.path == URL(self.vault.list_url).path)
        if broken := self.ground.odd.strikes(Odd.LIST_BROKEN):
            raise Problem(int(broken.amount or 500), "Something went wrong.")
        return web.json_response(self.vault.revocation_list(), content_type="application/vc+ld+json")

    async def _read(self, request: web.Request) -> web.Response:
        held = self._party(await self._caller(request), self.host.origin + request.path)
        if other := self.ground.odd.strikes(Odd.OTHER_CREDENTIAL):
            held = self.vault.get(other.text) or self.vault.all()[0]
        return web.json_response(held.document, content_type="application/vc+ld+json")

    # --- issuing and revoking ----------------------------------------------------------------------------

    async def _issue(self, request: web.Request) -> web.Response:
        caller = await self._caller(request)
        if refused := self.ground.odd.strikes(Odd.ISSUE_REFUSED):
            raise Problem(int(refused.amount or 400), refused.text or "The credential is not accepted.")
        credential = (await _json(request)).get("credential")
        if not isinstance(credential, Mapping):
            raise Problem(400, "There is no credential to issue.")
        kind, asked, violations = self._read_credential(credential)
        if violations or kind is None:
            raise Problem(400, "The credential is not valid.", violations=violations)
        issued, expires = _time(credential, "issuanceDate"), _time(credential, "expirationDate")
        inbox = str(credential["credentialSubject"].get("inbox") or "")
        said = Statement(kind, caller, asked, issued or self.ground.now(), expires, inbox)
        held = self.vault.issue(said)
        return web.json_response(held.document, status=201, content_type="application/vc+ld+json")

    def _read_credential(
        self, credential: Mapping[str, Any]
    ) -> tuple[str | None, Asked, list[dict[str, str]]]:
        """The kind, what is asked, and what is wrong with it."""
        kind, subject = kind_of(credential), credential.get("credentialSubject")
        name = "hasConsent" if kind == "request" else "providedConsent"
        consent = subject.get(name) if isinstance(subject, Mapping) else None
        if kind is None or not isinstance(consent, Mapping):
            field = f"credential.credentialSubject.{name}"
            return None, Asked(), [{"field": field, "message": "must not be null"}]
        asked = read_consent(consent)
        known = all(url.startswith(("http://", "https://")) for url in asked.resources)
        missing = {
            "mode": bool(asked.modes) and set(asked.modes) <= set(MODES),
            "forPersonalData": known and bool(asked.resources or (kind == "request" and asked.templates)),
            "isConsentForDataSubject" if kind == "request" else "isProvidedTo": bool(asked.party),
        }
        wrong = [part for part, good in missing.items() if not good]
        wrong += [] if self._canonical(asked) else ["forPersonalData"]
        path = f"credential.credentialSubject.{name}"
        return kind, asked, [{"field": f"{path}.{part}", "message": "is not valid"} for part in wrong]

    def _canonical(self, asked: Asked) -> bool:
        """3.x: access is asked for by canonical addresses, never by a path."""
        return self.ground.uma or not any("/sp/" in url for url in asked.resources)

    async def _change_status(self, request: web.Request) -> web.Response:
        caller, body = await self._caller(request), await _json(request)
        held = self._party(caller, str(body.get("credentialId")))
        if held.creator != caller:
            raise Problem(403, "Only the subject of a credential may change its status.")
        changes = body.get("credentialStatus")
        wanted = changes[0] if isinstance(changes, list) and changes else {}
        if wanted.get("type") != "RevocationList2020Status" or str(wanted.get("status")) != "1":
            raise Problem(400, "The status is not one that is known here.")
        if held.kind == "request" and (odd := self.ground.odd.strikes(Odd.CANCEL_REFUSED)):
            raise Problem(int(odd.amount or 403), "This request cannot be cancelled.")
        self.vault.revoke(held)
        return web.Response(status=204)

    # --- asking ------------------------------------------------------------------------------------------

    async def _verify(self, request: web.Request) -> web.Response:
        await self._caller(request)
        if broken := self.ground.odd.strikes(Odd.VERIFY_BROKEN):
            raise Problem(int(broken.amount or 500), "Something went wrong.")
        body = await _json(request)
        shown = body.get("verifiablePresentation", body)
        found = shown.get("verifiableCredential") if isinstance(shown, Mapping) else None
        given = found if isinstance(found, list) else [found]
        documents = [one for one in given if isinstance(one, Mapping)]
        if not documents or len(documents) < len(given):
            raise Problem(400, "There is no credential to verify.")
        errors = [error for one in documents for error in self.vault.errors(one)]
        if odd := self.ground.odd.strikes(Odd.VERIFY_ERRORS):
            errors.append(odd.text or "proof validation has failed")
        return web.json_response({"checks": CHECKS, "warnings": [], "errors": errors})

    async def _derive(self, request: web.Request) -> web.Response:
        caller, body = await self._caller(request), await _json(request)
        pattern, options = body.get("verifiableCredential"), body.get("options")
        if not isinstance(pattern, Mapping):
            raise Problem(400, "There is no pattern.")
        expired = isinstance(options, Mapping) and options.get("include") == EVEN_EXPIRED
        found = like(pattern, self.vault, caller, expired=expired)
        presentation = {
            "@context": [jsonld.CREDENTIALS],
            "type": ["VerifiablePresentation"],
            "holder": self.vault.origin,
            "verifiableCredential": [held.document for held in found],
        }
        return web.json_response(presentation, content_type="application/vp+ld+json")

    async def _query(self, request: web.Request) -> web.Response:
        caller = await self._caller(request)
        query = dict(request.query)
        page, size = _number(query, "page", 1, 10**6), _number(query, "pageSize", PAGE_SIZE, LARGEST_PAGE)
        found = asked_for(query, self.vault, caller)
        last = max((len(found) + size - 1) // size, 1)
        answer = web.json_response(
            {"items": [held.document for held in found[(page - 1) * size : page * size]]}
        )
        pages = {"first": 1, "prev": page - 1, "next": page + 1, "last": last}
        endless = self.ground.odd.strikes(Odd.PAGES_WITHOUT_END) is not None
        for rel, number in pages.items():
            if 1 <= number <= last or (endless and rel == "next"):
                url = URL(f"{self.host.origin}/query").with_query({**query, "page": str(number)})
                answer.headers.add("Link", f'<{url}>; rel="{rel}"')
        return answer

    # --- who ---------------------------------------------------------------------------------------------

    async def _caller(self, request: web.Request) -> str:
        if storm := self.ground.odd.strikes(Odd.VC_STORM, request.path):
            again = [("Retry-After", storm.text or str(int(storm.amount)))]
            raise Problem(429, "Too many requests.", headers=again)
        caller = await self.ground.known_caller(request, self.host.origin)
        self.ground.refuse_unlisted(caller, request.path)
        return caller.webid

    def _party(self, caller: str, identifier: str) -> Held:
        held = self.vault.get(identifier)
        if held is None or caller not in (held.creator, held.asked.party):
            raise Problem(404, "There is no such credential.")
        return held

    def _expect(self, there: bool) -> None:
        if not there:
            raise Problem(404, "There is no such document.")


async def _json(request: web.Request) -> Mapping[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        raise Problem(400, "The body is not JSON.") from None
    if not isinstance(body, Mapping):
        raise Problem(400, "The body is not a JSON object.")
    return body


def _time(credential: Mapping[str, Any], name: str) -> datetime | None:
    if credential.get(name) is None:
        return None
    try:
        found = datetime.fromisoformat(str(credential[name]))
    except ValueError:
        raise Problem(400, f"{name} is not a time.") from None
    if found.tzinfo is None:
        raise Problem(400, f"{name} has no time zone.")
    return found


def _number(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise Problem(400, f"{name} is not a number from 1 to {most}.")
    return int(text)
