"""Region masks by a BiSeNet face parser: skin, eyes, nose and mouth apart from hair, neck and hat (MODELS.md F.2)."""

import cv2
import numpy as np

from livecam.core.frame import Image, Size
from livecam.core.seams import Engine
from livecam.errors import ContractError
from livecam.vision.contract import MaskerContract, MaskerFamily
from livecam.vision.mask.fit import fit
from livecam.vision.mask.soft import Share, Softener
from livecam.vision.tensor import Feeder, finite

CLASSES = 19
"""0 background, 1 skin, 2 3 brows, 4 5 eyes, 6 glasses, 7 8 ears, 9 earring, 10 nose, 11 inside of the mouth,
12 13 lips, 14 neck, 15 necklace, 16 cloth, 17 hair, 18 hat."""

FACE = (1, 2, 3, 4, 5, 6, 10, 11, 12, 13)
"""The classes that count as face, as in facefusion."""


class RegionMasker:
    """A `Masker` over a face parser. It is meant for the crop after the swap. One thread.

    Args:
        engine: Bound by role: ``picture`` to ``logits`` (1, 19, S, S) f32.
        contract: Of the `BISENET` family; its regions are the classes that are replaced.

    Raises:
        ContractError: The contract is of another family, or its regions are none or all of the classes.
    """

    def __init__(self, engine: Engine, contract: MaskerContract) -> None:
        inside = set(contract.regions)
        outside = set(range(CLASSES)) - inside
        if contract.family is not MaskerFamily.BISENET:
            raise ContractError(f"A region mask needs a BiSeNet network, not {contract.family}.")
        if not inside or not outside or not inside <= set(range(CLASSES)):
            raise ContractError(f"Regions must be some of 0..{CLASSES - 1}, not {contract.regions}.")
        self._engine = engine
        self._side = contract.picture.side
        self._groups = (sorted(inside), sorted(outside))
        self._feeder = Feeder(contract.picture)
        self._small = np.empty(Size(self._side, self._side).image_shape, dtype=np.uint8)
        plane = (self._side, self._side)
        self._best = (np.empty(plane, dtype=np.float32), np.empty(plane, dtype=np.float32))
        self._chosen = np.empty(plane, dtype=np.uint8)
        self._soften = Softener()

    def __call__(self, crop: Image, out: Image) -> Image:
        """See `Masker`."""
        picture = self._feeder(fit(crop, self._small))
        answer = self._engine.run({"picture": picture})["logits"]
        logits = finite(answer, (1, CLASSES, self._side, self._side), "logits")[0]
        # The class with the highest value is a region exactly where the highest region beats the highest of the
        # rest; two running maxima take a fifteenth of the time of NumPy's argmax.
        for rows, best in zip(self._groups, self._best, strict=True):
            np.copyto(best, logits[rows[0]])
            for row in rows[1:]:
                cv2.max(best, logits[row], dst=best)
        cv2.compare(*self._best, cv2.CMP_GT, dst=self._chosen)
        return self._soften(self._shares(), out)

    def _shares(self) -> Share:
        """What was chosen, (S, S) f32: 1 for a region. The running maxima are not needed any more."""
        share = self._best[0]
        np.multiply(self._chosen, np.float32(1 / 255), out=share)
        return share
