"""The command line. ``COMMANDS`` is the list: one line a command, its code in a file beside this one."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from cyclopts import App

from solidgate import __version__
from solidgate.cli.common import as_json
from solidgate.errors import SolidgateError

REFUSED = 2
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Command:
    """``name`` as typed (``space create``); ``code`` as ``module:function``, loaded only when it is called.

    ``example`` stands in ``--help``, without the leading ``solidgate``.
    """

    name: str
    code: str
    summary: str
    example: str
    hidden: bool = False


COMMANDS = (
    Command(
        "serve",
        "solidgate.cli.serve:serve",
        "Start the gate, and a worker beside it.",
        "serve --config production.toml",
    ),
    Command(
        "worker", "solidgate.cli.worker:worker", "Start an enclave worker.", "worker --config production.toml"
    ),
    Command(
        "doctor",
        "solidgate.cli.doctor:doctor",
        "Check this installation and say what to do.",
        "doctor --config production.toml",
    ),
    Command(
        "config show",
        "solidgate.cli.config:show",
        "Print every setting in force, secrets hidden.",
        "config show --config production.toml",
    ),
    Command(
        "config check",
        "solidgate.cli.config:check",
        "Say whether all settings are right.",
        "config check --config production.toml",
    ),
    Command(
        "demo",
        "solidgate.cli.demo:demo",
        "The whole journey on real servers, to walk through or to watch once.",
        "demo --once",
    ),
    Command(
        "space create",
        "solidgate.cli.space:create",
        "Make a space from its file.",
        "space create examples/home-energy/space.toml --set owner=https://city.example/#it",
    ),
    Command(
        "space show",
        "solidgate.cli.space:show",
        "Print a space: digests, approvals, what is missing.",
        "space show home-energy",
    ),
    Command(
        "space publish",
        "solidgate.cli.space:publish",
        "Publish a new version of a space's agreement.",
        "space publish home-energy examples/home-energy/space.toml",
    ),
    Command("space close", "solidgate.cli.space:close", "Close a space.", "space close home-energy"),
    Command("invite", "solidgate.cli.space:invite", "Make an invitation.", "invite home-energy --uses 100"),
    Command(
        "algorithm new",
        "solidgate.cli.algorithm:new",
        "Make a folder with a small program that works.",
        "algorithm new my-program",
    ),
    Command(
        "algorithm check",
        "solidgate.cli.algorithm:check",
        "Find everything that is wrong with a program.",
        "algorithm check examples/home-energy/algorithm",
    ),
    Command(
        "algorithm test",
        "solidgate.cli.algorithm:run_samples",
        "Run a program's samples in the sandbox.",
        "algorithm test examples/home-energy/algorithm",
    ),
    Command(
        "algorithm pack",
        "solidgate.cli.algorithm:pack",
        "Write a program's package and print its digest.",
        "algorithm pack examples/home-energy/algorithm -o home-energy.zip",
    ),
    Command(
        "algorithm submit",
        "solidgate.cli.algorithm:submit",
        "Send a program to a space, as the code provider.",
        "algorithm submit home-energy home-energy.zip --gate https://gate.example/",
    ),
    Command(
        "algorithm approve",
        "solidgate.cli.algorithm:approve",
        "Say yes to one program under one agreement.",
        "algorithm approve home-energy --gate https://gate.example/",
    ),
    Command(
        "run start",
        "solidgate.cli.run:start",
        "Begin a run over everybody whose consent holds.",
        "run start home-energy --gate https://gate.example/",
    ),
    Command(
        "run show",
        "solidgate.cli.run:show",
        "Print how far a run is.",
        "run show home-energy 4f1c --gate https://gate.example/",
    ),
    Command(
        "query",
        "solidgate.cli.query:query",
        "Ask a SPARQL query over a space's derived data.",
        "query home-energy 'SELECT * WHERE { ?s ?p ?o } LIMIT 10' --gate https://gate.example/",
    ),
    Command(
        "consent invalidate",
        "solidgate.cli.consent:invalidate",
        "Declare a consent void.",
        "consent invalidate 6a8b2f0e-1c1f-4b6e-9b7e-5a3f0f3c2b11 --reason wrong-person",
    ),
    Command(
        "receipt verify",
        "solidgate.cli.receipt:verify",
        "Check a receipt and say what it proves.",
        "receipt verify receipt.jwt --jwks keys.json",
    ),
    Command(
        "consent show",
        "solidgate.cli.rights:show",
        "Print a consent record.",
        "consent show 4f1c2a9e-0b7d-4c1e-9a57-5d1f3b6c8e20",
    ),
    Command(
        "consent export",
        "solidgate.cli.rights:export",
        "Write everything that is held about a person.",
        "consent export https://anna.example/profile/card#me --output anna.zip",
    ),
    Command(
        "erase",
        "solidgate.cli.rights:erase",
        "Erase everything that is held about a person.",
        "erase https://anna.example/profile/card#me --dry-run",
    ),
    Command("version", "solidgate.cli.version:version", "Print the version.", "version --json"),
    Command(
        "gate",
        "solidgate.cli.gate:gate",
        "One gate process, as serve starts it.",
        "gate --host 127.0.0.1 --port 8080",
        hidden=True,
    ),
)

GROUPS = {
    "consent": "Consents of people.",
    "receipt": "Receipts of consent.",
    "algorithm": "Programs.",
    "config": "Settings.",
    "run": "Runs of a space's program.",
    "space": "Spaces of this installation.",
}


def make_cli(commands: Sequence[Command] = COMMANDS) -> App:
    """The whole command line; groups such as ``config`` are made from the names."""
    app = App(
        name="solidgate",
        help="Answers from personal data in Solid pods, without anyone seeing the data.",
        version=__version__,
    )
    groups: dict[str, App] = {}
    for command in commands:
        group, _, leaf = command.name.rpartition(" ")
        if group and group not in groups:
            groups[group] = App(name=group, help=GROUPS.get(group, ""))
            app.command(groups[group])
        target = groups[group] if group else app
        text = f"{command.summary}\n\nExample: ``solidgate {command.example}``"
        target.command(command.code, name=leaf, help=text, show=not command.hidden)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status: its own, or 2 with a named error on standard error."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with _what_is_loaded_stays() if arguments is None else nullcontext():
            begin = _loaded(tokens)
        result = begin()
    except SolidgateError as error:
        sys.stderr.write(told(error, in_json="--json" in tokens) + "\n")
        return REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else REFUSED
    return result if isinstance(result, int) and not isinstance(result, bool) else 0


def _loaded(tokens: Sequence[str]) -> Callable[[], Any]:
    """The command with its arguments. Raises ``SystemExit`` where they are wrong, which was told."""
    command, bound, _ = make_cli().parse_args(tokens)
    return partial(command, *bound.args, **bound.kwargs)


@contextmanager
def _what_is_loaded_stays() -> Iterator[None]:
    """Looking for garbage in it, at the start and at the exit, finds none and took a third of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def told(error: SolidgateError, *, in_json: bool) -> str:
    """Code, sentence, remedy and detail of a refusal, for people or for programs."""
    if in_json:
        return as_json(
            {"code": error.code, "sentence": error.sentence, "remedy": error.remedy, "detail": error.detail}
        )
    lines = [f"{error.code}: {error.sentence}"]
    if error.detail:
        lines.append(f"  detail: {error.detail}")
    if error.remedy:
        lines.append(f"  remedy: {error.remedy}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
