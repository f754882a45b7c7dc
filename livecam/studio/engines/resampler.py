"""The face resampler of InfiniteYou and InstantID: one recogniser's vector becomes a few tokens in the text's place."""

from pathlib import Path

import torch
from torch import nn

from livecam.studio.engines.perceiver import HEAD, layer, through
from livecam.studio.engines.published import Tensors, below, count_of, fill, shape_of

PREFIXES = ("image_proj.", "image_proj_model.")
"""Under which published files keep it, where they keep it under anything."""


class Resampler(nn.Module):
    """Learned queries that look at the identity.

    Full size for InfiniteYou: 512 -> 8 tokens x 4096, width 1280, depth 4, 20 heads
    (bytedance/InfiniteYou: pipelines/pipeline_infu_flux.py); for InstantID 16 tokens x 2048.

    Args:
        vector: Width of the recogniser's vector.
        tokens: How many.
        output: Width of a token.
        width: Inside.
        depth: Layers.
        heads: Of each layer's attention.
    """

    def __init__(self, vector: int, tokens: int, output: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.latents = nn.Parameter(torch.randn(1, tokens, width) / width**0.5)
        self.proj_in = nn.Linear(vector, width)
        self.proj_out = nn.Linear(width, output)
        self.norm_out = nn.LayerNorm(output)
        self.layers = nn.ModuleList([layer(width, heads) for _ in range(depth)])

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """(B, tokens, output) from `vectors` (B, N, vector)."""
        latents = through(self.layers, self.proj_in(vectors), self.latents.repeat(vectors.shape[0], 1, 1))
        return self.norm_out(self.proj_out(latents))


def resampler_of(tensors: Tensors, path: Path) -> Resampler:
    """The resampler that `tensors`, read from `path`, hold; its widths are those of the file.

    Raises:
        StudioError: A key is missing or of another shape.
    """
    inner = below(tensors, *PREFIXES) or dict(tensors)
    _, tokens, width = shape_of(inner, "latents", path, 3)
    output, _ = shape_of(inner, "proj_out.weight", path)
    _, vector = shape_of(inner, "proj_in.weight", path)
    heads = shape_of(inner, "layers.0.0.to_q.weight", path)[0] // HEAD
    with torch.device("meta"):
        empty = Resampler(vector, tokens, output, width, count_of(inner, r"layers\.(\d+)\."), heads)
    fill(empty, inner, path)
    return empty
