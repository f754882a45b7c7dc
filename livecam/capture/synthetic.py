"""A camera that needs no camera: drawn nobodies who look about, talk and blink: ``synthetic?faces=1&stamp=0``."""

from dataclasses import dataclass

import cv2
import numpy as np

from livecam.capture.bgr import require_image
from livecam.core.clock import Metronome
from livecam.core.frame import NS_PER_S, Image, Points, Size
from livecam.core.seams import Clock, Source, SourceInfo
from livecam.core.spec import SourceWish, Spec
from livecam.core.stamp import stamp
from livecam.errors import ConfigError, SourceEnded, SourceLost
from livecam.vision.portrait.body import backdrop
from livecam.vision.portrait.motion import Motion, Pose
from livecam.vision.portrait.puppet import Puppet, Stage
from livecam.vision.portrait.recipe import WEARER
from livecam.vision.portrait.render import develop, rounded
from livecam.vision.portrait.view import View

_VIEW_HEIGHT_CM = 42.0
"""How much of the person the frame's height shows."""
_EYE_LINE = 0.47
"""Height of the face's origin in the frame, from the top."""
_PLATES = 3
_NOISE_LEVELS = 1.4
# How much earlier than lately needed a frame is begun.
_SPARE = 1.25
"""Standard deviation of the sensor noise, 8-bit levels."""


def make(spec: Spec, wish: SourceWish, clock: Clock) -> Source:
    """A source for ``synthetic``; its parameters are the fields of `SyntheticOptions`.

    Raises:
        ConfigError: There is a target, an unknown parameter, or a value out of range.
    """
    spec.known("faces", "seed", "seconds", "stamp", "noise", "pace")
    faces, seconds = spec.number("faces", 1), spec.number("seconds", 0)
    if spec.target or faces not in (0, 1, 2) or not seconds >= 0:
        raise ConfigError(
            f"{spec.text!r} is no synthetic source.",
            "Write synthetic, or synthetic?faces=2&seconds=10 (faces 0, 1 or 2; seconds 0 is for ever).",
        )
    options = SyntheticOptions(
        seed=int(spec.number("seed", 1)),
        seconds=seconds,
        faces=int(faces),
        stamp=spec.flag("stamp", False),
        noise=spec.flag("noise", True),
        pace=spec.flag("pace", True),
    )
    return SyntheticSource(wish.size, wish.fps, clock, options)


@dataclass(frozen=True, slots=True)
class SyntheticOptions:
    """What the synthetic source shows.

    Attributes:
        seed: Which movement and noise; equal seeds give equal frames.
        seconds: The source ends after so many seconds of frames; 0 is never.
        faces: 0 for an empty room, 1, or 2 people side by side.
        stamp: Write a machine-readable frame number into the corner (`livecam.core.stamp`).
        noise: Add faint sensor noise.
        pace: Deliver on an absolute grid; otherwise as fast as frames are drawn.
    """

    seed: int = 1
    seconds: float = 0.0
    faces: int = 1
    stamp: bool = False
    noise: bool = True
    pace: bool = True


@dataclass(frozen=True, slots=True)
class Truth:
    """What one face of a synthetic frame really is.

    Attributes:
        landmarks: (468, 2) f32 px, MediaPipe's numbering.
        pose: The head's pose and expression, as drawn.
        left_to_right: 0 for the person furthest to the left.
    """

    landmarks: Points
    pose: Pose
    left_to_right: int


