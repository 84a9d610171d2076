"""A person with a browser, played over plain HTTP: pages are fetched, their forms read, filled and sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urljoin, urlsplit

import aiohttp

from solidgate.errors import FetchUnexpected
from solidgate.testing.people import Person, walk_login

SECONDS = 60.0


@dataclass(slots=True)
class Form:
    """One form of a page: where it goes, what it carries, and which buttons it offers (name, value)."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Forms(HTMLParser):
    """Collects the forms and links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(values.get("action", ""), values.get("method", "get")))
        elif tag == "a":
            self.links.append(values.get("href", ""))
        elif self.forms and tag == "input" and values.get("type") != "radio" and values.get("name"):
            self.forms[-1].fields[values["name"]] = values.get("value", "")
        elif self.forms and tag == "button" and values.get("name"):
            self.forms[-1].buttons.append((values["name"], values.get("value", "")))


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it arrived."""

    url: str
    status: int
    text: str

    @property
    def links(self) -> list[str]:
        """The addresses that the page links to."""
        return _read(self.text).links

    def form(self, action_ends: str) -> Form:
        """The form whose action ends so. Raises ``FetchUnexpected`` when the page has none."""
        for form in _read(self.text).forms:
            if form.action.endswith(action_ends):
                return form
        raise FetchUnexpected(f"the page answered {self.status} and has no form for {action_ends}")


def _read(text: str) -> _Forms:
    parser = _Forms()
    parser.feed(text)
    return parser


class Visitor:
    """One person at one gate, with a cookie jar of their own. An async context manager."""

    def __init__(self, gate: str, person: Person, language: str = "en") -> None:
        self.gate = gate
        self.person = person
        self._language = language
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(),
            headers={"Accept": "text/html", "Accept-Language": self._language},
            timeout=aiohttp.ClientTimeout(total=SECONDS),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()

    async def get(self, url: str, accept: str = "text/html") -> Page:
        """A page, redirects followed as a browser does."""
        return await self._send("GET", url, None, accept)

    async def submit(
        self, page: Page, action_ends: str, values: Mapping[str, str], accept: str = "text/html"
    ) -> Page:
        """Fill and send one form of a page."""
        form = page.form(action_ends)
        return await self._send("POST", urljoin(page.url, form.action), {**form.fields, **values}, accept)

    async def _send(self, method: str, url: str, data: Mapping[str, str] | None, accept: str) -> Page:
        assert self._http is not None
        headers = {"Accept": accept}
        if method == "POST":
            headers["Origin"] = self.gate.rstrip("/")
        async with self._http.request(method, urljoin(self.gate, url), data=data, headers=headers) as reply:
            return Page(str(reply.url), reply.status, await reply.text())

    async def log_in(self, page: Page) -> Page:
        """From the login page through the person's provider and back; the page that comes then."""
        leaving = await self.submit(page, "/login", {"identifier": self.person.webid})
        away = [link for link in leaving.links if link.startswith(self.person.issuer)]
        if not away:
            raise FetchUnexpected(f"the login page answered {leaving.status} and names no way on")
        arrived = await walk_login(away[0], self.person, f"{self.gate}callback")
        return await self._confirm(await self.get(arrived))

    async def _confirm(self, page: Page) -> Page:
        """From the page that says who is logged in to the page that the login was for."""
        own = urlsplit(page.url)
        if own.path != "/me/confirm" or self.person.webid not in page.text:
            raise FetchUnexpected(f"after the login came {own.path}, answered {page.status}")
        return await self.get(dict(parse_qsl(own.query))["return_to"])

    async def open_request(self, invitation: str) -> Page:
        """From the invitation over the landing page and the login to the question itself."""
        landing = await self.get(invitation)
        login = await self.submit(landing, landing_action(invitation), {"choice": "continue"})
        return await self.log_in(login)


def landing_action(invitation: str) -> str:
    """Where the landing page's form goes."""
    return "/join/" + invitation.rstrip("/").rsplit("/", 1)[-1]
