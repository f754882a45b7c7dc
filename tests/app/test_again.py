"""A process that replaces itself."""

import os
import subprocess
import sys

import pytest

from livecam.app.again import FORGOTTEN_S, VARIABLE, WAITS_S, Restarts

ONCE = """
import os, sys
from livecam.app.again import VARIABLE, Restarts, replace
print(os.getpid(), os.environ.get(VARIABLE, ""), sys.argv[1:], flush=True)
if VARIABLE in os.environ:
    print("left open:", os.path.exists("/proc/self/fd/77"))
else:
    # As a library written in C leaves it.
    os.dup2(0, 77, inheritable=True)
    replace(Restarts())
"""


class Clock:
    """Seconds."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.skipif(sys.platform == "win32", reason="no exec")
@pytest.mark.parametrize(
    ("word", "wait_s"), [("", WAITS_S[0]), ("1 5", WAITS_S[1]), ("3 5", WAITS_S[3]), ("9 5", WAITS_S[3])]
)
def test_each_time_it_waits_longer(word: str, wait_s: float) -> None:
    clock = Clock()
    restarts = Restarts({VARIABLE: word}, clock)
    clock.now_s += max(wait_s - 0.1, 0.0)
    assert restarts.allowed() is (wait_s == 0)
    clock.now_s += 0.2
    assert restarts.allowed()


@pytest.mark.parametrize("nonsense", ["x 5", "-1 5", "4", "", " "])
def test_whatever_stands_in_the_environment_does_no_harm(nonsense: str) -> None:
    assert Restarts({VARIABLE: nonsense}, Clock()).left_word().startswith("1 ")


def test_who_has_run_for_long_begins_to_count_anew() -> None:
    clock = Clock()
    restarts = Restarts({VARIABLE: "3 5"}, clock)
    assert restarts.left_word().split()[0] == "4"
    clock.now_s += FORGOTTEN_S + 1
    assert restarts.left_word().split()[0] == "1"


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_the_new_process_has_the_number_and_the_words_of_the_old_one_and_nothing_that_it_left_open() -> None:
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    done = subprocess.run(
        [sys.executable, "-c", ONCE, "a", "b c"],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
        timeout=120,
    )
    first, second, left = done.stdout.splitlines()
    assert first.split()[0] == second.split()[0]
    assert first.endswith("['a', 'b c']")
    assert second.endswith("['a', 'b c']")
    assert second.split()[1] == "1"
    assert left == "left open: False"
