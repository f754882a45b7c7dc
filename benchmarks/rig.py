"""The real parts of the swap, put together so that what goes in and what comes out can be seen."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from livecam.app.mesh import FULL_RANGE, LANDMARKS, SHORT_RANGE, Networks
from livecam.canvas.cpu import CpuCanvas
from livecam.core.frame import NS_PER_S, Frame, Image, Points, Size
from livecam.core.persona import Basis, Consent, Persona
from livecam.core.settings import Settings
from livecam.faces.library import built_in_photo
from livecam.inference.weights import cache_folder
from livecam.vision.mesh.detect import FullRangeDetector, ShortRangeDetector
from livecam.vision.mesh.engine import IDENTITY, MeshSwapper
from livecam.vision.mesh.landmarks import MESH_ROWS, Crop, MeshFit, MeshLandmarker, Roi
from livecam.vision.mesh.pose import face_height
from livecam.vision.mesh.topology import rigid_fitter
from livecam.vision.track import Landmarker, MeshFollower

_EYE_CORNERS = (33, 263)


@dataclass(frozen=True, slots=True)
class Swapped:
    """One frame before and after.

    Attributes:
        before: (H, W, 3) u8 BGR, the wearer.
        after: (H, W, 3) u8 BGR, with the persona's face.
        points: (478, 3) f32 px, the smoothed landmarks that were drawn from.
        raw: (478, 3) f32 px, as the network gave them.
        track_ns: Duration of finding the face.
        swap_ns: Duration of painting.
        store_ns: Duration of writing the picture.
    """

    before: Image
    after: Image
    points: Points
    raw: Points
    track_ns: int
    swap_ns: int
    store_ns: int

    @property
    def yaw(self) -> float:
        """Degrees, positive when turned to the image's right."""
        return rigid_fitter()(self.points).angles.yaw

    @property
    def lag(self) -> float:
        """How far the drawn landmarks lie from the found ones, % of the face's height."""
        return 100 * _apart(self.points, self.raw) / face_height(self.raw)


class _Remembering:
    """A landmarker that remembers its last answer: with one face followed, what the smoothing was given."""

    def __init__(self, inner: Landmarker) -> None:
        self._inner = inner
        self.last = np.empty((0, 3), dtype=np.float32)

    def __call__(self, image: Image, roi: Roi, on_crop: Callable[[Crop], None] | None = None) -> MeshFit:
        """See `MeshLandmarker`."""
        fit = self._inner(image, roi, on_crop)
        self.last = fit.points
        return fit


class Rig:
    """Follower, swapper and canvas with default settings, fed frame after frame at a steady rate.

    Args:
        networks: The embedded ones.
        persona: To be worn.
        settings: The user's.
        fps: Of the frames.
    """

    def __init__(self, networks: Networks, persona: Persona, settings: Settings, fps: float = 30.0) -> None:
        self._landmarker = _Remembering(MeshLandmarker(networks.engine(LANDMARKS)))
        near, far = ShortRangeDetector(networks.engine(SHORT_RANGE)), FullRangeDetector(networks.engine(FULL_RANGE))
        self._follow = MeshFollower(near, far, self._landmarker)
        self._swap = MeshSwapper(now_ns=lambda: self._seq * self._step_ns)
        self._canvas = CpuCanvas()
        self._persona = persona
        self._settings = settings
        self._step_ns = round(NS_PER_S / fps)
        self._seq = 0
        self._picture: npt.NDArray[np.uint8] = np.empty((0, 0), dtype=np.uint8)

    def __call__(self, image: Image) -> Swapped | None:
        """Swap the next frame, (H, W, 3) u8 BGR of even sides; it is left as it is. None when no face is found.

        Raises:
            LivecamError: A part failed.
        """
        self._seq += 1
        frame = Frame(image.copy(), self._seq, self._seq * self._step_ns)
        picture = self._picture_for(image)
        started_ns = time.perf_counter_ns()
        self._canvas.load(frame)
        faces = self._follow(self._canvas.pixels, frame.captured_ns, self._settings.steadiness)
        tracked_ns = time.perf_counter_ns()
        if not faces:
            return None
        self._swap(self._canvas, faces[0], self._persona, self._settings)
        swapped_ns = time.perf_counter_ns()
        self._canvas.store(picture)
        stored_ns = time.perf_counter_ns()
        points = np.column_stack([faces[0].landmarks.points, faces[0].depth])
        durations = (tracked_ns - started_ns, swapped_ns - tracked_ns, stored_ns - swapped_ns)
        return Swapped(image, frame.image, points, self._landmarker.last, *durations)

    def swap_stages(self) -> Mapping[str, int]:
        """Duration of each part of the last swap, ns."""
        return self._swap.stages()

    def _picture_for(self, image: Image) -> npt.NDArray[np.uint8]:
        shape = Size(image.shape[1], image.shape[0]).picture_shape
        if self._picture.shape != shape:
            self._picture = np.empty(shape, dtype=np.uint8)
        return self._picture


class Finder:
    """Finds the landmarks again in finished pictures, knowing about where they should be. Smooths nothing."""

    def __init__(self, networks: Networks) -> None:
        self._landmarker = MeshLandmarker(networks.engine(LANDMARKS))

    def change(self, swapped: Swapped) -> float:
        """Mean distance of the landmarks found in the output from those drawn from, % of the outer eye corners'."""
        found = self._landmarker(swapped.after, Roi.from_points(swapped.points)).points
        left, right = _EYE_CORNERS
        corners = np.linalg.norm(swapped.points[left, :2] - swapped.points[right, :2])
        return 100 * _apart(found, swapped.points) / float(corners)


def embedded_networks() -> Networks:
    """The embedded networks on the CPU, fetched if need be.

    Raises:
        ModelError: They cannot be had.
    """
    networks = Networks(cache_folder(), "cpu")
    networks.ensure()
    return networks


def persona_of(networks: Networks, photo: Image, name: str) -> Persona:
    """A persona made of one photo, (H, W, 3) u8 BGR, by the part that makes users' personas.

    Raises:
        PhotoRefused: It does not show one fit face.
    """
    identity = networks.preparer().prepare([photo], [name])
    return Persona(name, {IDENTITY: identity}, Consent(Basis.UNSTATED, "", "2026-01-01T00:00:00+00:00", ()), name)


def built_in_picture() -> Image:
    """(H, W, 3) u8 BGR: the drawn persona that comes with livecam."""
    image = cv2.imdecode(np.frombuffer(built_in_photo(), dtype=np.uint8), cv2.IMREAD_COLOR)
    assert image is not None, "the built-in persona's picture is damaged"
    return image.astype(np.uint8, copy=False)


def points_in(networks: Networks, image: Image) -> Points:
    """(478, 3) f32 px: the landmarks of the one face in a photo.

    Raises:
        LookupError: There is none.
    """
    landmarker = _Remembering(MeshLandmarker(networks.engine(LANDMARKS)))
    near, far = ShortRangeDetector(networks.engine(SHORT_RANGE)), FullRangeDetector(networks.engine(FULL_RANGE))
    if not MeshFollower(near, far, landmarker)(image, 0, 0.0):
        raise LookupError("No face was found in the photo.")
    return landmarker.last


def _apart(points: Points, others: Points) -> float:
    """Mean distance in the image of the face's landmarks, px."""
    return float(np.linalg.norm(points[:MESH_ROWS, :2] - others[:MESH_ROWS, :2], axis=1).mean())
