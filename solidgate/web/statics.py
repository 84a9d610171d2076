"""Our few static files, under names that carry their digest, so that they can be cached for ever."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources

from aiohttp import web

from solidgate.errors import PageNotFound

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "txt": "text/plain"}
_FOR_EVER = "public, max-age=31536000, immutable"


@cache
def files() -> dict[str, tuple[str, bytes]]:
    """By public name (``solidgate.0123456789ab.css``): the media type and the bytes."""
    found: dict[str, tuple[str, bytes]] = {}
    for entry in (resources.files("solidgate.web") / "static").iterdir():
        stem, _, suffix = entry.name.rpartition(".")
        if suffix in _TYPES:
            content = entry.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:12]
            found[f"{stem}.{digest}.{suffix}"] = (_TYPES[suffix], content)
    return found


@cache
def address(name: str) -> str:
    """The path of a static file, digest included; raises KeyError for one that is not there."""
    stem, _, suffix = name.rpartition(".")
    for public in files():
        if public.startswith(f"{stem}.") and public.endswith(f".{suffix}"):
            return f"/static/{public}"
    raise KeyError(name)


async def static_file(request: web.Request) -> web.Response:
    """``GET /static/{name}``: the bytes, immutable."""
    try:
        media_type, content = files()[request.match_info["name"]]
    except KeyError:
        raise PageNotFound from None
    headers = {"Cache-Control": _FOR_EVER}
    return web.Response(body=content, content_type=media_type, charset="utf-8", headers=headers)
