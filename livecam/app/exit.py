"""Where pictures leave a run: through an output loop in a thread of this process, or through the output process."""

import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass

from livecam.app.choose import choose_sinks
from livecam.app.registry import make_sink
from livecam.config import Config, Paths
from livecam.core.frame import NS_PER_MS, NS_PER_S, Picture
from livecam.core.ring import LatestRing
from livecam.core.seams import Clock
from livecam.core.settings import SettingsCell
from livecam.core.shared import PublishedCell
from livecam.core.spec import SinkWish
from livecam.errors import ConfigError
from livecam.output.tee import SinkState, Tee
from livecam.privacy.gate import Gate
from livecam.privacy.slate import draw_slate, load_slate, to_picture
from livecam.runtime.loops import OutputLoop, PictureSlot
from livecam.runtime.slots import PictureWriter
from livecam.runtime.telemetry import OutputCounters
from livecam.runtime.worker import Loop


@dataclass(frozen=True, slots=True)
class Exit:
    """The way out.

    Attributes:
        loop: For the worker ``output``.
        pictures: Inference's end of the ring.
        cell: The settings in force, as the gate will see them.
        states: How each sink is doing.
        problem: What is being repaired; empty when all is well.
        restarts: How often its process was started again.
    """

    loop: Loop
    pictures: PictureWriter
    cell: SettingsCell
    states: Callable[[], tuple[SinkState, ...]]
    problem: Callable[[], str]
    restarts: Callable[[], int]


def inner_exit(config: Config, paths: Paths, clock: Clock, counters: OutputCounters) -> Exit:
    """Out through a thread of this process.

    Raises:
        ConfigError: A sink is not known, or the slate picture cannot be read.
        ExtraMissing: A driver's package is not installed.
    """
    size, cell = config.output_size, SettingsCell(config.settings)
    wish = SinkWish(secrets.token_urlsafe(16))
    tee = Tee(tuple(make_sink(spec, wish) for spec in choose_sinks(config, paths)), clock)
    pictures = LatestRing(lambda: PictureSlot(size))
    gate = Gate(_slate(config), int(config.privacy.hold_ms * NS_PER_MS))
    interval_ns = round(NS_PER_S / config.output_fps)
    loop = OutputLoop(tee, pictures, gate, cell, clock, interval_ns, counters, size)
    return Exit(loop, pictures, cell, tee.states, lambda: "", lambda: 0)


def outer_exit(config: Config, paths: Paths, clock: Clock, counters: OutputCounters) -> Exit:
    """Out through the output process, which is found or started when the worker starts.

    Raises:
        ConfigError: As above; or this system, or its folder for sockets, will not do.
        ExtraMissing: A driver's package is not installed.
    """
    if sys.platform == "win32":
        raise ConfigError("--output-process needs Linux or macOS.", "Run without it.")
    from livecam.app.output_process import Outlet, ProcessOutput  # needs what Windows lacks

    # Built once here, so that a mistake is told before anything starts; the output process builds its own.
    for spec in config.output.sinks:
        if spec.kind != "auto":
            make_sink(spec, SinkWish())
    outlet = Outlet(
        written=config.output.sinks,
        chosen=lambda: choose_sinks(config, paths),
        size=config.output_size,
        fps=config.output_fps,
        hold_ns=int(config.privacy.hold_ms * NS_PER_MS),
        orphan_ns=int(config.output.orphan_s * NS_PER_S),
        slate=_slate(config),
        token=secrets.token_urlsafe(16),
        log_level=config.log.level,
        log_file=str(config.log.file or ""),
    )
    loop = ProcessOutput(outlet, clock, counters)
    cell = PublishedCell(config.settings, loop.segment.settings)
    return Exit(loop, loop.ring, cell, lambda: loop.states, lambda: loop.problem, lambda: max(loop.restarts, 0))


def _slate(config: Config) -> Picture:
    """(H * 3 / 2, W) u8 I420."""
    path, size = config.privacy.slate_picture, config.output_size
    return to_picture(load_slate(path, size) if path is not None else draw_slate(size, config.privacy.slate_text))
