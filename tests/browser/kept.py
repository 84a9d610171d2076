"""Pages kept as they were answered: the answer to a form is seen in every look, and the form sent once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import pytest
from jinja2 import nodes
from jinja2.runtime import Macro
from playwright.async_api import Page, Response, Route

import solidgate.web

TEMPLATES = Path(solidgate.web.__file__).parent / "templates"
# What Chromium is told of a page beside its content; lengths and encodings are of the bytes that came.
_TOLD = ("content-type", "content-security-policy", "content-language", "referrer-policy")


@dataclass(frozen=True, slots=True)
class Kept:
    """One answer: what was done for it, where it stands, its bytes, and the templates it was made of."""

    what: str
    url: str
    status: int
    headers: Mapping[str, str]
    html: str
    made_of: frozenset[str]
    beside: Mapping[str, bytes] = field(default_factory=dict)

    async def show(self, page: Page) -> None:
        """The same answer again, at the same address; what it loads comes from the gate."""
        await page.unroute_all()
        for name, content in self.beside.items():
            await page.route(f"**/{name}", _answering(body=content))
        await page.route(
            lambda url: url == self.url.partition("#")[0],
            _answering(status=self.status, headers=dict(self.headers), body=self.html),
        )
        await page.goto(self.url)


def _answering(**answer: Any) -> Any:
    async def fulfil(route: Route) -> None:
        await route.fulfill(**answer)

    return fulfil


@dataclass(frozen=True, slots=True)
class Walk:
    """Somebody walks through the pages without a script; each page on the way is kept."""

    page: Page
    made_of: set[str]
    kept: list[Kept]

    async def open(self, address: str, status: int | None = 200) -> None:
        """Go there; the status is the promised one, or any."""
        self.made_of.clear()
        await self._keep(await self.page.goto(address), status)

    async def press(self, selector: str, status: int = 200) -> None:
        """Send a form, or follow a link."""
        self.made_of.clear()
        async with self.page.expect_navigation() as going:
            await self.page.click(selector)
        await self._keep(await going.value, status)

    async def forget_what_is_required(self) -> None:
        """What a browser without such checks lets through, the gate answers."""
        await self.page.evaluate("document.querySelectorAll('input').forEach(one => one.required = false)")

    async def _keep(self, reply: Response | None, status: int | None) -> None:
        assert reply is not None
        what = f"{reply.request.method} {reply.url} {reply.status}"
        html = await reply.text()
        assert reply.status == (status or reply.status), f"{what}\n{html}"
        told = await reply.all_headers()
        headers = {name: told[name] for name in _TOLD if name in told}
        self.kept.append(Kept(what, reply.url, reply.status, headers, html, frozenset(self.made_of)))


@contextmanager
def noting_templates() -> Iterator[set[str]]:
    """The names of the templates that Jinja takes up, whoever asks, and ``name()`` of each macro called."""
    noted: set[str] = set()
    take_up, call = jinja2.Environment.get_template, Macro.__call__

    def get_template(self: jinja2.Environment, name: Any, *more: Any, **other: Any) -> jinja2.Template:
        found = take_up(self, name, *more, **other)
        noted.add(str(found.name))
        return found

    def called(self: Macro, *arguments: Any, **named: Any) -> str:
        noted.add(f"{self.name}()")
        return call(self, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jinja2.Environment, "get_template", get_template)
        patch.setattr(Macro, "__call__", called)
        yield noted


def all_templates() -> set[str]:
    """Every template of the gate by name, and every macro in one."""
    found = set[str]()
    for path in TEMPLATES.iterdir():
        found.add(path.name)
        tree = jinja2.Environment(autoescape=True).parse(path.read_text(encoding="utf-8"))
        found |= {f"{macro.name}()" for macro in tree.find_all(nodes.Macro)}
    return found
