"""Two addresses of one document, as servers have them that keep each document in a file of its name.

A file cannot be called ``a:b`` everywhere, so the Community Solid Server writes ``a%3Ab`` on the disk, and
lists what it finds there: a document that was made at ``a%3Ab`` stands in its container as ``a%253Ab``, and
is answered at both. Each address is the name of the document to whoever uses it, for access control too.
"""

from __future__ import annotations

import re

from pyoxigraph import NamedNode, Triple

from solidgate.pod.access_control import AccessDocument
from solidgate.vocab import ACL

# What no file name may have on some system: " * : < > ? and |. Only the asterisk is spelled as itself.
_SPOKEN = re.compile(r"%(?:22|3A|3C|3E|3F|7C)|\*")
_LISTED = re.compile(r"%25(22|2A|3A|3C|3E|3F|7C)")


def other_addresses(url: str) -> tuple[str, ...]:
    """Where the same document may be found too, mostly nowhere: as clients make it, and as it is listed."""
    spoken = _LISTED.sub(_spoken, url)
    listed = _SPOKEN.sub(_listed, url)
    return tuple(one for one in (spoken, listed) if one != url)


def named_too(document: AccessDocument, target: str, others: tuple[str, ...]) -> AccessDocument:
    """The list with what solidgate wrote about ``target`` said of its other addresses as well.

    A list is about its own resource only, so it gives nobody anything at an address that is another one's.
    """
    ours = [
        t
        for t in document.triples
        if t.predicate in (ACL.accessTo, ACL.default)
        and t.object == NamedNode(target)
        and document.is_ours(t.subject)
    ]
    more = [Triple(t.subject, t.predicate, NamedNode(one)) for t in ours for one in others]
    return AccessDocument(document.url, tuple(dict.fromkeys([*document.triples, *more])))


def _spoken(found: re.Match[str]) -> str:
    return "*" if found[1] == "2A" else f"%{found[1]}"


def _listed(found: re.Match[str]) -> str:
    return "%252A" if found[0] == "*" else f"%25{found[0][1:]}"
