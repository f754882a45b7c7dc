"""The studio's models at their published sizes, with random weights: as slow and as large as the real ones."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLFlux2,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinInpaintPipeline,
    Flux2Transformer2DModel,
    FluxControlNetModel,
    FluxInpaintPipeline,
    FluxTransformer2DModel,
)
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

from livecam.studio.backends import caps_of
from livecam.studio.engines.adapters import Adapters
from livecam.studio.engines.eva import Eva
from livecam.studio.engines.flux1 import FluxBackend
from livecam.studio.engines.klein import DRAW, INPAINT, Klein
from livecam.studio.engines.perceiver import CrossAttention
from livecam.studio.engines.placing import place
from livecam.studio.engines.published import write
from livecam.studio.engines.pulid import CROSS_HEAD, IDFormer, Pulid
from livecam.studio.engines.recogniser import IrSe
from livecam.studio.engines.resampler import Resampler
from livecam.studio.engines.sdxl_tiny import word_tokenizer
from livecam.studio.engines.tokens import FaceTokens
from livecam.studio.engines.words import Words
from livecam.studio.terms import Device

KLEIN: Final = {
    "num_layers": 5,
    "num_single_layers": 20,
    "num_attention_heads": 24,
    "joint_attention_dim": 7680,
    "guidance_embeds": False,
}
"""black-forest-labs/FLUX.2-klein-4B, transformer/config.json, as far as it differs from diffusers' defaults."""

TEXT: Final = 512
"""Tokens of text that both bases are given."""

_CODEC: Final = {
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "latent_channels": 16,
    "use_quant_conv": False,
    "use_post_quant_conv": False,
    "scaling_factor": 0.3611,
    "shift_factor": 0.1159,
}
"""black-forest-labs/FLUX.1-dev, vae/config.json."""


@contextmanager
def made_on(device: str, dtype: torch.dtype) -> Iterator[None]:
    """Networks that are made in it lie on `device`, which ``meta`` may be, and calculate in `dtype`."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            yield
    finally:
        torch.set_default_dtype(before)


def parameters(*networks: nn.Module) -> int:
    """How many numbers they hold."""
    return sum(weight.numel() for network in networks for weight in network.parameters())


def klein_networks() -> tuple[Flux2Transformer2DModel, AutoencoderKLFlux2]:
    """Of FLUX.2 [klein] 4B, without its text encoder, which is out of memory while a picture is made."""
    return Flux2Transformer2DModel(**KLEIN), AutoencoderKLFlux2()


def klein_backend(device: Device, folder: Path) -> Klein:
    """The backend ``klein4b``; writes what stands for its words into `folder`."""
    with made_on(device.name, torch.bfloat16):
        transformer, vae = klein_networks()
    scheduler = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0)
    pipeline = Flux2KleinInpaintPipeline(scheduler, vae, None, None, transformer, is_distilled=True)
    pipeline.set_progress_bar_config(disable=True)
    place(pipeline, device)
    kept = folder / "words.safetensors"
    write(kept, {text: torch.randn(1, TEXT, KLEIN["joint_attention_dim"]) for text in (INPAINT, DRAW)})
    return Klein(pipeline, Words(folder, kept, device), device)


def flux_networks() -> dict[str, nn.Module]:
    """Of FLUX.1 [dev]: the base's four, by their names in the pipeline."""
    return {
        "transformer": FluxTransformer2DModel(guidance_embeds=True),
        "vae": AutoencoderKL(**_CODEC),
        "text_encoder": CLIPTextModel(CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_attention_heads=12)),
        "text_encoder_2": T5EncoderModel(
            T5Config(d_model=4096, d_kv=64, d_ff=10240, num_layers=24, num_heads=64, feed_forward_proj="gated-gelu")
        ),
    }


def flux_adapters() -> Adapters:
    """PuLID with its eyes, InfiniteYou, and an IP-Adapter that takes a recogniser's vector."""
    return Adapters(
        tokens=FaceTokens(512, 4 * 4096, 3072, 19),
        pulid=Pulid(
            IDFormer(1280, 1024, 1024, 10, 16, 32, 2048),
            [CrossAttention(3072, 2048, 2048 // CROSS_HEAD, CROSS_HEAD) for _ in range(20)],
        ),
        eva=Eva(24, 14, 1024, 2730, 24, 768),
        control=FluxControlNetModel(num_layers=4, num_single_layers=10, guidance_embeds=True),
        resampler=Resampler(512, 8, 4096, 1280, 4, 20),
        arcface=IrSe(64, [64] * 3 + [128] * 4 + [256] * 14 + [512] * 3, 512),
    )


def flux_backend(device: Device, adapters: bool) -> FluxBackend:
    """The backend ``flux1``, with all its adapters or with none."""
    with made_on(device.name, torch.bfloat16):
        networks = flux_networks()
        own = flux_adapters() if adapters else Adapters()
    words = ("<pad>", "</s>", "<unk>", "a", "photo", "of", "person")
    pipeline = FluxInpaintPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0),
        tokenizer=word_tokenizer(words, 77),
        tokenizer_2=word_tokenizer(words, TEXT),
        **networks,
    )
    return FluxBackend(pipeline, own, caps_of("flux1"), device)
