"""One person, her pod, and the question that she is asked: what the tests of the pages share."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from solidgate.flow import invite, space
from solidgate.space.purpose import Purpose
from solidgate.testing.gate import Answer, Browser, TestGate
from solidgate.testing.terms import STUDY, sample_agreement

ANNA = "https://anna.example/profile/card#me"
POD = "https://anna.example/"
READINGS = {"energy/2025.ttl": b"<#a> <#b> 1 .", "energy/2024.ttl": b"<#a> <#b> 2 ."}
HEALTH = replace(STUDY, id="health", special_category=True)
LANGUAGES = ("en", "fr", "nl")


def hidden(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)">', page)
    assert found, f"the page has no {name}"
    return found[1]


@dataclass(frozen=True, slots=True)
class Question:
    """A request that was looked at, with the fields that every answer to it carries."""

    path: str
    shown: str
    language: str
    ours: str = ""

    @property
    def fields(self) -> dict[str, str]:
        """What the form sends whatever was chosen."""
        return {"shown": self.shown, "language": self.language, "ours": self.ours}

    def step(self, name: str, **fields: str) -> str:
        """The address of one of the pages after the question."""
        asked = "&".join(f"{key}={value}" for key, value in {**self.fields, **fields}.items())
        return f"{self.path}/{name}?{asked}"


async def question(gate: TestGate, anna: Browser, *purposes: Purpose, language: str = "en") -> Question:
    """Anna's request of a space with these purposes, opened in this language."""
    await space.create(gate.world, sample_agreement(purposes=purposes))
    token = await invite.invite(gate.world, None, "home-energy", uses=0, days=300)
    path = (await anna.get(f"/join/{token}/request")).place
    page = (await anna.get(f"{path}?lang={language}")).text
    return Question(path, *(hidden(page, name) for name in ("shown", "language", "ours")))


def told(page: Answer, *fields: str) -> None:
    """The summary has the focus and leads to each field; each field says what is wrong, and no other does."""
    summary = re.search(
        r'<div class="note bad" role="alert" tabindex="-1" id="summary" autofocus>(.*?)</div>',
        page.text,
        re.S,
    )
    assert summary, page.text
    places = re.findall(r'<a href="#([^"]+)">', summary[1])
    assert len(places) == len(fields)
    for place in places:
        assert page.text.count(f' id="{place}"') == 1, place
    assert re.findall(r'class="error" id="error-([^"]+)"', page.text) == list(fields)
    for field in fields:
        assert re.search(rf'aria-describedby="error-{field}[" ]', page.text), field
    assert "/errors#" not in page.text
    assert not re.search(r"ReceiptPlace|until must be|between \d{4}", page.text), "no raw detail"
