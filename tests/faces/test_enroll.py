"""Enrolment: what is kept, what is asked for, and what is refused."""

import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from livecam.core.face import Face, Landmarks, Topology, box_of
from livecam.core.frame import Image
from livecam.errors import PersonaError
from livecam.faces.enroll import LEAST_VIEWS, Enrolled, Guide, Template
from livecam.faces.vault import Vault
from livecam.vision.mesh.topology import TOPOLOGY
from livecam.vision.recognise import Embedding

SIZE = 240


def head(yaw: float, pitch: float = 0.0) -> Face:
    """The canonical face, turned; degrees."""
    y, p = math.radians(yaw), math.radians(pitch)
    across = np.array([[math.cos(y), 0, -math.sin(y)], [0, 1, 0], [math.sin(y), 0, math.cos(y)]])
    down = np.array([[1, 0, 0], [0, math.cos(p), math.sin(p)], [0, -math.sin(p), math.cos(p)]])
    points = TOPOLOGY.canonical.astype(np.float64) @ (across @ down).T * 120 + SIZE / 2
    flat = points[:, :2].astype(np.float32)
    return Face(box_of(flat), Landmarks(flat, Topology.MESH468), points[:, 2].astype(np.float32), 1.0, 1)


def picture(contrast: float = 40.0) -> Image:
    noise = np.random.default_rng(0).normal(128, contrast, (SIZE, SIZE, 3))
    return np.clip(noise, 0, 255).astype(np.uint8)


class Looks:
    """Sees whoever it is told to."""

    told, same, other = "by plan", 0.6, 0.3

    def __init__(self) -> None:
        self.sees: Embedding | None = np.array([1, 0], np.float32)

    def __call__(self, image: Image, face: Face) -> Embedding | None:
        return self.sees


def turned(guide: Guide) -> Guide:
    for yaw, pitch in ((0, 0), (-15, 0), (-30, 0), (15, 0), (30, 0), (0, -12), (0, 12)):
        guide.take(picture(), (head(yaw, pitch),))
    return guide


def test_a_whole_turn_gives_a_template_with_a_view_of_each_side() -> None:
    guide = turned(Guide(Looks()))
    assert guide.progress == 1.0
    template = guide.template("ann", datetime(2026, 1, 2, tzinfo=UTC))
    assert template.views.shape == (7, 2)
    assert (template.name, template.look, template.made) == ("ann", "by plan", "2026-01-02T00:00:00+00:00")


def test_it_says_what_to_do_next() -> None:
    guide, hints = Guide(Looks()), []
    for yaw, pitch in ((-30, 0), (0, 0), (30, 0), (0, -12), (0, 12)):
        guide.take(picture(), (head(yaw, pitch),))
        hints.append(guide.hint)
    assert hints[0] == "Look into the camera."
    assert hints[1] == "Turn slowly to your left."
    assert {"Look down a little.", "Look up a little."} & set(hints[2:4])
    assert hints[-1] == "Turn slowly to all sides."


def test_only_the_sharpest_view_of_a_side_is_kept() -> None:
    looks = Looks()
    guide = Guide(looks)
    for contrast, seen in ((10, (1.0, 0.0)), (60, (0.8, 0.6)), (20, (1.0, 0.0))):
        looks.sees = np.array(seen, np.float32)
        guide.take(picture(contrast), (head(0),))
    looks.sees = np.array([1, 0], np.float32)
    views = turned_without_front(guide).template("ann").views
    assert sum(bool(np.allclose(view, (0.8, 0.6))) for view in views) == 1


def turned_without_front(guide: Guide) -> Guide:
    for yaw, pitch in ((-15, 0), (-30, 0), (15, 0), (30, 0)):
        guide.take(picture(), (head(yaw, pitch),))
    return guide


@pytest.mark.parametrize(
    ("faces", "hint"),
    [((), "Nobody is seen."), ((head(0), head(0)), "Somebody else is in the picture: only one person, please.")],
)
def test_it_wants_exactly_one_face(faces: tuple[Face, ...], hint: str) -> None:
    guide = Guide(Looks())
    assert not guide.take(picture(), faces)
    assert guide.hint == hint
    assert guide.progress == 0


