"""What is hung on the attentions of a stock UNet, and taken off again without a trace."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from torch import nn
from torch.nn import functional

__all__ = ["LINEARS", "Added", "Look", "attentions", "linear_of", "on_unet"]

LINEARS: Final = ("to_q", "to_k", "to_v", "to_out")
"""The linear layers of an attention."""


def linear_of(attention: Attention, name: str) -> nn.Linear:
    """The one of `LINEARS` that is called `name`."""
    return attention.to_out[0] if name == "to_out" else getattr(attention, name)


def attentions(unet: UNet2DConditionModel | ControlNetModel) -> list[Attention]:
    """All attentions of `unet` in the order that the published files count them."""
    return [unet.get_submodule(name.removesuffix(".processor")) for name in unet.attn_processors]


class Added:
    """Adds a low-rank change to what a linear layer gives."""

    def __init__(self, low: nn.Module) -> None:
        self._low = low

    def __call__(self, _linear: nn.Module, given: tuple[torch.Tensor, ...], found: torch.Tensor) -> torch.Tensor:
        """(B, N, after): what the layer `found`, and what the change finds in what it was given."""
        return found + self._low(given[0])


class Look:
    """Lets a picture's queries look at an identity's tokens too, and adds what they see before the way out.

    The IP-Adapter's formula (arXiv 2308.06721, section 3.2.2): ``attend(q, k, v) + scale * attend(q, k', v')``.
    """

    def __init__(self, key: torch.Tensor, value: torch.Tensor, heads: int, scale: float) -> None:
        self._heads, self._scale = heads, scale
        self._key, self._value = self._split(key), self._split(value)
        self._query: torch.Tensor | None = None

    def see(self, _to_q: nn.Module, _given: tuple[torch.Tensor, ...], query: torch.Tensor) -> None:
        """Hang it behind ``to_q``: keeps the queries, (B, N, inner)."""
        self._query = self._split(query)

    def add(self, _to_out: nn.Module, given: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        """Hang it before ``to_out``: adds what they see in the tokens."""
        seen = functional.scaled_dot_product_attention(self._query, self._key, self._value)
        self._query = None
        return (given[0] + self._scale * seen.transpose(1, 2).flatten(2), *given[1:])

    def _split(self, part: torch.Tensor) -> torch.Tensor:
        return part.unflatten(-1, (self._heads, -1)).transpose(1, 2)


@contextmanager
def on_unet(handles: Iterator[torch.utils.hooks.RemovableHandle]) -> Iterator[None]:
    """While in it, everything that `handles` hangs on is on; after it nothing is, however it ends."""
    with ExitStack() as stack:
        for handle in handles:
            stack.callback(handle.remove)
        yield
