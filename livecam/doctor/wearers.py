"""Who is enrolled, and what they are told by."""

from collections.abc import Iterable

from livecam.config import Resolved
from livecam.doctor.finding import Finding, Status
from livecam.doctor.machine import Machine
from livecam.errors import LivecamError
from livecam.inference.catalogue import catalogue_folders
from livecam.inference.recognisers import recogniser_here


def check_wearers(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """Whether only those who enrolled are swapped, and how they are told from others. Touches no key."""
    try:
        from livecam.faces.enroll import FOLDER, names_in
    except ImportError:
        # It looks at pictures with OpenCV, and `check_opencv` tells that it does not load.
        return
    try:
        names = names_in(resolved.paths.data / FOLDER)
        recogniser = _recogniser(resolved)
    except LivecamError as error:
        yield Finding("wearers", Status.FAIL, error.what, error.next_step)
        return
    strangers = [person for person, _ in resolved.config.people.worn if person not in names]
    if strangers:
        told = f"[people] names {', '.join(map(repr, strangers))}, and nobody is enrolled so."
        yield Finding("wearers", Status.FAIL, told, f"livecam enroll {strangers[0]}")
    elif not names:
        told = "Nobody is enrolled: whoever is followed longest is swapped."
        yield Finding("wearers", Status.INFO, told, "livecam enroll")
    else:
        yield _enrolled(names, recogniser)


def _recogniser(resolved: Resolved) -> str:
    """The network that tells people apart here; "" for none."""
    models = resolved.config.models
    folders = catalogue_folders(resolved.paths.recipes, models.recipes)
    model = recogniser_here(models.cache or resolved.paths.models, folders)
    return model.name if model is not None else ""


def _enrolled(names: tuple[str, ...], recogniser: str) -> Finding:
    who = f"Only {', '.join(map(repr, names))} {'is' if len(names) == 1 else 'are'} swapped"
    if recogniser:
        return Finding("wearers", Status.OK, f"{who}, recognised by {recogniser}.")
    weak = f"{who}, told by the look of the face, which is weak: strangers are seldom told to be strangers."
    return Finding("wearers", Status.WARN, weak, "livecam models pull sface, then livecam enroll NAME")
