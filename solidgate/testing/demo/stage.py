"""The stage: real servers on free ports in one folder, people with pods full of readings, an organisation.

Everything is started the way an operator would start it; nothing of solidgate runs in this process.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from solidgate.assets import asset
from solidgate.errors import NotReady
from solidgate.sdk.client import GateClient
from solidgate.testing.css import WAC, CommunityServer, free_port
from solidgate.testing.demo.outside import credentials_of
from solidgate.testing.energy import energy_documents
from solidgate.testing.people import Person, create_person

READY_SECONDS = 90.0
YEAR = 2025
PEOPLE = ("alice", "bob", "carol")
ORGANISATIONS = ("energy-desk", "institute", "advice-service")
SPACE_ID = "home-energy"
GROUP_SIZE = 2
_GROUP = re.compile(r"^min_group_size = \d+$", re.MULTILINE)

Say = Callable[[str], None]

_SETTINGS = """\
environment = "development"

[server]
port = {port}
public_url = "{gate}"
data_folder = "{data}"

[http]
allow_private_addresses = true

[spaces]
min_group_size = {group_size}

[pull]
requests_per_second = {pace}

[sandbox]
minimum_level = 1

[consent]
pod_wait_seconds = 8
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that stands: the servers and who lives there."""

    gate: str
    pods: CommunityServer
    people: tuple[Person, ...]
    owner: Person
    coder: Person
    consumer: Person
    settings_file: Path
    folder: Path

    def client(self, organisation: Person) -> GateClient:
        """The organisation's own HTTP client, with its client credentials."""
        return GateClient(self.gate, credentials_of(organisation))


@asynccontextmanager
async def set_up(
    folder: Path, say: Say, *, port: int = 0, pace: int = 25, more: str = "", config: str = WAC
) -> AsyncIterator[Stage]:
    """Start the pod server and solidgate, make people and their readings; stop all of it at the end.

    ``pace`` is in requests a second of the worker to one pod server; ``more`` is added to the settings.
    ``config`` is the pod server's: ``css.WAC`` or ``css.ACP``.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    gate = f"http://localhost:{port or free_port()}/"
    say("Starting a Community Solid Server ...")
    async with CommunityServer(folder / "pods", config=config, log_file=folder / "pods.log") as pods:
        say("Making accounts and pods, and filling them with a year of electricity readings ...")
        people = tuple([await create_person(pods.base_url, name) for name in PEOPLE])
        owner, coder, consumer = [await create_person(pods.base_url, name) for name in ORGANISATIONS]
        await asyncio.gather(*(_fill(person, seed) for seed, person in enumerate(people)))
        say("Starting solidgate: its own PostgreSQL, the gate and the enclave worker ...")
        settings_file = _write_settings(folder, gate, pace, more)
        async with running(settings_file, folder / "solidgate.log", gate):
            yield Stage(gate, pods, people, owner, coder, consumer, settings_file, folder)


async def _fill(person: Person, seed: int) -> None:
    """Write the person's twelve monthly documents, as the person."""
    credentials = credentials_of(person)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        for path, content in energy_documents(seed, YEAR).items():
            url = person.pod + path
            headers = {
                **await credentials.headers(http, "PUT", url),
                "Content-Type": "text/turtle",
                "If-None-Match": "*",
            }
            async with http.put(url, data=content, headers=headers) as reply:
                if reply.status != 201:
                    raise NotReady(f"the pod server answered {reply.status} to a new document")


def _write_settings(folder: Path, gate: str, pace: int, more: str) -> Path:
    file = folder / "solidgate.toml"
    port = gate.rstrip("/").rsplit(":", 1)[1]
    text = _SETTINGS.format(port=port, gate=gate, data=folder / "data", group_size=GROUP_SIZE, pace=pace)
    file.write_text(f"{text}\n{more}", encoding="utf-8")
    return file


def command(*words: str) -> list[str]:
    """The command line of this very installation."""
    return [sys.executable, "-m", "solidgate", *words]


@asynccontextmanager
async def running(settings_file: Path, log_file: Path, gate: str) -> AsyncIterator[None]:
    """``solidgate serve`` as a child process, from ready to stopped."""
    environment = {**os.environ, "SOLIDGATE_CONFIG": str(settings_file)}
    with log_file.open("ab") as log:
        process = subprocess.Popen(  # noqa: ASYNC220 - starts a server; nothing waits on it here
            command("serve"), env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        await _until_ready(process, log_file, gate)
        yield
    finally:
        await asyncio.to_thread(_end, process)


async def _until_ready(process: subprocess.Popen[bytes], log_file: Path, gate: str) -> None:
    deadline = asyncio.get_running_loop().time() + READY_SECONDS
    async with aiohttp.ClientSession() as http:
        while asyncio.get_running_loop().time() < deadline:
            if process.poll() is not None:
                break
            try:
                async with http.get(f"{gate}readyz?worker=1") as reply:
                    if reply.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
    raise NotReady(f"solidgate did not start; its log ends with:\n{await asyncio.to_thread(_tail, log_file)}")


def _tail(log_file: Path) -> str:
    return "\n".join(log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


async def operate(stage: Stage, words: Sequence[str]) -> dict[str, object]:
    """One command of the operator, with ``--json``; its document. Raises ``NotReady`` when it fails."""
    process = await asyncio.create_subprocess_exec(
        *command(*words, "--json"),
        env={**os.environ, "SOLIDGATE_CONFIG": str(stage.settings_file)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, fault = await process.communicate()
    if process.returncode != 0:
        raise NotReady(f"solidgate {words[0]} {words[1]} failed: {fault.decode(errors='replace')[-800:]}")
    document: dict[str, object] = json.loads(output)
    return document


def space_file(stage: Stage) -> Path:
    """A copy of the example space that ships with solidgate, for a group as small as this one.

    The example asks for ten people before anything is said about the group; here there are three.
    """
    copy = stage.folder / "home-energy"
    if not copy.exists():
        shutil.copytree(asset("examples", "home-energy"), copy)
    file = copy / "space.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(_GROUP.sub(f"min_group_size = {GROUP_SIZE}", text), encoding="utf-8")
    return file


_GUIDE = """
Everything is up. Stop it with Ctrl-C.

  solidgate            {gate}
  the pod server       {pods}
  data and logs        {folder}

Try it as a person:
  1. open this invitation        {invitation}
  2. log in with a WebID below; the pod server asks for e-mail and password
{people}
  3. say yes or no, look at your page {gate}me, withdraw

Then ask as the organisation, in a second terminal (these are its credentials):
  export SOLIDGATE_ISSUER={issuer}
  export SOLIDGATE_CLIENT_ID={client_id}
  export SOLIDGATE_CLIENT_SECRET={secret}
  {solidgate} run start {space} --gate {gate}
  {solidgate} query {space} 'SELECT * WHERE {{ ?s ?p ?o }} LIMIT 20' --gate {gate}
"""


def guide(stage: Stage, invitation: str) -> str:
    """What a newcomer can do now: addresses, accounts and next steps."""
    people = "\n".join(
        f"       {person.webid}   e-mail {person.email}   password {person.password}"
        for person in stage.people
    )
    return _GUIDE.format(
        gate=stage.gate,
        pods=stage.pods.base_url,
        folder=stage.folder,
        invitation=invitation,
        people=people,
        issuer=stage.consumer.issuer,
        client_id=stage.consumer.credentials.client_id,
        secret=stage.consumer.credentials.secret,
        solidgate=Path(sys.executable).with_name("solidgate"),
        space=SPACE_ID,
    )
