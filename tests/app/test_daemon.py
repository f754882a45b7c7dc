"""Whole runs from configuration to report, in this process."""

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.app import Daemon, Panic, Resume, SetPersona, run
from livecam.app.registry import SINKS
from livecam.app.running import unserved
from livecam.capture.synthetic import SyntheticOptions, SyntheticSource
from livecam.config import Config, Language, load
from livecam.core.cleared import How
from livecam.core.clock import MonotonicClock
from livecam.core.frame import Size
from livecam.core.stamp import read_stamp
from livecam.errors import ConfigError, PersonaError, SinkError, SinkGone, SourceGone
from livecam.output.tee import SinkState
from livecam.privacy.label import WORDS, Label
from livecam.runtime.report import Report, Status
from tests.app import keeping
from tests.fakes import ScriptedProcessor
from tests.patience import UNHURRIED_S

BASE = {"source.spec": "synthetic", "source.size": "640x480", "output.sinks": "memory"}


def configure(**values: str) -> Config:
    named = {name.replace("__", "."): value for name, value in values.items()}
    return load(BASE | named, Path(os.devnull), {}).config


def adds_up(report: Report) -> None:
    """Every frame and every picture is accounted for."""
    assert report.captured == report.skipped + report.published + sum(report.withheld.values())
    assert report.published == report.sent["live"] + report.overtaken + report.expired
    assert min(report.skipped, report.overtaken, report.expired) >= 0


def run_until(enough: Callable[[Status], bool], **values: str) -> tuple[Report, list[Status]]:
    """A run that ends when there is enough to judge, at the latest after two minutes; what it said meanwhile."""
    statuses: list[Status] = []
    stop = threading.Event()

    def look(status: Status) -> None:
        statuses.append(status)
        if enough(status):
            stop.set()

    return run(configure(**{"run__seconds": "120"} | values), look, stop), statuses


def judged(status: Status) -> bool:
    """Whether frames have been looked at, and not only skipped while networks were loaded."""
    return status.state == "live" and status.dropped > 60


@pytest.fixture
def keep(monkeypatch: pytest.MonkeyPatch) -> Callable[[], keeping.KeepingSink]:
    monkeypatch.setitem(SINKS, "keep", "tests.app.keeping:make")
    return lambda: keeping.LAST[0]


