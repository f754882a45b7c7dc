"""The neural swap of one face: align, crop, mask, swap, match the colours, enhance, paint."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from livecam.core.face import Face
from livecam.core.frame import Image, Points, Size
from livecam.core.ladder import Sharpening, Tier
from livecam.core.persona import Persona
from livecam.core.seams import Canvas
from livecam.core.settings import Settings
from livecam.errors import ContractError, FaceUncovered
from livecam.vision.color import ColourMatcher
from livecam.vision.enhance import Enhancer
from livecam.vision.swap.facing import AngleChoices
from livecam.vision.swap.identity import NeuralIdentity
from livecam.vision.swap.keeper import Keeper
from livecam.vision.swap.masks import CropMask, Maskers, refuse_bare
from livecam.vision.swap.paced import PacedSharpener, Whose
from livecam.vision.swap.sharpen import Painting, Sharpener
from livecam.vision.swap.sound import refuse_unchanged
from livecam.vision.swap.stage import CropSwapper
from livecam.vision.tensor import Floats
from livecam.vision.turned import BY_FIVE, Turned, turn_across
from livecam.vision.wearers import Wearers

# The longer side of the box around the five points; a face is about three times as tall.
_SMALLEST_EXTENT_PX = 10.0
# In longer frame sides, how far away a point may lie from the frame; landmarkers stay far below.
_FARTHEST = 4.0


class _Wearer:
    """What is learnt about one followed face."""

    def __init__(self) -> None:
        self.colour = ColourMatcher()
        self.looks_away = Turned(BY_FIVE)
        self.persona = ""

    def wears(self, digest: str) -> None:
        """Note the persona; the colours of another one have to be found anew."""
        if digest != self.persona:
            self.persona = digest
            self.colour.reset()


class StageSwapper:
    """The `Swapper` over a swapper network and, if wanted, an enhancer. Owns its working memory; one thread.

    The frame is only read until the new face is complete and sound; then it is painted.

    Args:
        key: Of its data in `Persona.identity`: the swapper's recipe.
        swapper: What swaps.
        maskers: What of the swapped crop is shown.
        enhancer: What sharpens; None for nothing. At a `Settings.blend` of 0 it is not run.
        colour: 0..1, how far the swapped crop takes on the wearer's colours.
        now_ns: Monotonic time; colours are smoothed over it.
        small_enhancer: What sharpens on the tiers that ask for a smaller one; None for `enhancer` there too.
        steady_texture: Whether texture that enhancers invent is kept from crawling.
        keeper: Keeps enhancers from changing whom the face shows; None for no limit.

    Raises:
        ValueError: The share of colours is out of range.
    """

    def __init__(
        self,
        key: str,
        swapper: CropSwapper,
        maskers: Maskers | None = None,
        enhancer: Enhancer | None = None,
        colour: float = 1.0,
        now_ns: Callable[[], int] = time.monotonic_ns,
        small_enhancer: Enhancer | None = None,
        steady_texture: bool = False,
        keeper: Keeper | None = None,
    ) -> None:
        if not 0.0 <= colour <= 1.0:
            raise ValueError(f"A share of the wearer's colours lies in 0..1, not {colour}.")
        masks = maskers or Maskers()
        self._key = key
        self._swap = swapper
        self._colour = colour
        self._now_ns = now_ns
        self._size = Size(swapper.side, swapper.side)
        self._crop, self._swapped = (np.empty(self._size.image_shape, np.uint8) for _ in range(2))
        # Without networks that find what covers the face, all of it is covered.
        self._masked = CropMask(masks, swapper.side)
        self._unmasked = CropMask(replace(masks, before=(), after=()), swapper.side)
        self._mask = self._masked
        enhancers = {Sharpening.FULL: enhancer, Sharpening.SMALL: small_enhancer if enhancer else None}
        sharpeners = {
            kind: Sharpener(each, swapper, masks.box_blur, steady_texture) for kind, each in enhancers.items() if each
        }
        self._sharpen = PacedSharpener(sharpeners, keeper) if sharpeners else None
        self._wearers = Wearers(_Wearer)
        self._angles = AngleChoices()
        self._stages: dict[str, int] = {}
        self._mark_ns = 0

    def __call__(self, canvas: Canvas[Image], face: Face, persona: Persona, settings: Settings) -> None:
        """Paint `persona` over `face`.

        Raises:
            ContractError: The face is no usable one, the persona is not prepared for this swapper, a network gave
                rubbish. The canvas is untouched.
            FaceUncovered: The face is turned too far away, or too little of it would be covered. The canvas is
                untouched.
            EngineError: A network failed. The canvas is untouched.
        """
        self._mark_ns = time.perf_counter_ns()
        identity = self._identity(persona)
        five = _checked(face, canvas.pixels.shape)
        wearer = self._wearers[face.track_id]
        if wearer.looks_away(turn_across(five)):
            raise FaceUncovered("The face is turned too far away.", "Turn towards the camera.")
        matrix = self._swap.matrix(five)
        sharpen = self._sharpen if settings.blend > 0 else None
        crop = canvas.crop(matrix, self._size, self._crop) if sharpen is None else sharpen.crop(canvas, matrix)
        self._lap("crop")
        mask = self._mask.start(crop, face.landmarks, matrix, face.track_id)
        self._lap("occlusion")
        wearer.wears(persona.digest)
        source = self._angles(identity, face, persona.digest, self._now_ns())
        self._swapped_from(crop, mask, source, wearer)
        mask = self._mask.finish(self._swapped)
        refuse_bare(mask, five, matrix)
        self._lap("region")
        painting = Painting(self._swapped, mask, matrix)
        if sharpen is not None:
            painting = sharpen(painting, Whose(face.track_id, persona.digest, settings.blend))
            sharpen.look(painting, five, identity.embedding)
        self._lap("enhance")
        canvas.paint(painting.image, painting.mask, painting.matrix)
        self._lap("paint")

    def reset(self) -> None:
        """Forget every wearer's colours and masks, and the enhancer's detail."""
        self._wearers.clear()
        self._angles.clear()
        self._masked.reset()
        if self._sharpen is not None:
            self._sharpen.reset()

    def adapt(self, tier: Tier) -> None:
        """See `Adaptable`: the enhancer's size and pace, and whether networks find what covers the face."""
        self._mask = self._masked if tier.mask else self._unmasked
        if self._sharpen is not None:
            self._sharpen.adapt(tier)

    def stages(self) -> Mapping[str, int]:
        """Duration of each stage of the last call, ns."""
        return self._stages

    def _identity(self, persona: Persona) -> NeuralIdentity:
        """The persona's data for this swapper.

        Raises:
            ContractError: It has none, or what another network takes.
        """
        identity = persona.identity.get(self._key)
        if not isinstance(identity, NeuralIdentity) or not self._swap.fits(identity.source):
            raise ContractError(f"The persona {persona.name} is not prepared for {self._key}.", "Add it again.")
        return identity

    def _swapped_from(self, crop: Image, mask: Image, source: Floats, wearer: _Wearer) -> None:
        """Swap `crop` in the wearer's colours, and narrow the mask by the network's own."""
        own_mask = self._swap(crop, source, self._swapped)
        refuse_unchanged(self._swapped, crop, "swapper")
        if own_mask is not None:
            self._mask.narrow(own_mask)
        self._lap("swap")
        if self._colour > 0:
            wearer.colour(self._swapped, crop, mask, self._now_ns(), self._colour)
        self._lap("colour")

    def _lap(self, stage: str) -> None:
        """Note that `stage` ends now."""
        now = time.perf_counter_ns()
        self._stages[stage] = now - self._mark_ns
        self._mark_ns = now


def _checked(face: Face, shape: tuple[int, ...]) -> Points:
    """(5, 2) f32 px: eyes, nose tip, mouth corners.

    Raises:
        ContractError: They are not finite, far outside the frame, too close together, or their middle is not in it.
    """
    five = face.landmarks.five
    height, width = shape[:2]
    if not np.isfinite(five).all() or np.abs(five).max() > _FARTHEST * max(height, width):
        raise ContractError("The face's landmarks are not finite, or far outside the frame.")
    if float(np.ptp(five, axis=0).max()) < _SMALLEST_EXTENT_PX:
        raise ContractError("The face is too small, or its landmarks have collapsed.")
    x, y = five.mean(axis=0).tolist()
    if not (0 <= x < width and 0 <= y < height):
        raise ContractError("The face to be painted does not lie in the frame.")
    return five
