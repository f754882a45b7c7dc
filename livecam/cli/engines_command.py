"""``livecam engines``: networks compiled for graphics cards. Nothing of TensorRT is imported before it is needed."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from livecam.cli.engines_export import export
from livecam.cli.engines_tune import tune
from livecam.cli.flags import config_option
from livecam.cli.models_shared import cache_of, catalogue, check_known, present, told_size
from livecam.cli.output import Json, examples, json_option, print_json, print_rows
from livecam.cli.progress import progress_shown
from livecam.config import Resolved, load
from livecam.errors import LivecamError

if TYPE_CHECKING:
    from livecam.inference.model import Model
    from livecam.inference.plan_key import Precision
    from livecam.inference.plans import Entry, PlanCache
    from livecam.inference.progress import Progress
    from livecam.inference.toolkits import Toolkit

_COLUMNS: Final = ("network", "precision", "pictures", "built with", "for", "size", "used", "status")
_GIB: Final = 1 << 30
_DAY_S: Final = 86400


@click.group("engines")
def engines_group() -> None:
    """Compile networks with TensorRT, and keep what was compiled.

    It takes seconds with TensorRT for RTX, which needs no graphics card for it, and minutes with full TensorRT.
    """


@engines_group.command(
    epilog=examples(
        "livecam engines build                          every network that is here",
        "livecam engines build inswapper_128 --batch 4  up to four pictures at once, for pixel boost",
        "livecam engines build scrfd_10g --for sm_86 --for sm_89",
    )
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--for", "targets", multiple=True, metavar="sm_NN", help="For these cards only (TensorRT for RTX).")
@click.option("--with", "flavour", type=click.Choice(["rtx", "tensorrt"]), help="Which TensorRT; else what is here.")
@click.option("--precision", type=click.Choice(["fp16", "fp32"]), default="fp16", show_default=True)
@click.option("--batch", type=click.IntRange(1, 16), default=1, show_default=True, help="Most pictures at once.")
@config_option
@click.pass_context
def build(
    ctx: click.Context,
    names: tuple[str, ...],
    targets: tuple[str, ...],
    flavour: str | None,
    precision: str,
    batch: int,
    config_file: Path | None,
) -> None:
    """Compile the networks NAME, else all that are here. What is compiled already is kept; Ctrl-C ends it at once."""
    from livecam.inference.plan_key import Precision

    resolved = load(path=config_file)
    models = catalogue(resolved)
    check_known(names, models)
    chosen = [models[name] for name in names] or present(resolved, models.values())
    if not chosen:
        click.echo(f"There are no networks in {cache_of(resolved)}. See: livecam models list")
        return
    work = _Work(resolved, _toolkit(flavour), Precision(precision), batch, targets)
    failed = sum(not work.build(model) for model in chosen)
    ctx.exit(1 if failed else 0)


class _Work:
    """Builds one plan after the other.

    Args:
        resolved: Where things are.
        kit: Which TensorRT.
        precision: Of the arithmetic.
        batch: Most pictures at once.
        targets: Graphics cards.
    """

    def __init__(
        self, resolved: Resolved, kit: "Toolkit", precision: "Precision", batch: int, targets: Sequence[str]
    ) -> None:
        from livecam.inference.cuda_device import CudaDevice
        from livecam.inference.plan_key import Flavour

        self._resolved, self._kit, self._precision = resolved, kit, precision
        self._batch, self._targets = batch, tuple(targets)
        # Plans of full TensorRT are for one card and driver.
        self._card = CudaDevice().card() if kit.flavour is Flavour.TENSORRT else ""
        self._plans = plans_of(resolved)

    def build(self, model: "Model") -> bool:
        """Build one plan, and say how it went; false if it failed, or could not be kept."""
        began = time.monotonic()
        try:
            # The bar is gone before anything is said, else the two would share a line.
            with progress_shown() as progress:
                path, size, was_built = self._obtain(model, _Named(model.name, progress))
        except LivecamError as error:
            click.echo(f"{model.name}: {error}", err=True)
            return False
        how = f"built in {time.monotonic() - began:.1f} s" if was_built else "was there already"
        if path.exists():
            click.echo(f"{model.name}: {how}, {told_size(size)}, {path}")
            return True
        click.echo(
            f"{model.name}: {how}, {told_size(size)}, but not kept: the disk of {path.parent} is full.", err=True
        )
        return False

    def _obtain(self, model: "Model", progress: "_Named") -> tuple[Path, int, bool]:
        """Its file, size, and whether it was built by this process."""
        from livecam.inference.catalogue import catalogue_folders
        from livecam.inference.plan_build import Terms, obtain_plan
        from livecam.inference.plan_key import file_name
        from livecam.inference.plan_request import key_of, request_for
        from livecam.inference.store import digest_of, installed

        cache = cache_of(self._resolved)
        request = request_for(
            model,
            installed(model, cache),
            digest_of(model, cache),
            catalogue_folders(self._resolved.paths.recipes, self._resolved.config.models.recipes),
            flavour=self._kit.flavour,
            precision=self._precision,
            batch=self._batch,
            targets=self._targets,
            card=self._card,
        )
        path = self._plans.folder / file_name(key_of(request, model, self._kit.version))
        plan = obtain_plan(self._plans, request, model, self._kit.version, progress, Terms(threading.Event()))
        return path, plan.header.size, progress.was_told


class _Named:
    """Tells whose progress it is.

    Args:
        name: Of the network.
        progress: Told.
    """

    def __init__(self, name: str, progress: "Progress") -> None:
        self._name, self._progress = name, progress
        self.was_told = False
        """Whether there was any: something is built only where no sound plan was found."""

    def update(self, stage: str, done: int, total: int) -> None:
        """Hand it on."""
        self.was_told = True
        self._progress.update(f"{self._name}: {stage}", done, total)


@engines_group.command("list", epilog=examples("livecam engines list", "livecam engines list --json"))
@json_option
@config_option
def list_engines(as_json: bool, config_file: Path | None) -> None:
    """List what was compiled, most recently used first."""
    plans = plans_of(load(path=config_file))
    _print(plans, plans.entries(), as_json)


@engines_group.command(epilog=examples("livecam engines verify"))
@json_option
@config_option
@click.pass_context
def verify(ctx: click.Context, as_json: bool, config_file: Path | None) -> None:
    """Read everything that was compiled and compare its digests; what is damaged or open to others is put away.

    The exit code is 0 when all are sound.
    """
    plans = plans_of(load(path=config_file))
    found = plans.verify()
    _print(plans, found, as_json)
    ctx.exit(1 if any(entry.reason for entry in found) else 0)


@engines_group.command(epilog=examples("livecam engines prune --budget 1", "livecam engines prune --all"))
@click.option("--budget", type=click.FloatRange(0), metavar="GIB", help="What may stay; what was used last does.")
@click.option("--all", "everything", is_flag=True, help="Delete all. It is compiled again when it is needed.")
@config_option
def prune(budget: float | None, everything: bool, config_file: Path | None) -> None:
    """Delete what was used longest ago, and what unfinished builds left."""
    plans = plans_of(load(path=config_file))
    limit = 0 if everything else None if budget is None else int(budget * _GIB)
    gone = plans.prune(limit)
    freed = sum(entry.size for entry in gone)
    click.echo(f"Deleted {len(gone)} {'file' if len(gone) == 1 else 'files'}, {told_size(freed)}.")


engines_group.add_command(export)
engines_group.add_command(tune)


def plans_of(resolved: Resolved) -> "PlanCache":
    """The cache of plans."""
    from livecam.inference.plans import PlanCache

    return PlanCache(resolved.paths.cache / "plans")


def _toolkit(flavour: str | None) -> "Toolkit":
    """The TensorRT asked for, else the one that is here.

    Raises:
        ExtraMissing: There is none.
    """
    from livecam.errors import ExtraMissing
    from livecam.inference.plan_key import Flavour
    from livecam.inference.toolkits import Toolkit, toolkit, toolkits

    if flavour is not None:
        return toolkit(Flavour(flavour))
    found = toolkits()
    here = [kit for kit in found.values() if isinstance(kit, Toolkit)]
    if not here:
        raise ExtraMissing(" ".join(str(reason) for reason in found.values()))
    return here[0]


def _print(plans: "PlanCache", entries: "Sequence[Entry]", as_json: bool) -> None:
    rows = [_row(entry) for entry in entries]
    if as_json:
        print_json(rows)
        return
    now = time.time()
    told = [
        [
            str(row["network"]),
            str(row["precision"]),
            str(row["pictures"]),
            str(row["built_with"]),
            str(row["for"]),
            told_size(entry.size),
            _ago(now - entry.used_s),
            str(row["status"]),
        ]
        for row, entry in zip(rows, entries, strict=True)
    ]
    print_rows(_COLUMNS, told, f"Nothing is compiled in {plans.folder}.")


def _row(entry: "Entry") -> dict[str, Json]:
    fields = entry.header.fields if entry.header is not None else {}
    built_with = " ".join(str(fields[name]) for name in ("flavour", "version") if name in fields)
    return {
        "network": str(fields.get("model", entry.path.name if not fields else entry.path.suffix[1:] + " cache")),
        "precision": str(fields.get("precision", "")),
        "pictures": _pictures(fields.get("shapes", [])),
        "built_with": built_with,
        "for": str(fields.get("target", fields.get("card", ""))),
        "size": entry.size,
        "used_s": int(entry.used_s),
        "file": str(entry.path),
        "status": entry.reason or "sound",
    }


def _pictures(shapes: object) -> str:
    """Most pictures at once, from the shapes in a key: name, least, usual and most of each input.

    Below 0 is what the recipe leaves free; it is compiled for one.
    """
    match shapes:
        case [[str(), _, _, [int(rows), _, _, _]], *_] | [_, [str(), _, _, [int(rows), _, _, _]], *_]:
            return str(abs(rows))
        case _:
            return ""


def _ago(seconds: float) -> str:
    days = int(seconds // _DAY_S)
    return "today" if days <= 0 else "yesterday" if days == 1 else f"{days} days ago"
