"""The story, act by act: agree, invite, decide, run, look, ask, withdraw. Every statement is verified.

A statement about a pod is checked in the pod and in the pod server's own log; a statement about an answer
is checked by asking again. What does not hold ends the story with ``Unproven``.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field

from solidgate.errors import Unproven
from solidgate.testing.demo import outside
from solidgate.testing.demo.stage import SPACE_ID, Say, Stage, operate, space_file
from solidgate.testing.demo.visitor import Visitor
from solidgate.testing.people import Person

DECISIONS = {"alice": "yes", "bob": "yes", "carol": "no"}
RUN_SECONDS = 60.0
STOP_ATTEMPTS = 10
QUIET_SECONDS = 2.0
QUERY = """\
PREFIX energy: <https://w3id.org/solidgate/examples/home-energy#>
SELECT ?home ?yearlyUse ?baseLoad ?band ?advice WHERE {
  ?home a energy:HomeProfile ;
    energy:yearlyUse ?yearlyUse ; energy:baseLoad ?baseLoad ; energy:band ?band ; energy:advice ?advice .
} ORDER BY ?yearlyUse
"""


@dataclass(slots=True)
class Told:
    """What one person's part came to: the lines of the printed document."""

    webid: str
    pod: str
    decision: str
    consent: str = ""
    receipt: str = ""
    result_url: str | None = None
    result_sha256: str | None = None
    outcome: str = ""


