"""A run from its beginning to its report: the daemon, the ways in to it, and what ends it."""

import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from livecam.app.arenas import limit_arenas
from livecam.app.beside import Beside
from livecam.app.controls import Controls
from livecam.app.daemon import CHECK_S, Daemon
from livecam.app.large_pages import LargePages
from livecam.app.notify import ServiceNotifier, state_line
from livecam.app.outlets import public
from livecam.app.overseeing import ReadPolicy
from livecam.app.panel_way import PanelWay
from livecam.app.permitted import locked
from livecam.app.reload import reloading_on_hangup
from livecam.app.signals import stopping_on_signals
from livecam.config import Config, Paths
from livecam.config.policy_file import installed
from livecam.config.ways import AUTO
from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_S
from livecam.errors import DriverHangs, LivecamError, SinkError, SourceEnded
from livecam.output.tee import SinkState
from livecam.runtime.machine_watch import MachineWatch
from livecam.runtime.report import Report, Status
from livecam.runtime.supervisor import State


def run(
    config: Config,
    on_status: Callable[[Status], None] | None = None,
    stop: threading.Event | None = None,
    paths: Paths | None = None,
    read_config: Callable[[], Config] | None = None,
    may_restart: Callable[[], bool] = lambda: False,
    read_policy: ReadPolicy = installed,
    asked: Collection[str] = (),
) -> Report:
    """Run until the time is over, the source has ended, a signal came or `stop` is set; returns the run's numbers.

    Args:
        config: Checked configuration; `run.report` names a file for the numbers.
        on_status: Called about ten times a second in this thread.
        stop: Ends the run in order when set.
        paths: Where files are kept; the user's own places unless given.
        read_config: Reads the configuration again, for ``reload``.
        may_restart: Whether the run may end by `DriverHangs`, so that the caller starts another process.
        read_policy: Reads what an administrator allows; the policy of this machine unless given.
        asked: Paths of the settings that were asked for by name, such as by a flag: they go before a persona's own.

    Raises:
        LivecamError: The run ended in another way than asked for; the report was written all the same.
    """
    limit_arenas()
    stop = stop or threading.Event()
    paths = paths or Paths.find()
    config = locked(config, read_policy())
    panel = PanelWay(config, paths)
    notifier = ServiceNotifier(MonotonicClock())
    wrap = panel.wrap
    daemon = Daemon(
        config,
        paths,
        wrap_processor=wrap,
        read_config=read_config,
        heartbeat=notifier,
        may_restart=may_restart,
        read_policy=read_policy,
    )
    daemon.dress(asked)
    daemon.overseer.witness.panel = lambda: panel.watched
    controls = Controls(daemon, config, paths, daemon.overseer.allows)
    beside = Beside(config, controls.desk, controls.status)
    for settings, apply in (
        ("hotkeys", controls.follow),
        ("control.hotkeys", controls.follow),
        ("obs", beside.follow_obs),
        ("audio", beside.follow_audio),
    ):
        daemon.reloader.follow(settings, apply)
    error: LivecamError | None = None
    with stopping_on_signals(stop), reloading_on_hangup(controls.reload, stop):
        daemon.start()
        try:
            controls.start()
            panel.open(daemon, controls.desk, controls.status)
            controls.show_panel(lambda: panel.url)
            beside.start()
            error = _watch(daemon, config.run.seconds, _with(panel, notifier, controls.showing(on_status)), stop)
        except LivecamError as refused:
            error = refused
        finally:
            _tell_end(notifier, error)
            beside.stop()
            panel.stop()
            controls.stop()
        error = stopped(daemon.stop, error, told=stop.is_set())
    report = daemon.report()
    if config.run.report is not None:
        report.write(config.run.report)
    if error is None or isinstance(error, SourceEnded):
        error = unserved(config, daemon.sinks())
    if error is not None:
        raise error
    return report


def stopped(stop: Callable[[], None], error: LivecamError | None, told: bool) -> LivecamError | None:
    """What ended the run, once `stop` has stopped it; None where it was asked to end and did.

    Args:
        stop: Stops all threads.
        error: What ended it, as far as is known.
        told: Whether it was told to stop meanwhile; then a driver that hangs is no reason to start again.
    """
    if told and isinstance(error, DriverHangs):
        error = None
    try:
        stop()
    except LivecamError as stuck:
        return error or stuck
    return error


def _tell_end(notifier: ServiceNotifier, error: LivecamError | None) -> None:
    """Tell the service manager. One that hears of a stop ends whatever still runs after `TimeoutStopSec`."""
    if isinstance(error, DriverHangs):
        notifier.replaced()
    else:
        notifier.stopping()


def unserved(config: Config, sinks: Iterable[SinkState]) -> SinkError | None:
    """The error for sinks that were asked for by name and took no picture in the whole run; None where there is none.

    What `auto` has chosen nobody has asked for, and a sink that failed later has been of use.
    """
    if AUTO in config.output.sinks:
        return None
    never = [sink for sink in sinks if sink.problem and not sink.sent]
    told = " ".join(f"Nothing was ever sent to {public(sink.name)}: {sink.problem}" for sink in never)
    return SinkError(told, "The run ended as asked otherwise.") if told else None


def _with(panel: PanelWay, notifier: ServiceNotifier, show: Callable[[Status], None]) -> Callable[[Status], None]:
    """`show`, with the panel's address; the service manager is told too, and what waits for pictures to be live."""
    pages = LargePages()

    def shown(status: Status) -> None:
        pages.look(live=status.showing == "live")
        notifier.told(state_line(status))
        show(replace(status, panel=panel.url))

    return shown


def _watch(
    daemon: Daemon, seconds: float, on_status: Callable[[Status], None] | None, stop: threading.Event
) -> LivecamError | None:
    """Look after the daemon until its end; what ended it, unless it was asked to end."""
    clock = MonotonicClock()
    end_ns = clock.now_ns() + int(seconds * NS_PER_S) if seconds else None
    machine = MachineWatch()
    while True:
        machine.look()
        health = daemon.check()
        if on_status is not None:
            on_status(daemon.status(health))
        if health.ended or health.state is State.FAILED:
            return health.error
        left_s = CHECK_S if end_ns is None else min(CHECK_S, (end_ns - clock.now_ns()) / NS_PER_S)
        if left_s <= 0 or stop.wait(left_s):
            return None