class SyntheticSource:
    """Draws people at a desk in front of a room. Needs no file, camera or network.

    Frame number n shows the moment n / fps, so that equal options give equal frames, whatever was skipped.

    Args:
        size: Of the frames; even sides, wide enough for the number of faces.
        fps: Frames a second.
        clock: Paces and stamps.
        options: What is shown.
    """

    def __init__(self, size: Size, fps: float, clock: Clock, options: SyntheticOptions | None = None) -> None:
        self._size = size
        self._fps = fps
        self._clock = clock
        self._options = SyntheticOptions() if options is None else options
        self._stages = _stages(size, self._options.faces)
        self._motions = [Motion(self._options.seed * 101 + i) for i in range(self._options.faces)]
        self._puppets: list[Puppet] = []
        self._plates: list[Image] = []
        self._grain: Image | None = None
        self._metronome: Metronome | None = None
        self._opened = False
        self._next = 0
        self._draw_ns = 0

    @property
    def dropped(self) -> int:
        """Grid points at which nobody asked, since `open`."""
        return self._metronome.missed if self._metronome is not None else 0

    def open(self) -> SourceInfo:
        """Draw what stands still and start again at frame 0."""
        if not self._plates:
            self._puppets = [Puppet(stage) for stage in self._stages]
            self._plates, self._grain = self._still()
        self._next, self._opened = 0, True
        self._metronome = Metronome(self._clock, round(NS_PER_S / self._fps)) if self._options.pace else None
        detail = f"drawn, {self._options.faces} face(s), seed {self._options.seed}"
        return SourceInfo("synthetic", self._size, self._fps, live=self._options.pace, detail=detail)

    def read_into(self, image: Image) -> int:
        """Draw the next frame into `image`, (H, W, 3) u8 BGR, and return its grid point, or now, in monotonic ns.

        Late callers are given the frame that is due now: missed grid points are skipped, as a camera skips them.

        Raises:
            SourceEnded: `seconds` have been shown.
            SourceLost: It is not open.
        """
        require_image(image, self._size)
        if not self._opened:
            raise SourceLost("The synthetic source is not open.")
        number, captured_ns = self._drawn_in_time(image)
        if self._options.stamp:
            stamp(image, number, captured_ns)
        return captured_ns

    def _drawn_in_time(self, image: Image) -> tuple[int, int]:
        """Draw the frame that is due into `image`; its number, and when it was captured, in monotonic ns.

        It is drawn just before its grid point, as a camera has exposed a frame by the time it delivers it; only a
        frame that is late already is drawn after.
        """
        if self._metronome is None:
            number = self._take(0)
            captured_ns = self._clock.now_ns()
            self._draw_timed(number, image)
            return number, captured_ns
        missed = self.dropped
        if self._metronome.next_ns > self._clock.now_ns():
            number = self._take(0)
            self._clock.sleep_until(self._metronome.next_ns - self._draw_ns)
            self._draw_timed(number, image)
            due_ns = self._metronome.tick()
            self._next += self.dropped - missed
            return number, due_ns
        due_ns = self._metronome.tick()
        number = self._take(self.dropped - missed)
        self._draw_timed(number, image)
        return number, due_ns

    def _take(self, skipped: int) -> int:
        """The number of the frame that is due.

        Raises:
            SourceEnded: `seconds` have been shown.
        """
        number = self._next + skipped
        if self._options.seconds and number >= self._options.seconds * self._fps:
            raise SourceEnded(f"The synthetic source has shown its {self._options.seconds:g} seconds.")
        self._next = number + 1
        return number

    def _draw_timed(self, number: int, image: Image) -> None:
        """Draw, and note what it takes: a little more than lately, and no more than half an interval."""
        started_ns = self._clock.now_ns()
        self.draw(number, image)
        took_ns = self._clock.now_ns() - started_ns
        fair_ns = min(int(took_ns * _SPARE), round(NS_PER_S / self._fps) // 2)
        self._draw_ns = max(fair_ns, self._draw_ns - self._draw_ns // 16)

    def draw(self, number: int, image: Image) -> None:
        """Draw frame `number`, without its stamp, into `image`, (H, W, 3) u8 BGR of the source's size."""
        np.copyto(image, self._plates[_hash(number) % len(self._plates)])
        for puppet, motion, i in zip(self._puppets, self._motions, range(9), strict=False):
            puppet.draw(image, motion.at(number / self._fps), self._grain_at(number + 7 * i))

    def truth(self, number: int) -> tuple[Truth, ...]:
        """What frame `number` shows, one for each face, from left to right. The source must be open."""
        poses = [motion.at(number / self._fps) for motion in self._motions]
        return tuple(
            Truth(puppet.landmarks(pose), pose, i)
            for i, (puppet, pose) in enumerate(zip(self._puppets, poses, strict=True))
        )

    def close(self) -> None:
        """Nothing is held open; what was drawn is kept for the next `open`."""
        self._opened = False

    def _still(self) -> tuple[list[Image], Image | None]:
        """The room with the still shoulders, once for each pattern of noise, and a tile of grain for the heads."""
        room = _room(self._size)
        for puppet in self._puppets:
            puppet.draw_still(room)
        if not self._options.noise:
            return [room], None
        rng = np.random.default_rng(self._options.seed)
        shape = self._size.image_shape
        noisy = [np.clip(room + rng.normal(0, _NOISE_LEVELS, shape), 0, 255).astype(np.uint8) for _ in range(_PLATES)]
        grain = np.clip(np.round(rng.normal(2.0, _NOISE_LEVELS, (shape[0] + 64, shape[1] + 64, 3))), 0, 5)
        return noisy, grain.astype(np.uint8)

    def _grain_at(self, number: int) -> Image | None:
        """Another part of the grain for every frame."""
        if self._grain is None:
            return None
        mixed = _hash(number)
        return self._grain[mixed % 64 :, mixed // 64 % 64 :]


def _hash(number: int) -> int:
    """A well mixed non-negative integer (Knuth's multiplicative hash)."""
    return (number * 2654435761 & 0xFFFFFFFF) >> 8


def _stages(size: Size, faces: int) -> list[Stage]:
    """Where each person sits, from left to right; two share the width and are drawn smaller where it is short."""
    share = 0.5 if faces == 1 else 0.27
    scale = min(size.height / _VIEW_HEIGHT_CM, size.width / (27.0 * max(faces, 1)))
    places = [share] if faces == 1 else [share, 1 - share]
    return [
        Stage(size.width * place, size.height * _EYE_LINE, scale, size.width, size.height) for place in places[:faces]
    ]


def _room(size: Size) -> Image:
    """(H, W, 3) u8 BGR: the blurred room, drawn small and enlarged: nothing in it is sharp."""
    small = View(size.width // 4, size.height // 4, size.height / 4 / _VIEW_HEIGHT_CM, size.width / 8, size.height / 8)
    light = backdrop(WEARER, small, np.random.default_rng(WEARER.seed))
    full = cv2.resize(develop(light), (size.width, size.height), interpolation=cv2.INTER_CUBIC)
    return rounded(full.astype(np.float32))
