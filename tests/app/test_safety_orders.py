"""Every order in which frames, looks and other scenes can meet, step by step without threads.

A look may end, fail, or another scene begin at any moment: before a frame, while it is worked on, after it.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.app.safety import ContentGate, GatedProcessor
from livecam.app.safety_terms import Looks, Terms
from livecam.core.cleared import How, Withheld
from livecam.core.frame import Frame, Image
from livecam.core.settings import Settings, SettingsCell
from livecam.errors import EngineError
from livecam.vision.safety import Score, Verdict
from tests.fakes import SIZE, ScriptedProcessor

EVERY, CLEAR = 100, 350
TERMS = Terms(EVERY, CLEAR)

Step: TypeAlias = tuple[str, int]
Turn: TypeAlias = tuple[list[Step], list[Step]]
"""What happens before a frame, and while it is worked on."""

KINDS = st.sampled_from(["clean", "clean", "hit", "fail", "forget", "wait"])
STEPS = st.lists(st.tuples(KINDS, st.sampled_from([0, 50, 100, 100, 250, 350])), max_size=3)
TURNS = st.lists(st.tuples(STEPS, STEPS), min_size=3, max_size=10)


@dataclass
class Model:
    """What may leave, by the words of docs/safety.md."""

    row: list[int] = field(default_factory=list)
    barred: bool = False

    def may_leave(self, now_ns: int) -> bool:
        return bool(self.row) and not self.barred and 0 <= now_ns - self.row[-1] <= TERMS.stale_ns

    def clean(self, taken_ns: int) -> None:
        self.row = [*self.row, taken_ns] if self.row and taken_ns - self.row[-1] <= TERMS.stale_ns else [taken_ns]
        self.barred = self.barred and self.row[-1] - self.row[0] < CLEAR


class Table:
    """A gate whose looks end when the test says so, what it is held against, and all that was published."""

    def __init__(self) -> None:
        self.now_ns = 1_000
        self.answer: Verdict | None = None
        self.cell = SettingsCell(Settings())
        self.model = Model()
        self.published: list[int] = []
        self.during: list[Step] = []
        self.scene = self.asked_scene = 0
        looks = Looks(self.copy, self.judge)
        self.gate = ContentGate(TERMS, lambda: looks, self.cell.tighten, lambda: self.now_ns)
        # As `wrap` does, but for the thread.
        self.gate._looks = looks
        self.processor = GatedProcessor(ScriptedProcessor(self.work), self.gate)

    def copy(self, image: Image) -> Image:
        self.asked_scene = self.scene
        return image.copy()

    def judge(self, image: Image) -> Verdict:
        if self.answer is None:
            raise EngineError("It broke.")
        return self.answer

    def work(self, frame: Frame) -> How | Withheld:
        self.happen(self.during)
        return How.SWAPPED

    def happen(self, steps: list[Step]) -> None:
        for kind, later_ns in steps:
            self.now_ns += later_ns
            if kind == "forget":
                self.gate.forget()
                self.model.row = []
                self.scene += 1
            elif kind == "wait" or self.gate._asked is None:
                continue
            else:
                self.look(kind)
            self.nothing_is_held_that_may_not_leave()

    def look(self, kind: str) -> None:
        """The look that was asked for ends."""
        asked = self.gate._next()
        assert asked is not None
        self.answer = None if kind == "fail" else Verdict((Score("a", float(kind == "hit"), 0.5),))
        self.gate._look(self.judge, asked)
        if kind == "clean" and self.asked_scene == self.scene:
            self.model.clean(asked.taken_ns)
        elif kind != "clean":
            self.model.row, self.model.barred = [], self.model.barred or kind == "hit"

    def frame(self, during: list[Step]) -> None:
        """One frame, as the inference loop works on it."""
        self.during = during
        revision = self.cell.current.revision
        first = self.model.may_leave(self.now_ns)
        image, picture = np.zeros(SIZE.image_shape, np.uint8), np.zeros(SIZE.picture_shape, np.uint8)
        outcome = self.processor.process(Frame(image, 1, self.now_ns), picture, self.cell.current)
        expected = first and self.model.may_leave(self.now_ns)
        assert (outcome is How.SWAPPED) is expected
        if outcome is How.SWAPPED:
            self.published.append(revision)
        else:
            self.nothing_is_held_that_may_not_leave()

    def nothing_is_held_that_may_not_leave(self) -> None:
        """Not to be asked after time alone: that an answer has become stale is noticed with the next frame."""
        if not self.model.may_leave(self.now_ns):
            assert all(revision < self.cell.current.privacy_floor for revision in self.published)


@given(TURNS)
@settings(max_examples=200, deadline=None)
def test_no_order_lets_a_frame_out_before_a_fresh_clean_look(turns: list[Turn]) -> None:
    table = Table()
    for before, during in turns:
        table.happen(before)
        table.frame(during)
