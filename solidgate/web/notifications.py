"""Where pods call: one address for each channel, answered fast; what follows is the worker's."""

from __future__ import annotations

from aiohttp import web

from solidgate.flow.notified import Arrived, notified
from solidgate.web.keys import WORLD


async def notification(request: web.Request) -> web.Response:
    """``POST /notifications/{secret}``: 202 for news and for old news alike, which tells a sender nothing.

    Raises ``ChannelUnknown TooManyRequests BodyTooLarge TokenInvalid ProofInvalid SenderForeign
    MessageUnsigned NotificationInvalid``.
    """
    names = {name.lower() for name in request.headers}
    headers = {name: tuple(request.headers.getall(name)) for name in names}
    arrived = Arrived(headers, await request.read())
    await notified(request.app[WORLD], request.match_info["secret"], arrived)
    return web.Response(status=202)
