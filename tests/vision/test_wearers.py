"""What is learnt about faces, and for how long."""

from livecam.vision.wearers import Wearers


def test_the_face_not_seen_for_longest_makes_room() -> None:
    wearers: Wearers[list[str]] = Wearers(list)
    for track in range(1, 5):
        wearers[track].append(str(track))
    assert wearers[1] == ["1"]
    wearers[5].append("5")
    assert wearers[1] == ["1"]
    assert wearers[2] == []
    wearers.clear()
    assert wearers[1] == []
