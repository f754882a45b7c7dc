"""The pipeline of a run over frames that somebody else reads."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from livecam.app.mesh import Networks
from livecam.app.rehearsal import Rehearsal
from livecam.core.frame import Size
from livecam.vision.hands.occluder import HandOccluder
from tests.app.enrolling import HEIGHT, WIDTH, Place


@pytest.mark.parametrize("hands", [True, False])
def test_hands_before_the_face_are_left_visible_where_the_configuration_says_so(
    hands: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mesh_models: Mapping[str, Path]
) -> None:
    seen = []
    find = Networks.occluder

    def occluder(networks: Networks) -> HandOccluder | None:
        found = find(networks)
        seen.append(found is not None)
        return found

    monkeypatch.setattr(Networks, "occluder", occluder)
    place = Place(tmp_path, monkeypatch, recogniser=False)
    rehearsal = Rehearsal(place.config(face__hands=str(hands).lower()), place.paths)
    rehearsal.pipeline(Size(WIDTH, HEIGHT), lambda follower: follower).close()
    assert seen == [hands]
