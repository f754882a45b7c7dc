"""``livecam bench quality``, on a short drawn clip."""

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from livecam.app.wearers import enrolled_in, wearers_of
from livecam.bench.quality import choose, table
from livecam.bench.quality.ablation import NO_VECTOR
from livecam.bench.quality.choose import NO_JUDGE
from livecam.bench.quality.clip import Lab
from livecam.bench.quality.report import Report, Setup
from livecam.bench.quality.sheet import SIDE_PX
from livecam.bench.quality.smoothers import MODES, NO_PACK, Mode
from livecam.bench.quality.table import WHAT_MARKS, Row
from livecam.capture.synthetic import SyntheticOptions, SyntheticSource
from livecam.cli import bench_quality_run, root
from livecam.cli.bench_quality import _DRAWN, _MODES
from livecam.cli.bench_quality_run import DRAWN, ClipTake, _labeller
from livecam.config import LabelConfig, Paths, load
from livecam.core.clock import MonotonicClock
from livecam.core.frame import Image, Size
from livecam.core.persona import Basis, Scope
from livecam.faces.consents import Change, Consents
from livecam.faces.enroll import Template
from livecam.privacy.label import draw_plate
from livecam.privacy.label_still import labelled
from livecam.vision.look import EdgeLook
from tests.bench.quality.scripted import SIZE as SCRIPTED_SIZE
from tests.bench.quality.scripted import ScriptedStudio, plays, tools

