"""The backend ``sdxl-instantid``: Stable Diffusion XL with InstantID and IP-Adapter FaceID, each of them optional."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import chain
from types import MappingProxyType
from typing import Final

import numpy as np
import torch
from diffusers import ControlNetModel, StableDiffusionXLInpaintPipeline, UNet2DConditionModel

from livecam.core.frame import Image
from livecam.errors import StudioError
from livecam.studio.backends import caps_of
from livecam.studio.engines.bases import load_network, load_pipeline, networks_of
from livecam.studio.engines.instantid import (
    FaceAdapter,
    IdentityNet,
    adapter_of,
    holds_attention,
    resampler_from,
    tokens_of,
)
from livecam.studio.engines.pictures import from_pipeline, tell, to_mask, to_pipeline
from livecam.studio.engines.placing import (
    beside,
    deterministic,
    dtype_of,
    empty,
    generator,
    place,
    refusing_memory,
    unplace,
)
from livecam.studio.engines.prepare import draw_five
from livecam.studio.engines.resampler import Resampler
from livecam.studio.engines.unet_hooks import on_unet
from livecam.studio.terms import Caps, Conditions, Device, Mask, Sampling, Slot, Step, Weights

__all__ = ["BACKEND", "RESAMPLER", "Sdxl", "make"]

BACKEND: Final = "sdxl-instantid"
RESAMPLER: Final = "resampler"
"""Name in `Weights.extras` of InstantID's ip-adapter. It fills the slot ``tokens`` too, unless another adapter does."""

WORDS: Final = "photograph of a person, natural skin texture, sharp focus on the face, natural light"
AGAINST: Final = "painting, drawing, illustration, render, text, watermark, deformed, blurred, oversaturated"
GUIDANCE: Final = 5.0
"""As InstantID's own examples (InstantID/InstantID: infer.py)."""

PUBLIC: Final[Mapping[Slot, str]] = MappingProxyType(
    {
        Slot.TOKENS: "InstantID's ip-adapter (InstantX/InstantID, code Apache-2.0) and ip-adapter-faceid_sdxl "
        "(h94/IP-Adapter-FaceID, non-commercial)",
        Slot.LANDMARKS: "InstantID's IdentityNet (InstantX/InstantID: ControlNetModel)",
        Slot.ATTENTION: "PuLID v1.1 for SDXL (guozinan/PuLID), which livecam does not support on this base",
    }
)
"""What there is for SDXL."""


def make(weights: Weights | None, device: Device) -> "Sdxl":
    """The backend with the base in ``weights.base``; see `livecam.studio.terms.Make`."""
    if weights is None:
        raise StudioError(f"The backend {BACKEND} needs weights.", f"Register them: livecam studio register {BACKEND}")
    if Slot.ATTENTION in weights.adapters:
        raise _missing(Slot.ATTENTION)
    pipeline = load_pipeline(StableDiffusionXLInpaintPipeline, weights.base, device)
    # Another program's visible signature has no place beside the mark that every picture gets.
    pipeline.watermark = None
    # Its codec overflows in float16, which is not used here; to upcast it would lose offloaded weights.
    pipeline.vae.register_to_config(force_upcast=False)
    face = _face(weights, pipeline.unet)
    landmarks = _landmarks(weights, pipeline.unet, face, device)
    return Sdxl(pipeline, face, landmarks, device)


def _face(weights: Weights, unet: UNet2DConditionModel) -> FaceAdapter | None:
    path = weights.adapters.get(Slot.TOKENS)
    if path is not None:
        return adapter_of(path, unet)
    own = weights.extras.get(RESAMPLER)
    return adapter_of(own, unet) if own is not None and holds_attention(own) else None


def _landmarks(
    weights: Weights, unet: UNet2DConditionModel, face: FaceAdapter | None, device: Device
) -> IdentityNet | None:
    folder = weights.adapters.get(Slot.LANDMARKS)
    if folder is None:
        return None
    net = load_network(ControlNetModel, folder, device)
    widths = [(part.config.cross_attention_dim, tuple(part.config.block_out_channels)) for part in (net, unet)]
    if widths[0] != widths[1]:
        raise StudioError(f"The control network in {folder} is for another base: {widths[0]}, not {widths[1]}.")
    if RESAMPLER in weights.extras:
        return IdentityNet(net, resampler_from(weights.extras[RESAMPLER]))
    if face is not None and isinstance(face.projection, Resampler):
        return IdentityNet(net, face.projection)
    raise StudioError(
        f"The control network in {folder} needs InstantID's tokens, which come from its ip-adapter.",
        f"Register InstantID's ip-adapter for the slot 'tokens', or as the extra {RESAMPLER!r}.",
    )


