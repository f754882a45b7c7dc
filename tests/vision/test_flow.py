"""Carrying landmarks by the flow: pictures that really move, and points that say something else."""

from concurrent.futures import Future

import cv2
import numpy as np
import pytest

from livecam.core.ahead import Ahead
from livecam.core.frame import NS_PER_S, Image, Points
from livecam.errors import EngineError
from livecam.vision.flow import FlowCarrier
from livecam.vision.flow_rules import FlowRules
from livecam.vision.flow_search import Flow
from livecam.vision.mesh.landmarks import SIDE, Crop, Roi
from livecam.vision.mesh.pose import face_height
from livecam.vision.mesh.topology import TOPOLOGY
from tests.vision.test_track import FRAME_NS, mesh_at

HEIGHT = 160.0
WHOLE = Roi(160, 160, 320, 0.0)


def skin() -> Image:
    """(320, 320) u8: smooth structure of several sizes."""
    noise = np.random.default_rng(1).normal(0, 1, (320, 320)).astype(np.float32)
    layers = [cv2.GaussianBlur(noise, (0, 0), sigma) * sigma for sigma in (3, 6, 12)]
    picture: Image = np.clip(128 + 60 * np.sum(layers, axis=0), 0, 255).astype(np.uint8)
    return picture


def crop_of(image: Image, roi: Roi = WHOLE) -> Crop:
    matrix = roi.matrix(SIDE)
    centred = matrix.copy()
    centred[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5
    grey = cv2.warpAffine(image, centred, (SIDE, SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    halved = cv2.resize(grey, (SIDE // 2, SIDE // 2), interpolation=cv2.INTER_AREA)
    return Crop(halved.astype(np.uint8, copy=False), matrix)


def moved(image: Image, x: float, y: float) -> Image:
    matrix = np.array([[1, 0, x], [0, 1, y]])
    return cv2.warpAffine(image, matrix, (320, 320), borderMode=cv2.BORDER_REFLECT).astype(np.uint8, copy=False)


def jittered(points: Points, seed: int, sigma: float = 0.6) -> Points:
    noise = np.random.default_rng(seed).normal(0, sigma, points.shape)
    return (points + noise).astype(np.float32)


def error(points: Points, truth: Points) -> float:
    """Mean distance, px."""
    return float(np.linalg.norm(points[:468, :2] - truth[:468, :2], axis=1).mean())


FACE = mesh_at(160, 160, HEIGHT)


class Film:
    """A carrier and its clock."""

    def __init__(self) -> None:
        self.carrier = FlowCarrier()
        self.now_ns = NS_PER_S

    def next(self, points: Points, crop: Crop | None, steadiness: float = 0.5, step_ns: int = FRAME_NS) -> Points:
        self.now_ns += step_ns
        return self.carrier(points, crop, self.now_ns, steadiness)


def test_noise_is_calmed_on_a_moving_face_without_lag() -> None:
    film, errors = Film(), []
    for frame in range(20):
        shift = np.array([2.0 * frame, 0.7 * frame, 0], np.float32)
        got = film.next(jittered(FACE + shift, frame), crop_of(moved(skin(), float(shift[0]), float(shift[1]))))
        errors.append(error(got, FACE + shift))
    raw = error(jittered(FACE, 0), FACE)
    assert errors[0] == pytest.approx(raw, rel=0.05)
    assert np.mean(errors[8:]) < 0.75 * raw


def shown(way: list[float]) -> list[float]:
    """Px to the right of its first place at which a face is drawn whose picture has moved `way`, px."""
    film, picture = Film(), skin()
    steps = [FACE + np.array([x, 0, 0], np.float32) for x in way]
    drawn = [film.next(points, crop_of(moved(picture, x, 0))) for points, x in zip(steps, way, strict=True)]
    return [float((points - FACE)[:468, 0].mean()) for points in drawn]


def test_a_face_that_sways_in_jerks_is_drawn_steadily() -> None:
    """As a codec shows it that leaves every other picture as it was: by half a px, then not at all."""
    way = [frame // 2 / 2 for frame in range(32)]
    drawn = shown(way)
    assert np.diff(drawn[12:], n=2).std() < 0.3 * np.diff(way[12:], n=2).std()
    assert np.abs(np.subtract(drawn, way)).max() < 0.01 * HEIGHT


def test_a_face_at_rest_that_sets_off_is_followed_without_lag() -> None:
    way = [0.0] * 8 + [3.0 * frame for frame in range(1, 6)]
    assert np.abs(np.subtract(shown(way), way)).max() < 0.0025 * HEIGHT


def test_the_square_may_move_and_turn_and_the_face_not() -> None:
    film = Film()
    for frame in range(10):
        roi = Roi(160 + 4 * np.sin(frame), 160, 310 + 3 * frame, 0.03 * np.cos(frame))
        got = film.next(FACE, crop_of(skin(), roi))
        assert error(got, FACE) < 0.0025 * HEIGHT


def test_flow_alone_would_drift_and_the_network_holds_it() -> None:
    """Ten seconds of a still face under noise."""
    film, random, got = Film(), np.random.default_rng(3), FACE
    for frame in range(300):
        noisy = np.clip(skin() + random.normal(0, 4, (320, 320)), 0, 255).astype(np.uint8)
        got = film.next(jittered(FACE, frame), crop_of(noisy))
    assert np.abs((got - FACE)[:468, :2].mean(axis=0)).max() < 0.1
    assert error(got, FACE) < 0.75 * error(jittered(FACE, 0), FACE)


def test_a_flat_hand_that_comes_past_takes_no_landmark_along() -> None:
    film, got = Film(), FACE
    for frame in range(40):
        image = skin()
        cv2.rectangle(image, (8 * frame, 60), (8 * frame + 90, 260), 180, -1)
        got = film.next(FACE, crop_of(image))
        assert np.linalg.norm((got - FACE)[:468, :2], axis=1).max() < 0.05 * HEIGHT
    assert error(got, FACE) < 0.01 * HEIGHT


def test_an_expression_that_the_flow_missed_comes_through_at_once() -> None:
    film = Film()
    film.next(FACE, crop_of(skin()))
    opened = FACE.copy()
    opened[14, 1] += 0.06 * HEIGHT
    got = film.next(opened, crop_of(skin()))
    assert got[14, 1] == pytest.approx(opened[14, 1], abs=0.2)


def test_irises_follow_the_network_more_than_skin_does() -> None:
    film = Film()
    film.next(FACE, crop_of(skin()))
    shifted = FACE + np.array([0.005 * HEIGHT, 0, 0], np.float32)
    got = film.next(shifted, crop_of(skin())) - FACE
    assert got[468:, 0].mean() > 1.15 * got[:468, 0].mean() > 0


def test_depth_is_steadied_too() -> None:
    film = Film()
    film.next(FACE, crop_of(skin()))
    deeper = FACE + np.array([0, 0, 1], np.float32)
    got = film.next(deeper, crop_of(skin()))
    np.testing.assert_allclose(got[:468, 2] - FACE[:468, 2], 0.3, atol=0.15)


@pytest.mark.parametrize("case", ["steadiness", "no crop", "gap", "backwards", "jump", "reset"])
def test_points_pass_as_they_are(case: str) -> None:
    film = Film()
    film.next(FACE, crop_of(skin()))
    points = jittered(FACE, 1)
    if case == "jump":
        points = points + np.array([0.4 * HEIGHT, 0, 0], np.float32)
    if case == "reset":
        film.carrier.reset()
    step_ns = {"gap": NS_PER_S, "backwards": -FRAME_NS}.get(case, FRAME_NS)
    steadiness = 0.0 if case == "steadiness" else 0.5
    got = film.next(points, None if case == "no crop" else crop_of(skin()), steadiness, step_ns)
    np.testing.assert_array_equal(got, points)


def test_a_cut_to_another_picture_is_over_in_a_few_frames() -> None:
    """The face is where it was, but another one: the flow finds nonsense."""
    film = Film()
    film.next(FACE, crop_of(skin()))
    other = crop_of(np.ascontiguousarray(skin()[::-1, ::-1]))
    errors = [error(film.next(FACE, other), FACE) for _ in range(8)]
    assert max(errors) < 0.05 * HEIGHT
    assert errors[-1] < 0.005 * HEIGHT


def test_heavier_is_calmer_and_the_frame_rate_does_not_matter() -> None:
    def taken(steadiness: float, step_ns: int, frames: int) -> float:
        film = Film()
        got = film.next(FACE, crop_of(skin()))
        for _ in range(frames):
            got = film.next(FACE + np.float32(0.1), crop_of(skin()), steadiness, step_ns)
        return float((got - FACE)[:468, 0].mean()) / 0.1

    assert taken(1.0, FRAME_NS, 1) < taken(0.5, FRAME_NS, 1) < taken(0.2, FRAME_NS, 1)
    assert taken(0.5, FRAME_NS // 2, 2) == pytest.approx(taken(0.5, FRAME_NS, 1), abs=0.06)
    assert face_height(FACE) == pytest.approx(HEIGHT, rel=0.01)


def test_what_was_begun_ahead_is_what_would_have_been_found() -> None:
    """Also when a crop was announced and never came, and when the face jumped in between."""
    carriers = FlowCarrier(), FlowCarrier(ahead=Ahead("test-flow"))
    crop, points = crop_of(skin()), FACE
    for number, step in enumerate([0.0, 2.0, 4.0, 90.0, 91.0, 93.0]):
        crop = crop_of(moved(skin(), step, 0))
        if number == 2:
            carriers[1].look(crop_of(skin()))
        carriers[1].look(crop)
        points = jittered(FACE, number) + np.array([step, 0, 0], np.float32)
        alone, beside = (carrier(points, crop, NS_PER_S + number * FRAME_NS, 0.5) for carrier in carriers)
        np.testing.assert_array_equal(alone, beside)
    carriers[1].look(crop)
    carriers[1].reset()
    np.testing.assert_array_equal(carriers[1](points, crop, 2 * NS_PER_S, 0.5), points)


def test_a_flow_that_does_not_come_is_an_error_of_its_frame_and_the_next_begins_afresh(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("livecam.vision.flow._PATIENCE_S", 0.01)
    never: Future[Flow] = Future()
    ahead, crop = Ahead("test-flow"), crop_of(skin())
    monkeypatch.setattr(Ahead, "__call__", lambda _, work: never)
    carrier = FlowCarrier(ahead=ahead)
    np.testing.assert_array_equal(carrier(FACE, crop, NS_PER_S, 0.5), FACE)
    carrier.look(crop)
    with pytest.raises(EngineError, match="more than a second"):
        carrier(jittered(FACE, 1), crop, NS_PER_S + FRAME_NS, 0.5)
    carrier.look(crop)
    np.testing.assert_array_equal(carrier(jittered(FACE, 2), crop, NS_PER_S + 2 * FRAME_NS, 0.5), jittered(FACE, 2))


def eye_rows(upper_too: bool) -> list[int]:
    lids = TOPOLOGY.lid_pairs[0]
    return [*lids.lower, *(lids.upper if upper_too else ())]


def followed_by(change: Points, rows: list[int]) -> float:
    """What share of a change in the network's points, px, is taken over in the next frame, in `rows` and down."""
    film = Film()
    film.next(FACE, crop_of(skin()))
    got = film.next(FACE + change, crop_of(skin())) - FACE
    return float(got[rows, 1].mean() / change[rows, 1].mean())


def test_lids_that_shut_are_followed_at_once_and_an_eye_that_wanders_is_not() -> None:
    shut, wandered = np.zeros_like(FACE), np.zeros_like(FACE)
    shut[eye_rows(upper_too=False), 1] = -0.012 * HEIGHT
    wandered[eye_rows(upper_too=True), 1] = -0.006 * HEIGHT
    assert followed_by(shut, eye_rows(upper_too=False)) > 0.9
    assert followed_by(wandered, eye_rows(upper_too=True)) < 0.3


def test_lids_that_move_a_little_are_followed_by_what_they_lie_apart_and_their_middle_stays() -> None:
    lids = TOPOLOGY.lid_pairs[0]
    change = np.zeros_like(FACE)
    change[lids.lower, 1] = -0.004 * HEIGHT
    film = Film()
    film.next(FACE, crop_of(skin()))
    got = film.next(FACE + change, crop_of(skin())) - FACE
    apart, middle = got[lids.lower, 1] - got[lids.upper, 1], got[lids.lower, 1] + got[lids.upper, 1]
    assert float(apart.mean()) / (-0.004 * HEIGHT) > 0.6
    assert abs(float(middle.mean())) < 0.5 * 0.004 * HEIGHT


@pytest.mark.parametrize(("opened", "least", "most"), [(0.008, 0.85, 1.15), (0.001, 0.0, 0.7)])
def test_lips_that_part_are_followed_by_what_they_lie_apart_and_noise_of_them_is_not(
    opened: float, least: float, most: float
) -> None:
    """Speech is mostly that: lips that trail are seen to be out of step with the voice."""
    upper, lower = TOPOLOGY.lip_pair
    change = np.zeros_like(FACE)
    change[lower, 1] = opened * HEIGHT
    film = Film()
    film.next(FACE, crop_of(skin()))
    got = film.next(FACE + change, crop_of(skin())) - FACE
    apart, middle = got[lower, 1] - got[upper, 1], got[lower, 1] + got[upper, 1]
    assert least < float(apart.mean()) / (opened * HEIGHT) < most
    assert abs(float(middle.mean())) < 0.5 * opened * HEIGHT


def test_one_landmark_that_is_off_is_followed_more_than_one_of_a_face_that_is_off_all_over() -> None:
    """A fast head scatters all landmarks: that is no expression."""
    alone = np.zeros_like(FACE)
    alone[14, 1] = 0.02 * HEIGHT
    scattered = jittered(np.zeros_like(FACE), 3, 0.01 * HEIGHT)
    scattered[14] = alone[14]
    assert followed_by(alone, [14]) > 1.2 * followed_by(scattered, [14])


def test_a_lamp_moves_no_landmark() -> None:
    """Of smooth skin, and without the network, which would put it right."""
    film = Film()
    film.carrier = FlowCarrier(FlowRules(pose_share=0, skin_share=0, eye_share=0, lip_share=0, scatter=1e6))
    smooth = 128 + 0.2 * (cv2.GaussianBlur(skin(), (0, 0), 3).astype(np.float32) - 128)
    crops = [crop_of((smooth + level).astype(np.uint8)) for level in (0, 8, 0, -8, 0, 8)]
    assert max(error(film.next(FACE, crop), FACE) for crop in crops) < 0.001 * HEIGHT
