"""Enhancers: a crop becomes a sharper crop."""

import cv2
import numpy as np

from livecam.core.frame import Image, Matrix, Points
from livecam.core.seams import Engine, Tensor
from livecam.errors import ContractError
from livecam.vision.contract import EnhancerContract
from livecam.vision.swap.sound import refuse_flat
from livecam.vision.template import align
from livecam.vision.tensor import Feeder, Reader


class Enhancer:
    """Sharpens crops. Owns its memory; used by one thread.

    Args:
        engine: Bound by role: ``picture`` (and ``weight``) to ``image``.
        contract: Its numbers.
        fidelity: Of CodeFormer, 0..1: higher keeps more of what goes in. The recipe's unless given.

    Raises:
        ContractError: The engine takes no pictures of the contract's size.
        ValueError: The fidelity is out of range, or the network has none.
    """

    def __init__(self, engine: Engine, contract: EnhancerContract, fidelity: float | None = None) -> None:
        self.side = contract.picture.side
        if any(
            found not in (-1, size) for found, size in zip(_shape(engine), (1, 3, self.side, self.side), strict=True)
        ):
            raise ContractError(f"The enhancer's network takes {_shape(engine)}, its recipe says {self.side} px.")
        self._engine = engine
        self._alignment = contract.alignment
        self._feed = Feeder(contract.picture)
        self._read = Reader(contract.result, self.side)
        self._extra = _extra(contract.fidelity, fidelity)

    def matrix(self, five: Points) -> Matrix:
        """The matrix, frame px to crop px, for a face with these five points, (5, 2) f32 px.

        Raises:
            ValueError: The points coincide.
        """
        return align(five, self._alignment.template, self.side, self._alignment.offset_px)

    def __call__(self, crop: Image, out: Image) -> Image:
        """Write `crop`, (side, side, 3) u8 BGR, made sharper, into `out`, likewise, and return `out`.

        Raises:
            ContractError: The network gave another shape than promised, values that are not finite, or one colour.
            EngineError: The backend failed.
        """
        images = self._engine.run({"picture": self._feed(crop), **self._extra})["image"]
        if len(images) != 1:
            raise ContractError(f"The enhancer was given one crop and gave {len(images)}.")
        refuse_flat(self._read(images[0], out), "enhancer")
        return out


def blended(enhanced: Image, plain: Image, blend: float, out: Image) -> Image:
    """Write ``blend * enhanced + (1 - blend) * plain`` into `out` and return it; 0 gives `plain` to the byte.

    Args:
        enhanced: (S, S, 3) u8; may be `out`.
        plain: (S, S, 3) u8; may be `out`.
        blend: 0..1.
        out: (S, S, 3) u8.
    """
    return cv2.addWeighted(enhanced, blend, plain, 1.0 - blend, 0.0, dst=out)  # type: ignore[return-value]


def _shape(engine: Engine) -> tuple[int, ...]:
    return engine.inputs["picture"].shape


def _extra(default: float | None, fidelity: float | None) -> dict[str, Tensor]:
    """The second input, for the one network that has it.

    It is of 64 bits, alone among all inputs of all networks: anything else is refused at run time (MODELS.md, trap 11).
    """
    if default is None:
        if fidelity is not None:
            raise ValueError("This enhancer has no fidelity to set; CodeFormer has.")
        return {}
    value = default if fidelity is None else fidelity
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"An enhancer's fidelity lies in 0..1, not {value}.")
    return {"weight": np.array([value], np.float64)}
