"""IP-Adapter on FLUX.1: an identity as a few tokens that every double block looks at beside the text.

Two published key layouts are read, those that diffusers' own loader takes (diffusers 0.42.1, loaders/ip_adapter.py,
``FluxIPAdapterMixin``): XLabs' ``ip_adapter_proj_model.*`` and
``double_blocks.N.processor.ip_adapter_double_stream_*``, and ``image_proj.*`` with ``ip_adapter.N.to_k_ip.*``. The
width of what goes in is that of the file: 512 for a face recogniser's vector, 768 for XLabs' published ones, which
look at a photo with CLIP.
"""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from livecam.errors import StudioError
from livecam.studio.engines.published import Tensors, below, count_of, fill, shape_of

LONG = 65536
"""Rows of a projection that makes 16 tokens; any other makes 4 (diffusers' rule)."""


class ImageProjection(nn.Module):
    """One vector -> a few tokens, normed."""

    def __init__(self, vector: int, rows: int) -> None:
        super().__init__()
        self.count = 16 if rows == LONG else 4
        self.proj = nn.Linear(vector, rows)
        self.norm = nn.LayerNorm(rows // self.count)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """(B, N * count, width) from `vectors` (B, N, vector)."""
        return self.norm(self.proj(vectors).unflatten(-1, (self.count, -1))).flatten(1, 2)


class KeyValue(nn.Module):
    """The keys and values of one block."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.to_k_ip = nn.Linear(width, hidden)
        self.to_v_ip = nn.Linear(width, hidden)

    def forward(self, query: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """What `query` (B, N, heads, head) sees in `tokens` (B, T, width): (B, N, heads * head)."""
        shape = query.shape[-2:]
        key, value = (part(tokens).unflatten(-1, shape).transpose(1, 2) for part in (self.to_k_ip, self.to_v_ip))
        seen = functional.scaled_dot_product_attention(query.transpose(1, 2), key, value)
        return seen.transpose(1, 2).flatten(2)


class FaceTokens(nn.Module):
    """The adapter.

    Args:
        vector: Width of what goes in.
        rows: Of the projection: tokens x their width.
        hidden: Width of the transformer.
        blocks: How many double blocks it has.
    """

    def __init__(self, vector: int, rows: int, hidden: int, blocks: int) -> None:
        super().__init__()
        self.image_proj = ImageProjection(vector, rows)
        width = self.image_proj.norm.normalized_shape[0]
        self.ip_adapter = nn.ModuleList([KeyValue(width, hidden) for _ in range(blocks)])

    @property
    def vector(self) -> int:
        """Width of what goes in."""
        return self.image_proj.proj.in_features


def renamed(tensors: Tensors) -> dict[str, torch.Tensor]:
    """`tensors` under the names of `FaceTokens`, from either layout."""
    projection = below(tensors, "ip_adapter_proj_model.", "image_proj.")
    blocks = below(tensors, "double_blocks.", "ip_adapter.")
    names = (
        ("processor.", ""),
        ("ip_adapter_double_stream_k_proj", "to_k_ip"),
        ("ip_adapter_double_stream_v_proj", "to_v_ip"),
    )
    result = {f"image_proj.{key}": value for key, value in projection.items()}
    for key, value in blocks.items():
        for old, new in names:
            key = key.replace(old, new)  # noqa: PLW2901 - one name after the other
        result[f"ip_adapter.{key}"] = value
    return result


def as_xlabs(tensors: Tensors) -> dict[str, torch.Tensor]:
    """`tensors`, under the names of `FaceTokens`, as XLabs publishes them."""
    names = {
        "image_proj.": "ip_adapter_proj_model.",
        "ip_adapter.": "double_blocks.",
        ".to_k_ip.": ".processor.ip_adapter_double_stream_k_proj.",
        ".to_v_ip.": ".processor.ip_adapter_double_stream_v_proj.",
    }
    result = {}
    for key, value in tensors.items():
        for old, new in names.items():
            key = key.replace(old, new, 1)  # noqa: PLW2901 - one name after the other
        result[key] = value
    return result


def tokens_of(tensors: Tensors, path: Path, hidden: int, width: int, blocks: int) -> FaceTokens:
    """The adapter as `path` holds it, checked against the transformer it is for.

    Args:
        tensors: Read from `path`.
        path: Named in errors.
        hidden: Width of the transformer.
        width: Of its text tokens.
        blocks: How many double blocks it has.

    Raises:
        StudioError: A key is missing or of another shape, or the file is for another transformer.
    """
    inner = renamed(tensors)
    rows, vector = shape_of(inner, "image_proj.proj.weight", path)
    found = (shape_of(inner, "ip_adapter.0.to_k_ip.weight", path), count_of(inner, r"ip_adapter\.(\d+)\."))
    if found != ((hidden, width), blocks):
        raise StudioError(
            f"{path} is for another base: {found[1]} blocks of {found[0]}, where {blocks} of {(hidden, width)} fit.",
            "It must be an IP-Adapter for FLUX.1.",
        )
    with torch.device("meta"):
        adapter = FaceTokens(vector, rows, hidden, blocks)
    fill(adapter, inner, path)
    return adapter
