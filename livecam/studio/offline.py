"""Nothing of the studio goes to a network: its libraries are told so before they are imported.

diffusers, transformers and huggingface_hub read these variables once, when they are imported. All files are given by
path besides, so that there is nothing to look up: this is the second lock on a door that is not used.
"""

import os
import sys
from collections.abc import Collection, Mapping, MutableMapping
from types import MappingProxyType
from typing import Final

from livecam.errors import StudioError

SWITCHES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "DIFFUSERS_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        "HF_HUB_DISABLE_XET": "1",
        "DIFFUSERS_DISABLE_REMOTE_CODE": "1",
        "DIFFUSERS_TRUST_REMOTE_KERNELS": "0",
        # Where something asks all the same: an address on this computer that answers to nobody.
        "HF_ENDPOINT": "http://127.0.0.1:9",
        # A warning after each fork, and threads that compete with torch's.
        "TOKENIZERS_PARALLELISM": "false",
    }
)
"""What is set, whatever it was before."""

QUIET: Final[Mapping[str, str]] = MappingProxyType(
    {"TRANSFORMERS_VERBOSITY": "error", "DIFFUSERS_VERBOSITY": "error"},
)
"""What is set unless the user did: warnings of packages that the studio does without tell whoever draws nothing."""

DROPPED: Final = (
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "HF_HUB_ENABLE_HF_TRANSFER",
    "HF_HUB_USER_AGENT_ORIGIN",
    *(f"{kind}_proxy" for kind in ("http", "https", "all")),
    *(f"{kind}_PROXY" for kind in ("HTTP", "HTTPS", "ALL")),
)
"""What is taken away: access tokens, which have no use here, and ways out through a proxy."""

READERS: Final = ("huggingface_hub", "diffusers", "transformers")
"""The libraries that read the variables when they are imported."""


def go_offline(environment: MutableMapping[str, str] = os.environ, imported: Collection[str] | None = None) -> None:
    """Tell the studio's libraries to stay off the network; to be called before any of them is imported. Idempotent.

    Args:
        environment: Of this process.
        imported: Names of the modules that are there; those of this process unless given.

    Raises:
        StudioError: One of them was imported before, with the network allowed: it would not notice any more.
    """
    told = all(environment.get(name) == value for name, value in SWITCHES.items())
    early = [name for name in READERS if name in (sys.modules if imported is None else imported)]
    if early and not told:
        raise StudioError(
            f"{early[0]} was imported before the studio could tell it to stay offline.",
            "Use the studio from a process of its own: livecam studio.",
        )
    environment.update(SWITCHES)
    for name, value in QUIET.items():
        environment.setdefault(name, value)
    for name in DROPPED:
        environment.pop(name, None)
