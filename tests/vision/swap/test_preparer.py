"""Identities made of photos: who is refused and why, and what a swapper is given."""

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.core.face import Box, Detection, Landmarks, Topology, box_of
from livecam.core.frame import Image, Points
from livecam.core.seams import Tensor, TensorSpec
from livecam.errors import PhotoRefused
from livecam.faces.photo import Photo
from livecam.faces.prepared import Home
from livecam.faces.sealed import Sealer, public_vault
from livecam.inference.onnx import load_model_engine
from livecam.vision.contract import (
    ConverterContract,
    DetectorContract,
    IdentityKind,
    RecogniserContract,
    SwapperContract,
)
from livecam.vision.detect.choose import make_detector
from livecam.vision.recognise import IdentityConverter, Recogniser
from livecam.vision.swap.identity import NeuralIdentity, latent
from livecam.vision.swap.photo import face_in
from livecam.vision.swap.preparer import EmbeddingMaker, Former, NeuralPreparer, PictureMaker, preparer_version
from livecam.vision.template import Template, points_of
from tests.vision.swap import planted
from tests.vision.swap.conftest import five_at

SIDE = 400
PHOTO = np.full((SIDE, SIDE, 3), 90, np.uint8)
NAMES = ("a.jpg", "b.jpg", "c.jpg")
ANN, BOB = np.eye(512, dtype=np.float32)[:2]


class Faces:
    """A detector that finds planted faces, whatever it is shown."""

    def __init__(self, *fives: Points) -> None:
        self._found = [Detection(_box(five), Landmarks(five.astype(np.float32), Topology.FIVE), 0.9) for five in fives]

    def __call__(self, image: Image, threshold: float) -> list[Detection]:
        assert threshold == 0.5
        return self._found


class FarSighted:
    """A detector that misses faces which fill the picture, as SCRFD does."""

    def __init__(self, five: Points) -> None:
        self._five = five

    def __call__(self, image: Image, threshold: float) -> list[Detection]:
        border = (image.shape[0] - SIDE) // 2
        five = (self._five + border).astype(np.float32)
        return [Detection(_box(five), Landmarks(five, Topology.FIVE), 0.9)] if border else []


class Embeds:
    """A recogniser's engine that tells people apart by how bright the photo is: one embedding for each."""

    inputs: Mapping[str, TensorSpec] = {}
    outputs: Mapping[str, TensorSpec] = {}

    def __init__(self, people: Mapping[int, np.ndarray]) -> None:
        self._people = people

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        grey = float(feeds["picture"][0, 0, 56, 56].astype(np.float64)) * 127.5 + 127.5
        return {"embedding": 20 * self._people[round(grey)][None]}

    def close(self) -> None:
        pass


class Reverses:
    """A converter's engine: the embedding backwards, three times as long."""

    inputs: Mapping[str, TensorSpec] = {}
    outputs: Mapping[str, TensorSpec] = {}

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return {"embedding": 3 * feeds["embedding"][:, ::-1]}

    def close(self) -> None:
        pass


def _box(five: Points) -> Box:
    return box_of(five).grown(0.5)


def recogniser(people: Mapping[int, np.ndarray] | None = None) -> Recogniser:
    contract = planted.model("arcface_w600k_r50").contract
    assert isinstance(contract, RecogniserContract)
    return Recogniser(Embeds(people or {90: ANN}), contract)


def preparer(maker: Callable[[], object], *fives: Points) -> NeuralPreparer:
    faces = Faces(*(fives or (five_at(200, 200, 250),)))
    return NeuralPreparer("neural-test", lambda: faces, maker)  # type: ignore[arg-type]


def grey(level: int) -> Image:
    return np.full((SIDE, SIDE, 3), level, np.uint8)


def test_an_embedding_is_normalised() -> None:
    made = preparer(lambda: EmbeddingMaker(recogniser())).prepare([PHOTO], ["a.jpg"])
    assert made.kind is IdentityKind.EMBEDDING
    np.testing.assert_allclose(made.source, ANN[None], atol=1e-6)
    np.testing.assert_allclose(made.embedding, ANN, atol=1e-6)


