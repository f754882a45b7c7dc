"""Two sinks: one that shows the judge every picture, and one that fails on command. Either hangs when told to."""

from pathlib import Path

from livecam.core.cleared import Cleared
from livecam.core.frame import Size
from livecam.core.seams import Sink
from livecam.core.spec import SinkWish, Spec
from livecam.errors import SinkLost
from tests.faults.board import BOARD, pause
from tests.faults.clocks import TRUE_NS
from tests.faults.tape import Tape


def make(spec: Spec, wish: SinkWish) -> Sink:
    """Build ``inspect:PATH``."""
    return InspectingSink(Path(spec.target))


def make_brittle(spec: Spec, wish: SinkWish) -> Sink:
    """Build ``brittle``."""
    return BrittleSink()


class InspectingSink:
    """The virtual camera of these tests: it copies each picture to a tape, which costs it 0.05 ms.

    Args:
        path: Of the tape.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tape: Tape | None = None
        self._opened_ns = 0

    @property
    def name(self) -> str:
        """For the status line."""
        return "inspect"

    def open(self, size: Size, fps: float) -> None:
        """See `Sink`."""
        self._tape = Tape(self._path, size)
        self._opened_ns = TRUE_NS()

    def send(self, cleared: Cleared) -> None:
        """See `Sink`."""
        if BOARD.word("camera-out") == "hang":
            BOARD.hang("camera-out")
        assert self._tape is not None, "it is open"
        self._tape.write(cleared.picture, self._opened_ns, str(cleared.how))

    def close(self) -> None:
        """See `Sink`."""
        self._tape = None


class BrittleSink:
    """Takes pictures and shows them to nobody."""

    name = "brittle"

    def open(self, size: Size, fps: float) -> None:
        """See `Sink`."""
        if BOARD.word("sink") == "gone":
            raise SinkLost("The brittle sink is not there.")

    def send(self, cleared: Cleared) -> None:
        """See `Sink`."""
        match BOARD.word("sink"):
            case "gone":
                raise SinkLost("The brittle sink is not there.")
            case "broken":
                raise OSError(5, "Input/output error")
            case "slow":
                pause(0.03)
            case "hang":
                BOARD.hang("sink")

    def close(self) -> None:
        """See `Sink`."""
