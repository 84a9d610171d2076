"""The structured log: one JSON object a line on standard error, and only fields that were thought about.

A field that is not in ``FIELDS`` is dropped and counted, addresses and tokens inside a text are replaced, of
an exception only its kinds and places are kept: so no WebID, no token and no value from a pod can be logged
by accident, neither by us nor by a library.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import orjson
import structlog
from prometheus_client import Counter

FIELDS = frozenset(
    {
        *("event", "level", "timestamp", "source", "request_id", "method", "route", "status", "milliseconds"),
        *("bytes", "count", "attempt", "seconds", "limit", "setting", "code", "detail", "fault", "reason"),
        *("level_achieved", "level_wanted", "space", "run", "batch", "job", "task", "consent", "request"),
        *("algorithm", "digest", "outcome", "part", "process", "pid", "exit", "host", "port", "version"),
        *("revision", "environment", "folder", "public_url"),
    }
)

_DROPPED = Counter("solidgate_log_fields_dropped", "Log fields that are not on the list and were dropped.")
_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]{1,15}://[^\s\"'<>|\\^`{}]+", re.IGNORECASE)
_TOKEN = re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*){1,4}")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_QUIET = {
    "aiohttp.access": logging.CRITICAL,
    "alembic": logging.WARNING,
    "asyncio": logging.WARNING,
    "procrastinate": logging.WARNING,
    "sqlalchemy": logging.WARNING,
}

Event = MutableMapping[str, Any]


def logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose lines carry ``name``; its methods take an event such as ``run.began``, then fields."""
    found: structlog.typing.FilteringBoundLogger = structlog.get_logger(source=name)
    return found


def configure_logs(
    level: str = "info", form: str = "json", *, own_url: str = "", stream: TextIO | None = None
) -> None:
    """Route structlog and the standard library through one chain; ``own_url`` may stay readable."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    _set_chain(threshold, form, own_url, stream or sys.stderr)
    _route_standard_logging(threshold)


def _set_chain(threshold: int, form: str, own_url: str, output: TextIO) -> None:
    chain: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
        faults_without_words,
        allowed_only,
        _Scrubber(own_url),
        structlog.dev.ConsoleRenderer(colors=output.isatty()) if form == "console" else _json_line,
    ]
    structlog.configure(
        processors=chain,
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=output),
        cache_logger_on_first_use=False,
    )


def faults_without_words(_logger: Any, _method: str, event: Event) -> Event:
    """Of an exception, its chain of kinds and the places in the code: messages may quote what must not be."""
    found = event.pop("exc_info", None)
    event.pop("stack_info", None)
    fault = sys.exc_info()[1] if found is True else found[1] if isinstance(found, tuple) else found
    if isinstance(fault, BaseException):
        event["fault"] = [_described(link) for link in _chain(fault)]
    return event


def allowed_only(_logger: Any, _method: str, event: Event) -> Event:
    """Drop every field that is not in ``FIELDS``, and count it."""
    for name in [name for name in event if name not in FIELDS]:
        del event[name]
        _DROPPED.inc()
    return event


class _Scrubber:
    """Replaces addresses other than our own, and tokens, in every text of an event."""

    def __init__(self, own_url: str) -> None:
        self._own_url = own_url

    def __call__(self, _logger: Any, _method: str, event: Event) -> Event:
        for name, value in event.items():
            event[name] = self._clean(value)
        return event

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            text = _ADDRESS.sub(self._address, value) if "://" in value else value
            return _TOKEN.sub("<token>", text) if "eyJ" in text else text
        if isinstance(value, Mapping):
            return {str(key): self._clean(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self._clean(inner) for inner in value]
        if value is None or isinstance(value, (bool, int, float)):
            return value
        return self._clean(str(value))

    def _address(self, match: re.Match[str]) -> str:
        text = match.group()
        return text if self._own_url and text.startswith(self._own_url) else "<address>"


class _Bridge(logging.Handler):
    """Hands records of the standard library to the chain."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; a failing log never stops the work."""
        try:
            fields = {name: value for name, value in vars(record).items() if name not in _STANDARD}
            fields["source"] = record.name
            if record.exc_info:
                fields["exc_info"] = record.exc_info
            logger = structlog.get_logger()
            logger.log(record.levelno, record.getMessage(), **fields)
        except Exception:  # noqa: BLE001 - the contract of logging handlers
            self.handleError(record)


def _route_standard_logging(threshold: int) -> None:
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Bridge)]:
        root.removeHandler(handler)
    root.addHandler(_Bridge())
    root.setLevel(threshold)
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(threshold, least))
    logging.raiseExceptions = False


def _json_line(_logger: Any, _method: str, event: Event) -> str:
    return orjson.dumps(event, default=str).decode()


def _chain(fault: BaseException) -> list[BaseException]:
    links: list[BaseException] = []
    link: BaseException | None = fault
    while link is not None and len(links) < 5:
        links.append(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return links


def _described(fault: BaseException) -> str:
    frames = traceback.extract_tb(fault.__traceback__)[-6:]
    places = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames]
    return f"{type(fault).__name__} at {' < '.join(reversed(places))}" if places else type(fault).__name__


if not structlog.is_configured():
    # Who uses solidgate as a library gets warnings on standard error, never lines in their output.
    _set_chain(logging.WARNING, "json", "", sys.stderr)
