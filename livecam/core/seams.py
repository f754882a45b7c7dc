"""The seams: every protocol a part of livecam may know another part by. Start reading here.

Each protocol states what its implementers guarantee; tests/contracts/ holds one suite per seam, run over the
registries, so that a new driver is tested the day it is registered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from livecam.core.cleared import Cleared, How, Withheld
from livecam.core.face import Box, Detection, Face
from livecam.core.frame import Frame, Image, Matrix, Picture, Size
from livecam.core.ladder import Adaptable
from livecam.core.persona import Persona
from livecam.core.settings import Command, Reply, Settings

T = TypeVar("T")


class Clock(Protocol):
    """Monotonic time. Deadlines are absolute, so that errors never add up."""

    def now_ns(self) -> int:
        """Monotonic nanoseconds."""
        ...

    def sleep_until(self, deadline_ns: int) -> None:
        """Return at `deadline_ns`, or at once when it has passed."""


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source really delivers, read back after opening.

    Attributes:
        name: For the status line, such as ``camera:/dev/video0 (HD Webcam)``.
        size: Of every image, until the source is opened again.
        fps: Nominal; 0 when the source has none.
        live: True for cameras and network streams; a dropped frame is gone.
        detail: Format, backend and whatever else helps a user, for the log.
    """

    name: str
    size: Size
    fps: float
    live: bool
    detail: str = ""


class Source(Protocol):
    """Where frames come from. Used by one thread. `open` after `close` works, and may find another size."""

    def open(self) -> SourceInfo:
        """Open, or open again.

        Raises:
            SourceLost: Not there now, may come back.
            SourceGone: Can never be opened as configured.
        """
        ...

    def read_into(self, image: Image) -> int:
        """Fill all of `image`, (H, W, 3) u8 BGR of the opened size, and return its capture time in monotonic ns.

        Blocks no longer than the source's timeout (1 s unless configured).

        Raises:
            SourceLost: No frame came; open again.
            SourceGone: The source has ended for good.
        """
        ...

    def close(self) -> None:
        """Free the device. Idempotent; never raises."""
        ...


class Canvas(Protocol[T]):
    """A frame while it is being worked on. `T` is an array on the canvas's device.

    Nothing leaves the device between `load` and `store` but small results. Matrices map frame px to crop px.
    """

    def load(self, frame: Frame) -> None:
        """Take the frame's image as the working image. On the CPU this copies nothing and works in its slot."""
        ...

    @property
    def pixels(self) -> T:
        """The working image, (H, W, 3) u8 BGR, on this canvas's device. Borrowed until the next `load`."""
        ...

    def crop(self, matrix: Matrix, size: Size, out: T) -> T:
        """Warp the working image by `matrix` into `out`, (h, w, 3) u8 of `size`; edges repeat. Returns `out`."""
        ...

    def paint(self, crop: T, mask: T, matrix: Matrix) -> None:
        """Put `crop` back where `crop()` with `matrix` took it from, where `mask` (h, w) u8 says; ROI only."""
        ...

    def patch(self, image: T, alpha: T, left: int, top: int) -> None:
        """Blend `image` (h, w, 3) u8 over the working image at (left, top) by `alpha` (h, w) u8; cut at the edges."""
        ...

    def blur(self, box: Box) -> None:
        """Make what is inside `box` (px) unrecognisable."""
        ...

    def mark(self) -> None:
        """Have the next `store` lay the run's invisible mark, where this canvas was given one."""

    def store(self, out: Picture) -> None:
        """Write the whole working image into `out` as I420."""
        ...


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Shape and dtype of a network's input or output; -1 stands for a free dimension."""

    shape: tuple[int, ...]
    dtype: str


Tensor = npt.NDArray[np.generic]


