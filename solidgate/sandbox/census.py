"""What zygotes of this interpreter are made of: run as a file on the host, it prints one JSON document.

It imports what they preload and looks at what that took, so that a jail can be given exactly these packages
and shared libraries.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import json
import os
import sys
import sysconfig
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])

from solidgate.sandbox.libraries import preload
from solidgate.sandbox.wire import Kind

_PACKAGE_FOLDERS = ("site-packages", "dist-packages")
_NOT_NEEDED = {"solidgate", "_distutils_hack"}


class _Loaded(ctypes.Structure):
    """The head of ``struct dl_phdr_info``."""

    _fields_ = (("address", ctypes.c_void_p), ("name", ctypes.c_char_p))


def shared_libraries() -> list[str]:
    """The shared libraries of this process, by the name the loader found them under."""
    names: list[str] = []

    def note(loaded: ctypes._Pointer[_Loaded], size: int, more: int) -> int:
        name = os.fsdecode(loaded.contents.name or b"")
        if name.startswith("/") and Path(name).is_file():
            names.append(name)
        return 0

    prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Loaded), ctypes.c_size_t, ctypes.c_void_p)
    ctypes.CDLL(None).dl_iterate_phdr(prototype(note), None)
    return names


def packages() -> dict[str, str]:
    """The imported top-level packages that are not of the standard library, each with its folder or file."""
    places: dict[str, str] = {}
    for top in {name.split(".")[0] for name in sys.modules} - _NOT_NEEDED:
        file = getattr(sys.modules.get(top), "__file__", None)
        if file:
            place = Path(file).parent if Path(file).name.startswith("__init__.") else Path(file)
            if place.parent.name in _PACKAGE_FOLDERS:
                places[top] = str(place)
    return places


def records(tops: list[str]) -> list[str]:
    """The metadata folders of the packages: some read their own version at import."""
    owners = importlib.metadata.packages_distributions()
    found = set()
    for name in {owner for top in tops for owner in owners.get(top, ())}:
        place = getattr(importlib.metadata.distribution(name), "_path", None)
        if place is not None:
            found.add(str(Path(place).absolute()))
    return sorted(found)


def main() -> None:
    """Print the census."""
    for kind in Kind:
        preload(kind)
    places = packages()
    census = {
        "executable": os.path.realpath(getattr(sys, "_base_executable", sys.executable)),
        "standard": sysconfig.get_path("stdlib"),
        "libdir": sys.platlibdir,
        "packages": places,
        "records": records(list(places)),
        "shared": shared_libraries(),
    }
    sys.stdout.write(json.dumps(census))


if __name__ == "__main__":
    main()
