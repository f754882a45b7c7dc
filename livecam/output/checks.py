"""What every sink checks before it takes a picture."""

import numpy as np

from livecam.core.cleared import Cleared
from livecam.core.frame import Picture, Size
from livecam.core.spec import Spec
from livecam.errors import ConfigError, SinkError, SinkGone


def demand_even(size: Size, name: str) -> None:
    """Check that `size` can be sent as I420, which halves both sides.

    Raises:
        SinkGone: A side is odd or not positive.
    """
    if any(side <= 0 or side % 2 for side in size):
        raise SinkGone(
            f"{name} cannot take pictures of {size}: both sides must be even.", "Choose a size like 1280x720."
        )


def fitting(cleared: Cleared, size: Size | None, name: str) -> Picture:
    """The picture of `cleared`, (H * 3 / 2, W) u8 I420, once it is sure that `name` may show it.

    Args:
        cleared: What the caller was given.
        size: As opened; None while the sink is closed.
        name: Of the sink, for the sentence.

    Raises:
        TypeError: It is not a `Cleared`. Only the gate's pictures leave.
        SinkError: The sink is not open.
        ValueError: The picture is of another size or type.
    """
    if not isinstance(cleared, Cleared):
        raise TypeError(f"{name} takes cleared pictures only, not {type(cleared).__name__}.")
    if size is None:
        raise SinkError(f"{name} was sent a picture while it was closed.")
    picture = cleared.picture
    if picture.shape != size.picture_shape or picture.dtype != "uint8":
        raise ValueError(f"{name} is open for {size} and cannot take {picture.dtype} of shape {picture.shape}.")
    return picture


def black(size: Size) -> Picture:
    """A black picture, (H * 3 / 2, W) u8 I420: what a camera shows from its opening to its first cleared picture.

    A program that opens a virtual camera before anything was written to it is told that it is no camera.
    """
    picture = np.full(size.picture_shape, 128, dtype=np.uint8)
    picture[: size.height] = 16
    return picture


def no_target(spec: Spec) -> None:
    """Refuse a target for a kind that has none.

    Raises:
        ConfigError: There is one.
    """
    if spec.target:
        raise ConfigError(f"{spec.kind} takes no target, but {spec.text!r} gives it {spec.target!r}.")
