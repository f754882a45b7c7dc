"""The content gate of a run: silence means no, whatever becomes of a look."""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.app.safety import ContentGate, OpenGate, content_gate, told
from livecam.app.safety_terms import Looks, Terms
from livecam.config import Paths, defaults
from livecam.core.cleared import How, Withheld
from livecam.core.frame import NS_PER_MS, Frame, Image
from livecam.core.ladder import Tier
from livecam.core.settings import Settings
from livecam.errors import EngineError, WeightsMissing
from livecam.vision.safety import Score, Verdict
from tests.fakes import SIZE, FakeClock, ScriptedProcessor

EVERY, CLEAR = 100 * NS_PER_MS, 250 * NS_PER_MS
BRIGHT = 128


def bright(image: Image) -> Verdict:
    """Takes a bright picture for a hit."""
    return Verdict((Score("bright", float(image.flat[0]), BRIGHT),))


class Rig:
    """A gate whose looks end when they are told to."""

    def __init__(self, judge: Callable[[Image], Verdict] = bright) -> None:
        self.clock = FakeClock()
        self.judge = judge
        self.tightened = 0
        self.copies = 0
        self.go = threading.Semaphore(0)
        self.done = threading.Semaphore(0)
        self.image = np.zeros(SIZE.image_shape, np.uint8)
        self.picture = np.zeros(SIZE.picture_shape, np.uint8)
        self.inner = ScriptedProcessor()
        self.noted: list[tuple[str, Mapping[str, object]]] = []
        looks = Looks(self._copy, self._judge)
        self.gate = ContentGate(Terms(EVERY, CLEAR), lambda: looks, self._tighten, self.now_ns, self._note)
        self.processor = self.gate.wrap(lambda: self.inner)
        self.seq = 0

    def now_ns(self) -> int:
        return self.clock.time_ns

    def _copy(self, image: Image) -> Image:
        self.copies += 1
        return image.copy()

    def _judge(self, image: Image) -> Verdict:
        try:
            # A look ends when the test says so, never between two lines of it.
            assert self.go.acquire(timeout=60)
            return self.judge(image)
        finally:
            self.done.release()

    def _tighten(self) -> None:
        self.tightened += 1

    def _note(self, event: str, **facts: object) -> None:
        self.noted.append((event, facts))

    def frame(self, value: int = 0, later_ns: int = 0) -> How | Withheld:
        """What becomes of the next frame."""
        self.clock.time_ns += later_ns
        self.seq += 1
        self.image.fill(value)
        return self.processor.process(Frame(self.image, self.seq, self.clock.time_ns), self.picture, Settings())

    def looked(self) -> None:
        """Wait until a look has ended and was heeded."""
        self.go.release()
        assert self.done.acquire(timeout=60)
        deadline_s = time.monotonic() + 60
        while self.gate._busy and self.gate._thread is not None and self.gate._thread.is_alive():
            assert time.monotonic() < deadline_s
            time.sleep(0.0005)

    def stop(self) -> None:
        """Whatever is still looked at ends too."""
        self.go.release()
        self.gate.stop()

    def seen(self, value: int = 0, later_ns: int = EVERY) -> How | Withheld:
        """What becomes of a frame right after it was looked at."""
        self.frame(value, later_ns)
        self.looked()
        return self.frame(value)


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.stop()


def test_the_first_frame_waits_for_a_clean_look(rig: Rig) -> None:
    assert rig.frame() is Withheld.UNCHECKED
    assert rig.inner.seen == [], "nothing is even made of it"
    rig.looked()
    assert rig.frame() is How.SWAPPED
    assert rig.tightened == 0, "nothing had left that could be held"


def test_a_hit_withholds_after_one_look_and_lifts_the_floor_once(rig: Rig) -> None:
    rig.seen()
    assert rig.frame(200, EVERY - 1) is How.SWAPPED, "it is not looked at yet"
    assert rig.seen(200, 1) is Withheld.CONTENT
    assert rig.seen(200) is Withheld.CONTENT
    assert rig.tightened == 1


def test_the_audit_log_is_told_when_it_begins_and_when_it_is_over(rig: Rig) -> None:
    """Not of every look, and not of waiting for an answer."""
    rig.seen()
    assert rig.noted == []
    rig.seen(200)
    rig.seen(200)
    assert rig.noted == [("content", {"withheld": True})]
    while rig.seen() is Withheld.CONTENT:
        pass
    assert rig.noted == [("content", {"withheld": True}), ("content", {"withheld": False})]


