"""Where pictures leave a run: through an output loop in a thread of this process, or through the output process."""

import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from livecam.app.choose import choose_sinks
from livecam.app.outlets import FixedOutlets, Outlets, TeeOutlets
from livecam.app.registry import make_sink
from livecam.config import Config, Paths, WhenIdle
from livecam.core.frame import NS_PER_MS, NS_PER_S, Picture
from livecam.core.ring import LatestRing
from livecam.core.seams import Clock
from livecam.core.settings import SettingsCell
from livecam.core.shared import PublishedCell
from livecam.core.spec import SinkWish, Spec
from livecam.errors import ConfigError
from livecam.output.tee import SinkState, Tee
from livecam.privacy.card import draw_card
from livecam.privacy.gate import Gate
from livecam.privacy.slate import draw_slate, load_slate, to_picture
from livecam.runtime.heartbeat import Heartbeat
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
        outlets: How sinks come and go.
        readers: How many read them; None where that cannot be told.
        slow: Sends seldom while nobody looks, or at full rate again. The output process sends at full rate always.
        introduce: Shows the card until a monotonic time, ns. The output process has none.
        hold: Tells the gate how old a picture may be when it leaves, ns; None where it cannot be told while running.
        repaint: Gives the gate the slate, and the card, of another configuration; raises `ConfigError` where its
            picture cannot be read. None where that cannot be done while running.
    """

    loop: Loop
    pictures: PictureWriter
    cell: SettingsCell
    states: Callable[[], tuple[SinkState, ...]]
    problem: Callable[[], str]
    restarts: Callable[[], int]
    outlets: Outlets
    readers: Callable[[], int | None]
    slow: Callable[[bool], None] = lambda _: None
    introduce: Callable[[int], None] = lambda _: None
    hold: Callable[[int], None] | None = None
    repaint: Callable[[Config], None] | None = None


def inner_exit(
    config: Config,
    paths: Paths,
    clock: Clock,
    counters: OutputCounters,
    heartbeat: Heartbeat | None = None,
    finished: Callable[[Path, bool], None] | None = None,
) -> Exit:
    """Out through a thread of this process; `finished` is told of every recording, see `SinkWish`.

    Raises:
        ConfigError: A sink is not known, or the slate picture cannot be read.
        ExtraMissing: A driver's package is not installed.
    """
    size, cell = config.output_size, SettingsCell(config.settings)
    wish = SinkWish(secrets.token_urlsafe(16), finished)
    sinks = [(spec, make_sink(spec, wish)) for spec in choose_sinks(config, paths)]
    tee = Tee([sink for _, sink in sinks], clock)
    pictures = LatestRing(lambda: PictureSlot(size))
    gate = Gate(_slate(config), int(config.privacy.hold_ms * NS_PER_MS), _card(config))
    interval_ns = round(NS_PER_S / config.output_fps)
    loop = OutputLoop(tee, pictures, gate, cell, clock, interval_ns, counters, size, heartbeat)

    def chosen(spec: Spec) -> tuple[Spec, ...]:
        return choose_sinks(replace(config, output=replace(config.output, sinks=(spec,))), paths)

    def hold(hold_ns: int) -> None:
        gate.hold_ns = hold_ns

    def repaint(wanted: Config) -> None:
        now = replace(config, privacy=wanted.privacy, label=wanted.label)
        gate.repaint(_slate(now), _card(now))

    outlets = TeeOutlets(tee, sinks, wish, chosen)
    return Exit(
        loop,
        pictures,
        cell,
        states=tee.states,
        problem=lambda: "",
        restarts=lambda: 0,
        outlets=outlets,
        readers=tee.readers,
        slow=loop.rest,
        introduce=gate.introduce,
        hold=hold,
        repaint=repaint,
    )


def outer_exit(
    config: Config,
    paths: Paths,
    clock: Clock,
    counters: OutputCounters,
    heartbeat: Heartbeat | None = None,
    finished: Callable[[Path, bool], None] | None = None,
) -> Exit:
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
    loop = ProcessOutput(outlet, clock, counters, heartbeat=heartbeat, finished=finished)
    cell = PublishedCell(config.settings, loop.segment.settings)
    return Exit(
        loop,
        loop.ring,
        cell,
        states=lambda: loop.states,
        problem=lambda: loop.problem,
        restarts=lambda: max(loop.restarts, 0),
        outlets=FixedOutlets(),
        readers=lambda: loop.readers,
    )


def _slate(config: Config) -> Picture:
    """(H * 3 / 2, W) u8 I420."""
    path, size = config.privacy.slate_picture, config.output_size
    return to_picture(load_slate(path, size) if path is not None else draw_slate(size, config.privacy.slate_text))


def _card(config: Config) -> Picture | None:
    """(H * 3 / 2, W) u8 I420, where there may be a first one to look; else None."""
    if config.idle.when is not WhenIdle.RELEASE or not config.idle.card_s:
        return None
    return to_picture(draw_card(config.output_size, config.label))
