"""Why nothing of a file was cleared, and what to do about it: one set of sentences for pictures and videos."""

from typing import Final

from livecam.app.convert_summary import Tally

_TOWARDS: Final = "Use a {kind} in which a face looks towards the camera."
_WHY: Final = {
    "no-face": ("No face was found in it.", _TOWARDS),
    "weak-face": ("What looks like a face in it is not surely one.", "Use a sharper or larger {kind} of the face."),
    "uncovered": ("The face in it is turned away, or behind something.", _TOWARDS),
    "no-wearer": (
        "Nobody who is enrolled was surely seen in it.",
        "`livecam enroll --list` says who is; `livecam enroll --forget NAME` ends that.",
    ),
    "other-person": ("Other people are in it, and --others is withhold.", "Say --others blur, or cut it to one face."),
}
_LEAST: Final = "no-face"


def why(reason: str, kind: str) -> tuple[str, str]:
    """What a withheld frame's `reason` means, and the next step, in sentences.

    Args:
        reason: Such as ``no-wearer``.
        kind: What the file is: ``picture`` or ``video``.
    """
    what, step = _WHY.get(reason, (f"The swap failed ({reason}).", "`livecam doctor` may know more."))
    return what, step.format(kind=kind)


def main_reason(tally: Tally) -> str:
    """What kept most frames of a file back; frames without a face count only where no other had one.

    Args:
        tally: Of at least one frame; none of them was cleared.
    """
    reasons = Tally()
    for fate, count in tally.items():
        reasons[fate.partition(" ")[2]] += count
    seen = Tally({reason: count for reason, count in reasons.items() if reason != _LEAST})
    return (seen or reasons).most_common(1)[0][0]