class Engine(Protocol):
    """A loaded network on one backend. Used by one thread."""

    @property
    def inputs(self) -> Mapping[str, TensorSpec]:
        """By name, in the graph's order."""
        ...

    @property
    def outputs(self) -> Mapping[str, TensorSpec]:
        """By name, in the graph's order."""
        ...

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Run once. Outputs are views valid until the next `run`.

        Raises:
            EngineError: The backend failed.
        """
        ...

    def close(self) -> None:
        """Free the backend. Idempotent."""
        ...


class Detector(Protocol):
    """Finds faces. Stateless."""

    def __call__(self, image: Image, threshold: float) -> list[Detection]:
        """Faces in `image` (H, W, 3) u8 BGR with a score of at least `threshold`, best first."""
        ...


class Follower(Protocol):
    """Follows faces from frame to frame. Has state; one thread; resets itself on jumps."""

    def __call__(self, image: Image, captured_ns: int, steadiness: float) -> tuple[Face, ...]:
        """The faces followed into `image`, (H, W, 3) u8 BGR, longest and largest first; empty when there is none.

        `captured_ns` gives the real time step; `steadiness` 0..1 how much is smoothed.
        """
        ...

    def reset(self) -> None:
        """Forget everything: the source was opened again."""


class Watch(Protocol):
    """Looks over every frame for anything face-like, at a lower score than swapping uses.

    It works beside the swap, on a small copy that it takes itself, so that it costs the frame no time.
    """

    def begin(self, image: Image) -> None:
        """Start looking at `image`, (H, W, 3) u8 BGR, which must not be painted on before `copied` has returned."""
        ...

    def copied(self) -> None:
        """Wait until the image given to `begin` may be painted on; usually it may by then.

        Raises:
            EngineError: The look has not even begun in time; the frame must be withheld.
        """
        ...

    def finish(self, known: Sequence[Box]) -> tuple[Box, ...]:
        """Boxes, px, of everything face-like in the image given to `begin` that is none of the faces in `known`.

        What was seen a moment ago and is not seen now still counts, so that one missed detection uncovers nobody.

        Raises:
            EngineError: The look failed; the frame must be withheld.
        """
        ...

    def confirms(self, face: Box) -> bool:
        """Whether the search agrees that there is a face in `face`, px, in the frame last finished or shortly before.

        A landmarker that follows its own last region sees faces in walls; only who is confirmed is worth swapping.
        """
        ...

    def reset(self) -> None:
        """Forget what was seen: the source was opened again."""
        ...

    def close(self) -> None:
        """End its thread. Idempotent."""
        ...


class Swapper(Protocol[T]):
    """Replaces one face on the canvas by a persona's: the mesh engine, or a chain of crop stages."""

    def __call__(self, canvas: Canvas[T], face: Face, persona: Persona, settings: Settings) -> None:
        """Paint `persona` over `face`.

        Raises:
            ContractError: The result is not fit to be shown; the frame must be withheld.
            EngineError: A network failed; the frame must be withheld.
        """
        ...

    def reset(self) -> None:
        """Forget what was learnt from earlier frames (colour, proportions)."""
        ...


class Processor(Adaptable, Protocol):
    """What happens to a frame between the rings. The tier is the whole one at first, and outlives `reset`."""

    def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
        """Make `frame` harmless and write it into `out`.

        Returns:
            How it was made harmless, with `out` written whole; or why it must not be published, with `out` undefined.
        """
        ...

    def reset(self) -> None:
        """The source was opened again: forget tracks and colours."""
        ...

    def stages(self) -> Mapping[str, int]:
        """Duration of each stage of the last `process`, in ns."""
        ...


class Sink(Protocol):
    """Where cleared pictures go. Used by one thread; raises, never prints."""

    @property
    def name(self) -> str:
        """For the status line, such as ``record:call.mp4``."""
        ...

    def open(self, size: Size, fps: float) -> None:
        """Open, or open again, for pictures of `size`.

        Raises:
            SinkLost: Not there now, may come back.
            SinkGone: Can never be opened as configured.
        """
        ...

    def send(self, cleared: Cleared) -> None:
        """Show one picture. Never waits for a slow reader; must not keep `cleared.picture` after returning.

        Raises:
            SinkLost: Nobody gets pictures any more; open again.
        """
        ...

    def close(self) -> None:
        """Finish and free. Idempotent; never raises."""
        ...


class ControlPort(Protocol):
    """Where commands go. Any thread."""

    def submit(self, command: Command) -> Reply:
        """Apply and say what now holds.

        Raises:
            ValueError: A value is out of range; nothing changed.
        """
        ...
