"""Every address of the gate, in one table. A line here is all that a new handler needs to be reached."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from solidgate.web import (
    access,
    by_hand,
    consents,
    finding,
    identity,
    login,
    notifications,
    operations,
    people,
    photo,
    preview,
    progress,
    requests,
    rights,
    runs,
    spaces,
    sparql,
    speaking,
    statics,
    vocabulary,
    withdraw_all,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One address. ``name`` is unique and stands in logs and metrics instead of the path.

    ``open_ended`` marks an answer that may last (server-sent events, uploads): it has no time limit.
    """

    method: str
    path: str
    name: str
    handler: Handler
    summary: str
    open_ended: bool = False


OPERATIONS = (
    Route("GET", "/healthz", "healthz", operations.healthz, "Whether this process is alive."),
    Route("GET", "/readyz", "readyz", operations.readyz, "Whether requests can be served now."),
    Route("GET", "/metrics", "metrics", operations.metrics, "Counters for Prometheus."),
    Route("GET", "/version", "version", operations.version, "The version that runs."),
    Route("GET", "/static/{name}", "static", statics.static_file, "Styles and images of the pages."),
)

_SUFFIX = r"{suffix:(?:\.[a-z]+)?}"
_SPACE = r"/spaces/{space_id:[A-Za-z0-9_-]+}"
_RUN = _SPACE + r"/runs/{run_id:[A-Za-z0-9_-]+}"
_REQUEST = r"/requests/{request_id:[A-Za-z0-9_-]+}"
_CONSENT = r"/consents/{consent_id:[A-Za-z0-9_-]+}"
_JOIN = r"/join/{token:[A-Za-z0-9_-]+}"

PEOPLE = (
    Route("GET", "/", "start", people.start, "What this is, and the open spaces."),
    Route("GET", _JOIN, "join", people.join, "What an invitation asks, before any login."),
    Route("POST", _JOIN, "join", people.join_choice, "Go on to log in, or no thanks."),
    Route("GET", _JOIN + "/request", "join_request", people.join_request, "This person's own request."),
    Route("GET", "/login", "login", login.login_page, "Which provider to log in with."),
    Route("POST", "/login", "login", login.login, "Look the provider up and name it."),
    Route("POST", "/login/forget", "forget", login.forget, "Forget the providers of this browser."),
    Route("GET", "/callback", "callback", login.callback, "The provider's answer."),
    Route("GET", "/me/confirm", "confirm", login.confirm, "Who is logged in."),
    Route("GET", "/me/photo", "photo", photo.photo, "The photo in my profile."),
    Route("POST", "/logout", "logout", login.logout, "End the session."),
    Route("GET", "/me" + _SUFFIX, "me", people.me, "My consents."),
    Route("GET", "/me/results", "my_results", people.my_results, "My results."),
    Route("GET", "/me/rights", "my_rights", people.my_rights, "What the law gives me, and where."),
    Route("GET", "/me/withdraw", "withdraw_all", withdraw_all.page, "What would end, all at once."),
    Route("POST", "/me/withdraw", "withdraw_all", withdraw_all.withdraw_all, "End all my consents."),
    Route("GET", "/me/export", "export", rights.export, "Everything held about me, as one ZIP.", True),
    Route("GET", "/me/erase", "erase", rights.erase_page, "What an erasure removes, and the form for it."),
    Route("POST", "/me/erase", "erase", rights.erase, "Remove everything that is held about me.", True),
    Route("GET", "/me/activity" + _SUFFIX, "my_activity", rights.activity, "What happened to my data."),
    Route("POST", "/me/activity", "push_activity", rights.push_activity, "Write the log into my pod."),
    Route("GET", _REQUEST + _SUFFIX, "request", requests.review, "What is asked, and the form to answer."),
    Route("GET", _REQUEST + "/preview" + _SUFFIX, "preview", preview.preview, "What a yes would send, now."),
    Route("GET", _REQUEST + "/preview/{number:[0-9]{1,4}}", "document", preview.document, "One document."),
    Route("GET", _REQUEST + "/example" + _SUFFIX, "example", preview.example, "An example of the result."),
    Route("POST", _REQUEST, "answer", requests.answer, "Record yes or no to what was shown."),
    Route("GET", _REQUEST + "/choices", "choices", requests.choices, "One choice for each purpose."),
    Route("GET", _REQUEST + "/check", "check", requests.check, "The choices, before they are recorded."),
    Route("GET", _REQUEST + "/word", "word", requests.word, "The second step for a special category."),
    Route("POST", _REQUEST + "/language", "speak", speaking.speak, "The question in another language."),
    Route("GET", _REQUEST + "/storage", "storage", finding.storage, "Which of several pods is meant."),
    Route("POST", _REQUEST + "/storage", "storage", finding.choose_storage, "Choose a pod and look in it."),
    Route("POST", _REQUEST + "/look", "look", finding.look, "Look again for the documents."),
    Route("POST", _REQUEST + "/later", "later", requests.later, "Decide later."),
    Route("GET", _CONSENT + _SUFFIX, "consent", consents.consent, "What was agreed."),
    Route("GET", _CONSENT + "/receipt" + _SUFFIX, "receipt", consents.receipt, "The signed receipt."),
    Route(
        "POST", _CONSENT + "/receipt", "resend_receipt", consents.resend_receipt, "Copy it to the pod again."
    ),
    Route("GET", _CONSENT + "/activity" + _SUFFIX, "activity", consents.activity, "What was done with it."),
    Route("GET", _CONSENT + "/events", "consent_events", progress.consent_events, "The same, live.", True),
    Route("GET", _CONSENT + "/door" + _SUFFIX, "door_by_hand", by_hand.by_hand, "What opens it by hand."),
    Route("POST", _CONSENT + "/door/check", "check_door", by_hand.check, "Look at the door again."),
    Route("POST", _CONSENT + "/door", "open_door", consents.open_door, "Open the door at the pod again."),
    Route(
        "POST",
        _CONSENT + "/door/close",
        "close_door",
        consents.close_door,
        "Close the door that an ended consent left open.",
    ),
    Route("GET", _CONSENT + "/access", "access", access.access, "The pod's own access page sends back here."),
    Route("POST", _CONSENT + "/again", "ask_again", consents.ask_again, "Be asked anew."),
    Route("POST", _CONSENT + "/withdraw", "withdraw", consents.withdraw, "End the consent."),
    Route("GET", _CONSENT + "/withdraw" + _SUFFIX, "withdrawal", consents.withdrawal, "How far that is."),
)

