"""``livecam bench models``: the timing itself, what it calls a stand-in, and the command."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result

from livecam.bench import models, standins
from livecam.bench.models import LEAST_RUNS, Speed, Subject, measure
from livecam.cli import bench_models
from livecam.cli.bench_models import models as command
from livecam.core.frame import NS_PER_MS
from livecam.core.seams import Engine, Tensor, TensorSpec
from livecam.errors import EngineError, WeightsMissing
from livecam.inference.catalogue import catalogue_folders, load_model
from livecam.inference.model import Model
from livecam.inference.store import model_path
from tests.fakes import FakeClock

LOAD_MS, FIRST_MS, RUN_MS = 70, 40, (10, 20, 10, 10)


class TimedEngine:
    """Takes as long as it is told to."""

    inputs: Mapping[str, TensorSpec] = {"picture": TensorSpec((1, 3, -1, 4), "float64")}
    outputs: Mapping[str, TensorSpec] = {}

    def __init__(self, clock: FakeClock, fails_at: int = 0) -> None:
        self.clock = clock
        self.fails_at = fails_at
        self.fed: list[Tensor] = []
        self.closed = False

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        self.fed.append(feeds["picture"])
        if len(self.fed) == self.fails_at:
            raise EngineError("The card has fallen out.")
        took_ms = FIRST_MS if len(self.fed) == 1 else RUN_MS[len(self.fed) % len(RUN_MS)]
        self.clock.time_ns += took_ms * NS_PER_MS
        return {}

    def close(self) -> None:
        self.closed = True


def subject(engine: TimedEngine, gflop: float = 3.0) -> Subject:
    def load(provider: str) -> Engine:
        assert provider == "cpu"
        engine.clock.time_ns += LOAD_MS * NS_PER_MS
        return engine

    return Subject("some", "swap", gflop, models.PUBLISHED, load)


def test_the_middle_and_the_slow_runs_are_told_and_the_first_does_not_count() -> None:
    engine = TimedEngine(FakeClock())
    speed = measure(subject(engine), "cpu", 0.2, engine.clock)
    assert (speed.p50_ms, speed.p95_ms, speed.load_ms) == (10.0, 20.0, 70.0)
    assert 0.2 <= sum((10 if n % 4 != 1 else 20) for n in range(speed.runs)) / 1000 <= 0.3
    assert speed.gflop_per_s == 300.0
    assert speed.problem == ""
    assert engine.closed
    assert engine.fed[0].shape == (1, 3, 1, 4)
    assert engine.fed[0].dtype == np.float64


def test_a_slow_network_is_still_run_a_few_times() -> None:
    engine = TimedEngine(FakeClock())
    assert measure(subject(engine), "cpu", 0.001, engine.clock).runs == LEAST_RUNS
    assert len(engine.fed) == LEAST_RUNS + 1


def test_a_network_that_fails_does_not_stop_the_others() -> None:
    engine = TimedEngine(FakeClock(), fails_at=3)
    speed = measure(subject(engine), "cpu", 0.2, engine.clock)
    assert speed.problem == "The card has fallen out."
    assert (speed.runs, speed.p50_ms, speed.gflop_per_s) == (0, 0.0, 0.0)
    assert engine.closed

    def missing(provider: str) -> Engine:
        raise WeightsMissing("It is gone.", "Run: something")

    assert (
        measure(Subject("x", "swap", 0, "published", missing), "cpu", 1, FakeClock()).problem
        == "It is gone. Run: something"
    )


def test_whose_weights_they_are_is_said() -> None:
    assert [models.narrowed(divisor) for divisor in (1, 16)] == ["stand-in", "stand-in, 1/16 width"]
    for weights in (models.PUBLISHED, models.PLANTED, models.narrowed(1), models.narrowed(16)):
        told = Speed("x", "swap", "cpu", weights, 0.0).to_json()
        assert told["weights"] == weights
        assert told["stand_in"] is ("stand-in" in weights)


def model(name: str) -> Model:
    return load_model(name, catalogue_folders(None))


def test_only_what_is_there_is_measured_as_published(tmp_path: Path) -> None:
    xseg = model("xseg_3")
    assert models.published(xseg, tmp_path) is None
    path = model_path(xseg, tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a network")
    broken = models.published(xseg, tmp_path)
    assert broken is not None
    assert (broken.weights, broken.gflop) == ("published", xseg.gflop)
    assert "SHA-256 differs" in measure(broken, "cpu", 0.1, FakeClock()).problem


def test_a_stand_in_in_the_place_of_a_network_is_found_out(tmp_path: Path) -> None:
    xseg = model("xseg_3")
    path = model_path(xseg, tmp_path)
    path.parent.mkdir(parents=True)
    standins.write("xseg_3", path, 16)
    found = models.published(xseg, tmp_path)
    assert found is not None
    assert found.weights == "stand-in, 1/16 width"
    assert 0 < found.gflop < xseg.gflop / 100
    onnx.save(standins.plant_xseg(), str(path))
    found = models.published(xseg, tmp_path)
    assert found is not None
    assert (found.weights, found.gflop) == ("stand-in, planted effect", 0.0)


def test_stand_ins_are_counted_loaded_and_cleared_away(tmp_path: Path) -> None:
    full, narrow = (models.stand_in(model("scrfd_2.5g"), tmp_path / "cache", divisor) for divisor in (1, 16))
    assert full is not None
    assert narrow is not None
    assert full.gflop == pytest.approx(6.86, rel=0.02)
    assert narrow.gflop < full.gflop / 50
    engine = narrow.load("cpu")
    assert engine.inputs["picture"].shape == (1, 3, 640, 640)
    engine.close()
    assert list((tmp_path / "cache").iterdir()) == []
    assert models.stand_in(model("uniface_256"), tmp_path) is None
    swapper = models.stand_in(model("inswapper_128"), tmp_path)
    assert swapper is not None
    assert swapper.gflop == pytest.approx(349.2, rel=0.02)


def test_a_disk_without_room_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    subject = models.stand_in(model("xseg_3"), tmp_path / "file", 16)
    assert subject is not None
    problem = measure(subject, "cpu", 0.1, FakeClock()).problem
    assert problem.startswith("A stand-in for xseg_3 cannot be written to")
    assert "--divisor 16" in problem


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads this user's configuration or networks."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("LIVECAM_CACHE", str(tmp_path / "livecam"))
    monkeypatch.setenv("LIVECAM_DATA", str(tmp_path / "data"))
    return tmp_path / "livecam" / "models"


def call(*arguments: str) -> Result:
    return CliRunner().invoke(command, ["--seconds", "0.05", "--divisor", "32", "--provider", "cpu", *arguments])


def test_the_command_labels_stand_ins_and_speaks_json() -> None:
    told = call("xseg_3", "crossface_ghost", "--json")
    assert told.exit_code == 0, told.output
    answer = json.loads(told.stdout)
    assert answer["onnxruntime"]
    assert [(row["name"], row["stand_in"], row["weights"]) for row in answer["networks"]] == [
        ("xseg_3", True, "stand-in, 1/32 width"),
        ("crossface_ghost", True, "stand-in, 1/32 width"),
    ]
    assert all(0 < row["p50_ms"] <= row["p95_ms"] and row["gflop_per_s"] > 0 for row in answer["networks"])


def test_the_command_prints_a_table() -> None:
    told = call("crossface_ghost")
    header, row = (line.split("\t") for line in told.stdout.splitlines())
    assert header == list(bench_models._COLUMNS)
    assert (row[0], row[2], row[-1]) == ("crossface_ghost", "cpu", "stand-in, 1/32 width")
    assert "random weights" in told.stderr


def test_without_names_the_presets_are_covered_and_with_one_only_it(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []

    def fake(subject: Subject, provider: str, seconds: float, clock: object) -> Speed:
        measured.append(subject.name)
        return Speed(subject.name, subject.task, provider, subject.weights, 1.0, 3, 1.0, 1.0)

    monkeypatch.setattr(models, "measure", fake)
    assert call("--preset", "quality").exit_code == 0
    assert sorted(measured) == ["arcface_w600k_r50", "gfpgan_1.4", "hyperswap_1a_256", "scrfd_2.5g", "xseg_3"]
    measured.clear()
    assert call().exit_code == 0
    assert {"inswapper_128", "inswapper_128_fp16", "gpen_bfr_256", "gpen_bfr_512"} < set(measured)
    assert "codeformer" not in measured
    assert len(measured) == len(set(measured))


def test_what_has_no_stand_in_is_said_with_the_command_that_helps() -> None:
    told = call("uniface_256", "face_detection_short_range")
    assert told.exit_code == 0
    assert "There are no networks to measure" in told.stdout
    assert "uniface_256 is not here, and its layers are not known" in told.stderr
    assert "Run: livecam models pull uniface_256" in told.stderr
    assert "Run: livecam models fetch" in told.stderr
    assert "stand-ins are off" in call("xseg_3", "--no-stand-ins").stderr


def test_a_failure_is_told_and_sets_the_exit_code() -> None:
    told = CliRunner().invoke(command, ["crossface_ghost", "--divisor", "32", "--provider", "nowhere"])
    assert told.exit_code == 1
    assert "failed" in told.stdout
    assert "There is no provider 'nowhere'." in told.stderr


def test_an_unknown_network_or_preset_is_refused() -> None:
    assert "Did you mean 'gfpgan_1.4'?" in str(call("gfpgan_14").exception)
    assert "There is no preset 'best'." in str(call("--preset", "best").exception)
