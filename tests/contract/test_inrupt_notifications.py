"""Inrupt's own notification client finds our double of the ESS gateway, is let in, and understands it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from solidgate.testing import tools
from solidgate.testing.ess_notifications import EssNotifications
from solidgate.testing.pod import AwkwardPod

SCRIPT = Path(__file__).parent / "notifications" / "listen.cjs"
SECONDS = 60


@asynccontextmanager
async def listening(asked: dict[str, object]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Their client on one topic, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        str(tools.node()),
        str(SCRIPT),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "NODE_PATH": str(tools.css_server().parents[3])},
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(asked).encode())
    process.stdin.close()
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    assert process.stderr is not None
    found = (await asyncio.wait_for(process.stdout.readline(), SECONDS)).decode().strip()
    assert found, (await process.stderr.read()).decode()
    return found


async def test_inrupts_client_hears_of_a_change_through_our_gateway() -> None:
    async with AwkwardPod() as pod, EssNotifications() as ess:
        pod.notifications.gateway = ess
        alice = pod.add_person("alice")
        topic = f"{alice.pod}a.ttl"
        pod.put(topic, b"<> <x:n> 1 .")
        access = pod.access(alice.webid)
        asked = {"topic": topic, "token": access.token, "key": dict(access.key.private_jwk)}
        async with listening(asked) as process:
            assert await line(process) == "connected"
            pod.put(topic, b"<> <x:n> 2 .")
            pod.put(f"{alice.pod}b.ttl", b"<> <x:n> 3 .")
            told = json.loads(await line(process))
            assert (told["type"], told["object"]) == ("Update", topic)
            pod.put(topic, b"<> <x:n> 4 .")
            assert json.loads(await line(process))["state"] != told["state"]


async def test_inrupts_client_is_not_let_in_with_a_strangers_key() -> None:
    async with AwkwardPod() as pod, EssNotifications() as ess:
        pod.notifications.gateway = ess
        alice = pod.add_person("alice")
        mine, other = pod.access(alice.webid), pod.access(alice.webid)
        asked = {"topic": f"{alice.pod}a.ttl", "token": mine.token, "key": dict(other.key.private_jwk)}
        async with listening(asked) as process:
            await asyncio.wait_for(process.wait(), SECONDS)
            assert process.stderr is not None
            assert "401" in (await process.stderr.read()).decode()