SIZE, FRAMES = Size(640, 360), 16


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mesh_models: Mapping[str, Path]) -> Path:
    """No test sees this user's files, but for the embedded networks."""
    for name in [name for name in os.environ if name.startswith("LIVECAM_")]:
        monkeypatch.delenv(name)
    for name in ("HOME", "XDG_CONFIG_HOME", "LIVECAM_DATA", "LIVECAM_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("LIVECAM_MODELS_CACHE", str(next(iter(mesh_models.values())).parent))
    monkeypatch.setattr("livecam.cli.bench_quality.start_log", lambda _: None)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_clip(path: Path, faces: int = 1, frames: int = FRAMES) -> Path:
    """A clip of the drawn people."""
    source = SyntheticSource(SIZE, 30.0, MonotonicClock(), SyntheticOptions(pace=False, faces=faces))
    source.open()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "16", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = SIZE.width, SIZE.height, "yuv420p"
        for _ in range(frames):
            image: Image = np.empty(SIZE.image_shape, np.uint8)
            source.read_into(image)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    return path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(root, ["bench", "quality", *arguments])


def test_a_drawn_clip_is_measured_from_end_to_end(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livecam.bench.quality.clip.STILL_FRAMES", 12)
    write_clip(home / "me.mp4")
    result = call("me.mp4", "--persona", "nobody", "--modes", "none,ours", "--out", "report", "--frames", "16")
    assert result.exit_code == 0, result.output
    assert "me.mp4: 640x360, 30 frames/s, 16 frames" in result.stdout
    assert "Published / held / slated, %\t100.0 / 0.0 / 0.0\t100.0 / 0.0 / 0.0" in result.stdout
    assert "Persona nobody, preset mesh, steadiness 0.5" in result.stdout
    told = json.loads((home / "report" / "quality.json").read_bytes())
    moving, still = told["clips"]
    none, ours = (moving["modes"][name] for name in ("none", "ours"))
    assert (moving["frames"], still["still_case"]) == (16, True)
    assert ours["expression"]["landmarks"] < 5
    assert 0 < ours["warp"]["ratio"] < none["warp"]["ratio"]
    steady, shaky = (still["modes"][name]["jitter_px"] for name in ("ours", "none"))
    assert steady < 0.5 * shaky
    page = (home / "report" / "quality.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") == 18
    sheet = cv2.imread(str(home / "report" / "contact-sheet.jpg"))
    assert sheet is not None
    side = SIDE_PX
    plate, _ = draw_plate(Size(side, side), "AI MODIFIED")
    for row, column in ((0, 1), (1, 4)):
        shown = sheet[row * side : (row + 1) * side, column * side : (column + 1) * side]
        assert cv2.matchTemplate(shown.astype(np.uint8), plate, cv2.TM_CCOEFF_NORMED).max() > 0.9
    assert sorted(path.name for path in (home / "report").iterdir()) == [
        "contact-sheet.jpg",
        "quality.html",
        "quality.json",
    ]


def test_the_label_on_what_is_kept_goes_with_the_setting() -> None:
    grey: Image = np.full((240, 240, 3), 90, np.uint8)
    assert np.array_equal(_labeller(LabelConfig(shown=False))(grey), grey)
    assert np.array_equal(_labeller(LabelConfig(text="FAKE"))(grey), labelled(grey, "FAKE"))
    assert not np.array_equal(labelled(grey, "FAKE"), grey)


def test_without_a_judge_the_report_says_so_and_one_bad_clip_spoils_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose, "find_spec", lambda _: None)
    write_clip(home / "me.mp4", frames=16)
    write_clip(home / "room.mp4", faces=0, frames=16)
    result = call("me.mp4", "room.mp4", "--modes", "none", "--no-still", "--json")
    assert result.exit_code == 1
    assert "No face was swapped in room.mp4: all frames were slated no-face." in result.stderr
    told = json.loads(result.stdout)
    assert [clip["name"] for clip in told["clips"]] == ["me.mp4"]
    assert told["setup"]["no_judge"] == NO_JUDGE
    assert told["problems"] == ["No face was swapped in room.mp4: all frames were slated no-face. " + FACE]
    none = told["clips"][0]["modes"]["none"]
    assert (none["identity"], none["unmeasured"]["identity"]) == (None, NO_JUDGE)


FACE = "Choose a clip with a face."


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("no.mp4",), 1, "There is no file no.mp4."),
        (("me.mp4", "--modes", "none,our"), 2, "--modes has no mode our. Did you mean 'ours'?"),
        (("me.mp4", "--modes", ","), 2, "--modes has no mode at all."),
        (("me.mp4", "--frames", "3"), 2, "3 is not in the range"),
        (("me.mp4", "--out", "me.mp4/report"), 1, "report cannot be written: Not a directory. Name another folder"),
        (("me.mp4", "--persona", "nobod"), 1, "There is no persona 'nobod'. Did you mean 'nobody'?"),
        (("me.mp4", "--persona", "nobod", "--out", "r"), 1, "There is no persona 'nobod'. Did you mean 'nobody'?"),
        (("text.mp4",), 1, "text.mp4 cannot be opened as a video"),
        ((), 2, "Missing argument"),
    ],
)
def test_mistakes_are_told_in_a_sentence(home: Path, arguments: tuple[str, ...], code: int, told: str) -> None:
    (home / "me.mp4").write_bytes(b"no video")
    (home / "text.mp4").write_text("words " * 100)
    result = call(*arguments)
    assert result.exit_code == code, result.output
    assert told in result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(path.name for path in home.iterdir() if path.name != "home") == ["me.mp4", "text.mp4"]


def test_a_folder_made_for_a_report_that_never_came_goes_again_and_no_other(home: Path) -> None:
    write_clip(home / "room.mp4", faces=0)
    (home / "mine").mkdir()
    for folder in ("deep/er/report", "mine", "mine/report"):
        result = call("room.mp4", "--modes", "none", "--no-still", "--out", folder)
        assert (result.exit_code, result.stderr.strip()[-len(FACE) :]) == (1, FACE), result.output
    assert not (home / "deep").exists()
    assert list((home / "mine").iterdir()) == []


