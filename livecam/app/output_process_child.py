"""The output process: the output loop, the gate and the sinks, for whichever main process is attached.

When the main process dies or falls silent, the slate goes out from the next tick on, until another main process takes
over or the time for being alone is over. ``python -m livecam.app.output_process_child`` is started by
`livecam.app.output_process`, never by hand.
"""

import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Final

from livecam.app.arenas import limit_arenas
from livecam.app.output_process_attendant import Attendant
from livecam.app.output_process_served import Recordings, Server
from livecam.app.output_process_wire import READY, Plan, listen, read_plan
from livecam.app.registry import make_sink
from livecam.core.clock import MonotonicClock
from livecam.core.spec import SinkWish, parse_spec
from livecam.errors import LivecamError
from livecam.output.tee import Tee
from livecam.runtime.log_writer import Lines, LogWriter, appended, flush_log
from livecam.runtime.supervisor import SWITCH_INTERVAL_S

_END_S: Final = 2.5
_FORMAT: Final = "%(asctime)s %(levelname)s output process %(threadName)s %(name)s: %(message)s"


def main() -> int:
    """Run until told to end or alone for too long; the exit code."""
    limit_arenas()
    try:
        plan = read_plan()
        _start_log(plan)
        clock = MonotonicClock()
        recordings = Recordings()
        wish = SinkWish(plan.token, recordings.add)
        tee = Tee(tuple(make_sink(parse_spec(sink), wish) for sink in plan.sinks), clock)
        listener = listen(plan.address)
    except (LivecamError, OSError) as error:
        _say(str(error))
        return 1
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    server = Server(tee, clock, plan.size, plan.fps, recordings)
    attendant = Attendant(listener, server, clock)
    _listen_to_signals(attendant)
    _say(READY)
    try:
        attendant.run()
    finally:
        # Nobody finds it any more: a main process that starts now starts an output process of its own.
        Path(plan.address).unlink(missing_ok=True)
        ended = server.stop(_END_S)
        attendant.tell()
        attendant.close()
    return _leave(ended)


def _leave(ended: bool) -> int:
    if not ended:
        # A driver that hangs would keep the process, and the device, for ever.
        flush_log()
        os._exit(1)
    return 0


def _start_log(plan: Plan) -> None:
    """To the log file where there is one; the terminal belongs to the main process and may be gone tomorrow."""
    handler = LogWriter(Lines(appended(Path(plan.log_file)), _FORMAT)) if plan.log_file else logging.NullHandler()
    level = logging.getLevelNamesMapping()[plan.log_level.upper()]
    logging.basicConfig(level=level, handlers=[handler], format=_FORMAT, force=True)


def _listen_to_signals(attendant: Attendant) -> None:
    def end(_number: int, _frame: FrameType | None) -> None:
        attendant.ending = True

    signal.signal(signal.SIGTERM, end)
    # Ctrl-C and a closed terminal are for the main process, which tells this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _say(line: str) -> None:
    """Tell the main process, which reads one line, and leave the pipe."""
    os.write(sys.stdout.fileno(), line.encode() + b"\n")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)


if __name__ == "__main__":
    sys.exit(main())
