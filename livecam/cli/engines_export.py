"""``livecam engines export``: networks for a server, in the form that NVIDIA Triton reads."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from livecam.cli.flags import config_option
from livecam.cli.models_shared import cache_of, catalogue, check_known, present
from livecam.cli.output import examples
from livecam.cli.progress import progress_shown
from livecam.config import Resolved, load
from livecam.errors import LivecamError

if TYPE_CHECKING:
    from livecam.inference.model import Model
    from livecam.inference.triton_export import Exported, Terms


@click.command(
    epilog=examples(
        "livecam engines export --triton models               every one that is here, but detectors",
        "livecam engines export --triton models inswapper_128 gpen_bfr_256 --gpus 2",
        "livecam engines export --triton models --plans       what full TensorRT has compiled",
    )
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--triton",
    "folder",
    required=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    help="The model repository; made if need be.",
)
@click.option("--gpus", type=click.IntRange(0, 64), default=1, show_default=True, help="On each; 0 for the processor.")
@click.option("--batch", type=click.IntRange(1, 64), default=8, show_default=True, help="Most requests at once.")
@click.option("--plans", "plans", is_flag=True, help="The plans of full TensorRT instead of the networks.")
@config_option
@click.pass_context
def export(
    ctx: click.Context,
    names: tuple[str, ...],
    folder: Path,
    gpus: int,
    batch: int,
    plans: bool,
    config_file: Path | None,
) -> None:
    """Write the networks NAME, else all that are here but those for whole pictures, for NVIDIA Triton.

    Detectors and what looks for nudity are given whole pictures, so livecam runs them on its own machine. Each network
    is loaded and run first; one that is there already is replaced. Their licences go with them: see livecam models
    licence.
    """
    from livecam.inference.model import WHOLE_PICTURE
    from livecam.inference.triton_export import Terms

    resolved = load(path=config_file)
    models = catalogue(resolved)
    check_known(names, models)
    usable = [model for model in models.values() if model.task not in WHOLE_PICTURE]
    chosen = [models[name] for name in names] or present(resolved, usable)
    if not chosen:
        click.echo(f"There are no networks in {cache_of(resolved)}. See: livecam models list")
        return
    terms = Terms(gpus, batch)
    failed = sum(not _exported(resolved, model, folder, terms, plans) for model in chosen)
    ctx.exit(1 if failed else 0)


def _exported(resolved: Resolved, model: "Model", folder: Path, terms: "Terms", plans: bool) -> bool:
    """Export one, and say how it went; false if it failed."""
    try:
        # The bar is gone before anything is said, else the two would share a line.
        with progress_shown() as progress:
            progress.update(f"{model.name}: exporting", 0, 0)
            made = _write(resolved, model, folder, terms, plans)
    except LivecamError as error:
        click.echo(f"{model.name}: {error}", err=True)
        return False
    together = f"up to {made.most} requests at once" if made.most else "one request at a time"
    click.echo(f"{model.name}: {made.how}, {together}{', ' + made.about if made.about else ''}, {made.folder}")
    return True


def _write(resolved: Resolved, model: "Model", folder: Path, terms: "Terms", plans: bool) -> "Exported":
    from livecam.inference.plans import PlanCache
    from livecam.inference.store import digest_of, installed
    from livecam.inference.triton_export import export_onnx, export_plan

    cache = cache_of(resolved)
    path = installed(model, cache)
    if plans:
        kept = PlanCache(resolved.paths.cache / "plans")
        return export_plan(model, path, digest_of(model, cache), kept, folder, terms)
    return export_onnx(model, path, folder, terms)
