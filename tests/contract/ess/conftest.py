"""A scene on the double of an Enterprise Solid Server, for the tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from solidgate.testing.ess import EssDouble, EssPerson
from solidgate.testing.ess.visitor import Visitor


@dataclass
class Scene:
    """Alice has a pod with one document; the hub asks her; nobody is anonymous."""

    ess: EssDouble
    alice: EssPerson
    hub: EssPerson
    owner: Visitor
    asker: Visitor
    nobody: Visitor
    url: str

    async def asked(self, **consent: Any) -> dict[str, Any]:
        answer = await self.asker.ask(self.alice.webid, self.url, **consent)
        assert answer.status == 201, answer.body
        return answer.json()

    async def granted(self, **consent: Any) -> dict[str, Any]:
        return self.ess.approve((await self.asked(**consent))["id"])


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with AsyncExitStack() as left:
        ess = await left.enter_async_context(EssDouble())
        alice, hub = ess.add_person("alice"), ess.add_person("hub")
        visitors = [Visitor(ess, ess.access(alice.webid)), Visitor(ess, ess.access(hub.webid)), Visitor(ess)]
        owner, asker, nobody = [await left.enter_async_context(one) for one in visitors]
        url = f"{alice.pod}energy/a.ttl"
        ess.put(url, b"<> a <x:Y> .")
        yield Scene(ess, alice, hub, owner, asker, nobody, url)
