"""The backend ``flux1``: FLUX.1 with face tokens, PuLID and InfiniteYou, each of them optional."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

import numpy as np
import torch
from diffusers import FluxInpaintPipeline

from livecam.core.frame import Image
from livecam.errors import StudioError
from livecam.studio.backends import caps_of
from livecam.studio.engines.adapters import PUBLIC, Adapters, load_adapters
from livecam.studio.engines.bases import load_pipeline, networks_of
from livecam.studio.engines.hooks import (
    WHOLE,
    AttentionHook,
    Clock,
    Hook,
    IdentityHooks,
    LandmarksHook,
    Span,
    TokensHook,
)
from livecam.studio.engines.identity import Identity
from livecam.studio.engines.pictures import from_pipeline, tell, to_mask, to_pipeline
from livecam.studio.engines.placing import beside, deterministic, empty, generator, place, refusing_memory, unplace
from livecam.studio.engines.prepare import draw_five
from livecam.studio.terms import Caps, Conditions, Device, Mask, Sampling, Slot, Step, Weights

WORDS: Final = "a photo of a person, the face in sharp focus, natural skin, even light"
"""What the base is told; the user never writes a prompt for a swap."""

GUIDANCE: Final = 3.5
"""Distilled guidance (FLUX.1's own default; PuLID uses 4, InfiniteYou 3.5)."""

LATER: Final = Span(0.2)
"""When PuLID begins in a picture from nothing: after 4 of 20 steps (pulid_for_flux.md), which leaves it the pose."""


class FluxBackend:
    """A FLUX.1 pipeline with adapters. See `livecam.studio.terms.Backend`.

    Args:
        pipeline: Loaded, on the CPU.
        adapters: Likewise.
        caps: What it says of itself.
        device: Where it works.
    """

    def __init__(self, pipeline: FluxInpaintPipeline, adapters: Adapters, caps: Caps, device: Device) -> None:
        filled = adapters.slots()
        self._caps = replace(caps, scales={slot: scale for slot, scale in caps.scales.items() if slot in filled})
        self._painter: Painter | None = Painter(pipeline, adapters, caps, device)

    @property
    def caps(self) -> Caps:
        """What it can do; unless told otherwise, the slots count whose adapters are there."""
        return self._caps

    def inpaint(self, image: Image, mask: Mask, conditions: Conditions, sampling: Sampling, step: Step) -> Image:
        """See `livecam.studio.terms.Backend.inpaint`."""
        return self._open().paint(image, mask, conditions, sampling, step, WHOLE)

    def draw(self, side: int, conditions: Conditions, sampling: Sampling, step: Step) -> Image:
        """See `livecam.studio.terms.Backend.draw`: an inpaint of everything at full strength, which is pure noise."""
        grey, everything = np.full((side, side, 3), 127, np.uint8), np.full((side, side), 255, np.uint8)
        whole = Sampling(sampling.steps, 1.0, sampling.seed)
        return self._open().paint(grey, everything, conditions, whole, step, LATER)

    def close(self) -> None:
        """See `livecam.studio.terms.Backend.close`."""
        painter, self._painter = self._painter, None
        if painter is not None:
            painter.leave()
        del painter
        empty()

    def _open(self) -> "Painter":
        if self._painter is None:
            raise StudioError("The backend has been closed.", "Make it anew.")
        return self._painter


class Painter:
    """The loaded models at work; arguments as `FluxBackend`'s."""

    def __init__(self, pipeline: FluxInpaintPipeline, adapters: Adapters, caps: Caps, device: Device) -> None:
        self._pipeline, self._adapters, self._caps, self._device = pipeline, adapters, caps, device
        self._networks = (*networks_of(pipeline), *adapters.parts())
        self._text: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
        place(pipeline, device)
        self._back = [beside(part, device) for part in adapters.parts()]
        self._identity = Identity(adapters, caps.base, torch.device(device.name), pipeline.transformer.dtype)
        pipeline.set_progress_bar_config(disable=True)

    def paint(
        self, image: Image, mask: Mask, conditions: Conditions, sampling: Sampling, step: Step, when: Span
    ) -> Image:
        """As `FluxBackend.inpaint`, with PuLID counting `when`."""
        steps = max(1, sampling.steps)
        strength = min(1.0, max(sampling.strength, 1 / steps))
        done = _done(steps, strength)
        with refusing_memory(self._device, len(image)), deterministic(*self._networks), torch.no_grad():
            text, pooled = self._said(conditions.prompt)
            hooks = self._hooks(conditions, len(image), when)
            with IdentityHooks(self._pipeline.transformer, hooks, Clock(steps, steps - done)), self._freed():
                made = self._pipeline(
                    prompt_embeds=text,
                    pooled_prompt_embeds=pooled,
                    image=to_pipeline(image),
                    mask_image=to_mask(mask),
                    height=len(image),
                    width=len(image),
                    strength=strength,
                    num_inference_steps=steps,
                    guidance_scale=GUIDANCE,
                    generator=generator(sampling.seed),
                    output_type="np",
                    callback_on_step_end=tell(step, done),
                ).images
        return from_pipeline(made[0])

    def leave(self) -> None:
        """Take everything from the card; the models are as they were loaded."""
        unplace(self._pipeline)
        for back in self._back:
            back()

    @contextmanager
    def _freed(self) -> Iterator[None]:
        """Whatever happens, offloaded networks go back: the pipeline does it itself only at its good end."""
        try:
            yield
        finally:
            self._pipeline.maybe_free_model_hooks()

    def _said(self, prompt: str) -> tuple[torch.Tensor, torch.Tensor]:
        """The text's tokens and their summary, made by the base's own encoders once for each text."""
        words = f"{WORDS}, {prompt}" if prompt else WORDS
        if words not in self._text:
            length = min(512, self._pipeline.tokenizer_2.model_max_length)
            text, pooled, _ = self._pipeline.encode_prompt(words, words, max_sequence_length=length)
            self._text = {words: (text, pooled)}
        return self._text[words]

    def _hooks(self, conditions: Conditions, side: int, when: Span) -> list[Hook]:
        """What is added to the stock model.

        Raises:
            StudioError: A slot is asked for that has no adapter.
        """
        asked = {slot: scale for slot, scale in conditions.scales.items() if scale != 0}
        other = sorted(slot.value for slot in set(asked) - self._caps.slots)
        if other:
            raise StudioError(f"{self._caps.base} has no slot {other[0]!r}.")
        return [self._hook(slot, scale, conditions, side, when) for slot, scale in sorted(asked.items())]

    def _hook(self, slot: Slot, scale: float, conditions: Conditions, side: int, when: Span) -> Hook:
        tokens = self._identity.tokens(slot, conditions.likeness)
        adapters = self._adapters
        if slot is Slot.TOKENS and adapters.tokens is not None:
            return TokensHook(adapters.tokens.ip_adapter, tokens, scale)
        if slot is Slot.ATTENTION and adapters.pulid is not None:
            return AttentionHook(adapters.pulid.pulid_ca, tokens, scale, when)
        return LandmarksHook(adapters.control, self._drawn(conditions, side), tokens, scale)

    def _drawn(self, conditions: Conditions, side: int) -> torch.Tensor:
        """(1, N, channels): the five points as the transformer sees pictures."""
        vae, pipeline = self._pipeline.vae, self._pipeline
        picture = torch.from_numpy(draw_five(conditions.five, side)).permute(2, 0, 1)[None] / 127.5 - 1
        latents = vae.encode(picture.to(self._device.name, vae.dtype)).latent_dist.mode()
        latents = (latents - vae.config.shift_factor) * vae.config.scaling_factor
        return pipeline._pack_latents(latents, *latents.shape)  # as FluxControlNetPipeline does


def _done(steps: int, strength: float) -> int:
    """How many of `steps` are done at `strength`, as diffusers counts (``get_timesteps``)."""
    return steps - int(max(steps - min(steps * strength, steps), 0))


def load(weights: Weights, caps: Caps, device: Device) -> FluxBackend:
    """The backend from its files: one way for the real one and for the tiny one's saved copy.

    Raises:
        StudioError, StudioMemory: See `livecam.studio.terms.Make`.
    """
    pipeline = load_pipeline(FluxInpaintPipeline, weights.base, device)
    return FluxBackend(pipeline, load_adapters(weights, pipeline.transformer, device), caps, device)


def make(weights: Weights | None, device: Device) -> FluxBackend:
    """See `livecam.studio.terms.Make`."""
    if weights is None:
        raise StudioError("flux1 needs weights, and none are registered.", "See livecam studio models.")
    if not weights.adapters:
        raise StudioError(
            "No adapter is registered for flux1, so that nothing can tell it whom to show.",
            f"There are {'; '.join(PUBLIC[slot] for slot in Slot)}.",
        )
    return load(weights, caps_of("flux1"), device)
