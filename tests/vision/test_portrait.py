"""The drawn nobodies: drawn as committed, found by real detectors where they were drawn, and two different people."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from livecam.core.frame import Image
from livecam.vision.mesh.detect import ShortRangeDetector
from livecam.vision.mesh.landmarks import MeshLandmarker, Roi
from livecam.vision.portrait import render
from livecam.vision.portrait.__main__ import main
from livecam.vision.portrait.assets import PERSONA_VIEW, demo_parts, persona_photo
from livecam.vision.portrait.geometry import Mesh, canonical, f32, interpolating, proportioned, subdivided
from livecam.vision.portrait.motion import Motion, Pose
from livecam.vision.portrait.puppet import Puppet, Stage
from livecam.vision.portrait.raster import rasterise
from livecam.vision.portrait.recipe import PERSONA, WEARER, FaceShape, PortraitRecipe
from livecam.vision.portrait.render import landmarks_px, portrait
from livecam.vision.portrait.rig import Rig
from livecam.vision.portrait.view import View

ASSETS = Path(str(render.__file__)).parent / "assets"
SMALL = View(160, 160, 4.2, 80.0, 82.0)
STAGE = Stage(320.0, 226.0, 480 / 42, 640, 480)
LIPS = [61, 146, 91, 84, 17, 314, 321, 375, 291, 409, 269, 0, 39, 185]
EYES = [33, 159, 133, 145, 263, 386, 362, 374]


def difference(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    return float(np.abs(np.asarray(one, float) - np.asarray(other, float)).mean())


@pytest.fixture(scope="module")
def puppet() -> Puppet:
    return Puppet(STAGE)


def drawn(puppet: Puppet, pose: Pose) -> Image:
    image = np.full((480, 640, 3), 128, np.uint8)
    puppet.draw_still(image)
    puppet.draw(image, pose)
    return image


@pytest.mark.slow
def test_the_committed_pictures_are_what_the_script_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Drawing depends on floating-point libraries in the last digit, JPEG on its decoder: equal to a few levels."""
    assert main([str(tmp_path)]) == 0
    assert "persona.jpg" in capsys.readouterr().out
    committed = {path.name: path for path in ASSETS.iterdir()}
    assert set(committed) == {path.name for path in tmp_path.iterdir()}
    for name, path in committed.items():
        fresh, kept = (cv2.imread(str(file), cv2.IMREAD_UNCHANGED) for file in (tmp_path / name, path))
        assert fresh is not None
        assert kept is not None
        assert difference(fresh, kept) < 2, name


def test_the_committed_pictures_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in ASSETS.iterdir()}
    assert sizes["persona.jpg"] <= 150_000
    assert sum(size for name, size in sizes.items() if name.startswith("demo")) <= 300_000


def test_the_script_needs_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "OUTDIR" in capsys.readouterr().err


def test_equal_recipes_draw_equal_pictures_and_seeds_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "OVERSAMPLING", 1)
    first = portrait(PERSONA, SMALL)
    assert np.array_equal(first, portrait(PERSONA, SMALL))
    assert difference(first, portrait(replace(PERSONA, seed=99), SMALL)) > 0.2
    assert difference(first, portrait(WEARER, SMALL)) > 10


@pytest.mark.parametrize("recipe", [PERSONA, WEARER], ids=lambda recipe: recipe.name)
def test_networks_find_the_face_where_it_was_drawn(
    recipe: PortraitRecipe, short_range: ShortRangeDetector, landmarker: MeshLandmarker
) -> None:
    """The persona from its photo, the wearer from the puppet at rest: eyes and lips within 3 % of face height."""
    image, truth = persona_photo(), landmarks_px(PERSONA, PERSONA_VIEW)
    if recipe is WEARER:
        still = Puppet(Stage(640.0, 338.0, 720 / 42, 1280, 720))
        image = np.full((720, 1280, 3), 128, np.uint8)
        still.draw_still(image)
        still.draw(image, Pose())
        truth = still.landmarks(Pose())
    found = short_range(image, 0.6)
    assert len(found) == 1
    fit = landmarker(image, Roi.from_detection(found[0]))
    fit = landmarker(image, Roi.from_points(fit.points))
    height = float(np.linalg.norm(truth[10] - truth[152]))
    error = np.linalg.norm(fit.points[:468, :2] - truth, axis=1) / height
    assert fit.presence > 0.9
    assert error[EYES].mean() < 0.02
    assert error[LIPS].mean() < 0.02
    assert error.mean() < 0.03
    assert np.linalg.norm(fit.points[13, :2] - fit.points[14, :2]) / height < 0.02  # the mouth is shut


def test_the_two_faces_have_different_proportions() -> None:
    one, other = proportioned(PERSONA.face), proportioned(WEARER.face)
    assert np.linalg.norm(one - other, axis=1).mean() > 0.25
    assert np.allclose(one[:, 0].mean(), 0, atol=0.02)  # both are symmetric


def test_the_average_face_keeps_the_canonical_outline() -> None:
    plain = proportioned(FaceShape(eye_height=0, eye_width=0, smile=0))
    still = [10, 152, 234, 454, 4, 168]
    assert np.allclose(plain[still], canonical().vertices[still], atol=1e-4)


