import numpy as np
import pytest

from livecam.core.frame import Points
from livecam.core.settings import Eyes
from livecam.vision.mesh.holes import Hole, HoleMaker, eye_shares
from livecam.vision.mesh.raster import Grid
from livecam.vision.mesh.scratch import Scratch
from livecam.vision.mesh.topology import TOPOLOGY
from livecam.vision.mesh.warp import Warper
from tests.vision.mesh.drawn import SHAPE, neutral, open_mouth, points_of

SCRATCH = Scratch()
MAKER = HoleMaker(TOPOLOGY, SCRATCH, Warper(256, SCRATCH))


def holes_of(points: Points, eyes: tuple[float, float] = (0.0, 0.0)) -> list[Hole]:
    vertices = TOPOLOGY.extend(points)
    return MAKER(vertices, Grid.around(vertices[:468], 8, SHAPE, 256), 220, eyes)


def looking(aside: float) -> Points:
    """Vertices of a face that looks `aside` eye widths from the middle."""
    points = points_of(neutral())
    points[468:, 0] += aside * (points[133, 0] - points[33, 0])
    return TOPOLOGY.extend(points)


def closed_lips() -> Points:
    shape = neutral()
    upper, lower = TOPOLOGY.lip_pair
    shape[upper] = shape[lower]
    return points_of(shape)


def test_a_closed_mouth_has_no_hole() -> None:
    assert holes_of(closed_lips()) == []


def test_the_hole_opens_with_the_mouth() -> None:
    peaks = []
    for gap in (0.008, 0.012, 0.05):
        points = closed_lips()
        points[TOPOLOGY.lip_pair.lower, 1] += gap * 220
        peaks.append(max((int(hole.alpha.max()) for hole in holes_of(points)), default=0))
    assert 0 < peaks[0] < peaks[1] < peaks[2]
    assert peaks[2] == 255


def test_the_hole_lies_between_the_lips() -> None:
    points = points_of(open_mouth(neutral(), 0.1))
    (hole,) = holes_of(points)
    vertices = TOPOLOGY.extend(points)
    grid = Grid.around(vertices[:468], 8, SHAPE, 256)
    x, y = np.rint(grid.cells(((points[13] + points[14]) / 2)[None])[0]).astype(int)
    assert hole.alpha[y - hole.top, x - hole.left] == 255
    assert hole.alpha[0].max() == hole.alpha[-1].max() == 0


def test_eyes_open_as_far_as_asked() -> None:
    peaks = [[int(hole.alpha.max()) for hole in holes_of(closed_lips(), (share, share))] for share in (0, 0.5, 1)]
    assert peaks == [[], [128, 128], [255, 255]]


@pytest.mark.parametrize(("wish", "share"), [(Eyes.SOURCE, 0.0), (Eyes.TARGET, 1.0)])
def test_a_plain_wish_ignores_the_gaze(wish: Eyes, share: float) -> None:
    assert eye_shares(wish, looking(0.4), looking(0), TOPOLOGY.eyes) == (share, share)


def test_auto_fades_with_the_gaze_both_eyes_alike() -> None:
    shares = [eye_shares(Eyes.AUTO, looking(aside), looking(0), TOPOLOGY.eyes) for aside in (0.05, 0.2, -0.2, 0.4)]
    assert all(left == right for left, right in shares)
    calm, right_way, left_way, far = (left for left, _ in shares)
    assert calm == 0
    assert 0 < right_way < 1
    assert right_way == pytest.approx(left_way, abs=0.1)
    assert far == 1
