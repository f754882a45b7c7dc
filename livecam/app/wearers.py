"""Who is swapped in a run: what faces are told by here, and who is enrolled."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from livecam.config import Config, Paths
from livecam.config.nearest import nearest
from livecam.core.people import Identifier
from livecam.errors import ConfigError, PersonaError
from livecam.faces.enroll import FOLDER, Enrolled, Template, names_in
from livecam.faces.vault import open_vault, system_ring
from livecam.inference.backends import embedded_backend
from livecam.inference.catalogue import catalogue_folders
from livecam.inference.model import Model
from livecam.inference.onnx import load_model_engine
from livecam.inference.recognisers import RECOGNISERS, recogniser_here
from livecam.inference.store import installed
from livecam.vision.associate import LookRules
from livecam.vision.contract import RecogniserContract
from livecam.vision.familiar import FamiliarFace
from livecam.vision.look import EdgeLook, RecognisedLook
from livecam.vision.recognise import Recogniser
from livecam.vision.wearer import LockRules, Look, WearerLock

MOST_FACES: Final = 3
"""So many faces are followed, though one is swapped; each that is there costs a landmark network more.

Where one alone is followed, whoever walks past the wearer is taken for them: in a composed scene of 105 frames the
persona was on the wrong person in 43; with two or more followed, in none.
"""

_EDGE_RULES: Final = LockRules(vague=40)
"""The weak look says "neither" to a wearer who pulls a face; it is given more time."""


def look_of(config: Config, paths: Paths) -> Look:
    """What faces are told by on this machine, with an engine of its own.

    Raises:
        EngineError, ModelError: The recogniser cannot be loaded.
    """
    return recognised_look(config, paths) or EdgeLook()


def recognised_look(config: Config, paths: Paths) -> RecognisedLook | None:
    """The recogniser of this machine, with an engine of its own; None where none is here.

    Raises:
        EngineError, ModelError: It cannot be loaded.
    """
    cache = config.models.cache or paths.models
    model = _recogniser(config, paths)
    if model is None:
        return None
    if not isinstance(model.contract, RecogniserContract):
        raise PersonaError(f"The recipe {model.name} is for no recogniser.", "Take it out of your own recipes.")
    engine = load_model_engine(model, installed(model, cache), str(embedded_backend(config.models.provider)))
    rule = RECOGNISERS[model.name]
    return RecognisedLook(Recogniser(engine, model.contract), model.name, rule.same, rule.other)


def _recogniser(config: Config, paths: Paths) -> Model | None:
    folders = catalogue_folders(paths.recipes, config.models.recipes)
    return recogniser_here(config.models.cache or paths.models, folders)


def likeness_of(tell_apart: RecognisedLook | None) -> LookRules:
    """What a follower may believe of the looks of `tell_apart`, and of small pictures."""
    if tell_apart is None:
        return LookRules()
    return LookRules(same_person=tell_apart.same, other_person=tell_apart.other)


def enrolled_in(paths: Paths) -> Enrolled:
    """The enrolments of this installation.

    Raises:
        PersonaError: The key that sealed them cannot be had.
    """
    return Enrolled(paths.data / FOLDER, open_vault(paths.data, system_ring()))


def anybody_enrolled(paths: Paths) -> bool:
    """Whether somebody is. Touches no key.

    Raises:
        PersonaError: It cannot be told.
    """
    return bool(names_in(paths.data / FOLDER))


@dataclass(frozen=True, slots=True)
class Wearers:
    """Who is swapped in a run. What is known of them was read once, so that nothing that happens later widens it.

    Attributes:
        people: The persona of everybody enrolled, by person; "" for that of the settings. Nobody where none is.
        told: How they are told from others, for the status line.
        digest: Of all this, for what is compared later.
        make: A new identifier, since one has state and one thread.
        apart: What a follower tells people apart by in close calls, with an engine of its own; None where no recogniser
            is here. Not that of the identifier: a follower is made before it, and each part has its own engines.
    """

    people: Mapping[str, str]
    told: str
    digest: str
    make: Callable[[], Identifier]
    apart: Callable[[], RecognisedLook | None] = lambda: None


ANYBODY: Final = Wearers({}, FamiliarFace.told, "", lambda: FamiliarFace(EdgeLook()))
"""Where nobody is enrolled."""


def wearers_of(config: Config, paths: Paths) -> Wearers:
    """Who is swapped: everybody enrolled, or, where nobody is, whoever is followed longest.

    Raises:
        ConfigError: Somebody is to wear something who is not enrolled.
        PersonaError: An enrolment cannot be used, or was made with another recogniser. Then nobody is swapped, rather
            than anybody.
        EngineError, ModelError: The recogniser cannot be loaded.
    """
    if not anybody_enrolled(paths):
        _refuse_strangers(config, ())
        here = _recogniser(config, paths) is not None
        return replace(ANYBODY, apart=lambda: recognised_look(config, paths)) if here else ANYBODY
    templates = enrolled_in(paths).load_all()
    _refuse_strangers(config, tuple(templates))
    told = look_of(config, paths).told
    for template in templates.values():
        _refuse_another_look(template, told)

    def make() -> WearerLock:
        look = look_of(config, paths)
        rules = _EDGE_RULES if isinstance(look, EdgeLook) else None
        for template in templates.values():
            _refuse_another_look(template, look.told)
        return WearerLock(look, {name: template.views for name, template in templates.items()}, rules)

    worn = dict(config.people.worn)
    people = {name: worn.get(name, "") for name in templates}
    digest = hashlib.sha256(told.encode())
    for template in templates.values():
        digest.update(template.name.encode() + template.views.tobytes())
    return Wearers(people, told, digest.hexdigest(), make, lambda: recognised_look(config, paths))


def _refuse_strangers(config: Config, enrolled: tuple[str, ...]) -> None:
    """Raise for whoever is to wear something and is not enrolled."""
    for person, _ in config.people.worn:
        if person in enrolled:
            continue
        what = f"[people] says what {person!r} wears, and nobody is enrolled under that name."
        raise ConfigError(what, nearest(person, enrolled) if enrolled else f"Enrol first: livecam enroll {person}")


def _refuse_another_look(template: Template, told: str) -> None:
    if template.look != told:
        raise PersonaError(
            f"{template.name!r} was enrolled while faces were {template.look}; now they are {told}.",
            f"Enrol again: livecam enroll {template.name}",
        )
