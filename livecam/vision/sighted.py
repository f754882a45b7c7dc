"""The watch over a detector that looks at every frame anyway: what it finds at a low score counts as face-like."""

from collections.abc import Sequence

from livecam.core.face import Box, Detection
from livecam.core.frame import Image
from livecam.core.seams import Detector
from livecam.errors import EngineError
from livecam.vision.sightings import Confirmed, Memory, WatchRules


class DetectionWatch:
    """A `Watch` for where one network finds the wearer and everybody else, as on a graphics card. One thread.

    It looks when it is told to begin, so that nothing is copied: the picture may be painted on at once. The detector is
    asked at the lower score, and is best one that remembers its answer for the follower (`DeviceDetector`).

    Args:
        detector: Finds faces.
        rules: How closely to watch: `far_score` is where a face-like thing begins, and from `sure` on it confirms the
            face that is followed.
    """

    def __init__(self, detector: Detector, rules: WatchRules | None = None) -> None:
        self._detector = detector
        self._rules = rules or WatchRules()
        self._memory = Memory(self._rules)
        self._confirmed = Confirmed(self._rules)
        self._found: list[Detection] | None = None

    def begin(self, image: Image) -> None:
        """Look at `image`, (H, W, 3) u8 BGR.

        Raises:
            ContractError, EngineError: The look failed; the frame must be withheld.
        """
        self._found = None
        self._found = self._detector(image, self._rules.far_score)

    def copied(self) -> None:
        """See `Watch`: it has looked already."""

    def finish(self, known: Sequence[Box]) -> tuple[Box, ...]:
        """See `Watch`.

        Raises:
            EngineError: The look failed, or was never begun; the frame must be withheld.
        """
        found, self._found = self._found, None
        if found is None:
            raise EngineError("The watch for other faces was not asked to look at this frame.", "Report this.")
        self._confirmed.take([seen.box for seen in found if seen.score >= self._rules.sure])
        return self._memory(found, known)

    def confirms(self, face: Box) -> bool:
        """See `Watch`."""
        return self._confirmed(face)

    def reset(self) -> None:
        """See `Watch`."""
        self._memory.clear()
        self._confirmed.clear()

    def close(self) -> None:
        """See `Watch`: it has no thread."""
