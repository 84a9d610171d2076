"""The programs that the set-up installs are found and work; a missing one is an error with a remedy."""

from __future__ import annotations

import struct
import subprocess
import zlib
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from solidgate.errors import ToolMissing
from solidgate.testing import tools


def test_node_and_the_solid_server_start() -> None:
    done = subprocess.run(
        [str(tools.node()), str(tools.css_server()), "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "--baseUrl" in done.stdout + done.stderr


@pytest.mark.parametrize("with_script", [True, False])
async def test_chromium_draws_letters(with_script: bool) -> None:
    """A Chromium without fonts draws empty pages, on which every test of colours and sizes would pass."""
    browser = tools.chromium()
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(
            executable_path=browser.executable, args=list(browser.args), env=dict(browser.environment)
        )
        context = await running.new_context(java_script_enabled=with_script)
        page = await context.new_page()
        await page.set_content("<title>1</title><p>Été, größer<script>document.title = '2'</script>")
        assert await page.title() == ("2" if with_script else "1")
        drawn = await page.locator("p").screenshot()
        await running.close()
    assert len(set(pixels(drawn))) > 3, "nothing but the background was drawn"


def pixels(png: bytes) -> bytes:
    """The filtered bytes of a PNG's lines: enough to tell a blank picture from one with letters."""
    place, packed = 8, b""
    while place < len(png):
        size, kind = struct.unpack(">I4s", png[place : place + 8])
        packed += png[place + 8 : place + 8 + size] if kind == b"IDAT" else b""
        place += size + 12
    return zlib.decompress(packed)


@pytest.mark.parametrize(
    ("variable", "find"),
    [
        ("SOLIDGATE_NODE", tools.node),
        ("SOLIDGATE_CSS", tools.css_server),
        ("SOLIDGATE_CHROMIUM", tools.chromium),
    ],
)
def test_a_missing_tool_names_the_remedy(
    variable: str, find: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "nowhere"))
    with pytest.raises(ToolMissing, match=rf"make tools, or set {variable}"):
        find()  # type: ignore[operator]


def test_another_folder_of_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = tmp_path / tools.CSS_SERVER
    server.parent.mkdir(parents=True)
    server.touch()
    monkeypatch.delenv("SOLIDGATE_CSS", raising=False)
    monkeypatch.setenv("SOLIDGATE_TOOLS", str(tmp_path))
    assert tools.css_server() == server
