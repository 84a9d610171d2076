"""A pod that does not let its access control be changed: the person gets the text and puts it there."""

from __future__ import annotations

import html
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox
import pytest

from solidgate.adapters.pods import Pods
from solidgate.pod.door import DoorState
from solidgate.testing.gate import Browser, TestGate
from solidgate.testing.pod import Awkward, AwkwardPod, Resident
from tests.integration.pod_behind import open_pod_behind

SUFFIX = {"wac": ".acl", "acp": ".acr"}


@dataclass(frozen=True)
class Scene:
    """A gate over real HTTP, a pod that refuses every change of access control, and its person's yes."""

    gate: TestGate
    server: AwkwardPod
    pods: Pods
    alice: Resident
    browser: Browser
    consent: str
    control: str

    @property
    def document(self) -> str:
        return f"{self.alice.pod}energy/2025.ttl"

    def put(self, address: str, turtle: str) -> None:
        """As the person does in their pod's own screen."""
        self.server.put(address, turtle.encode())

    async def pastes(self) -> list[dict[str, object]]:
        """What the gate gives to put there."""
        answer = await self.browser.get(f"/consents/{self.consent}/door", "application/json")
        assert answer.status == 200, answer.text
        found: list[dict[str, object]] = json.loads(answer.content)["pastes"]
        return found


@pytest.fixture(params=["wac", "acp"])
async def scene(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    def refusing(server: AwkwardPod) -> None:
        server.misbehave("*", Awkward.REFUSES_ACCESS, amount=403)

    async with open_pod_behind(database_url, tmp_path, request.param, refusing) as behind:
        made = behind.view
        assert (made.door, made.door_problem) == (DoorState.CLOSED, "pod.access-control-refused")
        yield Scene(
            behind.gate,
            behind.server,
            behind.pods,
            behind.alice,
            behind.browser,
            made.record.consent_id,
            request.param,
        )


async def test_the_text_opens_the_door_and_checking_again_sees_it(scene: Scene) -> None:
    page = f"/consents/{scene.consent}"
    shown = (await scene.browser.get(page)).text
    texts = [html.unescape(text) for text in re.findall(r"<pre><code>(.*?)</code></pre>", shown, re.S)]
    pastes = await scene.pastes()
    assert [paste["turtle"] for paste in pastes] == texts
    assert all(html.escape(str(paste["address"])) in shown for paste in pastes)
    assert {paste["access_control"] for paste in pastes} == {scene.control}
    closed = await scene.browser.post(f"{page}/door/check", {}, "application/json")
    assert json.loads(closed.content) == {"door": "closed", "door_problem": "pod.access-control-refused"}

    for paste in pastes:
        scene.put(str(paste["address"]), str(paste["turtle"]))
    checked = await scene.browser.post(f"{page}/door/check", {}, "application/json")
    assert json.loads(checked.content) == {"door": "open", "door_problem": None}
    assert await scene.pastes() == []
    shown = (await scene.browser.get(page)).text
    assert "pod.access-control-refused" not in shown
    assert "<pre>" not in shown
    answer = await scene.browser.post(f"{page}/door/check", {})
    assert (answer.status, answer.place) == (303, page)


async def test_the_text_gives_what_was_agreed_and_keeps_the_owner_in(scene: Scene) -> None:
    space_server = scene.server.add_agent(
        "space"
    )  # a stand-in with a token; the space's own WebID is elsewhere
    agent = scene.gate.world.agent("home-energy")
    pastes = await scene.pastes()
    for paste in pastes:
        assert paste["whole"] is True
        scene.put(str(paste["address"]), str(paste["turtle"]).replace(agent, space_server.webid))
    access = scene.server.access(space_server.webid)
    assert (await scene.pods.read(access, scene.document, max_bytes=100)).content == b"<> <x:p> 1 ."
    owner = scene.server.access(scene.alice.webid)
    assert (await scene.pods.read(owner, scene.document, max_bytes=100)).content
    container = next(str(one["resource"]) for one in pastes if str(one["resource"]).endswith("/"))
    made = await scene.pods.create(access, f"{container}r.ttl", b"<> <x:p> 1 .", "text/turtle")
    assert made.exists
    await scene.pods.remove(owner, f"{container}r.ttl")
    assert (await scene.pods.state(owner, scene.document)).exists


async def test_where_nothing_can_be_seen_only_what_is_new_is_given(scene: Scene) -> None:
    """The pod shows its owner no access document: what is there is not known, so it is not replaced."""
    scene.server.misbehave(f"/alice/energy/2025.ttl{SUFFIX[scene.control]}", Awkward.HIDES_ACCESS)
    (paste,) = [one for one in await scene.pastes() if one["resource"] == scene.document]
    assert paste["whole"] is False
    assert scene.gate.world.agent("home-energy") in str(paste["turtle"])
    shown = (await scene.browser.get(f"/consents/{scene.consent}?lang=en")).text
    assert "Add this to what is there, and take nothing away." in shown


async def test_a_pod_that_names_no_place_gets_both_forms_unless_it_tells_by_its_modes(scene: Scene) -> None:
    scene.server.misbehave("/alice/energy/2025.ttl", Awkward.NO_ACL)
    found = [one for one in await scene.pastes() if one["resource"] == scene.document]
    assert {one["address"] for one in found} == {None}
    kinds = ["wac"] if scene.control == "wac" else ["wac", "acp"]
    assert [one["access_control"] for one in found] == kinds
    assert all("urn:solidgate" not in str(one["turtle"]) for one in found)
    shown = (await scene.browser.get(f"/consents/{scene.consent}?lang=en")).text
    assert "Use the sharing screen of your pod" in shown


async def test_all_texts_are_one_document_too(scene: Scene) -> None:
    for path, accept in (("door", "text/turtle"), ("door.ttl", "*/*")):
        answer = await scene.browser.get(f"/consents/{scene.consent}/{path}", accept)
        assert answer.headers["Content-Type"].startswith("text/turtle")
        triples = list(ox.parse(answer.content, format=ox.RdfFormat.TURTLE))
        agent = ox.NamedNode(scene.gate.world.agent("home-energy"))
        assert len([one for one in triples if one.object == agent]) == len(await scene.pastes())


async def test_a_pod_that_lets_itself_be_written_needs_no_text(scene: Scene) -> None:
    scene.server.behave()
    answer = await scene.browser.post(f"/consents/{scene.consent}/door", {}, "application/json")
    document = json.loads(answer.content)
    assert (document["door"], document["door_problem"]) == ("open", None)
    assert await scene.pastes() == []


async def test_opening_again_after_the_text_was_put_there_is_no_problem(scene: Scene) -> None:
    """Its own entry may differ from ours by a name; what counts is what the pod then shows."""
    agent = scene.gate.world.agent("home-energy")
    for paste in await scene.pastes():
        turtle = re.sub(r"#solidgate-agent-\w{16}", "#mine", str(paste["turtle"]))
        assert agent in turtle
        scene.put(str(paste["address"]), turtle)
    answer = await scene.browser.post(f"/consents/{scene.consent}/door", {}, "application/json")
    document = json.loads(answer.content)
    assert (document["door"], document["door_problem"]) == ("open", None)
