"""The watch: when it looks, and that no fault of it passes for an empty room."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from livecam.core.face import Box, Detection
from livecam.core.frame import NS_PER_S, Image
from livecam.core.seams import Watch
from livecam.errors import EngineError, StopFailed
from livecam.vision.mesh.detect import Fit, FullRangeDetector, ShortRangeDetector
from livecam.vision.mesh.landmarks import MeshLandmarker
from livecam.vision.sightings import WatchRules
from livecam.vision.track import MeshFollower
from livecam.vision.watch import FaceWatch
from tests.patience import UNHURRIED_S
from tests.vision.mesh.scenes import clip_frames, placed, portrait
from tests.vision.test_sightings import OTHER, WEARER, covers, seen

RULES = WatchRules()
IMAGE: Image = np.full((720, 1280, 3), 128, np.uint8)


@dataclass
class FakeDetector:
    """A detector that looks at its copy as `answer` says."""

    answer: Callable[[Image], list[Detection]] = lambda _: []
    side: int = 8
    shrunk: int = 0
    looks: int = 0
    threads: set[int] = field(default_factory=set)

    def shrink(self, image: Image, out: Image) -> Fit:
        self.shrunk += 1
        out[:] = image[:: image.shape[0] // 8, :: image.shape[1] // 8][:8, :8]
        return Fit(1.0, 1.0, 0, 0)

    def detect_shrunk(self, shrunk: Image, fit: Fit, threshold: float) -> list[Detection]:
        self.looks += 1
        self.threads.add(threading.get_ident())
        return [found for found in self.answer(shrunk) if found.score >= threshold]


Opened = Callable[..., FaceWatch]


@pytest.fixture
def watch() -> Iterator[Opened]:
    """Makes watches and ends them."""
    opened: list[FaceWatch] = []

    def make(
        near: FakeDetector, far: FakeDetector, rules: WatchRules = RULES, patience_s: float = UNHURRIED_S
    ) -> FaceWatch:
        opened.append(FaceWatch(near, far, rules, patience_s))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def test_it_looks_at_the_picture_as_it_was_and_in_its_own_thread(watch: Opened) -> None:
    bright = FakeDetector(lambda image: [seen(WEARER)] if image.min() == 128 else [])
    looker: Watch = watch(FakeDetector(), bright)
    image = IMAGE.copy()
    looker.begin(image)
    looker.copied()
    image[:] = 0
    assert looker.finish(()) == (WEARER,)
    assert threading.get_ident() not in bright.threads


def test_nobody_paints_before_the_copy_is_taken(watch: Opened) -> None:
    gate = threading.Event()

    class Slow(FakeDetector):
        def shrink(self, image: Image, out: Image) -> Fit:
            assert gate.wait(60)
            return super().shrink(image, out)

    looker = watch(FakeDetector(), Slow(), patience_s=0.05)
    looker.begin(IMAGE)
    with pytest.raises(EngineError, match="has not answered"):
        looker.copied()
    gate.set()
    patient = watch(FakeDetector(), FakeDetector(), patience_s=UNHURRIED_S)
    patient.begin(IMAGE)
    patient.copied()
    assert patient.finish(()) == ()


def test_the_swap_goes_on_while_it_looks(watch: Opened) -> None:
    gate = threading.Event()
    slow = FakeDetector(lambda _: [seen(WEARER)] if gate.wait(60) else [])
    looker = watch(FakeDetector(), slow)
    looker.begin(IMAGE)
    gate.set()
    assert looker.finish(()) == (WEARER,)


def test_each_network_takes_its_turn(watch: Opened) -> None:
    near, far = FakeDetector(), FakeDetector()
    looker = watch(near, far, WatchRules(far_every=2, near_every=5))
    for _ in range(10):
        looker.begin(IMAGE)
        looker.finish(())
    assert (far.shrunk, far.looks) == (5, 5)
    assert (near.shrunk, near.looks) == (2, 2)


def test_each_network_has_its_score(watch: Opened) -> None:
    near = FakeDetector(lambda _: [seen(WEARER, 0.38)])
    far = FakeDetector(lambda _: [seen(OTHER, 0.38)])
    looker = watch(near, far)
    looker.begin(IMAGE)
    assert looker.finish(()) == (OTHER,)


def test_it_remembers_until_it_is_reset(watch: Opened) -> None:
    far = FakeDetector(lambda _: [seen(WEARER)])
    looker = watch(FakeDetector(), far)
    looker.begin(IMAGE)
    looker.finish(())
    far.answer = lambda _: []
    looker.begin(IMAGE)
    assert covers(looker.finish(()), WEARER)
    looker.reset()
    looker.begin(IMAGE)
    assert looker.finish(()) == ()


def test_strangers_are_faces_besides_those_that_are_known(watch: Opened) -> None:
    far = FakeDetector(lambda _: [seen(WEARER)])
    looker = watch(FakeDetector(), far)
    assert looker.strangers(), "nothing is known yet"
    looker.begin(IMAGE)
    looker.finish((WEARER,))
    assert not looker.strangers()
    far.answer = lambda _: [seen(WEARER), seen(OTHER)]
    looker.begin(IMAGE)
    looker.finish((WEARER,))
    assert looker.strangers()
    far.answer = lambda _: [seen(WEARER)]
    looker.begin(IMAGE)
    looker.finish((WEARER,))
    assert looker.strangers(), "they are remembered"
    looker.reset()
    looker.begin(IMAGE)
    looker.finish((WEARER,))
    assert not looker.strangers()
    looker.reset()
    assert looker.strangers()


def fail(_: Image) -> list[Detection]:
    raise EngineError("The network broke.", "Mend it.")


def stumble(_: Image) -> list[Detection]:
    raise ZeroDivisionError


def test_a_failing_network_is_told_and_the_next_look_works(watch: Opened) -> None:
    far = FakeDetector(fail)
    looker = watch(FakeDetector(), far)
    looker.begin(IMAGE)
    with pytest.raises(EngineError, match=r"The network broke\. Mend it\."):
        looker.finish(())
    far.answer = lambda _: [seen(WEARER)]
    looker.begin(IMAGE)
    assert looker.finish(()) == (WEARER,)


def test_a_fault_of_ours_is_told_too_and_the_thread_comes_back(watch: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: logged.append(args.exc_type))
    far = FakeDetector(stumble)
    looker = watch(FakeDetector(), far)
    for _ in range(2):
        looker.begin(IMAGE)
        with pytest.raises(EngineError, match="died"):
            looker.finish(())
    assert logged[0] is ZeroDivisionError
    far.answer = lambda _: [seen(WEARER)]
    looker.begin(IMAGE)
    assert looker.finish(()) == (WEARER,)


def test_there_may_be_strangers_unless_the_last_look_saw_none(watch: Opened) -> None:
    far = FakeDetector(lambda _: [seen(WEARER)])
    looker = watch(FakeDetector(), far)
    assert looker.strangers()
    looker.begin(IMAGE)
    looker.finish((WEARER,))
    assert not looker.strangers()
    with pytest.raises(EngineError, match="not asked"):
        looker.finish((WEARER,))
    assert looker.strangers()
    looker.begin(IMAGE)
    looker.finish((WEARER,))
    far.answer = lambda _: [seen(WEARER), seen(OTHER)]
    looker.begin(IMAGE)
    assert looker.finish((WEARER,)) == (OTHER,)
    assert looker.strangers()
    far.answer = lambda _: [seen(WEARER)]
    looker.reset()
    assert looker.strangers()


def test_a_hanging_network_is_told_in_time_every_time_and_may_come_back(watch: Opened) -> None:
    begun, gate = threading.Event(), threading.Event()

    def hang(_: Image) -> list[Detection]:
        begun.set()
        return [seen(WEARER)] if gate.wait(2 * UNHURRIED_S) else []

    far = FakeDetector(hang)
    looker = watch(FakeDetector(), far, patience_s=0.05)
    took_s = []
    for _ in range(5):
        looker.begin(IMAGE)
        assert begun.wait(UNHURRIED_S)
        started = time.monotonic()
        with pytest.raises(EngineError, match="not answered"):
            looker.finish(())
        took_s.append(time.monotonic() - started)
    # Most of them, since others use the machine.
    assert np.median(took_s) < 1
    assert far.looks == 1
    with pytest.raises(StopFailed):
        looker.close()
    gate.set()


def test_after_a_hang_it_looks_again(watch: Opened) -> None:
    gate = threading.Event()
    far = FakeDetector(lambda _: [seen(WEARER)] if gate.wait(60) else [])
    looker = watch(FakeDetector(), far, patience_s=0.2)
    looker.begin(IMAGE)
    with pytest.raises(EngineError):
        looker.finish(())
    gate.set()
    deadline, answer = time.monotonic() + 60, tuple[Box, ...]()
    while answer != (WEARER,) and time.monotonic() < deadline:
        looker.begin(IMAGE)
        with suppress(EngineError):
            answer = looker.finish(())
        time.sleep(0.01)
    assert answer == (WEARER,)


def test_a_look_that_nobody_finished_does_not_mix_with_the_next(watch: Opened) -> None:
    far = FakeDetector(lambda image: [seen(WEARER)] if image.min() == 128 else [seen(OTHER)])
    looker = watch(FakeDetector(), far)
    looker.begin(IMAGE)
    looker.begin(np.zeros_like(IMAGE))
    assert looker.finish(()) == (OTHER,)


def test_an_answer_is_given_once(watch: Opened) -> None:
    looker = watch(FakeDetector(), FakeDetector())
    with pytest.raises(EngineError, match="not asked"):
        looker.finish(())
    looker.begin(IMAGE)
    looker.finish(())
    with pytest.raises(EngineError, match="not asked"):
        looker.finish(())


def test_close_ends_the_thread_and_may_be_called_again(watch: Opened) -> None:
    looker = watch(FakeDetector(), FakeDetector())
    looker.close()
    other = watch(FakeDetector(), FakeDetector())
    before = {thread for thread in threading.enumerate() if thread.name == "livecam-watch"}
    other.begin(IMAGE)
    other.finish(())
    started = {thread for thread in threading.enumerate() if thread.name == "livecam-watch"} - before
    assert len(started) == 1
    other.close()
    other.close()
    assert not any(thread.is_alive() for thread in started)
    with pytest.raises(EngineError, match="closed"):
        other.begin(IMAGE)


def test_a_bystander_beside_the_persona_is_found(
    short_range: ShortRangeDetector, full_range: FullRangeDetector, watch: Opened
) -> None:
    face = portrait()
    scale = 90 / face.shape[0]
    frame = placed(face, np.array([[0.7, 0, 100.0], [0, 0.7, 100.0]]))
    small = placed(face, np.array([[2 * scale, 0, 0.0], [0, 2 * scale, 0.0]]), 180, 180)
    frame[500:680, 1000:1180] = small
    looker = FaceWatch(short_range, full_range, patience_s=UNHURRIED_S)
    looker.begin(frame)
    boxes = looker.finish(())
    looker.close()
    assert len(boxes) == 2
    assert any(Box(1000, 500, 1180, 680).overlap(box) > 0.9 * box.area for box in boxes)


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("clip", ["d3", "d10", "d12", "d18", "s32"])
def test_on_the_clips_it_takes_nothing_else_for_a_face(
    clip: str,
    short_range: ShortRangeDetector,
    full_range: FullRangeDetector,
    landmarker: MeshLandmarker,
    shared_data: Path,
) -> None:
    follower = MeshFollower(short_range, full_range, landmarker)
    looker = FaceWatch(short_range, full_range, patience_s=UNHURRIED_S)
    for frame, image in enumerate(clip_frames(shared_data, clip), start=1):
        faces = follower(image, frame * NS_PER_S // 30, 0.5)
        looker.begin(image)
        assert looker.finish([face.box for face in faces]) == (), frame
    looker.close()


_LEFT_BEHIND = """
import threading
import time
import numpy as np
from livecam.vision.watch import FaceWatch

class Slow:
    side = 8
    def shrink(self, image, out): return None
    def detect_shrunk(self, shrunk, fit, threshold): return []

class Slower(Slow):
    def shrink(self, image, out): return object()
    def detect_shrunk(self, shrunk, fit, threshold):
        begun.set()
        time.sleep(0.2)
        print("looked", flush=True)
        return []

begun = threading.Event()
FaceWatch(Slower(), Slow(), patience_s=60).begin(np.zeros((8, 8, 3), np.uint8))
assert begun.wait(60)
"""


def test_the_interpreter_does_not_end_in_the_middle_of_a_look() -> None:
    """A thread that is in a network then ends the process by SIGABRT."""
    ended = subprocess.run(
        [sys.executable, "-c", _LEFT_BEHIND], capture_output=True, text=True, timeout=200, check=True
    )
    assert ended.stdout == "looked\n"
