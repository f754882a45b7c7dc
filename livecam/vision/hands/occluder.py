"""Hands as an `Occluder`: found beside the swap, on a thread of their own."""

import math
from concurrent.futures import Future, wait
from typing import Final

from livecam.core.ahead import Ahead
from livecam.core.face import Face
from livecam.core.frame import Image
from livecam.core.ladder import Tier
from livecam.errors import ContractError, EngineError
from livecam.vision.hands.follow import HandFollower, HandRules
from livecam.vision.hands.landmarks import HandLandmarker
from livecam.vision.hands.mask import shade_of
from livecam.vision.hands.palm import Palm, PalmDetector, Shrunk
from livecam.vision.occlude import Shade
from livecam.vision.wearers import Wearers

_PATIENCE_S: Final = 1.0
# A face that is this much larger or smaller than before a hand came is not where it is told to be (logarithm; turning
# the head and opening the mouth make 0.1), unless it took so much of the change in each frame.
_SLIPPED: Final = 0.2
_PACE: Final = 0.02


class _Wearer:
    """The hands near one followed face, and the search for more of them."""

    def __init__(self, follower: HandFollower) -> None:
        self.follower = follower
        self.search: Future[list[Palm]] | None = None
        self.to_search: Shrunk | None = None
        self.extent = 0.0

    def found(self) -> list[Palm]:
        """What the search has found, once, when it has ended."""
        if self.search is None or not self.search.done():
            return []
        search, self.search = self.search, None
        return search.result()

    def rests(self) -> bool:
        """Whether there is nothing to look at: no hand is followed, none was found, and no search is due."""
        search = self.search
        if search is not None and search.done():
            if search.exception() is not None or search.result():
                return False
            search = self.search = None
        return self.follower.rests(searching=search is not None)

    def check(self, face: Face, hidden: bool) -> None:
        """Refuse a face that has changed its size behind a hand: the mesh has slipped, and would not cover it.

        Raises:
            ContractError: It has.
        """
        extent = math.sqrt(max(face.box.area, 1.0))
        if not hidden or not self.extent:
            self.extent = extent
        elif abs(math.log(extent / self.extent)) > _SLIPPED:
            raise ContractError("The face cannot be followed behind a hand.")
        else:
            self.extent += _PACE * (extent - self.extent)


class HandOccluder:
    """An `Occluder` that finds hands. Its networks run on a thread of their own, beside the swap.

    Followed hands are found in the frame at hand; palms are searched for after it, and count in the next one, so that
    no frame waits for a search.

    Args:
        palms: Finds new hands.
        landmarker: Finds a hand's points.
        rules: When a hand counts.
    """

    def __init__(
        self,
        palms: PalmDetector,
        landmarker: HandLandmarker,
        rules: HandRules | None = None,
    ) -> None:
        self._palms = palms
        self._rules = wanted = rules or HandRules()
        self._wanted = True
        # Not through `self`: a cycle would keep the networks and the thread until the collector comes by.
        self._wearers = Wearers(lambda: _Wearer(HandFollower(landmarker, wanted)))
        self._ahead = Ahead("livecam-hands")
        self._begun: tuple[_Wearer, Future[Shade | None]] | None = None

    def adapt(self, tier: Tier) -> None:
        """See `Adaptable`: without masks no hand is looked for, and the persona is painted over hands too."""
        self._wanted = tier.mask

    def begin(self, image: Image, face: Face) -> None:
        """See `Occluder`."""
        self._settle()
        if not self._wanted:
            self._wearers.clear()
            return
        wearer = self._wearers[face.track_id]
        if wearer.rests():
            # Its thread would take the interpreter from the caller's for nothing.
            wearer.check(face, hidden=False)
            return
        self._begun = wearer, self._ahead(lambda: self._look(wearer, image, face))

    def finish(self) -> Shade | None:
        """See `Occluder`.

        Raises:
            ContractError: Hands seem to cover most of the face, or it has slipped behind them.
            EngineError: A network failed, or took far too long.
        """
        begun, self._begun = self._begun, None
        if begun is None:
            return None
        wearer, look = begun
        try:
            shade = look.result(_PATIENCE_S)
        except TimeoutError as error:
            raise EngineError("The network for hands took more than a second.", "Is the machine overloaded?") from error
        shrunk, wearer.to_search = wearer.to_search, None
        if shrunk is not None:
            wearer.search = self._ahead(lambda: self._palms(shrunk, self._rules.palm))
        return shade

    def reset(self) -> None:
        """See `Occluder`."""
        self._settle()
        self._wearers.clear()

    def _settle(self) -> None:
        """Let what nobody asked for end: its frame is gone."""
        begun, self._begun = self._begun, None
        if begun is not None:
            wait([begun[1]], _PATIENCE_S)

    def _look(self, wearer: _Wearer, image: Image, face: Face) -> Shade | None:
        """The shade of the hands near `face`; copies its neighbourhood when a search is due. On the thread."""
        hands = wearer.follower(image, face, wearer.found())
        if wearer.search is None and wearer.follower.wants_search:
            side = self._rules.search_side * face.box.height
            wearer.to_search = self._palms.shrink(image, *face.box.centre, side)
        shade = shade_of(hands, image, face)
        wearer.check(face, shade is not None)
        return shade
