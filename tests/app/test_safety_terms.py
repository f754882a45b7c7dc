"""What looks have told, and whether that suffices: no order of answers lets a picture out that no fresh one covers."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.app.safety_terms import Terms, Verdicts, terms_of
from livecam.config import SafetyConfig
from livecam.core.cleared import Withheld

EVERY, CLEAR = 100, 350
TERMS = Terms(EVERY, CLEAR)


def verdicts(*looks: tuple[bool, int]) -> Verdicts:
    told = Verdicts(TERMS)
    for hit, taken_ns in looks:
        told.seen(hit, taken_ns, 0)
    return told


def test_nothing_leaves_before_the_first_clean_look() -> None:
    assert verdicts().withheld(0) is Withheld.UNCHECKED
    assert verdicts((False, 1_000)).withheld(1_000) is None


def test_an_answer_counts_for_three_intervals_and_not_before_its_time() -> None:
    told = verdicts((False, 1_000))
    assert told.withheld(1_000 + 3 * EVERY) is None
    assert told.withheld(1_001 + 3 * EVERY) is Withheld.UNCHECKED
    assert told.withheld(999) is Withheld.UNCHECKED, "a clock that went back proves nothing"


def test_a_hit_holds_until_looks_have_been_clean_for_long_enough() -> None:
    told = verdicts((False, 1_000), (True, 1_100))
    for taken_ns in range(1_200, 1_200 + CLEAR, EVERY):
        told.seen(False, taken_ns, 0)
        assert told.withheld(taken_ns) is Withheld.CONTENT
    told.seen(False, 1_200 + CLEAR, 0)
    assert told.withheld(1_200 + CLEAR) is None


def test_another_hit_begins_the_wait_anew() -> None:
    told = verdicts((True, 1_000), (False, 1_100), (True, 1_400), (False, 1_500), (False, 1_700))
    assert told.withheld(1_700) is Withheld.CONTENT
    told.seen(False, 1_850, 0)
    assert told.withheld(1_850) is None


def test_clean_looks_far_apart_and_failures_between_them_are_no_row() -> None:
    assert verdicts((True, 1_000), (False, 1_100), (False, 1_500)).withheld(1_500) is Withheld.CONTENT
    told = verdicts((True, 1_000), (False, 1_100), (False, 1_300))
    told.failed()
    told.seen(False, 1_500, 0)
    assert told.withheld(1_500) is Withheld.CONTENT


def test_a_failed_look_takes_back_what_was_known() -> None:
    told = verdicts((False, 1_000))
    told.failed()
    assert told.withheld(1_000) is Withheld.UNCHECKED
    told.seen(False, 1_100, 0)
    assert told.withheld(1_100) is None


def test_of_an_earlier_scene_only_a_hit_counts() -> None:
    told = verdicts((False, 1_000))
    told.forget()
    told.seen(False, 1_010, 0)
    assert told.withheld(1_010) is Withheld.UNCHECKED
    told.seen(False, 1_020, told.scene)
    assert told.withheld(1_020) is None
    told.forget()
    told.seen(True, 1_030, 1)
    assert told.withheld(1_030) is Withheld.CONTENT


def test_another_scene_ends_no_hit() -> None:
    told = verdicts((True, 1_000), (False, 1_100), (False, 1_300))
    told.forget()
    told.seen(False, 1_450, told.scene)
    assert told.withheld(1_450) is Withheld.CONTENT


def test_without_a_wait_the_next_clean_look_ends_a_hit() -> None:
    told = Verdicts(Terms(EVERY, 0))
    told.seen(True, 1_000, 0)
    told.seen(False, 1_100, 0)
    assert told.withheld(1_100) is None


def test_the_terms_are_those_of_the_configuration() -> None:
    assert terms_of(SafetyConfig(every_s=0.5, clear_s=2.0)) == Terms(500_000_000, 2_000_000_000)
    assert terms_of(SafetyConfig()).stale_ns == 3_000_000_000


@dataclass
class History:
    """All that was told, to be judged by the rule as docs/safety.md words it."""

    events: list[tuple[str, int]] = field(default_factory=list)

    def may_leave(self, now_ns: int) -> bool:
        """The newest event that counts is a clean look, fresh; and since the last hit they span the wait in a row."""
        row: list[int] = []
        waiting = False
        for kind, at_ns in self.events:
            if kind == "hit":
                row, waiting = [], True
            elif kind in ("failed", "forgotten"):
                row = []
            else:
                row = [*row, at_ns] if not row or at_ns - row[-1] <= TERMS.stale_ns else [at_ns]
                waiting = waiting and row[-1] - row[0] < TERMS.clear_ns
        return bool(row) and not waiting and 0 <= now_ns - row[-1] <= TERMS.stale_ns


@given(
    st.lists(
        st.tuples(st.sampled_from(["hit", "clean", "old", "failed", "forgotten"]), st.integers(0, 500)), max_size=25
    )
)
@settings(max_examples=300, deadline=None)
def test_no_order_of_answers_lets_a_picture_out_without_a_fresh_clean_look(events: list[tuple[str, int]]) -> None:
    told, history, now_ns = Verdicts(TERMS), History(), 0
    for kind, later_ns in events:
        now_ns += later_ns
        if kind == "failed":
            told.failed()
        elif kind == "forgotten":
            told.forget()
        elif kind == "old":
            told.seen(False, now_ns, told.scene - 1)
        else:
            told.seen(kind == "hit", now_ns, told.scene)
        if kind != "old":
            history.events.append((kind, now_ns))
        for after_ns in (0, EVERY, 3 * EVERY, 3 * EVERY + 1):
            assert (told.withheld(now_ns + after_ns) is None) is history.may_leave(now_ns + after_ns)
