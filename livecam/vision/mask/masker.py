"""What every mask of a crop is made by."""

from typing import Protocol

from livecam.core.frame import Image


class Masker(Protocol):
    """Says which part of a crop is to be replaced. Used by one thread."""

    def __call__(self, crop: Image, out: Image) -> Image:
        """Write the mask of `crop` into `out` and return `out`.

        Args:
            crop: (S, S, 3) u8 BGR; only read.
            out: (S, S) u8, of the crop's side; 255 is replaced, 0 stays as it is.

        Raises:
            ContractError: A network's answer is not what its contract says.
            EngineError: A network failed.
        """
        ...
