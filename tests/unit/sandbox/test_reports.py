"""What a report tells of a result with many faults: each once, by the words of the shapes, and no value."""

from __future__ import annotations

from solidgate.sandbox.judging import NO_YES, Judge
from solidgate.sandbox.validation import judge

X = "https://x.example/#"
SHAPES = f"""@prefix sh: <http://www.w3.org/ns/shacl#>. @prefix x: <{X}>.
@prefix xsd: <http://www.w3.org/2001/XMLSchema#>. @prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>.
x:S a sh:NodeShape; sh:targetClass x:T; sh:closed true; sh:ignoredProperties (rdf:type);
  sh:property [sh:path x:a; sh:datatype xsd:integer; sh:maxCount 1; sh:maxInclusive 5],
    [sh:path x:b; sh:in (x:one x:two)], [sh:path x:c; sh:node x:N].
x:N a sh:NodeShape; sh:property [sh:path x:d; sh:minCount 1; sh:pattern "^ok"].""".encode()
SECRET = f"""<urn:secret:s> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <{X}T> .
<urn:secret:s> <{X}a> "secret 1" .
<urn:secret:s> <{X}a> "777"^^<http://www.w3.org/2001/XMLSchema#integer> .
<urn:secret:s> <{X}b> <urn:secret:value> .
<urn:secret:s> <urn:secret:predicate> "x" .
<urn:secret:s> <{X}c> <urn:secret:s#part> .
<urn:secret:s#part> <{X}d> "secret 2" .
""".encode()


def test_many_faults_are_told_each_once_and_without_a_value() -> None:
    assert Judge(SHAPES).word(SECRET) == NO_YES, "in a row nothing is told at all"
    judged = judge(SHAPES, SECRET, recheck=False)
    assert not judged.conforms
    assert judged.report == (
        f"{X}N {X}d PatternConstraintComponent",
        f"{X}S - ClosedConstraintComponent",
        f"{X}S {X}a DatatypeConstraintComponent",
        f"{X}S {X}a MaxCountConstraintComponent",
        f"{X}S {X}a MaxInclusiveConstraintComponent",
        f"{X}S {X}b InConstraintComponent",
        f"{X}S {X}c NodeConstraintComponent",
    )
    assert not any("secret" in line or "777" in line for line in judged.report)
