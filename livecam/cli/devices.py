"""``livecam cameras`` and ``livecam outputs``: what can be read from and written to."""

import click

from livecam.capture.choose import Choice, choose_format
from livecam.capture.devices import CameraInfo, list_cameras
from livecam.cli.output import Json, examples, json_option, print_json, print_rows
from livecam.config import SourceConfig
from livecam.core.spec import SourceWish
from livecam.output.devices import list_outputs, pipewire_output
from livecam.output.outputs import OutputInfo


@click.command(epilog=examples("livecam cameras", "livecam cameras --json", "livecam run --source camera:0"))
@json_option
def cameras(as_json: bool) -> None:
    """List cameras: INDEX, NAME and PATH may each follow `camera:`."""
    found = list_cameras()
    if as_json:
        print_json([_camera(camera) for camera in found])
        return
    rows = [
        (
            str(camera.index),
            camera.name,
            camera.stable or camera.path,
            _formats(camera),
            str(_chosen(camera)),
            camera.problem or ("virtual" if camera.virtual else ""),
        )
        for camera in found
    ]
    print_rows(
        ("index", "name", "path", "formats", "would be asked for", "note"),
        rows,
        "No camera was found. Try: livecam doctor",
    )


def _formats(camera: CameraInfo) -> str:
    return ", ".join(
        f"{form.fourcc} {form.size}" + (f"@{form.fps[0]:g}" if form.fps else "") for form in camera.formats
    )


def _chosen(camera: CameraInfo) -> Choice:
    """The mode that would be asked for at the size and rate livecam takes when none is named."""
    usual = SourceConfig()
    return choose_format(camera.formats, SourceWish(usual.size, usual.fps))


def _camera(camera: CameraInfo) -> Json:
    return {
        "index": camera.index,
        "name": camera.name,
        "path": camera.path,
        "stable": camera.stable,
        "driver": camera.driver,
        "virtual": camera.virtual,
        "formats": [{"fourcc": form.fourcc, "size": str(form.size), "fps": list(form.fps)} for form in camera.formats],
        "chosen": str(_chosen(camera)),
        "problem": camera.problem,
    }


@click.command(
    epilog=examples("livecam outputs", "livecam outputs --json", "livecam run --sink virtualcam:/dev/video10")
)
@json_option
def outputs(as_json: bool) -> None:
    """List virtual cameras: DEVICE may follow `virtualcam:`, and `pipewire` is a sink by itself."""
    pipewire = pipewire_output()
    found = (*list_outputs(), *([pipewire] if pipewire is not None else []))
    if as_json:
        print_json([_output(output) for output in found])
        return
    rows = [
        (
            output.device,
            output.label,
            output.driver,
            "free" if output.free else f"fed by {output.fed_by}" if output.fed_by else "not usable",
            f"{output.problem} {output.next_step}".strip(),
        )
        for output in found
    ]
    print_rows(("device", "name", "driver", "state", "note"), rows, "No virtual camera was found. Try: livecam doctor")


def _output(output: OutputInfo) -> Json:
    return {
        "device": output.device,
        "name": output.label,
        "driver": output.driver,
        "backend": output.backend,
        "free": output.free,
        "fed_by": output.fed_by,
        "exclusive_caps": output.exclusive_caps,
        "problem": output.problem,
        "next_step": output.next_step,
    }
