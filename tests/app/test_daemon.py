"""Whole runs from configuration to report, in this process."""

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.app import Daemon, Panic, Resume, SetPersona, run
from livecam.app.registry import SINKS
from livecam.capture.synthetic import SyntheticOptions, SyntheticSource
from livecam.config import Config, Language, load
from livecam.core.cleared import How
from livecam.core.clock import MonotonicClock
from livecam.core.frame import Size
from livecam.core.stamp import read_stamp
from livecam.errors import ConfigError, PersonaError, SinkGone, SourceGone
from livecam.privacy.label import WORDS, Label
from livecam.runtime.report import Report, Status
from tests.app import keeping
from tests.fakes import ScriptedProcessor

BASE = {"source.spec": "synthetic", "source.size": "640x480", "output.sinks": "memory"}


def configure(**values: str) -> Config:
    named = {name.replace("__", "."): value for name, value in values.items()}
    return load(BASE | named, Path(os.devnull), {}).config


def adds_up(report: Report) -> None:
    """Every frame and every picture is accounted for."""
    assert report.captured == report.skipped + report.published + sum(report.withheld.values())
    assert report.published == report.sent["live"] + report.overtaken + report.expired
    assert min(report.skipped, report.overtaken, report.expired) >= 0


@pytest.fixture
def keep(monkeypatch: pytest.MonkeyPatch) -> Callable[[], keeping.KeepingSink]:
    monkeypatch.setitem(SINKS, "keep", "tests.app.keeping:make")
    return lambda: keeping.LAST[0]


