"""``python -m tests.faults.daemon run ...``: the livecam command, with drivers that fail as standard input says."""

import sys
from collections.abc import Callable
from typing import Final, cast

from tests.faults import board, clocks

_DOUBLES: Final = {
    "SOURCES": {"camera": "tests.faults.camera:make"},
    "SINKS": {"inspect": "tests.faults.sinks:make", "brittle": "tests.faults.sinks:make_brittle"},
}


def install() -> None:
    """Put the doubles in their places; what is heavy only when it is needed, as livecam itself does."""
    from livecam.app import assemble, registry
    from tests.faults import disks

    for name, drivers in _DOUBLES.items():
        cast(dict[str, str], vars(registry)[name]).update(drivers)
    disks.install()
    vars(assemble)["networks_of"] = _failing(assemble.networks_of)


def _failing(networks_of: Callable[..., object]) -> Callable[..., object]:
    begun = False

    def with_faults(*given: object, **named: object) -> object:
        nonlocal begun
        if not begun:
            begun = True
            from tests.faults import networks

            networks.install()
        return networks_of(*given, **named)

    return with_faults


def main() -> None:
    """Run until the command ends."""
    # First of all, since some take their clocks with them when they are imported.
    clocks.install()
    install()
    board.listen()
    from livecam.cli import main as livecam

    sys.argv[0] = "livecam"
    livecam()


if __name__ == "__main__":
    main()
