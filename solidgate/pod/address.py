"""One spelling for each address: what is compared, signed, sent and written into a pod are the same text.

Only what RFC 3986 lets everybody change is changed (section 6.2.2). ``%40`` and ``@`` are two spellings that
a server may tell apart (section 2.2), so such an escape stays, with its digits in capitals.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from yarl import URL

# Small letters, no default port, no escape, no dot segment, no query, no fragment: every parser gives it back
# as it is. Each step has one reading, so a long address that is none is refused in two passes; Python before
# 3.11.5 loses its place in a possessive group, which would need one.
_NORMAL = re.compile(
    r"https?://[a-z0-9]++(?:[.-][a-z0-9]++)*"
    r"(?::(?!80/|443/)(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}))?"
    r"/(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*+/)*(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*+)?"
)
# A scheme, a server without a user's name, and no character that a parser drops or stumbles over.
_OF_A_SERVER = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*+://[^/?#@\\\x00-\x20\x7f]++(?:[/?#][^\x00-\x1f\x7f]*+)?")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
# An escape, or a character that a path or query has only as one.
_ESCAPED = re.compile(r"%[0-9A-Fa-f]{2}|[^A-Za-z0-9._~!$&'()*+,;=:@/?-]")


def is_normal(url: str) -> bool:
    """Whether ``url`` is certainly in normal form (RFC 3986 section 6.2); another one may be too."""
    return _NORMAL.fullmatch(url) is not None


def normal_form(url: str) -> str:
    """The address in normal form without its fragment (RFC 3986 sections 6.2.2 and 6.2.3).

    Scheme and host in lower case, no default port, no dot segment, escapes in capitals and none of a
    character that needs none. Raises ``ValueError`` for what is no absolute address, or has a user's name.
    """
    if is_normal(url):
        return url
    if not _OF_A_SERVER.fullmatch(url):
        raise ValueError("not an absolute address of a server")
    read, kept = URL(url), URL(url, encoded=True)
    path = _without_dots(_ESCAPED.sub(_escape, kept.raw_path))
    query = _ESCAPED.sub(_escape, kept.raw_query_string)
    return f"{read.origin()}{path}?{query}" if query else f"{read.origin()}{path}"


def _escape(found: re.Match[str]) -> str:
    text = found[0]
    if len(text) < 3:
        return quote(text, safe="")
    plain = chr(int(text[1:], 16))
    return plain if _UNRESERVED.fullmatch(plain) else text.upper()


def _without_dots(path: str) -> str:
    """Section 5.2.4, for a path that begins with a slash."""
    kept: list[str] = []
    steps = path.split("/")[1:]
    for step in steps:
        if step == "..":
            del kept[-1:]
        elif step != ".":
            kept.append(step)
    if steps[-1:] in (["."], [".."]):
        kept.append("")
    return "/" + "/".join(kept)
