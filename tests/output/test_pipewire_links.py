"""Who is linked to the PipeWire camera, from what pw-dump 0.3.65 told in a real session."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from livecam.output.pipewire import PipeWireSink
from livecam.output.pipewire_links import Graph, LinkCounter
from tests.output import fake_child
from tests.output.pictures import SIZE
from tests.patience import wait_longer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="PipeWire is a Linux service")

NODE, LINK = "PipeWire:Interface:Node", "PipeWire:Interface:Link"


def node(number: int, name: str) -> dict[str, object]:
    return {"id": number, "type": NODE, "info": {"props": {"node.name": name}}}


def link(number: int, source: int) -> dict[str, object]:
    return {"id": number, "type": LINK, "info": {"output-node-id": source, "input-node-id": 40}}


def test_links_of_the_camera_are_counted_as_they_come_and_go() -> None:
    graph = Graph("livecam")
    graph.update([node(37, "livecam"), node(38, "webcam"), {"id": 3, "type": "PipeWire:Interface:Profiler"}])
    assert graph.links == 0
    graph.update([link(42, 37), link(43, 38), link(42, 37)])
    assert graph.links == 1
    graph.update([link(44, 37)])
    assert graph.links == 2
    graph.update([{"id": 42, "info": None}, {"id": 43, "info": None}])
    assert graph.links == 1
    graph.update([{"id": 37, "info": None}])
    assert graph.links == 0


def test_a_node_without_properties_is_none_of_ours() -> None:
    graph = Graph("livecam")
    graph.update([{"id": 5, "type": NODE, "info": {"props": None}}, link(6, 5)])
    assert graph.links == 0


SCRIPT = """
import sys, time, pathlib
told = pathlib.Path(sys.argv[1])
for part in range(1, 100):
    while not (told / str(part)).exists():
        time.sleep(0.01)
    sys.stdout.write((told / str(part)).read_text()); sys.stdout.flush()
"""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_longer(monkeypatch, ["livecam.output.pipewire_links._END_S"])


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)


def tell(folder: Path, part: int, text: str) -> None:
    (folder / "new").write_text(text)
    (folder / "new").rename(folder / str(part))


def test_a_child_is_followed_until_it_ends(tmp_path: Path) -> None:
    counter = LinkCounter("livecam", os.environ, (sys.executable, "-c", SCRIPT, str(tmp_path)))
    counter.start()
    assert counter.count is None
    tell(tmp_path, 1, json.dumps([node(37, "livecam")], indent=1) + "\n")
    until(lambda: counter.count == 0)
    tell(tmp_path, 2, json.dumps([link(42, 37)], indent=1) + "\n")
    until(lambda: counter.count == 1)
    counter.end()
    counter.end()
    assert not counter.is_alive()
    assert counter.count is None


@pytest.mark.parametrize("told", ["[\n{}\n]\n", "[\nnonsense\n]\n", '[\n{"id": "x"}\n]\n', ""])
def test_what_cannot_be_understood_is_not_known(tmp_path: Path, told: str) -> None:
    counter = LinkCounter("livecam", os.environ, (sys.executable, "-c", f"print({told!r}, end='')"))
    counter.start()
    counter.join(60)
    assert counter.count is None
    counter.end()


def test_the_sink_counts_once_it_is_asked_and_stops_when_it_is_closed(tmp_path: Path) -> None:
    command = (sys.executable, "-c", SCRIPT, str(tmp_path))
    sink = PipeWireSink(launch=fake_child.launch(tmp_path / "picture", "take"), links=command)
    sink.open(SIZE, 30.0)
    assert sink.readers is None, "it has not been told yet"
    tell(tmp_path, 1, "[\n]\n")
    until(lambda: sink.readers == 0)
    sink.close()
    assert sink.readers == 0


def test_without_the_program_nobody_can_tell(tmp_path: Path) -> None:
    sink = PipeWireSink(launch=fake_child.launch(tmp_path / "picture", "take"), links=("/nowhere/pw-dump",))
    sink.open(SIZE, 30.0)
    assert sink.readers is None
    time.sleep(0.05)
    assert sink.readers is None
    sink.close()
