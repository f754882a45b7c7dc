"""The sink that notes stamps: what it writes, and what every sink promises."""

from pathlib import Path

import numpy as np
import pytest

from livecam.core.arrival import Arrival, Stamp, from_line
from livecam.core.frame import Size
from livecam.core.spec import SinkWish, parse_spec
from livecam.core.stamp import stamp
from livecam.errors import ConfigError, SinkError, SinkGone, SinkLost
from livecam.output.stamps import StampsSink, make
from livecam.privacy.slate import to_picture
from tests.fakes import FakeClock
from tests.output.pictures import SIZE, cleared, plain


def noted(path: Path) -> list[Arrival]:
    return [from_line(line) for line in path.read_text().splitlines()]


def test_every_picture_is_noted_at_once_with_its_stamp_and_the_time(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.txt", FakeClock(7_000)
    sink = StampsSink(str(path), clock)
    sink.open(SIZE, 30.0)
    image = np.full(SIZE.image_shape, 90, np.uint8)
    stamp(image, 42, 5_000_000)
    sink.send(cleared(to_picture(image)))
    assert noted(path) == [Arrival(7_000, Stamp(42, 5_000_000))]
    clock.time_ns = 8_000
    sink.send(cleared(plain(90)))
    assert noted(path)[1] == Arrival(8_000, None)
    sink.close()
    sink.close()


def test_opened_again_it_goes_on_and_a_new_one_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for sink in (make(parse_spec(f"stamps:{path}"), SinkWish()) for _ in range(2)):
        assert sink.name == f"stamps:{path}"
        for _ in range(2):
            sink.open(SIZE, 30.0)
            sink.send(cleared(plain(90)))
            sink.close()
    assert len(noted(path)) == 2


def test_what_it_refuses(tmp_path: Path) -> None:
    sink = StampsSink(str(tmp_path / "a.txt"))
    with pytest.raises(SinkError):
        sink.send(cleared(plain(90)))
    with pytest.raises(SinkGone, match="even"):
        sink.open(Size(321, 240), 30.0)
    sink.open(SIZE, 30.0)
    with pytest.raises(TypeError, match="cleared"):
        sink.send(plain(90))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="320x240"):
        sink.send(cleared(plain(90, Size(640, 480))))
    sink.close()
    with pytest.raises(SinkGone, match="Name another file"):
        StampsSink(str(tmp_path / "none" / "a.txt")).open(SIZE, 30.0)
    for text in ("stamps", "stamps:a.txt?keep=1"):
        with pytest.raises(ConfigError):
            make(parse_spec(text), SinkWish())


def test_a_full_disk_is_a_lost_sink() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("only Linux has a device that is always full")
    sink = StampsSink("/dev/full")
    sink.open(SIZE, 30.0)
    with pytest.raises(SinkLost, match="No space"):
        sink.send(cleared(plain(90)))
    sink.close()
