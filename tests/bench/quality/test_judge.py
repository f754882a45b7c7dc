"""Who judges: the choice, and a recogniser at work."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from livecam.bench.quality import choose
from livecam.bench.quality.choose import choose_judge
from livecam.bench.quality.judge import RecogniserJudge
from livecam.core.seams import Engine, Tensor, TensorSpec
from livecam.inference.catalogue import catalogue_folders, load_model
from livecam.inference.model import STAND_IN, Model
from livecam.inference.store import Presence
from tests.bench.quality.meshes import mesh_at

FOLDERS = catalogue_folders(None)


class Brightness:
    """An engine whose embedding turns with the brightness of the crop."""

    inputs: Mapping[str, TensorSpec] = {}
    outputs: Mapping[str, TensorSpec] = {}

    def __init__(self, length: int = 128) -> None:
        self._length = length

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        (picture,) = feeds.values()
        angle = float(np.asarray(picture, dtype=np.float64).mean()) / 40
        embedding = np.zeros((1, self._length), np.float32)
        embedding[0, :2] = np.cos(angle), np.sin(angle)
        return {"embedding": embedding}

    def close(self) -> None:
        """Nothing to free."""


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of recognisers that are here; dlib is not."""
    here: set[str] = set()

    def engine(model: Model, path: Path, provider: str) -> Engine:
        return Brightness()

    monkeypatch.setattr(choose, "find_spec", lambda _: None)
    monkeypatch.setattr(choose, "presence", lambda m, _: Presence.PRESENT if m.name in here else Presence.ABSENT)
    monkeypatch.setattr(choose, "installed", lambda m, _: Path(m.name))
    monkeypatch.setattr(choose, "load_model_engine", engine)
    return here


def test_a_recogniser_that_is_here_judges_and_the_free_ones_come_first(shelf: set[str]) -> None:
    shelf |= {"arcface_w600k_r50", "sface", "inswapper_128"}
    judge = choose_judge(FOLDERS, Path(), ())
    assert judge is not None
    assert judge.name == "sface"


def test_whoever_takes_part_in_the_swap_is_no_judge_of_it(shelf: set[str]) -> None:
    shelf |= {"arcface_w600k_r50"}
    assert choose_judge(FOLDERS, Path(), ("inswapper_128", "arcface_w600k_r50")) is None
    judge = choose_judge(FOLDERS, Path(), ("inswapper_128",))
    assert judge is not None
    assert judge.name == "arcface_w600k_r50"


def test_nobody_here_is_none(shelf: set[str]) -> None:
    assert choose_judge(FOLDERS, Path(), ()) is None


def test_a_stand_in_judges_nobody(shelf: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    shelf |= {"sface"}

    def load(name: str, folders: tuple[Path, ...]) -> Model:
        model = load_model(name, folders)
        return replace(model, summary=f"{STAND_IN} of {model.summary}")

    monkeypatch.setattr(choose, "load_model", load)
    assert choose_judge(FOLDERS, Path(), ()) is None


def test_a_recogniser_tells_how_unlike_two_faces_are(shelf: set[str]) -> None:
    shelf |= {"sface"}
    judge = choose_judge(FOLDERS, Path(), ())
    assert isinstance(judge, RecogniserJudge)
    mesh = mesh_at(80, 80, 90)
    dark, light, other = (
        judge.describe(np.full((160, 160, 3), level, np.uint8), mesh) for level in (100, 110, 100 + 40 * np.pi / 2)
    )
    assert judge.distance(dark, dark) == pytest.approx(0, abs=1e-6)
    assert 0 < judge.distance(dark, light) < judge.same_person
    assert judge.distance(dark, other) > judge.same_person


def test_dlib_is_taken_where_it_is_installed() -> None:
    pytest.importorskip("_dlib_pybind11", reason="the judges dependency group is not installed")
    judge = choose_judge(FOLDERS, Path(), ())
    assert judge is not None
    assert (judge.name, judge.same_person) == ("dlib", 0.6)
