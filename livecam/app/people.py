"""How somebody is enrolled: a camera, a guide, and the template that is kept."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from livecam.app.assemble import networks_of
from livecam.app.choose import choose_source
from livecam.app.registry import make_source
from livecam.app.wearers import enrolled_in, look_of
from livecam.config import Config, Paths
from livecam.core.clock import MonotonicClock
from livecam.core.face import Face
from livecam.core.frame import Image
from livecam.core.seams import Follower, Source
from livecam.errors import SourceEnded, SourceLost
from livecam.faces.enroll import Guide, Template
from livecam.faces.names import checked_name


@dataclass(frozen=True, slots=True)
class Told:
    """How far an enrolment has come.

    Attributes:
        hint: What the person is to do.
        progress: 0..1.
        left_s: Of the time.
    """

    hint: str
    progress: float
    left_s: float


class Guiding(Protocol):
    """Looks at somebody who turns the head, and says what is missing."""

    hint: str
    """What the person is to do."""

    @property
    def progress(self) -> float:
        """0..1."""
        ...

    def take(self, image: Image, faces: tuple[Face, ...]) -> bool:
        """Look at a frame, (H, W, 3) u8 BGR, with the faces in it; whether it brought something new."""
        ...


def enroll(
    config: Config,
    paths: Paths,
    name: str,
    seconds: float,
    told: Callable[[Told], None],
) -> Template:
    """Watch somebody turn the head, and keep the template under `name`; whoever is enrolled under it is replaced.

    Raises:
        PersonaError: The name cannot be used, too little was seen, or it cannot be kept.
        SourceError: The camera cannot be opened, or went away and did not come back in time.
        ModelError: The embedded networks cannot be had.
    """
    name, kept = checked_name(name), enrolled_in(paths)
    networks = networks_of(config, paths)
    networks.ensure()
    follower, guide = networks.follower(), Guide(look_of(config, paths))
    source = make_source(choose_source(config.source.spec), config.wish, MonotonicClock())
    try:
        watch(source, follower, guide, seconds, told)
    finally:
        source.close()
    template = guide.template(name)
    kept.keep(template)
    return template


def watch(source: Source, follower: Follower, guide: Guiding, seconds: float, told: Callable[[Told], None]) -> None:
    """Show the guide what the source shows, until the time is over, all is there, or the source ends."""
    image = np.empty(source.open().size.image_shape, np.uint8)
    end_s = time.monotonic() + seconds
    while (left_s := end_s - time.monotonic()) > 0 and guide.progress < 1:
        try:
            captured_ns = source.read_into(image)
        except SourceEnded:
            return
        except SourceLost:
            image = np.empty(source.open().size.image_shape, np.uint8)
            continue
        guide.take(image, follower(image, captured_ns, 0.0))
        told(Told(guide.hint, guide.progress, left_s))
