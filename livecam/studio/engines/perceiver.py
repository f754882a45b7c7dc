"""Attention of a few learned queries to many features: the part that PuLID, InfiniteYou and InstantID have in common.

Key names are those of the published checkpoints (ToTheBeginning/PuLID: pulid/encoders_transformer.py;
bytedance/InfiniteYou: pipelines/resampler.py), which go back to OpenFlamingo's resampler.
"""

import math

import torch
from torch import nn

HEAD = 64
"""Width of a head in `PerceiverAttention`; the files do not tell it."""


def feed_forward(width: int, times: int = 4) -> nn.Sequential:
    """LayerNorm, out to `times` the width, GELU, and back; without biases."""
    return nn.Sequential(
        nn.LayerNorm(width),
        nn.Linear(width, width * times, bias=False),
        nn.GELU(),
        nn.Linear(width * times, width, bias=False),
    )


class Projections(nn.Module):
    """The weights of one attention: two norms and the ways in and out.

    Args:
        width: Of the queries.
        context: Width of what they look at.
        heads: How many.
        head: Width of each.
    """

    def __init__(self, width: int, context: int, heads: int, head: int) -> None:
        super().__init__()
        self.heads, self.head = heads, head
        self.norm1 = nn.LayerNorm(context)
        self.norm2 = nn.LayerNorm(width)
        self.to_q = nn.Linear(width, heads * head, bias=False)
        self.to_kv = nn.Linear(context, heads * head * 2, bias=False)
        self.to_out = nn.Linear(heads * head, width, bias=False)

    def attend(self, queries: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        """What normed `queries` (B, Q, width) see in normed `context` (B, N, context): (B, Q, width).

        Both sides are scaled by the fourth root of the head's width, which keeps half precision from overflowing.
        """
        key, value = (self._split(part) for part in self.to_kv(context).chunk(2, dim=-1))
        scale = 1 / math.sqrt(math.sqrt(self.head))
        weight = (self._split(self.to_q(queries)) * scale) @ (key * scale).transpose(-2, -1)
        seen = torch.softmax(weight.float(), dim=-1).type(weight.dtype) @ value
        return self.to_out(seen.transpose(1, 2).flatten(2))

    def _split(self, part: torch.Tensor) -> torch.Tensor:
        return part.unflatten(-1, (self.heads, self.head)).transpose(1, 2)


class PerceiverAttention(Projections):
    """Queries that look at the features and at each other."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, width, heads, HEAD)

    def forward(self, features: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        """(B, Q, width) from `features` (B, N, width) and `latents` (B, Q, width)."""
        latents = self.norm2(latents)
        return self.attend(latents, torch.cat((self.norm1(features), latents), dim=-2))


class CrossAttention(Projections):
    """Picture tokens that look at identity tokens, and not at each other."""

    def forward(self, tokens: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """(B, N, width) for the picture's `hidden` (B, N, width) from identity `tokens` (B, T, context)."""
        return self.attend(self.norm2(hidden), self.norm1(tokens))


def layer(width: int, heads: int) -> nn.ModuleList:
    """One attention and one feed-forward, as the checkpoints number them."""
    return nn.ModuleList([PerceiverAttention(width, heads), feed_forward(width)])


def through(layers: nn.ModuleList, features: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
    """`latents` (B, Q, width) after all `layers`, each looking at `features` (B, N, width)."""
    for attention, forward in layers:
        latents = attention(features, latents) + latents
        latents = forward(latents) + latents
    return latents
