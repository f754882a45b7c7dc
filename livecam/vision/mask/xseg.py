"""Occlusion masks by XSeg: what of a crop is face and not a hand, hair or a microphone before it (MODELS.md F.1)."""

import cv2
import numpy as np

from livecam.core.frame import Image, Size
from livecam.core.seams import Engine
from livecam.errors import ContractError
from livecam.vision.contract import MaskerContract, MaskerFamily
from livecam.vision.mask.fit import fit
from livecam.vision.mask.soft import Softener
from livecam.vision.tensor import Feeder, finite

# What the network hardly believes in is noise (DeepFaceLab's rule).
_FLOOR = 0.1


class OcclusionMasker:
    """A `Masker` over an XSeg network. It is meant for the crop before the swap. One thread.

    Args:
        engine: Bound by role: ``picture`` to ``mask`` (1, S, S, 1) f32.
        contract: Of the `XSEG` family.

    Raises:
        ContractError: The contract is of another family.
    """

    def __init__(self, engine: Engine, contract: MaskerContract) -> None:
        if contract.family is not MaskerFamily.XSEG:
            raise ContractError(f"An occlusion mask needs an XSeg network, not {contract.family}.")
        self._engine = engine
        self._side = contract.picture.side
        self._feeder = Feeder(contract.picture)
        self._small = np.empty(Size(self._side, self._side).image_shape, dtype=np.uint8)
        self._mask = np.empty((self._side, self._side), dtype=np.float32)
        self._soften = Softener()

    def __call__(self, crop: Image, out: Image) -> Image:
        """See `Masker`."""
        picture = self._feeder(fit(crop, self._small))
        answer = self._engine.run({"picture": picture})["mask"]
        values = finite(answer, (1, self._side, self._side, 1), "mask")[0, :, :, 0]
        cv2.threshold(values, _FLOOR, 0, cv2.THRESH_TOZERO, dst=self._mask)
        np.minimum(self._mask, 1, out=self._mask)
        return self._soften(self._mask, out)
