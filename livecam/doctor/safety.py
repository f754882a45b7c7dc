"""What is checked for nudity and for age, and whether that can be."""

from collections.abc import Iterable

from livecam.config import Resolved
from livecam.doctor.finding import Finding, Status
from livecam.doctor.machine import Machine
from livecam.errors import LivecamError
from livecam.inference.catalogue import catalogue_folders
from livecam.inference.safety import require_safety


def check_safety(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """Whether what is configured to check pictures and photos is here; plainly, where nothing is configured."""
    config, safety = resolved.config, resolved.config.safety
    try:
        folders = catalogue_folders(resolved.paths.recipes, config.models.recipes)
        models = require_safety(safety, folders, config.models.cache or resolved.paths.models)
    except LivecamError as error:
        yield Finding("content", Status.FAIL, error.what, error.next_step)
        return
    complete = bool(models.nudity) and models.age is not None
    how = (
        "" if complete else "livecam models list names networks for 'nudity' and 'age'; docs/safety.md tells the rest."
    )
    yield Finding("content", Status.OK if models.all else Status.INFO, safety.told, how)