@dataclass(slots=True)
class Story:
    """The story so far; ``document`` is what ``--json`` prints."""

    stage: Stage
    say: Say
    people: dict[str, Told] = field(default_factory=dict)
    visitors: dict[str, Visitor] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    space: dict[str, object] = field(default_factory=dict)
    run: dict[str, object] = field(default_factory=dict)
    query: dict[str, object] = field(default_factory=dict)
    withdrawal: dict[str, object] = field(default_factory=dict)

    @property
    def document(self) -> dict[str, object]:
        """Everything, as plain values."""
        return {
            "space": self.space,
            "people": [asdict(person) for person in self.people.values()],
            "run": self.run,
            "query": self.query,
            "withdrawal": self.withdrawal,
            "timings": {step: round(seconds, 3) for step, seconds in self.timings.items()},
        }

    @asynccontextmanager
    async def act(self, name: str) -> AsyncIterator[None]:
        """Measure one act in seconds."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.timings[name] = time.perf_counter() - began

    def prove(self, holds: object, statement: str) -> None:
        """Raise ``Unproven`` unless it holds."""
        if not holds:
            raise Unproven(statement)


async def tell(stage: Stage, say: Say) -> Story:
    """The whole story. Raises ``Unproven`` at the first statement that does not hold."""
    story = Story(stage, say)
    began = time.perf_counter()
    async with AsyncExitStack() as stack:
        async with story.act("agree"):
            invitation = await agree(story)
        mark = stage.pods.mark()
        for person in stage.people:
            visitor = await stack.enter_async_context(Visitor(stage.gate, person))
            story.visitors[person.name] = visitor
            async with story.act(f"consent_{person.name}"):
                await _decide(story, visitor, invitation)
        async with story.act("run"):
            await _run(story)
        async with story.act("verify"):
            await _verify_results(story, mark)
        async with story.act("query"):
            await _query(story, rows=2)
        async with story.act("withdraw"):
            await _withdraw(story, stage.people[0])
    story.timings["story"] = time.perf_counter() - began
    return story


async def agree(story: Story) -> str:
    """The operator opens the space; its parties submit and approve the program; the consumer invites."""
    stage, say = story.stage, story.say
    file = space_file(stage)
    made = await operate(
        stage,
        [
            *("space", "create", str(file)),
            *("--set", f"owner={stage.owner.webid}"),
            *("--set", f"code_provider={stage.coder.webid}"),
            *("--set", f"consumer={stage.consumer.webid}"),
        ],
    )
    say(f"1 agree     space {SPACE_ID} is open under terms {str(made['agreement_digest'])[:23]}...")
    async with (
        stage.client(stage.owner) as owner,
        stage.client(stage.coder) as coder,
        stage.client(stage.consumer) as consumer,
    ):
        program = await coder.submit_algorithm(SPACE_ID, file.parent / "algorithm")
        for party in (owner, coder, consumer):
            await party.approve(SPACE_ID, str(made["agreement_digest"]), program)
        invitation = await consumer.invite(SPACE_ID, uses=0, days=1)
    say(f"            all three organisations approved exactly {program[:23]}...")
    story.space = {
        "id": SPACE_ID,
        "iri": f"{stage.gate}spaces/{SPACE_ID}",
        "agent": f"{stage.gate}spaces/{SPACE_ID}/agent#it",
        "agreement": made["agreement_digest"],
        "algorithm": program,
    }
    return invitation


async def _decide(story: Story, visitor: Visitor, invitation: str) -> None:
    """One person: invitation, login at their own provider, the question, an answer."""
    person = visitor.person
    decision = DECISIONS[person.name]
    question = await visitor.open_request(invitation)
    story.prove("/requests/" in question.url, f"{person.name} arrives at the question after the login")
    request_path = outside.path_of(question.url)
    form = question.form(request_path)
    button = next(name for name, value in form.buttons if value == decision)
    answered = await visitor.submit(question, request_path, {button: decision})
    story.prove("/consents/" in answered.url, f"{person.name}'s answer leads to its record")
    consent_path = outside.path_of(answered.url)
    record = json.loads((await visitor.get(consent_path, "application/json")).text)
    told = Told(person.webid, person.pod, decision, f"{story.stage.gate}{consent_path[1:]}")
    told.receipt = record["receipt"]
    told.outcome = record["status"]
    story.people[person.name] = told
    await _verify_decision(story, person, record, decision)


async def _verify_decision(story: Story, person: Person, record: Mapping[str, object], decision: str) -> None:
    """The receipt of a yes stands in the pod, for its owner alone, and the door gives Read; a no leaves the
    pod as it was."""
    if decision == "yes":
        await _verify_yes(story, person, record)
    else:
        await _verify_no(story, person, record)


async def _verify_yes(story: Story, person: Person, record: Mapping[str, object]) -> None:
    agent, resources = str(story.space["agent"]), _resources(record)
    copy = await outside.fetch(str(record["receipt_url"]), person)
    story.prove(copy.content.decode() == record["receipt"], f"{person.name}'s pod holds the receipt")
    stranger = await outside.fetch(str(record["receipt_url"]), None)
    story.prove(stranger.status == 401, f"nobody else reads {person.name}'s receipt")
    granted = [(await outside.modes(url, person)).get(agent, set()) for url in resources]
    story.prove(granted and all(one == {"Read"} for one in granted), "the door gives Read, no more")
    story.say(f"2 consent   {person.name} says yes: {len(resources)} documents opened to Read, for the space")


async def _verify_no(story: Story, person: Person, record: Mapping[str, object]) -> None:
    story.prove(bool(record["receipt"]) and not record["receipt_url"], "a no has a receipt, here alone")
    written = await outside.fetch(f"{person.pod}solidgate/", person)
    story.prove(written.status == 404, "a no writes nothing into the pod")
    asked = await outside.fetch(f"{person.pod}energy/", person)
    story.prove(str(story.space["agent"]).encode() not in asked.content, "a no opens nothing")
    story.say(f"2 consent   {person.name} says no: recorded, nothing opened, read or written")


def _resources(record: Mapping[str, object]) -> list[str]:
    inner = record["record"]
    assert isinstance(inner, Mapping)
    return [str(url) for url in inner["resources"]]


async def _run(story: Story) -> None:
    async with story.stage.client(story.stage.consumer) as consumer:
        run_id = await consumer.start_run(SPACE_ID)
        shown = await _finished(story, run_id)
    story.run = {"id": run_id, **{key: shown[key] for key in ("state", "counts", "outcomes", "aggregate")}}
    story.say(f"3-5 run     pulled, derived in the sandbox, checked with SHACL: {shown['state']}")


async def _finished(story: Story, run_id: str) -> dict[str, object]:
    deadline = time.monotonic() + RUN_SECONDS
    async with story.stage.client(story.stage.consumer) as consumer:
        while time.monotonic() < deadline:
            shown = await consumer.run(SPACE_ID, run_id)
            if shown["state"] == "finished" and (shown["aggregate"] or shown["outcomes"]):
                return shown
            await asyncio.sleep(0.1)
    raise Unproven(f"the run finishes within {RUN_SECONDS:.0f} seconds")


async def _verify_results(story: Story, mark: int) -> None:
    """Each yes has one result in the pod, for owner and space alone; the no had no byte read."""
    agent = str(story.space["agent"])
    for person in story.stage.people:
        told = story.people[person.name]
        view = await _view(story, person)
        if told.decision == "no":
            read = outside.reads_below(story.stage.pods, mark, outside.path_of(f"{person.pod}energy/"))
            story.prove(not [path for path in read if path.endswith(".ttl")], "a no has no byte read")
            story.prove(view["results"] == [], "a no has no result")
            told.outcome = "refused: nothing read"
            continue
        (result,) = [one for one in view["results"] if one["state"] == "written"]
        found = await outside.fetch(result["url"], person)
        story.prove(found.sha256 == result["sha256"], f"{person.name}'s pod holds exactly the result")
        story.prove((await outside.fetch(result["url"], None)).status == 401, "nobody else reads a result")
        folder = result["url"].rsplit("/", 1)[0] + "/"
        allowed = await outside.modes(folder, person)
        # With Access Control Policy the owner is not named again: what holds above holds here too.
        named = agent in allowed and set(allowed) <= {person.webid, agent}
        story.prove(named, "only the owner and the space reach the results")
        told.result_url, told.result_sha256, told.outcome = result["url"], result["sha256"], "written"
        story.say(f"6 write     {person.name}'s result stands in their own pod, read back and hashed")


async def _view(story: Story, person: Person) -> dict[str, list[dict[str, str]]]:
    path = outside.path_of(story.people[person.name].consent)
    shown = await story.visitors[person.name].get(path, "application/json")
    view: dict[str, list[dict[str, str]]] = json.loads(shown.text)
    return view


async def _query(story: Story, rows: int) -> list[dict[str, str]]:
    async with story.stage.client(story.stage.consumer) as consumer:
        found = await consumer.rows(SPACE_ID, QUERY)
    story.prove(len(found) == rows, f"the query answers with {rows} rows, not {len(found)}")
    text = json.dumps(found)
    story.prove(
        not any(person.webid in text or person.pod in text for person in story.stage.people),
        "the query names nobody",
    )
    if not story.query:
        story.query = {"text": QUERY, "rows": found}
        story.say(f"7 query     the organisation sees {len(found)} derived rows, and no document")
    return found


async def _withdraw(story: Story, person: Person) -> None:
    """Withdraw while the person's part of a second run is under way; then show that nothing goes on."""
    stage, told = story.stage, story.people[person.name]
    visitor = story.visitors[person.name]
    path = outside.path_of(told.consent)
    page = await visitor.get(path)
    run_id = await _under_way(story, path, visitor)
    began = time.perf_counter()
    ended = await visitor.submit(page, f"{path}/withdraw", {}, accept="application/json")
    seconds = time.perf_counter() - began
    mark = stage.pods.mark()
    story.prove(ended.status == 200, f"the withdrawal is complete at once (answered {ended.status})")
    withdrawal = json.loads(ended.text)
    story.prove(withdrawal["stopped"] >= 1, "the withdrawal stops the person's running work")
    await _finished(story, run_id)
    rows = await _query(story, rows=1)
    await asyncio.sleep(QUIET_SECONDS)
    # Before this very check looks into the pod itself: whatever its log holds now was done by others.
    touched = outside.touched(stage.pods, mark, person)
    story.prove(not touched, f"nothing reaches {person.name}'s pod after the withdrawal was answered")
    await _verify_closed(story, person, run_id)
    story.withdrawal = {
        "webid": person.webid,
        "consent": told.consent,
        "status": ended.status,
        "quiescent": withdrawal["quiescent"],
        "door": withdrawal["door"],
        "stopped_parts": withdrawal["stopped"],
        "rows_left": len(rows),
        "seconds": round(seconds, 3),
        "receipt": withdrawal["receipt"],
    }
    told.outcome = "withdrawn"
    story.say(f"withdraw    {person.name}: work stopped, door closed, one row less, in {seconds:.2f} s")


