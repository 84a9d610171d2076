"""``/consents/{id}/access``: where the access page of a pod sends the browser back, with an answer.

Anybody can make a browser open this address. So it carries nothing but where to look; what is there is
fetched, checked and verified with the person's own session before it counts.
"""

from __future__ import annotations

import base64

from aiohttp import web

from solidgate.errors import BodyInvalid, SignatureInvalid
from solidgate.flow import access_request
from solidgate.identity import strict_json
from solidgate.web.doors import person
from solidgate.web.keys import PACES, WORLD
from solidgate.web.limits import CONSENT
from solidgate.web.pages import see_other
from solidgate.web.session import session_of

MOST_CHARACTERS = 2048


@person
async def access(request: web.Request) -> web.StreamResponse:
    """``GET /consents/{id}/access``: take the answer, then show how the door stands."""
    session = await session_of(request)
    world, consent_id = request.app[WORLD], request.match_info["consent_id"]
    request.app[PACES].take(CONSENT, session.session_id, world.clock.monotonic())
    await access_request.answered(world, session, consent_id, _answer(request))
    return see_other(f"/consents/{consent_id}")


def _answer(request: web.Request) -> str:
    """The address of the answer; an older page sends the whole of it, of which only the address is used."""
    url = request.query.get("accessGrantUrl", "") or _id_of(request.query.get("accessGrant", ""))
    if not url.startswith(("https://", "http://")) or len(url) > MOST_CHARACTERS:
        raise BodyInvalid("accessGrantUrl must be the address of the pod's answer")
    return url


def _id_of(encoded: str) -> str:
    try:
        document = strict_json.read(base64.b64decode(encoded.replace(" ", "+"), validate=True))
    except (SignatureInvalid, ValueError):
        return ""
    found = document.get("id")
    return found if isinstance(found, str) else ""
