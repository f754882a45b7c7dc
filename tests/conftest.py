"""Fixtures for every room: the embedded networks, and the clips and networks that are kept beside a checkout."""

import os
from pathlib import Path

import pytest

from tests.inference.conftest import mesh_models, mesh_wheel, recipes

__all__ = ["mesh_models", "mesh_wheel", "recipes"]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with ``clips/`` and ``networks/``; a test that needs it skips where it is absent."""
    root = Path(os.environ.get("LIVECAM_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    data = root / "data"
    if not (data / "clips").is_dir():
        pytest.skip(f"no test clips: {data} is absent; LIVECAM_SHARED can name the folder that holds data/")
    return data
