"""The bar of the mesh swap, held by networks that livecam does not use: a small version of ``benchmarks quality``."""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("dlib", reason="the judges dependency group is not installed")
pytest.importorskip("_dlib_pybind11", reason="the judges dependency group is not installed")

from benchmarks.flicker import flicker
from benchmarks.footage import clip, drawn, frame_at, still
from benchmarks.identity import Likening, landmark_change, likeness
from benchmarks.judges import SAME_PERSON, Judge
from benchmarks.rig import Finder, Rig, built_in_picture, embedded_networks, persona_of, points_in
from livecam.app.assemble import Networks
from livecam.core.frame import Image, Size
from livecam.core.persona import Persona
from livecam.core.settings import Settings

pytestmark = pytest.mark.judges
