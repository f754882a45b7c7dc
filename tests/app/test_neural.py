"""The presets, put together and run on stand-ins with the exact contract of the published networks."""

import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from livecam.app import run
from livecam.app.assemble import Assembly
from livecam.app.compiled import Wanted
from livecam.app.convert import convert
from livecam.app.exchange import Served
from livecam.app.mesh import Networks
from livecam.app.neural import NeuralNetworks
from livecam.bench.standins import is_stand_in
from livecam.capture.synthetic import SyntheticOptions, SyntheticSource
from livecam.cli.root import root
from livecam.config import Config, Paths, load
from livecam.core.cleared import How
from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_S, Frame, Image, Size
from livecam.core.seams import Processor
from livecam.core.settings import Settings
from livecam.errors import ConfigError, ModelError, WeightsCorrupt, WeightsMissing
from livecam.inference.backends import Backend
from livecam.pipeline import PersonaSource
from livecam.runtime.report import Status
from tests.app.converting import every, write_clip
from tests.app.test_compiled import network, workshop
from tests.inference.computers import RTX_3060, PretendComputer

SIZE = Size(640, 480)
PRESETS = ("fast", "balanced", "quality", "identity")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory, mesh_models: Mapping[str, Path]) -> Path:
    """A folder of planted stand-ins for every preset, with the embedded networks beside them."""
    folder = tmp_path_factory.mktemp("stand-ins")
    for preset in PRESETS:
        result = CliRunner().invoke(root, ["bench", "stand-ins", str(folder), "--preset", preset])
        assert result.exit_code == 0, result.output
    return folder


def paths_in(folder: Path) -> Paths:
    return Paths.find({"LIVECAM_DATA": str(folder / "data"), "LIVECAM_CACHE": str(folder / "cache")})


def config_of(shelf: Path, **more: str) -> Config:
    flags = {"models.recipes": str(shelf / "recipes"), "models.cache": str(shelf / "models")}
    return load(flags | {name.replace("__", "."): value for name, value in more.items()}, Path(os.devnull), {}).config


def frames(count: int) -> list[Image]:
    source = SyntheticSource(SIZE, 30.0, MonotonicClock(), SyntheticOptions(pace=False))
    source.open()
    made = []
    for _ in range(count):
        image = np.empty(SIZE.image_shape, np.uint8)
        source.read_into(image)
        made.append(image)
    return made


