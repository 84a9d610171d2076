"""The one place where refusals meet HTTP: families and codes to statuses, RFC 9457 documents, error pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from aiohttp import web

from solidgate import errors
from solidgate.errors import SolidgateError
from solidgate.identity.dpop import PROOF_ALGORITHMS
from solidgate.web import words, words_of_faults
from solidgate.web.accept import wants_html
from solidgate.web.keys import REQUEST_ID, WORLD
from solidgate.web.language import language_of, mark
from solidgate.web.pages import language_links, render

RETURN_TO: web.RequestKey[str] = web.RequestKey("return_to", str)
"""Where a login was to lead: set by its handlers, so that the page of its failure leads there again."""
OwnPage = Callable[[SolidgateError], web.Response]
OWN_PAGE: web.RequestKey[OwnPage] = web.RequestKey("own_page")
"""How a handler shows a refusal on a page of its own, with what was entered kept in it."""
PROBLEM_JSON = "application/problem+json"

FAMILIES: Mapping[type[SolidgateError], tuple[int, str]] = {
    errors.BadInput: (400, "Something in the request is not right"),
    errors.NotAuthenticated: (401, "You are not logged in"),
    errors.Forbidden: (403, "This is not yours to do"),
    errors.NotFound: (404, "There is nothing here"),
    errors.Conflict: (409, "Something changed meanwhile"),
    errors.Refused: (403, "A rule says no"),
    errors.LimitExceeded: (422, "This is more than is allowed"),
    errors.PodFault: (502, "The pod or its provider did not answer as expected"),
    errors.Unavailable: (503, "This is not available at the moment"),
    errors.Misconfigured: (500, "Something went wrong here"),
}
_STAYS = (errors.BadInput, errors.Forbidden, errors.NotFound, errors.Refused)
_AGAIN = mark("Try again")
UNKNOWN = (500, "Something went wrong here")

# Where HTTP has a more exact word than the family's.
STATUSES: Mapping[str, int] = {
    errors.MethodNotAllowed.code: 405,
    errors.QueryFormatUnsupported.code: 406,
    errors.FormatUnsupported.code: 406,
    errors.RequestTimedOut.code: 408,
    errors.BodyTooLarge.code: 413,
    errors.TooManyRequests.code: 429,
    errors.AddressRefused.code: 400,
    errors.ProfileNotFound.code: 400,
    errors.FetchTimedOut.code: 504,
}
RETRY_AFTER_SECONDS = 5

_DPOP_ERRORS: Mapping[str, str] = {
    errors.TokenInvalid.code: "invalid_token",
    errors.ProofInvalid.code: "invalid_dpop_proof",
    errors.ProofNonceNeeded.code: "use_dpop_nonce",
}


def family_of(kind: type[SolidgateError]) -> tuple[int, str]:
    """The status and the title of an error's family."""
    return next((found for family, found in FAMILIES.items() if issubclass(kind, family)), UNKNOWN)


def status_of(kind: type[SolidgateError]) -> int:
    """The HTTP status of one error."""
    return STATUSES.get(kind.code, family_of(kind)[0])


def problem_type(public_url: str, code: str) -> str:
    """The stable ``type`` of a problem document: its heading on the page of all errors."""
    return f"{public_url}errors#{code.replace('.', '-')}"


def document(error: SolidgateError, public_url: str, request_id: str) -> dict[str, Any]:
    """The problem document (RFC 9457 section 3) with our ``code``, ``remedy`` and ``request_id``.

    An error may bring a ``problem`` mapping of further members, such as the difference between two terms.
    """
    kind = type(error)
    return {
        "type": problem_type(public_url, kind.code),
        "title": kind.sentence,
        "status": status_of(kind),
        "detail": error.detail,
        "code": kind.code,
        "remedy": kind.remedy,
        "request_id": request_id,
        **getattr(error, "problem", {}),
    }


def problem_document(request: web.Request, error: SolidgateError) -> web.Response:
    """The answer for programs."""
    return problem_response(error, request.app[WORLD].public_url, request.get(REQUEST_ID, ""))


