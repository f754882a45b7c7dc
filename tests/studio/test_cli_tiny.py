"""The whole of ``livecam studio`` with the tiny backend: real torch, real diffusers, random weights."""

import gc
import json
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from livecam.app.stills import Stills
from livecam.app.stills.seeing import StillFaces
from livecam.app.verify import verify_file
from livecam.cli import root
from livecam.inference.weights import cache_folder
from livecam.studio.backends import CAPS, maker_of
from tests.app.stills.opened import on_grey, opened

pytestmark = pytest.mark.studio
torch = pytest.importorskip("torch", reason="no torch here: pip install 'livecam[studio]'")
pytest.importorskip("diffusers", reason="no diffusers here: pip install 'livecam[studio]'")

KEY = b"somebody else's"


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory, mesh_models: Mapping[str, Path]) -> StillFaces:
    """The real networks, loaded once."""
    return opened(tmp_path_factory.mktemp("faces")).faces


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faces: StillFaces) -> None:
    """No test sees this user's files, but for the embedded networks."""
    torch.set_num_threads(1)
    monkeypatch.setattr(gc, "collect", lambda: 0)  # with torch and diffusers it takes a fifth of a second
    monkeypatch.setenv("LIVECAM_MODELS_CACHE", str(cache_folder()))
    for name in ("HOME", "XDG_CONFIG_HOME", "LIVECAM_DATA", "LIVECAM_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for module in ("batch", "slate", "expand"):
        monkeypatch.setattr(f"livecam.cli.studio_{module}.start_log", lambda _: None)
    monkeypatch.setattr(Stills, "faces", faces)
    monkeypatch.setattr("livecam.app.mesh.Networks.ensure", lambda _: None)
    # What of diffusers is imported already was told to stay offline by whoever imported it, or needs no telling here.
    monkeypatch.setattr("livecam.studio.offline.go_offline", lambda: None)
    cv2.imwrite(str(tmp_path / "in.png"), on_grey((60, 20, 200), width=320, height=240))
    monkeypatch.chdir(tmp_path)


def call(*arguments: str) -> Result:
    result = CliRunner().invoke(root, ["studio", *arguments, "--backend", "tiny", "--steps", "1"])
    assert result.exit_code == 0, result.output
    return result


def change(name: str) -> "np.ndarray[tuple[int, ...], np.dtype[np.int_]]":
    """How far each px is from IN's, levels."""
    before, after = cv2.imread("in.png"), cv2.imread(name)
    assert before is not None
    assert after is not None
    return np.abs(after.astype(int) - before).max(axis=2)


def test_a_swap_changes_the_face_and_nothing_else_and_says_what_it_is() -> None:
    said = call("swap", "in.png", "nobody", "out.png", "--no-label", "--report", "r.json")
    assert "TEST" in said.stdout
    moved = change("out.png")
    assert moved[80:160, 120:200].mean() > 20
    assert moved[:, 280:].max() <= 2
    assert moved[:15].max() <= 2
    verdict = verify_file(Path("out.png"), KEY)
    assert verdict.marked
    (picture,) = json.loads(Path("r.json").read_bytes())["pictures"]
    assert (picture["ok"], picture["judged"], picture["attempts"]) == (True, False, 1)


def test_the_same_seed_gives_the_same_face_and_another_another() -> None:
    for name, seed in (("a.png", "3"), ("b.png", "3"), ("c.png", "4")):
        call("swap", "in.png", "nobody", name, "--seed", seed)
    # Marks differ from session to session by two levels at most, each.
    pictures = [cv2.imread(name) for name in ("a.png", "b.png", "c.png")]
    first, same, other = (np.asarray(picture, int) for picture in pictures)
    assert np.abs(first - same).max() <= 4
    assert np.abs(first - other).max() > 40


def test_restore_slate_and_expand_run_through() -> None:
    assert "better.png was made in" in call("restore", "in.png", "better.png").stdout
    call("slate", "nobody", "away.png", "--size", "640x360", "--text", "Back soon")
    drawn = cv2.imread("away.png")
    assert drawn is not None
    assert drawn.shape == (360, 640, 3)
    said = call("expand", "nobody", "--out", "views", "--side", "64")
    assert "Nothing was kept in the identity pack: the backend has random weights." in said.stdout
    assert "each is labelled, marked (session " in said.stdout
    assert len(list(Path("views").glob("*.png"))) == 23, "11 angles in 2 lights, and the sheet"


def test_every_backend_has_a_maker() -> None:
    assert all(callable(maker_of(name)) for name in CAPS)
