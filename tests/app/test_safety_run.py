"""The content gate in whole runs and on files, with stand-ins of the published networks."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.app import Daemon, run
from livecam.app.convert import Options, convert
from livecam.app.registry import SINKS
from livecam.app.safety_files import CheckedProcessor, ContentRefused, checked_file
from livecam.app.safety_terms import Looks
from livecam.config import Config, defaults
from livecam.core.cleared import How
from livecam.core.frame import NS_PER_S, Frame, Image
from livecam.core.ladder import Tier
from livecam.core.settings import Settings
from livecam.errors import ConfigError, EngineError, LivecamError, ModelError, WeightsMissing
from livecam.runtime.report import Report
from livecam.vision.safety import Score, Verdict
from tests.app import keeping
from tests.app.converting import every, write_clip
from tests.app.judging import AGE, NUDITY, configured, places, shelf
from tests.fakes import SIZE, ScriptedProcessor

CHEAP = {"source__spec": "synthetic?faces=0&noise=0", "source__size": "320x240", "output__sinks": "keep"}


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shelf(tmp_path_factory.mktemp("networks"))


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[How]]:
    monkeypatch.setitem(SINKS, "keep", "tests.app.keeping:make")
    return lambda: [how for how, _, _ in keeping.LAST[0].kept]


def ran(networks: Path, folder: Path, enough: Callable[[Report], bool], **values: str) -> Report:
    """A run whose swap is a double, until there is `enough`."""
    config = configured(networks, **CHEAP, safety__nudity=NUDITY, **values)
    daemon = Daemon(config, places(folder), ScriptedProcessor)
    daemon.start()
    deadline_s = time.monotonic() + 90
    while not enough(daemon.report()) and time.monotonic() < deadline_s:
        daemon.check()
        time.sleep(0.02)
    daemon.stop()
    return daemon.report()


def test_a_clean_picture_is_sent_after_the_first_look(
    networks: Path, tmp_path: Path, kept: Callable[[], list[How]]
) -> None:
    report = ran(networks, tmp_path, lambda report: report.sent["live"] > 5, safety__nudity_limit="2")
    assert report.sent["live"] > 5
    assert set(report.withheld) <= {"unchecked"}, "the first frames wait for it"
    assert kept()[0] is How.SLATE


def test_a_picture_that_shows_nudity_is_never_sent(
    networks: Path, tmp_path: Path, kept: Callable[[], list[How]]
) -> None:
    report = ran(networks, tmp_path, lambda report: report.withheld.get("content", 0) > 5, safety__nudity_limit="-1")
    assert report.withheld["content"] > 5
    assert report.published == 0
    assert set(kept()) == {How.SLATE}


def test_the_camera_sent_openly_is_looked_at_too(networks: Path, tmp_path: Path, kept: Callable[[], list[How]]) -> None:
    values = {"safety__nudity_limit": "-1", "privacy__passthrough": "true"}
    report = ran(networks, tmp_path, lambda report: report.withheld.get("content", 0) > 5, **values)
    assert report.published == 0
    assert set(kept()) == {How.SLATE}


@pytest.mark.parametrize("wrong", ["absent", "another", "task"])
def test_what_is_configured_and_cannot_be_used_ends_the_run(
    wrong: str, networks: Path, tmp_path: Path, kept: Callable[[], list[How]]
) -> None:
    cache = tmp_path / "models"
    if wrong == "another":
        shutil.copytree(networks / "models", cache)
        (cache / NUDITY / f"{NUDITY}.onnx").write_bytes(b"x" * 100)
    config = configured(
        networks,
        cache,
        **CHEAP,
        run__seconds="120",
        safety__nudity=AGE if wrong == "task" else NUDITY,
    )
    expected: type[LivecamError] = ConfigError if wrong == "task" else ModelError
    started_s = time.monotonic()
    with pytest.raises(expected) as told:
        run(config, paths=places(tmp_path))
    assert time.monotonic() - started_s < 100
    assert ("--nudity names genderage" if wrong == "task" else f"livecam models pull {NUDITY}") in str(told.value)
    assert set(kept()) <= {How.SLATE}


def test_one_limit_for_several_networks_is_refused(networks: Path, tmp_path: Path) -> None:
    several = configured(networks, safety__nudity=f"{NUDITY},nsfw_2", safety__nudity_limit="1")
    with pytest.raises(ConfigError, match="--nudity-limit is in the unit of a single network"):
        checked_file(ScriptedProcessor(), several, places(tmp_path))


def bright(image: Image) -> Verdict:
    return Verdict((Score("bright", float(image.flat[0]), 128.0),))


def at(processor: CheckedProcessor, second: float, value: int = 0) -> object:
    image = np.full(SIZE.image_shape, value, np.uint8)
    picture = np.zeros(SIZE.picture_shape, np.uint8)
    return processor.process(Frame(image, 1, round(second * NS_PER_S)), picture, Settings())


def test_a_file_is_looked_at_by_its_own_time_and_refused_as_a_whole() -> None:
    looks: list[int] = []

    def judge(image: Image) -> Verdict:
        looks.append(int(image.flat[0]))
        return bright(image)

    inner = ScriptedProcessor()
    checked = CheckedProcessor(inner, Looks(np.copy, judge), NS_PER_S)
    for second in (0.0, 0.5, 0.99, 1.0, 1.5):
        assert at(checked, second) is How.SWAPPED
    assert looks == [0, 0]
    assert at(checked, 1.9, 200) is How.SWAPPED, "not looked at: a file is looked at as often as a camera"
    with pytest.raises(ContentRefused, match=r"saw nudity in frame 1: bright 200 \(limit 128\)"):
        at(checked, 2.5, 200)
    with pytest.raises(ContentRefused):
        at(checked, 2.5, 200)
    assert at(checked, 0.2) is How.SWAPPED
    assert looks[-1] == 0, "a part that begins earlier is looked at again"


def test_a_look_at_a_file_that_fails_is_made_again() -> None:
    answers: list[Exception | None] = [EngineError("It broke."), None]

    def judge(image: Image) -> Verdict:
        error = answers.pop(0)
        if error is not None:
            raise error
        return bright(image)

    inner = ScriptedProcessor()
    checked = CheckedProcessor(inner, Looks(np.copy, judge), NS_PER_S)
    with pytest.raises(EngineError):
        at(checked, 0.0)
    assert inner.seen == []
    assert at(checked, 0.1) is How.SWAPPED
    checked.adapt(Tier("low"))
    checked.reset()
    assert (inner.resets, len(inner.tiers), dict(checked.stages())) == (1, 1, {"swap": 1_000_000})


def picture(folder: Path) -> Path:
    path = folder / "in.png"
    cv2.imwrite(str(path), np.full((128, 128, 3), 140, np.uint8))
    return path


def test_a_picture_that_shows_nudity_is_not_converted(networks: Path, tmp_path: Path) -> None:
    source, target = picture(tmp_path), tmp_path / "out.png"

    def converting(config: Config) -> None:
        convert(config, source, target, paths=places(tmp_path), make_processor=ScriptedProcessor)

    with pytest.raises(ContentRefused, match=r"not converted: the content check saw nudity in frame 1: nudenet_320n"):
        converting(configured(networks, safety__nudity=NUDITY))
    with pytest.raises(WeightsMissing, match=f"models pull {NUDITY}"):
        converting(configured(networks, tmp_path / "models", safety__nudity=NUDITY))
    assert not target.exists()
    converting(configured(networks, safety__nudity=NUDITY, safety__nudity_limit="2"))
    assert target.exists()


def test_of_a_video_that_shows_nudity_nothing_is_left(networks: Path, tmp_path: Path) -> None:
    def brightens(number: int, image: Image) -> None:
        image[:] = 20 if number < 25 else 230

    source = write_clip(tmp_path / "in.mp4", every(25, 60), brightens, sound="")
    target, pieces = tmp_path / "out.mp4", Options(segment_s=0.4)
    config = configured(networks, safety__nudity=NUDITY)
    with pytest.raises(ContentRefused, match="saw nudity in frame 26: "):
        convert(config, source, target, pieces, paths=places(tmp_path), make_processor=ScriptedProcessor)
    assert not list(tmp_path.glob("out*"))
    lenient = configured(networks, safety__nudity=NUDITY, safety__nudity_limit="2")
    convert(lenient, source, target, pieces, paths=places(tmp_path), make_processor=ScriptedProcessor)
    assert target.exists()


def test_nothing_is_wrapped_where_nothing_is_configured(tmp_path: Path) -> None:
    inner = ScriptedProcessor()
    assert checked_file(inner, defaults().config, places(tmp_path)) is inner