def played(processor: Processor, images: list[Image], settings: Settings) -> tuple[list[object], Image]:
    """What became of each frame, and the last picture as BGR."""
    picture = np.empty(SIZE.picture_shape, np.uint8)
    told: list[object] = []
    for number, image in enumerate(images):
        told.append(processor.process(Frame(image.copy(), number, (number + 1) * NS_PER_S // 30), picture, settings))
    return told, cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420).astype(np.uint8, copy=False)


def unchanged(image: Image) -> Image:
    """The frame as the canvas stores it, back in BGR."""
    stored = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
    return cv2.cvtColor(stored, cv2.COLOR_YUV2BGR_I420).astype(np.uint8, copy=False)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_changes_the_face_and_nothing_else(preset: str, shelf: Path, tmp_path: Path) -> None:
    config = config_of(shelf, neural__preset=preset)
    assembly = Assembly(config, paths_in(tmp_path))
    processor = assembly.make_processor()
    images = frames(12)
    told, shown = played(processor, images, config.settings)
    assert told[-4:] == [How.SWAPPED] * 4
    changed = np.abs(shown.astype(int) - unchanged(images[-1])).max(axis=2) > 8
    rows, columns = np.nonzero(changed)
    assert changed[SIZE.height // 3 : SIZE.height // 2, SIZE.width * 2 // 5 : SIZE.width * 3 // 5].mean() > 0.5
    assert SIZE.width // 5 < columns.min()
    assert columns.max() < SIZE.width * 4 // 5
    assert rows.max() < SIZE.height * 9 // 10
    assert assembly.provider == "cpu, STAND-IN: NOT SWAPPED"
    assert set(processor.stages()) == {"track", "swap", "watch", "store"}


def test_a_blend_of_nothing_is_the_unenhanced_face(shelf: Path, tmp_path: Path) -> None:
    images = frames(8)
    pictures = []
    for flags in ({"neural__enhancer": "none"}, {"neural__blend": "0"}, {"neural__blend": "0.7"}):
        config = config_of(shelf, neural__preset="balanced", neural__colour="0", **flags)
        told, shown = played(Assembly(config, paths_in(tmp_path)).make_processor(), images, config.settings)
        assert told[-1] is How.SWAPPED
        pictures.append(shown)
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert np.abs(pictures[0].astype(int) - pictures[2]).max() > 8


def test_layers_as_published_run_too(mesh_models: Mapping[str, Path], tmp_path: Path) -> None:
    """A sixteenth of the width: noise instead of a face, which the chain may refuse, but never lets through bare."""
    called = CliRunner().invoke(root, ["bench", "stand-ins", str(tmp_path), "--preset", "balanced", "--divisor", "16"])
    assert called.exit_code == 0, called.output
    assert "Try them: livecam run --preset balanced" in called.output
    config = config_of(tmp_path, neural__preset="balanced")
    images = frames(8)
    told, shown = played(Assembly(config, paths_in(tmp_path)).make_processor(), images, config.settings)
    assert told[-1] is How.SWAPPED
    assert np.abs(shown.astype(int) - unchanged(images[-1])).mean() > 1


def test_what_is_missing_is_told_with_the_command(mesh_models: Mapping[str, Path], tmp_path: Path) -> None:
    config = load({"neural.preset": "fast"}, Path(os.devnull), {}).config
    embedded = Networks(tmp_path, "cpu")
    fetched: list[bool] = []
    embedded.ensure = lambda: fetched.append(True)  # type: ignore[method-assign]
    networks = NeuralNetworks(config, paths_in(tmp_path), embedded)
    assert networks.names == ("scrfd_2.5g", "inswapper_128_fp16", "arcface_w600k_r50")
    with pytest.raises(WeightsMissing, match=r"inswapper_128_fp16.* are not .*livecam models pull .*--preset mesh"):
        networks.ensure()
    assert not fetched


def test_a_provider_that_does_not_work_ends_the_run(shelf: Path, tmp_path: Path) -> None:
    """What cannot work is not tried again and again behind the slate."""
    folders = ["--recipes", str(shelf / "recipes"), "--models-dir", str(shelf / "models"), "--provider", "cuda"]
    rest = ["--source", "synthetic", "--sink", "memory", "--seconds", "30", "--no-tty"]
    result = CliRunner().invoke(root, ["run", "--preset", "fast", *folders, *rest])
    assert result.exit_code == ConfigError.exit_code
    assert "cuda" in result.stderr


def test_a_real_network_is_never_taken_for_another(shelf: Path, tmp_path: Path) -> None:
    """The shipped recipes refuse the stand-ins' files."""
    config = load({"neural.preset": "fast", "models.cache": str(shelf / "models")}, Path(os.devnull), {}).config
    embedded = Networks(tmp_path, "cpu")
    embedded.ensure = lambda: None  # type: ignore[method-assign]
    with pytest.raises(WeightsCorrupt, match=r"scrfd_2\.5g"):
        NeuralNetworks(config, paths_in(tmp_path), embedded).ensure()


@pytest.mark.parametrize(
    ("flags", "error", "told"),
    [
        ({"neural__swapper": "xseg_3"}, ConfigError, "--swapper names xseg_3, which is a network for 'mask'"),
        ({"neural__enhancer": "scrfd_2.5g"}, ConfigError, "--enhancer names scrfd_2.5g"),
        ({"neural__swapper": "inswapper"}, ModelError, "Did you mean inswapper_128"),
        ({"models__recipes": "/no/such/folder"}, ModelError, "no folder of recipes"),
    ],
)
def test_wrong_names_are_told(
    flags: dict[str, str], error: type[Exception], told: str, shelf: Path, tmp_path: Path
) -> None:
    config = config_of(shelf, **({"neural__preset": "quality"} | flags))
    with pytest.raises(error, match=told):
        NeuralNetworks(config, paths_in(tmp_path), Networks(tmp_path, "cpu"))


def test_stand_ins_say_what_they_are(shelf: Path) -> None:
    files = list((shelf / "models").glob("*/*.onnx"))
    published = [path for path in files if (shelf / "recipes" / f"{path.stem}.toml").exists()]
    assert len(published) >= 8
    assert all(is_stand_in(path) for path in published)
    listed = CliRunner().invoke(root, ["bench", "stand-ins", str(shelf), "--preset", "mesh"])
    assert listed.exit_code == 2
    assert "needs no published networks" in listed.stderr


def test_the_daemon_runs_a_preset_from_the_command_line(shelf: Path, tmp_path: Path) -> None:
    report = tmp_path / "run.json"
    folders = ["--recipes", str(shelf / "recipes"), "--models-dir", str(shelf / "models")]
    rest = ["--source", "synthetic", "--sink", "memory", "--no-tty", "--report", str(report)]
    rest += ["--size", "640x480", "--fps", "15", "--hold", "1000"]
    run = {"sent": {"live": 0}}
    # For longer where the machine is busy with something else.
    for seconds in ("4", "20", "60"):
        if run["sent"]["live"] <= 5:
            result = CliRunner().invoke(root, ["run", "--preset", "balanced", *folders, *rest, "--seconds", seconds])
            assert result.exit_code == 0, result.output
            run = json.loads(report.read_text())
    assert run["sent"]["live"] > 5
    assert "STAND-IN" in run["provider"]


def test_a_preset_converts_a_clip(shelf: Path, tmp_path: Path) -> None:
    images = frames(12)
    clip = write_clip(tmp_path / "in.mp4", every(25, 12), lambda number, out: np.copyto(out, images[number]), SIZE)
    config = config_of(shelf, neural__preset="fast")
    told = convert(config, clip, tmp_path / "out.mp4", paths=paths_in(tmp_path))
    assert told.frames == 12
    assert told.swapped >= 6
    assert told.swapped + sum(told.held.values()) + sum(told.slated.values()) == 12
    assert (tmp_path / "out.mp4").stat().st_size > 1000


def test_a_provider_that_does_not_work_ends_the_mesh_swap_too(tmp_path: Path) -> None:
    absent = "directml" if sys.platform != "win32" else "coreml"
    with pytest.raises(ConfigError, match=f"without {absent}"):
        Networks(tmp_path, absent).ensure()


def test_stand_ins_are_never_put_on_a_live_face(shelf: Path, tmp_path: Path) -> None:
    assembly = Assembly(config_of(shelf, neural__preset="fast"), paths_in(tmp_path), live_face=True)
    with pytest.raises(ConfigError, match="your own face would be sent"):
        assembly.make_processor()


@pytest.mark.parametrize("source", ["camera:/dev/no-such-camera", "stream:http://127.0.0.1:9/x"])
def test_a_camera_is_a_live_face(source: str, shelf: Path, tmp_path: Path) -> None:
    config = config_of(shelf, neural__preset="fast", source__spec=source, output__sinks="memory", run__seconds="20")
    with pytest.raises(ConfigError, match="your own face would be sent"):
        run(config, paths=paths_in(tmp_path))


COMPILING = "Compiling for the graphics card: scrfd_500m"


class Compiled:
    """A card's networks, which the processor runs; one of them is not compiled yet."""

    def __init__(self, neural: NeuralNetworks, folder: Path) -> None:
        self.workshop = workshop(folder)
        self._neural = neural
        self.may_end = folder / "may-end"
        self._wanted = Wanted(network("scrfd_500m", folder / "models", f"until {self.may_end}"))

    def missing(self) -> list[Wanted]:
        return [] if self.workshop.is_ready(self._wanted) else [self._wanted]

    def serve(self, personas: PersonaSource) -> Served:
        held = ExitStack()
        return Served(self._neural.pipeline(personas, None, held), "rtx", "rtx", close=held.close)


def test_a_call_goes_on_while_its_networks_are_compiled_and_exchanged(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a computer with a card, which is not there: from the first picture to the last no frame fails."""
    computer = PretendComputer((Backend.RTX, Backend.CPU), RTX_3060)
    monkeypatch.setattr("livecam.app.neural.ThisComputer", lambda: computer)
    # The best of three: where the machine stands still for longer than a picture is held, the slate is right.
    showing = set[str]()
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        showing = shown_after_the_exchange(shelf, tmp_path / str(number), monkeypatch)
        if showing <= {"live", "held"}:
            break
    assert showing <= {"live", "held"}, "never the slate"


def shown_after_the_exchange(shelf: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """A call whose networks are compiled and exchanged."""
    made: list[Compiled] = []

    def compiled(assembly: Assembly, _backend: Backend) -> Compiled:
        assert assembly._neural is not None
        made.append(Compiled(assembly._neural, folder))
        return made[0]

    monkeypatch.setattr(Assembly, "_compiled", compiled)
    config = config_of(
        shelf,
        neural__preset="fast",
        neural__detector="none",
        source__spec="synthetic",
        source__size="640x480",
        source__fps="15",
        output__sinks="memory",
        privacy__hold_ms="2000",
        run__seconds="120",
    )
    statuses: list[Status] = []
    stop = threading.Event()

    def look(status: Status) -> None:
        statuses.append(status)
        if any(one.showing == "live" for one in statuses) and any(COMPILING in one.note for one in statuses):
            made[0].may_end.touch()
        if status.provider == "rtx" and len(statuses) - exchanged(statuses) > 15:
            stop.set()

    report = run(config, look, stop, paths_in(folder))
    told = [status.provider for status in statuses if status.showing == "live"]
    assert told[0].startswith("cpu")
    assert told[-1] == report.provider == "rtx"
    assert any(COMPILING in status.note for status in statuses)
    assert "failed" not in report.withheld
    return {status.showing for status in statuses[exchanged(statuses) :]}


def exchanged(statuses: list[Status]) -> int:
    """Which was the first to tell of the compiled networks."""
    return next((number for number, status in enumerate(statuses) if status.provider == "rtx"), len(statuses))


@pytest.mark.parametrize(
    ("flags", "live", "kept"),
    [
        ({"neural.preset": "balanced"}, True, True),
        ({"neural.preset": "balanced"}, False, False),
        ({"neural.preset": "balanced", "neural.identity_gate": "false"}, True, False),
        ({"neural.preset": "balanced", "neural.enhancer": "none"}, True, False),
        ({"neural.preset": "balanced", "neural.swapper": "uniface_256"}, True, False),
    ],
)
def test_the_enhancer_is_kept_to_the_persona_where_a_recogniser_knows_it(
    flags: dict[str, str], live: bool, kept: bool, tmp_path: Path
) -> None:
    """Live, with an enhancer, and with identities that are vectors. No weights are needed to say so."""
    config = load(flags, Path(os.devnull), {}).config
    clock = time.monotonic_ns if live else lambda: 0
    keeper = NeuralNetworks(config, paths_in(tmp_path), Networks(tmp_path, "cpu"), clock).keeper()
    assert (keeper is not None) is kept


def test_stand_ins_judge_nobody(shelf: Path, tmp_path: Path) -> None:
    config = config_of(shelf, neural__preset="balanced")
    assert NeuralNetworks(config, paths_in(tmp_path), Networks(tmp_path, "cpu")).keeper() is None
