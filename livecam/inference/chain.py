"""The networks of a preset: those it names, each for what it does, and those they need."""

from collections.abc import Mapping
from pathlib import Path

from livecam.config.presets import Preset
from livecam.errors import ConfigError
from livecam.inference.catalogue import load_model
from livecam.inference.model import Model
from livecam.inference.pull import with_needed
from livecam.vision.contract import (
    Contract,
    DetectorContract,
    EnhancerContract,
    MaskerContract,
    MaskerFamily,
    SwapperContract,
)


def networks_of(preset: Preset, folders: tuple[Path, ...]) -> Mapping[str, Model]:
    """The networks of `preset` by name, with what its swapper needs.

    Raises:
        ConfigError: One was named for what it does not do; the sentence names the flag.
        ModelError: There is no such recipe, or it cannot be used.
    """
    named = [load_model(name, folders) for name in preset.networks]
    models = {model.name: model for model in with_needed(named, lambda name: load_model(name, folders))}
    for flag, name, fits in (
        ("--detector", preset.detector, _is_detector),
        ("--swapper", preset.swapper, _is_swapper),
        ("--enhancer", preset.enhancer, _is_enhancer),
        ("--small-enhancer", preset.small_enhancer, _is_enhancer),
        ("--occlusion", preset.occlusion, _tells_occlusion),
        ("--regions", preset.regions, _tells_regions),
    ):
        if name and not fits(models[name].contract):
            task = models[name].task
            raise ConfigError(
                f"{flag} names {name}, which is a network for '{task}', but not of the kind that is wanted there.",
                "`livecam models list` tells what each is for.",
            )
    return models


def _is_detector(contract: Contract) -> bool:
    return isinstance(contract, DetectorContract)


def _is_swapper(contract: Contract) -> bool:
    return isinstance(contract, SwapperContract)


def _is_enhancer(contract: Contract) -> bool:
    return isinstance(contract, EnhancerContract)


def _tells_occlusion(contract: Contract) -> bool:
    return isinstance(contract, MaskerContract) and contract.family is MaskerFamily.XSEG


def _tells_regions(contract: Contract) -> bool:
    return isinstance(contract, MaskerContract) and contract.family is MaskerFamily.BISENET
