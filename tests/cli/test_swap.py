"""``livecam swap``."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from livecam.app import convert as real
from livecam.app.convert import SETTINGS_USED, Conversion, Options
from livecam.app.convert_summary import ConversionStopped
from livecam.cli import root
from livecam.cli.swap_command import FILE_SETTINGS, told
from livecam.config import SETTINGS, Config, Paths
from livecam.inference.progress import Progress

DONE = Conversion(
    source="in.mp4",
    target="out.mp4",
    kind="video",
    size="640x480",
    persona="ann",
    frames=100,
    swapped=90,
    held={"no-face": 4, "weak-face": 1},
    slated={"no-face": 5},
    resumed=50,
    seconds=2.0,
    fps=25.0,
    audio="copied",
    notes=("1 subtitle track left out.",),
)


class FakeConvert:
    """Stands where the conversion is."""

    def __init__(self) -> None:
        self.calls: list[tuple[Config, Path, Path, Options]] = []
        self.error: Exception | None = None

    def __call__(
        self, config: Config, source: Path, target: Path, options: Options, *, paths: Paths, progress: Progress
    ) -> Conversion:
        self.calls.append((config, source, target, options))
        for done in range(3):
            progress.update("Swapping", done, 2)
        if self.error is not None:
            raise self.error
        return DONE


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees this user's files."""
    for name in [name for name in os.environ if name.startswith("LIVECAM_")]:
        monkeypatch.delenv(name)
    for name in ("HOME", "XDG_CONFIG_HOME", "LIVECAM_DATA", "LIVECAM_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setattr("livecam.cli.swap_command.start_log", lambda _: None)
    monkeypatch.setattr("livecam.cli.swap_command.fetch_missing", lambda _: None)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, home: Path) -> FakeConvert:
    (home / "in.mp4").write_bytes(b"video")
    fake = FakeConvert()
    monkeypatch.setattr(real, "convert", fake)
    return fake


def call(*arguments: str) -> Result:
    return CliRunner().invoke(root, ["swap", *arguments])


def test_flags_reach_the_conversion(fake: FakeConvert) -> None:
    result = call(
        *("in.mp4", "out.mp4", "--persona", "ann", "--steadiness", "0.8", "--shape", "0.1", "--eyes", "target"),
        *("--others", "withhold", "--provider", "cpu", "--hold", "100", "--slate-text", "Soon"),
        *("--crf", "23", "--replace", "--start-over"),
    )
    assert result.exit_code == 0, result.output
    ((config, source, target, options),) = fake.calls
    assert (source, target) == (Path("in.mp4"), Path("out.mp4"))
    assert (config.face.persona, config.face.steadiness, config.face.shape) == ("ann", 0.8, 0.1)
    assert (config.face.eyes, config.face.others, config.models.provider) == ("target", "withhold", "cpu")
    assert (config.privacy.hold_ms, config.privacy.slate_text) == (100.0, "Soon")
    assert options == Options(crf=23, replace=True, start_over=True)


def test_it_takes_the_flags_of_what_it_heeds_and_no_others() -> None:
    assert FILE_SETTINGS == SETTINGS_USED
    shown = call("--help").output
    for key in SETTINGS.values():
        assert (f"{key.setting.flag} " in shown or f"{key.setting.flag}\n" in shown) == (key in FILE_SETTINGS) or (
            key.path == "run.report"
        ), key.path
    assert call("in.mp4", "out.mp4", "--passthrough").exit_code == 2


def test_what_came_of_it_is_told(fake: FakeConvert) -> None:
    result = call("in.mp4", "out.mp4")
    assert result.stdout.splitlines() == [
        "Swapped 90 of 100 frames of in.mp4 into out.mp4 in 2.0 s (25.0 frames/s).",
        "An earlier run had finished 50 of them.",
        "The picture before stands in for 5 frames: 4 no-face, 1 weak-face.",
        "The slate stands in for 5 frames: 5 no-face.",
        "Sound: copied.",
        "1 subtitle track left out.",
    ]
    assert "Swapping: 50 %" in result.stderr


def test_a_picture_is_told_in_a_line() -> None:
    done = Conversion("in.png", "out.png", "image", "64x64", "ann", 1, 1, seconds=0.25)
    assert list(told(done)) == ["Swapped the face in in.png into out.png in 0.2 s."]


def test_the_report_is_what_python_gets(fake: FakeConvert) -> None:
    assert call("in.mp4", "out.mp4", "--report", "r.json").exit_code == 0
    report = json.loads(Path("r.json").read_bytes())
    assert (report["swapped"], report["held"], report["notes"]) == (90, dict(DONE.held), list(DONE.notes))


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("no.mp4", "out.mp4"), 1, "There is no file no.mp4."),
        (("in.mp4", "in.mp4"), 2, "OUT is IN"),
        (("in.mp4", "out.gif"), 2, ".gif files cannot be written."),
        (("in.mp4", "out.mp4", "--report", "no/r.json"), 2, "The report cannot be written"),
        (("in.mp4", "out.mp4", "--report", "in.mp4"), 2, "The report would overwrite"),
        (("in.mp4", "out.mp4", "--report", "out.mp4"), 2, "The report would overwrite"),
        (("in.mp4", "out.mp4", "--crf", "52"), 2, "52 is not in the range"),
        (("in.mp4", "out.mp4", "--shape", "7"), 2, "--shape must"),
        (("in.mp4",), 2, "Missing argument"),
    ],
)
def test_mistakes_are_told_before_any_work(fake: FakeConvert, arguments: tuple[str, ...], code: int, told: str) -> None:
    result = call(*arguments)
    assert result.exit_code == code
    assert told in result.stderr
    assert "Traceback" not in result.stderr
    assert fake.calls == []
    assert Path("in.mp4").read_bytes() == b"video"


def test_a_stop_says_how_to_go_on(fake: FakeConvert) -> None:
    fake.error = ConversionStopped("Stopped; 50 of 100 frames are finished.", "The same command goes on.")
    result = call("in.mp4", "out.mp4", "--report", "r.json")
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.endswith("Stopped; 50 of 100 frames are finished. The same command goes on.\n")
    assert not Path("r.json").exists()
