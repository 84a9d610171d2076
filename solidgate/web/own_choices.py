"""Which choices an address may fill in: those that a page of ours gave to this person, and nobody else's.

Choices travel in addresses, so that a language, a step back or an ended session loses none. A link that
somebody else made must fill in nothing: a yes is chosen by the person, never before (GDPR Recital 32).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from aiohttp import web

from solidgate.identity.login import Session
from solidgate.web.answer_form import OURS
from solidgate.web.keys import WORLD


def mark_of(request: web.Request, session: Session) -> str:
    """What our pages send along with the choices of this person for this request; it opens nothing else."""
    # A key of its own, derived from the gate's private key: the tag keeps it apart from every other use.
    secret = request.app[WORLD].receipt_key["d"].encode()
    key = hmac.digest(secret, b"solidgate own choices/1", "sha256")
    about = f"{session.person_id} {request.match_info['request_id']}"
    return hmac.new(key, about.encode(), hashlib.sha256).hexdigest()[:32]


def own_choices(request: web.Request, session: Session) -> Mapping[str, str]:
    """What the address carries, if a page of ours put it there for this person; else nothing at all."""
    sent = request.query.get(OURS, "")
    same = hmac.compare_digest(mark_of(request, session).encode(), sent.encode(errors="replace"))
    return request.query if same else {}
