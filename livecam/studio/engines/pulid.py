"""PuLID for FLUX.1: an identity read by two recognisers enters the transformer between its blocks.

The published file is ``pulid_flux_v0.9.x.safetensors`` (guozinan/PuLID, Apache-2.0) with the keys ``pulid_encoder.*``
(the identity encoder, 0.15 B) and ``pulid_ca.N.*`` (20 cross-attentions, 0.42 B); sources: ToTheBeginning/PuLID,
pulid/encoders_transformer.py, pulid/pipeline_flux.py and flux/model.py.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from livecam.errors import StudioError
from livecam.studio.engines.perceiver import HEAD, CrossAttention, layer, through
from livecam.studio.engines.published import Tensors, below, count_of, fill, shape_of

SCALES = 5
"""Of EVA's features, each looked at by a fifth of the layers."""

CROSS_HEAD = 128
"""Width of a head in the cross-attentions; the file does not tell it."""

EVERY_DOUBLE, EVERY_SINGLE = 2, 4
"""After which blocks of the transformer the identity is added: the first, and every so many after it."""


def mapping(before: int, inside: int, after: int) -> nn.Sequential:
    """Three linear layers with norms and leaky rectifiers between them."""
    return nn.Sequential(
        nn.Linear(before, inside),
        nn.LayerNorm(inside),
        nn.LeakyReLU(),
        nn.Linear(inside, inside),
        nn.LayerNorm(inside),
        nn.LeakyReLU(),
        nn.Linear(inside, after),
    )


class IDFormer(nn.Module):
    """The identity encoder. Full size: 1280 -> 5 tokens; 32 queries, width 1024, depth 10, output 2048.

    Args:
        vector: Width of the face recogniser's vector and EVA's together.
        eyes: Width of EVA's features.
        width: Inside.
        depth: Layers; a multiple of `SCALES`.
        heads: Of each layer's attention.
        queries: Tokens that come out.
        output: Width of a token.
        own: Tokens that the vector itself becomes.
    """

    def __init__(
        self, vector: int, eyes: int, width: int, depth: int, heads: int, queries: int, output: int, own: int = 5
    ) -> None:
        super().__init__()
        self.queries, self.own, self.each = queries, own, depth // SCALES
        self.latents = nn.Parameter(torch.randn(1, queries, width) * width**-0.5)
        self.proj_out = nn.Parameter(torch.randn(width, output) * width**-0.5)
        self.layers = nn.ModuleList([layer(width, heads) for _ in range(depth)])
        for index in range(SCALES):
            self.add_module(f"mapping_{index}", mapping(eyes, eyes, width))
        self.id_embedding_mapping = mapping(vector, eyes, width * own)

    def forward(self, vector: torch.Tensor, seen: Sequence[torch.Tensor]) -> torch.Tensor:
        """Identity tokens.

        Args:
            vector: (B, vector): the face recogniser's and EVA's.
            seen: `SCALES` x (B, N, eyes): EVA's features, early ones first.

        Returns:
            (B, queries, output).
        """
        own = self.id_embedding_mapping(vector).unflatten(-1, (self.own, -1))
        latents = torch.cat((self.latents.repeat(vector.shape[0], 1, 1), own), dim=1)
        for index, features in enumerate(seen):
            mapped = self.get_submodule(f"mapping_{index}")(features)
            layers = self.layers[index * self.each : (index + 1) * self.each]
            latents = through(layers, torch.cat((own, mapped), dim=1), latents)
        return latents[:, : self.queries] @ self.proj_out


class Pulid(nn.Module):
    """Both parts, under the published names.

    Args:
        encoder: Makes the identity tokens.
        cross: One attention for each place in the transformer, double blocks first.
    """

    def __init__(self, encoder: IDFormer, cross: Sequence[CrossAttention]) -> None:
        super().__init__()
        self.pulid_encoder = encoder
        self.pulid_ca = nn.ModuleList(cross)


def places(double: int, single: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """After which double and single blocks of a transformer identity is added: 10 and 10 in FLUX.1 (19 and 38)."""
    return tuple(range(0, double, EVERY_DOUBLE)), tuple(range(0, single, EVERY_SINGLE))


def empty_pulid(tensors: Tensors, path: Path) -> Pulid:
    """The network that `tensors`, read from `path`, would fill, on the meta device.

    Raises:
        StudioError: A key that tells a width is missing or of another shape.
    """
    encoder = below(tensors, "pulid_encoder.")
    width, output = shape_of(encoder, "proj_out", path)
    queries = shape_of(encoder, "latents", path, 3)[1]
    inside, vector = shape_of(encoder, "id_embedding_mapping.0.weight", path)
    own = shape_of(encoder, "id_embedding_mapping.6.weight", path)[0] // width
    heads = shape_of(encoder, "layers.0.0.to_q.weight", path)[0] // HEAD
    across, hidden = shape_of(tensors, "pulid_ca.0.to_q.weight", path)
    depth, count = count_of(encoder, r"layers\.(\d+)\."), count_of(tensors, r"pulid_ca\.(\d+)\.")
    with torch.device("meta"):
        former = IDFormer(vector, inside, width, depth, heads, queries, output, own)
        cross = [CrossAttention(hidden, output, across // CROSS_HEAD, CROSS_HEAD) for _ in range(count)]
        return Pulid(former, cross)


def pulid_of(tensors: Tensors, path: Path, hidden: int, double: int, single: int) -> Pulid:
    """PuLID as `path` holds it, checked against the transformer it is for.

    Args:
        tensors: Read from `path`.
        path: Named in errors.
        hidden: Width of the transformer.
        double: How many double blocks it has.
        single: How many single blocks.

    Raises:
        StudioError: A key is missing or of another shape, or the file is for another transformer.
    """
    pulid = empty_pulid(tensors, path)
    fill(pulid, tensors, path)
    needed = sum(len(part) for part in places(double, single))
    found = (pulid.pulid_ca[0].to_q.in_features, len(pulid.pulid_ca))
    if found != (hidden, needed):
        raise StudioError(
            f"{path} is for another base: {found[1]} attentions of width {found[0]}, where {needed} of {hidden} fit.",
            "PuLID-FLUX v0.9.0 and v0.9.1 are for FLUX.1.",
        )
    return pulid