def test_a_run_swaps_and_its_report_adds_up(mesh_models: Mapping[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    live: list[float] = []
    report, statuses = run_until(partial(seen_live, live, 25), run__report=str(path))
    if report.sent["live"] <= 10:
        # For longer where the machine is slow.
        report, statuses = run_until(partial(seen_live, live, len(live) + 250), run__report=str(path))
    adds_up(report)
    assert report.sent["live"] > 10
    assert report.first_live_s is not None
    assert json.loads(path.read_text())["sent"] == report.sent
    assert not list(tmp_path.glob("*.part"))
    assert max(live) > 1
    assert statuses[-1].sinks == ("memory",)


def seen_live(live: list[float], looks: int, status: Status) -> bool:
    """Whether a run was live for more than so many looks; its rates are kept in `live`."""
    live.extend([status.fps] if status.state == "live" else [])
    return len(live) > looks and max(live) > 1


def test_every_picture_that_leaves_is_swapped_and_nothing_else_is_changed(
    mesh_models: Mapping[str, Path], keep: Callable[[], keeping.KeepingSink]
) -> None:
    """Each output is matched with its input by frame number: the face differs, the surroundings do not."""

    def enough(_: Status) -> bool:
        return len({seq for how, seq, _ in keep().kept if how is How.SWAPPED}) > 30

    run_until(enough, output__sinks="keep", source__spec="synthetic?noise=0&stamp=1")
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
    report, _ = run_until(judged, output__sinks="keep", source__spec="synthetic?faces=0")
    assert {how for how, _, _ in keep().kept} == {How.SLATE}
    assert report.withheld["no-face"] > 0
    adds_up(report)


def test_a_second_person_is_blurred_or_withheld(
    keep: Callable[[], keeping.KeepingSink], mesh_models: Mapping[str, Path]
) -> None:
    values = {"output__sinks": "keep", "source__spec": "synthetic?faces=2", "face__others": "withhold"}
    report, _ = run_until(judged, **values)
    assert {how for how, _, _ in keep().kept} == {How.SLATE}
    assert report.withheld["other-person"] > 0


def test_passthrough_is_said_and_adds_up() -> None:
    statuses = []
    processor = ScriptedProcessor()
    daemon = Daemon(configure(privacy__passthrough="true"), make_processor=lambda: processor)
    daemon.start()
    for _ in range(10):
        statuses.append(daemon.status(daemon.check()))
        time.sleep(0.05)
    daemon.stop()
    assert statuses[-1].mode == "passthrough"
    adds_up(daemon.report())


def test_panic_shows_the_slate_until_resumed() -> None:
    daemon = Daemon(configure(), make_processor=ScriptedProcessor)
    daemon.start()
    shows(daemon, "live", "held")
    daemon.submit(Panic())
    slates = daemon.report().sent["slate"]
    shows(daemon, "slate", more_than=slates + 1)
    for _ in range(10):
        time.sleep(0.03)
        assert daemon.status(daemon.check()).showing == "slate"
    daemon.submit(Resume())
    shows(daemon, "live", "held")
    daemon.stop()


def shows(daemon: Daemon, *wanted: str, more_than: int = -1) -> None:
    """Wait until it shows one of `wanted`, and more than so many slates were sent."""
    deadline = time.monotonic() + 60
    while (showing := daemon.status(daemon.check()).showing) not in wanted or (
        daemon.report().sent["slate"] <= more_than
    ):
        assert time.monotonic() < deadline, showing
        time.sleep(0.02)


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
    report = run(configure(**values, run__seconds="120"))
    assert report.seconds < 100
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


def test_a_sink_asked_for_by_name_that_never_opened_is_no_good_end(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    sinks, path = f"memory;record:{tmp_path}/file/a.mp4", tmp_path / "report.json"
    stop = threading.Event()

    def look(status: Status) -> None:
        if any("Cannot record to" in sink for sink in status.sinks):
            stop.set()

    values = {"output__sinks": sinks, "run__report": str(path), "privacy__passthrough": "true"}
    with pytest.raises(SinkError, match=r"Nothing was ever sent to record:.*a\.mp4: Cannot record to .* ended as"):
        run(configure(**values, run__seconds="120"), look, stop)
    assert json.loads(path.read_text())["state"] == "stopping"


def test_who_served_for_a_while_and_whom_auto_chose_spoil_no_end() -> None:
    name = "web http://127.0.0.1:8080/?token=secret"
    never = SinkState(name, open=False, gone=False, sent=0, lost=0, problem="It is taken.")
    failed = replace(never, sent=1, lost=1)
    named, chosen = configure(output__sinks="memory;web:8080"), configure(output__sinks="auto;web:8080")
    assert unserved(named, [failed, replace(never, problem="")]) is None
    assert unserved(chosen, [never]) is None
    told = str(unserved(named, [failed, never]))
    assert "It is taken." in told
    assert "secret" not in told


def test_bad_specs_are_refused_before_anything_starts() -> None:
    for values in ({"source__spec": "camra:0"}, {"output__sinks": "webb"}, {"source__spec": "file:a?lop=1"}):
        with pytest.raises(ConfigError):
            Daemon(configure(**values))
    assert "output" not in {thread.name for thread in threading.enumerate()}


def test_a_stop_event_ends_the_run() -> None:
    stop, asked = threading.Event(), []

    def ask(status: Status) -> None:
        if status.state == "live":
            asked.append(time.monotonic())
            stop.set()

    run(configure(privacy__passthrough="true"), ask, stop)
    assert time.monotonic() - asked[-1] < UNHURRIED_S, "unless it is stopped, it runs for ever"
