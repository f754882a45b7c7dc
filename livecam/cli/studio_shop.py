"""What the drawing commands of ``livecam studio`` work with: opened in the order in which mistakes are cheapest."""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from livecam.cli.output import Json
from livecam.cli.progress import progress_shown
from livecam.cli.studio_asked import (
    demand_extra,
    go_quietly_offline,
    options_of,
    recogniser_for,
    refuse_unregistered,
    vectors_here,
    warn_of_strangers,
    without_unregistered,
)
from livecam.cli.studio_flags import Wanted
from livecam.config import Resolved
from livecam.errors import StudioCancelled

if TYPE_CHECKING:
    from livecam.app.stills import Stills
    from livecam.core.frame import Image
    from livecam.inference.progress import Progress
    from livecam.studio.chosen import Options
    from livecam.studio.terms import Backend, Caps, Device, Likeness, Step
    from livecam.studio.timing import Paces, Stopwatch

_WORTH_TELLING_S: Final = 5.0

_LONG_S: Final = 120.0
"""Work that takes longer is asked about, where somebody sits at a terminal."""


@dataclass(frozen=True, slots=True)
class Shop:
    """All that a picture is made with.

    Attributes:
        caps: Of the backend.
        backend: Loaded.
        stills: Sees faces, knows personas, lets pictures out.
        options: What the user wants.
        device: Where the backend works.
        paces: What pictures took before.
        want: The flags.
        stop: Set by Ctrl-C.
        likeness: Whom pictures show; None where nobody was named.
    """

    caps: "Caps"
    backend: "Backend"
    stills: "Stills"
    options: "Options"
    device: "Device"
    paces: "Paces"
    want: Wanted
    stop: threading.Event
    likeness: "Likeness | None"

    @property
    def side(self) -> int:
        """Of the square that is drawn, px."""
        return self.options.side_for(self.caps)

    def announce(self, strength: float | None = None, pictures: int = 1, megapixels: float | None = None) -> None:
        """Say how long so many pictures will take; ask, where that is long and somebody is there.

        Args:
            strength: How much of the sampler's way a picture goes where the flags do not say; 1 for one drawn from
                nothing.
            pictures: How many there will be.
            megapixels: Of each; None for those of the square that is drawn.

        Raises:
            click.Abort: The user would rather not.
        """
        from livecam.studio.timing import told

        pace, steps = self.paces.of(self.caps, self.device, self.side), self._steps(strength)
        size = self._square if megapixels is None else megapixels
        click.echo(f"{self._where()} {told(pace, steps, pictures, size)}", err=True)
        long = pace is not None and pace.seconds(steps, size) * pictures > _LONG_S
        if long and not self.want.yes and sys.stdin.isatty() and sys.stderr.isatty():
            click.confirm("Go on?", default=True, abort=True, err=True)

    @contextmanager
    def drawing(self, stage: str, megapixels: float | None = None) -> "Iterator[Step]":
        """What to tell steps to while a picture is made; Ctrl-C ends that in order, and how long it took is kept.

        Args:
            stage: What is said beside the bar.
            megapixels: Of the picture; None for those of the square that is drawn.

        Raises:
            StudioCancelled: The user has ended it.
        """
        from livecam.app.signals import stopping_on_signals
        from livecam.studio.timing import Stopwatch

        with progress_shown() as progress, stopping_on_signals(self.stop):
            watch = Stopwatch()
            self.refuse_stopped()
            known = self.paces.of(self.caps, self.device, self.side) is not None
            yield _Steps(stage, watch, progress, self.refuse_stopped, known).step
            watch.end()
        if watch.pace is not None:
            size = self._square if megapixels is None else megapixels
            self.paces.learn(self.caps, self.device, self.side, watch.pace, size)

    def refuse_stopped(self) -> None:
        """End it here where that was asked for.

        Raises:
            StudioCancelled: It was.
        """
        if self.stop.is_set():
            raise StudioCancelled("Cancelled; nothing was written.")

    def publish(self, image: "Image", target: Path, persona: str, what: str, report: Mapping[str, Json]) -> str:
        """Let a picture out, as `livecam.app.stills.Stills.publish` does; an end that is asked for meanwhile waits.

        Args:
            image: (H, W, 3) u8 BGR.
            target: OUT.
            persona: Whom it shows; "" for whoever it was.
            what: Is made, such as ``swap``.
            report: Of it; the audit log is told its numbers.

        Returns:
            What the picture carries, to end a sentence with.
        """
        from livecam.app.signals import stopping_on_signals

        kept = ("cosine", "seed", "attempts", "judged", "after", "share")
        numbers = {name: value for name in kept if isinstance(value := report.get(name), int | float)}
        # Killed between writing and signing, it would leave a picture that nobody knows of.
        with stopping_on_signals(self.stop):
            return self.stills.publish(
                image,
                target,
                persona=persona,
                what=what,
                test=self.caps.test,
                replace=self.want.replace,
                told={"backend": self.caps.name, **numbers},
            )

    def _steps(self, strength: float | None) -> int:
        sampling = self.options.sampling(self.caps)
        share = sampling.strength if strength is None or self.want.strength is not None else strength
        return max(1, round(sampling.steps * share))

    def _where(self) -> str:
        told = {"none": "", "model": ", one network at a time", "sequential": ", one layer at a time"}
        half = ", 16 bit" if self.device.half else ""
        return f"{self.caps.name} works on {self.device.name}{told[self.device.offload]}{half}, {self.side} px."

    @property
    def _square(self) -> float:
        return self.side**2 / 1e6


