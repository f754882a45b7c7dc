"""``livecam engines tune``: what users see and what is kept, with small networks on the processor."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from livecam.cli import engines_tune
from livecam.cli.engines_command import engines_group
from livecam.config import Paths
from livecam.core.seams import Engine
from livecam.errors import ConfigError, EngineError
from livecam.inference import catalogue, chain, onnx, this_computer
from livecam.inference.backends import Backend
from livecam.inference.model import Model
from livecam.inference.store import model_path
from livecam.inference.tuned import Choice, place_of, read_tuned, tuned_path
from tests.inference.computers import RTX_3060, PretendComputer
from tests.inference.models import save
from tests.vision.swap import planted

SWAPPER = "inswapper_128"


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
def networks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Model]:
    """A small swapper that is here, and an enhancer that is not."""
    shipped = planted.model(SWAPPER)
    path = model_path(shipped, Paths.find().models)
    path.parent.mkdir(parents=True)
    planted.swapper(path, gain=0.6)
    known = {
        SWAPPER: replace(shipped, saves=(save(path.read_bytes()),)),
        "gfpgan_1.4": planted.model("gfpgan_1.4"),
    }
    monkeypatch.setattr(catalogue, "load_all", lambda _: known)
    monkeypatch.setattr(chain, "networks_of", lambda *_: known)
    return known


def call(*arguments: str) -> Result:
    return CliRunner().invoke(engines_group, ["tune", "--seconds", "0.05", *arguments])


def kept() -> dict[str, Choice]:
    place = place_of(this_computer.ThisComputer())
    return dict(read_tuned(tuned_path(Paths.find()), place).choices)


def on(monkeypatch: pytest.MonkeyPatch, *works: Backend) -> None:
    """This computer has a card, and these backends work."""
    monkeypatch.setattr(this_computer, "ThisComputer", lambda: PretendComputer(works, RTX_3060))


def test_the_processor_is_measured_and_kept(networks: dict[str, Model], monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, Backend.CPU)
    done = call(SWAPPER)
    assert done.exit_code == 0, done.output
    header, *rows = done.stdout.splitlines()
    assert header.split("\t")[:5] == ["network", "backend", "median ms", "runs", "error"]
    (chosen,) = [row.split("\t") for row in rows if row.endswith("chosen")]
    assert chosen[0] == SWAPPER
    assert chosen[1].startswith("cpu, ")
    choice = kept()[SWAPPER]
    assert (choice.backend, choice.error) == (Backend.CPU, 0)
    assert choice.weights == networks[SWAPPER].saves[0].sha256
    assert f"{SWAPPER} on cpu" in done.stderr


def test_what_fails_or_differs_is_told_and_not_taken(
    networks: dict[str, Model], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The compiled one fails, and the card's own way gives other pictures."""
    on(monkeypatch, Backend.RTX, Backend.CUDA, Backend.CPU)
    wrong = planted.swapper(tmp_path / "wrong.onnx", gain=0.9)
    honest = onnx.load_model_engine

    def load(model: Model, path: Path, provider: str = "cpu", threads: int | None = None) -> Engine:
        return honest(model, wrong if provider == "cuda" else path, "cpu", threads)

    def refuse(*_: object) -> Engine:
        raise EngineError("The plan does not run on this card.")

    monkeypatch.setattr(onnx, "load_model_engine", load)
    monkeypatch.setattr(engines_tune.Card, "load", refuse)
    done = call(SWAPPER, "--json")
    assert done.exit_code == 0, done.output
    (told,) = json.loads(done.stdout)["networks"]
    problems = {timing["backend"]: timing["problem"] for timing in told["timings"]}
    assert problems["rtx"] == "The plan does not run on this card."
    assert problems["cuda"].startswith("its error is 0.")
    assert [timing["backend"] for timing in told["timings"] if timing["chosen"]] == ["cpu"]
    assert kept()[SWAPPER].backend is Backend.CPU


def test_of_the_preset_what_is_here_is_measured(networks: dict[str, Model], monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, Backend.CPU)
    done = call("--preset", "fast")
    assert done.exit_code == 0, done.output
    assert "gfpgan_1.4 is not here. Run: livecam models pull gfpgan_1.4" in done.stderr
    assert list(kept()) == [SWAPPER]


def test_a_network_that_cannot_be_measured_fails(networks: dict[str, Model], monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, Backend.CPU)

    def refuse(*_: object) -> Engine:
        raise EngineError("It cannot be loaded.")

    monkeypatch.setattr(onnx, "load_model_engine", refuse)
    done = call(SWAPPER)
    assert done.exit_code == 1
    assert f"{SWAPPER}: It cannot be loaded." in done.stderr
    assert not tuned_path(Paths.find()).exists()


def test_what_cannot_be_measured_is_refused(networks: dict[str, Model], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="no network 'inswaper'"):
        CliRunner().invoke(engines_group, ["tune", "inswaper"], catch_exceptions=False)
    with pytest.raises(ConfigError, match="None of these networks is here"):
        CliRunner().invoke(engines_group, ["tune", "gfpgan_1.4"], catch_exceptions=False)
    monkeypatch.setattr(chain, "networks_of", lambda *_: {})
    with pytest.raises(ConfigError, match="mesh has no networks to measure"):
        CliRunner().invoke(engines_group, ["tune"], catch_exceptions=False)
