"""What a person keeps: the page as they saw it, checked anew, and a receipt that says what it is about."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from solidgate.adapters.sql.codec import encode
from solidgate.adapters.sql.tables import notices
from solidgate.consent.notice import Notice
from solidgate.flow import ask, consent, invite, space
from solidgate.testing.gate import Browser, TestGate, open_gate
from solidgate.testing.terms import sample_agreement
from tests.unit.web.asked import ANNA

INTACT = "Checked just now: it is the text that your record names."
BROKEN = "Checked just now: it is not the text that your record names."
GONE = "The text is not kept here any more."


@pytest.fixture
async def gate(database_url: str, tmp_path: Path) -> AsyncIterator[TestGate]:
    async with open_gate(database_url, tmp_path) as opened:
        opened.pods.give(ANNA, "https://anna.example/", {"energy/2025.ttl": b"<#a> <#b> 1 ."})
        await space.create(opened.world, sample_agreement())
        yield opened


async def answered(gate: TestGate, anna: Browser, language: str, yes: bool = True) -> tuple[str, Notice]:
    """Anna has answered a page in this language: the consent's path, and the notice that she saw."""
    assert anna.session
    token = await invite.invite(gate.world, None, "home-energy", uses=0, days=1)
    request = await ask.ask(gate.world, anna.session, token)
    shown = (await consent.review(gate.world, anna.session, request, language)).notice
    (made,) = await consent.answer(
        gate.world,
        anna.session,
        request,
        shown=shown.digest,
        language=language,
        answers={"advice": yes},
    )
    return f"/consents/{made.record.consent_id}", shown


def displayed(page: str) -> str:
    """The part of the page that repeats what was shown."""
    found = re.search(r'<details id="displayed">.*?</details>(?=\s*<h2>)', page, re.DOTALL)
    assert found
    return html.unescape(found[0])


@pytest.mark.parametrize("yes", [True, False])
@pytest.mark.parametrize("language", ["en", "fr", "nl"])
async def test_the_page_repeats_all_that_was_shown_in_its_language(
    gate: TestGate, language: str, yes: bool
) -> None:
    async with gate.browser(ANNA) as anna:
        own, shown = await answered(gate, anna, language, yes)
        part = displayed((await anna.get(f"{own}?lang=en")).text)
    assert INTACT in part
    assert f'<div lang="{language}" dir="ltr">' in part
    for key, title, lines in shown.rows:
        row = re.search(rf'<div data-row="{key}"><dt>(.*?)</dt>(.*?)</div>', part, re.DOTALL)
        assert row
        assert row[1] == title
        told = re.findall(r'data-line="(\d+)"[^>]*>(.*?)</(?:dd|p)>', row[2])
        assert (
            tuple(re.sub(r"<[^>]*>", "", line) for _, line in sorted(told, key=lambda one: int(one[0])))
            == lines
        )
    assert re.findall(r'data-row="(\w+)"', part) == [key for key, _, _ in shown.rows]
    assert shown.title in part
    assert shown.statements["advice"] in part


async def test_a_text_that_is_not_the_one_of_the_record_is_told(gate: TestGate) -> None:
    async with gate.browser(ANNA) as anna:
        assert anna.session
        own, shown = await answered(gate, anna, "en")
        other = replace(shown, title="Something else")
        async with gate.world.store.transaction() as tx:
            person = anna.session.person_id
            sealed = await tx.people.seal(person, encode(other), f"notice:{shown.digest}")
            await tx.connection.execute(sa.update(notices).values(notice_sealed=sealed))
        part = displayed((await anna.get(own)).text)
        assert BROKEN in part
        assert INTACT not in part
        async with gate.world.store.transaction() as tx:
            await tx.connection.execute(sa.delete(notices))
        part = displayed((await anna.get(own)).text)
    assert GONE in part
    assert "data-row" not in part


@pytest.mark.parametrize(
    ("language", "kept", "program", "output"),
    [
        ("en", "12 months", "It adds up.", "A yearly figure."),
        ("fr", "12 mois", "Il additionne.", "Un chiffre annuel."),
        ("nl", "12 maanden", "Het telt op.", "Een jaarcijfer."),
    ],
)
async def test_the_receipt_says_whom_to_ask_how_long_and_where_to_withdraw(
    gate: TestGate, language: str, kept: str, program: str, output: str
) -> None:
    async with gate.browser(ANNA) as anna:
        own, _ = await answered(gate, anna, "en")
        page = html.unescape((await anna.get(f"{own}/receipt?lang={language}")).text)
        record = (await anna.get(f"{own}/receipt", "text/turtle")).text
    facts = page[page.index('<dl class="facts">') : page.index("</dl>")]
    values = [re.sub(r"<[^>]+>", "", one) for one in re.findall(r"<dd[^>]*>(.*?)</dd>", facts, re.DOTALL)]
    assert "Energy Cooperative (privacy@energy.example)" in values
    assert kept in values
    assert any(one.startswith(program) for one in values)
    assert any(one.startswith(output) for one in values)
    address = f"{gate.world.public_url}{own[1:]}/withdraw"
    assert f'href="{address}"' in facts
    for said in ("mailto:privacy@energy.example", "P12M", address, program, output):
        assert said in record, "the signed record says the same"
