"""The log's allow-list: nothing that was not thought about gets out."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
import structlog
from prometheus_client import REGISTRY

from solidgate.logs import FIELDS, configure_logs, logger

WEBID = "https://alice.pod.example/profile/card#me"


class Log:
    def __init__(self) -> None:
        self.stream = io.StringIO()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def log() -> Log:
    found = Log()
    configure_logs("info", own_url="https://gate.example/", stream=found.stream)
    return found


def test_a_known_field_is_written_and_an_unknown_one_is_dropped_and_counted(log: Log) -> None:
    before = REGISTRY.get_sample_value("solidgate_log_fields_dropped_total") or 0
    logger("run").info("run.began", run="r1", webid=WEBID, token="t")
    (line,) = log.lines()
    assert line["run"] == "r1"
    assert (line["event"], line["level"], line["source"]) == ("run.began", "info", "run")
    assert {"webid", "token"}.isdisjoint(line)
    assert REGISTRY.get_sample_value("solidgate_log_fields_dropped_total") == before + 2


@pytest.mark.parametrize("value", [f"no answer from {WEBID}", [WEBID], {"at": WEBID}, (1, WEBID)])
def test_an_address_in_a_value_is_replaced(log: Log, value: object) -> None:
    logger("pull").warning(f"failed at {WEBID}", detail=value)
    assert "alice" not in log.stream.getvalue()
    assert "<address>" in log.stream.getvalue()


def test_our_own_address_stays(log: Log) -> None:
    logger("gate").info("gate.listening", public_url="https://gate.example/spaces/s1")
    assert log.lines()[0]["public_url"] == "https://gate.example/spaces/s1"


def test_a_token_in_a_text_is_replaced(log: Log) -> None:
    logger("gate").info("refused", reason="eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl was late")
    assert log.lines()[0]["reason"] == "<token> was late"


def test_an_exception_keeps_its_kind_and_place_but_not_its_words(log: Log) -> None:
    try:
        try:
            raise KeyError("blood pressure 120")
        except KeyError as cause:
            raise ValueError(f"bad value at {WEBID}") from cause
    except ValueError:
        logger("run").exception("run.failed")
    (line,) = log.lines()
    assert [text.split(" ")[0] for text in line["fault"]] == ["ValueError", "KeyError"]
    assert "test_logs.py" in line["fault"][0]
    assert "120" not in log.stream.getvalue()
    assert "alice" not in log.stream.getvalue()


def test_the_standard_library_goes_the_same_way(log: Log) -> None:
    logging.getLogger("procrastinate.worker").warning("job for %s", WEBID, extra={"job": 7, "payload": WEBID})
    logging.getLogger("aiohttp.server").error("oops", exc_info=ValueError(WEBID))
    first, second = log.lines()
    assert (first["event"], first["job"], first["source"]) == ("job for <address>", 7, "procrastinate.worker")
    assert second["fault"] == ["ValueError"]
    assert "alice" not in log.stream.getvalue()


def test_the_request_number_of_the_context_is_on_every_line(log: Log) -> None:
    with structlog.contextvars.bound_contextvars(request_id="abc", webid=WEBID):
        logger("gate").info("x")
        logging.getLogger("y").warning("y")
    assert [line["request_id"] for line in log.lines()] == ["abc", "abc"]
    assert "alice" not in log.stream.getvalue()


def test_the_level_holds(log: Log) -> None:
    logger("gate").debug("hidden")
    logging.getLogger("y").debug("hidden")
    assert log.lines() == []


def test_no_field_is_for_a_person_or_a_token() -> None:
    assert FIELDS.isdisjoint(
        {"webid", "token", "url", "path", "name", "email", "query", "body", "headers", "ip"}
    )
