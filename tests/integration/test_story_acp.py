"""The whole journey on a real server with Access Control Policy, told once."""

from __future__ import annotations

from pathlib import Path

import pytest

from solidgate.testing.css import ACP
from solidgate.testing.demo import outside
from solidgate.testing.demo.stage import YEAR, set_up
from solidgate.testing.demo.story import tell


@pytest.mark.timeout(420)
async def test_the_story_holds_with_access_control_policy(tmp_path: Path) -> None:
    """From login to withdrawal: each statement is proved from outside, and the door was one of ACP."""
    async with set_up(tmp_path, lambda line: None, config=ACP) as stage:
        story = await tell(stage, lambda line: None)
        alice, bob, _ = stage.people
        opened, closed = (f"{one.pod}energy/{YEAR}/01.ttl" for one in (bob, alice))
        granted = await outside.modes(opened, bob)
        resource = (await outside.fetch((await outside.fetch(opened, bob)).acl, bob)).content.decode()
        left = await outside.fetch((await outside.fetch(closed, alice)).acl, alice)
    outcomes = [story.people[person.name].outcome for person in stage.people]
    assert outcomes == ["withdrawn", "written", "refused: nothing read"]
    assert story.withdrawal["door"] == "closed"
    assert granted == {str(story.space["agent"]): {"Read"}}
    assert "acp:AccessControlResource" in resource, "it was Access Control Policy that opened the door"
    assert "acl:Authorization" not in resource
    assert left.status == 404, "closing took away what opening had made"
