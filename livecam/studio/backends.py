"""The backends by name: what each can do, without torch, and where it is made."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Final, cast

from livecam.errors import ExtraMissing, StudioError
from livecam.studio.terms import Caps, Make, Slot

_NONE: Final[Mapping[Slot, float]] = MappingProxyType({})
_ALL: Final = frozenset(Slot)

CAPS: Final[Mapping[str, Caps]] = MappingProxyType(
    {
        "klein4b": Caps(
            "klein4b",
            "FLUX.2 [klein] 4B",
            "Apache-2.0",
            frozenset(),
            references=4,
            side=1024,
            steps=4,
            strength=0.8,
            scales=_NONE,
            commercial=True,
        ),
        "flux1": Caps(
            "flux1",
            "FLUX.1 [dev]",
            "FLUX.1 [dev] non-commercial 1.1.1",
            _ALL,
            references=0,
            side=1024,
            steps=28,
            strength=0.75,
            scales=MappingProxyType({Slot.TOKENS: 0.5, Slot.ATTENTION: 1.0, Slot.LANDMARKS: 0.8}),
        ),
        "sdxl-instantid": Caps(
            "sdxl-instantid",
            "Stable Diffusion XL",
            "CreativeML OpenRAIL++-M",
            frozenset({Slot.TOKENS, Slot.LANDMARKS}),
            references=0,
            side=1024,
            steps=30,
            strength=0.75,
            scales=MappingProxyType({Slot.TOKENS: 0.8, Slot.LANDMARKS: 0.8}),
            commercial=True,
        ),
        "tiny": Caps(
            "tiny",
            "random weights, FLUX.1's form",
            "MIT",
            _ALL,
            references=0,
            side=128,
            steps=4,
            strength=0.75,
            scales=MappingProxyType(dict.fromkeys(Slot, 1.0)),
            test=True,
            commercial=True,
        ),
    }
)

MAKERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "klein4b": "livecam.studio.engines.klein:make",
        "flux1": "livecam.studio.engines.flux1:make",
        "sdxl-instantid": "livecam.studio.engines.sdxl:make",
        "tiny": "livecam.studio.engines.tiny:make",
    }
)
"""Where each is made."""


def caps_of(name: str) -> Caps:
    """What the backend `name` can do.

    Raises:
        StudioError: There is none of that name.
    """
    if name not in CAPS:
        raise StudioError(f"There is no studio backend {name!r}.", f"There are {', '.join(CAPS)}.")
    return CAPS[name]


def maker_of(name: str) -> Make:
    """The function that loads the backend `name`; imports torch.

    Raises:
        ExtraMissing: torch or diffusers is not installed.
        StudioError: There is none of that name.
    """
    module, _, function = MAKERS[caps_of(name).name].partition(":")
    try:
        return cast(Make, vars(import_module(module))[function])
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "livecam":
            raise
        raise ExtraMissing(
            f"The studio needs {error.name}, which is not installed.", 'Install it: pip install "livecam[studio]"'
        ) from None
