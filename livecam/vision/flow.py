"""Landmarks that stick to the skin: carried along by the optical flow, corrected by what the network finds.

The network finds each landmark anew in every frame, a little beside the last; skin painted from such landmarks swims.
The flow of the picture says much better how a point moved since the last frame, but adds up its errors. So the flow
moves the points, and the network corrects them: slowly what could be noise, at once what could not.

Measured on the clips against what was there before (a One-Euro filter on all, then the fastest flow): flow-warp error
in motion 1.23 times the input's instead of 1.34, jitter at rest a quarter of the unsmoothed instead of 0.4, lag as
before.
"""

import math
from concurrent.futures import Future
from dataclasses import dataclass
from importlib import resources
from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.ahead import Ahead
from livecam.core.frame import NS_PER_S, Image, Points
from livecam.vision.calm import Calm, Ways, affine_part, lengths, paced, ramp
from livecam.vision.mesh.landmarks import ALL_ROWS, MESH_ROWS, SIDE, Crop
from livecam.vision.mesh.pose import face_height, mean_row
from livecam.vision.smooth import looseness

_PATIENCE_S: Final = 1.0
# Rim of the network's square in which no flow is looked for: the face ends well inside, and a third of the time is it.
_RIM: Final = 19
# Dense inverse search on half the square's resolution (finest scale 1), patches of 8 px every 4 px, 8 steps each, no
# variational refinement. Against the flow of the full frame by the most careful preset, the points' median error is
# 0.077 % of the face's height; 0.133 % with the fastest preset, which takes half as long.
_FINEST, _PATCH, _STRIDE, _DESCENTS = 1, 8, 4, 8
_FEATURES: Final = ("lips", "left_eye", "right_eye", "left_iris", "right_iris")

Flow: TypeAlias = npt.NDArray[np.float32]
"""(h, w, 2) f32 px: how far each px has moved."""


@dataclass(frozen=True, slots=True)
class FlowRules:
    """How far the flow is believed, at steadiness 0.5. Shares are of a difference, made up in `frame_s`.

    Attributes:
        frame_s: See above.
        pose_share: Of what the network says beside the flow about the face as a whole.
        skin_share: The same about single landmarks of the skin.
        feature_share: The same about those of eyes and lips, which change more, and where a wrong place shows most.
        depth_share: Of what it says about depth, of which the flow knows nothing.
        iris_share: At least, of irises, which turn under lids that do not; of the whole difference.
        at_rest: Factor on these three shares while the face rests: then there is no drift to make up for.
        skin_trust: In face heights: up to this difference a landmark's share stays as it is.
        skin_limit: In face heights: from this difference on, the network alone is right.
        feature_limit: The same for eyes and lips; their share rises from a difference of nothing on.
        flow_trust: In face heights a frame: up to this difference to the network's own motion the flow is believed.
        flow_limit: From this one on it is not.
        doubt_share: Least share of a landmark of which the flow was not believed just now.
        doubt_left: What of such a doubt is left in the next frame.
        longest_gap_s: A longer time step means a new start.
        longest_jump: A longer way of the face's middle, in face heights, means a new start.
    """

    frame_s: float = 1 / 30
    pose_share: float = 0.25
    skin_share: float = 0.2
    feature_share: float = 0.25
    depth_share: float = 0.25
    iris_share: float = 0.5
    at_rest: float = 0.5
    skin_trust: float = 0.015
    skin_limit: float = 0.04
    feature_limit: float = 0.035
    flow_trust: float = 0.015
    flow_limit: float = 0.04
    doubt_share: float = 0.5
    doubt_left: float = 0.8
    longest_gap_s: float = 0.3
    longest_jump: float = 0.3


