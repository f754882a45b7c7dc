"""Runs the daemon as a process, tells it what shall fail, and has every picture that it sends judged."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import pytest

from livecam.control.client import Said, order
from livecam.core.frame import NS_PER_S
from livecam.errors import LivecamError
from tests.faults import witness
from tests.faults.judge import Judge, Shown, Verdict
from tests.faults.scene import FPS, SIZE
from tests.faults.tape import Tape

INTERVAL_NS: Final = round(NS_PER_S / FPS)
START_S: Final = 60.0
USUAL_START_S: Final = 4.0
"""On a machine that does nothing else it takes 2 to 3 s until ten pictures were swapped."""

STOP_S: Final = 15.0
"""That ending in order may take, on a machine that does nothing else."""

ENDS_S: Final = 60.0
"""Ample for what ends by itself."""

POLL_S: Final = 0.02
ROOT: Final = Path(__file__).resolve().parents[2]

FLAGS: Final = (
    *("--size", str(SIZE), "--fps", f"{FPS:g}", "--source", "camera:Fault Cam", "--no-hotkeys", "--no-panel"),
    *("--no-tty", "--log-level", "info"),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """One picture that left, judged.

    Attributes:
        sent_ns: When, monotonic.
        opened_ns: When the sink was opened that sent it.
        claimed: What the daemon says it shows.
        verdict: What it shows.
    """

    sent_ns: int
    opened_ns: int
    claimed: str
    verdict: Verdict

    @property
    def wrong(self) -> str:
        """Why it must not have left, or what was claimed falsely; "" when all is well."""
        shown = self.verdict.shown
        if shown in (Shown.BARE, Shown.UNKNOWN):
            return f"{shown}: {self.verdict.why}"
        return "" if shown.value == self.claimed else f"{shown}, and {self.claimed} was claimed"


MOST_BUSY: Final = 0.4
MOST_KEPT_WRONG: Final = 4
SHARED: Final = Path("/dev/shm")
ROOM_BYTES: Final = 256 << 20


class Bare(AssertionError):
    """A picture left that must not leave: no second try is given."""


class Run:
    """One daemon, and whoever watches it. To be closed.

    Args:
        folder: For its files.
        judge: Judges.
        flags: Besides `FLAGS`.
        environment: Besides this process's.
        tell: Told of every picture, in the thread that judges.
        most_kept: So many pictures are kept in `seen`; 0 for all.

    Attributes:
        seen: Every picture so far.
        broken: Why judging ended, if it did.
        slowness: How much longer starting took than it usually does: all times allowed are so many times as long.
    """

    def __init__(
        self,
        folder: Path,
        judge: Judge,
        flags: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        tell: Callable[[Seen], None] = lambda _: None,
        most_kept: int = 0,
    ) -> None:
        self._tell = tell
        self.folder = folder
        self.judge = judge
        self.seen: list[Seen] = []
        self.broken: Exception | None = None
        self.slowness = 1.0
        self._judged = 0
        self._most_kept = most_kept
        self._memory = tempfile.TemporaryDirectory(dir=SHARED if _has_room(SHARED) else folder)
        tape = Path(self._memory.name) / "tape"
        self._tape = Tape.create(tape, SIZE)
        self._flags = [*FLAGS, "--sink", f"inspect:{tape}", *flags]
        self._flags += ["--log-file", str(self.log_file), "--control-socket", str(self.socket)]
        self._environment = {**os.environ, "LIVECAM_DATA": str(folder / "data"), **(environment or {})}
        self._environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), self._environment.get("PYTHONPATH", "")])
        self._closing = threading.Event()
        folder.mkdir(parents=True, exist_ok=True)
        self.process = self._spawn()
        self._witness = self._watched()
        self._judging = threading.Thread(target=self._judge_all, name="judge", daemon=True)
        self._judging.start()

    @property
    def log_file(self) -> Path:
        """Where it logs."""
        return self.folder / "livecam.log"

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.folder / "control.sock"

    def _spawn(self) -> "subprocess.Popen[bytes]":
        self._begun_ns = self.now_ns()
        command = [sys.executable, "-m", "tests.faults.daemon", "run", *self._flags]
        with (self.folder / "output").open("ab") as output:
            return subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=output, stderr=output, env=self._environment, cwd=self.folder
            )

    def _watched(self) -> "subprocess.Popen[bytes]":
        self.witness_folder.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "tests.faults.witness", str(self.witness_folder), str(self.process.pid)]
        return subprocess.Popen(command, env=self._environment)

    @property
    def witness_folder(self) -> Path:
        """Where the witness writes."""
        return self.folder / "witness"

    def start_again(self) -> None:
        """Another process, after the last one has ended: what a service manager does. It is watched from now on."""
        self.process.wait(ENDS_S)
        self.process = self._spawn()
        self._end_witness()
        self._witness = self._watched()

    def _judge_all(self) -> None:
        try:
            while not self._closing.is_set():
                self._judge_new()
                self._closing.wait(POLL_S)
            self._judge_new()
        except (AssertionError, KeyError) as error:
            self.broken = error

    def _judge_new(self) -> None:
        for sent in self._tape.unread():
            one = Seen(sent.sent_ns, sent.opened_ns, sent.claimed, self.judge(sent.picture))
            if one.wrong and len(list(self.folder.glob("wrong-*.png"))) < MOST_KEPT_WRONG:
                # For whoever looks into it. Nobody real is in them.
                whole = cv2.cvtColor(sent.picture, cv2.COLOR_YUV2BGR_I420)
                cv2.imwrite(str(self.folder / f"wrong-{len(self.seen)}.png"), whole)
            self.seen.append(one)
            self._judged += 1
            self._tell(one)
        if self._most_kept and len(self.seen) > 2 * self._most_kept:
            del self.seen[: -self._most_kept]

    def put(self, part: str, word: str = "ok") -> None:
        """Tell the daemon what shall fail, or hold."""
        assert self.process.stdin is not None, "it was given one"
        self.process.stdin.write(f"{part} {word}\n".encode())
        self.process.stdin.flush()

    def say(self, line: str) -> Said:
        """Its answer to an order."""
        return order(self.socket, line)

    def until(self, true: Callable[[], bool], within_s: float, what: str) -> float:
        """Wait until it is true; how long that took, s.

        Raises:
            AssertionError: It does not become true, or nobody judges any more.
        """
        begun = time.monotonic()
        while not true():
            assert self.broken is None, f"nobody judges any more: {self.broken}"
            assert time.monotonic() - begun < within_s, f"{what}: not within {within_s:g} s. {self.tail()}"
            time.sleep(POLL_S)
        return time.monotonic() - begun

    def since(self, begin_ns: int) -> list[Seen]:
        """What was sent since then."""
        recent: list[Seen] = []
        for one in reversed(self.seen):
            if one.sent_ns < begin_ns:
                break
            recent.append(one)
        return recent[::-1]

    def until_started(self) -> None:
        """Wait until it is live for the first time, and note how slow this machine is just now."""
        try:
            self.slowness = max(1.0, self.until_live() / USUAL_START_S)
        except AssertionError:
            self.demand_cores(self._begun_ns)
            raise

    def busy_share(self, since_ns: int) -> float:
        """The share of the time since then in which the daemon was ready to run, and other programs had its cores."""
        now_ns = self.now_ns()
        found = witness.stalls(self.witness_folder, ready=True)
        return witness.stalled_ns(found, since_ns, now_ns) / max(now_ns - since_ns, 1)

    def demand_cores(self, since_ns: int) -> None:
        """Skip a test that cannot be judged, because this machine belonged to other programs since then."""
        share = self.busy_share(since_ns)
        if share > MOST_BUSY:
            pytest.skip(f"other programs had the processors for {100 * share:.0f} % of the time")

    def until_judged(self) -> None:
        """Wait until every picture that was sent so far is in `seen`."""
        written = self._tape.written
        self.until(lambda: self._judged >= written, ENDS_S, "what was sent is judged")

    def until_live(self, within_s: float = START_S, pictures: int = 10) -> float:
        """Wait until the last `pictures` were swapped, and sent by the process that runs; how long that took, s."""

        def live() -> bool:
            last = self.seen[-pictures:]
            ours = [one for one in last if one.opened_ns > self._begun_ns and one.verdict.shown is Shown.SWAPPED]
            return len(ours) == pictures and time.monotonic_ns() - last[-1].sent_ns < NS_PER_S

        return self.until(live, within_s, "the swap is shown")

    def until_shown(self, shown: Shown, since_ns: int, within_s: float) -> int:
        """Wait for a picture that shows that, and whose number was not seen before; when it was sent, monotonic ns."""
        old = {one.verdict.number for one in self.seen[-200:] if one.sent_ns < since_ns}

        def first() -> int:
            new = [one for one in self.since(since_ns) if one.verdict.shown is shown]
            if shown is not Shown.SLATE:
                new = [one for one in new if one.verdict.number not in old]
            return new[0].sent_ns if new else 0

        self.until(lambda: bool(first()), within_s, f"{shown} is shown")
        return first()

    def now_ns(self) -> int:
        """Monotonic."""
        return time.monotonic_ns()

    def rest(self, seconds: float) -> None:
        """Let it run."""
        time.sleep(seconds)

    def longest_gap_ns(self, seen: Sequence[Seen], ready: bool = False) -> int:
        """The longest time between two pictures, less what the machine stood still; see `witness.stalls`."""
        found = witness.stalls(self.witness_folder, ready)
        return witness.longest_gap_ns([one.sent_ns for one in seen], found)

    def log(self) -> str:
        """What it logged."""
        return self.log_file.read_text(encoding="utf-8") if self.log_file.exists() else ""

    def said(self, pattern: str, offset: int = 0) -> list[str]:
        """Lines of the log, without time, from `offset` on that match."""
        lines = self.log()[offset:].splitlines()
        return [re.sub(r"^\S+ \S+ ", "", line) for line in lines if re.search(pattern, line)]

    def is_settled(self) -> bool:
        """Whether the daemon itself believes that all is well: it waits a second before it does."""
        moves = self.said(r"\w+ -> \w+")
        return bool(moves) and moves[-1].endswith("-> live")

    def tail(self) -> str:
        """The end of what it logged and printed, for messages."""
        return "\n".join([*self.log().splitlines()[-8:], *(self.folder / "output").read_text().splitlines()[-4:]])

    def stop(self) -> int:
        """End it in order; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_S * self.slowness)
        finally:
            self.close()

    def close(self) -> None:
        """End everything, in order or not. Idempotent."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(ENDS_S)
        self._end_witness()
        if self.process.stdin is not None:
            with suppress(BrokenPipeError):
                self.process.stdin.close()
        self._closing.set()
        self._judging.join(ENDS_S)
        self._memory.cleanup()

    def _end_witness(self) -> None:
        if self._witness.poll() is None:
            self._witness.kill()
        self._witness.wait(ENDS_S)


def _has_room(folder: Path) -> bool:
    """Whether a tape fits into it, several times over: in containers it may hold 64 MB."""
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > ROOM_BYTES


def answers(run: Run) -> bool:
    """Whether orders are followed yet."""
    try:
        return run.say("status").ok
    except LivecamError:
        return False
