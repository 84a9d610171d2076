"""One contract, every implementation: a well-behaved double and the real server give the same answers."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from solidgate.adapters.clock import SystemClock
from solidgate.adapters.http import GuardedFetcher
from solidgate.adapters.http_policy import FetchPolicy
from solidgate.adapters.solid_pod import PodLimits, SolidPod
from solidgate.pod.door import Door
from solidgate.ports import Access
from solidgate.testing.certificates import Certificate, make_certificate
from solidgate.testing.css import ACP, SUBDOMAINS, CommunityServer
from solidgate.testing.localhost import LocalhostResolver
from solidgate.testing.people import Person, client_credentials_access, create_person
from solidgate.testing.pod import AwkwardPod

QUICK = PodLimits(first_pause=0.01, longest_pause=1.0)


@dataclass(frozen=True)
class Community:
    """The real server with an owner, an agent and a stranger, and their tokens."""

    server: CommunityServer
    people: tuple[Person, Person, Person]
    access: tuple[Access, Access, Access]


@dataclass(frozen=True)
class Scene:
    """One pod and those who come to it; ``folder`` is a container of this test only, not made yet."""

    server: CommunityServer | AwkwardPod
    fetcher: GuardedFetcher
    pods: SolidPod
    pod: str
    folder: str
    owner: Access
    agent: Access
    stranger: Access

    def door(self, *names: str, write: str | None = "results/") -> Door:
        """A door of the agent to these documents of the folder, and to its container of results."""
        read = tuple(self.folder + name for name in names)
        return Door(self.agent.webid, self.owner.webid, read, self.folder + write if write else None)

    async def put(self, name: str, content: bytes = b"<> a <x:Y> .", kind: str = "text/turtle") -> str:
        """A document of the folder, made by the owner."""
        url = self.folder + name
        await self.pods.create(self.owner, url, content, kind)
        return url


def _standing(server: CommunityServer) -> Iterator[Community]:
    """The server from start to end; it is a process, so no event loop need outlive a test."""

    async def begin() -> Community:
        await server.start()
        trust, names = server.trust, ("owner", "agent", "stranger")
        people = [await create_person(server.base_url, name, trust=trust) for name in names]
        access = [await client_credentials_access(person, trust=trust) for person in people]
        return Community(server, (people[0], people[1], people[2]), (access[0], access[1], access[2]))

    yield asyncio.run(begin())
    asyncio.run(server.stop())


@pytest.fixture(scope="session")
def community(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Community]:
    """One Community Solid Server with Web Access Control for the session."""
    yield from _standing(CommunityServer(tmp_path_factory.mktemp("css") / "pods"))


@pytest.fixture(scope="session")
def acp_community(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Community]:
    """One with Access Control Policy, started when a test first asks for it."""
    yield from _standing(CommunityServer(tmp_path_factory.mktemp("css") / "pods", config=ACP))


@pytest.fixture(scope="session")
def subdomain_community(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Community]:
    """One whose pods have hosts of their own."""
    yield from _standing(CommunityServer(tmp_path_factory.mktemp("css") / "pods", config=SUBDOMAINS))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Of a private authority, for localhost."""
    return make_certificate(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def https_community(
    tmp_path_factory: pytest.TempPathFactory, certificate: Certificate
) -> Iterator[Community]:
    """One over https, whose authority only the settings name."""
    yield from _standing(CommunityServer(tmp_path_factory.mktemp("css") / "pods", certificate=certificate))


@pytest.fixture
async def fetcher() -> AsyncIterator[GuardedFetcher]:
    """The product's own way out, with private addresses allowed as in development."""
    guarded = GuardedFetcher(
        FetchPolicy(allow_private_addresses=True), SystemClock(), resolver=LocalhostResolver()
    )
    yield guarded
    await guarded.aclose()


def _css_scene(community: Community, fetcher: GuardedFetcher) -> Scene:
    pod = community.people[0].pod
    folder = f"{pod}{secrets.token_hex(4)}/"
    pods = SolidPod(fetcher, SystemClock(), QUICK)
    return Scene(community.server, fetcher, pods, pod, folder, *community.access)


@pytest.fixture
async def css_scene(community: Community, fetcher: GuardedFetcher) -> Scene:
    """A scene on the real server."""
    return _css_scene(community, fetcher)


@pytest.fixture
async def css_acp_scene(acp_community: Community, fetcher: GuardedFetcher) -> Scene:
    """A scene on the real server with Access Control Policy."""
    return _css_scene(acp_community, fetcher)


@pytest.fixture
async def subdomain_scene(subdomain_community: Community, fetcher: GuardedFetcher) -> Scene:
    """A scene on the real server where the pod has a host of its own."""
    return _css_scene(subdomain_community, fetcher)


@pytest.fixture
async def https_scene(https_community: Community, certificate: Certificate) -> AsyncIterator[Scene]:
    """A scene on the real server over https; ``http.ca_file`` is all that is set for it."""
    policy = FetchPolicy(allow_private_addresses=True, ca_file=str(certificate.authority))
    guarded = GuardedFetcher(policy, SystemClock())
    yield _css_scene(https_community, guarded)
    await guarded.aclose()


@asynccontextmanager
async def _double(fetcher: GuardedFetcher, control: str) -> AsyncIterator[Scene]:
    async with AwkwardPod(control=control) as server:
        owner, agent, stranger = server.add_person("owner"), server.add_agent("it"), server.add_agent("else")
        access = [server.access(one.webid) for one in (owner, agent, stranger)]
        pods = SolidPod(fetcher, SystemClock(), QUICK)
        folder = f"{owner.pod}{secrets.token_hex(4)}/"
        yield Scene(server, fetcher, pods, owner.pod, folder, access[0], access[1], access[2])


@pytest.fixture
async def double_scene(fetcher: GuardedFetcher) -> AsyncIterator[Scene]:
    """A scene on the double, well-behaved until a test says otherwise."""
    async with _double(fetcher, "wac") as scene:
        yield scene


@pytest.fixture
async def double_acp_scene(fetcher: GuardedFetcher) -> AsyncIterator[Scene]:
    """The same, with Access Control Policy."""
    async with _double(fetcher, "acp") as scene:
        yield scene


EVERY_ACCESS_CONTROL = ["double", "double_acp", "css", "css_acp"]


@pytest.fixture(params=[*EVERY_ACCESS_CONTROL, "subdomain", "https"])
def anywhere(request: pytest.FixtureRequest) -> Scene:
    """For what depends on addresses and on the way to the server: also subdomains, and https."""
    found: Scene = request.getfixturevalue(f"{request.param}_scene")
    return found


@pytest.fixture(params=EVERY_ACCESS_CONTROL)
def scene(request: pytest.FixtureRequest) -> Scene:
    """The same test, once on each."""
    found: Scene = request.getfixturevalue(f"{request.param}_scene")
    return found
