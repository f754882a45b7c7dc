"""The limits of the container or service that a process runs in: Linux control groups, version 2 and 1.

Counters of the whole machine do not show them. They are read from the files that cgroups(7) and the kernel's
documentation (admin-guide/cgroup-v2, cgroup-v1/memory, scheduler/sched-bwc) describe; whatever is not there, or does
not read as written there, limits nothing.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

_US_PER_S: Final = 1_000_000
_UNIFIED: Final = "cgroup2"
_OCTAL: Final = re.compile(r"\\([0-7]{3})")
# Version 1 has no word for "no limit": it gives the largest number that is a whole number of pages.
_BOUNDLESS: Final = 1 << 60
_DIGITS: Final = 20


class Throttle(NamedTuple):
    """A limit of processor time.

    Attributes:
        processors: So many may be used, on average over a period, which is a tenth of a second as a rule.
        held_s: The length of all periods so far in which that was used up before their end, s.
    """

    processors: float
    held_s: float


@dataclass(frozen=True, slots=True)
class Group:
    """A control group.

    Attributes:
        folder: Of its files.
        unified: Whether they are those of version 2.
    """

    folder: Path
    unified: bool


Read = Callable[[Path], str]
"""The text of a file. Raises `OSError` where there is none."""


class Limits:
    """What the groups of this process allow, those that they lie in included. Never fails; empty but on Linux.

    Args:
        process: Where the process's own files are.
        read: Reads a file.
    """

    def __init__(self, process: Path = Path("/proc/self"), read: Read = Path.read_text) -> None:
        self._read = read
        groups, mounts = self._text(process / "cgroup"), self._text(process / "mountinfo")
        self._processors = groups_of(groups, mounts, "cpu")
        self._memory = groups_of(groups, mounts, "memory")

    def throttles(self) -> Mapping[Path, Throttle]:
        """Every limit of processor time, by the folder of its group."""
        found = {group.folder: self._throttle(group) for group in self._processors}
        return {folder: throttle for folder, throttle in found.items() if throttle is not None}

    def _throttle(self, group: Group) -> Throttle | None:
        if group.unified:
            words = self._text(group.folder / "cpu.max").split()
        else:
            words = [self._text(group.folder / f"cpu.cfs_{name}_us") for name in ("quota", "period")]
        times = table_of(self._text(group.folder / "cpu.stat")).get("nr_throttled")
        match [number_of(word) for word in words], times:
            case [int(quota), int(period)], int() if period:
                return Throttle(quota / period, times * period / _US_PER_S)
        return None

    def memory_left(self) -> int | None:
        """Bytes until the first limit of memory is reached; None without one."""
        return min((left for group in self._memory if (left := self._left(group)) is not None), default=None)

    def _left(self, group: Group) -> int | None:
        names = (
            ("memory.max", "memory.current") if group.unified else ("memory.limit_in_bytes", "memory.usage_in_bytes")
        )
        most, used = (number_of(self._text(group.folder / name)) for name in names)
        if most is None or used is None or most >= _BOUNDLESS:
            return None
        # Pages of files that were read and are not in use count as used, and are given back at need.
        spare = table_of(self._text(group.folder / "memory.stat"))
        return most - used + spare.get("inactive_file" if group.unified else "total_inactive_file", 0)

    def _text(self, path: Path) -> str:
        try:
            return self._read(path)
        except (OSError, ValueError):
            return ""


def groups_of(groups: str, mounts: str, controller: str) -> tuple[Group, ...]:
    """The groups that a process is in as far as `controller` goes, the innermost first, as far as they can be seen.

    Args:
        groups: ``/proc/self/cgroup``.
        mounts: ``/proc/self/mountinfo``.
        controller: Such as ``cpu``.
    """
    paths = dict(_paths(groups))
    unified = controller not in paths
    path = paths.get("" if unified else controller)
    if path is None:
        return ()
    for root, folder, kinds in _mounted(mounts):
        if (_UNIFIED if unified else controller) in kinds:
            below = _within(path, root)
            return tuple(Group(Path(folder) / place, unified) for place in (below, *below.parents))
    return ()


def _paths(groups: str) -> Iterator[tuple[str, str]]:
    """Controllers, and where in their hierarchy the process is; version 2 has one hierarchy, without a name."""
    for line in groups.splitlines():
        _, _, rest = line.partition(":")
        controllers, found, path = rest.partition(":")
        if found:
            yield from ((controller, path) for controller in controllers.split(","))


def _mounted(mounts: str) -> Iterator[tuple[str, str, Sequence[str]]]:
    """What of each hierarchy is mounted, where, and its controllers; ``cgroup2`` for version 2."""
    for line in mounts.splitlines():
        first, _, last = (words.split() for words in line.partition(" - "))
        if len(first) >= 5 and len(last) >= 3 and last[0] in {"cgroup", _UNIFIED}:
            kinds = [_UNIFIED] if last[0] == _UNIFIED else last[2].split(",")
            yield _plain(first[3]), _plain(first[4]), kinds


def _plain(path: str) -> str:
    """A path in which the kernel has written blanks as a backslash and three octal digits."""
    return _OCTAL.sub(lambda digits: chr(int(digits[1], 8)), path)


def _within(path: str, root: str) -> PurePosixPath:
    """The place of the group below what is mounted; what is mounted itself where the group is not below it."""
    place = PurePosixPath(path)
    below = place.relative_to(root) if place.is_relative_to(root) else PurePosixPath()
    return PurePosixPath() if ".." in below.parts else below


def table_of(text: str) -> dict[str, int]:
    """Names and numbers, one pair in a line; lines of another form are left out."""
    pairs = [line.split() for line in text.splitlines()]
    numbers = {pair[0]: number_of(pair[1]) for pair in pairs if len(pair) == 2}
    return {name: number for name, number in numbers.items() if number is not None}


def number_of(text: str) -> int | None:
    """A whole number; None where it is none, such as ``max``, or larger than any that the kernel writes."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else None
