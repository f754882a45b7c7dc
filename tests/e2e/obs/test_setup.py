"""`livecam obs setup` in a real OBS: what it does is there, is shown, and is done once."""

import base64
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("websockets", reason="the extra obs is not installed")

from livecam.control.obs.client import ObsClient, ObsPlace, ObsRefused
from livecam.control.obs.follow import SceneFollower
from livecam.control.obs.setup import Setup, Wish
from livecam.core.frame import Image
from livecam.core.stamp import read_stamp, stamp_age_ns
from livecam.output.obs import obs_sources
from tests.e2e.obs.studio import lacking, studio
from tests.output.pictures import SIZE, free_udp_port
from tests.output.test_stream import opened, sending

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

OLDEST_MS = 1000.0
"""A bar for a busy machine that draws without a graphics card; docs/obs.md has the figures."""

NOTHING_TO_RENDER = 702


@pytest.fixture(scope="module")
def place() -> Iterator[ObsPlace]:
    reason = lacking()
    if reason:
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="obs-", ignore_cleanup_errors=True) as name, studio(Path(name)) as place:
        yield place


@pytest.fixture
def client(place: ObsPlace) -> Iterator[ObsClient]:
    client = ObsClient(place)
    yield client
    client.close()


def shot(client: ObsClient, source: str) -> Image:
    answer = client.ask("GetSourceScreenshot", sourceName=source, imageFormat="png")
    data = np.frombuffer(base64.b64decode(str(answer["imageData"]).partition(",")[2]), dtype=np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, dtype=np.uint8)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def age_ms(client: ObsClient, source: str) -> float:
    asked_ns = time.monotonic_ns()
    try:
        found = read_stamp(shot(client, source))
    except ObsRefused as refused:
        if refused.code != NOTHING_TO_RENDER:
            raise
        return float("inf")
    return stamp_age_ns(found[1], asked_ns) / 1e6 if found is not None else float("inf")


def test_the_stream_is_shown_fresh_and_the_microphone_delayed(client: ObsClient) -> None:
    client.ask("CreateInput", sceneName="Scene", inputName="Mic/Aux", inputKind="pulse_input_capture", inputSettings={})
    sink = f"stream:udp://127.0.0.1:{free_udp_port()}"
    (source,) = obs_sources(sink, SIZE)
    with opened(sink) as stream, sending(stream, np.full(SIZE.image_shape, (40, 200, 80), dtype=np.uint8)):
        said = Setup(client).carry_out(Wish(source, offset_ms=212.0))
        assert [line.startswith("Done: ") for line in said] == [True, True, True]
        until(lambda: age_ms(client, "livecam") < OLDEST_MS)
        canvas = shot(client, "Scene")
    # 4:3 in the middle of 16:9, as high as the canvas.
    assert canvas.shape == (360, 640, 3)
    assert canvas[-40:, 100:540].reshape(-1, 3).mean(axis=0) == pytest.approx((40, 200, 80), abs=8)
    assert canvas[:, :70].max() == 0
    assert client.ask("GetInputAudioSyncOffset", inputName="Mic/Aux")["inputAudioSyncOffset"] == 212
    assert not any("Done" in line for line in Setup(client).carry_out(Wish(source, offset_ms=212.0)))


def test_the_persona_follows_its_scenes(client: ObsClient, place: ObsPlace) -> None:
    worn: list[str] = []
    stop = threading.Event()
    follower = SceneFollower(place, {"Scene": "ann", "Talk": "bob"}, worn.append)
    thread = threading.Thread(target=follower.follow, args=(stop,))
    thread.start()
    try:
        until(lambda: worn == ["ann"])
        client.ask("CreateScene", sceneName="Talk")
        client.ask("SetCurrentProgramScene", sceneName="Talk")
        until(lambda: worn == ["ann", "bob"])
        client.ask("SetCurrentProgramScene", sceneName="Scene")
        until(lambda: worn == ["ann", "bob", "ann"])
    finally:
        stop.set()
        thread.join(60)
