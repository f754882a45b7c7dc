"""The list of what livecam consists of is the one that is installed, and installing is held to it."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.sbom import PLACE, ROOT, Json, packages, sbom, text


@pytest.fixture(scope="module")
def kept() -> dict[str, Json]:
    content: dict[str, Json] = json.loads(PLACE.read_text(encoding="utf-8"))
    return content


def test_it_is_up_to_date() -> None:
    assert PLACE.read_text(encoding="utf-8") == text(), "Write it anew: make sbom"


def test_every_component_has_a_name_a_licence_and_an_address(kept: dict[str, Json]) -> None:
    components = kept["components"]
    assert isinstance(components, list)
    assert len(components) > 60
    for component in components:
        assert isinstance(component, dict)
        assert component["name"]
        assert component["licenses"]
        assert component["bom-ref"]
        assert component["hashes"] or component["type"] == "machine-learning-model"


def test_it_does_not_change_by_itself() -> None:
    assert sbom() == sbom()


REQUIREMENTS = ["requirements.txt", "requirements-dev.txt", *(f"tests/{room}/requirements.txt" for room in
                ("oracle", "tensorrt", "keys", "remote"))]  # fmt: skip


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_dependency_is_pinned_and_hashed(name: str) -> None:
    content = (ROOT / name).read_text(encoding="utf-8")
    named = [line for line in content.splitlines() if re.match(r"[A-Za-z0-9]", line)]
    assert named
    assert [line for line in named if "==" not in line] == []
    assert len(named) == len(packages(content))
    assert [package.name for package in packages(content) if not package.digests] == []


def test_what_is_installed_is_held_to_the_hashes() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    installing = [line for line in makefile.splitlines() if "pip install" in line and "-r " in line]
    assert len(installing) >= 5
    assert [line for line in installing if "--require-hashes" not in line] == []


def test_every_base_dependency_is_in_it(kept: dict[str, Json]) -> None:
    own = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {re.split(r"[<>=!~;\[ ]", wanted)[0] for wanted in own["dependencies"]}
    components = kept["components"]
    assert isinstance(components, list)
    assert named <= {str(component["name"]) for component in components if isinstance(component, dict)}


def test_no_weights_and_no_pictures_of_people_are_in_the_package() -> None:
    """A repository of code: what is large is fetched, and asked about first."""
    heavy = [path for path in (ROOT / "livecam").rglob("*") if path.is_file() and path.stat().st_size > 2_000_000]
    assert [path for path in heavy if "__pycache__" not in path.parts] == []
    assert [path for path in (ROOT / "livecam").rglob("*") if path.suffix in (".onnx", ".pt", ".pth", ".mp4")] == []


def test_the_place_is_where_the_documents_say() -> None:
    assert Path(ROOT, "docs", "sbom.cdx.json") == PLACE
