"""A pod on the double of Enterprise Solid Server, its owner, and an agent that asks for access."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from solidgate.adapters.clock import SystemClock
from solidgate.adapters.http import GuardedFetcher
from solidgate.adapters.pods import Pods
from solidgate.adapters.solid_pod import PodLimits
from solidgate.flow.granted import Granted
from solidgate.pod.access_request import RequestedAccess, requested
from solidgate.pod.door import Door
from solidgate.pod.grant import Grant, renamed
from solidgate.ports import Access
from solidgate.testing.ess import EssDouble, EssPerson

QUICK = PodLimits(first_pause=0.01, longest_pause=0.5, attempts=2)
PURPOSE = "https://w3id.org/dpv#ServicePersonalisation"
CONTENT = b"<> a <https://example.org/ns#Reading> ."


@dataclass
class Scene:
    """A pod on the double, its owner, and an agent that asks; nothing between them but the adapter."""

    ess: EssDouble
    pods: Pods
    owner: EssPerson
    agent: EssPerson
    door: Door
    names: dict[str, str] = field(default_factory=dict)

    def access(self, person: EssPerson) -> Access:
        """What one of the people asks with; their login's ID token is with it."""
        access = self.ess.access(person.webid)
        return dataclasses.replace(access, identity=_id_token(self.ess, person), issuer=self.ess.openid_url)

    async def ask(self) -> tuple[RequestedAccess, list[str]]:
        """All requests of the door, issued."""
        urls = [*self.door.read, self.door.write or ""]
        self.names = {url: await self.pods.canonical(self.access(self.owner), url) for url in urls}
        until = datetime.now(UTC) + timedelta(days=30)
        wanted = requested(self.door, self.owner.pod, self.names, PURPOSE, until)
        by = self.access(self.agent)
        ids = [await self.pods.request_access(by, self.owner.pod, one.asked) for one in wanted.parts]
        return wanted, ids

    async def answer(self, document: dict[str, Any], wanted: RequestedAccess, ids: list[str]) -> Grant | None:
        """The first part's answer, as the gate takes it: with the owner's own session."""
        part = wanted.parts[0]
        return await self.pods.answer_of(
            self.access(self.owner), self.owner.pod, str(document["id"]), part.asked, ids[0]
        )

    async def granted(self, **narrowed: Any) -> Granted:
        """The agent's access once all was approved."""
        wanted, ids = await self.ask()
        grants = []
        for part, request_id in zip(wanted.parts, ids, strict=True):
            document = self.ess.approve(request_id, **narrowed)
            grant = await self.pods.answer_of(
                self.access(self.owner), self.owner.pod, str(document["id"]), part.asked, request_id
            )
            assert grant is not None
            grants.append(renamed(grant, self.names))
        return Granted(self.access(self.agent), grants)

    def revoke(self, access: Granted) -> None:
        """The owner revokes the first grant, by the server's own page."""
        self.ess.revoke(access.grants[0].id)

    def let_it_end(self, access: Granted) -> None:
        """The time of the grants passes at the server, whose clock decides."""
        self.ess.advance(timedelta(minutes=3))

    def by_agent(self) -> list[tuple[str, int]]:
        """What the agent was answered at the storage."""
        return [
            (seen.method, seen.status)
            for seen in self.ess.requests
            if seen.host == "storage" and seen.agent == self.agent.webid
        ]


def _id_token(ess: EssDouble, person: EssPerson) -> str:
    now = int(datetime.now(UTC).timestamp())
    claims = {"iss": ess.openid_url, "sub": person.webid, "webid": person.webid, "azp": "c", "aud": "c"}
    key = ess.ground.door.key
    return key.sign({"typ": "JWT", "kid": key.kid}, {**claims, "iat": now, "exp": now + 300})


async def scene_on(generation: Literal["2.x", "3.x"], fetcher: GuardedFetcher, ess: EssDouble) -> Scene:
    pods = Pods(fetcher, SystemClock(), QUICK)
    owner, agent = ess.add_person("anna"), ess.add_person("space")
    ess.put(owner.pod + "results/", b"")
    for name in ("a.ttl", "b.ttl"):
        ess.put(owner.pod + name, CONTENT)
    read = (owner.pod + "a.ttl", owner.pod + "b.ttl")
    return Scene(ess, pods, owner, agent, Door(agent.webid, owner.webid, read, owner.pod + "results/"))


async def read(scene: Scene, access: Access, name: str = "a.ttl") -> bytes:
    return (await scene.pods.read(access, scene.owner.pod + name, max_bytes=1000)).content
