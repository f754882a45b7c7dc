"""The three adapters of a FLUX.1 base, loaded from their published files and checked against the base."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import torch
from diffusers import FluxControlNetModel
from torch import nn
from transformers import CLIPVisionModelWithProjection

from livecam.errors import StudioError
from livecam.studio.engines.bases import load_network
from livecam.studio.engines.eva import Eva, eva_of
from livecam.studio.engines.placing import dtype_of
from livecam.studio.engines.published import read
from livecam.studio.engines.pulid import Pulid, pulid_of
from livecam.studio.engines.recogniser import IrSe, recogniser_of
from livecam.studio.engines.resampler import Resampler, resampler_of
from livecam.studio.engines.tokens import FaceTokens, tokens_of
from livecam.studio.terms import Device, Slot, Weights

T = TypeVar("T")

EVA, RESAMPLER, CLIP, ARCFACE = "eva", "resampler", "clip", "arcface"
"""What an adapter needs besides its own file, by the names in `Weights.extras`."""

PUBLIC: Final[Mapping[Slot, str]] = {
    Slot.TOKENS: "XLabs-AI/flux-ip-adapter (FLUX.1 [dev] non-commercial; looks at a photo with CLIP-L, not at a face "
    "recogniser's vector; nobody has published one for FLUX.1 that does)",
    Slot.ATTENTION: "PuLID-FLUX v0.9.1 (guozinan/PuLID, Apache-2.0), with EVA02-CLIP-L/14-336 as its eyes",
    Slot.LANDMARKS: "InfiniteYou v1.0 (ByteDance/InfiniteYou, CC BY-NC 4.0): InfuseNetModel with its image projection "
    "and facexlib's ArcFace",
}
"""What there is for a FLUX.1 base."""


@dataclass(frozen=True, slots=True, eq=False)
class Adapters:
    """Whatever is loaded; a slot whose parts are None is empty.

    Attributes:
        tokens: IP-Adapter.
        clip: Its eyes, where it looks at a photo.
        pulid: PuLID.
        eva: Its eyes.
        control: InfiniteYou's control network.
        resampler: Its face tokens.
        arcface: Its recogniser; the vectors of another one are strangers to it. None where they are given all the same.
    """

    tokens: FaceTokens | None = None
    clip: CLIPVisionModelWithProjection | None = None
    pulid: Pulid | None = None
    eva: Eva | None = None
    control: FluxControlNetModel | None = None
    resampler: Resampler | None = None
    arcface: IrSe | None = None

    def slots(self) -> frozenset[Slot]:
        """Which slots are filled."""
        filled = {Slot.TOKENS: self.tokens, Slot.ATTENTION: self.pulid, Slot.LANDMARKS: self.control}
        return frozenset(slot for slot, part in filled.items() if part is not None)

    def states(self) -> dict[str, dict[str, torch.Tensor]]:
        """The weights of each part that is one file, by its name here."""
        one = {"tokens": self.tokens, "pulid": self.pulid, EVA: self.eva, RESAMPLER: self.resampler}
        files = one | {ARCFACE: self.arcface}
        return {name: part.state_dict() for name, part in files.items() if part is not None}

    def parts(self) -> Iterator[nn.Module]:
        """Every network that is called by itself: to be placed one by one."""
        if self.tokens is not None:
            yield from (self.tokens.image_proj, *self.tokens.ip_adapter)
        if self.pulid is not None:
            yield from (self.pulid.pulid_encoder, *self.pulid.pulid_ca)
        yield from (
            part for part in (self.clip, self.eva, self.control, self.resampler, self.arcface) if part is not None
        )


def wanted(part: T | None, slot: Slot, base: str) -> T:
    """`part`, or a sentence saying what the empty `slot` could be filled with.

    Raises:
        StudioError: It is None.
    """
    if part is None:
        raise StudioError(
            f"The slot {slot.value!r} of {base} is asked for, but no adapter is registered for it.",
            f"There is {PUBLIC[slot]}. Register it, or set its scale to 0.",
        )
    return part


def load_adapters(weights: Weights, transformer: nn.Module, device: Device) -> Adapters:
    """Whatever `weights` names, on the CPU, in evaluation mode, checked against `transformer`.

    Raises:
        StudioError: A file does not hold what it should, or an extra is missing.
    """
    tokens, clip = _tokens(weights, transformer, device)
    pulid, eva = _pulid(weights, transformer)
    control, resampler, arcface = _landmarks(weights, transformer, device)
    for part in (tokens, pulid, eva, resampler, arcface):
        if part is not None:
            part.to(dtype_of(device))
    return Adapters(tokens, clip, pulid, eva, control, resampler, arcface)


def _tokens(
    weights: Weights, transformer: nn.Module, device: Device
) -> tuple[FaceTokens | None, CLIPVisionModelWithProjection | None]:
    path = weights.adapters.get(Slot.TOKENS)
    if path is None:
        return None, None
    sizes = transformer.inner_dim, transformer.config.joint_attention_dim, transformer.config.num_layers
    tokens = tokens_of(read(path), path, *sizes)
    if tokens.vector == VECTOR:
        return tokens, None
    clip = load_network(CLIPVisionModelWithProjection, _extra(weights, CLIP, path), device)
    found = clip.config.projection_dim
    if found != tokens.vector:
        raise StudioError(
            f"{path} takes vectors of {tokens.vector} numbers; {weights.extras[CLIP]} makes {found}.",
            "XLabs' adapters need CLIP ViT-L/14.",
        )
    return tokens, clip


VECTOR: Final = 512
"""Width of a face recogniser's vector."""


