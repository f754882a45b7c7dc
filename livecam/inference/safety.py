"""The networks of the content gate: those that are named, each for what it does, and whether they are here."""

from dataclasses import dataclass
from pathlib import Path

from livecam.config import SafetyConfig
from livecam.errors import ConfigError, WeightsCorrupt, WeightsMissing
from livecam.inference.catalogue import load_model
from livecam.inference.model import Model, Task
from livecam.inference.store import installed


@dataclass(frozen=True, slots=True)
class SafetyModels:
    """What is named in section ``safety``.

    Attributes:
        nudity: Look for nudity; may be empty.
        age: Estimates ages; None for none.
    """

    nudity: tuple[Model, ...]
    age: Model | None

    @property
    def all(self) -> tuple[Model, ...]:
        """Each of them."""
        return self.nudity if self.age is None else (*self.nudity, self.age)


def safety_models(config: SafetyConfig, folders: tuple[Path, ...]) -> SafetyModels:
    """The networks that `config` names.

    Args:
        config: Checked configuration.
        folders: Of recipes.

    Raises:
        ConfigError: One was named for what it does not do, or one limit for several; the sentence names the flag.
        ModelError: There is no such recipe, or it cannot be used.
    """
    if config.nudity_limit is not None and len(config.nudity) != 1:
        raise ConfigError(
            "--nudity-limit is in the unit of a single network, and --nudity names none or several.",
            "Leave the limit out, or name one network.",
        )
    nudity = tuple(_model(name, Task.NUDITY, "--nudity", folders) for name in config.nudity)
    return SafetyModels(nudity, _model(config.minors, Task.AGE, "--minors", folders) if config.minors else None)


def require_safety(config: SafetyConfig, folders: tuple[Path, ...], cache: Path) -> SafetyModels:
    """The same, which must be on this machine: what is configured and not here keeps everything from being used.

    Args:
        config: Checked configuration.
        folders: Of recipes.
        cache: Where networks are kept.

    Raises:
        ConfigError: As `safety_models`.
        ModelError: As `safety_models`; or one is missing, damaged, or nobody has vouched for it; the sentence names the
            command.
    """
    models = safety_models(config, folders)
    try:
        for model in models.all:
            installed(model, cache)
    except (WeightsMissing, WeightsCorrupt) as error:
        told = f"The content check that is configured cannot be made, so nothing is sent or worn. {error.what}"
        raise type(error)(told, error.next_step) from error
    return models


def _model(name: str, task: Task, flag: str, folders: tuple[Path, ...]) -> Model:
    model = load_model(name, folders)
    if model.task is not task:
        raise ConfigError(
            f"{flag} names {name}, which is a network for '{model.task}', not for '{task}'.",
            "`livecam models list` tells what each is for.",
        )
    return model