class Sdxl:
    """See `livecam.studio.terms.Backend`. Head angles are its strength: the landmark picture decides them.

    Args:
        pipeline: Loaded, not yet placed.
        face: What fills the slot ``tokens``.
        landmarks: What fills the slot ``landmarks``.
        device: Where it works.
    """

    def __init__(
        self,
        pipeline: StableDiffusionXLInpaintPipeline,
        face: FaceAdapter | None,
        landmarks: IdentityNet | None,
        device: Device,
    ) -> None:
        self._pipeline: StableDiffusionXLInpaintPipeline | None = pipeline
        self._face, self._net, self._device = face, landmarks, device
        filled = {Slot.TOKENS: face is not None, Slot.LANDMARKS: landmarks is not None}
        whole = caps_of(BACKEND)
        self._caps = replace(whole, scales={slot: scale for slot, scale in whole.scales.items() if filled[slot]})
        self._back: list[Callable[[], None]] = []
        place(pipeline, device)
        if landmarks is not None:
            self._back.append(beside(landmarks.net, device))
        if face is not None and face.rank:
            # Called from within the UNet, layer by layer: one layer at a time, or all on the card.
            close = device if device.offload == "sequential" else replace(device, offload="none")
            self._back.append(beside(face.low.to(dtype_of(device)), close))

    @property
    def caps(self) -> Caps:
        """What it can do; only slots that are filled have a scale of their own accord."""
        return self._caps

    def inpaint(self, image: Image, mask: Mask, conditions: Conditions, sampling: Sampling, step: Step) -> Image:
        """See `livecam.studio.terms.Backend.inpaint`."""
        pipeline = self._pipeline
        if pipeline is None:
            raise StudioError("The backend was closed.")
        side = image.shape[0]
        strength = min(1.0, max(sampling.strength, 1 / sampling.steps))
        with (
            deterministic(*networks_of(pipeline)),
            refusing_memory(self._device, side),
            _freed(pipeline),
            self._conditioned(pipeline.unet, conditions, side),
        ):
            made = pipeline(
                prompt=f"{WORDS}, {conditions.prompt}" if conditions.prompt else WORDS,
                negative_prompt=AGAINST,
                image=to_pipeline(image),
                mask_image=to_mask(mask),
                height=side,
                width=side,
                strength=strength,
                num_inference_steps=sampling.steps,
                guidance_scale=GUIDANCE,
                generator=generator(sampling.seed),
                callback_on_step_end=tell(step, min(int(sampling.steps * strength), sampling.steps)),
                output_type="np",
            )
        return from_pipeline(made.images[0])

    def draw(self, side: int, conditions: Conditions, sampling: Sampling, step: Step) -> Image:
        """See `livecam.studio.terms.Backend.draw`: everything is masked, and nothing is left of what it begins from."""
        blank, everything = np.full((side, side, 3), 128, np.uint8), np.full((side, side), 255, np.uint8)
        return self.inpaint(blank, everything, conditions, replace(sampling, strength=1.0), step)

    def close(self) -> None:
        """See `livecam.studio.terms.Backend.close`."""
        for back in self._back:
            back()
        if self._pipeline is not None:
            unplace(self._pipeline)
        self._back.clear()
        self._pipeline = self._face = self._net = None
        empty()

    def _conditioned(
        self, unet: UNet2DConditionModel, conditions: Conditions, side: int
    ) -> AbstractContextManager[None]:
        """While in it, `unet` shows whom it is told to; a slot at 0 is as if it were not there."""
        asked = {slot: scale for slot, scale in conditions.scales.items() if scale > 0}
        like = torch.empty(0, dtype=dtype_of(self._device), device=self._device.name)
        handles: list[Iterator[torch.utils.hooks.RemovableHandle]] = []
        for slot, scale in asked.items():
            if slot is Slot.TOKENS and self._face is not None:
                tokens = tokens_of(self._face.projection, conditions.likeness)
                handles.append(self._face.hang(unet, tokens, scale, like))
            elif slot is Slot.LANDMARKS and self._net is not None:
                tokens = tokens_of(self._net.resampler, conditions.likeness)
                picture = torch.from_numpy(draw_five(conditions.five, side)).permute(2, 0, 1)[None] / 255
                handles.append(self._net.hang(unet, tokens, scale, picture.to(like)))
            else:
                raise _missing(slot)
        return on_unet(chain(*handles))


@contextmanager
def _freed(pipeline: StableDiffusionXLInpaintPipeline) -> Iterator[None]:
    """Offloaded networks leave the card however it ends; the pipeline sees to it at a good end alone."""
    try:
        yield
    finally:
        pipeline.maybe_free_model_hooks()


def _missing(slot: Slot) -> StudioError:
    return StudioError(
        f"The slot {slot.value!r} of {caps_of(BACKEND).base} is asked for, but there is no adapter for it.",
        f"Public weights: {PUBLIC[slot]}. "
        + ("Use the backend flux1." if slot is Slot.ATTENTION else "Register them, or set the scale to 0."),
    )