def test_whoever_is_in_the_clip_is_swapped_though_somebody_else_is_enrolled(home: Path) -> None:
    write_clip(home / "me.mp4")
    stranger = Template("somebody", EdgeLook.told, np.eye(7, 288, dtype=np.float32), "2026-01-02T00:00:00+00:00")
    enrolled_in(Paths.find()).keep(stranger)
    assert wearers_of(load().config, Paths.find()).people == {"somebody": ""}
    result = call("me.mp4", "--modes", "none", "--no-still", "--json")
    assert result.exit_code == 0, result.output
    (clip,) = json.loads(result.stdout)["clips"]
    assert clip["modes"]["none"]["frames"]["published"] == 100


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command finds out at once what a scripted clip gave."""
    lab = Lab(ScriptedStudio([20] * 20), tools(), (MODES["none"], MODES["ours"]), NO_JUDGE)
    result = lab.clip("me.mp4", plays([50] * 20), SCRIPTED_SIZE)
    setup = Setup("ann", "mesh", "", NO_JUDGE, 0.0, 0.5, {})
    monkeypatch.setattr(bench_quality_run, "measure", lambda *_: Report(setup, (result,)))


def test_what_was_not_measured_is_told_below_the_table(measured: None) -> None:
    result = call("synthetic")
    assert result.exit_code == 0, result.output
    assert "Not measured: Lag in motion, of the face's height: the face hardly moved." in result.stdout
    assert f"identities not judged: {NO_JUDGE}" in result.stdout


def test_the_best_of_a_row_is_marked_on_a_terminal_and_a_pipe_gets_figures_alone(
    monkeypatch: pytest.MonkeyPatch, measured: None
) -> None:
    row = Row("Jitter", {"none": "0.40", "ours": "0.30"}, best=frozenset({"none"}))
    monkeypatch.setattr(table, "rows", lambda _: [row])
    piped = call("synthetic")
    assert "Jitter\t0.40\t0.30\n" in piped.stdout
    assert WHAT_MARKS not in piped.stdout
    monkeypatch.setattr("livecam.cli.bench_quality.sys", SimpleNamespace(stdout=SimpleNamespace(isatty=lambda: True)))
    shown = call("synthetic")
    assert "Jitter\t0.40 *\t0.30\n" in shown.stdout
    assert f"* {WHAT_MARKS}." in shown.stdout


def test_a_full_disk_and_a_place_that_is_taken_are_told(
    measured: None, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "taken" / "quality.html").mkdir(parents=True)
    result = call("synthetic", "--out", "taken")
    assert (result.exit_code, "Name another folder with --out." in result.stderr) == (1, True)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("livecam.app.convert_doors.os.fsync", full)
    result = call("synthetic", "--out", "report")
    assert result.exit_code == 1
    assert "the disk is full. Free some space" in result.stderr
    assert not (home / "report").exists(), "nothing is in it, and nobody else made it"


def test_pictures_of_a_persona_are_written_only_where_its_consent_covers_them(measured: None, home: Path) -> None:
    (home / "home" / "personas" / "ann").mkdir(parents=True)
    consents = Consents(home / "home" / "personas")
    change = Change(basis=Basis.WRITTEN, scope=frozenset({Scope.LIVE}))
    consents.keep_renewed("ann", consents.renewed("ann", None, change))
    result = call("synthetic", "--persona", "ann", "--out", "report")
    assert result.exit_code == 1, result.output
    assert "The consent for 'ann' is not for snapshots and pictures." in result.stderr
    assert not (home / "report").exists()
    assert call("synthetic", "--persona", "ann").exit_code == 0, "without pictures there is nothing to keep"


def test_the_drawn_face_needs_no_clip(home: Path) -> None:
    result = call("synthetic", "--modes", "none", "--no-still", "--frames", "16", "--json", "--angles")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["pack"] == {"clips": [], "why_not": NO_VECTOR}
    (clip,) = json.loads(result.stdout)["clips"]
    assert (clip["name"], clip["size"], clip["frames"]) == ("synthetic", "1280x720", 16)
    assert clip["modes"]["none"]["frames"]["published"] == 100
    assert _DRAWN == DRAWN


def test_the_modes_in_the_help_are_those_there_are() -> None:
    assert tuple(MODES) == _MODES


@pytest.mark.parametrize("mode", [MODES["none"], MODES["ours"], NO_PACK], ids=lambda mode: mode.name)
def test_a_mode_says_what_the_pipeline_is_made_with(mode: Mode) -> None:
    made = []

    class Rehearses:
        def pipeline(self, size: Size, wrap: object, *, pack: bool) -> None:
            made.append(pack)

    ClipTake(Rehearses(), mode, SIZE)  # type: ignore[arg-type]
    assert made == [mode is not NO_PACK]
