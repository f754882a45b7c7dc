"""The reader process and what it reads, without a device."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from livecam.bench.reader import FileReader, Reader, ReaderProcess
from livecam.bench.readers import pipewire
from livecam.bench.readers.address import Address
from livecam.bench.through import address, readable
from livecam.core.arrival import Arrival, Stamp, to_line
from livecam.core.frame import Picture, Size
from livecam.core.seams import Sink
from livecam.core.spec import parse_spec
from livecam.core.stamp import stamp, stamp_age_ns
from livecam.errors import ConfigError, LivecamError
from livecam.output.web import WebSink
from livecam.privacy.slate import to_picture
from tests.output.pictures import cleared

SIZE = Size(320, 240)


def stamped(number: int) -> Picture:
    image = np.full(SIZE.image_shape, 90, np.uint8)
    stamp(image, number, time.monotonic_ns())
    return to_picture(image)


@contextmanager
def sending(sink: Sink) -> Iterator[None]:
    """Stamped pictures, 50 a second, numbered from 0."""
    over = threading.Event()

    def send() -> None:
        number = 0
        while not over.wait(0.02):
            sink.send(cleared(stamped(number)))
            number += 1

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def taken(reader: Reader, count: int, seconds: float = 60.0) -> list[Arrival]:
    arrivals: list[Arrival] = []
    deadline = time.monotonic() + seconds
    while len(arrivals) < count and time.monotonic() < deadline:
        arrivals += reader.take()
        time.sleep(0.02)
    return arrivals


def ended(reader: ReaderProcess) -> str:
    """The sentence with which it ends."""
    with pytest.raises(LivecamError) as caught:
        taken(reader, 1_000_000)
    reader.close()
    return str(caught.value)


def test_the_stream_is_read_by_a_process_of_its_own_on_the_same_clock() -> None:
    sink = WebSink(token="secret-token", rate=60)
    sink.open(SIZE, 50.0)
    with sending(sink):
        reader = ReaderProcess(address(sink.name, SIZE))
        # Who may list processes must not find the way into the preview.
        listed = Path(f"/proc/{reader._child.pid}/cmdline")
        if listed.exists():
            assert b"secret-token" not in listed.read_bytes()
        arrivals = taken(reader, 20)
        reader.close()
        reader.close()
    sink.close()
    stamps = [arrival.stamp for arrival in arrivals]
    assert len(stamps) >= 20
    assert None not in stamps
    numbers = [found.number for found in stamps if found]
    assert numbers == sorted(numbers)
    assert reader._child.returncode is not None
    # The least, since a machine that stands still makes pictures old on their way.
    assert min(stamp_age_ns(one.stamp.captured_ns, one.arrived_ns) for one in arrivals if one.stamp) < 5_000_000_000


def test_a_stream_that_ends_is_said() -> None:
    sink = WebSink(token="t")
    sink.open(SIZE, 50.0)
    with sending(sink):
        reader = ReaderProcess(address(sink.name, SIZE))
        assert taken(reader, 3)
    sink.close()
    assert "stream" in ended(reader)


def test_a_refused_stream_and_a_dead_one_are_said_without_their_secret() -> None:
    sink = WebSink(token="right")
    sink.open(SIZE, 50.0)
    wrong = sink.url.replace("right", "wrong-secret")
    assert "403" in (told := ended(ReaderProcess(Address("web", wrong, *SIZE))))
    assert "wrong-secret" not in told
    sink.close()
    told = ended(ReaderProcess(Address("web", wrong, *SIZE)))
    assert "cannot be read" in told
    assert "wrong-secret" not in told


def test_a_missing_device_is_said() -> None:
    told = ended(ReaderProcess(Address("v4l2", "/dev/video-none", *SIZE)))
    assert told == "There is no device /dev/video-none. Run livecam outputs to see those there are."


def test_a_reader_that_crashes_leaves_its_last_words() -> None:
    assert "KeyError" in ended(ReaderProcess(Address("carrier pigeon", "", *SIZE)))


def test_a_missing_gstreamer_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LivecamError, match=r"gst-launch-1\.0 is not installed.*gstreamer1\.0-tools"):
        next(iter(pipewire.read(Address("pipewire", "livecam", *SIZE))))


def tool(folder: Path, code: str) -> Callable[[str, Size], list[str]]:
    """A program in GStreamer's place."""
    script = folder / "tool.py"
    script.write_text(code)
    return lambda node, size: [sys.executable, str(script)]


def test_raw_frames_come_whole_over_the_pipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code = (
        f"import sys\nfor n in range(3): sys.stdout.buffer.write(bytes([n + 1]) * {SIZE.width * SIZE.height * 3 // 2})"
    )
    monkeypatch.setattr(pipewire, "command", tool(tmp_path, code))
    monkeypatch.setattr("shutil.which", lambda _: "yes")
    reading = pipewire.read(Address("pipewire", "livecam", *SIZE))
    for n in range(3):
        arrived_ns, image = next(reading)
        assert image.shape == (SIZE.height, SIZE.width)
        assert (image == n + 1).all()
        assert 0 <= time.monotonic_ns() - arrived_ns < 60_000_000_000
    with pytest.raises(LivecamError, match="livecam gives no frames"):
        next(reading)


