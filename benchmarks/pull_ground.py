"""The ground of ``benchmarks.pull``: a real Community Solid Server with many pods that let a space in.

Each pod has a WebID of its own, a private document of ten variables, and its owner's access control lists.
They are put into the server's folder, as its account API would; owners never log in here, the space does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from solidgate.adapters.clock import SystemClock
from solidgate.adapters.enclave_keys import SealedEnclaveKeys, SpaceAccess, SpaceKeyStore
from solidgate.adapters.http import GuardedFetcher
from solidgate.adapters.http_policy import FetchPolicy
from solidgate.adapters.solid_pod import SolidPod
from solidgate.consent.decide import ActiveConsent
from solidgate.flow.world import World
from solidgate.pod.door import Door
from solidgate.testing.css import CommunityServer
from solidgate.testing.people import Person, create_person
from solidgate.testing.relying import relying_party

SPACE = "bench"
NAMES = "@prefix acl: <http://www.w3.org/ns/auth/acl#> .\n@prefix foaf: <http://xmlns.com/foaf/0.1/> .\n"
STORAGE = "<> a <http://www.w3.org/ns/pim/space#Storage> .\n"


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod of the ground."""

    root: str
    owner: str

    @property
    def document(self) -> str:
        """The private document."""
        return f"{self.root}health/variables.ttl"

    @property
    def results(self) -> str:
        """Where results of a run would go."""
        return f"{self.root}results/"

    def door(self, agent: str) -> Door:
        """What the space was given."""
        return Door(agent, self.owner, (self.document,), self.results)

    def active(self) -> ActiveConsent:
        """A consent that lists the document."""
        now = datetime.now(UTC)
        return ActiveConsent(
            consent_id=self.owner,
            epoch=1,
            data_subject=self.owner,
            purpose="bench",
            resources=(self.document,),
            result_container=self.results,
            until=now + timedelta(days=1),
            decided_at=now,
        )


@dataclass(frozen=True, slots=True)
class Ground:
    """The pods, the space's access, and the parts of the product that pull. ``client`` logs in by itself."""

    server: CommunityServer
    world: World
    fetcher: GuardedFetcher
    access: SpaceAccess
    client: Person
    pods: tuple[Pod, ...]


@asynccontextmanager
async def open_ground(most: int) -> AsyncIterator[Ground]:
    """A ground with so many pods; everything of it is gone afterwards."""
    async with CommunityServer() as server, relying_party() as party:
        clock = SystemClock()
        # The party serves the space's WebID and its keys from the same memory.
        keys = SealedEnclaveKeys(cast(SpaceKeyStore, party.store), b"k" * 32, clock, party.public_url)
        access = await keys.access_for(SPACE)
        client = await create_person(server.base_url, "client")
        pods = tuple(_made(server, number, (access.webid, client.webid)) for number in range(most))
        fetcher = GuardedFetcher(FetchPolicy(allow_private_addresses=True), clock)
        world = replace(party, fetcher=fetcher, pods=SolidPod(fetcher, clock))
        try:
            yield Ground(server, world, fetcher, access, client, pods)
        finally:
            await fetcher.aclose()


def _made(server: CommunityServer, number: int, readers: tuple[str, ...]) -> Pod:
    """A pod in the server's folder: its root with a list, a profile, the document with a list of its own."""
    root = f"{server.base_url}person-{number:04}/"
    pod, folder = Pod(root, f"{root}profile/card#me"), server.root / f"person-{number:04}"
    owner = f"acl:agent <{pod.owner}>; acl:mode acl:Read, acl:Write, acl:Control"
    _put(folder / ".meta", STORAGE)
    _put(folder / ".acl", f"{NAMES}<#o> a acl:Authorization; {owner}; acl:accessTo <./>; acl:default <./>.\n")
    _put(folder / "profile" / "card$.ttl", f"{NAMES}<#me> a foaf:Person .\n")
    _put(folder / "health" / "variables.ttl", _variables(number))
    let_in = ", ".join(f"<{one}>" for one in readers)
    _put(
        folder / "health" / "variables.ttl.acl",
        f"{NAMES}<#o> a acl:Authorization; {owner}; acl:accessTo <./variables.ttl>.\n"
        f"<#s> a acl:Authorization; acl:agent {let_in}; acl:mode acl:Read; acl:accessTo <./variables.ttl>.\n",
    )
    return pod


def _variables(number: int) -> str:
    lines = (f"<#v{place}> <urn:ex:value> {(number * 7 + place * 13) % 1000} ." for place in range(10))
    return "\n".join(lines) + "\n"


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
