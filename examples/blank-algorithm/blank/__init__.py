"""What the program does, in one sentence."""

from pyoxigraph import Literal, NamedNode, Triple

WORDS = "https://example.org/blank#"
TYPE = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
INTEGER = NamedNode("http://www.w3.org/2001/XMLSchema#integer")
READINGS = "SELECT ?reading WHERE { ?reading a <http://www.w3.org/ns/sosa/Observation> }"


def derive(person):
    """The result for one person: statements about ``person.subject`` and nothing else."""
    subject, count = NamedNode(person.subject), len(list(person.select(READINGS)))
    return [
        Triple(subject, TYPE, NamedNode(WORDS + "Summary")),
        Triple(subject, NamedNode(WORDS + "readings"), Literal(str(count), datatype=INTEGER)),
    ]
