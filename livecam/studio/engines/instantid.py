"""Identity on SDXL: InstantID, and IP-Adapter FaceID. Both are hung on a stock UNet, and leave no trace when taken off.

Published layouts: InstantID/InstantID (``ip-adapter``: ``image_proj.*``, a `Resampler`, and ``ip_adapter.N.to_k_ip``),
tencent-ailab/IP-Adapter (``ip_adapter_faceid.py``: ``image_proj.proj.*``, and a low-rank change of every attention). N
counts the UNet's attentions in diffusers' order; the odd ones look at the text.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from torch import nn
from torch.nn import functional

from livecam.errors import StudioError
from livecam.studio.engines.identity import LENGTH
from livecam.studio.engines.published import Tensors, below, fill, read, shape_of
from livecam.studio.engines.resampler import Resampler, resampler_of
from livecam.studio.engines.unet_hooks import LINEARS, Added, Look, attentions, linear_of
from livecam.studio.tensors import read_header
from livecam.studio.terms import Likeness

__all__ = [
    "FaceAdapter",
    "FaceProjection",
    "IdentityNet",
    "adapter_of",
    "empty_layers",
    "holds_attention",
    "resampler_from",
    "tokens_of",
]


class FaceProjection(nn.Module):
    """FaceID's way from a recogniser's vector to tokens: 512 -> 1024 -> 4 x 2048 on SDXL.

    Args:
        vector: Width of the recogniser's vector.
        inside: Width between.
        tokens: How many.
        width: Of a token.
    """

    def __init__(self, vector: int, inside: int, tokens: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Sequential(nn.Linear(vector, inside), nn.GELU(), nn.Linear(inside, tokens * width))
        self.norm = nn.LayerNorm(width)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """(B, tokens, width) from `vectors` (B, 1, vector)."""
        return self.norm(self.proj(vectors[:, 0]).unflatten(-1, (-1, self.norm.weight.shape[0])))


class _Low(nn.Module):
    """A change of a linear layer, of low rank."""

    def __init__(self, before: int, after: int, rank: int) -> None:
        super().__init__()
        self.down = nn.Linear(before, rank, bias=False)
        self.up = nn.Linear(rank, after, bias=False)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.up(self.down(hidden))


class _Layer(nn.Module):
    """What an adapter has for one attention, by its published names."""

    def __init__(self, attention: Attention, crossing: bool, rank: int) -> None:
        super().__init__()
        if rank:
            for name in LINEARS:
                linear = linear_of(attention, name)
                self.add_module(f"{name}_lora", _Low(linear.in_features, linear.out_features, rank))
        if crossing:
            self.to_k_ip = nn.Linear(attention.to_k.in_features, attention.to_k.out_features, bias=False)
            self.to_v_ip = nn.Linear(attention.to_v.in_features, attention.to_v.out_features, bias=False)


@dataclass(frozen=True, slots=True, eq=False)
class FaceAdapter:
    """What fills the slot ``tokens``.

    Attributes:
        projection: From the vector to tokens.
        layers: For each attention that it changes, by its number.
        rank: Of the change of every attention; 0 where there is none.
    """

    projection: Resampler | FaceProjection
    layers: nn.ModuleDict
    rank: int

    @property
    def low(self) -> nn.ModuleList:
        """What works within the UNet's pass, and so must lie where it lies; nothing for InstantID."""
        names = LINEARS if self.rank else ()
        return nn.ModuleList([getattr(layer, f"{name}_lora") for layer in self.layers.values() for name in names])

    def hang(
        self, unet: UNet2DConditionModel, tokens: torch.Tensor, scale: float, like: torch.Tensor
    ) -> Iterator[torch.utils.hooks.RemovableHandle]:
        """Hang it on `unet`; each handle takes one hook off.

        Args:
            unet: The one it was checked against.
            tokens: (B, T, width) f32, of `tokens_of`.
            scale: How much what is seen in them counts.
            like: Of its dtype and on its device they are.
        """
        places = attentions(unet)
        for number, layer in self.layers.items():
            attention = places[int(number)]
            for name in LINEARS if self.rank else ():
                # Before `see`, which is to see what the change makes of the queries.
                yield linear_of(attention, name).register_forward_hook(Added(getattr(layer, f"{name}_lora")))
            if hasattr(layer, "to_k_ip"):
                # The same for every step: worked out once, where the adapter's weights lie.
                key, value = (
                    functional.linear(tokens, linear.weight.float()).to(like.device, like.dtype)
                    for linear in (layer.to_k_ip, layer.to_v_ip)
                )
                look = Look(key, value, attention.heads, scale)
                yield attention.to_q.register_forward_hook(look.see)
                yield attention.to_out[0].register_forward_pre_hook(look.add)


