"""EVA02-CLIP-L/14-336's eyes, which PuLID sees a face with: five maps of features and one 768-d vector.

Two layouts are read: eva_clip's own (``visual.*`` of EVA02_CLIP_L_336_psz14_s6B, MIT) and timm's
``eva02_large_patch14_clip_336`` (``visual.trunk.*`` or bare). Sources: ToTheBeginning/PuLID, eva_clip/eva_vit_model.py,
rope.py and model_configs/EVA02-CLIP-L-14-336.json; timm 1.0, models/eva.py ``checkpoint_filter_fn``.
"""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from livecam.studio.engines.published import Tensors, below, count_of, fill, shape_of

HEAD = 64
"""Width of a head; the file does not tell it."""

TRAINED = 16
"""Patches along a side that the rotary positions count in (``pt_hw_seq_len``), whatever the side really has."""

SEEN = (4, 8, 12, 16, 20)
"""Before which blocks the five maps are taken, of 24."""

FULL = 24
"""Blocks of the full size; a smaller one is tapped at the same parts of its depth."""

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of CLIP's pictures, RGB."""

EPS = 1e-6

NAMES = (
    ("mlp.norm.", "mlp.ffn_ln."),
    ("attn.norm.", "attn.inner_attn_ln."),
    ("mlp.fc1_g.", "mlp.w1."),
    ("mlp.fc1_x.", "mlp.w2."),
    ("mlp.fc2.", "mlp.w3."),
    ("q_proj.bias", "q_bias"),
    ("v_proj.bias", "v_bias"),
)
"""timm's names, and eva_clip's, which are used here."""


def angles(side: int, head: int) -> torch.Tensor:
    """Rotary angles of side x side patches, (side * side, head): the first half of a head turns with the row."""
    frequencies = 10000.0 ** -(torch.arange(0, head // 2, 2, device="cpu").float() / (head // 2))
    positions = torch.arange(side, device="cpu") / side * TRAINED
    turns = torch.outer(positions, frequencies).repeat_interleave(2, dim=-1)
    row = turns[:, None, :].expand(side, side, -1)
    return torch.cat((row, row.transpose(0, 1)), dim=-1).flatten(0, 1)


def turned(part: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
    """`part` (B, heads, 1 + N, head) with every token but the first turned by `turn` (N, head)."""
    first, rest = part[:, :, :1], part[:, :, 1:]
    even, odd = rest.unflatten(-1, (-1, 2)).unbind(dim=-1)
    across = torch.stack((-odd, even), dim=-1).flatten(-2)
    return torch.cat((first, rest * turn.cos() + across * turn.sin()), dim=2).type_as(part)


class EvaAttention(nn.Module):
    """Self-attention with rotary positions and a norm before the way out; the keys have no bias."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.q_proj = nn.Linear(width, width, bias=False)
        self.k_proj = nn.Linear(width, width, bias=False)
        self.v_proj = nn.Linear(width, width, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(width))
        self.v_bias = nn.Parameter(torch.zeros(width))
        self.inner_attn_ln = nn.LayerNorm(width, eps=EPS)
        self.proj = nn.Linear(width, width)

    def forward(self, hidden: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
        """(B, 1 + N, width) from the like."""
        projected = self.q_proj(hidden) + self.q_bias, self.k_proj(hidden), self.v_proj(hidden) + self.v_bias
        query, key, value = (part.unflatten(-1, (-1, HEAD)).transpose(1, 2) for part in projected)
        seen = functional.scaled_dot_product_attention(turned(query, turn), turned(key, turn), value)
        return self.proj(self.inner_attn_ln(seen.transpose(1, 2).flatten(2)))


class SwiGlu(nn.Module):
    """A gated feed-forward with a norm before the way back."""

    def __init__(self, width: int, inside: int) -> None:
        super().__init__()
        self.w1 = nn.Linear(width, inside)
        self.w2 = nn.Linear(width, inside)
        self.ffn_ln = nn.LayerNorm(inside, eps=EPS)
        self.w3 = nn.Linear(inside, width)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(B, N, width) from the like."""
        return self.w3(self.ffn_ln(functional.silu(self.w1(hidden)) * self.w2(hidden)))


class EvaBlock(nn.Module):
    """One layer."""

    def __init__(self, width: int, inside: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=EPS)
        self.attn = EvaAttention(width)
        self.norm2 = nn.LayerNorm(width, eps=EPS)
        self.mlp = SwiGlu(width, inside)

    def forward(self, hidden: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
        """(B, 1 + N, width) from the like."""
        hidden = hidden + self.attn(self.norm1(hidden), turn)
        return hidden + self.mlp(self.norm2(hidden))


class Patches(nn.Module):
    """A picture cut into patches."""

    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, patch)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """(B, N, width) from (B, 3, S, S)."""
        return self.proj(picture).flatten(2).transpose(1, 2)


class Eva(nn.Module):
    """The vision tower. Full size: 336 px, patches of 14, width 1024, inside 2730, 24 blocks, 768 out.

    Args:
        side: Patches along a side.
        patch: Side of a patch, px.
        width: Of the features.
        inside: Of the feed-forwards.
        depth: Blocks.
        output: Width of the vector.
    """

    def __init__(self, side: int, patch: int, width: int, inside: int, depth: int, output: int) -> None:
        super().__init__()
        self.pixels, self.seen = side * patch, tuple(sorted({at * depth // FULL for at in SEEN}))
        self.patch_embed = Patches(width, patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, side * side + 1, width))
        self.blocks = nn.ModuleList([EvaBlock(width, inside) for _ in range(depth)])
        self.norm = nn.LayerNorm(width, eps=EPS)
        self.head = nn.Linear(width, output)
        self.turn = angles(side, HEAD)

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """What it sees.

        Args:
            picture: (B, 3, pixels, pixels), normed by `MEAN` and `STD`.

        Returns:
            The vector at length 1, (B, output); and five maps (B, 1 + N, width), early ones first.
        """
        turn = self.turn.to(picture.device)
        hidden = self.patch_embed(picture)
        hidden = torch.cat((self.cls_token.expand(len(hidden), -1, -1), hidden), dim=1) + self.pos_embed
        maps = []
        for index, block in enumerate(self.blocks):
            if index in self.seen:
                maps.append(hidden)
            hidden = block(hidden, turn)
        return functional.normalize(self.head(self.norm(hidden)[:, 0]), dim=-1), maps


def renamed(tensors: Tensors) -> dict[str, torch.Tensor]:
    """`tensors` under eva_clip's names, without text tower and stored angles, from either layout."""
    inner = below(tensors, "visual.trunk.") or below(tensors, "visual.") or dict(tensors)
    result = {}
    for key, value in inner.items():
        for old, new in NAMES:
            key = key.replace(old, new)  # noqa: PLW2901 - one name after the other
        if "rope" not in key:
            result[key] = value
    return result


def eva_of(tensors: Tensors, path: Path) -> Eva:
    """The tower that `tensors`, read from `path`, hold; its widths are those of the file.

    Raises:
        StudioError: A key is missing or of another shape.
    """
    inner = renamed(tensors)
    width, _, patch, _ = shape_of(inner, "patch_embed.proj.weight", path, 4)
    side = round((shape_of(inner, "pos_embed", path, 3)[1] - 1) ** 0.5)
    inside, _ = shape_of(inner, "blocks.0.mlp.w1.weight", path)
    output, _ = shape_of(inner, "head.weight", path)
    with torch.device("meta"):
        tower = Eva(side, patch, width, inside, count_of(inner, r"blocks\.(\d+)\."), output)
    fill(tower, inner, path)
    return tower
