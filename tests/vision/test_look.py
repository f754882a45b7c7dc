"""The looks that wearers are told by: the same face again, another face, and what cannot be told."""

from collections.abc import Mapping

import cv2
import numpy as np
import pytest

from livecam.core.face import Face, Landmarks, Topology, box_of
from livecam.core.frame import Image, Points
from livecam.core.seams import Tensor, TensorSpec
from livecam.errors import EngineError
from livecam.inference.catalogue import catalogue_folders, load_model
from livecam.vision.contract import RecogniserContract
from livecam.vision.look import EdgeLook, RecognisedLook, tellable
from livecam.vision.portrait.motion import Motion, Pose
from livecam.vision.portrait.puppet import Puppet, Stage
from livecam.vision.recognise import Recogniser

STAGE = Stage(320.0, 226.0, 480 / 42, 640, 480)


@pytest.fixture(scope="module")
def puppet() -> Puppet:
    return Puppet(STAGE)


def seen(puppet: Puppet, pose: Pose, seed: int = 0, light: float = 1.0) -> tuple[Image, Face]:
    """The drawn wearer before a camera, and where the face is."""
    image = np.full((480, 640, 3), 120, np.uint8)
    puppet.draw_still(image)
    puppet.draw(image, pose)
    noisy = image * light + np.random.default_rng(seed).normal(0, 2, image.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8), face_of(puppet.landmarks(pose))


def face_of(points: Points) -> Face:
    mesh = points[:468].astype(np.float32)
    return Face(box_of(mesh), Landmarks(mesh, Topology.MESH468), np.zeros(468, np.float32), 1.0, 1)


def likeness(image: Image, face: Face, other_image: Image, other: Face) -> float:
    one, two = EdgeLook()(image, face), EdgeLook()(other_image, other)
    assert one is not None
    assert two is not None
    return float(one @ two)


def test_a_look_has_length_one(puppet: Puppet) -> None:
    look = EdgeLook()(*seen(puppet, Pose()))
    assert look is not None
    assert look.shape == (288,)
    assert look.dtype == np.float32
    assert np.linalg.norm(look) == pytest.approx(1, abs=1e-5)


def test_a_face_that_talks_and_looks_about_stays_itself(puppet: Puppet) -> None:
    start, motion = seen(puppet, Pose()), Motion(7)
    poses = [motion.at(second) for second in range(12)]
    likes = [likeness(*start, *seen(puppet, pose, n)) for n, pose in enumerate(poses) if abs(pose.yaw) < 10]
    assert len(likes) >= 4
    assert min(likes) > EdgeLook.same


@pytest.mark.parametrize("light", [0.5, 1.4])
def test_the_light_may_be_another(puppet: Puppet, light: float) -> None:
    assert likeness(*seen(puppet, Pose()), *seen(puppet, Pose(), 1, light)) > EdgeLook.same


def test_a_face_of_other_features_is_less_alike_than_any_pose(puppet: Puppet) -> None:
    """The same drawing with its eyes and mouth put elsewhere: another face to any eye."""
    start = seen(puppet, Pose())
    image, face = seen(puppet, Pose())
    swapped = image.copy()
    box = face.box
    top, bottom = int(box.y1), int(box.y2)
    left, right = int(box.x1), int(box.x2)
    swapped[top:bottom, left:right] = cv2.flip(image[top:bottom, left:right], 0)
    assert likeness(*start, swapped, face) < EdgeLook.other


def test_far_turned_and_empty_faces_cannot_be_told(puppet: Puppet) -> None:
    look = EdgeLook()
    image, face = seen(puppet, Pose())
    centre = face.landmarks.points.mean(axis=0)
    far = face_of((face.landmarks.points - centre) * 0.1 + centre)
    assert look(image, far) is None
    turned = face.landmarks.five.copy()
    turned[2, 0] += 0.6 * (turned[1, 0] - turned[0, 0])
    assert not tellable(turned)
    assert tellable(face.landmarks.five)
    assert look(np.full_like(image, 77), face) is None


class Network:
    """A recogniser's network that gives what it is told to."""

    inputs: Mapping[str, TensorSpec] = {}
    outputs: Mapping[str, TensorSpec] = {}

    def __init__(self, embedding: Tensor) -> None:
        self._embedding = embedding
        self.runs = 0

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        self.runs += 1
        if not self._embedding.size:
            raise EngineError("The card is gone.")
        return {"embedding": self._embedding}

    def close(self) -> None:
        pass


def recognised(embedding: Tensor) -> tuple[RecognisedLook, Network]:
    contract = load_model("sface", catalogue_folders(None)).contract
    assert isinstance(contract, RecogniserContract)
    network = Network(embedding)
    return RecognisedLook(Recogniser(network, contract), "sface", 0.363, 0.2), network


def test_a_recogniser_s_look_is_its_embedding_at_length_one(puppet: Puppet) -> None:
    raw = np.random.default_rng(1).normal(size=(1, 128)).astype(np.float32)
    look, _ = recognised(raw)
    found = look(*seen(puppet, Pose()))
    assert found is not None
    np.testing.assert_allclose(found, raw[0] / np.linalg.norm(raw[0]), rtol=1e-5)
    assert (look.told, look.same, look.other) == ("recognised by sface", 0.363, 0.2)


def test_a_recogniser_is_not_asked_about_a_face_that_cannot_be_told(puppet: Puppet) -> None:
    look, network = recognised(np.ones((1, 128), np.float32))
    image, face = seen(puppet, Pose())
    points = face.landmarks.points
    assert look(image, face_of((points - points.mean(axis=0)) * 0.1 + points.mean(axis=0))) is None
    assert network.runs == 0


def test_a_recogniser_that_fails_is_an_error_and_no_look(puppet: Puppet) -> None:
    look, _ = recognised(np.empty((0,), np.float32))
    with pytest.raises(EngineError):
        look(*seen(puppet, Pose()))
