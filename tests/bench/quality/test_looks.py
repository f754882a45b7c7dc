"""What a face does, told from its mesh."""

import numpy as np
import pytest

from livecam.bench.quality.looks import agreement, eye_opening, head_angles, mouth_opening, turn_between
from livecam.vision.mesh.topology import TOPOLOGY
from tests.bench.quality.meshes import mesh_at

FACE = mesh_at(100, 100, 100)
CORNERS = float(np.linalg.norm(FACE[33, :2] - FACE[263, :2]))


def test_agreement_is_told_of_the_whole_of_mouth_and_of_eyes() -> None:
    moved = FACE.copy()
    moved[TOPOLOGY.lips, 1] += 2
    found = agreement(FACE, moved)
    assert found.mouth == pytest.approx(200 / CORNERS, rel=1e-4)
    assert found.eyes == 0
    assert found.overall == pytest.approx(200 / CORNERS * len(TOPOLOGY.lips) / 468, rel=1e-4)
    lids = FACE.copy()
    lids[TOPOLOGY.eyes[0], 0] += 1
    assert agreement(FACE, lids).eyes == pytest.approx(50 / CORNERS, rel=1e-4)


def test_openings_are_gaps_over_widths_whatever_the_size() -> None:
    open_mouth = FACE.copy()
    open_mouth[TOPOLOGY.lip_pair.lower, 1] += 10
    assert mouth_opening(open_mouth) - mouth_opening(FACE) == pytest.approx(10 / CORNERS, rel=0.05)
    assert mouth_opening(mesh_at(300, 90, 250)) == pytest.approx(mouth_opening(FACE), rel=1e-3)
    shut = FACE.copy()
    for pair in TOPOLOGY.lid_pairs:
        shut[pair.upper] = shut[pair.lower]
    assert eye_opening(shut) == pytest.approx(0, abs=1e-6)
    assert eye_opening(FACE) > 0.1


def test_head_angles_and_the_turn_between_two_heads() -> None:
    turned = mesh_at(100, 100, 100, yaw_deg=20)
    assert head_angles(turned).yaw == pytest.approx(20, abs=0.1)
    assert turn_between(FACE, turned) == pytest.approx(20, abs=0.1)
    assert turn_between(turned, turned) == pytest.approx(0, abs=0.05)