def _pulid(weights: Weights, transformer: nn.Module) -> tuple[Pulid | None, Eva | None]:
    path = weights.adapters.get(Slot.ATTENTION)
    if path is None:
        return None, None
    eyes = _extra(weights, EVA, path)
    config = transformer.config
    pulid = pulid_of(read(path), path, transformer.inner_dim, config.num_layers, config.num_single_layers)
    eva = eva_of(read(eyes), eyes)
    takes, gets = pulid.pulid_encoder.id_embedding_mapping[0].in_features, VECTOR + eva.head.out_features
    if takes != gets:
        raise StudioError(f"{path} takes {takes} numbers of a face; a recogniser's and {eyes}'s are {gets} together.")
    return pulid, eva


def _landmarks(
    weights: Weights, transformer: nn.Module, device: Device
) -> tuple[FluxControlNetModel | None, Resampler | None, IrSe | None]:
    path = weights.adapters.get(Slot.LANDMARKS)
    if path is None:
        return None, None, None
    projection, eyes = _extra(weights, RESAMPLER, path), _extra(weights, ARCFACE, path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # diffusers' control network uses what diffusers will drop
        control = load_network(FluxControlNetModel, path, device)
    resampler, arcface = resampler_of(read(projection), projection), recogniser_of(read(eyes), eyes)
    for name in ("in_channels", "num_attention_heads", "attention_head_dim", "pooled_projection_dim"):
        found, should = getattr(control.config, name), getattr(transformer.config, name)
        if found != should:
            raise StudioError(f"{path} is for another base: its {name} is {found}, the base's {should}.")
    if resampler.proj_out.out_features != control.config.joint_attention_dim:
        raise StudioError(f"{projection} makes tokens of another width than {path} takes.")
    if resampler.proj_in.in_features != arcface.output_layer[3].out_features:
        raise StudioError(f"{projection} takes vectors of another width than {eyes} makes.")
    return control, resampler, arcface


def _extra(weights: Weights, name: str, path: Path) -> Path:
    if name not in weights.extras:
        raise StudioError(f"{path} cannot be used without {name!r}, which is not registered.", "Register it too.")
    return weights.extras[name]
