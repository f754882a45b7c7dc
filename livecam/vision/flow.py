"""Landmarks that stick to the skin: carried along by the optical flow, corrected by what the network finds.

The network finds each landmark anew in every frame, a little beside the last; skin painted from such landmarks swims.
The flow of the picture says much better how a point moved since the last frame, but adds up its errors. So the flow
predicts, and the network corrects: slowly what could be noise, at once what could not. Measured on the clips, together
with the light's softer contrast: flow-warp error in motion 1.34 times the input's, 1.69 with a One-Euro filter alone,
at the same lag (0.27 % of the face's height).
"""

import math
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.ahead import Ahead
from livecam.core.frame import NS_PER_S, Image, Points
from livecam.vision.mesh.landmarks import MESH_ROWS, Crop
from livecam.vision.mesh.pose import face_height, mean_row
from livecam.vision.smooth import looseness

_PATIENCE_S: Final = 1.0

Flow: TypeAlias = npt.NDArray[np.float32]
"""(h, w, 2) f32 px: how far each px has moved."""


@dataclass(frozen=True, slots=True)
class FlowRules:
    """How far the flow is believed.

    Attributes:
        share: What of the difference between network and flow is made up in `frame_s`, at steadiness 0.5.
        frame_s: See `share`.
        distrust: How much the share rises with the difference, per face height: from
            ``(1 - share) / distrust`` on, the network alone is right.
        iris_share: The least share for irises, which turn under lids that do not.
        longest_gap_s: A longer time step means a new start.
        longest_jump: A longer way of the face's middle, in face heights, means a new start.
    """

    share: float = 0.3
    frame_s: float = 1 / 30
    distrust: float = 20.0
    iris_share: float = 0.5
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
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._crop: Crop | None = None
        self._points: Points | None = None
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
        steadied = points
        if (
            self._crop is not None
            and self._points is not None
            and crop is not None
            and loosen < math.inf
            and not self._torn(self._points, points, step_s)
        ):
            steadied = self._corrected(self._carried(self._points, self._crop, crop), points, step_s, loosen)
        self._crop, self._points, self._last_ns = crop, steadied, captured_ns
        return steadied

    def reset(self) -> None:
        """Forget everything; the next points pass as they are."""
        self._crop = self._points = self._begun = None

    def _torn(self, last: Points, points: Points, step_s: float) -> bool:
        """Whether time or the face has jumped."""
        dx, dy = mean_row(points[:MESH_ROWS, :2] - last[:MESH_ROWS, :2]).tolist()
        jumped = math.hypot(dx, dy) > self._rules.longest_jump * face_height(points)
        return jumped or not 0 < step_s <= self._rules.longest_gap_s

    def _carried(self, points: Points, before: Crop, now: Crop) -> Points:
        """(N, 3) f32: `points` of the last frame where the flow took them; depth is left alone."""
        flow = self._found(before, now)
        places = before.places(points)
        moved = cv2.remap(flow, places[:, None], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
        carried = points.copy()
        carried[:, :2] = now.in_frame(places + moved[:, 0])
        return carried

    def _found(self, before: Crop, now: Crop) -> Flow:
        """The flow from `before` to `now`: begun in `look`, else found now."""
        begun, self._begun = self._begun, None
        if begun is not None:
            # Waited for in any case, as the two must not use the memory of the algorithm at once.
            flow = begun[1].result(_PATIENCE_S)
            if begun[0] is now:
                return flow
        return self._between(before.grey, now.grey)

    def _between(self, before: Image, now: Image) -> Flow:
        return self._flow.calc(before, now, None)  # type: ignore[call-overload,no-any-return]

    def _corrected(self, carried: Points, points: Points, step_s: float, loosen: float) -> Points:
        """(N, 3) f32: `carried` on the way to `points`."""
        rules = self._rules
        off = points - carried
        distance = np.sqrt((off[:, :2] ** 2).sum(axis=1)) / max(face_height(points), 1.0)
        share = 1 - (1 - rules.share) ** (step_s / rules.frame_s)
        gain = np.clip((share + rules.distrust * distance) * loosen, 0, 1).astype(np.float32)
        gain[MESH_ROWS:] = np.maximum(gain[MESH_ROWS:], rules.iris_share)
        corrected: Points = carried + gain[:, None] * off
        return corrected