class _Steps:
    """Hears steps: measures them, shows them, and ends the work where that was asked for."""

    def __init__(
        self,
        stage: str,
        watch: "Stopwatch",
        progress: "Progress",
        refuse_stopped: Callable[[], None],
        known: bool,
    ) -> None:
        self._known = known
        self._stage = stage
        self._watch = watch
        self._progress = progress
        self._refuse_stopped = refuse_stopped
        self._attempt = 1
        self._done = 0

    def step(self, done: int, total: int) -> None:
        """See `livecam.studio.terms.Step`."""
        from livecam.studio.timing import lasting

        self._refuse_stopped()
        self._attempt += done <= self._done
        self._done = done
        self._watch.step(done, total)
        again = f", attempt {self._attempt}" if self._attempt > 1 else ""
        self._progress.update(f"{self._stage}{again}", done, total)
        left_s = self._watch.left_s(done, total)
        if not self._known and left_s is not None:
            self._known = True
            if left_s >= _WORTH_TELLING_S:
                click.echo(f"About {lasting(left_s)} to go for this picture.", err=True)


@contextmanager
def opened(resolved: Resolved, want: Wanted, persona: str = "", face: int | None = None) -> Iterator[Shop]:
    """All that a picture is made with; freed at the end. What is refused soonest is asked first.

    Args:
        resolved: Of the configuration.
        want: The flags.
        persona: Whom pictures show; "" for nobody in particular.
        face: Which face of a picture is meant.

    Raises:
        ExtraMissing: torch or diffusers is not installed.
        StudioError: There is no such backend, a flag is out of range, weights are not registered, or not what was
            registered; a running livecam has the card, or the memory does not suffice.
        ConfigError: The policy forbids it.
        PersonaError: The persona does not exist, or may not be shown in pictures.
        ModelError, EngineError: A network of faces cannot be had.
    """
    from livecam.studio.backends import caps_of, maker_of
    from livecam.studio.resources import Wish, choose, refuse_beside_live
    from livecam.studio.timing import Paces
    from livecam.studio.weights import weights_of

    caps, options = caps_of(want.backend), options_of(want, face)
    on = options.scales_for(caps)
    demand_extra()
    go_quietly_offline()
    refuse_unregistered(caps.name, resolved.paths)
    from livecam.app.stills import open_stills

    with ExitStack() as stack:
        # Not while pictures are drawn: a question cannot be asked below a bar that moves.
        with progress_shown() as progress:
            known = vectors_here(caps.name, resolved.paths, on)
            first = recogniser_for(known)
            stills = open_stills(resolved.config, resolved.paths, progress=progress, recogniser=first)
            stack.callback(stills.close)
            likeness = stills.likeness(persona) if persona else None
            device = choose(caps, options.side_for(caps), Wish(want.device, want.offload))
            refuse_beside_live(device, share=want.share)
            weights = weights_of(caps.name, resolved.paths, progress)
            options = without_unregistered(options, caps, weights)
            warn_of_strangers(known, stills.faces.told)
            progress.update(f"Loading {caps.name}", 0, 0)
            backend = maker_of(caps.name)(weights, device)
            stack.callback(backend.close)
        paces = Paces(resolved.paths.cache / "studio")
        yield Shop(caps, backend, stills, options, device, paces, want, threading.Event(), likeness)
