"""What is answered, and that nobody waits for whom he need not."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.control.desk import Desk
from livecam.control.grammar import WORDS, help_text
from livecam.core.settings import Mode, Settings
from tests.control.pretend import PretendPort


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["panic"], "The slate is shown until resume."),
        (["panic", "release"], "The slate is shown until resume."),
        (["panic", "resume"], "Wearing nobody."),
        (["hold"], "The slate is shown until release."),
        (["hold", "release"], "Wearing nobody."),
        (["persona ann"], "Wearing ann."),
        (["panic", "persona ann"], "Wearing ann. The slate is shown until resume."),
        (["passthrough on"], "Your own face is sent."),
        (["passthrough on", "persona ann"], "Wearing ann. But: Your own face is sent."),
        (["passthrough on", "passthrough off"], "Wearing nobody."),
        (["others withhold"], "Other people: withhold."),
        (["eyes target"], "Eyes: target."),
        (["shape 0.25"], "Shape 0.25."),
        (["steadiness 1"], "Steadiness 1."),
        (["blend 0.5"], "Blend 0.5."),
        (["status"], "Wearing nobody. live, 30.0 fps, age 40.0 ms, shows live."),
        (["label off"], "The label is not shown."),
        (["label off", "label on"], "The label is shown."),
        (["favourite 2"], "Wearing bob."),
        (["record start"], "Recording to call.mp4."),
        (["record stop"], "The recording is over: call.mp4."),
        (["snapshot"], "Kept as snapshot.png."),
        (["reload"], "Nothing has changed."),
        (["preset fast"], "Preset fast."),
        (["source camera:1"], "Frames come from camera:1."),
        (["sink add web"], "Sent to web too."),
        (["sink remove web"], "No more sent to web."),
        (["help"], help_text()),
    ],
)
def test_the_answer_says_what_now_holds(lines: list[str], said: str) -> None:
    desk = Desk(PretendPort())
    answers = [desk.follow(line) for line in lines]
    assert answers[-1].said == said
    assert all(answer.ok for answer in answers)


def test_the_answer_carries_the_settings_in_force() -> None:
    port = PretendPort()
    now = Desk(port).follow("panic").json()["now"]
    assert isinstance(now, dict)
    assert (now["revision"], now["panic"], now["persona"]) == (1, True, "nobody")
    assert Desk(port).follow("status").json()["status"] == port.seen


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("persona eve", "There is no persona 'eve'."),
        ("blend 0.9", "plastic"),
        ("favourite 9", "No persona has the number 9."),
        ("panik", "Did you mean 'panic'?"),
    ],
)
def test_what_cannot_be_done_changes_nothing(line: str, said: str) -> None:
    port = PretendPort()
    answer = Desk(port).follow(line)
    assert not answer.ok
    assert said in answer.said
    assert port.cell.current.revision == 0


def test_next_and_previous_go_round() -> None:
    port = PretendPort()
    desk = Desk(port)
    worn = []
    for line in ("next", "next", "next", "previous", "previous"):
        desk.follow(line)
        worn.append(port.cell.current.persona)
    assert worn == ["ann", "bob", "nobody", "bob", "ann"]


def test_next_from_a_removed_persona_is_the_first() -> None:
    port = PretendPort(settings=Settings(persona="gone"))
    assert Desk(port).follow("previous").said == "Wearing nobody."


def test_a_panic_does_not_wait_for_a_persona() -> None:
    port = PretendPort()
    desk = Desk(port)
    port.making.clear()
    slow = threading.Thread(target=desk.follow, args=("persona ann",))
    slow.start()
    try:
        assert desk.follow("panic").ok
        assert port.cell.current.panic
        assert port.cell.current.persona == "nobody"
    finally:
        port.making.set()
        slow.join(60)
    assert port.cell.current.persona == "ann"
    assert port.cell.current.panic


def test_two_steps_at_once_are_two_steps() -> None:
    port = PretendPort()
    desk = Desk(port)
    threads = [threading.Thread(target=desk.follow, args=("next",)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert port.cell.current.persona == "bob"


@settings(deadline=None)
@given(st.lists(st.one_of(st.sampled_from(sorted(WORDS)), st.text(max_size=30)), max_size=5))
def test_whatever_is_said_is_answered(words: list[str]) -> None:
    port = PretendPort()
    answer = Desk(port).follow(" ".join(words))
    assert answer.said
    if not answer.ok:
        assert port.cell.current.mode is Mode.SWAP
        assert port.cell.current.revision == 0


def test_by_how_much_sound_is_to_be_late_is_told_while_there_are_pictures() -> None:
    port = PretendPort()
    port.seen = {**port.seen, "delay_ms": 147.4}
    assert "Sound should be 147 ms late." in Desk(port).follow("status").said
    port.seen = {**port.seen, "state": "idle", "fps": 0.0}
    assert "Sound" not in Desk(port).follow("status").said
