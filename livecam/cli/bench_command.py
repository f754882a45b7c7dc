"""``livecam bench``: self-tests that users run."""

import json
import os
import platform
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from livecam.bench.latency import WARMUP_S, Measurement, Setup, described, measure, rows
from livecam.bench.reader import FileReader, Reader, ReaderProcess
from livecam.bench.through import READABLE, address, readable
from livecam.cli.flags import config_option
from livecam.cli.logs import start_log
from livecam.cli.models_commands import fetch_missing
from livecam.cli.output import examples, print_rows
from livecam.config import Config, Paths, load
from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_S
from livecam.core.spec import Spec, parse_spec
from livecam.errors import ConfigError, LivecamError

if TYPE_CHECKING:
    from livecam.app import Daemon

_OPEN_WITHIN_S: Final = 10
"""A sink that is not open by then will not be: the user must do something."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asked for.

    Attributes:
        through: The sink; empty for what ``auto`` chooses.
        size: Of source and pictures.
        fps: Of source and output.
        seconds: To be measured.
        persona: Empty for the configured one.
        passthrough: Without the swap.
        config_file: Instead of the user's own.
    """

    through: str = ""
    size: str = "1280x720"
    fps: float = 30.0
    seconds: float = 20.0
    persona: str = ""
    passthrough: bool = False
    config_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the command found out.

    Attributes:
        measurement: At the reader.
        daemon_age_ms: From capture to the moment before sending, p50, p95 and p99 of the whole run.
    """

    measurement: Measurement
    daemon_age_ms: Mapping[str, float]

    def to_json(self) -> dict[str, object]:
        """All of it, and where it was measured."""
        place = {"version": version("livecam"), "system": platform.system(), "cores": os.cpu_count()}
        return {**place, **described(self.measurement), "daemon_age_ms": dict(self.daemon_age_ms)}


@click.group("bench")
def bench_group() -> None:
    """Measure latency at a reader and the networks; try presets without weights."""


@bench_group.command(
    epilog=examples(
        "livecam bench latency",
        "livecam bench latency --through virtualcam:/dev/video10 --png latency.png",
        "livecam bench latency --through pipewire --json latency.json",
        "livecam bench latency --through memory --passthrough    the daemon alone",
    )
)
@click.option("--through", default="", metavar="SPEC", help=f"One of {', '.join(READABLE)}. [default: as run chooses]")
@click.option("--size", default="1280x720", show_default=True, metavar="SIZE", help="Of the pictures.")
@click.option("--fps", default=30.0, show_default=True, type=click.FloatRange(1, 240), help="Frames a second.")
@click.option("--seconds", default=20.0, show_default=True, type=click.FloatRange(1, 3600), help="To measure.")
@click.option("--persona", default="", metavar="NAME", help="To wear. [default: the configured one]")
@click.option("--passthrough", is_flag=True, help="Without the swap.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), metavar="FILE", help="Write all figures.")
@click.option("--png", "png_file", type=click.Path(path_type=Path), metavar="FILE", help="Write a histogram.")
@config_option
@click.pass_context
def latency(
    ctx: click.Context,
    /,
    through: str,
    size: str,
    fps: float,
    seconds: float,
    persona: str,
    passthrough: bool,
    json_file: Path | None,
    png_file: Path | None,
    config_file: Path | None,
) -> None:
    """Say how old pictures are when another program has them.

    The whole daemon runs on the drawn demo face, whose every frame carries a number and its capture time. A process of
    its own opens the virtual camera, as an application would, and reads them. Exit code 0 means that enough arrived.
    """
    start_log(load(path=config_file).config.log)
    _check_folder(json_file, "--json")
    _check_folder(png_file, "--png")
    outcome = run_latency(Wish(through, size, fps, seconds, persona, passthrough, config_file))
    _print(outcome)
    if json_file is not None:
        _write_json(outcome, json_file)
    if png_file is not None and outcome.measurement.figures.measured:
        from livecam.bench.drawing import write  # brings OpenCV, which other commands must start without

        write(outcome.measurement, png_file)
    if outcome.measurement.problem:
        click.echo(outcome.measurement.problem, err=True)
        ctx.exit(1)


def run_latency(wish: Wish) -> Outcome:
    """Run the daemon and a reader, and measure.

    Raises:
        LivecamError: The sink is not there, the daemon failed, or the reader got nothing it could read.
    """
    with tempfile.TemporaryDirectory(prefix="livecam-bench-") as folder:
        spec, config, paths = _resolved(wish, Path(folder) / "arrivals.txt")
        with _running(config, paths) as daemon:
            name = _opened(daemon)
            # The name of a stream holds its secret, that of memory a file of ours.
            through = spec.kind if spec.kind in ("web", "memory") else name
            setup = Setup(through, str(config.output_size), config.output_fps, wish.seconds, _work(config))
            click.echo(f"Measuring {setup}, for about {wish.seconds + WARMUP_S + 2:.0f} s.", err=True)
            with closing(_reader(name, spec, config)) as reader:
                measurement = measure(setup, reader, lambda: _look(daemon), MonotonicClock())
            return Outcome(measurement, daemon.report().age_ms)


def _resolved(wish: Wish, arrivals: Path) -> tuple[Spec, Config, Paths]:
    """The sink that is measured, and the run's configuration: the user's own, with the stamped source and this sink."""
    flags: dict[str, object] = {
        "source.spec": "synthetic?stamp=1",
        "source.size": wish.size,
        "source.fps": wish.fps,
        "output.sinks": "auto",
        "output.size": "source",
        "output.fps": "source",
    }
    if wish.persona:
        flags["face.persona"] = wish.persona
    if wish.passthrough:
        flags["privacy.passthrough"] = True
    auto = load(flags, wish.config_file)
    spec = readable(parse_spec(wish.through)) if wish.through else _chosen(auto.config, auto.paths)
    sink = f"stamps:{arrivals}" if spec.kind == "memory" else spec.text
    resolved = load(flags | {"output.sinks": sink}, wish.config_file)
    if not wish.passthrough:
        fetch_missing(resolved)
    return spec, resolved.config, resolved.paths


def _chosen(config: Config, paths: Paths) -> Spec:
    """What ``auto`` would send to, the part of it that can be read."""
    from livecam.app.choose import choose_sinks

    return next(spec for spec in choose_sinks(config, paths) if spec.kind in READABLE)


def _work(config: Config) -> str:
    return "passthrough" if config.privacy.passthrough else f"mesh swap ({config.face.persona})"


@contextmanager
def _running(config: Config, paths: Paths) -> "Iterator[Daemon]":
    from livecam.app import Daemon  # brings every driver's neighbours: not before the flags are known to be good

    daemon = Daemon(config, paths)
    daemon.start()
    try:
        yield daemon
    finally:
        daemon.stop()


def _reader(name: str, spec: Spec, config: Config) -> Reader:
    """What reads the open sink called `name`."""
    if spec.kind == "memory":
        return FileReader(Path(name.partition(":")[2]))
    return ReaderProcess(address(name, config.output_size))


def _opened(daemon: "Daemon") -> str:
    """The name of the only sink, once it is open.

    Raises:
        LivecamError: It does not open, and why.
    """
    clock = MonotonicClock()
    deadline_ns = clock.now_ns() + _OPEN_WITHIN_S * NS_PER_S
    while True:
        _look(daemon)
        # An output process of its own says nothing of its sinks before it is up.
        state = next(iter(daemon.report().sinks), {"name": "The output process", "open": False, "problem": ""})
        if state["open"]:
            return daemon.status(daemon.check()).sinks[0]
        if clock.now_ns() > deadline_ns:
            raise LivecamError(f"{state['name']} did not open. {state['problem']}".strip())
        clock.sleep_until(clock.now_ns() + NS_PER_S // 20)


def _look(daemon: "Daemon") -> None:
    """Look after the daemon.

    Raises:
        LivecamError: It has failed.
    """
    health = daemon.check()
    if health.ended or health.error is not None:
        raise health.error or LivecamError(f"The daemon has ended. {health.problem}".strip(), "Run livecam doctor.")


def _print(outcome: Outcome) -> None:
    age = outcome.daemon_age_ms
    alone = ("capture to send, p50 / p95 / p99", f"{age['p50']:.1f} / {age['p95']:.1f} / {age['p99']:.1f} ms")
    print_rows((str(outcome.measurement.setup), ""), [*rows(outcome.measurement), alone], "")


def _check_folder(path: Path | None, flag: str) -> None:
    """Better now than after the measurement."""
    if path is not None and (path.is_dir() or not path.parent.is_dir()):
        raise ConfigError(f"{path} cannot be written.", f"Name a file in a folder that exists with {flag}.")


def _write_json(outcome: Outcome, path: Path) -> None:
    try:
        path.write_text(json.dumps(outcome.to_json(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise LivecamError(f"{path} cannot be written: {error.strerror}.", "Name another file with --json.") from error
