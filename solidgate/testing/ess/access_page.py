"""The access management page: what is asked, and three ways to answer; works in a browser and by HTTP.

The page takes whoever opens it for the person who is asked. It is a test partner and keeps no session.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import unquote

from aiohttp import web
from multidict import MultiMapping
from yarl import URL

from solidgate.testing.ess.behaviours import Odd
from solidgate.testing.ess.credentials import Held, Vault
from solidgate.testing.ess.ground import Ground
from solidgate.testing.ess.host import CALLER, Host, Problem

PATH = "/accessRequest/"
_PAGE = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Access request</title>
<h1>Access request</h1>
<p><b id="requestor">{requestor}</b> asks you, <b id="owner">{owner}</b>, for access. Purposes: {purposes}</p>
<form method="post">
<input type="hidden" name="requestVcUrl" value="{request}">
<input type="hidden" name="redirectUrl" value="{redirect}">
<fieldset><legend>May they</legend>{modes}</fieldset>
<fieldset><legend>Resources</legend>{resources}</fieldset>
<label>Until <input name="expires" value="{expires}"></label>
<button id="approve" name="answer" value="approve">Allow</button>
<button id="deny" name="answer" value="deny">Deny</button>
</form></html>
"""
_BOX = '<label><input type="checkbox" name="{name}" value="{value}" checked> {value}</label><br>'
Approve = Callable[[str, Sequence[str] | None, Sequence[str] | None, datetime | None], Held]


@dataclass(slots=True)
class AccessPage:
    """``approve`` and ``deny`` do what the person decided."""

    host: Host
    ground: Ground
    vault: Vault
    approve: Approve
    deny: Callable[[str], Held]

    def __post_init__(self) -> None:
        self.host.add("GET", PATH, self._show)
        self.host.add("POST", PATH, self._decide)

    async def _show(self, request: web.Request) -> web.Response:
        held, back = self._asked(request.query)
        page = _PAGE.format(
            requestor=escape(held.requestor),
            owner=escape(held.owner),
            purposes=escape(", ".join(held.asked.purposes)),
            request=escape(held.id),
            redirect=escape(back),
            modes=_boxes("mode", held.asked.modes),
            resources=_boxes("resource", held.asked.resources),
            expires=escape(held.statement.expires.isoformat() if held.statement.expires else ""),
        )
        return web.Response(text=page, content_type="text/html")

    async def _decide(self, request: web.Request) -> web.Response:
        form = await request.post()
        held, back = self._asked({name: str(value) for name, value in form.items()})
        request[CALLER] = held.owner
        if form.get("answer") == "deny":
            answer = self.deny(held.id)
        elif form.get("answer") == "approve":
            modes, resources = _chosen(form, "mode"), _chosen(form, "resource")
            answer = self.approve(held.id, modes, resources, _expires(str(form.get("expires", ""))))
        else:
            raise Problem(400, "There is no answer.")
        if not back:
            return web.Response(text="Your answer was kept.")
        url = URL(back).update_query(self._returned(answer))
        return web.Response(status=303, headers={"Location": str(url)})

    def _asked(self, query: Mapping[str, str]) -> tuple[Held, str]:
        """The request, and where the person goes afterwards; Inrupt's client encodes both twice."""
        held = self.vault.get(_plain(query.get("requestVcUrl", "")))
        back = _plain(query.get("redirectUrl", ""))
        if held is None or held.kind != "request":
            raise Problem(404, "There is no such access request.")
        if held.revoked is not None and not self.ground.odd.strikes(Odd.CANCELLED_ANSWERED):
            raise Problem(410, "Who asked has cancelled this access request.")
        if back and not back.startswith(("http://", "https://")):
            raise Problem(400, "The redirect address is not one of the web.")
        return held, back

    def _returned(self, answer: Held) -> dict[str, str]:
        odd = self.ground.odd
        if odd.strikes(Odd.RETURNS_NOTHING):
            return {}
        if odd.strikes(Odd.GRANT_IN_THE_URL):
            whole = json.dumps(answer.document).encode()
            return {"accessGrant": base64.b64encode(whole).decode()}
        other = odd.strikes(Odd.RETURNS_ANOTHER)
        return {"accessGrantUrl": (other.text or "https://vc.stranger.example/vc/1") if other else answer.id}


def _plain(address: str) -> str:
    """An address; decoded once more where a client encoded it before it built its query."""
    return unquote(address) if "%" in address else address


def _boxes(name: str, values: Sequence[str]) -> str:
    return "".join(_BOX.format(name=name, value=escape(value)) for value in values)


def _chosen(form: MultiMapping[Any], name: str) -> list[str]:
    return [str(value) for value in form.getall(name, [])]


def _expires(text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Problem(400, "The end is not a time.") from None
    if found.tzinfo is None:
        raise Problem(400, "The end has no time zone.")
    return found
