"""What `livecam verify` and the mark's reader are given: any file, any size of picture, any time."""

import os
from pathlib import Path
from random import Random

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecam.app.verify import verify_file
from livecam.errors import LivecamError
from livecam.privacy.mark_code import Code
from livecam.privacy.mark_reader import MarkReader
from tests.fuzz.bounds import bounded, mutated, outcome, some

KEY = bytes(32)


@pytest.fixture(scope="module")
def code() -> Code:
    return Code.of(KEY)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("h264", rate=5, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(5):
            image = np.full((48, 64, 3), 40 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    return path.read_bytes()


def test_damaged_videos_are_a_sentence(clip: bytes, tmp_path: Path) -> None:
    random, path = Random(3), tmp_path / "a.mp4"
    for _ in range(25):
        path.write_bytes(mutated(clip, random))
        with bounded():
            outcome(lambda: verify_file(path, KEY))
        path.unlink()


NONE = {
    "nothing": b"",
    "text": b"Once upon a time",
    "zeros": bytes(10_000),
    "boxes in a circle": b"\0\0\0\0ftypisom" * 1000,
    "a playlist of secrets": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    "a playlist of addresses": b"#EXTM3U\n#EXTINF:1,\nhttp://192.0.2.1/x\n",
    "a list of files": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "a script": b"#!AMR\n" + bytes(50),
    "a page": b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
}


@pytest.mark.parametrize("suffix", [".mp4", ".m3u8", ".ffconcat"])
@pytest.mark.parametrize("name", NONE)
def test_what_is_no_video_is_a_sentence_and_leads_nowhere(name: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(NONE[name])
    with bounded(), pytest.raises(LivecamError) as caught:
        verify_file(path, KEY)
    assert "root:" not in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="files of POSIX")
def test_what_is_no_file_is_a_sentence(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    (tmp_path / "circle").symlink_to("circle")
    for name in ("pipe", "endless", "circle", ".", "nothing", "x" * 5000, "nul\0"):
        with bounded(), pytest.raises(LivecamError):
            verify_file(tmp_path / name, KEY)


def test_pictures_of_any_size_are_looked_at(code: Code) -> None:
    reader, drawn = MarkReader(code), np.random.default_rng(1)
    shapes = ((1, 1), (1, 4000), (4000, 1), (2, 3), (143, 255), (144, 256), (145, 257), (17, 3001))
    for number in range(3 * len(shapes)):
        reader.add(drawn.integers(0, 256, shapes[number % len(shapes)], dtype=np.uint8), number * 250_000_000)
    assert not reader.found().sure


@some(8)
@given(st.lists(st.integers(-(1 << 62), 1 << 62), min_size=1, max_size=8))
def test_pictures_of_any_time_are_looked_at(times: list[int]) -> None:
    reader = MarkReader(Code.of(KEY))
    for shown_ns in times:
        reader.add(np.zeros((36, 64), np.uint8), shown_ns)
    assert not reader.found().sure


def test_damaged_manifests_are_a_sentence(clip: bytes, tmp_path: Path) -> None:
    pytest.importorskip("c2pa", reason="manifests need c2pa-python, from livecam[provenance]")
    from livecam.app.provenance.certificates import signing_of
    from livecam.app.provenance.made import Made
    from livecam.app.provenance.manifest import read, sign, told

    random, path = Random(4), tmp_path / "a.mp4"
    path.write_bytes(clip)
    sign(path, Made(7, "recording"), signing_of(tmp_path / "keys"))
    signed = path.read_bytes()
    for _ in range(25):
        path.write_bytes(mutated(signed, random))
        with bounded():
            found = outcome(lambda: list(told(read(path))))
        assert found
