"""A part of the races; ``python -m benchmarks.races`` runs them all."""

from __future__ import annotations

from pathlib import Path

import pytest

from solidgate.testing import races
from solidgate.testing.ground import open_ground


async def test_no_effect_begins_after_a_withdrawal_was_answered(database_url: str, tmp_path: Path) -> None:
    async with open_ground(database_url, tmp_path, pause=0.02) as ground:
        report = await races.withdrawals(ground, 50)
    assert (report.races, report.violations) == (50, [])
    assert 0 < report.written < 50  # the races were races


async def test_nobody_agrees_to_what_was_not_displayed(database_url: str, tmp_path: Path) -> None:
    async with open_ground(database_url, tmp_path) as ground:
        report = await races.terms(ground, 40)
    assert (report.races, report.violations) == (40, [])
    assert 0 < report.refused < 40


@pytest.mark.timeout(120)
async def test_races_with_the_real_sandbox(database_url: str, tmp_path: Path) -> None:
    async with open_ground(database_url, tmp_path, pause=0.04, real_sandbox=True) as ground:
        report = await races.withdrawals(ground, 10, batch=10)
    assert (report.races, report.violations) == (10, [])
    assert report.written > 0