async def _under_way(story: Story, path: str, visitor: Visitor) -> str:
    """Start a run and wait until this person's part of it is being worked on; the run's id."""
    async with story.stage.client(story.stage.consumer) as consumer:
        for _ in range(STOP_ATTEMPTS):
            run_id = await consumer.start_run(SPACE_ID)
            if await _working(visitor, path, run_id):
                return run_id
    raise Unproven("a part of a run is seen under way")


async def _working(visitor: Visitor, path: str, run_id: str) -> bool:
    """True as soon as the part is being worked on; false when it ended before that was seen."""
    deadline = time.monotonic() + RUN_SECONDS
    while time.monotonic() < deadline:
        shown = json.loads((await visitor.get(f"{path}/activity", "application/json")).text)
        states = {line["action"] for line in shown["activity"] if line["run"] == run_id}
        if states & {"run.pulling", "run.running", "run.validating"}:
            return True
        if states & {"run.written", "run.failed", "run.refused", "run.stopped"}:
            return False
        await asyncio.sleep(0.02)
    return False


async def _verify_closed(story: Story, person: Person, run_id: str) -> None:
    agent = str(story.space["agent"])
    view = await _view(story, person)
    for url in _resources(view):
        allowed = await outside.modes(url, person)
        story.prove(agent not in allowed, "the door is closed on every document")
    container = str(view["record"]["result_container"])  # type: ignore[call-overload]
    story.prove(agent not in await outside.modes(container, person), "the door to the results is closed")
    told = [one for one in view["results"] if one["state"] == "written"]
    story.prove(len(told) == 1, f"run {run_id} wrote nothing for the person")
