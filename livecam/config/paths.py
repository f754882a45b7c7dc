"""Where livecam keeps files: the folders of the platform, or those the environment names."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path, user_config_path, user_data_path

APP = "livecam"


@dataclass(frozen=True, slots=True)
class Paths:
    """Places. Nothing here makes a folder.

    Attributes:
        config_file: The file that is read when none is named.
        data: What must not be lost: personas, recordings, own recipes. ``LIVECAM_DATA`` overrides it.
        cache: What can be made again: networks, prepared personas. ``LIVECAM_CACHE`` overrides it.
    """

    config_file: Path
    data: Path
    cache: Path

    @classmethod
    def find(cls, environment: Mapping[str, str] = os.environ) -> "Paths":
        """The places of this user on this machine."""
        data, cache = environment.get("LIVECAM_DATA"), environment.get("LIVECAM_CACHE")
        return cls(
            config_file=user_config_path(APP, appauthor=False) / "livecam.toml",
            data=Path(data).expanduser() if data else user_data_path(APP, appauthor=False),
            cache=Path(cache).expanduser() if cache else user_cache_path(APP, appauthor=False),
        )

    @property
    def personas(self) -> Path:
        """One folder for each persona."""
        return self.data / "personas"

    @property
    def recordings(self) -> Path:
        """Recordings that were not given a path."""
        return self.data / "recordings"

    @property
    def recipes(self) -> Path:
        """The user's own recipes of networks."""
        return self.data / "recipes"

    @property
    def models(self) -> Path:
        """Networks, fetched and converted."""
        return self.cache / "models"

    @property
    def prepared(self) -> Path:
        """Prepared data of the built-in persona."""
        return self.cache / "personas"
