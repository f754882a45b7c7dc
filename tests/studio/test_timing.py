"""How long a picture will take: what is measured, kept and told."""

import json
from pathlib import Path

import pytest

from livecam.studio.backends import caps_of
from livecam.studio.terms import Device
from livecam.studio.timing import Pace, Paces, Stopwatch, _key, lasting, told

CAPS, CPU = caps_of("klein4b"), Device("cpu")


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def measured(watch: Stopwatch) -> tuple[float, ...]:
    return () if watch.pace is None else (watch.pace.step_s, watch.pace.rest_s, watch.pace.pictures)


def test_steps_and_the_rest_are_told_apart() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    clock.now_s += 3  # the picture is read and encoded, and the first step is slow
    for done in range(1, 5):
        clock.now_s += 2
        watch.step(done, 4)
        assert watch.left_s(done, 4) == (None if done == 1 else pytest.approx(2 * (4 - done)))
    clock.now_s += 1
    watch.end()
    assert measured(watch) == pytest.approx((2, 4, 1))
    assert watch.pace is not None
    assert watch.pace.seconds(4) == pytest.approx(12)


def test_attempts_count_as_pictures_of_their_own() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    for _ in range(3):
        for done in (1, 2):
            clock.now_s += 1
            watch.step(done, 2)
    watch.end()
    assert measured(watch) == pytest.approx((1, 0, 3))


def test_one_step_tells_nothing() -> None:
    watch = Stopwatch(Clock())
    watch.step(1, 1)
    watch.end()
    assert watch.pace is None


def test_what_was_measured_is_kept_by_backend_device_and_size(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "studio"
    Paces(folder).learn(CAPS, CPU, 1024, Pace(2.0, 1.0, 1), 2.0)
    paces = Paces(folder)
    assert paces.of(CAPS, CPU, 1024) == Pace(2.0, 1.0, 1)
    for other in ((CAPS, CPU, 512), (CAPS, Device("cuda"), 1024), (caps_of("flux1"), CPU, 1024)):
        assert paces.of(*other) is None
    paces.learn(CAPS, CPU, 1024, Pace(4.0, 1.0, 2), 2.0)
    learnt = paces.of(CAPS, CPU, 1024)
    assert learnt is not None
    assert 2.0 < learnt.step_s < 4.0
    assert learnt.pictures == 3
    assert [path.name for path in folder.iterdir()] == ["times.json"]


def test_what_a_picture_takes_grows_with_its_size(tmp_path: Path) -> None:
    """0.5 s, and 0.25 s for each megapixel, measured at two sizes."""
    paces = Paces(tmp_path)
    for megapixels in (0.4, 8.0, 0.4, 2.0):
        paces.learn(CAPS, CPU, 1024, Pace(1.0, 0.5 + 0.25 * megapixels, 1), megapixels)
    pace = paces.of(CAPS, CPU, 1024)
    assert pace is not None
    assert [pace.rest_s, pace.megapixel_s, pace.pictures] == pytest.approx([0.5, 0.25, 4])
    assert pace.seconds(4, 24.0) == pytest.approx(4 + 0.5 + 6)
    assert "A picture takes about 5.5 s here" in told(pace, 4, 1, 4.0)


def test_a_line_never_falls_and_never_begins_below_nothing(tmp_path: Path) -> None:
    for name, seconds in (("falls", (3.0, 1.0)), ("steep", (0.1, 9.0))):
        paces = Paces(tmp_path / name)
        for megapixels, taken in zip((1.0, 8.0), seconds, strict=True):
            paces.learn(CAPS, CPU, 1024, Pace(1.0, taken, 1), megapixels)
        pace = paces.of(CAPS, CPU, 1024)
        assert pace is not None
        assert pace.rest_s >= 0
        assert pace.megapixel_s >= 0
        assert min(seconds) <= pace.seconds(0, 4.0) <= max(seconds)


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"a": 1}', '{"x": {"step_s": "2"}}', '{"x": {"step_s": 2, "pictures": 1, "rest": {}}}']
)
def test_a_file_that_says_nothing_is_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "times.json").write_text(content.replace('"x"', json.dumps(_key(CAPS, CPU, 1024))))
    paces = Paces(tmp_path)
    assert paces.of(CAPS, CPU, 1024) is None
    paces.learn(CAPS, CPU, 1024, Pace(2.0, 1.0, 1), 2.0)
    assert paces.of(CAPS, CPU, 1024) == Pace(2.0, 1.0, 1)


def test_a_folder_that_cannot_be_made_costs_an_estimate_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    paces = Paces(tmp_path / "file" / "studio")
    paces.learn(CAPS, CPU, 1024, Pace(2.0, 1.0, 1), 2.0)
    assert paces.of(CAPS, CPU, 1024) is None


def test_what_is_no_number_is_not_learnt(tmp_path: Path) -> None:
    Paces(tmp_path).learn(CAPS, CPU, 1024, Pace(float("nan"), 1.0, 1), 1.0)
    Paces(tmp_path).learn(CAPS, CPU, 1024, Pace(1.0, 1.0, 0), 1.0)
    Paces(tmp_path).learn(CAPS, CPU, 1024, Pace(1.0, 1.0, 1), 0.0)
    assert not list(tmp_path.iterdir())


def test_it_is_told_before_it_begins() -> None:
    assert told(None, 28) == "How long a picture takes is not known yet on this machine; the first one tells."
    assert told(Pace(1.0, 2.0, 5), 28) == "A picture takes about 30 s here (as measured on 5 before)."
    assert told(Pace(1.0, 2.0, 5), 28, 10).endswith("; 10 take about 5 min.")
    assert [lasting(seconds) for seconds in (0.44, 12.3, 119, 300, 7300)] == [
        "0.4 s",
        "12 s",
        "119 s",
        "5 min",
        "2.0 h",
    ]
