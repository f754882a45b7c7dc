"""What a soak tells of the longest times without a picture."""

import io
import time
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.soak_gaps import MOST, Gaps
from livecam.core.frame import NS_PER_MS, NS_PER_S
from tests.faults import witness

TICK_NS = 100 * NS_PER_MS
BEGAN_NS = 1000 * NS_PER_S


def written(folder: Path, late: str = "", ready: str = "") -> Path:
    (folder / "late").write_text(late)
    (folder / "ready").write_text(ready)
    return folder


def stall(from_ms: int, to_ms: int) -> str:
    return f"{BEGAN_NS + from_ms * NS_PER_MS} {BEGAN_NS + to_ms * NS_PER_MS}\n"


def sent_at(*times_ms: int) -> Gaps:
    gaps = Gaps(2 * TICK_NS, BEGAN_NS)
    for at_ms in times_ms:
        gaps.take(BEGAN_NS + at_ms * NS_PER_MS)
    return gaps


def test_a_gap_is_told_with_what_the_machine_did_and_what_the_log_says(tmp_path: Path) -> None:
    gaps = sent_at(0, 100, 1100, 1200, 1700, 1800)
    # Not read from the clocks once more: whoever is held up between the two reads another difference.
    at = datetime.fromtimestamp((BEGAN_NS + 700 * NS_PER_MS + gaps._apart_ns) / NS_PER_S)
    line = f"{at:%Y-%m-%d %H:%M:%S},{at.microsecond // 1000:03d} WARNING output livecam.runtime: It was held up."
    folder = written(tmp_path, stall(1100, 1600), stall(150, 250))
    log = f"Traceback (most recent call last):\n2020-01-01 00:00:00,000 INFO Long ago.\n{line}\n"
    longest, raw, told = gaps.told(TICK_NS, folder, log, lambda at_ns: f"at {at_ns - BEGAN_NS}")
    assert (round(longest, 2), round(raw, 2)) == (10, 10)
    (first,) = told
    lines = first.pop("log")
    assert first == {
        "at_min": 0.0,
        "ticks": 10.0,
        "of which the machine stood still": 0.0,
        "of which livecam waited for a processor": 1.0,
        "during": f"at {1100 * NS_PER_MS}",
    }
    assert str(lines).startswith("['+0.6")
    assert str(lines).endswith("WARNING output livecam.runtime: It was held up.']")


def test_the_times_of_the_log_are_those_of_the_day() -> None:
    # The best of some: between two looks at the clocks the machine may stand still, or the time be set.
    found_ns = [Gaps(2 * TICK_NS, BEGAN_NS)._apart_ns - (time.time_ns() - time.monotonic_ns()) for _ in range(9)]
    assert min(map(abs, found_ns)) < 100 * NS_PER_MS


def test_the_longest_is_that_which_is_longest_without_the_machine(tmp_path: Path) -> None:
    gaps = sent_at(0, 1000, 1300)
    longest, raw, told = gaps.told(TICK_NS, written(tmp_path, stall(50, 900)), "", lambda _: "")
    assert (round(longest, 2), round(raw, 2)) == (3, 10)
    assert [about["ticks"] for about in told] == [3.0]


def test_without_a_gap_nothing_is_told_but_the_longest_time(tmp_path: Path) -> None:
    longest, raw, told = sent_at(0, 100, 250).told(TICK_NS, written(tmp_path), "", lambda _: "")
    assert (longest, raw, told) == (1.5, 1.5, [])
    assert sent_at(0).told(TICK_NS, written(tmp_path), "", lambda _: "")[:2] == (0.0, 0.0)


class Over(Exception):
    """The test has seen enough."""


def test_the_witness_sees_a_stall_whatever_it_does_meanwhile_but_for_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it read of the daemon's threads, a stop of the whole machine was laid at livecam's door."""
    now_ns, read = BEGAN_NS, 0

    def sleep(seconds: float) -> None:
        nonlocal now_ns
        now_ns += round(seconds * NS_PER_S)

    def waited(_: int) -> dict[str, int]:
        nonlocal now_ns, read
        read += 1
        if read == 3:
            now_ns += 2 * NS_PER_S
        if read == 5:
            raise Over
        return {"output": 0 if read == 1 else 10 * NS_PER_MS}

    class Slow(io.StringIO):
        def write(self, text: str) -> int:
            nonlocal now_ns
            now_ns += NS_PER_S
            return super().write(text)

        def close(self) -> None:
            """What was written is looked at later."""

    files = {"late": Slow(), "ready": Slow()}
    monkeypatch.setattr(Path, "open", lambda path, *_, **__: files[path.name])
    monkeypatch.setattr(witness, "time", SimpleNamespace(monotonic_ns=lambda: now_ns, sleep=sleep))
    monkeypatch.setattr(witness, "_waited", waited)
    with pytest.raises(Over):
        witness.watch(tmp_path, 0)
    (late,) = files["late"].getvalue().splitlines()
    begin, end = map(int, late.split())
    assert end - begin == 2 * NS_PER_S
    assert len(files["ready"].getvalue().splitlines()) == 1


def test_of_many_gaps_the_longest_are_kept(tmp_path: Path) -> None:
    times, at_ms = [0], 0
    for number in range(3000):
        at_ms += 300 + number % 7
        times.append(at_ms)
    longest, _, told = sent_at(*times).told(TICK_NS, written(tmp_path), "", lambda _: "")
    assert (round(longest, 2), len(told)) == (3.06, MOST)
