"""No circular import: each module can be the first of the package that a fresh interpreter imports."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Module

# Loads what others wrote once, then imports each module of ours in a fork that has seen none of the others.
FRESH = """
import contextlib, gc, importlib, json, os, sys, traceback
foreign, ours = json.load(sys.stdin)
for name in foreign:
    with contextlib.suppress(ImportError):  # some are named for their types only
        importlib.import_module(name)
gc.freeze()
assert not any(name.split(".")[0] == "solidgate" for name in sys.modules)
failed = {}
for name in ours:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            importlib.import_module(name)
        except BaseException:
            os.write(writer, traceback.format_exc().encode()[-4000:])
        os._exit(0)
    os.close(writer)
    text = b"".join(iter(lambda: os.read(reader, 65536), b"")).decode()
    os.close(reader)
    os.waitpid(child, 0)
    if text:
        failed[name] = text
print(json.dumps(failed))
"""

# Run by Alembic inside a migration, not imported.
NOT_IMPORTED = "solidgate.adapters.sql.migrations."


@pytest.mark.timeout(300)
@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_each_module_imports_alone(modules: list[Module]) -> None:
    ours = [
        module.name
        for module in modules
        if not module.name.startswith(NOT_IMPORTED) and not module.name.endswith("__main__")
    ]
    foreign = sorted({name for module in modules for name in module.imports()})
    own = {"solidgate", *sys.stdlib_module_names}
    loaded = [name for name in foreign if name.split(".")[0] not in own]
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FRESH],
        input=json.dumps([loaded, ours]),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {}
