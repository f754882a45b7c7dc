"""``python -m tests.fuzz NAME [SECONDS]``: feed one target for long, with damaged copies of sound inputs.

Where atheris is installed (``pip install atheris``; it is no dependency), it guides itself by the lines of livecam that
it reaches, and flags of libFuzzer may follow the name instead. Else the inputs are damaged blindly. What it finds is
written to a file, which becomes a test.
"""

import sys
import tempfile
import time
import traceback
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.fuzz.targets import Target

_USUAL_S: Final = "60"
_WATCHED: Final = ["livecam", "zipfile", "tomllib", "json"]
"""Packages in which atheris looks at what is reached; what is imported before it looks is not seen."""


def feed(target: "Target", data: bytes) -> None:
    """Feed one input; every error but a sentence is let through."""
    from livecam.errors import LivecamError

    try:
        target.feed(data)
    except LivecamError as error:
        str(error).encode()


def targets() -> "dict[str, Target]":
    """By name; imported when atheris looks."""
    found: dict[str, Target] = import_module("tests.fuzz.targets").TARGETS
    return found


def blindly(name: str, seconds: float) -> int:
    """Feed damaged inputs for so long; how many findings there were."""
    from tests.fuzz.bounds import LONGEST_S, mutated

    target, random, found = targets()[name], Random(time.time_ns()), set[str]()
    seeds, deadline, count = target.seeds(), time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        data = mutated(random.choice(seeds), random)
        began, count = time.monotonic(), count + 1
        try:
            feed(target, data)
            told = "It took too long." if time.monotonic() - began > LONGEST_S else ""
        except Exception:  # noqa: BLE001 - to be told of it is what this is for
            told = traceback.format_exc()
        place = "\n".join(told.strip().splitlines()[-4:-1]) or told
        if told and place not in found:
            found.add(place)
            sys.stdout.write(f"{_kept(name, data)}:\n{told}\n")
    sys.stdout.write(f"{name}: {count} inputs, {len(found)} findings\n")
    return len(found)


def _kept(name: str, data: bytes) -> Path:
    path = Path(tempfile.mkdtemp(prefix=f"livecam-{name}-")) / "input"
    path.write_bytes(data)
    return path


def guided(name: str, flags: list[str]) -> None:
    """Let atheris feed it; it ends the process itself."""
    atheris = import_module("atheris")
    corpus = Path(tempfile.mkdtemp(prefix=f"livecam-{name}-"))
    with atheris.instrument_imports(include=_WATCHED):
        target = targets()[name]
        for number, seed in enumerate(target.seeds()):
            (corpus / str(number)).write_bytes(seed)
            # What it needs is imported now, where it is looked at.
            feed(target, seed)
    atheris.Setup([sys.argv[0], *flags, f"-artifact_prefix={corpus}-", str(corpus)], lambda data: feed(target, data))
    atheris.Fuzz()


def main() -> int:
    """See the module."""
    name, more = (sys.argv[1:2] or [""])[0], sys.argv[2:] or [_USUAL_S]
    if find_spec("atheris") is not None and name:
        guided(name, [f"-max_total_time={flag}" if flag.isdecimal() else flag for flag in more])
        return 0
    if name not in targets():
        sys.stdout.write(f"Name one of: {', '.join(targets())}\n")
        return 2
    return 1 if blindly(name, float(more[0])) else 0


if __name__ == "__main__":
    sys.exit(main())