def test_somebody_else_who_takes_over_is_not_kept() -> None:
    looks = Looks()
    guide = Guide(looks)
    guide.take(picture(), (head(0),))
    looks.sees = np.array([0, 1], np.float32)
    assert not guide.take(picture(90), (head(30),))
    assert "somebody else" in guide.hint


def test_a_face_that_cannot_be_told_is_not_kept() -> None:
    looks = Looks()
    looks.sees = None
    guide = Guide(looks)
    assert not guide.take(picture(), (head(0),))
    assert "Come nearer" in guide.hint


@pytest.mark.parametrize("angles", [[(0, 0)], [(0, 0), (15, 0), (30, 0), (0, 12), (15, 12), (30, 12)]])
def test_too_little_is_refused_with_what_is_missing(angles: list[tuple[float, float]]) -> None:
    guide = Guide(Looks())
    for yaw, pitch in angles:
        guide.take(picture(), (head(yaw, pitch),))
    with pytest.raises(PersonaError, match=f"at least {LEAST_VIEWS}, from one side only"):
        guide.template("ann")


def template(name: str = "ann") -> Template:
    return Template(name, "by plan", np.eye(3, dtype=np.float32), "2026-01-02T00:00:00+00:00")


def test_what_is_kept_comes_back_and_is_sealed(tmp_path: Path) -> None:
    folder = tmp_path / "wearers"
    kept = Enrolled(folder, Vault(bytes(32)))
    assert kept.names() == ()
    kept.keep(template())
    kept.keep(template("bob"))
    assert kept.names() == ("ann", "bob")
    loaded = kept.load_all()["ann"]
    assert (loaded.name, loaded.look, loaded.made) == ("ann", "by plan", "2026-01-02T00:00:00+00:00")
    assert np.array_equal(loaded.views, np.eye(3))
    assert b"by plan" not in (folder / "ann.wearer").read_bytes()
    assert (folder / "ann.wearer").stat().st_mode & 0o77 == 0
    kept.forget("ann")
    assert kept.names() == ("bob",)


def test_another_case_is_the_same_person(tmp_path: Path) -> None:
    kept = Enrolled(tmp_path, Vault(bytes(32)))
    kept.keep(template("Ann"))
    assert kept.load("Ann").name == "Ann"
    kept.forget("aNN")
    assert kept.names() == ()


@pytest.mark.parametrize("name", ["bob", "../bob"])
def test_nobody_of_that_name_is_a_sentence(tmp_path: Path, name: str) -> None:
    kept = Enrolled(tmp_path, Vault(bytes(32)))
    for act in (kept.load, kept.forget):
        with pytest.raises(PersonaError):
            act(name)


def test_a_template_of_somebody_else_under_ones_name_is_refused(tmp_path: Path) -> None:
    kept = Enrolled(tmp_path, Vault(bytes(32)))
    kept.keep(template("ann"))
    (tmp_path / "ann.wearer").rename(tmp_path / "bob.wearer")
    with pytest.raises(PersonaError, match="bob"):
        kept.load("bob")


@pytest.mark.parametrize("content", [b"", b"{}\n", b'{"version": 9, "name": "ann"}\n', b"\x80\n\x80"])
def test_rubbish_inside_is_refused(tmp_path: Path, content: bytes) -> None:
    vault = Vault(bytes(32))
    (tmp_path / "ann.wearer").write_bytes(vault.seal(content, "ann"))
    with pytest.raises(PersonaError, match="Enrol again"):
        Enrolled(tmp_path, vault).load("ann")


def test_a_disk_that_refuses_is_a_sentence_and_the_old_template_stays(tmp_path: Path) -> None:
    kept = Enrolled(tmp_path, Vault(bytes(32)))
    kept.keep(template())
    (tmp_path / ".ann.wearer.new").mkdir()
    with pytest.raises(PersonaError, match="cannot be written"):
        kept.keep(template())
    assert kept.load("ann")
