"""``livecam bench latency``: through the whole daemon, as a real process, and what it refuses."""

import json
import logging
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
import pytest
from click.testing import CliRunner, Result

from livecam.cli import root
from livecam.cli.bench_command import Outcome, Wish, run_latency
from tests.cli.patient import patient

QUICK = ("--size", "640x480", "--fps", "15", "--seconds", "4")
ATTEMPTS = 5
"""A busy neighbour may spoil one measurement; how fast this machine is is not what is tested."""
LONGEST_MS = 5000
"""No picture is older, but where the machine stood still."""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test reads this user's configuration, and none leaves a log handler behind."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("LIVECAM_DATA", str(tmp_path / "data"))
    before, level = list(logging.root.handlers), logging.root.level
    yield
    logging.root.handlers[:] = before
    logging.root.setLevel(level)


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(root, ["bench", "latency", *map(str, arguments)])


def process(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [*patient(), "bench", "latency", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def measured_by_process(
    file: Path, *arguments: str | Path, attempts: int = ATTEMPTS
) -> tuple[subprocess.CompletedProcess[str], Mapping[str, object]]:
    """The first measurement without a problem, else the last: how it ended, and its figures."""
    done = process(*arguments, "--json", file)
    assert file.exists(), done.stderr
    told = json.loads(file.read_text())
    # A starved machine gets too few frames, and says so.
    assert done.returncode == (1 if told["problem"] else 0), done.stderr
    spoilt = told["problem"] or told["age_ms"]["p99"] >= LONGEST_MS
    return measured_by_process(file, *arguments, attempts=attempts - 1) if spoilt and attempts else (done, told)


def is_sane(told: Mapping[str, object]) -> None:
    """The figures fit each other. How good they are is the machine's business."""
    age, daemon = told["age_ms"], told["daemon_age_ms"]
    assert isinstance(age, dict)
    assert isinstance(daemon, dict)
    assert 0 < age["p50"] <= age["p95"] <= age["p99"] < LONGEST_MS
    assert 0 < daemon["p50"] <= daemon["p95"]
    counts = [told[name] for name in ("pictures", "measured", "duplicates", "unreadable")]
    assert all(isinstance(count, int) for count in counts)
    assert counts[0] == sum(counts[1:])  # type: ignore[arg-type]
    ages = told["ages_by_ms"]
    assert isinstance(ages, dict)
    assert sum(ages.values()) == told["measured"]
    assert isinstance(told["new_fps"], float)
    assert isinstance(told["reader_fps"], float)
    # What is sent at 15 a second is not read at twice the rate.
    assert 1 < told["new_fps"] <= told["reader_fps"] < 20


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_through_the_stream_as_a_real_process(mesh_models: Mapping[str, Path], tmp_path: Path) -> None:
    """The swap is on, and the stamp lies outside of it."""
    figures, picture = tmp_path / "l.json", tmp_path / "l.png"
    done, told = measured_by_process(figures, "--through", "web", *QUICK, "--png", picture)
    is_sane(told)
    assert told["through"] == "web"
    assert told["work"] == "mesh swap (nobody)"
    assert cv2.imread(str(picture)) is not None
    assert "camera to reader, p50 / p95 / p99" in done.stdout
    assert "token" not in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_through_memory_which_is_the_daemon_alone() -> None:
    wish = Wish("memory", "640x480", 15.0, 4.0, passthrough=True, config_file=Path(os.devnull))
    outcome = next(found for found in map(run_latency, [wish] * ATTEMPTS) if not spoilt(found))
    told = outcome.to_json()
    is_sane(told)
    assert told["work"] == "passthrough"
    # What is read in the sink is what the output says of itself, but for the stamp's whole milliseconds.
    assert outcome.measurement.figures.age_ms.p50 == pytest.approx(outcome.daemon_age_ms["p50"], rel=0.5, abs=5)


def spoilt(outcome: Outcome) -> bool:
    """By a machine that starved it, or stood still."""
    return bool(outcome.measurement.problem) or outcome.measurement.figures.age_ms.p99 >= LONGEST_MS


def test_without_a_virtual_camera_auto_is_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    from livecam.cli import bench_command
    from livecam.core.spec import parse_spec

    monkeypatch.setattr(
        "livecam.app.choose.choose_sinks", lambda config, paths: (parse_spec("record:a.mp4"), parse_spec("web"))
    )
    monkeypatch.setattr(bench_command, "fetch_missing", lambda _: None)
    spec, config, _ = bench_command._resolved(Wish(config_file=Path(os.devnull)), Path("x"))
    assert spec.kind == "web"
    assert [sink.kind for sink in config.output.sinks] == ["web"]
    assert config.source.spec.params == {"stamp": "1"}


def test_the_users_own_output_size_stays_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from livecam.cli import bench_command

    file = tmp_path / "c.toml"
    file.write_text("[output]\nsize = '320x240'\nsinks = ['null']\n[face]\npersona = 'ann'\n")
    monkeypatch.setattr(bench_command, "fetch_missing", lambda _: None)
    wish = Wish("memory", "640x480", config_file=file)
    _, config, _ = bench_command._resolved(wish, tmp_path / "a.txt")
    assert str(config.output_size) == "640x480"
    assert [sink.kind for sink in config.output.sinks] == ["stamps"]
    assert config.face.persona == "ann"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--through", "record:a.mp4"), "cannot be measured"),
        (("--through", "nonsense"), "cannot be measured"),
        (("--size", "641x480"), "even sides"),
        (("--fps", "0"), "--fps"),
        (("--seconds", "0"), "--seconds"),
        (("--json", "none/l.json"), "Name a file in a folder that exists with --json"),
        (("--png", "."), "cannot be written"),
    ],
)
def test_what_cannot_be_measured_is_said_at_once(arguments: tuple[str, ...], words: str) -> None:
    done = call(*arguments)
    assert done.exit_code == 2, done.output
    assert words in done.output
    assert "Traceback" not in done.output


def test_a_device_that_is_not_there_is_said_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    told = "did not open. There is no virtual camera"
    done = None
    # For longer where the machine is slow.
    for within_s in (1, 20, 60):
        if done is None or told not in done.output:
            monkeypatch.setattr("livecam.cli.bench_command._OPEN_WITHIN_S", within_s)
            done = call("--through", "virtualcam:/dev/video-none", "--passthrough", *QUICK)
    assert done is not None
    assert done.exit_code == 1, done.output
    assert told in done.output
    assert "Traceback" not in done.output
