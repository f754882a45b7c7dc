"""Landmarks that stick to the skin: carried along by the optical flow, corrected by what the network finds.

The network finds each landmark anew in every frame, a little beside the last; skin painted from such landmarks swims.
The flow of the picture says much better how a point moved since the last frame, but adds up its errors. So the flow
moves the points, and the network corrects them: slowly what could be noise, at once what could not.

What the network adds is not noise alone: its mesh wanders over the skin as the head turns, so every share is a choice
between landmarks that lie where the network says and a texture that does not slide. Those around the eyes show a slide
most for what they gain by a correction (measured), so they are corrected least, but at once when lids open or shut.
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
from livecam.vision.mesh.topology import TOPOLOGY, Pair
from livecam.vision.smooth import looseness

_PATIENCE_S: Final = 1.0
# Rim of the network's square in which no flow is looked for: the face ends inside, and it is nearly half of the square.
_RIM: Final = 24
# Dense inverse search on half the square's resolution, patches of 8 px every 4 px, 12 steps each, then two steps of
# variational refinement: 0.78 ms of one core, beside the network. Every 5 px, 8 steps and one of refinement take 0.49
# and leave 1.237 of the input's flicker in motion, where these leave 1.223. Patches are compared with their means taken
# out, as that class does by itself: without, 0.069 % of the face's height off the flow of the full frame on d18 becomes
# 1.2 when a lamp makes the picture 6 levels brighter.
_PATCH, _STRIDE, _DESCENTS, _REFINEMENTS = 8, 4, 12, 2
_EYES, _IRISES, _LIPS = ("left_eye", "right_eye"), ("left_iris", "right_iris"), "lips"

Flow: TypeAlias = npt.NDArray[np.float32]
"""(h, w, 2) f32: how far each px of the halved square has moved, px of that."""


@dataclass(frozen=True, slots=True)
class FlowRules:
    """How far the flow is believed, at steadiness 0.5. Shares are of a difference, made up in `frame_s`.

    Limits are pairs: up to the first a share stays as it is, from the second on it is 1. In face heights.

    Attributes:
        frame_s: See above.
        pose_share: Of what the network says beside the flow about the face as a whole.
        skin_share: The same about single landmarks of the skin.
        eye_share: About those around the eyes.
        lip_share: About those of the lips.
        depth_share: Of what it says about depth, of which the flow knows nothing.
        iris_share: At least, of irises, which turn under lids that do not; of the whole difference.
        at_rest: Factor on these shares, but those of depth and irises, while the face rests: then there is no drift.
        pose_limits: Of the mean difference of the face as a whole.
        skin_limits: Of the difference of a landmark of the skin.
        feature_limits: Of one of eyes and lips.
        lid_limits: Of the difference between the openings of an eye, for all landmarks around it.
        scatter: The limits of single landmarks rise with the median of all differences: the upper ones to so many
            times it. Where all are off, it is the network that is: the face moves fast.
        flow_trust: In face heights a frame: up to this difference to the network's own motion the flow is believed.
        flow_limit: From this one on it is not.
        doubt_share: Least share of a landmark of which the flow was not believed just now.
        doubt_left: What of such a doubt is left in the next frame.
        longest_gap_s: A longer time step means a new start.
        longest_jump: A longer way of the face's middle, in face heights, means a new start.
    """

    frame_s: float = 1 / 30
    pose_share: float = 0.42
    skin_share: float = 0.45
    eye_share: float = 0.25
    lip_share: float = 0.34
    depth_share: float = 0.17
    iris_share: float = 0.5
    at_rest: float = 0.5
    pose_limits: tuple[float, float] = (0.015, 0.03)
    skin_limits: tuple[float, float] = (0.015, 0.03)
    feature_limits: tuple[float, float] = (0.01, 0.034)
    lid_limits: tuple[float, float] = (0.0015, 0.012)
    scatter: float = 8.0
    flow_trust: float = 0.015
    flow_limit: float = 0.04
    doubt_share: float = 0.6
    doubt_left: float = 0.8
    longest_gap_s: float = 0.3
    longest_jump: float = 0.3


class _Parts:
    """What is different about the landmarks: the shares and limits of each, and the eyes.

    Attributes:
        share: (478,) f32.
        low: (478,) f32: the lower limit.
        high: (478,) f32: the upper limit.
        eyes: Of each eye, the rows of the landmarks around it, and its lids.
    """

    def __init__(self, rules: FlowRules) -> None:
        path = resources.files("livecam.vision.mesh").joinpath("face_geometry.npz")
        with path.open("rb") as file, np.load(file) as data:
            lips = data[_LIPS].astype(np.intp)
            irises = np.concatenate([data[name] for name in _IRISES]).astype(np.intp)
            around = [data[name].astype(np.intp) for name in _EYES]
        self.eyes: list[tuple[npt.NDArray[np.intp], Pair]] = [
            (next(rows for rows in around if np.isin(pair.upper, rows).all()), pair) for pair in TOPOLOGY.lid_pairs
        ]
        self.share = np.full(ALL_ROWS, rules.skin_share, dtype=np.float32)
        self.low, self.high = (np.full(ALL_ROWS, limit, dtype=np.float32) for limit in rules.skin_limits)
        for rows, share in ((lips, rules.lip_share), *((rows, rules.eye_share) for rows in (irises, *around))):
            self.share[rows] = share
            self.low[rows], self.high[rows] = rules.feature_limits


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
        self._parts = _Parts(self._rules)
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
        halved = (places - np.float32(_RIM + 0.5)) * np.float32(0.5)
        moved = cv2.remap(flow, halved[:, None], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
        ways: Ways = now.in_frame(places + 2 * moved[:, 0]) - points[:, :2]
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
        inner, half = slice(_RIM, SIDE - _RIM), (SIDE // 2 - _RIM,) * 2
        pair = (cv2.resize(grey[inner, inner], half, interpolation=cv2.INTER_AREA) for grey in (before, now))
        return self._flow.calc(*pair, None)  # type: ignore[call-overload,no-any-return]

    def _corrected(self, carried: Points, points: Points, height: float, pace: tuple[float, float]) -> Points:
        """(N, 3) f32: `carried` on the way to `points`."""
        rules, off = self._rules, points - carried
        whole: Ways = affine_part(off[:, :2], carried, height)
        single: Ways = off[:, :2] - whole
        patience = np.float32(rules.at_rest) + np.float32(1 - rules.at_rest) * self._calm.haste
        wanted = _risen(self._parts.share[: len(off)] * patience, self._rise(single, height))
        share = paced(np.maximum(wanted, np.float32(rules.doubt_share) * self._doubt), rules.frame_s, *pace)
        jump: Ways = mean_row(lengths(whole)[:, None]) / np.float32(height)
        pose = paced(
            _risen(np.float32(rules.pose_share) * patience, ramp(jump, *rules.pose_limits)), rules.frame_s, *pace
        )
        depth = paced(np.full(1, rules.depth_share, dtype=np.float32), rules.frame_s, *pace)
        corrected = carried + depth * off
        corrected[:, :2] = carried[:, :2] + pose * whole + share[:, None] * single
        iris_share = np.maximum(np.float32(rules.iris_share), share[MESH_ROWS:])
        corrected[MESH_ROWS:] = carried[MESH_ROWS:] + iris_share[:, None] * off[MESH_ROWS:]
        return corrected

    def _rise(self, single: Ways, height: float) -> Ways:
        """(N,) f32, 0..1: how far the share of each landmark goes to 1 for what it is off beside the whole face, px."""
        parts, rules = self._parts, self._rules
        distance: Ways = lengths(single) / np.float32(height)
        low, high = parts.low[: len(single)], parts.high[: len(single)]
        middle = np.partition(distance, len(distance) // 2)[len(distance) // 2]
        wider = np.maximum(np.float32(rules.scatter) * middle / high, np.float32(1))
        rise: Ways = np.minimum(np.maximum((distance / wider - low) / (high - low), 0), 1)
        for rows, lids in parts.eyes:
            dx, dy = mean_row(single[lids.lower] - single[lids.upper]).tolist()
            from_height, to_height = rules.lid_limits
            opened = (math.hypot(dx, dy) / height - from_height) / (to_height - from_height)
            if opened > 0:
                rise[rows] = np.maximum(rise[rows], np.float32(min(opened, 1.0)))
        return rise


def _risen(share: Ways, rise: Ways) -> Ways:
    """`share`, on the way to 1 as `rise`, 0..1, says."""
    risen: Ways = share + (1 - share) * rise
    return risen


def _search() -> cv2.DISOpticalFlow:
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    flow.setFinestScale(0)
    flow.setPatchSize(_PATCH)
    flow.setPatchStride(_STRIDE)
    flow.setGradientDescentIterations(_DESCENTS)
    flow.setVariationalRefinementIterations(_REFINEMENTS)
    return flow
