"""The mesh swap: paints a persona over one face, by warping its photo on to the wearer's landmarks."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from livecam.core.face import Face, Topology
from livecam.core.frame import Image, Points
from livecam.core.persona import Persona
from livecam.core.seams import Canvas
from livecam.core.settings import Settings
from livecam.errors import ContractError, FaceUncovered
from livecam.vision.grain import Grain, GrainPattern
from livecam.vision.mesh.before import Before
from livecam.vision.mesh.holes import Hole, HoleMaker, eye_shares
from livecam.vision.mesh.known import Known
from livecam.vision.mesh.lids import LidCloser
from livecam.vision.mesh.light import LightGrid, light_matrix
from livecam.vision.mesh.lips import parted
from livecam.vision.mesh.mask import MaskMaker, confidence
from livecam.vision.mesh.pose import face_height
from livecam.vision.mesh.raster import Grid, Rasteriser
from livecam.vision.mesh.scratch import Scratch
from livecam.vision.mesh.shape import ShapeTransfer
from livecam.vision.mesh.source import MeshIdentity, Texture
from livecam.vision.mesh.topology import LANDMARKS, TOPOLOGY, facing, rigid_fitter
from livecam.vision.mesh.warp import Affines, Sampled, SeenTriangles, Warper, affines_to
from livecam.vision.mesh.whites import EyeLighter, Warped, openness_of, skin_gains, white_of
from livecam.vision.occlude import Occluder
from livecam.vision.wearers import Wearers

IDENTITY: Final = "mesh"
"""The key of this engine's data in `Persona.identity`."""

GRAIN: Final = 0.5
"""How much of the missing grain is added; more of what stands still in the frame shows as dirt on what moves."""

_FINEST = 256
_MARGIN = 0.04
_SMALLEST_FACE_PX = 16.0
# In frame heights, how far away a landmark may lie from the frame; the network's own guesses stay far below.
_FARTHEST = 4.0
_FEWEST_CELLS = 8
# Share of the oval that must be painted. Less is left of an extreme profile only, and is no swap.
_LEAST_COVER = 0.35


@dataclass(frozen=True, slots=True)
class _Drawing:
    """What one call draws.

    Attributes:
        shown: (V, 3) f32 px: where the persona's face goes.
        own: (V, 3) f32 px: where the wearer's is.
        texture: The persona's face.
        judged: (T,) u8: how far each triangle's texture can be trusted.
        height: Of the wearer's face, px, about.
        eyes: How far each eye is to show the wearer's own, 0..1.
        grid: The part of the frame to draw on.
    """

    shown: Points
    own: Points
    texture: Texture
    judged: Image
    height: float
    eyes: tuple[float, float]
    grid: Grid


@dataclass(frozen=True, slots=True)
class _Maps:
    """The triangle seen in each cell, and where each triangle's content comes from in the texture and in the frame."""

    seen: SeenTriangles
    texture: Affines
    frame: Affines