def problem_response(error: SolidgateError, public_url: str, request_id: str) -> web.Response:
    """The same where there is no request, because what came is none."""
    content = document(error, public_url, request_id)
    return web.json_response(content, status=content["status"], content_type=PROBLEM_JSON)


def answer(request: web.Request, error: SolidgateError) -> web.Response:
    """An error page for a browser, a problem document for everyone else."""
    if wants_html(request):
        response = request.get(OWN_PAGE, partial(_page, request))(error)
    else:
        response = problem_document(request, error)
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(_headers(error))
    return response


def _page(request: web.Request, error: SolidgateError) -> web.Response:
    language, kind = language_of(request), type(error)
    again = (request.rel_url.raw_path_qs, str(language.text(_AGAIN))) if _may_help(request, kind) else None
    return_to = request.get(RETURN_TO, "")
    way_on = words.way_on(kind.code, language, _own_page(request, kind), return_to) or again
    is_page = request.method == "GET" and not return_to
    return render(
        request,
        "error.html",
        status=status_of(kind),
        headers={"Cache-Control": "no-store"},
        title=words_of_faults.title(kind.code, family_of(kind)[1], language),
        sentence=language.quoted(kind.sentence),
        remedy=language.quoted(kind.remedy),
        saved=words.saved(kind.code, language),
        way_on=way_on,
        code=kind.code,
        detail=error.detail,
        request_id=request.get(REQUEST_ID, ""),
        switch=language_links(request, "" if is_page else way_on[0] if way_on else "/"),
    )


def _own_page(request: web.Request, kind: type[SolidgateError]) -> Mapping[str, str]:
    """The ids in the address of something that was posted: its form stood on their page, if there is one."""
    gone = issubclass(kind, errors.NotFound) or _repeatable(request)
    return {} if gone else request.match_info


def _repeatable(request: web.Request) -> bool:
    """Whether asking once more may help: a page of ours that was only read."""
    return request.method == "GET" and request.match_info.route.resource is not None


def _may_help(request: web.Request, kind: type[SolidgateError]) -> bool:
    """Whether the same page may answer another time: what is not there, or not theirs, stays so."""
    return _repeatable(request) and not issubclass(kind, _STAYS)


def _headers(error: SolidgateError) -> dict[str, str]:
    """What HTTP wants beside the status: RFC 9110 sections 10.2.3 and 11.6.1, RFC 9449 sections 7.1 and 9."""
    found: dict[str, str] = {}
    if isinstance(error, errors.NotAuthenticated):
        found["WWW-Authenticate"] = _challenge(error)
    if isinstance(error, (errors.Unavailable, errors.TooManyRequests)):
        found["Retry-After"] = str(getattr(error, "retry_after", RETRY_AFTER_SECONDS))
    if nonce := getattr(error, "nonce", ""):
        found["DPoP-Nonce"] = str(nonce)
    return found | dict(getattr(error, "headers", {}))


def _challenge(error: SolidgateError) -> str:
    parts = [f'algs="{" ".join(PROOF_ALGORITHMS)}"']
    if error.code in _DPOP_ERRORS:
        parts.insert(0, f'error="{_DPOP_ERRORS[error.code]}"')
    return "DPoP " + ", ".join(parts)


def of_aiohttp(fault: web.HTTPException, max_body_bytes: int) -> SolidgateError:
    """Our own error for one that aiohttp's router or body reader raised."""
    if isinstance(fault, web.HTTPMethodNotAllowed):
        error: SolidgateError = errors.MethodNotAllowed(
            f"allowed: {', '.join(sorted(fault.allowed_methods))}"
        )
        error.headers = {"Allow": fault.headers["Allow"]}  # type: ignore[attr-defined]
        return error
    if fault.status == HTTPStatus.NOT_FOUND:
        return errors.PageNotFound()
    if fault.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return errors.BodyTooLarge(f"at most {max_body_bytes} bytes (server.max_body_bytes)")
    if fault.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return errors.BodyInvalid(fault.reason)
    return errors.InternalFault()
