"""Where a head looks: yaw and pitch of a tracked face, from whatever landmarks it has."""

import math
from typing import Final

import numpy as np

from livecam.core.face import Face, Landmarks, Topology
from livecam.core.frame import Points
from livecam.vision.angles import HeadAngles
from livecam.vision.mesh.topology import TOPOLOGY, rigid_fitter

# Of the extent of the five points: eyes that are no further apart are those of a profile.
_ONE_PLACE: Final = 0.05
# Of the distance of eyes and mouth: points that are no further apart tell no pitch.
_FLAT: Final = 1e-3


class HeadPose:
    """Tells the angles of heads: by the mesh where there is one, else by the five points. One thread."""

    def __init__(self) -> None:
        self._fit = rigid_fitter()

    def __call__(self, face: Face) -> HeadAngles | None:
        """The angles of `face`; None where its landmarks do not tell."""
        landmarks = face.landmarks
        if not np.isfinite(landmarks.points).all():
            return None
        if landmarks.topology is not Topology.MESH468 or not face.depth.any():
            return angles_of_five(landmarks.five)
        pose = self._fit(np.column_stack([landmarks.points, face.depth]).astype(np.float32)).angles
        return HeadAngles(pose.yaw, pose.pitch)


def angles_of_five(five: Points) -> HeadAngles | None:
    """The angles of a head by its eyes, nose tip and mouth corners, (5, 2) f32 px; None for what is no face.

    Of a face that turns, the eyes come nearer to each other and the nose leaves their middle; of one that nods, the
    nose moves between eyes and mouth. Both are read off as on the canonical face (`CANONICAL_FIVE`), so that people
    with longer noses are told to turn a little further than they do: in 200 frames of five people the angles differed
    from the mesh's by 2.4 degrees of yaw and 4.9 of pitch in the median, by 9 and 10 in one of twenty.
    """
    across = (five[1] - five[0]).astype(np.float64)
    apart = float(np.hypot(*across))
    if apart < _ONE_PLACE * float(np.ptp(five, axis=0).max()) or apart == 0:
        return None
    right = across / apart
    down = np.array([-right[1], right[0]])
    middle = (five[0] + five[1]) / 2
    nose, mouth = five[2] - middle, (five[3] + five[4]) / 2 - middle
    below = float(mouth @ down)
    if abs(below) < _FLAT * apart:
        return None
    share = float(nose @ down) / below
    # Of (y, z) a head that looks up by p shows y cos p + z sin p; the share of both is solved for tan p.
    pitch = math.atan((share * _MOUTH[1] - _NOSE[1]) / (_NOSE[2] - share * _MOUTH[2]))
    out = _NOSE[1] * math.sin(pitch) - _NOSE[2] * math.cos(pitch)
    yaw = math.atan2(float(nose @ right) * _EYES, out * apart)
    return HeadAngles(math.degrees(yaw), math.degrees(pitch))


def canonical_five() -> Points:
    """(5, 3) f32: the five points of the canonical face, which looks into the camera: x right, y down, z away from it.

    In heights of the face, about its centroid; the left half is the right one's mirror image.
    """
    columns = [Landmarks(TOPOLOGY.canonical[:, axes], Topology.MESH468).five for axes in ([0, 1], [0, 2])]
    five = np.column_stack([columns[0], columns[1][:, 1]])
    mirrored = five[[1, 0, 2, 4, 3]] * np.array([-1, 1, 1], np.float32)
    points: Points = ((five + mirrored) / 2).astype(np.float32)
    return points


CANONICAL_FIVE: Final = canonical_five()
_MIDDLE: Final = (CANONICAL_FIVE[0] + CANONICAL_FIVE[1]) / 2
_EYES: Final = float(CANONICAL_FIVE[1, 0] - CANONICAL_FIVE[0, 0])
_NOSE: Final = tuple(float(value) for value in CANONICAL_FIVE[2] - _MIDDLE)
_MOUTH: Final = tuple(float(value) for value in (CANONICAL_FIVE[3] + CANONICAL_FIVE[4]) / 2 - _MIDDLE)
