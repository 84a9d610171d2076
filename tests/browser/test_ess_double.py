"""A person logs in at the ESS double and answers an access request, in a real browser."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

from playwright.async_api import Browser

from solidgate.testing.ess import EssDouble
from solidgate.testing.ess.visitor import Visitor


async def test_a_person_logs_in_and_gives_less_than_was_asked(chromium: Browser) -> None:
    async with EssDouble() as ess:
        alice, hub = ess.add_person("alice"), ess.add_person("hub")
        url, back = f"{alice.pod}a.ttl", f"{ess.storage_url}.well-known/solid"
        ess.put(url, b"<> a <x:Y> .")
        page = await chromium.new_page()
        async with Visitor(ess, ess.access(hub.webid)) as asker:
            wish = {"redirect_uris": [back], "token_endpoint_auth_method": "none"}
            client = await asker.call("POST", f"{ess.openid_url}/registration", json=wish)
            asked = {
                "response_type": "code",
                "client_id": client.json()["client_id"],
                "redirect_uri": back,
                "scope": "openid webid",
                "code_challenge": "x",
                "code_challenge_method": "S256",
            }
            await page.goto(f"{ess.openid_url}/authorization?{urlencode(asked)}")
            await page.fill("[name=username]", alice.username)
            await page.fill("[name=password]", alice.password)
            await page.click("[name=submit]")
            assert "code" in parse_qs(urlsplit(page.url).query)
            request = (await asker.ask(alice.webid, url, mode=["Read", "Write"])).json()
            query = urlencode({"requestVcUrl": request["id"], "redirectUrl": back})
            await page.goto(f"{ess.access_ui_url}?{query}")
            assert await page.text_content("#requestor") == hub.webid
            await page.uncheck("[value=Write]")
            await page.click("#approve")
            (grant,) = parse_qs(urlsplit(page.url).query)["accessGrantUrl"]
            given = (await asker.call("GET", grant)).json()["credentialSubject"]["providedConsent"]
            assert given["mode"] == ["Read"]