def test_a_node_that_is_not_there_is_tried_again_and_then_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code = "import sys\nprint('tried', file=open(sys.argv[0] + '.log', 'a'))\nsys.exit('ERROR: target not found')"
    monkeypatch.setattr(pipewire, "command", tool(tmp_path, code))
    monkeypatch.setattr("shutil.which", lambda _: "yes")
    monkeypatch.setattr(pipewire, "_RETRY_S", 0.05)
    log = tmp_path / "tool.py.log"
    # For longer where the machine is slow.
    for open_s in (1.0, 20.0):
        monkeypatch.setattr(pipewire, "OPEN_S", open_s)
        log.unlink(missing_ok=True)
        with pytest.raises(LivecamError, match=r"gives no frames\. ERROR: target not found"):
            next(pipewire.read(Address("pipewire", "livecam", *SIZE)))
        if log.read_text().count("tried") >= 2:
            break
    assert log.read_text().count("tried") >= 2


def test_a_tool_that_was_started_too_early_is_started_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code = (
        "import os, sys, time\nlate = os.path.exists(sys.argv[0] + '.log')\nopen(sys.argv[0] + '.log', 'w').close()\n"
        f"late or time.sleep(60)\nsys.stdout.buffer.write(bytes([7]) * {SIZE.width * SIZE.height * 3 // 2})"
    )
    monkeypatch.setattr(pipewire, "command", tool(tmp_path, code))
    monkeypatch.setattr("shutil.which", lambda _: "yes")
    monkeypatch.setattr(pipewire, "_FIRST_S", 5.0)
    monkeypatch.setattr(pipewire, "OPEN_S", 60.0)
    started_s = time.monotonic()
    _, image = next(pipewire.read(Address("pipewire", "livecam", *SIZE)))
    assert (image == 7).all()
    assert time.monotonic() - started_s < 50


@pytest.mark.skipif(os.name != "posix", reason="looks for a process")
def test_the_tool_ends_with_the_reading(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code = (
        f"import os, sys, time\nopen(sys.argv[0] + '.pid', 'w').write(str(os.getpid()))\n"
        f"sys.stdout.buffer.write(bytes({SIZE.width * SIZE.height * 3 // 2})); sys.stdout.flush(); time.sleep(60)"
    )
    monkeypatch.setattr(pipewire, "command", tool(tmp_path, code))
    monkeypatch.setattr("shutil.which", lambda _: "yes")
    reading = pipewire.read(Address("pipewire", "livecam", *SIZE))
    next(reading)
    reading.close()  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "tool.py.pid").read_text()), 0)


def test_a_file_is_followed_by_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "arrivals.txt"
    reader = FileReader(path)
    assert reader.take() == []
    first, second, third = (Arrival(n, Stamp(n, n)) for n in (1, 2, 3))
    with path.open("a") as file:
        file.write(to_line(first) + "\n" + to_line(second)[:3])
        file.flush()
        assert reader.take() == [first]
        assert reader.take() == []
        file.write(to_line(second)[3:] + "\n" + to_line(third) + "\n")
        file.flush()
        assert reader.take() == [second, third]
    assert reader.take() == []
    reader.close()


@pytest.mark.parametrize(
    ("sink", "expected"),
    [
        ("web:http://127.0.0.1:8765/?token=abc", ("web", "http://127.0.0.1:8765/?token=abc")),
        ("web:http://127.0.0.1:8766/?token=abc (port 8765 is taken)", ("web", "http://127.0.0.1:8766/?token=abc")),
        ("pipewire:my camera", ("pipewire", "my-camera")),
        ("virtualcam:/dev/video10 (livecam)", ("v4l2", "/dev/video10")),
        ("v4l2:/dev/video9", ("v4l2", "/dev/video9")),
    ],
)
def test_every_sink_has_its_reader(sink: str, expected: tuple[str, str]) -> None:
    found = address(sink, SIZE)
    assert (found.kind, found.target) == expected
    assert Address.from_json(found.to_json()) == found
    assert found.size == SIZE


def test_a_sink_without_a_reader_is_said() -> None:
    with pytest.raises(LivecamError, match=r"no reader for virtualcam:OBS Virtual Camera.*--through web"):
        address("virtualcam:OBS Virtual Camera", SIZE)
    with pytest.raises(ConfigError, match=r"'record:a\.mp4' cannot be measured.*Take virtualcam, v4l2, pipewire"):
        readable(parse_spec("record:a.mp4"))


@pytest.mark.parametrize("closed", ["stdin", "stdout"])
def test_a_reader_whose_parent_is_gone_ends_quietly(closed: str) -> None:
    sink = WebSink(token="t", rate=60)
    sink.open(SIZE, 50.0)
    with sending(sink):
        command = [sys.executable, "-m", "livecam.bench.readers"]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdin.write(address(sink.name, SIZE).to_json().encode() + b"\n")
        child.stdin.flush()
        assert child.stdout.readline()
        {"stdin": child.stdin, "stdout": child.stdout}[closed].close()
        assert child.wait(90) == 0
        assert child.stderr.read() == b""
        for stream in (child.stdin, child.stdout, child.stderr):
            stream.close()
    sink.close()