def test_a_latent_is_made_with_emap_and_the_embedding_kept() -> None:
    made = preparer(lambda: EmbeddingMaker(recogniser(), Former(emap=planted.EMAP))).prepare([PHOTO], ["a.jpg"])
    assert made.kind is IdentityKind.EMAP
    np.testing.assert_array_equal(made.source, latent(ANN, planted.EMAP)[None])
    np.testing.assert_allclose(made.embedding, ANN, atol=1e-6)


@pytest.mark.parametrize(("normalised", "length"), [(True, 1.0), (False, 3.0)])
def test_a_converted_embedding_is_normalised_or_raw_as_the_recipe_says(normalised: bool, length: float) -> None:
    converter = IdentityConverter(Reverses(), ConverterContract(512, normalised))
    made = preparer(lambda: EmbeddingMaker(recogniser(), Former(converter))).prepare([PHOTO], ["a.jpg"])
    np.testing.assert_allclose(made.source, length * ANN[None, ::-1], atol=1e-5)
    np.testing.assert_allclose(made.embedding, ANN, atol=1e-6)


def test_several_photos_are_pooled() -> None:
    near = (ANN + 0.2 * BOB).astype(np.float32)
    maker = EmbeddingMaker(recogniser({90: ANN, 120: near}))
    made = preparer(lambda: maker).prepare([grey(90), grey(120)], NAMES[:2])
    mean = ANN + near / np.linalg.norm(near)
    np.testing.assert_allclose(made.source[0], mean / np.linalg.norm(mean), atol=1e-5)


def test_a_photo_of_somebody_else_is_refused_by_name() -> None:
    maker = EmbeddingMaker(recogniser({90: ANN, 91: ANN, 120: BOB}))
    with pytest.raises(PhotoRefused, match=r"^b\.jpg: Another person than on the other photos"):
        preparer(lambda: maker).prepare([grey(90), grey(120), grey(91)], NAMES)


@pytest.mark.parametrize(
    ("fives", "message"),
    [
        ([five_at(200, 200, 250), five_at(100, 100, 200)], r"b\.jpg: 2 faces"),
        ([five_at(200, 200, 60)], r"b\.jpg: The face is only \d\d px"),
        ([five_at(30, 200, 250)], r"b\.jpg: The face is cut off"),
        ([five_at(200, 380, 250)], r"b\.jpg: The face is cut off"),
        ([five_at(200, 200, 250) + np.array([[0, 0], [0, 0], [40, 0], [0, 0], [0, 0]])], r"b\.jpg: .* turned away"),
    ],
)
def test_photos_that_cannot_serve_are_refused_by_name(fives: list[Points], message: str) -> None:
    with pytest.raises(PhotoRefused, match=message):
        preparer(lambda: EmbeddingMaker(recogniser()), *fives).prepare([PHOTO], ["b.jpg"])


def test_a_photo_without_a_face_is_refused_by_name() -> None:
    nothing = NeuralPreparer("v", Faces, lambda: EmbeddingMaker(recogniser()))
    with pytest.raises(PhotoRefused, match=r"b\.jpg: No face"):
        nothing.prepare([PHOTO], ["b.jpg"])


def test_a_picture_is_the_aligned_photo_as_the_network_takes_it() -> None:
    """BlendSwap: RGB 0..1, 112 px, ArcFace's template; a spot at the nose lands where the template has the nose."""
    contract = planted.model("blendswap_256").contract
    assert isinstance(contract, SwapperContract)
    five = five_at(210, 190, 300, 15)
    photo = PHOTO.copy()
    cv2.circle(photo, np.rint(five[2]).astype(int).tolist(), 5, (0, 0, 255), -1)
    made = preparer(lambda: PictureMaker(contract.identity), five).prepare([photo], ["a.jpg"])
    assert made.kind is IdentityKind.IMAGE
    assert made.source.shape == (1, 3, 112, 112)
    assert made.embedding.shape == (0,)
    red = made.source[0, 0] - made.source[0, 2]
    rows, columns = np.mgrid[:112, :112]
    spot = (red * columns).sum() / red.sum(), (red * rows).sum() / red.sum()
    np.testing.assert_allclose(spot, points_of(Template.ARCFACE_112_V2, 112)[2], atol=3)
    assert red.max() == pytest.approx(1, abs=0.01)


