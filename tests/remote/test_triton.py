"""The remote engine against a real server: NVIDIA Triton, with what livecam exports, killed and started under load."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from livecam.core.seams import Engine, Tensor
from livecam.errors import EngineError
from livecam.inference.model import Model
from livecam.inference.onnx import load_model_engine
from livecam.inference.remote import Terms, remote_engine, require_server
from tests.app.tracing import Pauses
from tests.inference.test_triton_export import SWAP
from tests.output.trying import undisturbed
from tests.patience import UNHURRIED_S
from tests.remote.conftest import LONE
from tests.remote.relay import Relay

if TYPE_CHECKING:
    from tests.remote.triton import Triton

pytestmark = [pytest.mark.remote, pytest.mark.timeout(600)]

DEADLINE_S, SLACK_S, BACK_S = 0.1, 0.05, 2.0
FPS = 30


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def engine_on(
    triton: "Triton", opened: ExitStack, model: Model = SWAP, batch: int = 1, deadline_s: float = DEADLINE_S
) -> Engine:
    engine = remote_engine(model, triton.address, Terms(deadline_s, UNHURRIED_S), batch)
    opened.callback(engine.close)
    return engine


def feeds(seed: int = 3, rows: int = 1) -> dict[str, Tensor]:
    noise = np.random.default_rng(seed)
    return {
        "target": noise.random((rows, 3, 128, 128), np.float32),
        "source": noise.random((1, 512), np.float32) / 20,
    }


@dataclass
class Camera:
    """Asks an engine 30 times a second until it is told to stop, as the inference thread does."""

    engine: Engine
    ended: threading.Event = field(default_factory=threading.Event)
    pauses: Pauses = field(default_factory=Pauses)
    calls: list[tuple[float, float, str]] = field(default_factory=list)
    """When each call came back, monotonic s, how long it took, s, and the sentence it failed with."""

    def film(self) -> None:
        """Ask until it is told to stop."""
        given, tick = feeds(), time.monotonic()
        while not self.ended.is_set():
            began, sentence = time.monotonic(), ""
            try:
                self.engine.run(given)
            except EngineError as error:
                sentence = str(error)
            now = time.monotonic()
            self.calls.append((now, now - began, sentence))
            tick = max(tick + 1 / FPS, now)
            time.sleep(max(0.0, tick - time.monotonic()))

    def good_after(self, moment: float) -> float:
        """How long after `moment` the first call succeeded that came back after it, s; waits for that."""
        until = time.monotonic() + UNHURRIED_S
        while time.monotonic() < until:
            good = [when for when, _, sentence in tuple(self.calls) if when > moment and not sentence]
            if good:
                return good[0] - moment
            time.sleep(0.01)
        raise AssertionError("It did not come back.")

    def failure(self) -> str:
        """The sentence that the next call but one fails with, as the next may have begun; "" where it succeeds."""
        begun = len(self.calls)
        until = time.monotonic() + UNHURRIED_S
        while len(self.calls) < begun + 2:
            assert time.monotonic() < until, "It asks no more."
            time.sleep(0.01)
        return self.calls[begun + 1][2]

    @property
    def longest_s(self) -> float:
        """Of all calls, less what others on the machine may have kept this process from running in one of them."""
        return max(took for _, took, _ in tuple(self.calls)) - self.pauses.longest_ms / 1000

    def begin_anew(self) -> None:
        """Forget what was before."""
        self.calls.clear()
        self.pauses.longest_ms = 0.0


@pytest.fixture
def camera(triton: "Triton", opened: ExitStack) -> Iterator[Camera]:
    with filming(engine_on(triton, opened)) as made:
        yield made


@contextmanager
def filming(engine: Engine) -> Iterator[Camera]:
    made = Camera(engine)
    with ThreadPoolExecutor(1) as thread:
        filming = thread.submit(made.film)
        try:
            yield made
        finally:
            made.ended.set()
            made.pauses.end()
            # Raises what the loop raised: only EngineErrors are allowed for.
            filming.result(60)


def in_time(found: tuple[float, float]) -> bool:
    """Whether it was away, and a call took, no longer than it may, s."""
    return found[0] < BACK_S and found[1] <= DEADLINE_S + SLACK_S


def wait(camera: Camera, seconds: float) -> float:
    """Let it film; gives the present moment, monotonic s."""
    assert not camera.ended.wait(seconds)
    return time.monotonic()


def test_triton_gives_the_very_bytes_that_onnx_runtime_gives_here(
    triton: "Triton", opened: ExitStack, networks: Path
) -> None:
    there, here = engine_on(triton, opened, deadline_s=UNHURRIED_S), load_model_engine(SWAP, networks / "swap.onnx")
    assert there.inputs == here.inputs
    assert there.outputs.keys() == here.outputs.keys()
    for seed in range(5):
        np.testing.assert_array_equal(there.run(feeds(seed))["image"], here.run(feeds(seed))["image"])


def test_triton_holds_what_was_exported(triton: "Triton", opened: ExitStack) -> None:
    from tritonclient.grpc import InferenceServerClient

    client = InferenceServerClient(f"127.0.0.1:{triton.port}")
    opened.callback(client.close)
    config = client.get_model_config("swap").config
    assert config.max_batch_size == 4
    assert config.HasField("dynamic_batching")
    assert client.get_model_config("lone").config.max_batch_size == 0
    require_server(triton.address)


def test_several_crops_of_one_face_go_at_once(triton: "Triton", opened: ExitStack, networks: Path) -> None:
    several, here = (
        engine_on(triton, opened, batch=4, deadline_s=UNHURRIED_S),
        load_model_engine(SWAP, networks / "swap.onnx"),
    )
    assert several.inputs["target"].shape == (4, 3, 128, 128)
    given = feeds(rows=4)
    result = several.run(given)["image"]
    for row in range(4):
        alone = here.run({**given, "target": given["target"][row : row + 1]})["image"]
        np.testing.assert_allclose(result[row], alone[0], atol=1e-5)


def test_a_network_for_one_picture_is_used_for_one(triton: "Triton", opened: ExitStack, networks: Path) -> None:
    there = engine_on(triton, opened, LONE, 4, UNHURRIED_S)
    assert there.inputs["target"].shape == (1, 3, 128, 128)
    here = load_model_engine(LONE, networks / "lone.onnx")
    np.testing.assert_array_equal(there.run(feeds())["image"], here.run(feeds())["image"])


def test_the_way_there_and_back_is_short(triton: "Triton", opened: ExitStack) -> None:
    engine, given = engine_on(triton, opened, deadline_s=UNHURRIED_S), feeds()

    def times_ms() -> tuple[float, float]:
        times = []
        for _ in range(300):
            began = time.perf_counter()
            engine.run(given)
            times.append((time.perf_counter() - began) * 1e3)
        median, most = np.percentile(times, [50, 99])
        return float(median), float(most)

    median, most = undisturbed(times_ms, lambda found: found[0] < 20)
    print(f"\n128x128 there and back on one machine: p50 {median:.2f} ms, p99 {most:.2f} ms")
    assert median < 20


def test_requests_of_several_cameras_run_together(triton: "Triton", opened: ExitStack, networks: Path) -> None:
    engines = [engine_on(triton, opened, deadline_s=UNHURRIED_S) for _ in range(4)]
    here = load_model_engine(SWAP, networks / "swap.onnx")
    triton.takes("swap", 0.02)
    triton.seen("swap")
    wrong: list[int] = []

    def film(number: int) -> None:
        given = feeds(number)
        expected = here_results[number]
        for _ in range(20):
            result = engines[number].run(given)["image"]
            if not np.allclose(result, expected, atol=1e-5):
                wrong.append(number)

    here_results = [here.run(feeds(number))["image"].copy() for number in range(4)]
    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(film, number) for number in range(4)]:
            done.result(2 * UNHURRIED_S)
    triton.takes("swap", 0.0)
    assert not wrong
    assert max(triton.seen("swap")) > 1


def test_killed_and_started_under_load_it_comes_back_by_itself(triton: "Triton", camera: Camera) -> None:
    def twice() -> tuple[float, float]:
        """The longest that it was away, and the longest call, s."""
        triton.seen("swap")
        camera.begin_anew()
        away_s = []
        for _ in range(2):
            wait(camera, 1.0)
            triton.kill()
            down = wait(camera, 1.0)
            assert camera.failure(), "nobody is there, yet it answers"
            back = triton.start()
            assert back > down
            wait(camera, BACK_S)
            away_s.append(camera.good_after(back))
        print(f"\nback {max(away_s):.2f} s after the server was")
        print(f"{len(camera.calls)} calls, the longest {camera.longest_s * 1e3:.0f} ms")
        assert set(triton.seen("swap")) == {1}, "two requests of one camera were there at a time"
        assert len(camera.calls) > 4 * FPS
        return max(away_s), camera.longest_s

    away_s, longest_s = undisturbed(twice, in_time)
    assert away_s < BACK_S
    assert longest_s <= DEADLINE_S + SLACK_S


def test_a_network_that_goes_dead_costs_frames_and_comes_back(triton: "Triton", opened: ExitStack) -> None:
    relay = opened.enter_context(Relay(triton.port))
    engine = remote_engine(SWAP, f"grpc://127.0.0.1:{relay.port}", Terms(DEADLINE_S, UNHURRIED_S))
    opened.callback(engine.close)

    def dead() -> tuple[float, float]:
        with filming(engine) as camera:
            wait(camera, 0.5)
            relay.die()
            wait(camera, 3.0)
            # By then it may have been asked again over a new connection, which cannot be made.
            told = camera.failure()
            assert any(words in told for words in ("in time", "asked again", "cannot be reached"))
            relay.revive()
            back = time.monotonic()
            wait(camera, BACK_S)
            away_s = camera.good_after(back)
        print(f"\nback {away_s:.2f} s after the network was")
        return away_s, camera.longest_s

    away_s, longest_s = undisturbed(dead, in_time)
    assert away_s < BACK_S
    assert longest_s <= DEADLINE_S + SLACK_S


def test_a_server_that_drowns_is_asked_less_and_never_twice_at_a_time(triton: "Triton", camera: Camera) -> None:
    def drowning() -> tuple[float, float, int]:
        """How long it was away, the longest call, s, and how often it was asked."""
        camera.begin_anew()
        wait(camera, 0.5)
        triton.seen("swap")
        triton.takes("swap", 0.25)
        wait(camera, 3.0)
        assert camera.failure()
        seen = triton.seen("swap")
        assert set(seen) == {1}
        triton.takes("swap", 0.0)
        back = time.monotonic()
        wait(camera, BACK_S)
        return camera.good_after(back), camera.longest_s, len(seen)

    away_s, longest_s, asked = undisturbed(drowning, lambda found: in_time(found[:2]) and found[2] < 12)
    assert asked < 12
    assert away_s < BACK_S
    assert longest_s <= DEADLINE_S + SLACK_S
