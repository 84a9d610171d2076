"""The photo that a profile names: where it may come from, and which bytes may be shown as a picture."""

from __future__ import annotations

from yarl import URL

from solidgate.identity.webid import document_of

_BEGINNINGS = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))
ACCEPT = "image/webp, image/png, image/jpeg"


def beside_profile(photo: str, webid: str) -> str:
    """The photo's address if it is on the origin of the profile, which knows of the login already; else "".

    So no other server hears of it, whatever a profile names: no tracker, no host of an inner network.
    """
    try:
        there, profile = URL(photo), URL(document_of(webid))
        same = there.origin() == profile.origin()
    except ValueError:
        return ""
    return photo.partition("#")[0] if same else ""


def picture_type(content: bytes) -> str:
    """``image/png``, ``image/jpeg`` or ``image/webp`` by the first bytes; "" for all else, SVG included."""
    for beginning, media_type in _BEGINNINGS:
        if content.startswith(beginning):
            return media_type
    return "image/webp" if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else ""
