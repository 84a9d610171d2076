"""What happened to one consent, line by line, from what is held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from solidgate.audit.activity import Reached, Rows
from solidgate.consent.record import ConsentRecord
from solidgate.pod.door_event import DoorLine
from solidgate.run.delivery import DeliveryRow
from solidgate.run.state import WITHOUT_RESULT, PartState, StepRow, furthest


@dataclass(frozen=True, slots=True)
class ActivityLine:
    """One thing that happened; ``action`` is a stable key that pages put into words.

    ``reached`` is how far a part had come that ended without a result.
    """

    at: datetime
    action: str
    run: str = ""
    outcome: str = ""
    reached: str = ""


def reached(step: StepRow, steps: Sequence[StepRow]) -> str:
    """How far the part had come that this step ended without a result; empty for any other step."""
    if step.state not in WITHOUT_RESULT:
        return ""
    return furthest(one.state for one in steps if one.run_id == step.run_id).value


def reached_by(rows: Rows) -> Reached:
    """The same of all parts of one person, from what is held about them."""
    passed: dict[tuple[str, str], list[PartState]] = {}
    for step in rows["steps"]:
        passed.setdefault((step["run_id"], step["consent_id"]), []).append(PartState(step["state"]))
    over = [part for part in rows["parts"] if PartState(part["state"]) in WITHOUT_RESULT]
    ids = [(part["run_id"], part["consent_id"]) for part in over]
    return {one: furthest(passed.get(one, ())).value for one in ids}


def lines(
    record: ConsentRecord,
    steps: Sequence[StepRow],
    deliveries: Sequence[DeliveryRow],
    at_door: Sequence[DoorLine],
) -> tuple[ActivityLine, ...]:
    """Everything that happened to one consent, oldest first."""
    found = [ActivityLine(event.at, f"consent.{event.status.value}") for event in record.events]
    found += [
        ActivityLine(
            step.at, f"run.{step.state.value}", step.run_id, step.outcome or "", reached(step, steps)
        )
        for step in steps
    ]
    found += [ActivityLine(one.at, f"door.{one.event}", outcome=one.problem or "") for one in at_door]
    found += [
        ActivityLine(row.resolved or row.planned, f"result.{row.state.value}", row.run_id)
        for row in deliveries
    ]
    return tuple(sorted(found, key=lambda line: line.at))
