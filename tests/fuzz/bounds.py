"""What hostile input may cost, and how long it is looked for."""

import faulthandler
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Final, TypeVar

import psutil
from hypothesis import HealthCheck, settings

from livecam.errors import LivecamError

SECONDS: Final = float(os.environ.get("FUZZ_SECONDS", "0"))
"""For each target; 0 looks at a few inputs only, as part of the normal suite."""

LONGEST_S: Final = 2.0
"""That one input may take, on a machine that does nothing else."""

MOST_BYTES: Final = 500_000_000
"""By which one input may make the process grow."""

SLOW: Final = 40.0
"""How many times slower a machine may be that does other things too."""

T = TypeVar("T")


def some(examples: int) -> settings:
    """Settings for so many examples; where there is time, for as many as fit into it."""
    return settings(
        max_examples=examples if not SECONDS else 1_000_000,
        deadline=None,
        derandomize=not SECONDS,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@contextmanager
def bounded(longest_s: float = LONGEST_S) -> Iterator[None]:
    """Nothing within takes too long or too much memory; what hangs shows where, and ends with the test's own limit."""
    before, began = _peak(), time.monotonic()
    faulthandler.dump_traceback_later(longest_s * SLOW, file=2)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
    assert time.monotonic() - began < longest_s * SLOW, "It takes too long."
    assert _peak() - before < MOST_BYTES, "It takes too much memory."


def _peak() -> int:
    """The most memory that this process ever had, bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def outcome(work: Callable[[], T]) -> T | LivecamError:
    """What `work` gives, or the sentence that it ends with; every other exception is a finding."""
    try:
        return work()
    except LivecamError as error:
        assert_sentence(error)
        return error


def assert_sentence(error: LivecamError) -> None:
    """`error` can be shown to a user wherever messages are shown."""
    said = str(error)
    assert said.strip(), "An error says something."
    assert "Traceback" not in said
    said.encode("utf-8")


def files_below(folder: Path) -> frozenset[str]:
    """Names of all that lies in `folder`, links too."""
    return frozenset(str(path.relative_to(folder)) for path in folder.rglob("*"))


def children() -> int:
    """Processes that this one has started and that still run."""
    return len(psutil.Process().children(recursive=True))


def mutated(seed: bytes, random: Random) -> bytes:
    """`seed` with a few faults, as files have them: bits, numbers, pieces gone, doubled or exchanged."""
    data = bytearray(seed)
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        if not data:
            return bytes(data)
        _FAULTS[random.randrange(len(_FAULTS))](data, random)
    return bytes(data)


def _bit(data: bytearray, random: Random) -> None:
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _number(data: bytearray, random: Random) -> None:
    width = random.choice((1, 2, 4, 8))
    value = random.choice((0, 1, -1, 1 << (8 * width - 1), (1 << (8 * width - 1)) - 1, random.getrandbits(8 * width)))
    at = random.randrange(len(data))
    order = random.choice(("little", "big"))
    data[at : at + width] = (value % (1 << 8 * width)).to_bytes(width, "little" if order == "little" else "big")


def _cut(data: bytearray, random: Random) -> None:
    at = random.randrange(len(data))
    del data[at : at + random.choice((1, 2, 16, 1 << 20))]


def _double(data: bytearray, random: Random) -> None:
    at = random.randrange(len(data))
    piece = bytes(data[at : at + random.choice((1, 4, 64, 1024))])
    data[at:at] = piece * random.choice((1, 2, 50))


def _exchange(data: bytearray, random: Random) -> None:
    one, other, length = random.randrange(len(data)), random.randrange(len(data)), random.choice((1, 4, 16))
    data[one : one + length] = data[other : other + length]


_FAULTS: Final = (_bit, _bit, _number, _number, _cut, _double, _exchange)
