"""Writes the samples again: inputs from a seed, expected results from the program itself.

Run it after a change that is meant to change results, and read the difference before you keep it.
"""

from pathlib import Path

from solidgate.algorithm.sample import GROUP_EXPECTED, GROUP_SUBJECT, samples_of
from solidgate.sdk.folder import read_algorithm
from solidgate.testing.algorithms import UnsafeInProcessRunner
from solidgate.testing.energy import Home, energy_documents

FOLDER = Path(__file__).parent / "algorithm"
SAMPLES = {
    "always-on": (11, Home(occupants=1, base_watts=210, daily_kwh=2.0, winter=0.2)),
    "frugal-family": (12, Home(occupants=4, base_watts=70, daily_kwh=5.2, winter=0.3)),
    "warm-winter": (13, Home(occupants=2, base_watts=90, daily_kwh=7.5, winter=2.4)),
}


def ordered(triples: bytes) -> bytes:
    return b"".join(sorted(triples.splitlines(keepends=True)))


def main() -> None:
    for name, (seed, home) in SAMPLES.items():
        for path, content in energy_documents(seed, home=home).items():
            file = FOLDER / "samples" / name / "input" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        (FOLDER / "samples" / name / "expected.nt").touch()
    program, runner, graphs = read_algorithm(FOLDER), UnsafeInProcessRunner(), []
    for sample in samples_of(program):
        graphs.append(ordered(runner.derive(program, sample.documents, sample.subject)))
        (FOLDER / "samples" / sample.name / "expected.nt").write_bytes(graphs[-1])
    (FOLDER / GROUP_EXPECTED).write_bytes(ordered(runner.aggregate(program, graphs, GROUP_SUBJECT)))


if __name__ == "__main__":
    main()
