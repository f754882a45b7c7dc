"""The free detector, on videos that were really encoded."""

import json
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner

from livecam.app.keys import audit_key, mark_key
from livecam.app.provenance.certificates import signing_of
from livecam.app.provenance.made import Made
from livecam.app.provenance.manifest import sign
from livecam.app.verify import _searched, verify_file, verify_source
from livecam.capture.reader import VideoReader
from livecam.cli.root import root
from livecam.config import Paths, load
from livecam.core.frame import NS_PER_S, Picture, Size
from livecam.core.spec import parse_spec
from livecam.errors import LivecamError, SourceGone, SourceLost
from livecam.privacy import mark_search
from livecam.privacy.label import Label
from livecam.privacy.mark_look import Found
from livecam.privacy.watermark import Watermark

KEY, SESSION, SIZE, FPS = b"ours", 0xBEEF, Size(640, 360), 15

Change = Callable[[Picture], npt.NDArray[np.uint8]]


@pytest.fixture(autouse=True)
def less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not all sizes are searched, and one place alone is looked at: tests are in a hurry."""
    monkeypatch.setattr(mark_search, "LEAST", 0.7)
    monkeypatch.setattr(mark_search, "_TRIED", 1)


@cache
def wall() -> Picture:
    noise = np.random.default_rng(3).integers(60, 200, (SIZE.height * 3 // 2, SIZE.width)).astype(np.uint8)
    plain: Picture = np.asarray(cv2.GaussianBlur(noise, (0, 0), 2), np.uint8)
    plain[SIZE.height :] = 128
    return plain


def scene(number: int) -> Picture:
    """A textured wall before which something moves, (H * 3 / 2, W) u8."""
    picture = wall().copy()
    cv2.circle(picture, (200 + 3 * (number % 60), 180), 60, (170,), -1)
    return picture


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


def labelled(picture: Picture) -> npt.NDArray[np.uint8]:
    Label(SIZE, "KI-VERÄNDERT").draw(picture)
    return picture


def on_a_screen(picture: Picture) -> npt.NDArray[np.uint8]:
    """In a window of 480x270 at (130, 60) on a desktop of 640x360."""
    noise = np.random.default_rng(4).integers(30, 220, (36, 64, 3)).astype(np.uint8)
    image = np.asarray(cv2.resize(noise, (640, 360), interpolation=cv2.INTER_NEAREST), np.uint8)
    shown = cv2.cvtColor(labelled(picture), cv2.COLOR_YUV2BGR_I420)
    image[60:330, 130:610] = cv2.resize(shown, (480, 270), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)


def test_a_marked_recording_is_recognised_with_its_session(tmp_path: Path) -> None:
    heard: list[float] = []
    verdict = verify_file(video(tmp_path / "call.mp4", 18), KEY, heard.append)
    assert len(verdict.windows) == 2
    assert verdict.sessions == (SESSION,)
    assert verdict.chance < 1e-9
    assert heard == pytest.approx([12.0, 18.0], abs=0.1)
    said = " ".join(verdict.lines())
    assert "Modified by AI with livecam: its mark is in 100% of 18 s" in said
    assert "this installation, session 0000beef" in said


def test_black_bars_do_not_hide_it(tmp_path: Path) -> None:
    assert verify_file(video(tmp_path / "call.mp4", 6, change=with_bars), KEY).sessions == (SESSION,)


def test_the_recording_of_a_screen_is_recognised_and_says_where(tmp_path: Path) -> None:
    verdict = verify_file(video(tmp_path / "screen.mp4", 5, change=on_a_screen), KEY)
    assert verdict.sessions == (SESSION,)
    assert verdict.chance < 1e-9
    assert verdict.place is not None
    box = np.array(verdict.place) * [640, 360, 640, 360]
    assert box == pytest.approx([130, 60, 480, 270], abs=4)
    assert verdict.labels.texts["KI-VERÄNDERT"] == verdict.labels.pictures >= 10
    said = " ".join(verdict.lines())
    assert "It is in a part of the picture: 75% of its width" in said
    assert "'KI-VERÄNDERT', is in 100% of" in said


def test_later_windows_are_looked_at_where_it_was_and_searched_ever_more_seldom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = 0
    search = mark_search.Screen.search

    def counted(screen: mark_search.Screen) -> Found | None:
        nonlocal searched
        searched += 1
        return search(screen)

    monkeypatch.setattr(mark_search.Screen, "search", counted)
    monkeypatch.setattr("livecam.app.verify.WINDOW_S", 4.5)
    verdict = verify_file(video(tmp_path / "screen.mp4", 9.1, change=on_a_screen), KEY)
    assert len(verdict.marked) == len(verdict.windows) == 2
    assert searched == 1
    assert [number for number in range(1, 100) if _searched(number)] == [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96]


def test_the_label_alone_is_told_with_its_share(tmp_path: Path) -> None:
    some = iter(range(1000))
    change: Change = lambda picture: labelled(picture) if next(some) >= 15 else picture  # noqa: E731
    verdict = verify_file(video(tmp_path / "call.mp4", 3, key=None, change=change), KEY)
    assert not verdict.marked
    assert verdict.labelled
    assert verdict.labels.share == pytest.approx(2 / 3, abs=0.1)
    plain = verify_file(video(tmp_path / "plain.mp4", 2, key=None), KEY)
    assert not plain.labelled
    assert "No visible label" in " ".join(plain.lines())


def test_a_picture_is_looked_at_for_its_label(tmp_path: Path) -> None:
    for name, change in (("plain.png", lambda picture: picture), ("label.png", labelled)):
        cv2.imwrite(str(tmp_path / name), cv2.cvtColor(change(scene(0)), cv2.COLOR_YUV2BGR_I420))
    plain, shown = (verify_file(tmp_path / name, KEY) for name in ("plain.png", "label.png"))
    assert (plain.still, plain.labelled, plain.marked, plain.chance) == (True, False, (), 1.0)
    assert shown.labelled
    assert "No mark of livecam was found in the picture (score" in " ".join(shown.lines())
    assert "'KI-VERÄNDERT', is in it" in " ".join(shown.lines())


@pytest.mark.parametrize("change", [lambda picture: picture, with_bars], ids=["whole", "with bars"])
def test_the_mark_is_found_in_a_picture_of_the_live_path(tmp_path: Path, change: Change) -> None:
    picture = scene(0)
    Watermark(KEY, SESSION, SIZE)(picture, 2 * NS_PER_S + 1)
    path = tmp_path / "shot.jpg"
    cv2.imwrite(str(path), cv2.cvtColor(change(picture), cv2.COLOR_YUV2BGR_I420))
    verdict = verify_file(path, KEY)
    assert verdict.sessions == (SESSION,)
    said = " ".join(verdict.lines())
    assert "its mark is in it (score" in said
    assert "pictures)" in said
    assert "this installation, session 0000beef" in said


def test_words_of_ones_own_are_read_where_they_are_known(tmp_path: Path) -> None:
    picture = scene(0)
    Label(SIZE, "Acme deepfake").draw(picture)
    path = tmp_path / "own.png"
    cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420))
    assert "with words unknown here" in " ".join(verify_file(path, KEY).lines())
    assert "'Acme deepfake'" in " ".join(verify_file(path, KEY, words=["Acme deepfake"]).lines())


def test_what_cannot_be_read_on_is_told_beside_what_was_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, after = video(tmp_path / "call.mp4", 6), iter(range(1000))
    read = VideoReader.next

    def failing(reader: VideoReader) -> av.VideoFrame | None:
        if next(after) > 70:
            raise SourceLost("The disk failed.")
        return read(reader)

    monkeypatch.setattr(VideoReader, "next", failing)
    verdict = verify_file(path, KEY)
    assert verdict.marked
    assert verdict.problem == "The disk failed. What comes after 5 s was not looked at."
    assert next(iter(verdict.lines())) == verdict.problem


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
    assert next(verdict.lines()).startswith("Only 1.9 s were there to look at; 4 are needed")


def test_what_cannot_be_looked_at_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LivecamError, match="There is no file"):
        verify_file(tmp_path / "none.mp4", KEY)
    (tmp_path / "text.mp4").write_text("hello")
    with pytest.raises(SourceGone, match="cannot be opened as a video"):
        verify_file(tmp_path / "text.mp4", KEY)
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(SourceGone, match="is empty"):
        verify_file(tmp_path / "empty.mp4", KEY)
    with pytest.raises(SourceGone, match="is a folder"):
        verify_file(tmp_path, KEY)
    whole = video(tmp_path / "call.mp4", 1).read_bytes()
    (tmp_path / "half.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceGone, match="cannot be opened as a video"):
        verify_file(tmp_path / "half.mp4", KEY)
    with av.open(str(tmp_path / "sound.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(SourceGone, match="holds no video"):
        verify_file(tmp_path / "sound.wav", KEY)


def test_a_camera_can_be_looked_at(tmp_path: Path) -> None:
    path = video(tmp_path / "call.mp4", 6)
    spec = parse_spec(f"file:{path}?loop=0")
    assert verify_source(spec, load({}, None, {}).config, 4.5, KEY).marked
    with pytest.raises(LivecamError, match=r"none\.mp4"):
        verify_source(parse_spec(f"file:{tmp_path}/none.mp4"), load({}, None, {}).config, 4.5, KEY)


def test_the_command_says_and_returns_what_it_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVECAM_DATA", str(tmp_path / "data"))
    own = mark_key(Paths.find())
    assert own != audit_key(Paths.find())
    marked = video(tmp_path / "call.mp4", 6, key=own)
    done = CliRunner().invoke(root, ["verify", str(marked), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["sessions"] == ["0000beef"]
    plain = video(tmp_path / "plain.mp4", 3, key=None)
    done = CliRunner().invoke(root, ["verify", str(plain)])
    assert (done.exit_code, done.output[:5]) == (4, "Only ")
    assert CliRunner().invoke(root, ["verify"]).exit_code == 2
    assert CliRunner().invoke(root, ["verify", str(tmp_path / "none.mp4")]).exit_code == 1


def test_a_manifest_alone_counts_and_a_broken_one_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("c2pa", reason="manifests need c2pa-python, from livecam[provenance]")
    monkeypatch.setenv("LIVECAM_DATA", str(tmp_path / "data"))
    path = tmp_path / "shot.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8))
    sign(path, Made(0xBEEF, "snapshot"), signing_of(tmp_path / "data"))
    done = CliRunner().invoke(root, ["verify", str(path), "--json"])
    told = json.loads(done.output)
    assert (done.exit_code, told["mark"], told["still"], told["c2pa"]["session"]) == (0, False, True, 0xBEEF)
    assert told["label"] == {"share": 0.0, "pictures": 1, "texts": {}}
    whole = path.read_bytes()
    place = whole.index(b"caBX")
    path.write_bytes(whole[: place + 40] + bytes(60) + whole[place + 100 :])
    done = CliRunner().invoke(root, ["verify", str(path)])
    assert done.exit_code == 4
    assert "manifest" in done.output
