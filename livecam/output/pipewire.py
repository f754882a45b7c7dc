"""A camera for Linux desktops without kernel module or root: a PipeWire node, fed by GStreamer in a child process.

Browsers find it through the desktop's camera portal, GStreamer programs by ``pipewiresrc``. GStreamer runs in a child
because its PipeWire element has crashed in the field; a child that dies is started again by whoever opens sinks again.
"""

import logging
import os
import re
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Final

from livecam.core.cleared import Cleared
from livecam.core.clock import MonotonicClock
from livecam.core.frame import Size
from livecam.core.seams import Clock
from livecam.core.spec import SinkWish, Spec
from livecam.errors import ConfigError, SinkGone, SinkLost
from livecam.output.checks import demand_even, fitting
from livecam.output.outputs import LABEL
from livecam.output.pipewire_feeder import Feeder
from livecam.output.pipewire_links import COMMAND, LinkCounter
from livecam.output.pipewire_setup import distribution, lifeline, probe, remote_path

_LOG = logging.getLogger("livecam.output")
_LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")
_LARGEST_DENOMINATOR: Final = 1001

Launch = Callable[[str, Size, float], Sequence[str]]
"""Label, size and rate to the child's command; raises `SinkLost` or `SinkGone` when there can be none."""


def make(spec: Spec, wish: SinkWish) -> "PipeWireSink":
    """Build ``pipewire`` or ``pipewire:LABEL``, the label being what applications show.

    Raises:
        ConfigError: The label has other characters than letters, digits, blanks and ``._-``, or there is a parameter.
    """
    spec.known()
    if spec.target and not _LABEL.fullmatch(spec.target):
        told = f"{spec.target!r} in {spec.text!r} cannot be a camera's label."
        raise ConfigError(told, "Use at most 64 letters, digits, blanks, dots, dashes and underscores.")
    return PipeWireSink(spec.target or LABEL)


class PipeWireSink:
    """Offers pictures as a PipeWire camera.

    `send` copies the picture and returns; a thread hands it to the child, the newest picture winning. What the child
    was too slow for is counted in `dropped`.

    Args:
        label: What applications call the camera.
        launch: Says how to start the child.
        clock: Where time comes from.
        links: The command that tells of links.
    """

    def __init__(
        self,
        label: str = LABEL,
        launch: Launch | None = None,
        clock: Clock | None = None,
        links: Sequence[str] = COMMAND,
    ) -> None:
        self._links_command = links
        self._links: LinkCounter | None = None
        self._label = label
        self._launch = launch or command
        self._clock = clock or MonotonicClock()
        self._feeder: Feeder | None = None
        self._size: Size | None = None
        self._dropped = 0

    @property
    def name(self) -> str:
        """Such as ``pipewire:livecam``."""
        return f"pipewire:{self._label}"

    @property
    def readers(self) -> int | None:
        """Programs that are linked to the camera. They are counted from the first time this is asked on."""
        if self._feeder is None:
            return 0
        if self._links is None:
            self._links = LinkCounter(_node_name(self._label), _environment(), self._links_command)
            self._links.start()
        return self._links.count

    @property
    def dropped(self) -> int:
        """How many pictures the child was too slow for, over all openings."""
        return self._dropped + (self._feeder.dropped if self._feeder else 0)

    @property
    def pid(self) -> int | None:
        """Of the child; None while closed."""
        return self._feeder.pid if self._feeder else None

    def open(self, size: Size, fps: float) -> None:
        """Start the child, which makes the camera appear.

        Raises:
            SinkGone: The size is odd, this is not Linux, or GStreamer or its PipeWire plugin is not installed.
            SinkLost: No PipeWire session runs here now.
        """
        demand_even(size, self.name)
        self.close()
        line = self._launch(self._label, size, fps)
        remote = remote_path(os.environ)
        session = lifeline(remote) if remote else None
        try:
            self._feeder = Feeder(line, _environment(), size, session, self._clock)
        except OSError as error:
            if session is not None:
                session.close()
            raise SinkLost(f"{self.name} cannot start {line[0]}: {error.strerror}.") from error
        self._size = size

    def send(self, cleared: Cleared) -> None:
        """Show one picture.

        Raises:
            SinkLost: The session has ended, or the child has ended or hangs; its last words are told.
        """
        picture = fitting(cleared, self._size, self.name)
        if self._feeder is None:
            return
        if self._feeder.problem:
            # Its own last words end as they please.
            raise SinkLost(
                f"{self.name}: its GStreamer child {self._feeder.problem.rstrip('.')}.", "It is opened again."
            )
        self._feeder.offer(picture)

    def close(self) -> None:
        """Show the last picture, then take the camera away. Takes at most 1.7 s, and 20 ms as a rule."""
        feeder, self._feeder, self._size = self._feeder, None, None
        links, self._links = self._links, None
        if links is not None:
            links.end()
        if feeder is None:
            return
        if not feeder.end():
            _LOG.warning("%s: its GStreamer child did not end and was killed.", self.name)
        self._dropped += feeder.dropped


def command(label: str, size: Size, fps: float) -> list[str]:
    """The child's command on this machine.

    ``identity drop-allocation`` keeps upstream out of pipewiresink's buffer pool, which otherwise crashes or spins
    (0.3.65). Colours are BT.601, which is what browsers take an untagged camera for.

    Raises:
        SinkGone: This is not Linux, or GStreamer is not installed with what is needed.
        SinkLost: No PipeWire session runs here now.
    """
    if sys.platform != "linux":
        raise SinkGone("PipeWire cameras exist on Linux only.", "Use the sink virtualcam.")
    found = probe()
    refusal = found.refusal(distribution())
    if refusal is not None:
        raise refusal
    return pipeline(found.launcher, label, size, fps)


def pipeline(launcher: str, label: str, size: Size, fps: float) -> list[str]:
    """GStreamer's launcher at `launcher` with everything that makes a camera of I420 pictures on standard input."""
    rate = Fraction(fps).limit_denominator(_LARGEST_DENOMINATOR)
    short = _node_name(label)
    # The launcher joins its arguments and reads the line again, hence quotes inside quotes.
    shown = f'\\"{label}\\"'
    about = f"media.class=Video/Source,media.role=Camera,node.name={short},node.description={shown},node.nick={shown}"
    parse = f"rawvideoparse format=i420 width={size.width} height={size.height} colorimetry=bt601"
    line = f"-q fdsrc fd=0 blocksize={size.width * size.height * 3 // 2} ! {parse}"
    line += f" framerate={rate.numerator}/{rate.denominator} ! identity drop-allocation=true"
    line += f" ! pipewiresink mode=provide sync=false client-name={short}"
    return [launcher, *line.split(), f'stream-properties="props,{about}"']


def _node_name(label: str) -> str:
    return label.replace(" ", "-")


def _environment() -> dict[str, str]:
    """This process's own, with messages in English and without colours, since they are shown in sentences."""
    return {**os.environ, "LC_ALL": "C", "GST_DEBUG_NO_COLOR": "1"}
