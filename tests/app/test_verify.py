"""The free detector, on videos that were really encoded."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner

from livecam.app.keys import audit_key, mark_key
from livecam.app.verify import verify_file, verify_source
from livecam.cli.root import root
from livecam.config import Paths, load
from livecam.core.frame import NS_PER_S, Picture, Size
from livecam.core.spec import parse_spec
from livecam.errors import LivecamError, SourceGone
from livecam.privacy.watermark import Watermark

KEY, SESSION, SIZE, FPS = b"ours", 0xBEEF, Size(640, 360), 15

Change = Callable[[Picture], npt.NDArray[np.uint8]]


def scene(number: int) -> Picture:
    """A textured wall before which something moves, (H * 3 / 2, W) u8."""
    noise = np.random.default_rng(3).integers(60, 200, (SIZE.height * 3 // 2, SIZE.width)).astype(np.uint8)
    wall: Picture = np.asarray(cv2.GaussianBlur(noise, (0, 0), 2), np.uint8)
    wall[SIZE.height :] = 128
    cv2.circle(wall, (200 + 3 * (number % 60), 180), 60, 170, -1)
    return wall


def video(path: Path, seconds: float, key: bytes | None = KEY, change: Change = lambda picture: picture) -> Path:
    mark = Watermark(key, SESSION, SIZE) if key is not None else None
    with av.open(str(path), "w") as container:
        stream = None
        for number in range(int(seconds * FPS)):
            picture = scene(number)
            if mark is not None:
                mark(picture, number * NS_PER_S // FPS)
            changed = change(picture)
            if stream is None:
                stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "26"})
                assert isinstance(stream, av.VideoStream)
                stream.width, stream.height, stream.pix_fmt = changed.shape[1], changed.shape[0] * 2 // 3, "yuv420p"
            frame = av.VideoFrame.from_ndarray(changed, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        assert stream is not None
        container.mux(stream.encode(None))
    return path


def with_bars(picture: Picture) -> npt.NDArray[np.uint8]:
    """In the middle of a black picture of 640x480."""
    image = np.zeros((480, 640, 3), np.uint8)
    image[60:420] = cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)


def test_a_marked_recording_is_recognised_with_its_session(tmp_path: Path) -> None:
    heard: list[float] = []
    verdict = verify_file(video(tmp_path / "call.mp4", 18), KEY, heard.append)
    assert len(verdict.windows) == 2
    assert verdict.sessions == (SESSION,)
    assert verdict.chance < 1e-9
    assert heard == [pytest.approx(12.0, abs=0.1)]
    said = " ".join(verdict.lines())
    assert "Modified by AI with livecam: its mark is in 100% of 18 s" in said
    assert "this installation, session 0000beef" in said


def test_black_bars_do_not_hide_it(tmp_path: Path) -> None:
    assert verify_file(video(tmp_path / "call.mp4", 6, change=with_bars), KEY).sessions == (SESSION,)


def test_another_installations_mark_is_there_but_nameless(tmp_path: Path) -> None:
    verdict = verify_file(video(tmp_path / "call.mp4", 6, key=b"theirs"), KEY)
    assert verdict.marked
    assert verdict.sessions == ()
    assert "another installation" in " ".join(verdict.lines())


def test_a_video_without_is_said_to_prove_nothing(tmp_path: Path) -> None:
    verdict = verify_file(video(tmp_path / "call.mp4", 6, key=None), KEY)
    assert not verdict.marked
    assert "does not mean that the video is unchanged" in " ".join(verdict.lines())


def test_too_short_a_video_says_nothing(tmp_path: Path) -> None:
    verdict = verify_file(video(tmp_path / "call.mp4", 2), KEY)
    assert list(verdict.lines()) == ["Only 1.9 s were there to look at; 4 are needed. This says nothing."]


def test_what_cannot_be_looked_at_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LivecamError, match="There is no file"):
        verify_file(tmp_path / "none.mp4", KEY)
    (tmp_path / "text.mp4").write_text("hello")
    with pytest.raises(SourceGone, match="cannot be opened as a video"):
        verify_file(tmp_path / "text.mp4", KEY)
    cv2.imwrite(str(tmp_path / "still.png"), np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(LivecamError, match="single picture"):
        verify_file(tmp_path / "still.png", KEY)


def test_a_camera_can_be_looked_at(tmp_path: Path) -> None:
    path = video(tmp_path / "call.mp4", 6)
    spec = parse_spec(f"file:{path}?loop=0")
    assert verify_source(spec, load({}, None, {}).config, 4.5, KEY).marked


def test_the_command_says_and_returns_what_it_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVECAM_DATA", str(tmp_path / "data"))
    own = mark_key(Paths.find())
    assert own != audit_key(Paths.find())
    marked = video(tmp_path / "call.mp4", 6, key=own)
    done = CliRunner().invoke(root, ["verify", str(marked), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["sessions"] == ["0000beef"]
    done = CliRunner().invoke(root, ["verify", str(video(tmp_path / "plain.mp4", 5, key=None))])
    assert (done.exit_code, done.output[:23]) == (4, "No mark of livecam was ")
    assert CliRunner().invoke(root, ["verify"]).exit_code == 2
