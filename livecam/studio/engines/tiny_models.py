"""A FLUX.1 in miniature with all three adapters, made in memory from a fixed seed: the form without the knowledge."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import torch
from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    FluxControlNetModel,
    FluxInpaintPipeline,
    FluxTransformer2DModel,
)
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, PreTrainedTokenizerFast, T5Config, T5EncoderModel

from livecam.studio.engines.adapters import ARCFACE, EVA, RESAMPLER, VECTOR, Adapters
from livecam.studio.engines.eva import Eva
from livecam.studio.engines.perceiver import CrossAttention
from livecam.studio.engines.published import write
from livecam.studio.engines.pulid import CROSS_HEAD, IDFormer, Pulid, places
from livecam.studio.engines.recogniser import IrSe
from livecam.studio.engines.resampler import Resampler
from livecam.studio.engines.tokens import FaceTokens, as_xlabs
from livecam.studio.terms import Slot, Weights

SEED: Final = 20240801
"""Every weight comes from it, so that every process draws the same picture."""

WIDTH: Final = 32
DOUBLE, SINGLE = 3, 5
WORDS: Final = (
    "<pad>",
    "</s>",
    "<unk>",
    "a",
    "photo",
    "of",
    "person",
    "face",
    "light",
    "soft",
    "hard",
    "left",
    "right",
)
LOUD: Final = 0.15
"""Standard deviation of the adapters' weights: enough that another identity is seen in the picture."""

T = TypeVar("T", bound=nn.Module)


def _seeded(make: Callable[[], T], order: int, spread: float | None = None) -> T:
    """What `make` makes, with weights of its own that do not depend on what else was made or drawn."""
    with torch.random.fork_rng(devices=()), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # diffusers' control network uses what diffusers will drop
        torch.manual_seed(SEED + order)
        made = make()
        for name, weight in made.named_parameters() if spread is not None else ():
            if weight.ndim > 1 and "norm" not in name:
                nn.init.normal_(weight, std=spread)
    return made.eval().requires_grad_(requires_grad=False)


def _tokenizer() -> PreTrainedTokenizerFast:
    """One number for each of a few words."""
    words = Tokenizer(WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = Whitespace()
    names = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_object=words, model_max_length=32, **names)


def _text() -> CLIPTextModel:
    sizes = {"hidden_size": WIDTH, "intermediate_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 2}
    return CLIPTextModel(
        CLIPTextConfig(vocab_size=len(WORDS), max_position_embeddings=32, bos_token_id=1, eos_token_id=1, **sizes)
    )


def _sentences() -> T5EncoderModel:
    sizes = {"d_model": WIDTH, "d_kv": 16, "d_ff": WIDTH, "num_layers": 2, "num_heads": 2}
    return T5EncoderModel(T5Config(vocab_size=len(WORDS), **sizes))


def _codec() -> AutoencoderKL:
    """8 px a latent, as in FLUX.1's own but for its four levels: 3 levels halve twice, so 4 px."""
    down, up = ("DownEncoderBlock2D",) * 3, ("UpDecoderBlock2D",) * 3
    return AutoencoderKL(
        down_block_types=down,
        up_block_types=up,
        block_out_channels=(8, 8, 8),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
        use_quant_conv=False,
        use_post_quant_conv=False,
        scaling_factor=0.3611,
        shift_factor=0.1159,
    )


FORM: Final = {
    "in_channels": 16,
    "attention_head_dim": 16,
    "num_attention_heads": 2,
    "joint_attention_dim": WIDTH,
    "pooled_projection_dim": WIDTH,
    "axes_dims_rope": (4, 4, 8),
}


def tiny_transformer() -> FluxTransformer2DModel:
    """The base's transformer: 3 double and 5 single blocks, 2 heads x 16."""

    def make() -> FluxTransformer2DModel:
        return FluxTransformer2DModel(num_layers=DOUBLE, num_single_layers=SINGLE, guidance_embeds=True, **FORM)

    return _seeded(make, 3)


def tiny_pipeline() -> FluxInpaintPipeline:
    """The base."""
    return FluxInpaintPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
        vae=_seeded(_codec, 0),
        text_encoder=_seeded(_text, 1),
        tokenizer=_tokenizer(),
        text_encoder_2=_seeded(_sentences, 2),
        tokenizer_2=_tokenizer(),
        transformer=tiny_transformer(),
    )


def tiny_control() -> FluxControlNetModel:
    """InfiniteYou's control network: 1 double and 2 single blocks."""
    return _seeded(lambda: FluxControlNetModel(num_layers=1, num_single_layers=2, **FORM), 7, LOUD)


def tiny_adapters() -> Adapters:
    """All three, for `tiny_pipeline`."""
    count = sum(len(part) for part in places(DOUBLE, SINGLE))
    eyes, seen = 64, 32
    return Adapters(
        tokens=_seeded(lambda: FaceTokens(VECTOR, 4 * WIDTH, WIDTH, DOUBLE), 4, LOUD),
        pulid=_seeded(
            lambda: Pulid(
                IDFormer(VECTOR + seen, eyes, WIDTH, 5, 1, 8, WIDTH),
                [CrossAttention(WIDTH, WIDTH, 1, CROSS_HEAD) for _ in range(count)],
            ),
            5,
            LOUD,
        ),
        eva=_seeded(lambda: Eva(4, 14, eyes, 48, 6, seen), 6, LOUD),
        control=tiny_control(),
        resampler=_seeded(lambda: Resampler(VECTOR, 8, WIDTH, WIDTH, 2, 1), 8, LOUD),
        arcface=_seeded(lambda: IrSe(16, (16, 32, 48, 64, 80, 96), VECTOR), 9, LOUD),
    )


def save(folder: Path) -> Weights:
    """Write the tiny models into `folder` as the published ones lie: what `livecam.studio.engines.flux1` can load."""
    names = ("tokens", "pulid", EVA, RESAMPLER, ARCFACE)
    at, held = {name: folder / f"{name}.safetensors" for name in names}, tiny_adapters().states()
    tiny_pipeline().save_pretrained(folder / "base")
    tiny_control().save_pretrained(folder / "control")
    write(at["tokens"], as_xlabs(held["tokens"]))
    write(at["pulid"], held["pulid"])
    write(at[EVA], {f"visual.{key}": value for key, value in held[EVA].items()})
    write(at[RESAMPLER], {f"image_proj.{key}": value for key, value in held[RESAMPLER].items()})
    write(at[ARCFACE], held[ARCFACE])
    files = {Slot.TOKENS: at["tokens"], Slot.ATTENTION: at["pulid"], Slot.LANDMARKS: folder / "control"}
    return Weights(folder / "base", files, {name: at[name] for name in (EVA, RESAMPLER, ARCFACE)})
