"""Whom a person may complain to is named with a link, wherever rights are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from solidgate.flow import invite, space
from solidgate.settings import Consent
from solidgate.testing.gate import open_gate
from solidgate.testing.terms import sample_agreement
from solidgate.web.pages import AUTHORITIES
from tests.unit.web.asked import ANNA, hidden

NAME, PAGE = "Autorité <de> protection", "https://authority.example/complain"
LINK = f'<a href="{PAGE}" dir="auto">Autorité &lt;de&gt; protection</a>'
OF_EUROPE = f'<a href="{AUTHORITIES}" hreflang="en">'


async def pages(database_url: str, folder: Path, consent: Consent, lang: str) -> list[str]:
    """The pages that tell rights: before the login, before the answer, and afterwards."""
    async with open_gate(database_url, folder, consent=consent) as gate:
        gate.pods.give(ANNA, "https://anna.example/", {"energy/2025.ttl": b""})
        await space.create(gate.world, sample_agreement())
        token = await invite.invite(gate.world, None, "home-energy", uses=0, days=1)
        async with gate.browser(ANNA) as anna:
            request = (await anna.get(f"/join/{token}/request")).place
            before = [(await anna.get(f"{path}?lang={lang}")).text for path in (f"/join/{token}", request)]
            fields = {name: hidden(before[1], name) for name in ("shown", "language")}
            consent_page = (await anna.post(request, {**fields, "answer-advice": "yes"})).place
            after = [(await anna.get(f"{path}?lang={lang}")).text for path in (consent_page, "/me/rights")]
            return [*before, *after]


@pytest.mark.parametrize("lang", ["en", "fr", "nl"])
async def test_the_operator_names_it(database_url: str, tmp_path: Path, lang: str) -> None:
    consent = Consent(authority_name=NAME, authority_url=PAGE)
    for page in await pages(database_url, tmp_path, consent, lang):
        assert LINK in page
        assert AUTHORITIES not in page


@pytest.mark.parametrize("country", ["your country", "votre pays", "uw land"])
async def test_without_a_name_it_is_that_of_the_country_with_where_to_find_it(
    database_url: str, tmp_path: Path, country: str
) -> None:
    lang = {"your country": "en", "votre pays": "fr", "uw land": "nl"}[country]
    for page in await pages(database_url, tmp_path, Consent(), lang):
        assert country in page and OF_EUROPE in page


async def test_a_name_without_a_page_is_no_link(database_url: str, tmp_path: Path) -> None:
    for page in await pages(database_url, tmp_path, Consent(authority_name="GBA"), "nl"):
        assert '<span dir="auto">GBA</span>' in page
        assert AUTHORITIES not in page


@pytest.mark.parametrize(
    "page", ["javascript:alert(1)", "authority.example", "https://", "https://a@b.example/"]
)
def test_its_page_is_an_address(page: str) -> None:
    with pytest.raises(ValidationError, match="full address"):
        Consent(authority_name=NAME, authority_url=page)


def test_a_page_has_a_name() -> None:
    with pytest.raises(ValidationError, match=r"needs consent\.authority_name"):
        Consent(authority_url=PAGE)
