"""The copy of a notice as plain text has the rows that were shown, and no text of the terms adds one."""

from __future__ import annotations

from dataclasses import asdict, replace

from solidgate.consent.archive import Held, files
from solidgate.consent.notice import Notice

from .conftest import ALICE, NOON

EMPTY = ("receipts", "derived")


def _copy(notice: Notice) -> str:
    row = {"digest": notice.digest, "notice": {**asdict(replace(notice, statements={}))}}
    held = Held(ALICE, NOON, {"notices": [row], **dict.fromkeys(EMPTY, ())}, (), ())
    (name,) = (name for name in files(held) if name.startswith("notices/"))
    return files(held)[name].decode()


def test_each_row_stands_once_with_its_lines(notice: Notice) -> None:
    lines = _copy(notice).splitlines()
    titles = [title for _, title, _ in notice.rows]
    assert [line for line in lines if line in titles] == titles
    assert all(f"  {line}" in lines for _, _, texts in notice.rows for line in texts)


def test_a_text_with_lines_of_its_own_adds_no_row(notice: Notice) -> None:
    titles = [title for _, title, _ in notice.rows]
    forged = f"For research.\n\n{titles[5]}\n  Nobody"
    rows = tuple((key, title, (forged,) if key == "why" else lines) for key, title, lines in notice.rows)
    lines = _copy(replace(notice, rows=rows)).splitlines()
    assert [line for line in lines if line in titles] == titles
    assert "    " + titles[5] in lines
