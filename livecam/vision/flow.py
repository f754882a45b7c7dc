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
from typing import Final

import cv2
import numpy as np

from livecam.core.ahead import Ahead
from livecam.core.face import Box, box_of
from livecam.core.frame import NS_PER_S, Points
from livecam.core.geometry import invert
from livecam.errors import EngineError
from livecam.vision.calm import (
    AffineParts,
    Calm,
    Ways,
    mean_length,
    mean_point,
    paced,
    paced_one,
    ramp,
    ramp_one,
    squared_lengths,
)
from livecam.vision.flow_rules import FlowRules, Openings, Parts, Shares
from livecam.vision.flow_search import Flow, FlowSearch
from livecam.vision.mesh.landmarks import ALL_ROWS, MESH_ROWS, Crop
from livecam.vision.mesh.pose import face_height
from livecam.vision.smooth import looseness

_PATIENCE_S: Final = 1.0
# A doubt of less than this is over.
_DOUBT_GONE: Final = 0.05


class FlowCarrier:
    """Carries the landmarks of one face from frame to frame. Owns its state; one thread.

    The flow is found on the small grey squares that the network looked at, which hold the face still already: what is
    left to find is little, whatever the size of the frame.

    Args:
        rules: How far the flow is believed.
        ahead: Where the flow is found beside the network, when `look` is called before it.
    """

    def __init__(self, rules: FlowRules | None = None, ahead: Ahead | None = None) -> None:
        self._rules = rules or FlowRules()
        self._ahead = ahead
        self._begun: tuple[Crop, Future[Flow]] | None = None
        self._search = FlowSearch()
        self._crop: Crop | None = None
        self._points: Points | None = None
        self._followed: Points | None = None
        self._found: Points | None = None
        self._doubt: Ways | None = None
        self._most_doubt = 0.0
        self._calm = Calm()
        self._parts = Parts(self._rules)
        self._openings = Openings(self._rules)
        self._affine = AffineParts(ALL_ROWS)
        # Where each landmark drawn last was in the halved square; and room for x, y and 1 of each.
        self._rows: Ways = np.ones((3, ALL_ROWS), dtype=np.float32)
        self._places: Ways = np.empty((2, ALL_ROWS), dtype=np.float32)
        self._face = Box(0, 0, 0, 0)
        self._last_ns = 0

    def look(self, crop: Crop) -> None:
        """Begin with `crop`, in which the points of the next call are being searched for. May be left out."""
        if self._ahead is not None and self._crop is not None:
            before, face = self._crop.grey, self._face
            self._begun = crop, self._ahead(lambda: self._search(before, crop.grey, face))

    def __call__(self, points: Points, crop: Crop | None, captured_ns: int, steadiness: float) -> Points:
        """(478, 3) f32: the steadied points.

        Args:
            points: (478, 3) f32 mesh points, px of the frame; finite.
            crop: Where they were found; without it, or when it is torn from the last one, they pass as they are.
            captured_ns: When the frame was captured.
            steadiness: 0 lets the points through, the constants were found at 0.5, 1 is heavier.

        Raises:
            EngineError: The flow begun in `look` took far too long.
        """
        step_s, height = (captured_ns - self._last_ns) / NS_PER_S, max(face_height(points), 1.0)
        loosen = looseness(steadiness)
        before, self._crop, self._last_ns = self._crop, crop, captured_ns
        middle = mean_point(points)
        if before is None or crop is None or loosen == math.inf or self._torn(middle, height, step_s):
            self._points = self._followed = points
            self._forget_motion()
        else:
            assert self._points is not None, "there are points wherever there is a crop"
            # From here on x, y and depth lie each together, by which most of what follows takes a third of the time.
            points = np.asfortranarray(points)
            moved = self._believed(self._moved(self._points, before, crop), points, height)
            # Solved once: where the points were and where they are to be are one and the same for what it is asked.
            self._affine.learn(points, middle, height)
            self._points = self._steadied(moved, points, (step_s, loosen))
        self._found = points
        if crop is not None:
            self._place(self._points, crop)
        return self._points

    def reset(self) -> None:
        """Forget everything; the next points pass as they are."""
        self._crop = self._points = self._followed = self._begun = None
        self._forget_motion()

    def _forget_motion(self) -> None:
        self._calm.reset()
        self._doubt = None

    def _torn(self, middle: tuple[float, float], height: float, step_s: float) -> bool:
        """Whether time or the face has jumped, the middle of which is now at x and y, px."""
        assert self._points is not None, "there are points wherever there is a crop"
        jumped = math.dist(middle, mean_point(self._points)) > self._rules.longest_jump * height
        return jumped or not 0 < step_s <= self._rules.longest_gap_s

    def _place(self, points: Points, crop: Crop) -> None:
        """Note where `points` are in `crop`, for the flow to the next one."""
        (a, b, x), (c, d, y) = invert(crop.matrix).tolist()
        # The square's px are counted from their outer corners, those of arrays from their centres.
        x, y = x / 2 + (a + b - 2) / 4, y / 2 + (c + d - 2) / 4
        to_halved = np.array([[a / 2, b / 2, x], [c / 2, d / 2, y]], dtype=np.float32)
        self._rows[:2] = points[:, :2].T
        np.matmul(to_halved, self._rows, out=self._places)
        self._face = box_of(self._places[:, :MESH_ROWS].T)

    def _moved(self, points: Points, before: Crop, now: Crop) -> Ways:
        """(478, 2) f32 px of the frame: how far the flow took `points`, those of the last frame."""
        ways, left, top, right, down = self._flow_between(before, now)
        across, along = self._places[0] - np.float32(left), self._places[1] - np.float32(top)
        moved = cv2.remap(ways, across[None], along[None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        np.add(moved[0].T, self._places, out=self._rows[:2])
        (a, b, x), (c, d, y) = now.matrix.tolist()
        # The way back from the halved square, see `_place`, of all that has gone as the flow says.
        x, y = x + a * (2 * right + 1) + b * (2 * down + 1) - 0.5, y + c * (2 * right + 1) + d * (2 * down + 1) - 0.5
        there: Ways = np.array([[2 * a, 2 * b, x], [2 * c, 2 * d, y]], dtype=np.float32) @ self._rows
        there -= points[:, :2].T
        return there.T

    def _flow_between(self, before: Crop, now: Crop) -> Flow:
        """The flow from `before` to `now`: begun in `look`, else found now."""
        begun, self._begun = self._begun, None
        if begun is not None:
            flow = self._fetched(begun[1])  # in any case: the two must not use the algorithm's memory at once
            if begun[0] is now:
                return flow
        return self._search(before.grey, now.grey, self._face)

    def _fetched(self, begun: Future[Flow]) -> Flow:
        """What was begun in `look`.

        Raises:
            EngineError: It took far too long; the next begins afresh.
        """
        try:
            return begun.result(_PATIENCE_S)
        except TimeoutError as error:
            self.reset()
            self._search = FlowSearch()
            raise EngineError("The optical flow took more than a second.", "Is the machine overloaded?") from error

    def _believed(self, moved: Ways, points: Points, height: float) -> Ways:
        """`moved`, but the network's own motion where the flow is far from it: a hand came past, or lids shut."""
        assert self._found is not None, "there are points wherever there is a crop"
        rules, off = self._rules, points[:, :2] - self._found[:, :2]
        off -= moved
        far = squared_lengths(off)
        self._fade_doubt()
        limits, farthest = (rules.flow_trust * height, rules.flow_limit * height), math.sqrt(np.maximum.reduce(far))
        if farthest <= limits[0]:
            return moved
        doubt = ramp(np.sqrt(far, out=far), *limits)
        off *= doubt[:, None]
        off += moved
        most = ramp_one(farthest, *limits)
        if self._doubt is not None:
            np.maximum(doubt, self._doubt, out=doubt)
            most = max(most, self._most_doubt)
        self._doubt, self._most_doubt = doubt, most
        return off

    def _fade_doubt(self) -> None:
        if self._doubt is not None:
            self._most_doubt *= self._rules.doubt_left
            self._doubt *= np.float32(self._rules.doubt_left)
            self._doubt = self._doubt if self._most_doubt >= _DOUBT_GONE else None

    def _steadied(self, moved: Ways, points: Points, pace: tuple[float, float]) -> Points:
        """(478, 3) f32: what is drawn: what follows flow and network; at rest that which follows this one slowly."""
        assert self._points is not None, "there are points wherever there is a crop"
        assert self._followed is not None, "they are kept together"
        rules, height = self._rules, self._affine.size
        drawn = _shifted(self._followed, moved)
        off = points - drawn
        # Both fields at once: each step of the way costs about the same for two.
        both = np.concatenate([moved.T, off[:, :2].T]).T
        wholes = self._affine(both)
        both -= wholes
        calmed = self._calm(moved, (wholes[:, :2], both[:, :2]), height, pace)
        patience = rules.at_rest + (1 - rules.at_rest) * self._calm.haste
        single = (rules.skin_share * patience, rules.eye_share * patience, rules.lip_share * patience)
        shares = Shares(rules.pose_share * patience, single, rules.depth_share, rules.iris_share)
        self._make_up(drawn, off, (wholes[:, 2:], both[:, 2:]), shares, pace)
        self._openings.follow(drawn, points, height, pace)
        self._followed = drawn
        if self._calm.rests:
            slowly = Shares(rules.rest_share, (rules.rest_share,) * 3, 1.0, 1.0)
            drawn = _shifted(self._points, calmed)
            off = self._followed - drawn
            whole = self._affine(off[:, :2])
            self._make_up(drawn, off, (whole, off[:, :2] - whole), slowly, pace)
            self._openings.follow(drawn, points, height, pace, lips_too=False)
        return drawn

    def _make_up(
        self, drawn: Points, off: Points, parts: tuple[Ways, Ways], shares: Shares, pace: tuple[float, float]
    ) -> None:
        """Bring `drawn` on the way to where it is to be, in place.

        Args:
            drawn: (478, 3) f32 px.
            off: (478, 3) f32 px: what is left to go; used up.
            parts: (478, 2) f32 px each: of that, what is the whole face's, and each landmark's beside it; used up.
            shares: What of them is made up.
            pace: Seconds since the last frame, and the factor on shares.
        """
        rules, (whole, single) = self._rules, parts
        share = self._share(single, shares, pace)
        pose = shares.whole + (1 - shares.whole) * ramp_one(mean_length(whole) / self._affine.size, *rules.pose_limits)
        whole *= paced_one(pose, rules.frame_s, *pace)
        single *= share[:, None]
        single += whole
        irises = off[MESH_ROWS:] * share[MESH_ROWS:, None]
        off[:, :2] = single
        off[:, 2] *= paced_one(shares.depth, rules.frame_s, *pace)
        off[MESH_ROWS:] = irises
        drawn += off

    def _share(self, single: Ways, shares: Shares, pace: tuple[float, float]) -> Ways:
        """(478,) f32: what is made up of what each landmark is off beside the whole face, px."""
        rules, kinds, kept = self._rules, self._parts.kinds, self._kept(single)
        if kept is None and self._doubt is None:
            # As mostly: one share for all of a kind.
            few = [paced_one(share, rules.frame_s, *pace) for share in shares.single]
            return np.array([*few, max(few[1], shares.irises)], dtype=np.float32)[kinds]
        left: Ways = np.array([1 - shares.single[kind] for kind in (0, 1, 2, 1)], dtype=np.float32)[kinds]
        if kept is not None:
            left *= kept
        if self._doubt is not None:
            certain = self._doubt * np.float32(-rules.doubt_share)
            certain += np.float32(1)
            np.minimum(left, certain, out=left)
        share = paced(left, rules.frame_s, *pace)
        np.maximum(share[MESH_ROWS:], np.float32(shares.irises), out=share[MESH_ROWS:])
        return share

    def _kept(self, single: Ways) -> Ways | None:
        """(478,) f32: 1 where the share of a landmark stays as it is for what it is off, 0 where it is to be 1.

        None where it is 1 for all.
        """
        parts, rules, height = self._parts, self._rules, self._affine.size
        squares = squared_lengths(single)
        lids = [ramp_one(apart / height, *rules.lid_limits) for apart in self._openings.of_eyes(single)]
        if not any(lids) and np.maximum.reduce(squares * parts.per_low_squares) <= height * height:
            return None
        far = np.sqrt(squares, out=squares)
        middle = np.partition(far, ALL_ROWS // 2).item(ALL_ROWS // 2)
        limits = np.maximum(parts.per_high * np.float32(rules.scatter * middle), np.float32(height))
        kept: Ways = parts.high - np.divide(far, limits, out=far)
        kept *= parts.per_range
        np.minimum(np.maximum(kept, 0, out=kept), 1, out=kept)
        for rows, opened in zip(parts.eyes, lids, strict=True):
            if opened > 0:
                kept[rows] = np.minimum(kept[rows], np.float32(1 - opened))
        return kept


def _shifted(points: Points, ways: Ways) -> Points:
    """(N, 3) f32: `points`, moved by (N, 2) px; a new array."""
    shifted = points.copy(order="F")
    shifted[:, :2] += ways
    return shifted
