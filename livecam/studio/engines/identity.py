"""From a person's photos and vectors to the tokens that each adapter adds."""

from typing import Final

import numpy as np
import torch
from torch.nn import functional

from livecam.studio.engines import eva as eva_eyes
from livecam.studio.engines.adapters import VECTOR, Adapters, wanted
from livecam.studio.engines.prepare import FACE, cut, faces_of, seen
from livecam.studio.engines.recogniser import faces_for
from livecam.studio.terms import Likeness, Slot
from livecam.vision.template import Template, align

MOST: Final = 3
"""Photos that PuLID and CLIP look at, the best first: each adds tokens to every block of every step."""

LENGTH: Final = VECTOR**0.5
"""Of the raw vectors that PuLID was trained with, where ours have length 1. ArcFace ends in a batch norm with unit
weights (insightface, recognition/arcface_torch/backbones/iresnet.py), so that each of the 512 numbers varies by 1."""


class Identity:
    """Tokens of one person, made once and kept as long as the same person is asked for.

    Args:
        adapters: What makes them.
        base: Named in errors.
        device: Where.
        dtype: Of the tokens.
    """

    def __init__(self, adapters: Adapters, base: str, device: torch.device, dtype: torch.dtype) -> None:
        self._adapters, self._base, self._device, self._dtype = adapters, base, device, dtype
        self._kept: dict[Slot, tuple[Likeness, torch.Tensor]] = {}

    def tokens(self, slot: Slot, likeness: Likeness) -> torch.Tensor:
        """(1, T, width) for `slot`.

        Raises:
            StudioError: No adapter is loaded for it, or the vectors are not of the width it takes.
        """
        kept = self._kept.get(slot)
        if kept is not None and kept[0] is likeness:
            return kept[1]
        with torch.no_grad():
            made = {Slot.TOKENS: self._face, Slot.ATTENTION: self._pulid, Slot.LANDMARKS: self._infuse}[slot](likeness)
        self._kept[slot] = likeness, made
        return made

    def _face(self, likeness: Likeness) -> torch.Tensor:
        """One group of tokens for each vector, or for each photo where the adapter looks at photos."""
        adapter = wanted(self._adapters.tokens, Slot.TOKENS, self._base)
        given = self._vectors(likeness) if self._adapters.clip is None else self._looked(likeness)
        return adapter.image_proj(given[None])

    def _looked(self, likeness: Likeness) -> torch.Tensor:
        """(N, width): what CLIP makes of the aligned photos."""
        clip = wanted(self._adapters.clip, Slot.TOKENS, self._base)
        pairs = list(zip(likeness.photos, likeness.fives, strict=True))[:MOST]
        faces = [(cut(photo, align(five, Template.FFHQ_512, FACE)) / 255).astype(np.float32) for photo, five in pairs]
        pixels = seen(faces, clip.config.image_size, eva_eyes.MEAN, eva_eyes.STD)
        return clip(self._here(pixels)).image_embeds

    def _pulid(self, likeness: Likeness) -> torch.Tensor:
        """The tokens of up to `MOST` photos behind each other, as PuLID mixes several (its app.py)."""
        pulid = wanted(self._adapters.pulid, Slot.ATTENTION, self._base)
        eva = wanted(self._adapters.eva, Slot.ATTENTION, self._base)
        vector, maps = eva(self._here(seen(faces_of(likeness, MOST), eva.pixels, eva_eyes.MEAN, eva_eyes.STD)))
        rows = self._rows(likeness, len(vector)) * LENGTH
        return pulid.pulid_encoder(torch.cat((rows, vector), dim=-1), maps).flatten(0, 1)[None]

    def _infuse(self, likeness: Likeness) -> torch.Tensor:
        """One person, one vector: the middle of all, as the resampler knows no more."""
        resampler = wanted(self._adapters.resampler, Slot.LANDMARKS, self._base)
        arcface = self._adapters.arcface
        faces = faces_for(likeness.photos, likeness.fives)
        vectors = self._vectors(likeness) if arcface is None else arcface(self._here(faces))
        return resampler(functional.normalize(vectors.mean(dim=0), dim=-1)[None, None])

    def _rows(self, likeness: Likeness, count: int) -> torch.Tensor:
        """(count, 512): each photo's own vector where there is one for each, or else the middle of all."""
        vectors = self._vectors(likeness)
        if len(vectors) == len(likeness.photos):
            return vectors[:count]
        return functional.normalize(vectors.mean(dim=0, keepdim=True), dim=-1).expand(count, -1)

    def _vectors(self, likeness: Likeness) -> torch.Tensor:
        assert likeness.vectors.shape[1] == VECTOR, "a recogniser's vector has 512 numbers"
        return self._here(torch.from_numpy(np.ascontiguousarray(likeness.vectors)))

    def _here(self, part: torch.Tensor) -> torch.Tensor:
        return part.to(self._device, self._dtype)