SPACES = (
    Route("GET", "/spaces" + _SUFFIX, "spaces", spaces.spaces, "The open spaces."),
    Route("GET", _SPACE + _SUFFIX, "space", spaces.space, "One space."),
    Route("GET", _SPACE + "/agreement" + _SUFFIX, "agreement", spaces.agreement, "The terms that hold now."),
    Route(
        "GET", _SPACE + "/algorithm" + _SUFFIX, "algorithm", spaces.algorithm, "The program and its files."
    ),
    Route(
        "POST", _SPACE + "/algorithm", "submit_algorithm", spaces.submit_algorithm, "Submit a package.", True
    ),
    Route("GET", _SPACE + "/approvals" + _SUFFIX, "approvals", spaces.approvals, "Who approved what."),
    Route("POST", _SPACE + "/approvals", "approve", spaces.approve, "Approve or reject."),
    Route("POST", _SPACE + "/invitations", "invite", spaces.invite, "A new invitation."),
    Route("GET", _SPACE + "/runs" + _SUFFIX, "runs", runs.runs, "The newest runs, in counts."),
    Route("POST", _SPACE + "/runs", "start_run", runs.start_run, "Begin a run."),
    Route("GET", _RUN + _SUFFIX, "run", runs.run, "One run, in counts."),
    Route("GET", _RUN + "/events", "run_events", progress.run_events, "One run in counts, live.", True),
    Route("POST", _RUN + "/cancel", "cancel_run", runs.cancel_run, "Stop a run."),
    Route(
        "GET", _SPACE + "/results" + _SUFFIX, "results", runs.results, "The newest result about the group."
    ),
    Route("GET", _SPACE + "/sparql", "sparql", sparql.sparql_get, "Ask a query; a form; a description."),
    Route("POST", _SPACE + "/sparql", "sparql", sparql.sparql_post, "Ask a query."),
)

IDENTITY = (
    Route(
        "GET",
        "/.well-known/openid-configuration",
        "openid_configuration",
        identity.openid_configuration,
        "solidgate as issuer of the spaces' WebIDs.",
    ),
    Route("GET", "/jwks", "jwks", identity.jwks, "The public keys of spaces and receipts."),
    Route("GET", "/client", "client", identity.client, "Our Client ID Document."),
    Route("GET", _SPACE + "/agent" + _SUFFIX, "agent", identity.agent, "The WebID document of a space."),
)

# The longest secret is longer than any of ours: what does not fit is nobody's channel.
PODS = (
    Route(
        "POST",
        r"/notifications/{secret:[A-Za-z0-9_-]{20,128}}",
        "notification",
        notifications.notification,
        "A pod says that something changed.",
    ),
)

WORDS = (
    Route("GET", "/ns" + _SUFFIX, "ns", vocabulary.vocabulary, "The vocabulary."),
    Route("GET", "/errors" + _SUFFIX, "errors", vocabulary.errors, "Every error code."),
)

ROUTES: tuple[Route, ...] = (*OPERATIONS, *PEOPLE, *SPACES, *IDENTITY, *PODS, *WORDS)


def add_routes(app: web.Application, routes: tuple[Route, ...] = ROUTES) -> None:
    """Register the table; GET also answers HEAD. Methods of one address share the first one's name."""
    resources: dict[str, web.Resource] = {}
    for route in routes:
        if route.path not in resources:
            resources[route.path] = app.router.add_resource(route.path, name=route.name)
        resources[route.path].add_route(route.method, route.handler)
        if route.method == "GET":
            resources[route.path].add_route("HEAD", route.handler)
