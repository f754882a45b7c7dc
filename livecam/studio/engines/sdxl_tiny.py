"""SDXL, InstantID and FaceID at a width that a test runs in a blink: random weights, in the published layouts."""

from pathlib import Path
from typing import Final

import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    EulerDiscreteScheduler,
    StableDiffusionXLInpaintPipeline,
    UNet2DConditionModel,
)
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, PreTrainedTokenizerFast

from livecam.studio.engines.instantid import FaceProjection, empty_layers
from livecam.studio.engines.published import write
from livecam.studio.engines.resampler import Resampler
from livecam.studio.engines.unet_hooks import attentions
from livecam.studio.terms import Slot, Weights

__all__ = ["word_tokenizer", "write_tiny"]

_TEXT: Final = 16
"""Width of each of the two text encoders; the UNet sees them side by side."""

_LOUD: Final = 0.2
"""Standard deviation of the adapters' weights: enough that another identity is seen in the picture."""


def write_tiny(folder: Path, face: str = "instantid", seed: int = 0) -> Weights:
    """Write base, IdentityNet, InstantID's ip-adapter and FaceID with random weights into `folder`.

    Args:
        folder: New or empty.
        face: ``instantid`` or ``faceid``: what fills the slot ``tokens``.
        seed: Of the weights.

    Returns:
        All of it, with the ip-adapter as the extra ``resampler``.
    """
    torch.manual_seed(seed)
    unet = _unet()
    _pipeline(unet).save_pretrained(folder / "base")
    net = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 8, 8))
    _loud(net, _LOUD / 2)
    _loud(net.controlnet_cond_embedding, 2 * _LOUD)
    for attention in attentions(net):
        _loud(attention, 3 * _LOUD)
    net.save_pretrained(folder / "identity-net")
    width = 2 * _TEXT
    _write_adapter(folder / "instantid.safetensors", Resampler(512, 16, width, 64, 2, 1), unet, rank=0)
    _write_adapter(folder / "faceid.safetensors", FaceProjection(512, 64, 4, width), unet, rank=2)
    return Weights(
        folder / "base",
        {Slot.TOKENS: folder / f"{face}.safetensors", Slot.LANDMARKS: folder / "identity-net"},
        {"resampler": folder / "instantid.safetensors"},
    )


def _write_adapter(path: Path, projection: nn.Module, unet: UNet2DConditionModel, rank: int) -> None:
    layers = empty_layers(unet, rank).to_empty(device="cpu")
    _loud(projection, _LOUD)
    _loud(layers, _LOUD)
    parts = {"image_proj": projection, "ip_adapter": layers}
    write(path, {f"{name}.{key}": value for name, part in parts.items() for key, value in part.state_dict().items()})


def _loud(network: nn.Module, spread: float) -> None:
    for weight in (weight for weight in network.parameters() if weight.ndim > 1):
        nn.init.normal_(weight, std=spread)


def _unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        in_channels=4,
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(8, 16),
        layers_per_block=1,
        transformer_layers_per_block=(1, 2),
        attention_head_dim=(1, 2),
        norm_num_groups=4,
        cross_attention_dim=2 * _TEXT,
        addition_embed_type="text_time",
        addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=6 * 4 + _TEXT,
        use_linear_projection=True,
        sample_size=16,
    )


def _pipeline(unet: UNet2DConditionModel) -> StableDiffusionXLInpaintPipeline:
    words = ("<pad>", "</s>", "<unk>", "a", "of", "person", "face", "light", "photograph", "drawing", ",")
    config = CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=_TEXT,
        intermediate_size=_TEXT,
        projection_dim=_TEXT,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=48,
        bos_token_id=1,
        eos_token_id=1,
    )
    return StableDiffusionXLInpaintPipeline(
        vae=AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            block_out_channels=(8, 8, 8),
            layers_per_block=1,
            latent_channels=4,
            norm_num_groups=4,
        ),
        text_encoder=CLIPTextModel(config),
        text_encoder_2=CLIPTextModelWithProjection(config),
        tokenizer=word_tokenizer(words, 48),
        tokenizer_2=word_tokenizer(words, 48),
        unet=unet,
        scheduler=EulerDiscreteScheduler(),
        add_watermarker=False,
    )


def word_tokenizer(words: tuple[str, ...], length: int) -> PreTrainedTokenizerFast:
    """One number for each of `words`, which begin with ``<pad>``, ``</s>``, ``<unk>``; at most `length` in a text."""
    plain = Tokenizer(WordLevel({word: index for index, word in enumerate(words)}, unk_token="<unk>"))
    plain.pre_tokenizer = Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=plain, model_max_length=length, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
