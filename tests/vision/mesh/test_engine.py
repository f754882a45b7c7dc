import tracemalloc
from dataclasses import replace

import cv2
import numpy as np
import pytest

from livecam.canvas.cpu import CpuCanvas
from livecam.core.face import Face, Landmarks, Topology
from livecam.core.frame import NS_PER_S, Image, Points
from livecam.core.persona import Persona
from livecam.core.settings import Eyes, Settings
from livecam.errors import ContractError, FaceUncovered
from livecam.vision.grain import noise_of
from livecam.vision.mesh.engine import MeshSwapper
from livecam.vision.mesh.source import MeshIdentity, Texture, prepare
from tests.vision.mesh.drawn import (
    SHAPE,
    drawn_identity,
    face_of,
    frame_of,
    neutral,
    open_mouth,
    persona_of,
    picture_of,
    points_of,
)

PALE = persona_of(drawn_identity(), "pale")
SETTINGS = Settings(shape=0.5)
WHOLE = np.full(SHAPE[:2], 255, np.uint8)


def swapped(
    image: Image,
    face: Face,
    settings: Settings = SETTINGS,
    swapper: MeshSwapper | None = None,
    persona: Persona = PALE,
) -> Image:
    out = image.copy()
    canvas = CpuCanvas()
    canvas.load(frame_of(out))
    (swapper or MeshSwapper())(canvas, face, persona, settings)
    return out


def change(before: Image, after: Image) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    difference: np.ndarray[tuple[int, ...], np.dtype[np.int64]] = np.abs(before.astype(np.int64) - after).max(axis=2)
    return difference


def inside(points: Points, share: float) -> tuple[slice, slice]:
    low, high = points[:468, :2].min(axis=0), points[:468, :2].max(axis=0)
    middle, half = (low + high) / 2, (high - low) / 2 * share
    x1, y1, x2, y2 = np.rint([*(middle - half), *(middle + half)]).astype(int).tolist()
    return slice(y1, y2), slice(x1, x2)


def test_paints_the_face_and_nothing_outside_the_oval() -> None:
    points = points_of(neutral())
    image = picture_of(points, (60, 200, 90))
    image[:, :, 0] += np.random.default_rng(1).integers(0, 40, image.shape[:2]).astype(np.uint8)
    after = swapped(image, face_of(points))
    changed = change(image, after) > 0
    box = inside(points, 1.02)
    outside = np.ones(image.shape[:2], bool)
    outside[box] = False
    assert not changed[outside].any()
    assert changed[inside(points, 0.6)].mean() > 0.9


def test_a_face_swapped_for_itself_hardly_changes() -> None:
    points = points_of(neutral(), height=260)
    image = picture_of(points)
    persona = persona_of(prepare([(image, points)]), "self")
    after = swapped(image, face_of(points), persona=persona)
    difference = change(image, after)[inside(points, 0.9)]
    assert difference.mean() < 5
    assert np.percentile(difference, 99) < 40


@pytest.mark.parametrize("yaw", [-40, -20, 20, 40])
def test_turned_faces_are_covered(yaw: float) -> None:
    points = points_of(neutral(), yaw=yaw)
    image = picture_of(points, (200, 60, 60))
    after = swapped(image, face_of(points))
    assert (change(image, after)[inside(points, 0.5)] > 0).mean() > 0.9


@pytest.mark.parametrize("centre", [(10, 180), (470, 180), (240, 10), (240, 350)])
def test_faces_at_the_edge_of_the_frame_are_covered_up_to_it(centre: tuple[float, float]) -> None:
    points = points_of(neutral(), centre=centre)
    image = picture_of(points, (60, 200, 90))
    image += np.random.default_rng(1).integers(0, 30, image.shape).astype(np.uint8)
    changed = change(image, swapped(image, face_of(points))) > 0
    rows, columns = inside(points, 0.4)
    part = changed[max(0, rows.start) : rows.stop, max(0, columns.start) : columns.stop]
    assert part.size
    assert part.mean() > 0.9


def test_the_inside_of_an_open_mouth_is_the_wearers() -> None:
    points = points_of(open_mouth(neutral(), 0.12))
    image = picture_of(points)
    x, y = np.rint((points[13, :2] + points[14, :2]) / 2).astype(int)
    image[y - 5 : y + 6, x - 8 : x + 9] = (255, 0, 255)
    after = swapped(image, face_of(points), replace(SETTINGS, shape=0.0))
    np.testing.assert_allclose(after[y, x], (255, 0, 255), atol=10)