def test_the_floor_is_lifted_without_waiting_for_a_frame(rig: Rig) -> None:
    rig.seen()
    gone = threading.Event()

    def later(image: Image) -> Verdict:
        assert gone.wait(60)
        return bright(image)

    rig.judge = later
    assert rig.frame(200, EVERY) is How.SWAPPED
    gone.set()
    rig.looked()
    assert rig.tightened == 1


def test_a_look_is_at_the_frame_as_it_came(rig: Rig) -> None:
    rig.seen()

    def painted(frame: Frame) -> How | Withheld:
        frame.image.fill(0)
        return How.SWAPPED

    rig.inner.script = painted
    rig.frame(200, EVERY)
    rig.looked()
    assert rig.frame() is Withheld.CONTENT


def test_it_is_sent_again_once_it_has_been_clean_for_a_while(rig: Rig) -> None:
    rig.seen()
    rig.seen(200)
    assert [rig.seen(0) for _ in range(4)] == [Withheld.CONTENT] * 3 + [How.SWAPPED]
    assert rig.tightened == 1


@pytest.mark.parametrize("error", [EngineError("It broke."), RuntimeError("odd"), ValueError("odd"), MemoryError()])
def test_a_look_that_throws_withholds_until_one_answers(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    assert rig.seen() is How.SWAPPED

    def fail(image: Image) -> Verdict:
        raise error

    rig.judge = fail
    assert rig.seen() is Withheld.UNCHECKED
    assert rig.tightened == 1
    rig.judge = bright
    assert rig.frame() is Withheld.UNCHECKED, "not before it is time to look again"
    assert rig.seen() is How.SWAPPED
    rig.stop()
    assert "A look of the content check failed" in caplog.text
    assert "Nothing is sent: the content check has no fresh answer." in caplog.text


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_a_look_withholds_for_good(rig: Rig) -> None:
    rig.seen()

    def fail(image: Image) -> Verdict:
        raise ZeroDivisionError

    rig.judge = fail
    assert rig.seen() is Withheld.UNCHECKED
    assert rig.tightened == 1
    for _ in range(5):
        assert rig.frame(later_ns=10 * EVERY) is Withheld.UNCHECKED


def test_a_look_that_hangs_withholds_when_its_answer_is_stale() -> None:
    rig, go_on = Rig(), threading.Event()

    def hang(image: Image) -> Verdict:
        assert go_on.wait(60)
        return bright(image)

    assert rig.seen() is How.SWAPPED
    rig.judge = hang
    assert rig.frame(later_ns=EVERY) is How.SWAPPED
    assert rig.frame(later_ns=2 * EVERY) is How.SWAPPED
    assert rig.frame(later_ns=1) is Withheld.UNCHECKED
    assert rig.tightened == 1
    assert rig.copies == 2, "nothing is copied while it hangs"
    go_on.set()
    rig.looked()
    # Its answer is about a frame of long ago: too old to count.
    assert rig.frame(later_ns=EVERY) is Withheld.UNCHECKED
    rig.looked()
    assert rig.frame() is How.SWAPPED
    rig.stop()


def test_a_hit_that_comes_while_a_frame_is_worked_on_withholds_it(rig: Rig) -> None:
    rig.seen()

    def script(frame: Frame) -> How | Withheld:
        rig.looked()
        return How.SWAPPED

    rig.inner.script = script
    assert rig.frame(200, EVERY) is Withheld.CONTENT


def test_what_the_inner_one_withholds_stays_withheld(rig: Rig) -> None:
    rig.seen()
    rig.inner.script = lambda _: Withheld.NO_FACE
    assert rig.frame() is Withheld.NO_FACE


def test_another_source_has_to_be_looked_at_first(rig: Rig) -> None:
    rig.seen()
    rig.processor.reset()
    assert rig.inner.resets == 1
    assert rig.tightened == 1, "nothing of the old one is held either"
    assert rig.frame() is Withheld.UNCHECKED, "and at once, not when it is time"
    rig.looked()
    assert rig.frame() is How.SWAPPED


def test_a_look_at_the_source_before_says_nothing_good_about_this_one(rig: Rig) -> None:
    go_on = threading.Event()

    def slowly(image: Image) -> Verdict:
        assert go_on.wait(60)
        return bright(image)

    rig.judge = slowly
    rig.frame()
    rig.processor.reset()
    go_on.set()
    rig.looked()
    assert rig.frame() is Withheld.UNCHECKED
    rig.looked()
    assert rig.frame() is How.SWAPPED


def test_frames_are_looked_at_now_and_then(rig: Rig) -> None:
    for _ in range(30):
        rig.frame(later_ns=EVERY // 10)
        if rig.gate._busy:
            rig.looked()
    assert rig.copies == 3


def test_tiers_and_stages_pass_through(rig: Rig) -> None:
    tier = Tier("low")
    rig.processor.adapt(tier)
    assert rig.inner.tiers == [tier]
    rig.seen()
    assert rig.processor.stages()["swap"] == 1_000_000
    assert rig.processor.stages()["content"] > 0


def test_a_look_that_takes_too_long_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()

    def slowly(image: Image) -> Verdict:
        rig.clock.time_ns += 2 * EVERY
        return bright(image)

    rig.judge = slowly
    for _ in range(3):
        rig.seen()
    rig.stop()
    assert caplog.text.count("A look of the content check took") == 1
    assert "0.2 s; with safety.every_s = 0.1 an answer counts for 0.3 s." in caplog.text


def test_what_happens_is_told_in_a_line(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        rig.seen()
        rig.seen(200)
    assert [record.message for record in caplog.records] == [
        "The content check lets the picture out.",
        "The content check saw nudity: bright 200 (limit 128).",
        "Nothing is sent: the content check saw nudity, or has not been clean for long enough since.",
    ]
    assert told(Withheld.NO_FACE) == ""


def test_networks_are_loaded_first_and_once() -> None:
    loads: list[str] = []

    def load() -> Looks:
        loads.append("networks")
        return Looks(np.copy, bright)

    def build() -> ScriptedProcessor:
        loads.append("processor")
        return ScriptedProcessor()

    gate = ContentGate(Terms(EVERY, CLEAR), load, lambda: None)
    for _ in range(2):
        gate.wrap(build)
    assert loads == ["networks", "processor", "processor"]
    gate.stop()
    gate.stop()


def test_networks_that_are_not_there_keep_the_processor_from_being_built() -> None:
    def load() -> Looks:
        raise WeightsMissing("The network is not here.", "Run: livecam models pull it")

    def build() -> ScriptedProcessor:
        raise AssertionError("nothing is built")

    gate = ContentGate(Terms(EVERY, CLEAR), load, lambda: None)
    for _ in range(2):
        with pytest.raises(WeightsMissing, match="models pull it"):
            gate.wrap(build)
    gate.stop()


def test_where_nothing_is_configured_nothing_stands_between(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "livecam.toml", tmp_path / "data", tmp_path / "cache")
    gate, inner = content_gate(defaults().config, paths, lambda: None), ScriptedProcessor()
    assert isinstance(gate, OpenGate)
    assert gate.wrap(lambda: inner) is inner
    gate.stop()


@pytest.mark.parametrize("reason", list(Withheld))
def test_the_panel_has_words_for_every_reason(reason: Withheld) -> None:
    page = resources.files("livecam.control.web").joinpath("page/figures.js").read_text(encoding="utf-8")
    words = re.search(r"const REASONS = \{(.*?)\};", page, re.DOTALL)
    assert words is not None
    assert re.search(rf'^  "?{reason}"?: ".+",$', words[1], re.MULTILINE)


@given(st.lists(st.sampled_from(["clean", "hit", "throw", "wait", "reset"]), min_size=1, max_size=12))
@settings(max_examples=25, deadline=None)
def test_whatever_happens_only_frames_after_a_fresh_clean_look_leave(steps: list[str]) -> None:
    rig, fresh_ns, clean_since_ns = Rig(), None, None
    barred = False
    for step in steps:
        if step == "wait":
            outcome = rig.frame(later_ns=4 * EVERY)
            rig.looked()
            # The frame went by the answers until then; the look at it, black, comes after.
            assert outcome in (Withheld.UNCHECKED, Withheld.CONTENT)
        elif step == "reset":
            rig.processor.reset()
            outcome = rig.frame()
            rig.looked()
            assert outcome in (Withheld.UNCHECKED, Withheld.CONTENT)
            clean_since_ns = None
        else:
            rig.judge = bright if step != "throw" else _throwing
            outcome = rig.seen(200 if step == "hit" else 0)
        now_ns = rig.clock.time_ns
        if step == "hit":
            barred, fresh_ns, clean_since_ns = True, None, None
        elif step == "throw":
            fresh_ns = clean_since_ns = None
        elif rig.judge is bright:
            if clean_since_ns is None or step == "wait":
                clean_since_ns = now_ns
            fresh_ns, barred = now_ns, barred and now_ns - clean_since_ns < CLEAR
        else:
            fresh_ns = clean_since_ns = None
        assert (rig.frame() is How.SWAPPED) is (fresh_ns is not None and not barred)
    rig.stop()


def _throwing(image: Image) -> Verdict:
    raise EngineError("It broke.")
