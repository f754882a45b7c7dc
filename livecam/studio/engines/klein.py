"""FLUX.2 [klein] 4B: no adapters; the base itself looks at up to four photos of whom it is to show."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from diffusers import Flux2KleinInpaintPipeline

from livecam.core.frame import Image
from livecam.errors import StudioError
from livecam.studio.backends import caps_of
from livecam.studio.engines.bases import load_pipeline, networks_of
from livecam.studio.engines.pictures import aligned, from_pipeline, sketch, tell, to_mask, to_pipeline
from livecam.studio.engines.placing import deterministic, empty, generator, place, refusing_memory, unplace
from livecam.studio.engines.words import EXTRA, Words
from livecam.studio.terms import Caps, Conditions, Device, Mask, Sampling, Slot, Step, Weights

__all__ = ["BACKEND", "DRAW", "INPAINT", "Klein", "make"]

BACKEND: Final = "klein4b"
INPAINT: Final = (
    "Replace the face of the person in the first image by the face of the person in the other images. Keep the pose, "
    "the expression, the hair, the light and everything else of the first image. Photograph with natural skin texture."
)
DRAW: Final = (
    "A photograph of the person in the other images, with the head where it is in the first image and as large, before "
    "a plain background. Natural skin texture."
)
"""The first image is the picture itself: the pipeline shows it to the base before the references."""

_REFERENCE: Final = 512
"""Side of a reference, px: four of them are as many tokens as a picture of 1024 px."""

_GUIDANCE: Final = 4.0
"""Of the base that is not distilled; the four-step one needs none (diffusers, ``Flux2KleinPipeline``)."""


def make(weights: Weights | None, device: Device) -> "Klein":
    """The backend with the base in ``weights.base``; see `livecam.studio.terms.Make`."""
    if weights is None:
        raise StudioError(f"The backend {BACKEND} needs weights.", f"Register them: livecam studio register {BACKEND}")
    if weights.adapters:
        raise _no_slot(next(iter(weights.adapters)))
    pipeline = load_pipeline(Flux2KleinInpaintPipeline, weights.base, device, without=("text_encoder", "tokenizer"))
    place(pipeline, device)
    return Klein(pipeline, Words(weights.base, weights.extras.get(EXTRA), device), device)


def sigmas_of(sampling: Sampling) -> list[float]:
    """The noise levels of the steps, before the scheduler's shift, from the strength down to its last part.

    The pipeline's own strength leaves whole steps out: of four, none below 1 and above 3/4. So it is told to do all
    steps of a schedule that begins where the strength says.
    """
    # At 0 the scheduler's shift would divide by it.
    strength = min(1.0, max(sampling.strength, 1e-3))
    count = max(1, round(sampling.steps * strength))
    return [float(level) for level in np.linspace(strength, strength / count, count)]


class Klein:
    """See `livecam.studio.terms.Backend`.

    Args:
        pipeline: Without text encoder, placed.
        words: Of the base.
        device: Where it works.
    """

    def __init__(self, pipeline: Flux2KleinInpaintPipeline, words: Words, device: Device) -> None:
        self._pipeline: Flux2KleinInpaintPipeline | None = pipeline
        self._words = words
        self._device = device

    @property
    def caps(self) -> Caps:
        """What it can do."""
        return caps_of(BACKEND)

    def inpaint(self, image: Image, mask: Mask, conditions: Conditions, sampling: Sampling, step: Step) -> Image:
        """See `livecam.studio.terms.Backend.inpaint`. More photos than four are left out, the best ones kept."""
        return self._made(image, mask, _words(INPAINT, conditions), conditions, sampling, step)

    def draw(self, side: int, conditions: Conditions, sampling: Sampling, step: Step) -> Image:
        """See `livecam.studio.terms.Backend.draw`.

        Position, size and inclination of the head are followed; how far it is turned is as in the first photo.
        """
        blank = sketch(conditions.likeness, conditions.five, side)
        everything = np.full((side, side), 255, np.uint8)
        whole = replace(sampling, strength=1.0)
        return self._made(blank, everything, _words(DRAW, conditions), conditions, whole, step)

    def close(self) -> None:
        """See `livecam.studio.terms.Backend.close`."""
        if self._pipeline is not None:
            unplace(self._pipeline)
        self._pipeline = None
        self._words.forget()
        empty()

    def _open(self) -> Flux2KleinInpaintPipeline:
        if self._pipeline is None:
            raise StudioError("The backend was closed.")
        return self._pipeline

    def _made(
        self, image: Image, mask: Mask, words: str, conditions: Conditions, sampling: Sampling, step: Step
    ) -> Image:
        pipeline = self._open()
        for slot, scale in conditions.scales.items():
            if scale > 0:
                raise _no_slot(slot)
        side = image.shape[0]
        photos = aligned(conditions.likeness, self.caps.references, min(_REFERENCE, side))
        sigmas = sigmas_of(sampling)
        with deterministic(*networks_of(pipeline)), refusing_memory(self._device, side):
            try:
                made = pipeline(
                    image=to_pipeline(image),
                    mask_image=to_mask(mask),
                    image_reference=to_pipeline(*photos),
                    strength=1.0,
                    num_inference_steps=len(sigmas),
                    sigmas=sigmas,
                    generator=generator(sampling.seed),
                    callback_on_step_end=tell(step, len(sigmas)),
                    output_type="np",
                    **self._spoken(pipeline, words),
                )
            finally:
                # Not reached by the pipeline itself when it ends early: the networks leave the card.
                pipeline.maybe_free_model_hooks()
        return from_pipeline(made.images[0])

    def _spoken(self, pipeline: Flux2KleinInpaintPipeline, words: str) -> Mapping[str, object]:
        """What the base is told in words, and how much it is held to them."""
        embeds = self._words.of(words, pipeline)
        if pipeline.config.is_distilled:
            return {"prompt_embeds": embeds, "guidance_scale": 1.0}
        negative = self._words.of("", pipeline)
        return {"prompt_embeds": embeds, "negative_prompt_embeds": negative, "guidance_scale": _GUIDANCE}


def _words(fixed: str, conditions: Conditions) -> str:
    return f"{fixed} {conditions.prompt}".strip()


def _no_slot(slot: Slot) -> StudioError:
    caps = caps_of(BACKEND)
    return StudioError(
        f"{caps.base} has no adapter for the slot {slot.value!r}: there are no public weights that livecam supports.",
        f"It takes an identity from up to {caps.references} photos instead; leave that scale away. (PuLID for FLUX.2 "
        "is a third party's experiment.) For adapters use the backend flux1 or sdxl-instantid.",
    )