def test_the_best_photo_is_the_larger_and_more_frontal() -> None:
    contract = planted.model("blendswap_256").contract
    assert isinstance(contract, SwapperContract)
    turned = five_at(200, 200, 300) + np.array([[0, 0], [0, 0], [30, 0], [0, 0], [0, 0]])
    found = iter([Faces(turned), Faces(five_at(200, 200, 280)), Faces(five_at(200, 200, 200))])

    def detector(image: Image, threshold: float) -> list[Detection]:
        return next(found)(image, threshold)

    made = NeuralPreparer("v", lambda: detector, lambda: PictureMaker(contract.identity)).prepare(
        [grey(50), grey(100), grey(150)], NAMES
    )
    np.testing.assert_allclose(made.source, 100 / 255, atol=1e-5)


def test_makers_that_make_no_sense_are_refused() -> None:
    converter = IdentityConverter(Reverses(), ConverterContract(512, True))
    with pytest.raises(ValueError, match="not both"):
        Former(converter, planted.EMAP)
    contract = planted.model("inswapper_128").contract
    assert isinstance(contract, SwapperContract)
    with pytest.raises(ValueError, match="no picture"):
        PictureMaker(contract.identity)


def test_networks_are_loaded_when_they_are_needed_and_once() -> None:
    loaded = []

    def detector() -> Faces:
        loaded.append("detector")
        return Faces(five_at(200, 200, 250))

    def maker() -> EmbeddingMaker:
        loaded.append("maker")
        return EmbeddingMaker(recogniser())

    lazy = NeuralPreparer("v", detector, maker)
    assert loaded == []
    for _ in range(2):
        lazy.prepare([PHOTO], ["a.jpg"])
    assert loaded == ["detector", "maker"]


def test_the_library_keeps_it_and_makes_it_anew_for_another_recipe(tmp_path: Path) -> None:
    """It is a `Preparer`: prepared once, then read, and prepared again when a recipe's digest changes."""
    counted, home = [], Home(tmp_path, Sealer(public_vault(), "ann"), ["d"])

    def maker() -> EmbeddingMaker:
        counted.append(1)
        return EmbeddingMaker(recogniser(), Former(emap=planted.EMAP))

    def made(version: str) -> object:
        lazy = NeuralPreparer(version, lambda: Faces(five_at(200, 200, 250)), maker)
        return home.identity("neural", lazy, lambda: [Photo("a.jpg", ".jpg", b"", PHOTO, "d")])

    one = preparer_version(["swapper", "detector"])
    first, again, other = made(one), made(one), made(preparer_version(["swapper 2", "detector"]))
    assert len(counted) == 2
    for identity in (first, again, other):
        assert isinstance(identity, NeuralIdentity)
        np.testing.assert_array_equal(identity.source, latent(ANN, planted.EMAP)[None])


def test_the_version_names_every_recipe() -> None:
    assert preparer_version(["a", "b"]) == preparer_version(["a", "b"])
    assert len({preparer_version(names) for names in (["a", "b"], ["a", "c"], ["ab"], ["a"])}) == 4


def test_a_face_that_fills_the_photo_is_found_with_room_around_it() -> None:
    """A portrait is the photo that most people have."""
    five = five_at(200, 200, 300)
    found = face_in(PHOTO, "a.jpg", FarSighted(five))
    np.testing.assert_allclose(found.five, five, atol=1e-3)
    assert found.image is PHOTO


@pytest.mark.parametrize(("clip", "frame"), [("d3.mp4", 0), ("d3.mp4", 60), ("d18.mp4", 0)])
def test_a_real_portrait_is_found(clip: str, frame: int, shared_data: Path) -> None:
    """SCRFD 2.5g gives the first two 0.32 and 0.34 as they are."""
    network = planted.model("scrfd_2.5g")
    engine = load_model_engine(network, shared_data / "networks" / "scrfd_2.5g_kps.onnx")
    assert isinstance(network.contract, DetectorContract)
    video = cv2.VideoCapture(str(shared_data / "clips" / clip))
    video.set(cv2.CAP_PROP_POS_FRAMES, frame)
    _, image = video.read()
    found = face_in(np.asarray(image, np.uint8), clip, make_detector(engine, network.contract))
    left, right, nose, *_ = found.five
    assert left[0] < nose[0] < right[0]
    assert 100 < np.hypot(*(right - left)) < 200
