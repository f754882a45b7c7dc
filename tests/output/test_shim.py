"""Both writers of Linux, whole and unchanged, into a stand-in that a C compiler makes in place of the device.

What it cannot show, since it belongs to the driver: pictures arriving at readers, buffers, and other processes.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.core.frame import Picture, Size
from livecam.output.checks import black
from tests.output.shim import runner
from tests.output.shim.child import FPS, PICTURES, QUADRANTS, SIZE, SLOW_MS, Note

pytestmark = pytest.mark.skipif(bool(runner.why_not()), reason=runner.why_not() or "it can be built")

SPECS = {
    "own": "v4l2:{}",
    "own, for OBS": "virtualcam:{}?matrix=709",
    "pyvirtualcam": "virtualcam:{}?backend=v4l2loopback",
}


@dataclass(frozen=True)
class Played:
    """What a writer did.

    Attributes:
        noted: What went wrong, by what was tried.
        kept_ms: How long a slow write kept another thread from running.
        shows: How often all pictures were sent.
        written: What arrived while nothing was made to fail.
    """

    noted: dict[str, Note]
    kept_ms: float
    shows: int
    written: list[runner.Written]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Played]:
    folder = tmp_path_factory.mktemp("shim")
    library = runner.build(folder)
    children = {}
    for name, spec in SPECS.items():
        node, out = folder / f"{name}.video9".replace(" ", ""), folder / f"{name}.out"
        arguments = ["-m", "tests.output.shim.child", spec.format(node)]
        children[name] = (runner.start(library, node, arguments, out), out)
    return {name: _played(child, out) for name, (child, out) in children.items()}


def _played(child: "subprocess.Popen[str]", out: Path) -> Played:
    answer, _ = child.communicate(timeout=200)
    assert child.returncode == 0
    return Played(**json.loads(answer), written=runner.read(out))


@pytest.mark.parametrize("writer", SPECS)
def test_every_picture_arrives_whole_and_black_is_first(played: dict[str, Played], writer: str) -> None:
    written = played[writer].written
    assert len(written) == PICTURES * played[writer].shows + 1
    assert {(one.size, one.fourcc) for one in written} == {(SIZE, "YU12")}
    assert np.array_equal(written[0].picture, black(SIZE))


def _seen(picture: Picture, size: Size, matrix: int) -> list[tuple[int, ...]]:
    """Red, green and blue in the middle of each quadrant, as a reader with that matrix sees them."""
    if matrix == 601:
        image = cv2.cvtColor(picture, cv2.COLOR_YUV2RGB_I420)
        return [tuple(int(value) for value in image[y, x]) for y, x in _middles(size)]
    area = size.width * size.height
    flat, shape = picture.reshape(-1).astype(np.float64), (size.height // 2, size.width // 2)
    luma = (flat[:area].reshape(size.height, size.width) - 16) / 219
    blue, red = ((flat[begin : begin + area // 4].reshape(shape) - 128) / 224 for begin in (area, area * 5 // 4))
    seen = []
    for y, x in _middles(size):
        one, cb, cr = luma[y, x], blue[y // 2, x // 2], red[y // 2, x // 2]
        # ITU-R BT.709-6, 3.2 and 3.3, solved for R'G'B'.
        mixed = (one + 1.5748 * cr, one - 0.1873 * cb - 0.4681 * cr, one + 1.8556 * cb)
        seen.append(tuple(round(255 * min(max(value, 0.0), 1.0)) for value in mixed))
    return seen


def _middles(size: Size) -> list[tuple[int, int]]:
    return [(size.height * row // 4, size.width * column // 4) for row in (1, 3) for column in (1, 3)]


@pytest.mark.parametrize(("writer", "matrix"), [("own", 601), ("pyvirtualcam", 601), ("own, for OBS", 709)])
def test_colours_are_those_that_were_sent(played: dict[str, Played], writer: str, matrix: int) -> None:
    seen = _seen(played[writer].written[-1].picture, SIZE, matrix)
    assert np.abs(np.subtract(seen, QUADRANTS)).max() <= 8, seen


@pytest.mark.parametrize("writer", SPECS)
def test_pictures_leave_on_the_beat(played: dict[str, Played], writer: str) -> None:
    # The last time all of them were sent: that was the one without disturbance.
    times = [one.written_ns for one in played[writer].written[-PICTURES:]]
    assert np.median(np.diff(times)) / 1e6 == pytest.approx(1000 / FPS, abs=6)


@pytest.mark.parametrize("writer", SPECS)
@pytest.mark.parametrize(
    ("tried", "kind", "words"),
    [
        ("open EACCES", "SinkGone", "sudo usermod -aG video"),
        ("open EBUSY", "SinkLost", "open in as many programs as it allows"),
        ("second feeder", "SinkLost", "is being fed by"),
        ("write ENODEV", "SinkLost", ""),
        ("open afterwards", "SinkLost", "does not answer"),
    ],
)
def test_what_fails_is_said(played: dict[str, Played], writer: str, tried: str, kind: str, words: str) -> None:
    noted = played[writer].noted[tried]
    assert noted is not None
    assert (noted[0], words in noted[1]) == (kind, True), noted


@pytest.mark.parametrize("writer", SPECS)
@pytest.mark.parametrize("tried", ["open", "restart"])
def test_it_opens_again_and_again(played: dict[str, Played], writer: str, tried: str) -> None:
    assert played[writer].noted[tried] is None


def test_only_pyvirtualcam_keeps_other_threads_waiting_while_it_writes(played: dict[str, Played]) -> None:
    assert played["pyvirtualcam"].kept_ms >= SLOW_MS
    assert played["own"].kept_ms < SLOW_MS / 2


def test_our_own_says_what_a_write_fails_with(played: dict[str, Played]) -> None:
    noted = played["own"].noted
    assert "takes no picture: No space left" in str(noted["write ENOSPC"])
    assert "took 460700 of a picture's 460800 bytes" in str(noted["write short"])
    assert "was taken away" in str(noted["write ENODEV"])


def test_pyvirtualcam_keeps_such_failures_to_itself(played: dict[str, Played]) -> None:
    # Should this fail one day, it has learnt to raise, and the look once a second can go.
    noted = played["pyvirtualcam"].noted
    assert (noted["write ENOSPC"], noted["write short"]) == (None, None)
    assert "does not answer" in str(noted["write ENODEV"])
