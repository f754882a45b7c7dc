"""FLUX.2 [klein] at a width that a test runs in a blink: random weights, in the layout of the real folder."""

from pathlib import Path
from typing import Final

import torch
from diffusers import (
    AutoencoderKLFlux2,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinInpaintPipeline,
    Flux2Transformer2DModel,
)
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from livecam.studio.engines.published import write

__all__ = ["write_tiny", "write_words"]

_LOUDER: Final = 2.0
_WIDTH: Final = 8
"""Of the text encoder; the transformer sees three of its layers side by side."""


def write_tiny(folder: Path, seed: int = 0, encoder: bool = False) -> Path:
    """Write a base with random weights into `folder`.

    Args:
        folder: New or empty.
        seed: Of the weights.
        encoder: Whether it has a text encoder.

    Returns:
        `folder`.
    """
    torch.manual_seed(seed)
    pipeline = Flux2KleinInpaintPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0),
        vae=AutoencoderKLFlux2(
            block_out_channels=(8, 8, 8),
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            layers_per_block=1,
            norm_num_groups=4,
            latent_channels=4,
        ),
        text_encoder=_encoder() if encoder else None,
        tokenizer=_tokenizer() if encoder else None,
        transformer=Flux2Transformer2DModel(
            in_channels=16,
            num_layers=2,
            num_single_layers=2,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=3 * _WIDTH,
            timestep_guidance_channels=16,
            axes_dims_rope=(4, 4, 4, 4),
            guidance_embeds=False,
        ),
        is_distilled=True,
    )
    with torch.no_grad():
        for weight in pipeline.transformer.parameters():
            # As a network is initialised, references hardly count; so that they can be seen to, all is louder.
            weight.mul_(_LOUDER)
    pipeline.save_pretrained(folder)
    return folder


def write_words(path: Path, *texts: str, seed: int = 0) -> Path:
    """Put something for `texts` into the file `path`, in place of what a text encoder would see in them."""
    noise = torch.Generator().manual_seed(seed)
    write(path, {text: torch.randn(1, 12, 3 * _WIDTH, generator=noise) for text in texts})
    return path


def _encoder() -> Qwen3ForCausalLM:
    # The pipeline looks at layers 9, 18 and 27, so there must be as many.
    return Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=64,
            hidden_size=_WIDTH,
            intermediate_size=_WIDTH,
            num_hidden_layers=28,
            num_attention_heads=1,
            num_key_value_heads=1,
            head_dim=_WIDTH,
        )
    )


def _tokenizer() -> PreTrainedTokenizerFast:
    words = ("<unk>", "<pad>", "the", "of", "face", "person", "image", "light", ".", ",")
    plain = Tokenizer(WordLevel({word: index for index, word in enumerate(words)}, unk_token="<unk>"))
    plain.pre_tokenizer = Whitespace()
    made = PreTrainedTokenizerFast(tokenizer_object=plain, unk_token="<unk>", pad_token="<pad>")
    made.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    return made