def test_subdivision_keeps_a_plane_flat_and_counts() -> None:
    square = Mesh(f32([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]), np.array([[0, 1, 2], [0, 2, 3]], np.int32))
    fine = subdivided(square, 2)
    assert len(fine.triangles) == 32
    assert np.abs(fine.vertices[:, 2]).max() == 0


def test_the_smooth_face_passes_through_its_landmarks() -> None:
    points = proportioned(WEARER.face)
    smooth = interpolating(points, canonical().triangles, 2)
    assert np.linalg.norm(smooth.vertices[:468] - points, axis=1).mean() < 0.05


def test_the_nearer_triangle_wins() -> None:
    points = f32([[0, 0], [7, 0], [0, 7]] * 2)
    depth = f32([1, 1, 1, 2, 2, 2])
    triangles = np.array([[3, 4, 5], [0, 1, 2]], np.int32)
    out = rasterise(points, depth, depth[:, None], triangles, (8, 8))[..., 0]
    assert out[1, 1] == pytest.approx(2)
    assert np.isnan(out[7, 7])


def test_a_pose_and_its_inverse_meet() -> None:
    rig = Rig(demo_parts().depth, View(552, 780, 26.0, 276.0, 478.0), proportioned(WEARER.face))
    plane = f32([[0, 0], [3, -3], [-3, 3], [0, 5], [5, 0], [0, -9]])
    for pose in (Pose(), Pose(yaw=22, pitch=-7, roll=6, x=1.0), Pose(yaw=-24, smile=1, brow=1), Pose(mouth_cm=1)):
        there = rig.portrait_to_picture(plane, pose)
        back = rig.picture_to_portrait(there[None], pose)[0]
        assert np.abs(back - plane).max() < 0.12


def test_at_rest_the_puppet_is_the_portrait(puppet: Puppet) -> None:
    assert np.abs(puppet.landmarks(Pose()) - landmarks_px(WEARER, View(640, 480, 480 / 42, 320, 226))).max() < 0.7


def test_only_the_head_and_neck_move(puppet: Puppet) -> None:
    still, turned = drawn(puppet, Pose()), drawn(puppet, Pose(yaw=20, roll=5))
    assert difference(still[150:300, 220:420], turned[150:300, 220:420]) > 5
    assert np.array_equal(still[410:], turned[410:])
    assert np.array_equal(still[:, :120], turned[:, :120])


@pytest.mark.parametrize(
    ("pose", "direction"), [(Pose(yaw=20), (1, 0)), (Pose(yaw=-20), (-1, 0)), (Pose(pitch=8), (0, -1))]
)
def test_the_nose_goes_where_the_head_turns(puppet: Puppet, pose: Pose, direction: tuple[int, int]) -> None:
    moved = puppet.landmarks(pose) - puppet.landmarks(Pose())
    relative = moved[4] - 0.5 * (moved[234] + moved[454])
    assert float(relative @ np.array(direction)) > 5


def test_a_blink_covers_the_eyes_and_nothing_else(puppet: Puppet) -> None:
    opened, shut = drawn(puppet, Pose()), drawn(puppet, Pose(blink=1))
    marks = puppet.landmarks(Pose())
    x, y = (int(v) for v in marks[[159, 145]].mean(axis=0))
    assert opened[y - 2 : y + 3, x - 2 : x + 3].mean() < shut[y - 2 : y + 3, x - 2 : x + 3].mean() - 15
    below = int(marks[2, 1])
    assert np.array_equal(opened[below:], shut[below:])


def test_an_open_mouth_is_dark_and_has_teeth(puppet: Puppet) -> None:
    pose = Pose(mouth_cm=1.2)
    image, marks = drawn(puppet, pose), puppet.landmarks(pose)
    x, top, bottom = int(marks[13, 0]), int(marks[13, 1]), int(marks[14, 1])
    column = image[top : bottom + 1, x - 3 : x + 4].mean(axis=(1, 2))
    assert bottom - top > 8
    assert column.min() < 70
    assert column.max() > 105


def test_the_lids_and_lips_of_the_truth_close() -> None:
    puppet = Puppet(STAGE)
    shut, talking = puppet.landmarks(Pose(blink=1)), puppet.landmarks(Pose(mouth_cm=1))
    assert np.linalg.norm(shut[159] - shut[145]) < 1.0
    assert talking[14, 1] - talking[13, 1] == pytest.approx(480 / 42, rel=0.1)
    assert talking[152, 1] - puppet.landmarks(Pose())[152, 1] > 3  # the chin follows the jaw


def test_events_stay_in_range() -> None:
    motion = Motion(5)
    for pose in (motion.at(i / 30) for i in range(3000)):
        assert 0 <= pose.blink <= 1
        assert pose.mouth_cm >= 0
        assert 0 <= pose.smile <= 1
        assert 0.9 < pose.scale < 1.1


def test_the_persona_photo_is_the_callers_own() -> None:
    photo = persona_photo()
    photo[:] = 0
    assert persona_photo().mean() > 20
    assert photo.shape == (768, 768, 3)
    assert cv2.Laplacian(persona_photo(), cv2.CV_64F).var() > 30