def test_a_run_swaps_and_its_report_adds_up(mesh_models: Mapping[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    statuses: list[Status] = []
    report = run(configure(run__seconds="4", run__report=str(path)), statuses.append)
    adds_up(report)
    assert report.sent["live"] > 30
    assert report.first_live_s is not None
    assert json.loads(path.read_text())["sent"] == report.sent
    assert not list(tmp_path.glob("*.part"))
    assert statuses[-1].state == "live"
    assert statuses[-1].fps > 5
    assert statuses[-1].sinks == ("memory",)


def test_every_picture_that_leaves_is_swapped_and_nothing_else_is_changed(
    mesh_models: Mapping[str, Path], keep: Callable[[], keeping.KeepingSink]
) -> None:
    """Each output is matched with its input by frame number: the face differs, the surroundings do not."""
    run(configure(output__sinks="keep", run__seconds="4", source__spec="synthetic?noise=0&stamp=1"))
    source = SyntheticSource(Size(640, 480), 30.0, MonotonicClock(), SyntheticOptions(noise=False, pace=False))
    source.open()
    bare = np.zeros((480, 640, 3), dtype=np.uint8)
    live = {seq: picture for how, seq, picture in keep().kept if how is How.SWAPPED}
    left, top, width, height = Label(Size(640, 480), WORDS[Language.EN]).box
    label = np.s_[top : top + height, left : left + width]
    assert len(live) > 30
    assert {how for how, _, _ in keep().kept} <= {How.SWAPPED, How.SLATE}
    for picture in live.values():
        number, _ = read_stamp(picture[:480]) or (-1, 0)
        assert number >= 0, "the frame number must survive the swap"
        source.draw(number, bare)
        points = source.truth(number)[0].landmarks.astype(np.int32)
        face = np.zeros((480, 640), dtype=np.uint8)
        cv2.fillConvexPoly(face, cv2.convexHull(points), 255)
        inner = cv2.erode(face, np.ones((15, 15), np.uint8)) > 0
        outer = cv2.dilate(face, np.ones((41, 41), np.uint8)) == 0
        shown = cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420).astype(np.int16)
        change = np.abs(shown - bare).max(axis=2)
        assert change[label].mean() > 40, f"frame {number}: the label is not there"
        outer[label] = False
        assert change[inner].mean() > 6, f"frame {number}: the face is nearly as it was"
        assert np.percentile(change[outer], 98) < 25, f"frame {number}: the surroundings changed"


def test_an_empty_room_is_the_slate(keep: Callable[[], keeping.KeepingSink], mesh_models: Mapping[str, Path]) -> None:
    report = run(configure(output__sinks="keep", run__seconds="3", source__spec="synthetic?faces=0"))
    assert {how for how, _, _ in keep().kept} == {How.SLATE}
    assert report.withheld["no-face"] > 20
    adds_up(report)


def test_a_second_person_is_blurred_or_withheld(
    keep: Callable[[], keeping.KeepingSink], mesh_models: Mapping[str, Path]
) -> None:
    report = run(
        configure(output__sinks="keep", run__seconds="3", source__spec="synthetic?faces=2", face__others="withhold")
    )
    assert {how for how, _, _ in keep().kept} == {How.SLATE}
    assert report.withheld["other-person"] > 10


def test_passthrough_is_said_and_adds_up() -> None:
    statuses = []
    processor = ScriptedProcessor()
    daemon = Daemon(configure(privacy__passthrough="true"), make_processor=lambda: processor)
    daemon.start()
    for _ in range(10):
        statuses.append(daemon.status(daemon.check()))
        time.sleep(0.1)
    daemon.stop()
    assert statuses[-1].mode == "passthrough"
    adds_up(daemon.report())


def test_panic_shows_the_slate_until_resumed() -> None:
    daemon = Daemon(configure(), make_processor=ScriptedProcessor)
    daemon.start()
    time.sleep(1.0)
    daemon.submit(Panic())
    time.sleep(0.1)
    assert daemon.status(daemon.check()).showing == "slate"
    daemon.submit(Resume())
    time.sleep(0.5)
    assert daemon.status(daemon.check()).showing in ("live", "held")
    daemon.stop()


def test_a_persona_that_does_not_exist_changes_nothing(mesh_models: Mapping[str, Path]) -> None:
    daemon = Daemon(configure(), make_processor=ScriptedProcessor)
    with pytest.raises(PersonaError, match="nobdy"):
        daemon.submit(SetPersona("nobdy"))
    assert daemon.report().persona == "nobody"


def test_a_run_with_an_unknown_persona_ends_with_a_sentence(mesh_models: Mapping[str, Path]) -> None:
    with pytest.raises(PersonaError, match="'bob'"):
        run(configure(face__persona="bob", run__seconds="5"))


def test_a_file_that_ends_is_a_normal_end_and_one_that_is_missing_is_not(tmp_path: Path) -> None:
    from tests.capture.clips import write_clip

    clip = write_clip(tmp_path / "clip.mp4")
    values = {"source__spec": f"file:{clip}?loop=0", "privacy__passthrough": "true"}
    report = run(configure(**values, run__seconds="20"))
    assert report.seconds < 15
    with pytest.raises(SourceGone, match=r"missing\.mp4"):
        run(configure(source__spec=f"file:{tmp_path}/missing.mp4", privacy__passthrough="true"))


def test_the_report_is_written_even_when_the_run_fails(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with pytest.raises(SourceGone):
        run(configure(source__spec="file:missing.mp4", run__report=str(path), privacy__passthrough="true"))
    assert json.loads(path.read_text())["captured"] == 0


def test_no_sink_at_all_ends_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkGone):
        run(configure(output__sinks=f"record:{tmp_path}/file/a.mp4", privacy__passthrough="true"))


def test_bad_specs_are_refused_before_anything_starts() -> None:
    for values in ({"source__spec": "camra:0"}, {"output__sinks": "webb"}, {"source__spec": "file:a?lop=1"}):
        with pytest.raises(ConfigError):
            Daemon(configure(**values))
    assert "output" not in {thread.name for thread in threading.enumerate()}


def test_a_stop_event_ends_the_run() -> None:
    stop = threading.Event()
    threading.Timer(1.0, stop.set).start()
    started = time.monotonic()
    run(configure(privacy__passthrough="true"), stop=stop)
    assert time.monotonic() - started < 3.0