class FlowCarrier:
    """Carries the landmarks of one face from frame to frame. Owns its state; one thread.

    The flow is dense inverse search (Kroeger et al. 2016) on the small grey squares that the network looked at, which
    hold the face still already: what is left to find is little, whatever the size of the frame.

    Args:
        rules: How far the flow is believed.
        ahead: Where the flow is found beside the network, when `look` is called before it.
    """

    def __init__(self, rules: FlowRules | None = None, ahead: Ahead | None = None) -> None:
        self._rules = rules or FlowRules()
        self._ahead = ahead
        self._begun: tuple[Crop, Future[Flow]] | None = None
        self._flow = _search()
        self._crop: Crop | None = None
        self._points: Points | None = None
        self._found: Points | None = None
        self._doubt: Ways = np.zeros(1, dtype=np.float32)
        self._calm = Calm()
        self._features = _feature_rows()
        self._last_ns = 0

    def look(self, crop: Crop) -> None:
        """Begin with `crop`, in which the points of the next call are being searched for. May be left out."""
        if self._ahead is not None and self._crop is not None:
            before = self._crop.grey
            self._begun = crop, self._ahead(lambda: self._between(before, crop.grey))

    def __call__(self, points: Points, crop: Crop | None, captured_ns: int, steadiness: float) -> Points:
        """The steadied points.

        Args:
            points: (N, 3) f32 mesh points, px of the frame, N >= 468; finite.
            crop: Where they were found; without it, or when it is torn from the last one, they pass as they are.
            captured_ns: When the frame was captured.
            steadiness: 0 lets the points through, the constants were found at 0.5, 1 is heavier.

        Returns:
            (N, 3) f32.
        """
        step_s = (captured_ns - self._last_ns) / NS_PER_S
        loosen = looseness(steadiness)
        before, self._crop, self._last_ns = self._crop, crop, captured_ns
        if before is None or crop is None or loosen == math.inf or self._torn(points, step_s):
            self._points = points
            self._forget_motion()
        else:
            assert self._points is not None, "there are points wherever there is a crop"
            height = max(face_height(points), 1.0)
            moved = self._believed(self._moved(self._points, before, crop), points, height)
            carried = self._calm(self._points, moved, height, step_s, loosen)
            self._points = self._corrected(carried, points, height, (step_s, loosen))
        self._found = points
        return self._points

    def reset(self) -> None:
        """Forget everything; the next points pass as they are."""
        self._crop = self._points = self._begun = None
        self._forget_motion()

    def _forget_motion(self) -> None:
        self._calm.reset()
        self._doubt = np.zeros(1, dtype=np.float32)

    def _torn(self, points: Points, step_s: float) -> bool:
        """Whether time or the face has jumped."""
        assert self._points is not None, "there are points wherever there is a crop"
        dx, dy = mean_row(points[:MESH_ROWS, :2] - self._points[:MESH_ROWS, :2]).tolist()
        jumped = math.hypot(dx, dy) > self._rules.longest_jump * face_height(points)
        return jumped or not 0 < step_s <= self._rules.longest_gap_s

    def _moved(self, points: Points, before: Crop, now: Crop) -> Ways:
        """(N, 2) f32 px of the frame: how far the flow took `points` of the last frame."""
        flow = self._flow_between(before, now)
        places = before.places(points)
        moved = cv2.remap(flow, (places - _RIM)[:, None], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
        ways: Ways = now.in_frame(places + moved[:, 0]) - points[:, :2]
        return ways

    def _believed(self, moved: Ways, points: Points, height: float) -> Ways:
        """`moved`, but the network's own motion where the flow is far from it: a hand came past, or lids shut."""
        assert self._found is not None, "there are points wherever there is a crop"
        own: Ways = points[:, :2] - self._found[:, :2]
        off = own - moved
        doubt = ramp(lengths(off) / np.float32(height), self._rules.flow_trust, self._rules.flow_limit)
        self._doubt = np.maximum(doubt, np.float32(self._rules.doubt_left) * self._doubt)
        return moved + doubt[:, None] * off

    def _flow_between(self, before: Crop, now: Crop) -> Flow:
        """The flow from `before` to `now`: begun in `look`, else found now."""
        begun, self._begun = self._begun, None
        if begun is not None:
            # Waited for in any case, as the two must not use the memory of the algorithm at once.
            flow = begun[1].result(_PATIENCE_S)
            if begun[0] is now:
                return flow
        return self._between(before.grey, now.grey)

    def _between(self, before: Image, now: Image) -> Flow:
        inner = slice(_RIM, SIDE - _RIM)
        pair = (np.ascontiguousarray(grey[inner, inner]) for grey in (before, now))
        return self._flow.calc(*pair, None)  # type: ignore[call-overload,no-any-return]

    def _corrected(self, carried: Points, points: Points, height: float, pace: tuple[float, float]) -> Points:
        """(N, 3) f32: `carried` on the way to `points`."""
        rules, off = self._rules, points - carried
        whole = np.zeros_like(off)
        whole[:, :2] = affine_part(off[:, :2], carried, height)
        single: Ways = off - whole
        distance: Ways = lengths(single) / np.float32(height)
        patience = np.float32(rules.at_rest) + np.float32(1 - rules.at_rest) * self._calm.haste
        feature = _risen(rules.feature_share * patience, ramp(distance, 0, rules.feature_limit))
        skin = _risen(rules.skin_share * patience, ramp(distance, rules.skin_trust, rules.skin_limit))
        wanted = np.maximum(np.where(self._features[: len(off)], feature, skin), rules.doubt_share * self._doubt)
        share = paced(wanted, rules.frame_s, *pace)
        jump: Ways = lengths(whole).mean(keepdims=True) / np.float32(height)
        pose_share = _risen(rules.pose_share * patience, ramp(jump, rules.skin_trust, rules.skin_limit))
        pose = paced(pose_share, rules.frame_s, *pace)
        depth = paced(np.full(1, rules.depth_share, dtype=np.float32), rules.frame_s, *pace)
        corrected: Points = carried + pose * whole + share[:, None] * single
        corrected[:, 2] = carried[:, 2] + depth * off[:, 2]
        iris_share = np.maximum(np.float32(rules.iris_share), share[MESH_ROWS:])
        corrected[MESH_ROWS:] = carried[MESH_ROWS:] + iris_share[:, None] * off[MESH_ROWS:]
        return corrected


def _risen(share: Ways, rise: Ways) -> Ways:
    """`share`, on the way to 1 as `rise`, 0..1, says."""
    risen: Ways = share + (1 - share) * rise
    return risen


def _search() -> cv2.DISOpticalFlow:
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    flow.setFinestScale(_FINEST)
    flow.setPatchSize(_PATCH)
    flow.setPatchStride(_STRIDE)
    flow.setGradientDescentIterations(_DESCENTS)
    return flow


def _feature_rows() -> npt.NDArray[np.bool_]:
    """(478,) bool: the landmarks of eyes, lips and irises, which the network looks at more closely."""
    features = np.zeros(ALL_ROWS, dtype=np.bool_)
    with resources.files("livecam.vision.mesh").joinpath("face_geometry.npz").open("rb") as file, np.load(file) as data:
        for name in _FEATURES:
            features[data[name]] = True
    return features