class MeshSwapper:
    """The `Swapper` of the mesh engine. Owns its working memory; one thread.

    The frame is only read while the new face is made elsewhere; when that is complete and sound, it is patched in.

    Args:
        occluder: Finds what stands before the face and is to stay visible; nothing is, without.
        grain: 0..1, how much of the grain that the camera's picture has and the persona's photo lacks is added.
        now_ns: The time of the frame at hand, for what is smoothed over it; None where nobody knows.
    """

    def __init__(
        self, occluder: Occluder | None = None, grain: float = GRAIN, now_ns: Callable[[], int | None] = lambda: None
    ) -> None:
        self._now_ns = now_ns
        self._before = Before(occluder)
        self._scratch = Scratch()
        self._raster = Rasteriser(TOPOLOGY)
        self._warper = Warper(_FINEST, self._scratch)
        self._mask = MaskMaker(TOPOLOGY, self._scratch)
        self._lids = LidCloser(self._scratch)
        self._holes = HoleMaker(TOPOLOGY, self._scratch, self._warper)
        self._light = LightGrid(self._scratch, self._warper)
        self._eyes = EyeLighter(self._scratch)
        self._transfer = ShapeTransfer(TOPOLOGY)
        self._fit = rigid_fitter()
        pattern = GrainPattern()
        self._wearers = Wearers(lambda: Known(Grain(pattern, grain)))
        self._stages: dict[str, int] = {}
        self._mark_ns = 0

    def __call__(self, canvas: Canvas[Image], face: Face, persona: Persona, settings: Settings) -> None:
        """Paint `persona` over `face`.

        Raises:
            ContractError: The landmarks are no usable mesh, or the persona has no mesh data. The canvas is untouched.
            FaceUncovered: The face is turned too far away, or too little of it could be covered. The canvas is
                untouched.
            EngineError: The occluder's network failed. The canvas is untouched.
        """
        self._mark_ns = time.perf_counter_ns()
        frame = canvas.pixels
        identity = _identity(persona)
        points = _checked(face, frame.shape)
        self._before.begin(frame, face)
        wearer = self._wearers[face.track_id]
        wearer.wears(persona.digest)
        drawing = self._drawing(points, wearer, identity, settings, frame.shape)
        self._lap("geometry")
        maps = self._maps(drawing)
        warped = self._warped(drawing, maps)
        oval, alpha = self._masks(drawing, maps, warped.image)
        whole = cv2.mean(oval)[0]
        self._before.darken(oval, drawing.grid)
        holes = self._holes(drawing.shown, drawing.grid, drawing.height, drawing.eyes)
        self._lap("mask")
        wearer.tick(self._now_ns(), settings.steadiness)
        painted = self._relit(drawing, maps, frame, (oval, holes), wearer, warped)
        grid = drawing.grid
        covered = grid.inside(frame)
        wearer.focus(painted, covered, alpha, wearer.step)
        self._lap("focus")
        wearer.seam(painted, covered, alpha, wearer.step)
        self._lap("seam")
        wearer.grain(painted, covered, alpha, grid.left, grid.top, wearer.step)
        self._lap("grain")
        self._holes.fill(painted, Sampled(frame, maps.frame), maps.seen, holes)
        self._lap("holes")
        if self._before.leave(alpha, grid, whole):
            self._lap("occlusion")
        canvas.patch(painted, alpha, grid.left, grid.top)
        self._lap("blend")

    def reset(self) -> None:
        """Forget every wearer's light and proportions, and what stood before them."""
        self._wearers.clear()
        self._before.reset()

    def stages(self) -> Mapping[str, int]:
        """Duration of each stage of the last call, ns."""
        return self._stages

    def _drawing(
        self, points: Points, wearer: Known, identity: MeshIdentity, settings: Settings, shape: tuple[int, ...]
    ) -> _Drawing:
        """Where everything goes.

        Raises:
            ContractError: Nothing of the face lies in the frame.
            FaceUncovered: It is turned too far away.
        """
        pose = self._fit(points)
        turn = pose.turn
        if wearer.looks_away(turn):
            raise FaceUncovered(f"The face is turned away by {turn:.0f} degrees.", "Turn towards the camera.")
        moved = self._transfer(points, wearer.neutral, identity.shape, settings.shape, pose)
        shown, own = TOPOLOGY.extend(moved), TOPOLOGY.extend(points)
        height = wearer.height(face_height(points))
        texture = identity.level(height)
        grid = Grid.around(shown[:LANDMARKS], _MARGIN * height, shape, _FINEST)
        if min(grid.columns, grid.rows) < _FEWEST_CELLS or not np.isfinite(shown).all():
            raise ContractError("The face to be painted does not lie in the frame.")
        judged = confidence(identity.cosines, facing(TOPOLOGY, own), TOPOLOGY.skin, turn)
        eyes = eye_shares(settings.eyes, shown, texture.vertices, TOPOLOGY.eyes)
        return _Drawing(shown, own, texture, judged, height, eyes, grid)

    def _maps(self, drawing: _Drawing) -> _Maps:
        """Which triangle is seen where, and what it shows."""
        grid = drawing.grid
        seen = self._raster(drawing.shown, grid, self._scratch("seen", (grid.rows, grid.columns), np.int16))
        self._lap("raster")
        rows = self._scratch("rows", seen.shape, np.intp)
        np.maximum(seen, 0, out=rows)
        cells = grid.cells(drawing.shown)
        sampled = parted(drawing.texture.vertices, drawing.texture.lips, drawing.shown, drawing.height)
        return _Maps(rows, *affines_to(cells, (sampled, drawing.own), TOPOLOGY.corners))

    def _warped(self, drawing: _Drawing, maps: _Maps) -> Warped:
        """The persona's face in the wearer's expression, unlit."""
        coarse = self._warper.coarse("map.coarse", maps.texture, maps.seen)
        fine = self._warper.fine("map.fine", coarse, drawing.grid.step)
        self._lap("map")
        out = self._scratch("warped", (*fine.shape[:2], 4), np.uint8)
        cv2.remap(drawing.texture.image, fine, None, cv2.INTER_LINEAR, dst=out, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
        shut = self._lids(out, fine, drawing.shown, drawing.grid, drawing.texture.lids)
        self._lap("warp")
        return Warped(out, fine, shut)

    def _masks(self, drawing: _Drawing, maps: _Maps, warped: Image) -> tuple[Image, Image]:
        """The oval, (rows, columns) u8 by cells, and how much of the new face shows, (height, width) u8 by px.

        Raises:
            FaceUncovered: Too little of it would show.
        """
        grid = drawing.grid
        oval = self._mask.oval(drawing.shown, grid)
        trusted = self._mask.trust(maps.seen, drawing.judged, grid, drawing.height)
        alpha = self._scratch("alpha", warped.shape[:2], np.uint8)
        skin = self._scratch("skin", warped.shape[:2], np.uint8)
        self._mask.over(alpha, drawing.shown, grid, oval, trusted, drawing.height)
        cv2.extractChannel(warped, 3, dst=skin)
        cv2.multiply(alpha, skin, dst=alpha, scale=1 / 255)
        cover = cv2.mean(alpha)[0] / max(cv2.mean(oval)[0], 1e-6)
        if cover < _LEAST_COVER:
            raise FaceUncovered(f"Only {cover:.0%} of the face could be covered; it is turned too far away.")
        return oval, alpha

    def _relit(
        self,
        drawing: _Drawing,
        maps: _Maps,
        frame: Image,
        area: tuple[Image, list[Hole]],
        wearer: Known,
        warped: Warped,
    ) -> Image:
        """(height, width, 3) u8 by px: `warped` in the light of `frame`.

        Raises:
            ContractError: The light could not be found.
        """
        to_cells = light_matrix(drawing.shown[TOPOLOGY.oval], drawing.grid)
        sampled = (Sampled(drawing.texture.image, maps.texture), Sampled(frame, maps.frame))
        light = self._light.light(wearer.relighter, sampled, maps.seen, area, to_cells, wearer.step)
        if not (np.isfinite(light.gain).all() and np.isfinite(light.offset).all()):
            raise ContractError("The light on the face could not be found.")
        self._lap("light")
        out = self._scratch("painted", (*warped.image.shape[:2], 3), np.uint8)
        cv2.cvtColor(warped.image, cv2.COLOR_BGRA2BGR, dst=out)
        self._light.apply(light, out, drawing.grid, to_cells)
        skin = skin_gains(light, drawing.shown, drawing.grid, to_cells)
        if wearer.whites.due(wearer.step):
            wearer.whites.learn(white_of(frame, drawing.own), drawing.texture.white, skin, openness_of(drawing.own))
        self._eyes(out, warped, (drawing.shown, drawing.grid), wearer.whites(skin), drawing.texture.eyes)
        self._lap("relight")
        return out

    def _lap(self, stage: str) -> None:
        """Note that `stage` ends now."""
        now = time.perf_counter_ns()
        self._stages[stage] = now - self._mark_ns
        self._mark_ns = now


def _identity(persona: Persona) -> MeshIdentity:
    """The persona's mesh data.

    Raises:
        ContractError: It has none.
    """
    identity = persona.identity.get(IDENTITY)
    if not isinstance(identity, MeshIdentity):
        raise ContractError(f"The persona {persona.name} is not prepared for the mesh swap.", "Add it again.")
    return identity


def _checked(face: Face, shape: tuple[int, ...]) -> Points:
    """(N, 3) f32 px: the landmarks with their depth.

    Raises:
        ContractError: They are no mesh, not finite, far outside the frame, or a face of no size.
    """
    flat, depth = face.landmarks.points, face.depth
    if face.landmarks.topology is not Topology.MESH468 or depth.shape != (len(flat),):
        raise ContractError(f"The mesh swap needs mesh landmarks with depth, not {face.landmarks.topology}.")
    points = np.column_stack([flat, depth]).astype(np.float32, copy=False)
    if not np.isfinite(points).all() or np.abs(points).max() > _FARTHEST * max(shape[:2]):
        raise ContractError("The face's landmarks are not finite, or far outside the frame.")
    if face_height(points) < _SMALLEST_FACE_PX:
        raise ContractError("The face is too small, or its landmarks have collapsed.")
    return points