@pytest.mark.parametrize(("eyes", "own"), [(Eyes.TARGET, True), (Eyes.SOURCE, False), (Eyes.AUTO, False)])
def test_eyes_are_those_asked_for(eyes: Eyes, own: bool) -> None:
    points = points_of(neutral())
    image = picture_of(points)
    x, y = np.rint(points[468, :2]).astype(int)
    image[y - 2 : y + 3, x - 6 : x + 7] = (255, 0, 255)
    after = swapped(image, face_of(points), Settings(shape=0.0, eyes=eyes))
    green = int(after[y, x, 1])
    assert bool(green < 40 and after[y, x, 0] > 180) is own


def test_auto_shows_the_wearers_eyes_when_they_look_far_aside() -> None:
    points = points_of(neutral())
    width = points[133, 0] - points[33, 0]
    points[468:478, 0] += 0.4 * width
    image = picture_of(points)
    x, y = np.rint(points[468, :2]).astype(int)
    image[y - 3 : y + 4, x - 4 : x + 5] = (255, 0, 255)
    auto = swapped(image, face_of(points), Settings(shape=0.0, eyes=Eyes.AUTO))
    target = swapped(image, face_of(points), Settings(shape=0.0, eyes=Eyes.TARGET))
    np.testing.assert_array_equal(auto, target)


def broken_faces() -> list[tuple[str, Face]]:
    points = points_of(neutral())
    nan, far, flat = points.copy(), points.copy(), points.copy()
    nan[200, 1] = np.nan
    far[7, 0] = 1e7
    flat[:, :2] = 100
    deep = points.copy()
    deep[0, 2] = np.inf
    away = points_of(neutral(), centre=(900, 180))
    five = Face(face_of(points).box, Landmarks(points[:5, :2].copy(), Topology.FIVE), np.zeros(5, np.float32), 1, 1)
    short = replace(face_of(points), depth=np.zeros(5, np.float32))
    return [
        ("nan", face_of(nan)),
        ("far", face_of(far)),
        ("flat", face_of(flat)),
        ("deep", face_of(deep)),
        ("away", face_of(away)),
        ("five", five),
        ("short", short),
    ]


@pytest.mark.parametrize(("name", "face"), broken_faces(), ids=lambda value: value if isinstance(value, str) else "")
def test_what_cannot_be_swapped_raises_and_leaves_the_frame(name: str, face: Face) -> None:
    image = picture_of(points_of(neutral()))
    canvas = CpuCanvas()
    after = image.copy()
    canvas.load(frame_of(after))
    with pytest.raises(ContractError):
        MeshSwapper()(canvas, face, PALE, SETTINGS)
    np.testing.assert_array_equal(after, image)


def test_a_face_turned_too_far_is_not_painted_until_it_has_turned_well_back() -> None:
    swapper = MeshSwapper()
    painted: list[bool] = []
    for yaw in (30, 43, 47, 43, 42, 39, 43):
        points = points_of(neutral(), yaw=yaw)
        image = picture_of(points, (60, 200, 90))
        try:
            painted.append(bool(change(image, swapped(image, face_of(points), swapper=swapper)).any()))
        except FaceUncovered:
            painted.append(False)
    assert painted == [True, True, False, False, False, True, True]


def test_a_face_looks_away_for_itself() -> None:
    """Another one beside it, turned as far but never further, is painted."""
    swapper = MeshSwapper()
    away, beside = (points_of(neutral(), yaw=yaw) for yaw in (53, 43))
    with pytest.raises(FaceUncovered):
        swapped(picture_of(away), face_of(away, 1), swapper=swapper)
    with pytest.raises(FaceUncovered):
        swapped(picture_of(beside), face_of(beside, 1), swapper=swapper)
    swapped(picture_of(beside), face_of(beside, 2), swapper=swapper)


def test_sizes_that_are_rounded_do_not_flip_at_a_border() -> None:
    """Of the persona's textures, one fits this face exactly: noise must not choose another in every frame."""
    border = drawn_identity().levels[1].face_px / 0.95
    swapper, chosen = MeshSwapper(), set()
    level = MeshIdentity.level

    def noted(identity: MeshIdentity, face_px: float) -> Texture:
        texture = level(identity, face_px)
        chosen.add(texture.face_px)
        return texture

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MeshIdentity, "level", noted)
        for height in (border - 1, border + 1, border - 1, border + 1):
            points = points_of(neutral(), height=height)
            swapped(picture_of(points), face_of(points), swapper=swapper)
    assert len(chosen) == 1


