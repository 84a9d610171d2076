"""What a zygote imports before its first fork, so that its forks find it warm.

What few programs use is imported only for those that name it: ``rdflib`` and ``logging`` make each fork
dearer (more memory to copy, locks to make anew), and the others would pay for it with every person.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping

from solidgate.sandbox.wire import Kind

_STANDARD = (
    "base64", "bisect", "calendar", "cmath", "collections", "csv", "dataclasses", "datetime", "decimal",
    "enum", "fractions", "functools", "hashlib", "heapq", "hmac", "importlib.resources",
    "importlib.resources.abc", "io", "itertools", "json", "math", "operator", "random", "re", "statistics",
    "string", "struct", "textwrap", "time", "typing", "unicodedata", "uuid", "zlib", "zoneinfo", "_strptime",
)  # fmt: skip

LIBRARIES = {
    Kind.PROGRAM: ("pyoxigraph", "solidgate.sandbox.documents", "solidgate.sandbox.inputs",
                   "solidgate.sandbox.program"),
    Kind.VALIDATE: ("pyoxigraph", "rdflib", "shacl", "pyshacl", "rdflib.plugins.stores.memory",
                    "solidgate.sandbox.validation", "solidgate.sandbox.judging"),
    Kind.QUERY: ("pyoxigraph", "solidgate.sandbox.querying"),
    Kind.PREVIEW: ("pyoxigraph", "solidgate.sandbox.documents", "solidgate.sandbox.previewing",
                   "solidgate.sandbox.statements"),
}  # fmt: skip
_RDFLIB = (
    "rdflib", "rdflib.plugins.serializers.nt", "rdflib.plugins.stores.memory", "solidgate.sandbox.terms",
)  # fmt: skip
NAMED: Mapping[bytes, tuple[str, ...]] = {
    b"rdflib": _RDFLIB,
    b"graph": _RDFLIB,  # of ``person.graph``, which is one of rdflib
    b"concurrent": ("concurrent.futures",),
    b"logging": ("logging",),
}
"""What programs get that have the word in a module. Others can import it too, and wait for it."""
OPTIONAL = frozenset({"shacl", "tzdata"})


def preload(kind: Kind, named_in: Mapping[str, bytes] | None = None) -> None:
    """Import what jobs of ``kind`` need; of ``NAMED`` what these files name, or all of it without files."""
    for name in (*_STANDARD, *LIBRARIES[kind], *(_named(named_in) if kind is Kind.PROGRAM else ())):
        try:
            importlib.import_module(name)
        except ImportError:
            if name not in OPTIONAL:
                raise


def _named(files: Mapping[str, bytes] | None) -> Iterator[str]:
    modules = None if files is None else [files[path] for path in files if path.endswith(".py")]
    for word, names in NAMED.items():
        if modules is None or any(re.search(rb"\b%b\b" % word, module) for module in modules):
            yield from names
