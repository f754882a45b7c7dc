"""Configuration, folders, free space, networks and personas."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from livecam.config import Resolved
from livecam.doctor.finding import Finding, Status
from livecam.doctor.machine import Machine
from livecam.errors import LivecamError, PersonaError

_MB: Final = 1_000_000
_LEAST_FREE: Final = {"cache": 200 * _MB, "data": 50 * _MB, "recordings": 1000 * _MB}
"""Networks with their download, personas, and about ten minutes of recording."""


def check_config(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """Which file is in force. One that is not valid stops the command before this."""
    if resolved.file is None:
        yield Finding(
            "config",
            Status.INFO,
            f"No {resolved.paths.config_file}; the defaults are in force.",
            "livecam config example > livecam.toml",
        )
    else:
        yield Finding("config", Status.OK, f"{resolved.file} is valid.")
    if resolved.config.privacy.passthrough:
        yield Finding(
            "passthrough",
            Status.WARN,
            f"Passthrough is on ({resolved.origins['privacy.passthrough']}): your own face will be sent.",
            "Set privacy.passthrough = false.",
        )


def _folders(resolved: Resolved) -> Mapping[str, Path]:
    return {
        "cache": resolved.config.models.cache or resolved.paths.models,
        "data": resolved.paths.personas,
        "recordings": resolved.config.output.recordings or resolved.paths.recordings,
    }


def check_folders(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """Whether livecam may write where it must."""
    for role, folder in _folders(resolved).items():
        refusal = machine.refusal(folder)
        if refusal:
            # Recordings are made only when asked for, or beside a preview that does not need them.
            status = Status.WARN if role == "recordings" else Status.FAIL
            step = f"Make {folder} writable, or set LIVECAM_DATA or LIVECAM_CACHE to another folder."
            yield Finding("folders", status, f"{folder} ({role}) cannot be written: {refusal}.", step)
        else:
            yield Finding("folders", Status.OK, f"{folder} ({role}) is writable.")


def check_disk(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """Whether there is room for what livecam writes."""
    for role, folder in _folders(resolved).items():
        free = machine.free_bytes(folder)
        told = f"{free / _MB:,.0f} MB free at {folder} ({role})"
        if free < _LEAST_FREE[role]:
            yield Finding(
                "disk", Status.WARN, f"{told}; {_LEAST_FREE[role] // _MB} MB may be needed.", "Free some space."
            )
        else:
            yield Finding("disk", Status.OK, f"{told}.")


def check_models(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """Whether the networks are here and are what they should be."""
    try:
        networks = machine.networks()
    except ImportError as error:
        yield Finding(
            "models", Status.FAIL, f"They cannot be checked: {error}.", "pip install --force-reinstall livecam"
        )
        return
    for network in networks:
        if network.present:
            yield Finding("models", Status.OK, f"{network.name}: {network.detail}.")
    missing = [network for network in networks if not network.present]
    if not missing:
        return
    told = "; ".join(f"{network.name}: {network.detail}" for network in missing)
    if all(network.archive_mb for network in missing):
        megabytes = sum({network.archive: network.archive_mb for network in missing}.values())
        told = f"{told}; the first run will fetch {megabytes:.0f} MB."
        yield Finding("models", Status.WARN, told, "livecam models fetch")
    else:
        yield Finding("models", Status.FAIL, f"{told}; nothing here can fetch it.", "livecam models fetch --from FILE")


def check_preset(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """Whether the published networks of the configured preset are here."""
    preset = resolved.config.neural.preset
    try:
        networks = machine.preset_networks()
    except LivecamError as error:
        yield Finding("preset", Status.FAIL, error.what, error.next_step)
        return
    missing = [network for network in networks if not network.present]
    if missing:
        told = ", ".join(f"{network.name} ({network.archive_mb:,.0f} MB)" for network in missing)
        command = f"livecam models pull {' '.join(network.name for network in missing)}"
        yield Finding("preset", Status.FAIL, f"{preset} needs {told}.", command)
    elif networks:
        yield Finding("preset", Status.OK, f"{preset}: {', '.join(network.name for network in networks)}.")
    else:
        yield Finding("preset", Status.INFO, f"{preset}: no published network is needed.", "livecam models list")


def check_personas(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """Whether the configured persona and all others can be read."""
    try:
        from livecam.faces.library import PersonaLibrary
    except ImportError:
        # The library reads photos with OpenCV, and `check_opencv` tells that it does not load.
        return
    library = PersonaLibrary(resolved.paths.personas, {}, resolved.paths.prepared)
    wanted = resolved.config.face.persona
    try:
        problem = library.show(wanted).problem
        if problem:
            yield Finding("persona", Status.FAIL, problem, f"livecam faces consent {wanted}")
        else:
            yield Finding("persona", Status.OK, f"{wanted!r} can be worn.")
        others = [entry for entry in library.entries() if entry.name != wanted]
    except PersonaError as error:
        yield Finding("persona", Status.FAIL, error.what, error.next_step)
        return
    for entry in others:
        if entry.problem:
            step = "remove" if entry.consent is None else "consent"
            yield Finding("persona", Status.WARN, entry.problem, f"livecam faces {step} {entry.name}")