def test_a_persona_that_would_not_cover_the_face_is_refused() -> None:
    points = points_of(neutral())
    identity = drawn_identity()
    for level in identity.levels:
        level.image[: level.image.shape[0] // 2, :, 3] = 0
        level.image[:, : level.image.shape[1] // 2, 3] = 0
    with pytest.raises(ContractError, match="covered"):
        swapped(picture_of(points), face_of(points), persona=persona_of(identity))


def test_a_persona_without_mesh_data_is_refused() -> None:
    points = points_of(neutral())
    canvas = CpuCanvas()
    canvas.load(frame_of(picture_of(points)))
    with pytest.raises(ContractError, match="empty"):
        MeshSwapper()(canvas, face_of(points), persona_of(None, "empty"), SETTINGS)


def test_an_error_does_not_spoil_the_next_frame() -> None:
    points = points_of(neutral())
    image = picture_of(points, (60, 200, 90))
    swapper = MeshSwapper()
    wanted = swapped(image, face_of(points))
    with pytest.raises(ContractError):
        swapped(image, broken_faces()[0][1], swapper=swapper)
    np.testing.assert_array_equal(swapped(image, face_of(points), swapper=swapper), wanted)


def test_another_persona_is_lit_anew() -> None:
    points = points_of(neutral())
    image = picture_of(points)
    dark = persona_of(drawn_identity((40, 50, 66)), "dark")
    settings, swapper = Settings(shape=0.0), MeshSwapper()
    swapped(image, face_of(points), settings, swapper, PALE)
    after = swapped(image, face_of(points), settings, swapper, dark)
    np.testing.assert_array_equal(after, swapped(image, face_of(points), settings, persona=dark))


def test_two_faces_keep_their_own_light() -> None:
    points = points_of(neutral())
    bright, dim = picture_of(points), picture_of(points, (60, 75, 100))
    swapper = MeshSwapper()
    alone = swapped(dim, face_of(points, 2))
    for _ in range(3):
        swapped(bright, face_of(points, 1), swapper=swapper)
    np.testing.assert_array_equal(swapped(dim, face_of(points, 2), swapper=swapper), alone)


def test_reset_forgets() -> None:
    points = points_of(neutral())
    swapper = MeshSwapper()
    alone = swapped(picture_of(points), face_of(points))
    swapped(picture_of(points, (100, 140, 190)), face_of(points_of(open_mouth(neutral(), 0.05))), swapper=swapper)
    swapper.reset()
    np.testing.assert_array_equal(swapped(picture_of(points), face_of(points), swapper=swapper), alone)


def test_the_steady_state_allocates_no_image() -> None:
    points = points_of(neutral(), height=300)
    image = picture_of(points)
    swapper, canvas, face = MeshSwapper(), CpuCanvas(), face_of(points)
    canvas.load(frame_of(image))
    for _ in range(3):
        swapper(canvas, face, PALE, SETTINGS)
    tracemalloc.start()
    swapper(canvas, face, PALE, SETTINGS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < image.nbytes // 2


def test_a_face_on_a_noisy_picture_gets_grain_and_another_persona_its_own() -> None:
    points = points_of(neutral(), height=300)
    clean = cv2.GaussianBlur(picture_of(points), (0, 0), 2).astype(np.uint8)
    smooth = persona_of(prepare([(clean, points)]), "smooth")
    noise = np.random.default_rng(2).normal(0, 14, clean.shape[:2])[:, :, None]
    noisy = np.clip(clean + noise, 0, 255).astype(np.uint8)
    middle = inside(points, 0.6)
    found = {}
    for grain in (0.0, 1.0):
        swapper = MeshSwapper(grain=grain)
        found[grain] = [
            # It is measured in the third frame.
            [
                noise_of(swapped(noisy, face_of(points), swapper=swapper, persona=worn)[middle], WHOLE[middle])
                for _ in range(3)
            ][-1]
            for worn in (smooth, persona_of(prepare([(noisy, points)]), "grainy"))
        ]
    (bare, own), (grained, unchanged) = found[0.0], found[1.0]
    assert bare is not None
    assert own is not None
    assert grained is not None
    assert unchanged is not None
    assert grained > 2 * bare
    assert unchanged < 1.2 * own


def test_a_face_on_a_soft_picture_is_as_soft() -> None:
    points = points_of(neutral())
    sharp = picture_of(points)
    soft = cv2.GaussianBlur(sharp, (0, 0), 2.5).astype(np.uint8, copy=False)
    x, y = points[:, :2].mean(axis=0).astype(int).tolist()
    middle = np.s_[y - 80 : y + 80, x - 70 : x + 70]
    persona = persona_of(prepare([(sharp, points)]), "sharp")

    def detail(image: Image) -> float:
        return float(np.abs(cv2.Laplacian(image[middle], cv2.CV_32F)).mean())

    on_sharp, on_soft = (swapped(each, face_of(points), persona=persona) for each in (sharp, soft))
    assert detail(on_soft) < 0.6 * detail(on_sharp)


def test_skin_takes_on_coloured_light_that_wanders_over_it() -> None:
    """Red from the left, blue from the right, and the border between them moves by a fifth of the face a frame."""
    points = points_of(neutral())
    image, box = picture_of(points, (60, 90, 150)), inside(points, 0.7)
    x = (np.arange(SHAPE[1]) - points[:468, 0].min()) / np.ptp(points[:468, 0])
    swapper, errors = MeshSwapper(grain=0.0), []
    for frame in range(12):
        share = 1 / (1 + np.exp(-8 * (x - 0.5 - 0.4 * np.sin(frame / 2))))[None, :, None]
        light = (1 - share) * (0.45, 0.6, 1.15) + share * (1.25, 0.75, 0.5)
        lit = np.clip(image * light, 0, 255).astype(np.uint8)
        after = swapped(lit, face_of(points), swapper=swapper)
        wanted, got = (cv2.blur(each[box].astype(np.float32), (31, 31)) for each in (lit, after))
        errors.append(float(np.abs(got - wanted).mean() / wanted.mean()))
    assert np.mean(errors) < 0.08
    assert max(errors) < 0.12


def test_stages_are_timed() -> None:
    points = points_of(neutral())
    swapper = MeshSwapper()
    swapped(picture_of(points), face_of(points), swapper=swapper)
    told = {"geometry", "raster", "map", "warp", "mask", "light", "relight", "focus", "seam", "grain", "holes", "blend"}
    assert told == set(swapper.stages())
    assert all(duration >= 0 for duration in swapper.stages().values())
    assert SHAPE == (360, 480, 3)


class Film:
    """A swapper that is told when each frame was captured, and a face before a lamp."""

    def __init__(self, timed: bool = True) -> None:
        self.now_ns = 5 * NS_PER_S
        self.points = points_of(neutral())
        self.swapper = MeshSwapper(grain=0.0, now_ns=lambda: self.now_ns) if timed else MeshSwapper(grain=0.0)

    def __call__(self, lamp: float, step_ns: int = NS_PER_S // 30, settings: Settings = SETTINGS) -> Image:
        self.now_ns += step_ns
        image = np.clip(picture_of(self.points, (90, 110, 150)) * lamp, 0, 255).astype(np.uint8)
        return swapped(image, face_of(self.points), settings, self.swapper)

    def light(self, image: Image) -> float:
        return float(image[inside(self.points, 0.6)].mean())


def followed_in(fps: int, part: float) -> float:
    """Seconds until that part of a step of light is on the face."""
    film, wanted = Film(), Film()
    step_ns = NS_PER_S // fps
    before, after = film.light(film(1.0, step_ns)), wanted.light(wanted(1.06))
    for number in range(2 * fps):
        if film.light(film(1.06, step_ns)) - before >= part * (after - before):
            return (number + 1) / fps
    raise AssertionError("The light was not followed in two seconds.")


@pytest.mark.parametrize("fps", [15, 60])
def test_a_face_follows_the_light_in_the_same_time_at_every_frame_rate(fps: int) -> None:
    assert followed_in(fps, 0.9) == pytest.approx(followed_in(30, 0.9), abs=1 / min(fps, 30) + 1e-9)


def test_at_thirty_frames_a_second_a_face_is_painted_as_where_nobody_knows_the_time() -> None:
    timed, plain = Film(), Film(timed=False)
    for lamp in (1.0, 1.02, 1.04, 0.97, 1.3, 1.31, 1.0):
        np.testing.assert_array_equal(timed(lamp), plain(lamp))


def test_after_a_gap_and_without_steadiness_a_face_is_lit_at_once_and_a_clock_that_stands_still_does_no_harm() -> None:
    loose, wanted = replace(SETTINGS, steadiness=0.0), Film()(1.06).astype(int)
    for step_ns, settings in ((NS_PER_S, SETTINGS), (NS_PER_S // 30, loose), (0, loose)):
        film = Film()
        film(1.0)
        box = inside(film.points, 1.0)
        assert np.abs(film(1.06, step_ns, settings)[box] - wanted[box]).mean() < 0.5
    for step_ns in (0, -NS_PER_S):
        film = Film()
        before = film.light(film(1.0))
        assert film.light(film(1.06, step_ns)) == pytest.approx(before, abs=1.0)
        assert film.light(film(2.0, step_ns)) > 1.3 * before, "what jumps is followed all the same"
