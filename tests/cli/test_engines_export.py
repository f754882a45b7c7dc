"""``livecam engines export``: what users see, with networks that are made up."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from livecam.cli.engines_export import export
from livecam.config import Paths
from livecam.errors import ConfigError
from livecam.inference import catalogue
from livecam.inference.model import Task
from livecam.inference.plan_key import Flavour
from livecam.inference.plans import PlanCache
from livecam.inference.store import model_path
from tests.inference.models import content, network, save
from tests.inference.planning import KEY
from tests.inference.small_networks import small_swapper
from tests.inference.test_triton_export import SWAP


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees this user's files."""
    for name in [name for name in os.environ if name.startswith("LIVECAM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("LIVECAM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LIVECAM_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that works, a broken one, one that is not here, and a detector; gives the file of the first."""
    good = small_swapper(model_path(SWAP, Paths.find().models))
    made = [
        replace(SWAP, saves=(save(good.read_bytes()),)),
        network("broken", content(1)),
        network("absent", content(2)),
    ]
    made.append(replace(made[0], name="detect", task=Task.DETECT))
    small_swapper(model_path(made[-1], Paths.find().models))
    broken = model_path(made[1], Paths.find().models)
    broken.parent.mkdir(parents=True)
    broken.write_bytes(content(1))
    monkeypatch.setattr(catalogue, "load_all", lambda _: {model.name: model for model in made})
    return good


def call(*arguments: str) -> Result:
    return CliRunner().invoke(export, arguments)


@pytest.mark.usefixtures("networks")
def test_a_network_is_exported(tmp_path: Path) -> None:
    result = call("--triton", str(tmp_path / "models"), "swap", "--gpus", "2", "--batch", "4")
    assert result.exit_code == 0, result.output
    assert "swap: rewritten, up to 4 requests at once" in result.output
    text = (tmp_path / "models" / "swap" / "config.pbtxt").read_text()
    assert "gpus: [0, 1]" in text
    assert "max_batch_size: 4" in text
    assert (tmp_path / "models" / "swap" / "1" / "model.onnx").is_file()


@pytest.mark.usefixtures("networks")
def test_one_that_fails_does_not_keep_others_from_being_exported(tmp_path: Path) -> None:
    result = call("--triton", str(tmp_path / "models"))
    assert result.exit_code == 1
    assert "broken: " in result.output
    assert "is not an ONNX file" in result.output
    assert "absent" not in result.output
    assert "detect" not in result.output
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["swap"]


@pytest.mark.usefixtures("networks")
def test_one_that_is_not_here_is_told_with_the_command(tmp_path: Path) -> None:
    result = call("--triton", str(tmp_path / "models"), "absent")
    assert result.exit_code == 1
    assert "livecam models pull absent" in result.output


@pytest.mark.usefixtures("networks")
def test_an_unknown_name_is_told(tmp_path: Path) -> None:
    result = call("--triton", str(tmp_path / "models"), "swop")
    assert isinstance(result.exception, ConfigError)
    assert "Did you mean 'swap'" in str(result.exception)


def test_nothing_here_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "load_all", lambda _: {})
    result = call("--triton", str(tmp_path / "models"))
    assert result.exit_code == 0
    assert "There are no networks in" in result.output


def test_plans_are_exported_where_there_are_some(networks: Path, tmp_path: Path) -> None:
    result = call("--triton", str(tmp_path / "models"), "swap", "--plans")
    assert result.exit_code == 1
    assert "livecam engines build --with tensorrt swap" in result.output
    digest = save(networks.read_bytes()).sha256
    key = replace(KEY, weights=digest, flavour=Flavour.TENSORRT, version="10.16.0")
    PlanCache(Paths.find().cache / "plans").keep(key, b"plan")
    result = call("--triton", str(tmp_path / "models"), "swap", "--plans")
    assert result.exit_code == 0, result.output
    assert "TensorRT 10.16.0" in result.output
    assert (tmp_path / "models" / "swap" / "1" / "model.plan").read_bytes() == b"plan"
