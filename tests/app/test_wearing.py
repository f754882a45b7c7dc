"""Whole runs with somebody enrolled: every picture that left is looked at."""

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.app import run
from livecam.app.assemble import networks_of
from livecam.app.registry import SINKS
from livecam.app.wearers import enrolled_in, look_of
from livecam.capture.synthetic import SyntheticOptions, SyntheticSource
from livecam.core.cleared import How
from livecam.core.clock import MonotonicClock
from livecam.core.frame import Size
from livecam.core.stamp import read_stamp
from livecam.faces.enroll import Template
from livecam.runtime.report import Report, Status
from tests.app import keeping
from tests.app.enrolling import Place, somebody_else

SIZE = Size(640, 480)


@pytest.fixture
def place(tmp_path: Path, mesh_models: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setitem(SINKS, "keep", "tests.app.keeping:make")
    return Place(tmp_path, monkeypatch, recogniser=True)


def live(place: Place, enough: Callable[[Status], bool]) -> tuple[Report, list[Status]]:
    """A run that ends when there is enough to judge, at the latest after two minutes; what it said meanwhile."""
    statuses: list[Status] = []
    stop = threading.Event()
    values = {"source__size": "640x480", "output__sinks": "keep", "run__report": str(place.folder / "report.json")}

    def look(status: Status) -> None:
        statuses.append(status)
        if enough(status):
            stop.set()

    config = place.config(source__spec="synthetic?noise=0&stamp=1", run__seconds="120", **values)
    return run(config, look, stop, place.paths), statuses


def bare_pictures() -> list[int]:
    """The numbers of the source's frames that were sent with the face as it was."""
    source = SyntheticSource(SIZE, 30.0, MonotonicClock(), SyntheticOptions(noise=False, pace=False))
    source.open()
    own, bare = np.zeros(SIZE.image_shape, np.uint8), []
    for how, _, picture in keeping.LAST[0].kept:
        if how is How.SLATE:
            continue
        number, _ = read_stamp(picture[:480]) or (-1, 0)
        source.draw(number, own)
        face = cv2.convexHull(source.truth(number)[0].landmarks.astype(np.int32))
        mask = cv2.fillConvexPoly(np.zeros((480, 640), np.uint8), face, 255)
        inner = cv2.erode(mask, np.ones((25, 25), np.uint8)) > 0
        shown = cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420)
        if np.abs(shown[inner].astype(int) - own[inner]).mean() < 8:
            bare.append(number)
    return bare


def test_whoever_enrolled_is_seen_swapped(place: Place) -> None:
    place.enrol("ann")
    report, statuses = live(place, lambda _: sum(how is How.SWAPPED for how, _, _ in keeping.LAST[0].kept) > 30)
    assert report.sent["live"] > 5
    assert bare_pictures() == []
    assert statuses[-1].wearer == report.wearer == "recognised by sface"
    assert json.loads((place.folder / "report.json").read_text())["wearer"] == "recognised by sface"


def test_whoever_did_not_enrol_is_not_seen_at_all(place: Place) -> None:
    config = place.config()
    image, _ = somebody_else()
    face = networks_of(config, place.paths).follower()(image, 1, 0.0)[0]
    look = look_of(config, place.paths)
    view = look(image, face)
    assert view is not None
    enrolled_in(place.paths).keep(Template("grace", look.told, np.stack([view] * 5), ""))
    told = "nobody enrolled is in the picture"
    report, statuses = live(place, lambda status: status.note == told and status.dropped > 60)
    assert {how for how, _, _ in keeping.LAST[0].kept} == {How.SLATE}
    assert report.sent["live"] == report.published == 0
    assert report.withheld["no-wearer"] > 0
    assert told in {status.note for status in statuses}
