"""How far what is measured on a picture is followed: by the time since the last frame, whatever the frame rate."""

import math
from typing import Final, NamedTuple

from livecam.core.frame import NS_PER_S
from livecam.vision.calm import paced_one
from livecam.vision.smooth import looseness

FRAMES_PER_S: Final = 30.0
"""Shares of a difference are named for one frame of so many in a second."""

LONGEST_GAP_S: Final = 0.3
"""After a longer time without a face everything begins anew."""

# Stamps are in whole ns or us, of which no number makes a thirtieth of a second: nearer than this they are one.
_DIGITS: Final = 4


class Step(NamedTuple):
    """The time from one frame to the next, or from one look to the next.

    Attributes:
        frames: In thirtieths of a second; 0 where no time went by, infinity where everything begins anew.
        loosen: The factor that a steadiness stands for, see `looseness`: infinity for no smoothing at all.
    """

    frames: float = 1.0
    loosen: float = 1.0

    def parts(self) -> "list[Step]":
        """This step in equal parts of about a thirtieth of a second.

        What is followed by a share of its own size needs them: in one long step it would all be taken by the first.
        """
        count = max(1, round(self.frames)) if math.isfinite(self.frames) else 1
        return [Step(self.frames / count, self.loosen)] * count

    def loosened(self, share: float) -> float:
        """`share`, more than 0, as the steadiness wants it: at most 1."""
        return min(share * self.loosen, 1.0)

    def share(self, share: float, every: float = 1.0) -> float:
        """What is followed of a difference in this step, where `share` of it, 0..1, is in `every` thirtieths.

        A share of 1 is that of a jump, which is followed at once, however short the step.
        """
        if share >= 1.0 or self.frames == every:
            return share
        return paced_one(share, every, self.frames, 1.0)


STEP: Final = Step()
"""Of one frame where nobody knows the time: of stills, and in tests."""


class StepClock:
    """Tells the steps of one followed face. One thread."""

    def __init__(self) -> None:
        self._last_ns: int | None = None

    def __call__(self, captured_ns: int | None, steadiness: float) -> Step:
        """The step to a frame captured then; one of a thirtieth of a second to the first, and where there is no time.

        A clock that stands still, or goes back, is that of a frame that came twice. It is believed from there on.

        Args:
            captured_ns: Monotonic time; None where nobody knows.
            steadiness: 0..1.
        """
        last_ns, self._last_ns = self._last_ns, captured_ns
        frames = 1.0
        if captured_ns is not None and last_ns is not None:
            frames = _frames((captured_ns - last_ns) / NS_PER_S)
        return Step(frames, looseness(steadiness))


class Looks:
    """Tells the steps from look to look, where something is measured in every so many frames. One thread.

    The first look has as long a step as any other.

    Args:
        every: Thirtieths of a second from look to look, for which its shares were found.
    """

    def __init__(self, every: int) -> None:
        self._every = every
        self.begin()

    def begin(self) -> None:
        """The next look is the first one."""
        self._since: float | None = None

    def wait(self, step: Step) -> None:
        """Go on to the next frame, whether that is looked at or not."""
        if self._since is not None:
            self._since += step.frames

    def taken(self, loosen: float = 1.0) -> Step:
        """The step to the look that is taken now; `loosen` as in `Step`."""
        frames, self._since = self._since, 0.0
        return Step(self._every if frames is None else frames, loosen)


def _frames(step_s: float) -> float:
    """`Step.frames` of so many seconds."""
    return math.inf if step_s > LONGEST_GAP_S else round(max(step_s, 0.0) * FRAMES_PER_S, _DIGITS)
