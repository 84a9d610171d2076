"""Times on pages are those of the installation's zone, and no day that is shown is a wrong one."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from solidgate.cli.sources import load_settings
from solidgate.errors import BadSetting
from solidgate.flow import invite, space
from solidgate.testing.gate import open_gate
from solidgate.testing.space import join
from solidgate.testing.terms import ADVICE, sample_agreement
from solidgate.web.language import Language
from tests.unit.web.asked import ANNA, question

WINTER, SUMMER = (datetime(2026, month, 1, 8, 16, 5, tzinfo=UTC) for month in (1, 7))


@pytest.mark.parametrize(
    ("zone", "winter", "summer"),
    [
        ("Europe/Brussels", "09:16 UTC+1", "10:16 UTC+2"),
        ("America/St_Johns", "04:46 UTC−3:30", "05:46 UTC−2:30"),
        ("UTC", "08:16 UTC", "08:16 UTC"),
    ],
)
def test_a_moment_is_told_in_the_zone_with_its_difference_to_utc(zone: str, winter: str, summer: str) -> None:
    language = Language("en", ZoneInfo(zone))
    assert language.moment(WINTER) == f"1 January 2026, {winter}"
    assert language.moment(SUMMER) == f"1 July 2026, {summer}"
    assert language.moment(WINTER, seconds=True) == f"1 January 2026, {winter.replace(' ', ':05 ')}"


def test_a_day_of_a_time_is_the_one_here() -> None:
    end = datetime(2026, 12, 22, 22, 59, 59, 999_999, tzinfo=UTC)
    assert Language("en").day(end) == "22 December 2026"
    assert Language("en").day(end + timedelta(microseconds=1)) == "23 December 2026"
    assert Language("en", ZoneInfo("Asia/Kolkata")).day(end) == "23 December 2026"
    assert Language("nl").day(WINTER) == "1 januari 2026"
    assert Language("fr").day(date(2026, 12, 22)) == "22 décembre 2026"


@pytest.mark.parametrize("name", ["Europe/Nowhere", "", "../etc/passwd", "/etc/localtime", "Europe"])
def test_a_zone_that_is_none_is_no_setting(name: str) -> None:
    with pytest.raises(BadSetting, match=r"server\.time_zone"):
        load_settings(overrides={"server": {"time_zone": name}})


async def test_the_setting_reaches_the_page_and_data_stay_in_utc(database_url: str, tmp_path: Path) -> None:
    zone = "Asia/Kolkata"
    async with open_gate(database_url, tmp_path, time_zone=zone) as gate, gate.browser(ANNA) as anna:
        gate.pods.give(ANNA, "https://anna.example/", {"energy/2025.ttl": b""})
        await space.create(gate.world, sample_agreement())
        assert anna.session
        token = await invite.invite(gate.world, None, "home-energy", uses=0, days=1)
        (made,) = await join(gate.world, anna.session, token)
        consent = f"/consents/{made.record.consent_id}"
        told = Language("en", ZoneInfo(zone)).moment(made.record.latest.at)
        assert " UTC+5:30" in told
        assert told in (await anna.get(consent)).text
        exact = Language("en", ZoneInfo(zone)).moment(made.record.latest.at, seconds=True)
        assert exact in (await anna.get(f"{consent}/activity")).text
        assert "+05:30" not in (await anna.get("/me/activity.json", "application/json")).text
        assert "+00:00" in (await anna.get("/me/activity.json", "application/json")).text


@pytest.mark.parametrize("zone", ["Europe/Brussels", "Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"])
async def test_a_chosen_day_ends_here_and_the_page_says_that_day(
    database_url: str, tmp_path: Path, zone: str
) -> None:
    """The record holds the last moment of that day here, in UTC, and every page tells that day."""
    async with open_gate(database_url, tmp_path, time_zone=zone) as gate, gate.browser(ANNA) as anna:
        gate.pods.give(ANNA, "https://anna.example/", {"energy/2025.ttl": b"", "energy/2024.ttl": b""})
        asked = await question(gate, anna, ADVICE)
        page = (await anna.get(asked.path)).text
        day, told = re.findall(r'<option value="([^"]*)">([^<]*)</option>', page)[0]
        made = await anna.post(asked.path, {**asked.fields, "answer-advice": "yes", "until": day})
        record = json.loads((await anna.get(made.place, "application/json")).content)
        until = datetime.fromisoformat(record["until"])
        here = until.astimezone(ZoneInfo(zone))
        assert (here.date().isoformat(), here.time()) == (day, time.max)
        assert until.utcoffset() == timedelta()
        for address in (made.place, "/me", f"{made.place}/receipt"):
            assert f"{told}</d" in (await anna.get(address)).text
