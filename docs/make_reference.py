"""Writes the pages of the reference that repeat the code, and the list of decisions.

``python docs/make_reference.py`` (``make docs``) writes them; a test compares them with what it would write.
"""

from __future__ import annotations

import io
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from rdflib import OWL, RDF, RDFS, SKOS, Graph, URIRef
from rich.console import Console

from solidgate.assets import asset
from solidgate.cli.main import COMMANDS, make_cli
from solidgate.errors import SolidgateError, every_error
from solidgate.settings import PREFIX, Settings, keys
from solidgate.web.problems import status_of
from solidgate.web.routes import ROUTES

DOCS = Path(__file__).resolve().parent
MADE = "<!-- Made by docs/make_reference.py from the code; change the code. -->\n\n"


def pages() -> dict[str, str]:
    """Path below ``docs/`` to content, for every generated page."""
    return {
        "decisions/index.md": page("Decisions", DECISIONS, decisions()),
        "reference/cli.md": page("Commands", CLI, commands()),
        "reference/errors.md": page("Errors", ERRORS, errors()),
        "reference/routes.md": page("Routes", ROUTES_INTRODUCTION, routes()),
        "reference/settings.md": page("Settings", SETTINGS, settings()),
        "reference/vocabulary.md": page("Vocabulary", VOCABULARY, terms()),
    }


def page(title: str, introduction: str, blocks: Iterator[str]) -> str:
    return f"{MADE}# {title}\n\n{introduction}\n\n" + "\n\n".join(blocks) + "\n"


ERRORS = """Every refusal and fault has a code that does not change, a sentence and a remedy. Over HTTP it
is an [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem document whose `code` is the code; on the
command line it is printed with its remedy, and with `--json` as an object. A detail, where there is one,
holds ids, digests and limits; never a WebID, a token or a value from a pod."""


def errors() -> Iterator[str]:
    for family, members in sorted(by_family().items(), key=lambda item: item[0].__name__):
        yield f"## {family.__name__}\n\n{family.__doc__}"
        for code, error in sorted(members.items()):
            status = f"HTTP status: {status_of(error)}."
            anchor = code.replace(".", "-")
            yield f"### {code} {{ #{anchor} }}\n\n{error.sentence}\n\nWhat to do: {error.remedy}\n\n{status}"


def by_family() -> dict[type[SolidgateError], dict[str, type[SolidgateError]]]:
    found: dict[type[SolidgateError], dict[str, type[SolidgateError]]] = defaultdict(dict)
    for code, error in every_error().items():
        family = next(kind for kind in error.__mro__[1:] if not kind.__dict__.get("code"))
        found[family][code] = error
    return found


SETTINGS = f"""Weakest first: `config/default.toml`, your file (`--config` or `SOLIDGATE_CONFIG`), the
environment (`{PREFIX}SECTION__KEY`), arguments of the command. An unknown key is an error that names the
nearest one."""


def settings() -> Iterator[str]:
    section = ""
    for key, default, description in keys():
        first, _, rest = key.partition(".")
        if rest and first != section:
            section = first
            yield f"## {section}\n\n{Settings.model_fields[section].description}"
        yield f"### {key}\n\n{description}\n\nDefault: `{shown(default)}`. Environment: `{variable(key)}`."


def variable(key: str) -> str:
    return PREFIX + key.replace(".", "__").upper()


def shown(value: Any) -> str:
    if isinstance(value, SecretStr):
        return '""'
    return json.dumps(value, default=lambda other: other.name if isinstance(other, Path) else str(other))


CLI = """Every command takes `--help`, and `--json` where it prints something; it ends with 0, or prints one
of the [errors](errors.md) and ends with another number."""


def commands() -> Iterator[str]:
    app = make_cli()
    for command in sorted(COMMANDS, key=lambda command: command.name):
        if command.hidden:
            continue
        screen = io.StringIO()
        app.help_print(command.name.split(), console=Console(file=screen, width=100, color_system=None))
        text = "\n".join(line.rstrip() for line in screen.getvalue().strip().splitlines())
        yield f"## solidgate {command.name}\n\n{command.summary}\n\n```text\n{text}\n```"


ROUTES_INTRODUCTION = """Every address of the gate. What a reader asks for by `Accept` is what they get:
HTML, JSON, JSON-LD or Turtle. An error is one of the [error codes](errors.md)."""


def routes() -> Iterator[str]:
    for route in sorted(ROUTES, key=lambda route: (route.path, route.method)):
        yield f"## {route.method} {readable(route.path)}\n\n{route.summary}"


def readable(path: str) -> str:
    """The path as a reader writes it: ``/spaces/{space_id}`` without patterns and the optional suffix."""
    path = re.sub(r"\{suffix:[^{}]*(\{[^{}]*\}[^{}]*)*\}", "", path)
    return re.sub(r"\{(\w+):[^{}]*(\{[^{}]*\}[^{}]*)*\}", r"{\1}", path)


VOCABULARY = """The few terms that solidgate adds to DPV, ODRL, PROV-O and the other vocabularies it uses."""


def terms() -> Iterator[str]:
    ontology = Graph().parse(asset("ontologies", "solidgate.ttl"), format="turtle")
    for term in own_terms(ontology):
        label = ontology.value(term, RDFS.label, any=True)
        meaning = ontology.value(term, SKOS.definition) or ontology.value(term, RDFS.comment)
        kinds = sorted(
            ontology.qname(kind) for kind in ontology.objects(term, RDF.type) if isinstance(kind, URIRef)
        )
        yield f"## {local_name(term)}\n\n{label}: {meaning}\n\n`{term}`, {', '.join(kinds)}."


def own_terms(ontology: Graph) -> list[URIRef]:
    """What the ontology defines: the typed subjects in its own namespace, without the ontology itself."""
    home = str(next(ontology.subjects(RDF.type, OWL.Ontology)))
    subjects = set(ontology.subjects(RDF.type, None)) - {URIRef(home)}
    return sorted(s for s in subjects if isinstance(s, URIRef) and str(s).startswith(home.rstrip("#/")))


def local_name(term: URIRef) -> str:
    return str(term).replace("#", "/").rsplit("/", 1)[-1]


DECISIONS = """Half a page each: what was decided, why, what it costs, and what would change it. A decision
is not edited when it changes; a new one says so."""


def decisions() -> Iterator[str]:
    found = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    titles = [(path.name, path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")) for path in found]
    yield "\n".join(f"- [{title}]({name})" for name, title in titles)


if __name__ == "__main__":
    for name, content in pages().items():
        (DOCS / name).write_text(content, encoding="utf-8")
