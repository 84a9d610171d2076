from pathlib import Path

import pytest

from solidgate.algorithm.manifest import Program
from solidgate.assets import asset
from solidgate.sdk.folder import read_algorithm

TOML = b"""
name = "small"
version = "1.0.0"
entry_point = "small:derive"
python = "3.11"
licence = "Apache-2.0"
egress = "none"
inputs = ["http://www.w3.org/ns/sosa/Observation"]
[title]
en = "Small"
[description]
en = "Says hello."
[outputs]
shapes = "shapes/output.ttl"
vocabulary = ["https://example.org/small#"]
[parameters]
year = 2025
"""


@pytest.fixture
def files() -> dict[str, bytes]:
    return {
        "algorithm.toml": TOML,
        "requirements.lock": b"",
        "small/__init__.py": b"def derive(person):\n    return []\n",
        "shapes/output.ttl": b"",
    }


@pytest.fixture(scope="session")
def home_energy_folder() -> Path:
    return asset("examples", "home-energy", "algorithm")


@pytest.fixture(scope="session")
def home_energy(home_energy_folder: Path) -> Program:
    return read_algorithm(home_energy_folder)