@dataclass(frozen=True, slots=True, eq=False)
class IdentityNet:
    """InstantID's control network: it sees the five points, and the identity in place of text.

    Attributes:
        net: An SDXL ControlNet.
        resampler: Makes its 16 tokens.
    """

    net: ControlNetModel
    resampler: Resampler

    def hang(
        self, unet: UNet2DConditionModel, tokens: torch.Tensor, scale: float, picture: torch.Tensor
    ) -> Iterator[torch.utils.hooks.RemovableHandle]:
        """Hang it on `unet`; the handle takes it off.

        Args:
            unet: That its residuals are added in.
            tokens: (B, 16, width), of `tokens_of`.
            scale: How much the residuals count.
            picture: (1, 3, H, W) 0..1: the five points, on the device and in the dtype of `unet`.
        """

        def control(
            _unet: nn.Module, given: tuple[torch.Tensor, ...], named: dict[str, object]
        ) -> tuple[tuple[torch.Tensor, ...], dict[str, object]]:
            sample, time = given
            down, middle = self.net(
                # A base made for inpainting sees the mask and the masked picture behind the first four channels.
                sample[:, : self.net.config.in_channels],
                time,
                encoder_hidden_states=tokens.to(sample.device, sample.dtype),
                controlnet_cond=picture.expand(sample.shape[0], -1, -1, -1),
                conditioning_scale=scale,
                added_cond_kwargs=named["added_cond_kwargs"],
                return_dict=False,
            )
            return given, {**named, "down_block_additional_residuals": down, "mid_block_additional_residual": middle}

        yield unet.register_forward_pre_hook(control, with_kwargs=True)


def tokens_of(projection: Resampler | FaceProjection, likeness: Likeness) -> torch.Tensor:
    """(2, T, width) f32: what stands for nobody, and for the middle of all `likeness.vectors`.

    InstantID takes the vector as its recogniser gives it, about ``sqrt(512)`` long; FaceID takes it at length 1.
    """
    middle = torch.from_numpy(likeness.vectors).mean(dim=0)
    middle = functional.normalize(middle, dim=0) * (LENGTH if isinstance(projection, Resampler) else 1.0)
    with torch.no_grad():
        return projection(torch.stack((torch.zeros_like(middle), middle))[:, None])


def adapter_of(path: Path, unet: UNet2DConditionModel) -> FaceAdapter:
    """The adapter in `path`, InstantID's or FaceID, checked against `unet`.

    Raises:
        StudioError: It is neither, or a key is missing, left over, or of another shape.
    """
    tensors = read(path)
    projection = _projection(tensors, path)
    width, wanted = projection_width(projection), unet.config.cross_attention_dim
    if width != wanted:
        raise StudioError(f"{path} makes tokens of width {width}; this base takes {wanted}.", "It is for another base.")
    inner = below(tensors, "ip_adapter.")
    rank = shape_of(inner, "0.to_q_lora.down.weight", path)[0] if "0.to_q_lora.down.weight" in inner else 0
    empty = empty_layers(unet, rank)
    fill(empty, inner, path)
    return FaceAdapter(projection, empty, rank)


def empty_layers(unet: UNet2DConditionModel, rank: int) -> nn.ModuleDict:
    """What an adapter has for `unet`, by the published names, on the meta device.

    Args:
        unet: Says the widths.
        rank: Of the change of every attention; 0 for none.
    """
    with torch.device("meta"):
        layers = {
            str(number): _Layer(attention, number % 2 == 1, rank)
            for number, attention in enumerate(attentions(unet))
            if rank or number % 2 == 1
        }
        return nn.ModuleDict(layers)


def holds_attention(path: Path) -> bool:
    """Whether the file `path` has keys and values for a UNet's attention, and not a resampler alone."""
    return any(key.startswith("ip_adapter.") for key in read_header(path).tensors)


def resampler_from(path: Path) -> Resampler:
    """InstantID's resampler alone, from its ``ip-adapter`` file or from a file that holds nothing else.

    Raises:
        StudioError: `path` does not hold it.
    """
    tensors = read(path)
    return resampler_of(below(tensors, "image_proj.") or tensors, path).float()


def projection_width(projection: Resampler | FaceProjection) -> int:
    """Width of the tokens it makes."""
    norm = projection.norm_out if isinstance(projection, Resampler) else projection.norm
    return int(norm.weight.shape[0])


def _projection(tensors: Tensors, path: Path) -> Resampler | FaceProjection:
    inner = below(tensors, "image_proj.")
    if "latents" in inner:
        return resampler_of(inner, path).float()
    if any(key.startswith("perceiver_resampler.") for key in inner):
        raise StudioError(
            f"{path} is a FaceID Plus adapter, which looks at photos with CLIP-H besides; livecam supports none.",
            "Use InstantID's ip-adapter, or ip-adapter-faceid_sdxl.",
        )
    inside, vector = shape_of(inner, "proj.0.weight", path)
    out, width = shape_of(inner, "proj.2.weight", path)[0], shape_of(inner, "norm.weight", path, 1)[0]
    with torch.device("meta"):
        empty = FaceProjection(vector, inside, out // width, width)
    fill(empty, inner, path)
    return empty.float()
