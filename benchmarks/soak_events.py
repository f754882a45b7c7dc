"""What happens in a soak: faults and commands, drawn by a seeded generator, each made good again after a while."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from livecam.errors import LivecamError
from tests.faults.judge import Shown
from tests.faults.rig import Run

LONGEST_S: Final = 3.0
SHORT_S: Final = 0.8
"""What hangs for longer than two seconds has the process replaced, and memory could not be followed."""

FAULTS: Final[Mapping[str, tuple[str, ...]]] = {
    "camera": ("unplugged", "busy", "frozen", "silent", "resized", "black", "slow", "backwards"),
    "inference": ("exception", "bug", "memory", "nan", "shape", "hang", "gpu"),
    "sink": ("gone", "broken", "slow"),
    "disk": ("full", "slow"),
}

SETTINGS: Final = (
    *("label off", "label on", "steadiness 0.3", "steadiness 0.7", "blend 0.4", "others withhold", "others blur"),
    *("preset mesh", "snapshot", "status", "next", "persona other", "persona nobody", "nonsense"),
)
"""Orders that leave the wearer swapped."""


@dataclass
class Tally:
    """What happened, and what came of it.

    Attributes:
        events: How often, by name.
        recovery_s: The longest time from the end of each to the next picture of the wearer, swapped.
        failures: What must not be, in a sentence each.
    """

    events: dict[str, int] = field(default_factory=dict)
    recovery_s: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


class Events:
    """Makes things happen.

    Args:
        run: The daemon.
        seed: Equal seeds give the same events.
        settings: The configuration's file.
        recovers_s: Longest time to the next swapped picture.
    """

    def __init__(self, run: Run, seed: int, settings: Path, recovers_s: float = 15.0) -> None:
        self._run = run
        self._random = random.Random(seed)
        self._settings = settings
        self._recovers_s = recovers_s
        self.tally = Tally()
        self._ends: list[tuple[int, str]] = []
        self._kinds: list[Callable[[], str]] = [self._fault] * 8 + [self._setting] * 6
        self._kinds += [self._panic, self._recording, self._sinks, self._reload, self._source]

    def happen(self, quiet: Callable[[bool], None]) -> None:
        """One thing, and its end; `quiet` is told when the run is disturbed, and when no more."""
        quiet(False)
        try:
            name = self._random.choice(self._kinds)()
            self.tally.events[name] = self.tally.events.get(name, 0) + 1
            since_ns = self._run.now_ns()
            self._run.until_shown(Shown.SWAPPED, since_ns, self._recovers_s)
            self._ends.append((self._run.now_ns(), name))
            took_s = (self._run.now_ns() - since_ns) / 1e9
            self.tally.recovery_s[name] = max(self.tally.recovery_s.get(name, 0.0), round(took_s, 2))
        except (AssertionError, LivecamError) as error:
            self.tally.failures.append(str(error).splitlines()[0])
        finally:
            quiet(True)

    def during(self, when_ns: int) -> str:
        """What happened then, or next."""
        return next((name for end_ns, name in self._ends if end_ns >= when_ns), "")

    def _rest(self, most_s: float = LONGEST_S) -> None:
        self._run.rest(self._random.uniform(0.3, most_s))

    def _fault(self) -> str:
        part = self._random.choice(tuple(FAULTS))
        word = self._random.choice(FAULTS[part])
        if part == "disk":
            return self._disk(word)
        self._run.put(part, word)
        self._rest(SHORT_S if word == "hang" else LONGEST_S)
        self._run.put(part)
        return f"{part} {word}"

    def _disk(self, word: str) -> str:
        self._said("record start")
        self._rest(1.0)
        self._run.put("disk", word)
        self._rest()
        self._run.put("disk")
        self._said("record stop")
        return f"disk {word}"

    def _setting(self) -> str:
        order = self._random.choice(SETTINGS)
        self._run.say(order)
        return order

    def _said(self, order: str) -> None:
        said = self._run.say(order)
        if not said.ok:
            raise AssertionError(f"{order}: {said.said}")

    def _panic(self) -> str:
        order, back = self._random.choice((("panic", "resume"), ("hold", "release")))
        self._said(order)
        # What was on its way when the answer came has been sent by now.
        since_ns = self._run.now_ns() + 200_000_000
        self._rest()
        shown = {one.verdict.shown for one in self._run.since(since_ns)}
        if shown - {Shown.SLATE}:
            self.tally.failures.append(f"{order}: there was {', '.join(shown)}")
        self._said(back)
        return order

    def _recording(self) -> str:
        self._said("record start")
        self._rest()
        self._said("record stop")
        for path in (self._run.folder / "data" / "recordings").glob("*.mp4"):
            path.unlink()
        return "recording"

    def _sinks(self) -> str:
        self._said("sink add null")
        self._rest()
        self._said("sink remove null")
        return "another sink"

    def _reload(self) -> str:
        if self._random.random() < 0.5:
            self._settings.write_text("[face]\nsteadiness = 'much'\n")
            if self._run.say("reload").ok:
                self.tally.failures.append("nonsense was taken for a configuration")
            self._settings.write_text("")
            return "reload of nonsense"
        self._settings.write_text(f"[face]\nsteadiness = {self._random.choice((0.4, 0.5, 0.6))}\n")
        self._said("reload")
        return "reload"

    def _source(self) -> str:
        self._said("source camera:Fault")
        self._rest()
        self._said("source camera:Fault Cam")
        return "source"
