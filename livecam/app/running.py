"""A run from its beginning to its report: the daemon, the ways in to it, and what ends it."""

import threading
from collections.abc import Callable, Collection
from dataclasses import replace

from livecam.app.beside import Beside
from livecam.app.controls import Controls
from livecam.app.daemon import CHECK_S, Daemon
from livecam.app.notify import ServiceNotifier, state_line
from livecam.app.overseeing import ReadPolicy
from livecam.app.panel_way import PanelWay
from livecam.app.permitted import locked
from livecam.app.reload import reloading_on_hangup
from livecam.app.signals import stopping_on_signals
from livecam.config import Config, Paths
from livecam.config.policy_file import installed
from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_S
from livecam.errors import LivecamError, SourceEnded
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
            notifier.stopping()
            beside.stop()
            panel.stop()
            controls.stop()
        try:
            daemon.stop()
        except LivecamError as stuck:
            error = error or stuck
    report = daemon.report()
    if config.run.report is not None:
        report.write(config.run.report)
    if error is not None and not isinstance(error, SourceEnded):
        raise error
    return report


def _with(panel: PanelWay, notifier: ServiceNotifier, show: Callable[[Status], None]) -> Callable[[Status], None]:
    """`show`, with the panel's address; the service manager is told too."""

    def shown(status: Status) -> None:
        notifier.told(state_line(status))
        show(replace(status, panel=panel.url))

    return shown


def _watch(
    daemon: Daemon, seconds: float, on_status: Callable[[Status], None] | None, stop: threading.Event
) -> LivecamError | None:
    """Look after the daemon until its end; what ended it, unless it was asked to end."""
    clock = MonotonicClock()
    end_ns = clock.now_ns() + int(seconds * NS_PER_S) if seconds else None
    while True:
        health = daemon.check()
        if on_status is not None:
            on_status(daemon.status(health))
        if health.ended or health.state is State.FAILED:
            return health.error
        left_s = CHECK_S if end_ns is None else min(CHECK_S, (end_ns - clock.now_ns()) / NS_PER_S)
        if left_s <= 0 or stop.wait(left_s):
            return None
